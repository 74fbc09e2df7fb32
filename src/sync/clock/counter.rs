//! The raw counter, made one that is not set back.
//!
//! Readings begin at [`START`], wherever the processor's counter stands, so its end (2^64 ticks: 87 years at 5 GHz)
//! counts from the process's first reading and not from whatever a firmware has set. Where a thread finds that the
//! counter was set back, it adds what is missing to the readings of all threads: so much that they go on above all that
//! any of them may have read, which is why each says from time to time how far it may come.
//!
//! A jump ahead by more than half of all numbers counts as one back. A counter that jumps ahead by a quarter of them,
//! three times, has no room left: readings then stand still at the end, and
//! the history orders by shard and ticket alone.
//!
//! # Orderings
//! Relaxed: the words order nothing. A thread that reads an old offset is set back as its counter was, and mends it. What
//! happens before a reading on another thread has made that thread's `high` known here.

use super::ticks;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The first reading. What is set back by less (29 years at 5 GHz) is not below 0; 0 is no reading.
const START: u64 = 1 << 62;

/// A thread that comes to another core may find its counter so far behind (a few milliseconds): it waits for that by
/// standing still. What is more was set back.
const JITTER: u64 = 1 << 24;

/// See the [module](self).
pub(super) struct Counter {
    /// Added to the processor's counter; 0 before the first reading.
    offset: AtomicU64,
    /// No reading is above it, unless its thread has said so.
    high: AtomicU64,
}

impl Counter {
    pub(super) const fn new() -> Self {
        Self { offset: AtomicU64::new(0), high: AtomicU64::new(0) }
    }

    /// The counter now, at least `last`, this thread's last reading (0 if it needs none).
    #[inline]
    pub(super) fn read(&self, last: u64) -> u64 {
        self.at(ticks::read(), last)
    }

    #[inline]
    fn at(&self, ticks: u64, last: u64) -> u64 {
        let offset = self.offset.load(Ordering::Relaxed);
        let raw = ticks.wrapping_add(offset);
        // As far ahead as that is behind, below 0.
        let jumped = if raw < last { last - raw > JITTER } else { last != 0 && raw - last > u64::MAX / 2 };
        if offset == 0 || jumped { self.mend(ticks, offset, last) } else { raw.max(last) }
    }

    /// The same where the reading is not to be far below what others have read, more than `most` ticks.
    pub(super) fn check(&self, raw: u64, most: u64) -> u64 {
        let high = self.high.load(Ordering::Relaxed);
        if raw.saturating_add(most).saturating_add(JITTER) < high { self.read(high) } else { raw }
    }

    /// This thread's readings may come so far.
    pub(super) fn reserve(&self, high: u64) {
        if self.high.load(Ordering::Relaxed) < high {
            self.high.fetch_max(high, Ordering::Relaxed);
        }
    }

    /// The first reading, or one after the counter was set back.
    #[cold]
    fn mend(&self, ticks: u64, offset: u64, last: u64) -> u64 {
        let wanted = last.max(self.high.load(Ordering::Relaxed)).max(START).wrapping_sub(ticks);
        // 0 says that there is none yet.
        let wanted = if wanted == 0 { 1 } else { wanted };
        let found = match self.offset.compare_exchange(offset, wanted, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => wanted,
            // Somebody else has mended it, at about this moment.
            Err(theirs) => theirs,
        };
        ticks.wrapping_add(found).max(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_begin_at_one_place_wherever_the_counter_stands() {
        for first in [0, 1, START, START - 1, u64::MAX / 2, u64::MAX - 10, u64::MAX] {
            let counter = Counter::new();
            let start = counter.at(first, 0);
            assert!((START..=START + 1).contains(&start), "{first}: {start}");
            for ticks in 1..100 {
                assert_eq!(counter.at(first.wrapping_add(ticks), start), start + ticks, "{first}, over the end too");
            }
        }
    }

    #[test]
    fn what_it_is_set_back_by_is_added_for_all_threads() {
        let counter = Counter::new();
        let first = counter.at(u64::MAX / 4, 0);
        let before = counter.at(u64::MAX / 4 + 1_000, first);
        assert_eq!(before, first + 1_000);
        // One that has seen the old time mends it, one that has not sees the mended one.
        assert_eq!(counter.at(5, before), before);
        assert_eq!(counter.at(7, 0), before + 2);
        assert_eq!(counter.at(9, before), before + 4);
    }

    #[test]
    fn it_goes_on_above_what_any_thread_may_have_read() {
        let counter = Counter::new();
        let first = counter.at(1 << 50, 0);
        counter.reserve(first + 1_000);
        counter.reserve(first + 10);
        assert_eq!(counter.at(3, first), first + 1_000);
        assert_eq!(counter.at(4, 0), first + 1_001);
    }

    #[test]
    fn a_core_that_is_a_little_behind_is_waited_for() {
        let counter = Counter::new();
        let first = counter.at(1_000, 0);
        assert_eq!(counter.at(900, first), first);
        assert_eq!(counter.at(1_100, first), first + 100, "nothing was added");
    }

    #[test]
    fn jumps_ahead_stay_and_at_the_end_it_stands_still() {
        let counter = Counter::new();
        let mut last = counter.at(0, 0);
        for jump in [1 << 63, u64::MAX - START - 5, u64::MAX - START, 3, 1 << 63, 70, u64::MAX, 0] {
            let next = counter.at(jump, last);
            assert!(next >= last, "{jump}: {next} after {last}");
            last = next;
        }
        let end = counter.at(u64::MAX - START, u64::MAX);
        assert_eq!((end, counter.at(0, end)), (u64::MAX, u64::MAX));
    }
}
