//! What has become of the events of one queue.
//!
//! Each event that was offered is counted once when it comes to its end (P8); see the mailbox for the order in which `settled`
//! and what was offered are read.

use crate::sync::atomic::AtomicU64;
use crate::sync::counter::Tally;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Counts {
    /// Those of which nothing is left to be done.
    pub(super) settled: AtomicU64,
    pub(super) delivered: Tally,
    pub(super) skipped: Tally,
    pub(super) failed: Tally,
    pub(super) retried: Tally,
    pub(super) kept_back: Tally,
    pub(super) dropped: Tally,
    pub(super) discarded: Tally,
}

// === impl Counts ===

impl Counts {
    /// How many events have come to their end, be they settled or about to be.
    pub(super) fn ended(&self) -> u64 {
        let Self { settled: _, delivered, skipped, failed, retried: _, kept_back, dropped, discarded } = self;
        [delivered, skipped, failed, kept_back, dropped, discarded].iter().map(|count| count.get()).sum()
    }

    /// How many attempts have come to their end, those that an open circuit has rejected among them.
    pub(super) fn attempts(&self) -> u64 {
        self.delivered.get() + self.failed.get() + self.retried.get()
    }
}
