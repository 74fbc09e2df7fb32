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

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_and_what_was_tried_are_sums() {
        let counts = Counts::default();
        let all = [&counts.delivered, &counts.skipped, &counts.failed, &counts.retried, &counts.kept_back];
        let all = all.into_iter().chain([&counts.dropped, &counts.discarded]);
        (0..).zip(all).for_each(|(place, count)| _ = count.add(10_u64.pow(place)));
        assert_eq!((counts.ended(), counts.attempts()), (1_110_111, 1_101));
    }
}
