//! Whether a subscription may be called now: muted, quarantined, or out of calls.
//!
//! One word says all that a publisher must look at before it calls: where it is zero, it calls at once. The failures
//! in a row are in the same word, so that they and the quarantine they lead to change in one step: one failure alone
//! brings it about, and a success that ends at the same moment either comes before it or changes nothing.
//!
//! Calls that are left are claimed before the call, one by one, so that of any number of threads exactly as many call
//! as the limit allows.
//!
//! # Orderings
//! Changes release and publishers acquire, so that a handler called after `unmute` or `resume` sees what their caller
//! did before: that needs the release of `unmute` and `resume`, and exchanges in between, which carry it on. The acquiring
//! halves of the changes, the release of the others, and the looks of `is_muted` and `is_quarantined` order nothing that
//! anybody relies on; they are rare, and alike so that nobody has to ask which is which. Claims are Relaxed: a claim is a
//! number of its own, and orders nothing.

use core::num::NonZeroU32;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::step;

/// See the [module](self). The word, from high bits to low:
///
/// ```text
/// | failures in a row: 32 bits | 29 unused | CAREFUL | QUARANTINED | MUTED |
/// ```
#[derive(Debug)]
pub(crate) struct Control {
    word: AtomicU64,
    /// Calls that may still begin; [`u64::MAX`] = any number.
    left: AtomicU64,
    quarantine_after: Option<NonZeroU32>,
}

const MUTED: u64 = 1;
const QUARANTINED: u64 = 2;
/// There is more to look at than the word: set when it is made, for good.
const CAREFUL: u64 = 4;
const ROW_SHIFT: u32 = 32;
const ROW: u64 = u64::MAX << ROW_SHIFT;
const UNLIMITED: u64 = u64::MAX;

/// What a publisher finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Call it; there is nothing else to ask or tell.
    Plain,
    /// Call it, with all that belongs to it: filter, claim, the row of failures.
    Careful,
    Muted,
    Quarantined,
}

// === impl Control ===

impl Control {
    /// One that may be called `limit` times, and is quarantined after so many failures in a row. `careful` where the
    /// caller has more to look at.
    pub(crate) fn new(limit: Option<u64>, quarantine_after: Option<NonZeroU32>, careful: bool) -> Self {
        let careful = careful || limit.is_some() || quarantine_after.is_some();
        Self {
            word: AtomicU64::new(if careful { CAREFUL } else { 0 }),
            // One less than no limit at all is as good as none.
            left: AtomicU64::new(limit.map_or(UNLIMITED, |limit| limit.min(UNLIMITED - 1))),
            quarantine_after,
        }
    }

    /// Whether it is to be called, and there is nothing else to ask or tell.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        // Acquire: as in `admission`.
        self.word.load(Ordering::Acquire) == 0
    }

    #[inline]
    pub(crate) fn admission(&self) -> Admission {
        // Acquire: this is not left to the fence of the call that follows.
        match self.word.load(Ordering::Acquire) {
            0 => Admission::Plain,
            word if word & MUTED != 0 => Admission::Muted,
            word if word & QUARANTINED != 0 => Admission::Quarantined,
            _ => Admission::Careful,
        }
    }

    /// Mutes or unmutes; `true` where that changed anything.
    pub(crate) fn set_muted(&self, muted: bool) -> bool {
        let before = if muted {
            self.word.fetch_or(MUTED, Ordering::AcqRel)
        } else {
            self.word.fetch_and(!MUTED, Ordering::AcqRel)
        };
        (before & MUTED != 0) != muted
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.word.load(Ordering::Acquire) & MUTED != 0
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        self.word.load(Ordering::Acquire) & QUARANTINED != 0
    }

    /// A call has failed; `true` for the one that brings the quarantine about.
    pub(crate) fn failed(&self) -> bool {
        let Some(after) = self.quarantine_after else { return false };
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUARANTINED == 0 {
            let row = (word >> ROW_SHIFT) + 1;
            let end = row >= u64::from(after.get());
            let next = word & !ROW | row << ROW_SHIFT | if end { QUARANTINED } else { 0 };
            step("control.failed");
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return end,
                Err(now) => word = now,
            }
        }
        false
    }

    /// A call has succeeded: the row of failures ends, unless it has led to quarantine.
    #[inline]
    pub(crate) fn succeeded(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & ROW != 0 && word & QUARANTINED == 0 {
            match self.word.compare_exchange_weak(word, word & !ROW, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Ends the quarantine; `true` where there was one.
    pub(crate) fn resume(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUARANTINED != 0 {
            match self.word.compare_exchange_weak(
                word,
                word & !(ROW | QUARANTINED),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes one of the calls that are left; `false` where none is.
    pub(crate) fn claim(&self) -> bool {
        let mut left = self.left.load(Ordering::Relaxed);
        while left != UNLIMITED {
            if left == 0 {
                return false;
            }
            step("control.claim");
            match self.left.compare_exchange_weak(left, left - 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => left = now,
            }
        }
        true
    }

    /// Whether no call is left.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn quarantining(after: u32) -> Control {
        Control::new(None, NonZeroU32::new(after), false)
    }

    #[test]
    fn a_row_of_failures_leads_to_quarantine_once_and_a_success_ends_it() {
        let control = quarantining(2);
        assert!(!control.failed());
        control.succeeded();
        assert!(!control.failed());
        assert!(control.failed());
        assert!(!control.failed(), "one alone brings it about");
        control.succeeded();
        assert_eq!(control.admission(), Admission::Quarantined, "a call in flight does not lift it");
        assert!(control.resume() && !control.resume());
        assert!(!control.failed(), "a new row");
        assert_eq!(control.admission(), Admission::Careful);
    }

    #[test]
    fn muting_and_quarantine_are_apart() {
        let control = quarantining(1);
        assert!(control.set_muted(true) && !control.set_muted(true));
        assert!(control.failed());
        assert_eq!(control.admission(), Admission::Muted);
        assert!(control.set_muted(false));
        assert_eq!(control.admission(), Admission::Quarantined);
    }

    #[test]
    fn what_needs_nothing_is_plain() {
        let control = Control::new(None, None, false);
        assert_eq!(control.admission(), Admission::Plain);
        assert!(!control.failed() && control.claim() && !control.is_spent());
        assert!(control.set_muted(true) && control.set_muted(false));
        assert_eq!(control.admission(), Admission::Plain);
    }

    #[test]
    fn as_many_claims_as_the_limit_says() {
        let control = Control::new(Some(2), None, false);
        assert_eq!([(); 3].map(|()| control.claim()), [true, true, false]);
        assert!(control.is_spent());
        assert!(Control::new(Some(0), None, false).is_spent());
        assert!(!Control::new(Some(u64::MAX), None, false).is_spent());
    }
}
