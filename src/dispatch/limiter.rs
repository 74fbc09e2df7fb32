//! Lets one report a second through, and counts the others.
//!
//! # Orderings
//! Relaxed: whoever wins the exchange of the time reports; counts order nothing.

use crate::sync::plain::{AtomicU64, Ordering};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// When the last report went out: microseconds of the monotonic clock, which nobody sets; 0 = never.
    last_us: AtomicU64,
    suppressed: AtomicU64,
}

const INTERVAL_US: u64 = 1_000_000;

// === impl Limiter ===

impl Limiter {
    /// Whether to report now; with it the number suppressed since the last time. What is `urgent` goes through always.
    pub(super) fn admit(&self, now_us: u64, urgent: bool) -> Option<u64> {
        let last = self.last_us.load(Ordering::Relaxed);
        // A clock that was set back by more is no reason for silence, one a little behind none for a report.
        let due = urgent || last == 0 || now_us.abs_diff(last) >= INTERVAL_US;
        let won = due && self.last_us.compare_exchange(last, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won || urgent {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppress();
        None
    }

    /// How many were suppressed since the last report.
    pub(super) fn unreported(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    /// Counts one that is not reported.
    pub(super) fn suppress(&self) {
        self.suppressed.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_report_a_second_and_the_others_are_told_with_the_next() {
        let limiter = Limiter::default();
        let now = 1_000_000_000;
        assert_eq!(limiter.admit(now, false), Some(0));
        assert_eq!(limiter.admit(now, false), None);
        assert_eq!(limiter.admit(now + INTERVAL_US - 1, false), None);
        assert_eq!(limiter.unreported(), 2);
        assert_eq!(limiter.admit(now + INTERVAL_US, false), Some(2));
        assert_eq!(limiter.unreported(), 0);
        assert_eq!(limiter.admit(now + 1, false), None, "another thread's clock, a little behind");
        assert_eq!(limiter.admit(now, false), Some(1), "the clock was set back");
        assert_eq!(limiter.admit(now, false), None);
        assert_eq!(limiter.admit(now, true), Some(1), "urgent");
        assert_eq!(limiter.admit(now + INTERVAL_US - 1, true), Some(0), "urgent");
        assert_eq!(limiter.admit(now + INTERVAL_US, false), None, "an urgent one is a report like any other");
    }
}
