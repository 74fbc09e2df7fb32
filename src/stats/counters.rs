//! [`Counters`]: what a bus counts while it works.
//!
//! It promises that no count is lost: live counters only grow, and a reset notes where they stand (P8).

use std::collections::BTreeMap;

use super::Totals;
use super::kinds::KindCounts;
use crate::contain;
use crate::sync::counter::{Striped, Tally};
use crate::sync::{Mutex, busy};

/// The counters of one bus.
pub(crate) struct Counters {
    pub(crate) delivered: Striped,
    pub(crate) enqueued: Striped,
    pub(crate) failed: Tally,
    pub(crate) panicked: Tally,
    pub(crate) depth_stops: Tally,
    pub(crate) hop_stops: Tally,
    pub(crate) while_panicking: Tally,
    pub(crate) unheard: Striped,
    pub(crate) deferred: Striped,
    pub(crate) deferred_drops: Tally,
    pub(crate) taken_kinds: Tally,
    pub(crate) refused: Tally,
    pub(crate) invalid_kinds: Tally,
    pub(crate) shut_down: Tally,
    pub(crate) queue_drops: Tally,
    pub(crate) discarded: Tally,
    pub(crate) dead_letters: Tally,
    pub(crate) kinds: KindCounts,
    /// Where they stood at the last reset, and how many there were.
    base: Mutex<Base>,
}

#[derive(Default)]
struct Base {
    at: Totals,
    by_kind: BTreeMap<String, u64>,
    others: u64,
    resets: u64,
}

/// What was counted since the last reset.
pub(crate) struct Counted {
    pub(crate) totals: Totals,
    /// Events published, by kind.
    pub(crate) by_kind: BTreeMap<String, u64>,
    /// Events published of all other kinds.
    pub(crate) others: u64,
    /// How many resets there were.
    pub(crate) resets: u64,
}

/// Black boxes of this process that could not be written.
pub(crate) static FAILED_DUMPS: Tally = Tally::new();

// === impl Counters ===

impl Counters {
    pub(crate) fn new(stripes: usize) -> Self {
        Self {
            delivered: Striped::new(stripes),
            enqueued: Striped::new(stripes),
            failed: Tally::new(),
            panicked: Tally::new(),
            depth_stops: Tally::new(),
            hop_stops: Tally::new(),
            while_panicking: Tally::new(),
            unheard: Striped::new(stripes),
            deferred: Striped::new(stripes),
            deferred_drops: Tally::new(),
            taken_kinds: Tally::new(),
            refused: Tally::new(),
            invalid_kinds: Tally::new(),
            shut_down: Tally::new(),
            queue_drops: Tally::new(),
            discarded: Tally::new(),
            dead_letters: Tally::new(),
            kinds: KindCounts::new(stripes),
            base: Mutex::new(Base::default()),
        }
    }

    /// Counts calls of one event that failed, and how many of those panicked.
    #[cold]
    pub(crate) fn count_failures(&self, failed: u32, panicked: u32) {
        self.failed.add(failed.into());
        self.panicked.add(panicked.into());
    }

    /// The counts since the last reset, and what `beside` counts since the same one: no reset comes between.
    /// `beside` calls no user code.
    pub(crate) fn read<R>(&self, beside: impl FnOnce() -> R) -> (Counted, R) {
        busy::during(|| {
            let base = self.base.lock();
            let beside = beside();
            (self.since(&base), beside)
        })
    }

    fn since(&self, base: &Base) -> Counted {
        let (mut by_kind, others) = self.kinds.read();
        for (kind, count) in &base.by_kind {
            // A kind that was counted then is counted still.
            if let Some(now) = by_kind.get_mut(kind) {
                *now -= count;
            }
        }
        by_kind.retain(|_, count| *count > 0);
        let totals = self.live().since(&base.at);
        Counted { totals, by_kind, others: others - base.others, resets: base.resets }
    }

    /// Counts from here on, and so does `beside`, which calls no user code; both or neither is seen by [`Self::read`].
    pub(crate) fn reset<R>(&self, beside: impl FnOnce() -> R) -> R {
        busy::during(|| {
            let mut base = self.base.lock();
            let beside = beside();
            let (by_kind, others) = self.kinds.read();
            *base = Base { at: self.live(), by_kind, others, resets: base.resets + 1 };
            beside
        })
    }

    fn live(&self) -> Totals {
        Totals {
            delivered: self.delivered.sum(),
            enqueued: self.enqueued.sum(),
            failed: self.failed.get(),
            panicked: self.panicked.get(),
            depth_stops: self.depth_stops.get(),
            hop_stops: self.hop_stops.get(),
            while_panicking: self.while_panicking.get(),
            unheard: self.unheard.sum(),
            deferred: self.deferred.sum(),
            deferred_drops: self.deferred_drops.get(),
            taken_kinds: self.taken_kinds.get(),
            refused: self.refused.get(),
            invalid_kinds: self.invalid_kinds.get(),
            shut_down: self.shut_down.get(),
            queue_drops: self.queue_drops.get(),
            discarded: self.discarded.get(),
            dead_letters: self.dead_letters.get(),
            forgotten_panics: contain::forgotten(),
            failed_dumps: FAILED_DUMPS.get(),
            ..Totals::default()
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::counter::Lane;

    #[test]
    fn what_is_counted_is_told() {
        let counters = Counters::new(1);
        let dumps = FAILED_DUMPS.get();
        counters.refused.bump();
        counters.discarded.add(2);
        FAILED_DUMPS.bump();
        let totals = counters.read(|| ()).0.totals;
        assert_eq!((totals.refused, totals.discarded), (1, 2));
        assert!(totals.failed_dumps > dumps, "of the whole process");
    }

    #[test]
    fn a_reset_moves_the_base_and_loses_nothing() {
        let counters = Counters::new(2);
        counters.delivered.add(Lane::of(0, 2), 3);
        counters.count_failures(1, 0);
        counters.reset(|| ());
        counters.delivered.add(Lane::of(1, 2), 4);
        let Counted { totals, resets, .. } = counters.read(|| ()).0;
        assert_eq!((totals.delivered, totals.failed, resets), (4, 0, 1));
        counters.reset(|| ());
        let Counted { totals, resets, .. } = counters.read(|| ()).0;
        assert_eq!((totals.delivered, resets), (0, 2));
    }
}
