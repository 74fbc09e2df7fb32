//! What must have come: how often a subscription had to be called for an event, in which order events come, and what the
//! bus's counts must be once all threads have ended.
//!
//! A subscription goes through phases, each announced where its thread can prove it: before it is begun, after
//! subscribing has returned, before it is ended, after that has returned. A publisher looks at the phases before and
//! after each publish: what it finds says whether the event had to come, might, or must not.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Outcome, Stats};

pub const PLANNED: u8 = 0;
pub const BEGUN: u8 = 1;
pub const LIVE: u8 = 2;
pub const ENDING: u8 = 3;
pub const ENDED: u8 = 4;

/// How often a subscription may have been called for an event that it `wants`, by its phases before and after the
/// publish.
pub fn allowed(before: u8, after: u8, wants: bool) -> RangeInclusive<u64> {
    if !wants || before == ENDED || after == PLANNED {
        0..=0
    } else if before == LIVE && after == LIVE {
        1..=1
    } else {
        0..=1
    }
}

/// One publisher's events that a subscription had to get: from the first that was published after it was live to the
/// last before it ended; in between phases do not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    first: Option<u64>,
    last: u64,
}

impl Span {
    /// Event `number`, the next one at the top, was published between these phases.
    pub fn note(&mut self, number: u64, before: u8, after: u8) {
        if before == LIVE && after == LIVE {
            self.first.get_or_insert(number);
            self.last = number;
        }
    }

    /// The numbers in it; there may be other events between.
    pub fn numbers(&self) -> RangeInclusive<u64> {
        self.first.map_or(RangeInclusive::new(1, 0), |first| first..=self.last)
    }
}

/// Numbers that must grow, for each of some threads and depths.
#[derive(Debug)]
pub struct Order(Vec<AtomicU64>);

/// Events are published at depths below this.
pub const DEPTHS: usize = 8;

impl Order {
    pub fn new(threads: usize) -> Self {
        Self((0..threads * DEPTHS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Event `number` has come; an error where a later one was there before it.
    pub fn next(&self, thread: u64, depth: u64, number: u64) -> Result<(), String> {
        let last = self.0[thread as usize * DEPTHS + depth as usize].swap(number + 1, Ordering::Relaxed);
        if last > number {
            return Err(format!("P3: event {number} of thread {thread} came after its event {}", last - 1));
        }
        Ok(())
    }
}

/// What a round did, as its threads have counted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Publishes that the bus accepted.
    pub recorded: u64,
    pub too_deep: u64,
    pub queued: u64,
    pub queue_full: u64,
    /// By kind: those with a count of their own, then all others.
    pub kinds: [u64; 4],
    pub others: u64,
    /// Calls of handlers that succeeded, failed, and of the failed those that panicked.
    pub delivered: u64,
    pub failed: u64,
    pub panicked: u64,
}

impl Account {
    /// A publish was answered with `outcome`.
    pub fn answered(&mut self, outcome: Outcome) {
        self.recorded += u64::from(outcome.is_accepted());
        match outcome {
            Outcome::TooDeep => self.too_deep += 1,
            Outcome::Queued => self.queued += 1,
            Outcome::QueueFull => self.queue_full += 1,
            _ => {}
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.recorded += other.recorded;
        self.too_deep += other.too_deep;
        self.queued += other.queued;
        self.queue_full += other.queue_full;
        self.kinds.iter_mut().zip(other.kinds).for_each(|(mine, other)| *mine += other);
        self.others += other.others;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.panicked += other.panicked;
    }

    /// Compares this with what the bus says of itself, with no publish in flight. After resets the bus may have counted
    /// less, never more; what is in its history and what was overwritten is what it has counted all the same.
    /// Returns how many counts were compared.
    pub fn compare(&self, stats: &Stats, kinds: &[&str; 4], resets: bool) -> Result<u64, String> {
        let totals = &stats.totals;
        let (capacity, kept) = (stats.buffer_capacity as u64, stats.buffer_len as u64);
        let of_kind = |kind: &str| stats.published_by_kind.get(kind).copied().unwrap_or_default();
        let mut counts = vec![
            ("published", totals.published, self.recorded),
            ("delivered", totals.delivered, self.delivered),
            ("failed", totals.failed, self.failed),
            ("panicked", totals.panicked, self.panicked),
            ("too deep", totals.depth_stops, self.too_deep),
            ("deferred", totals.deferred, self.queued),
            ("deferred, dropped", totals.deferred_drops, self.queue_full),
            ("published of other kinds", stats.published_of_other_kinds, self.others),
        ];
        counts.extend(kinds.iter().zip(self.kinds).map(|(kind, count)| (*kind, of_kind(kind), count)));
        let wrong = |bus: u64, ledger: u64| if resets { bus > ledger } else { bus != ledger };
        // Exact also after resets: what the bus has counted since the last one.
        let overwritten = if capacity == 0 { 0 } else { totals.published - totals.published.min(capacity) };
        let exact = [
            ("in the history", kept, totals.published.min(capacity)),
            ("overwritten", totals.overwritten, overwritten),
            ("in the history, by kind", stats.by_kind.values().sum(), kept),
            ("unheard", totals.unheard, 0),
            ("refused", totals.refused, 0),
            ("invalid kinds", totals.invalid_kinds, 0),
            ("taken kinds", totals.taken_kinds, 0),
        ];
        let compared = (counts.len() + exact.len()) as u64;
        let first = counts.into_iter().filter(|(_, bus, ledger)| wrong(*bus, *ledger));
        let mut all = first.chain(exact.into_iter().filter(|(_, bus, ledger)| bus != ledger));
        match all.next() {
            Some((what, bus, ledger)) => {
                Err(format!("P8: {what}: {bus}, but the ledger has {ledger}; {self:?}\n{stats}"))
            }
            None => Ok(compared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringbus::{Bus, publish_event};

    #[test]
    fn phases_say_what_had_to_come() {
        assert_eq!(allowed(LIVE, LIVE, true), 1..=1);
        assert_eq!(allowed(LIVE, LIVE, false), 0..=0);
        for (before, after) in [(PLANNED, BEGUN), (BEGUN, LIVE), (LIVE, ENDING), (ENDING, ENDED), (PLANNED, ENDED)] {
            assert_eq!(allowed(before, after, true), 0..=1, "{before} {after}");
        }
        assert_eq!(allowed(PLANNED, PLANNED, true), 0..=0);
        assert_eq!(allowed(ENDED, ENDED, true), 0..=0);
    }

    #[test]
    fn a_span_is_what_was_published_while_live() {
        let mut span = Span::default();
        assert!(span.numbers().is_empty());
        let phases = [(PLANNED, PLANNED), (BEGUN, LIVE), (LIVE, LIVE), (LIVE, LIVE), (LIVE, ENDED), (ENDED, ENDED)];
        phases.into_iter().zip(10..).for_each(|((before, after), number)| span.note(number, before, after));
        assert_eq!(span.numbers(), 12..=13);
    }

    #[test]
    fn an_order_knows_threads_and_depths_apart() {
        let order = Order::new(2);
        for (thread, depth, number) in [(0, 0, 0), (0, 1, 5), (0, 0, 3), (1, 0, 1), (1, 0, 2)] {
            order.next(thread, depth, number).unwrap();
        }
        assert!(order.next(0, 0, 3).is_err(), "twice");
        let told = order.next(1, 0, 1).unwrap_err();
        assert!(told.contains("event 1 of thread 1 came after its event 2"), "{told}");
    }

    #[test]
    fn a_wrong_count_is_told_by_name() {
        let kinds = ["ledger.a", "ledger.b", "ledger.c", "ledger.d"];
        let bus = Bus::builder().history(2).build().unwrap();
        let _guard = bus.subscribe(|_| {});
        let mut account = Account::default();
        for n in 0..3 {
            account.answered(publish_event!(bus: &bus, "ledger.a", n).outcome);
            (account.kinds[0], account.delivered) = (n + 1, n + 1);
        }
        let stats = bus.stats();
        assert_eq!(account.compare(&stats, &kinds, false), Ok(19));
        account.delivered += 1;
        assert!(
            account.compare(&stats, &kinds, false).unwrap_err().starts_with("P8: delivered: 3, but the ledger has 4")
        );
        assert!(account.compare(&stats, &kinds, true).is_ok(), "resets take counts away");
        account.delivered -= 2;
        assert!(account.compare(&stats, &kinds, true).is_err(), "and never add any");
    }
}
