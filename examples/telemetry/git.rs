//! Git's operations, from what changes below `.git`.
//!
//! 1. What moves HEAD appends a line to `logs/HEAD`: commit, checkout, merge, pull, rebase, reset, cherry-pick, revert.
//!    The line's first word is the operation. A stash resets too; that line is not told.
//! 2. Branches made, renamed and deleted, and pushes: the logs of the branches.
//! 3. Stashes made and dropped: the log of `refs/stash`.
//! 4. Fetches: `FETCH_HEAD`, which every fetch writes anew. Tags: what is put into `refs/tags`.
//!
//! Each operation is told once, a rebase once for every step. The index says nothing by itself, since `git status` writes
//! it too; `packed-refs` and `ORIG_HEAD` say nothing that the logs do not. What is read is what is there when the notice
//! comes: a log that is gone by then (the one of a stash that was popped at once) tells nothing any more.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use ignore::WalkBuilder;
use ringbus::publish_event;

/// The logs that are read: below these paths, or at them.
const LOGS: [&str; 4] = ["logs/HEAD", "logs/refs/heads/", "logs/refs/remotes/", "logs/refs/stash"];

/// So many digits tell a commit.
const DIGITS: usize = 7;

/// What of the repositories' logs has been told.
pub(crate) struct Git {
    /// The length of each log.
    told: HashMap<PathBuf, u64>,
    /// That of the log being renamed.
    moving: Option<u64>,
    /// When each `FETCH_HEAD` was written.
    fetched: HashMap<PathBuf, SystemTime>,
    /// The last operation was a stash, whose reset is still to come.
    stashing: bool,
}

/// A line of a log.
struct Entry<'a> {
    commit: &'a str,
    message: &'a str,
    /// It leads from a commit to that commit.
    stays: bool,
}

// === impl Git ===

impl Git {
    /// Takes what the repositories below these folders have done so far as told.
    pub(crate) fn new(folders: &[PathBuf]) -> Self {
        let entries = folders.iter().flat_map(|folder| WalkBuilder::new(folder).standard_filters(false).build());
        let logs = entries.filter_map(Result::ok).filter(|entry| {
            entry.file_type().is_some_and(|kind| kind.is_file())
                && place(entry.path()).is_some_and(|(_, name)| name.starts_with("logs/"))
        });
        let told = logs.filter_map(|log| Some((log.path().to_owned(), log.metadata().ok()?.len()))).collect();
        Self { told, moving: None, fetched: HashMap::new(), stashing: false }
    }

    /// Tells what it means that this file was written, or moved to where it is.
    pub(crate) fn written(&mut self, path: &Path) {
        let Some((project, name)) = place(path) else { return };
        if name.ends_with(".lock") {
            // Not what it will be.
        } else if name == "FETCH_HEAD" {
            // Written in two steps, of which the first leaves it empty; a file that cannot be read is gone.
            let _ = self.fetch(path, project);
        } else if let Some(tag) = name.strip_prefix("refs/tags/") {
            publish(project, "tag", tag, "");
        } else if LOGS.iter().any(|log| name.starts_with(log)) {
            match self.news(path) {
                Ok(Some(lines)) => lines.lines().filter_map(entry).for_each(|entry| self.tell(project, &name, &entry)),
                Ok(None) if name == "logs/refs/stash" => publish(project, "stash-drop", "", ""),
                // A log that was cut by hand, or that is gone.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// A log that is renamed keeps what was told of it; a new one of the old name begins anew.
    pub(crate) fn moved_out(&mut self, path: &Path) {
        self.moving = self.told.remove(path);
    }

    /// Follows [`moved_out`](Self::moved_out), if the file comes from a folder that is watched.
    pub(crate) fn moved_in(&mut self, path: &Path) {
        if let Some(told) = self.moving.take() {
            self.told.insert(path.to_owned(), told);
        }
    }

    /// Tells what it means that this file was removed.
    pub(crate) fn removed(&mut self, path: &Path) {
        let Some((project, name)) = place(path) else { return };
        self.told.remove(path);
        if name == "logs/refs/stash" {
            publish(project, "stash-drop", "", "");
        } else if let Some(branch) = name.strip_prefix("logs/refs/heads/").filter(|name| !name.ends_with(".lock")) {
            publish(project, "branch-delete", branch, "");
        }
    }

    fn tell(&mut self, project: &Path, log: &str, entry: &Entry<'_>) {
        let Entry { commit, message, stays } = *entry;
        match log.split_at_checked("logs/".len()).map_or("", |(_, name)| name) {
            "HEAD" => {
                let end = message.find([' ', ':']).unwrap_or(message.len());
                let (operation, rest) = message.split_at(end);
                let of_stash = std::mem::take(&mut self.stashing) && operation == "reset" && stays;
                if !of_stash {
                    publish(project, operation, rest.trim_start_matches([' ', ':']), commit);
                }
            }
            "refs/stash" => {
                self.stashing = true;
                publish(project, "stash", message, commit);
            }
            name => {
                if let Some(branch) = name.strip_prefix("refs/remotes/").filter(|_| message == "update by push") {
                    publish(project, "push", branch, commit);
                } else if let Some(what) = message.strip_prefix("branch: ").or(message.strip_prefix("Branch: ")) {
                    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
                    publish(project, "branch", &format!("{branch}: {what}"), commit);
                }
            }
        }
    }

    fn fetch(&mut self, path: &Path, project: &Path) -> io::Result<()> {
        let written = fs::metadata(path)?.modified()?;
        let text = fs::read_to_string(path)?;
        let Some(first) = text.lines().next() else { return Ok(()) };
        if self.fetched.insert(path.to_owned(), written) != Some(written) {
            let from = first.rsplit('\t').next().unwrap_or_default();
            publish(project, "fetch", from, first.get(..DIGITS).unwrap_or_default());
        }
        Ok(())
    }

    /// What was added to a log since the last time; `None` if there is less in it than there was.
    fn news(&mut self, path: &Path) -> io::Result<Option<String>> {
        let mut log = File::open(path)?;
        let told = self.told.entry(path.to_owned()).or_default();
        let length = log.metadata()?.len();
        if length < *told {
            *told = length;
            // An empty one is about to be removed, which is told then.
            return Ok(if length == 0 { Some(String::new()) } else { None });
        }
        log.seek(SeekFrom::Start(*told))?;
        let mut news = Vec::new();
        *told += log.read_to_end(&mut news)? as u64;
        Ok(Some(String::from_utf8_lossy(&news).into_owned()))
    }
}

/// Whether the path is git's own.
pub(crate) fn owns(path: &Path) -> bool {
    place(path).is_some()
}

/// `OLD NEW NAME <MAIL> SECONDS ZONE<tab>MESSAGE`.
fn entry(line: &str) -> Option<Entry<'_>> {
    let (who, message) = line.split_once('\t')?;
    let mut commits = who.split(' ');
    let (old, new) = (commits.next()?, commits.next()?);
    Some(Entry { commit: new.get(..DIGITS)?, message, stays: old == new })
}

/// The repository's folder, and the path below its `.git`, with `/`.
fn place(path: &Path) -> Option<(&Path, String)> {
    let git = path.ancestors().find(|above| above.file_name().is_some_and(|name| name == ".git"))?;
    let inside = path.strip_prefix(git).ok()?.components().map(|part| match part {
        Component::Normal(name) => name.to_string_lossy(),
        _ => "".into(),
    });
    Some((git.parent()?, inside.collect::<Vec<_>>().join("/")))
}

fn publish(project: &Path, operation: &str, message: &str, commit: &str) {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (message, commit) = (given(message), given(commit));
    publish_event!("git.operation", source: "git", project_path: project, operation, message, commit);
}
