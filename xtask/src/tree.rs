//! A copy of the project's tree, to be broken.
//!
//! Promises that the source itself is never touched, and that what is built of the copy is never taken for the
//! project's own. Refuses to copy what was built, and what hides behind a dot.

use std::fs;
use std::path::Path;

use crate::context::Context;

/// Copies the tree to `home/tree`; what is built of it goes to `home`.
///
/// A target folder of its own: cargo names what it builds by the package's place in its workspace, and so would take a
/// broken package for the project's own if they shared one.
pub(crate) fn copied(context: &Context, home: &Path) -> Result<Context, String> {
    let tree = home.join("tree");
    fresh(&tree)?;
    copy(&context.root, &tree, &context.target)?;
    Context::at(tree, home.to_path_buf())
}

/// Makes `folder`, empty.
pub(crate) fn fresh(folder: &Path) -> Result<(), String> {
    let said = |why: std::io::Error| format!("{}: {why}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(said)?;
    }
    fs::create_dir_all(folder).map_err(said)
}

/// Changes one file of a copied tree while `work` runs, and puts it back. The inner error says why there is no change;
/// the outer one that the copy is spoilt.
pub(crate) fn while_changed<T>(
    copied: &Context,
    file: &str,
    change: impl FnOnce(&str) -> Result<String, String>,
    work: impl FnOnce() -> T,
) -> Result<Result<T, String>, String> {
    let path = copied.root.join(file);
    let spoilt = |why: std::io::Error| format!("{}: {why}", path.display());
    let source = match fs::read_to_string(&path) {
        Ok(source) => source,
        Err(why) => return Ok(Err(format!("{file}: {why}"))),
    };
    let changed = match change(&source) {
        Ok(changed) => changed,
        Err(why) => return Ok(Err(why)),
    };
    fs::write(&path, changed).map_err(spoilt)?;
    let answer = work();
    fs::write(&path, source).map_err(spoilt)?;
    Ok(Ok(answer))
}

/// Copies files and folders. The copies are new, not cloned with their old times: cargo goes by the time.
fn copy(from: &Path, to: &Path, target: &Path) -> Result<(), String> {
    let said = |why: std::io::Error| format!("{}: {why}", from.display());
    for entry in fs::read_dir(from).map_err(said)? {
        let entry = entry.map_err(said)?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type().map_err(said)?);
        if name == "target" || path == target || name.to_string_lossy().starts_with('.') {
            continue;
        }
        let copied = to.join(&name);
        if kind.is_dir() {
            fs::create_dir(&copied).map_err(said)?;
            copy(&path, &copied, target)?;
        } else if kind.is_file() {
            fs::write(&copied, fs::read(&path).map_err(said)?).map_err(said)?;
        }
    }
    Ok(())
}
