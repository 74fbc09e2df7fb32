//! The workers: they walk the tree and publish what they meet, each kind of find at its own call site.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use ignore::{DirEntry, WalkBuilder, WalkState};
use ringbus::publish_event;

use crate::timing::timed_publish;

/// What the walk took.
pub(crate) struct Walked {
    pub(crate) threads: usize,
    pub(crate) elapsed: Duration,
}

/// Walks the tree; links are not followed, nothing is left out.
pub(crate) fn run(path: &Path, threads: NonZeroUsize) -> Walked {
    let begun = Instant::now();
    if path.is_symlink() {
        // The walker would follow this one.
        timed_publish(|| publish_event!("scan.symlink", source: "scan", path));
    } else {
        walk(path, threads);
    }
    Walked { threads: threads.get(), elapsed: begun.elapsed() }
}

fn walk(path: &Path, threads: NonZeroUsize) {
    // To the walker `-` is standard input.
    let path = if path == Path::new("-") { Path::new("./-") } else { path };
    let mut walk = WalkBuilder::new(path);
    walk.standard_filters(false).follow_links(false).threads(threads.get());
    walk.build_parallel().run(|| {
        Box::new(|found| {
            match found {
                Ok(entry) => publish_entry(&entry),
                Err(error) => publish_error(None, &error),
            }
            WalkState::Continue
        })
    });
}

fn publish_entry(entry: &DirEntry) {
    let path = entry.path();
    if let Some(error) = entry.error() {
        publish_error(Some(path), error);
    }
    match entry.file_type() {
        Some(kind) if kind.is_file() => {
            // A file that cannot be asked for its size is a file all the same.
            let bytes = entry.metadata().map_err(|error| publish_error(Some(path), &error)).ok().map(|data| data.len());
            let extension = path.extension();
            timed_publish(|| publish_event!("scan.file", source: "scan", path, bytes, extension));
        }
        Some(kind) if kind.is_dir() => timed_publish(|| publish_event!("scan.directory", source: "scan", path)),
        Some(kind) if kind.is_symlink() => timed_publish(|| publish_event!("scan.symlink", source: "scan", path)),
        // Sockets, pipes, devices.
        _ => timed_publish(|| publish_event!("scan.other", source: "scan", path)),
    }
}

/// Publishes what could not be read, and why.
fn publish_error(path: Option<&Path>, error: &ignore::Error) {
    use ignore::Error::{WithDepth, WithPath};
    match error {
        WithDepth { err, .. } => publish_error(path, err),
        WithPath { path, err } => publish_error(Some(path), err),
        _ => timed_publish(|| publish_event!("scan.error", source: "scan", path, cause = %error)),
    }
}
