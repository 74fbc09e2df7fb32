//! A temporary folder, removed with what is in it.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// A folder of this program's own.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes one; its name begins with this.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        // Watchers tell real paths, without symbolic links.
        let path = env::temp_dir().canonicalize()?.join(format!("{name}-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays for the system to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}
