//! The workers: they walk the tree and publish what they meet, each find at its own call site.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ignore::{DirEntry, WalkBuilder, WalkState};
use ringbus::{Delivery, publish_event};

/// One publish in so many is timed: reading the clock twice costs as much as a publish.
const SAMPLE: u32 = 64;

/// What the walk took.
pub(crate) struct Walked {
    pub(crate) threads: usize,
    pub(crate) elapsed: Duration,
    /// Time in publishes, handlers included, as the samples have it.
    pub(crate) publishing: Duration,
    /// Of that, time in the handlers.
    pub(crate) handling: Duration,
}

/// The samples of all threads, in nanoseconds.
static PUBLISHING: AtomicU64 = AtomicU64::new(0);
static HANDLING: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static UNTIMED: Cell<u32> = const { Cell::new(0) };
    static TIMING: Cell<bool> = const { Cell::new(false) };
}

/// Walks the tree; links are not followed, nothing is left out.
pub(crate) fn run(path: &Path, threads: NonZeroUsize) -> Walked {
    let begun = Instant::now();
    let walk =
        WalkBuilder::new(path).standard_filters(false).follow_links(false).threads(threads.get()).build_parallel();
    walk.run(|| {
        Box::new(|found| {
            match found {
                Ok(entry) => publish_entry(&entry),
                Err(error) => sampled(|| publish_event!("scan.error", source: "scan", cause = %error)),
            }
            WalkState::Continue
        })
    });
    let whole = |sampled: &AtomicU64| Duration::from_nanos(sampled.load(Ordering::Relaxed) * u64::from(SAMPLE));
    Walked {
        threads: threads.get(),
        elapsed: begun.elapsed(),
        publishing: whole(&PUBLISHING),
        handling: whole(&HANDLING),
    }
}

fn publish_entry(entry: &DirEntry) {
    let path = entry.path();
    if let Some(error) = entry.error() {
        sampled(|| publish_event!("scan.error", source: "scan", path, cause = %error));
    }
    match entry.file_type() {
        Some(kind) if kind.is_file() => {
            let bytes = match entry.metadata() {
                Ok(metadata) => Some(metadata.len()),
                Err(error) => {
                    sampled(|| publish_event!("scan.error", source: "scan", path, cause = %error));
                    None
                }
            };
            let extension = path.extension();
            sampled(|| publish_event!("scan.file", source: "scan", path, bytes, extension));
        }
        Some(kind) if kind.is_dir() => sampled(|| publish_event!("scan.directory", source: "scan", path)),
        Some(kind) if kind.is_symlink() => sampled(|| publish_event!("scan.symlink", source: "scan", path)),
        // Sockets, pipes, devices.
        _ => sampled(|| publish_event!("scan.other", source: "scan", path)),
    }
}

/// Publishes, and times one in [`SAMPLE`].
fn sampled(publish: impl FnOnce() -> Delivery) {
    let untimed = UNTIMED.get() + 1;
    UNTIMED.set(untimed % SAMPLE);
    if untimed < SAMPLE {
        publish();
        return;
    }
    TIMING.set(true);
    let begun = Instant::now();
    publish();
    PUBLISHING.fetch_add(nanos(begun), Ordering::Relaxed);
    TIMING.set(false);
}

/// Runs a handler's work, timed if the publish around it is.
pub(crate) fn handling<R>(work: impl FnOnce() -> R) -> R {
    struct Stop(Option<Instant>);
    impl Drop for Stop {
        fn drop(&mut self) {
            if let Some(begun) = self.0 {
                HANDLING.fetch_add(nanos(begun), Ordering::Relaxed);
            }
        }
    }
    let _stop = Stop(TIMING.get().then(Instant::now));
    work()
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
