//! A thread that consumes, beside those that publish.
//!
//! It lives only while its side is measured: one that spins or sleeps must not be there while the other side runs.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// How many events wait between publisher and consumer, where a rival has a queue: its bound, a power of two.
pub const QUEUE: usize = 512;

/// Runs `publish` while `consume` runs on another thread, and ends when both have ended.
///
/// `consume` must end by itself once `publish` has ended, which drops what it sends with.
pub fn consumed_by(consume: impl FnOnce() + Send, publish: impl FnOnce() -> Duration) -> Duration {
    let ready = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            ready.wait();
            consume();
        });
        ready.wait();
        publish()
    })
}

/// Does `work` `rounds` times on this thread, for rivals that have one publisher: how long it takes.
pub fn here(rounds: u64, work: impl FnMut(u64)) -> Duration {
    let begun = Instant::now();
    (0..rounds).for_each(work);
    begun.elapsed()
}
