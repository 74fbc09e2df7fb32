//! The editor: files saved and opened below the folders that are watched, and git's operations there.
//!
//! # One save, one event
//! A save makes a burst of notices. No clock is asked where the burst ends: a file is saved when it was written to (or
//! made) and is then closed, or when it is renamed into place. The opening that makes a file is not told, nor are the
//! names that editors use for files of their own ([`is_scratch`]). An existing file that is saved is opened before, and
//! that is told: the notice of an opening does not say what for. Where the system does not tell of closing (other than
//! Linux), a save ends when all has been quiet for a while ([`QUIET`]); there, nothing tells of opening.
//!
//! Files that are gone again when their notice comes are not told.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use ringbus::publish_event;

use crate::folder::Folder;
use crate::git::{self, Git};

/// Whether the system tells when a file that was written to is closed.
const TELLS_CLOSING: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Where it does not: so long without a notice is the end of a save.
const QUIET: Duration = Duration::from_millis(100);

/// The notices of what was done before the end come within this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The mark's name.
const MARK: &str = "end";

/// The folders being watched.
pub(crate) struct Editor {
    watcher: RecommendedWatcher,
    thread: JoinHandle<()>,
    /// Watched like the others. Notices come in the order of what they tell: the one of the mark, a file made here at the
    /// end, comes after those of all that was done before.
    marks: Folder,
    marked: Receiver<()>,
}

/// The thread that makes events of notices.
struct Telling {
    folders: Vec<PathBuf>,
    git: Git,
    /// Files that were made or written to and not closed since, and whether the opening that makes them is yet to come.
    written: HashMap<PathBuf, bool>,
    mark: PathBuf,
    marked: Sender<()>,
}

// === impl Editor ===

impl Editor {
    /// Watches folders; what happens in them after this returned is told.
    pub(crate) fn watch(folders: &[PathBuf]) -> Result<Self, String> {
        let said = |error: &dyn std::error::Error| format!("cannot watch: {error}");
        let folders = folders.iter().map(|folder| real(folder)).collect::<Result<Vec<_>, _>>()?;
        let marks = Folder::new("ringbus-telemetry-marks").map_err(|error| said(&error))?;
        let (sender, notices) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(sender).map_err(|error| said(&error))?;
        let (sign, marked) = mpsc::channel();
        let telling = Telling {
            git: Git::new(&folders),
            folders,
            written: HashMap::new(),
            mark: marks.path().join(MARK),
            marked: sign,
        };
        for folder in telling.folders.iter().map(PathBuf::as_path).chain([marks.path()]) {
            let watched = watcher.watch(folder, RecursiveMode::Recursive);
            watched.map_err(|error| format!("--watch {folder:?}: {error}"))?;
        }
        for folder in &telling.folders {
            publish_event!("editor.watching", source: "editor", project_path: folder, path = folder);
        }
        let thread = thread::Builder::new().name("editor".into()).spawn(move || telling.run(&notices));
        Ok(Self { watcher, thread: thread.map_err(|error| said(&error))?, marks, marked })
    }

    /// Tells what has happened by now, and ends.
    pub(crate) fn finish(self) {
        let made = fs::write(self.marks.path().join(MARK), "");
        if made.is_err() || self.marked.recv_timeout(PATIENCE).is_err() {
            publish_event!("editor.error", source: "editor", cause = "the last notices may be missing");
        }
        drop(self.watcher);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// The path without symbolic links, as notices have it.
fn real(folder: &Path) -> Result<PathBuf, String> {
    let listed = fs::read_dir(folder).and_then(|_| folder.canonicalize());
    listed.map_err(|error| format!("--watch {folder:?}: {error}"))
}

// === impl Telling ===

impl Telling {
    fn run(mut self, notices: &Receiver<notify::Result<Event>>) {
        loop {
            let wait = if TELLS_CLOSING || self.written.is_empty() { Duration::MAX } else { QUIET };
            match notices.recv_timeout(wait) {
                Ok(Ok(notice)) if notice.need_rescan() => {
                    publish_event!("editor.error", source: "editor", cause = "more happened than could be told");
                }
                Ok(Ok(notice)) => self.notice(&notice),
                Ok(Err(error)) => {
                    publish_event!("editor.error", source: "editor", cause = %error);
                }
                Err(RecvTimeoutError::Timeout) => self.quiet(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if !TELLS_CLOSING {
            self.quiet();
        }
    }

    fn notice(&mut self, notice: &Event) {
        let Some(path) = notice.paths.first() else { return };
        if *path == self.mark {
            // Nobody waits for a second sign.
            let _ = self.marked.send(());
            return;
        }
        match notice.kind {
            EventKind::Create(CreateKind::File | CreateKind::Any) => {
                self.written.insert(path.clone(), true);
            }
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => {
                self.written.entry(path.clone()).or_insert(false);
            }
            EventKind::Access(AccessKind::Open(_)) => match self.written.get_mut(path) {
                Some(to_come) if *to_come => *to_come = false,
                _ => self.opened(path),
            },
            EventKind::Access(AccessKind::Close(AccessMode::Write)) if self.written.remove(path).is_some() => {
                self.saved(path);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Any)) => {
                self.written.remove(path);
                self.git.moved_in(path);
                self.saved(path);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
                self.written.remove(path);
                self.git.moved_out(path);
            }
            EventKind::Remove(_) => {
                self.written.remove(path);
                self.git.removed(path);
            }
            _ => {}
        }
    }

    /// Nobody tells when these are closed: they are by now.
    fn quiet(&mut self) {
        for (path, _) in std::mem::take(&mut self.written) {
            self.saved(&path);
        }
    }

    fn saved(&mut self, path: &Path) {
        if git::owns(path) {
            return self.git.written(path);
        }
        if is_scratch(path) {
            return;
        }
        if let (Some(bytes), project) = (size(path), self.project(path)) {
            let path = path.strip_prefix(project).unwrap_or(path);
            publish_event!("file.saved", source: "editor", project_path: project, path, bytes);
        }
    }

    fn opened(&self, path: &Path) {
        if git::owns(path) || is_scratch(path) || size(path).is_none() {
            return;
        }
        let project = self.project(path);
        let path = path.strip_prefix(project).unwrap_or(path);
        publish_event!("file.opened", source: "editor", project_path: project, path);
    }

    /// The innermost of the folders watched that holds it.
    fn project<'a>(&'a self, path: &'a Path) -> &'a Path {
        let holding = self.folders.iter().filter(|folder| path.starts_with(folder));
        holding.max_by_key(|folder| folder.as_os_str().len()).map_or(path, PathBuf::as_path)
    }
}

/// The size of a file; `None` of what is no file, or none any more.
fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|data| data.len())
}

/// Whether editors call files of their own so: locks, backups, and what is renamed into place when it is complete.
fn is_scratch(path: &Path) -> bool {
    const BEGINNINGS: [&str; 3] = [".#", "#", ".goutputstream-"];
    const ENDINGS: [&str; 6] = ["~", ".swp", ".swo", ".swx", ".tmp", ".lock"];

    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Vim tries with `4913` whether it may write into a folder.
    name == "4913"
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}
