//! The flight recorder: the last N events, written by publishers without waiting, read at any time.
//!
//! 1. A publisher's thread is bound to one of a few shards, so that publishers on different cores share no written
//!    line ([`ring`]).
//! 2. It draws a ticket there, stamps its event with (clock, shard, sequence) and puts it into a [`slot`].
//! 3. A reader takes what the shards hold, in turn, and sorts it by stamp; [`query`] selects from that.
//!    A [`chain`] is the tree of what led to what.
//! 4. A [`tail`] reads on from where it stopped; [`cursor`] is its public form.
//!
//! Promises: an event is readable when its publish returns (P2); each thread's events keep their order (P3); readable =
//! min(N, recorded since the last reset) when nothing is in flight (P8); memory is bounded by shards × max(N rounded up
//! to a power of two, 1024) events (P9). The history knows events; it never knows a handler or a bus.

mod chain;
mod query;

mod cursor;
mod tail;

mod ring;
mod slot;

pub use chain::Chain;
pub use cursor::{Batch, Cursor};
pub use query::History;
pub(crate) use query::Source;
pub(crate) use tail::{Found, Tail};

#[cfg(ringbus_loom)]
pub(crate) use ring::Ring;
#[cfg(not(ringbus_loom))]
use ring::Ring;

use core::fmt;

use crate::event::{Event, Inner};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, CachePadded, Mutex, MutexGuard, busy};

/// Most events that a history can be asked to keep.
pub(crate) const MAX_CAPACITY: usize = 1 << 24;

/// Most shards of a history: the stamp has 8 bits for the shard.
pub(crate) const MAX_SHARDS: usize = 256;

/// The history's own mark on an event: where it stands in which shard. Together with the clock it orders the history.
///
/// ```text
/// | shard: 8 bits | ticket: 56 bits |
/// ```
///
/// Tickets do not come to their end: 2^56 events on one shard, whose one line carries some 10^8 exchanges a second at
/// most, take 22 years without a pause; on sixteen such shards it is as long for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stamp(u64);

impl Stamp {
    const TICKET_BITS: u32 = 56;

    fn new(shard: usize, ticket: u64) -> Self {
        Self((shard as u64) << Self::TICKET_BITS | (ticket & ((1 << Self::TICKET_BITS) - 1)))
    }

    fn shard(self) -> usize {
        (self.0 >> Self::TICKET_BITS) as usize
    }

    fn ticket(self) -> u64 {
        self.0 & ((1 << Self::TICKET_BITS) - 1)
    }
}

/// The recorder of one bus.
pub(crate) struct Recorder {
    capacity: usize,
    shards: Box<[CachePadded<Shard>]>,
    /// Readers exclude each other; writers never come here.
    reading: Mutex<()>,
}

struct Shard {
    ring: Ring<Inner>,
    /// Tickets below it are forgotten: drawn before the last reset.
    base: AtomicU64,
}

/// An event of a batch, on its way into the history and out to its handlers.
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) stamp: u64,
    /// What it has evicted: to be dropped, which may run user code.
    pub(crate) evicted: Option<Event>,
    record: Option<Arc<Inner>>,
}

impl Entry {
    pub(crate) fn new(event: Event) -> Self {
        Self { event, stamp: 0, evicted: None, record: None }
    }
}

/// One recorded event, with what orders it.
pub(crate) struct Recorded {
    raw: u64,
    stamp: Stamp,
    pub(crate) event: Event,
}

impl Recorded {
    /// An event that did not come out of the history: when it was recorded is not known.
    pub(crate) fn brought(event: Event, stamp: u64) -> Self {
        Self { raw: 0, stamp: Stamp(stamp), event }
    }

    /// The history's mark on it.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.0
    }
}

/// Somebody else is reading the history at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryBusy;

impl fmt::Display for HistoryBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the history is being read by another thread, and this reader must not wait")
    }
}

impl std::error::Error for HistoryBusy {}

// === impl Recorder ===

impl Recorder {
    /// A recorder of `capacity` events over `shards` (a power of two, at most [`MAX_SHARDS`]).
    #[cfg(any(test, ringbus_loom))]
    pub(crate) fn new(capacity: usize, shards: usize) -> Self {
        Self::starting_at(capacity, shards, 0)
    }

    /// The same, whose shards' first tickets are not 0.
    pub(crate) fn starting_at(capacity: usize, shards: usize, ticket: u64) -> Self {
        debug_assert!(capacity <= MAX_CAPACITY && shards <= MAX_SHARDS && shards.is_power_of_two());
        let ring = || Ring::starting_at(capacity, ticket);
        let shard = || CachePadded::new(Shard { ring: ring(), base: AtomicU64::new(ticket) });
        Self { capacity, shards: (0..shards).map(|_| shard()).collect(), reading: Mutex::new(()) }
    }

    /// How many events it shows at most.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// In how many rings it records.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Records `event` for the thread numbered `thread`. Returns its stamp, and the event that it evicted; dropping that
    /// may run user code.
    #[inline]
    pub(crate) fn record(&self, event: &mut Event, thread: usize) -> (u64, Option<Event>) {
        let index = thread & (self.shards.len() - 1);
        let ring = &self.shards[index].ring;
        if self.capacity == 0 {
            return (Stamp::new(index, ring.draw()).0, None);
        }
        // All clocks are read before the ticket: see `collect`.
        let record = event.record_form();
        let stamp = Stamp::new(index, ring.draw());
        record.mark(stamp.0);
        (stamp.0, ring.put(stamp.ticket(), record).map(Event::from_evicted))
    }

    /// Records all `entries`, in order, as [`record`](Self::record) does one. No user code runs in between.
    pub(crate) fn record_all(&self, entries: &mut [Entry], thread: usize) {
        let index = thread & (self.shards.len() - 1);
        let ring = &self.shards[index].ring;
        if self.capacity > 0 {
            // All that can fail, and all clocks, come before the tickets.
            for entry in &mut *entries {
                entry.record = Some(entry.event.record_form());
            }
        }
        let first = ring.draw_many(entries.len() as u64);
        for (entry, n) in entries.iter_mut().zip(0..) {
            let stamp = Stamp::new(index, first.wrapping_add(n));
            entry.stamp = stamp.0;
            if let Some(record) = entry.record.take() {
                record.mark(stamp.0);
                entry.evicted = ring.put(stamp.ticket(), record).map(Event::from_evicted);
            }
        }
    }

    /// Tickets ever drawn.
    pub(crate) fn drawn(&self) -> u64 {
        self.shards.iter().map(|shard| shard.ring.head()).fold(0, u64::wrapping_add)
    }

    /// Tickets drawn since the last reset: events recorded, or only counted where the capacity is 0.
    pub(crate) fn counted(&self) -> u64 {
        let since_base = |shard: &CachePadded<Shard>| {
            // The base first: it never passes a head that is read after it. Acquire: that head is no older than the one
            // that a reset has seen.
            let base = shard.base.load(Ordering::Acquire);
            shard.ring.head() - base
        };
        self.shards.iter().map(since_base).sum()
    }

    /// The newest `limit` events, newest first.
    pub(crate) fn recent(&self, limit: usize) -> Vec<Recorded> {
        let (found, evicted) = busy::during(|| self.collect(limit, self.reading.lock()));
        drop(evicted);
        found
    }

    /// The same without waiting for another reader.
    pub(crate) fn try_recent(&self, limit: usize) -> Result<Vec<Recorded>, HistoryBusy> {
        let collect = || self.reading.try_lock().map(|reading| self.collect(limit, reading));
        let (found, evicted) = busy::during(collect).ok_or(HistoryBusy)?;
        drop(evicted);
        Ok(found)
    }

    /// The newest `limit` events and beside them what is to be dropped, which may run user code, which may read the
    /// history: not under the lock.
    fn collect(&self, limit: usize, _reading: MutexGuard<'_, ()>) -> (Vec<Recorded>, Vec<Event>) {
        let limit = limit.min(self.capacity);
        let mut found = Vec::new();
        let mut evicted = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            let head = shard.ring.head();
            let oldest = shard.base.load(Ordering::Relaxed).max(head.saturating_sub(limit as u64));
            // A writer may lose its processor between its clock and its ticket, so clocks do not quite follow tickets.
            // Tickets rule: an event counts as at least as young as those before it. What happened before it is older
            // all the same, since each clock is read before its ticket is drawn.
            let mut youngest = 0;
            for ticket in oldest..head {
                let stamp = Stamp::new(index, ticket);
                // Another stamp: the ticket's writer is under way, and an older lap's record still there.
                let (record, displaced) = shard.ring.read(ticket, |record| record.stamp() == stamp.0);
                found.extend(record.map(|record| {
                    youngest = record.raw().max(youngest);
                    Recorded { raw: youngest, stamp, event: Event::from_record(&record) }
                }));
                evicted.extend(displaced.map(Event::from_evicted));
            }
        }
        found.sort_unstable_by_key(|entry| core::cmp::Reverse((entry.raw, entry.stamp)));
        evicted.extend(found.drain(limit.min(found.len())..).map(|entry| entry.event));
        (found, evicted)
    }

    /// Forgets all events recorded so far; they are the caller's to drop. Counts go on from here.
    pub(crate) fn reset(&self) -> Vec<Event> {
        busy::during(|| {
            let _reading = self.reading.lock();
            let mut forgotten = Vec::new();
            for (index, shard) in self.shards.iter().enumerate() {
                let head = shard.ring.head();
                shard.base.store(head, Ordering::Release);
                if self.capacity > 0 {
                    let end = Stamp::new(index, head);
                    let old = shard.ring.clear(|record| record.stamp() < end.0);
                    forgotten.extend(old.into_iter().map(Event::from_evicted));
                }
            }
            forgotten
        })
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn event(n: u64) -> Event {
        Event::builder("history.test").field("n", n).build().unwrap()
    }

    #[test]
    fn a_reset_hands_out_what_was_kept_and_keeps_what_comes_after() {
        let recorder = Recorder::new(10, 2);
        let stamps: Vec<u64> = (0..4).map(|n| recorder.record(&mut event(n), n as usize).0).collect();
        let told: HashSet<u64> = recorder.recent(10).iter().map(Recorded::stamp).collect();
        assert_eq!(told, stamps.into_iter().collect(), "an event has the stamp that its publisher was told");
        assert_eq!(recorder.reset().len(), 4);
        assert_eq!((recorder.counted(), recorder.recent(10).len(), recorder.reset().len()), (0, 0, 0));
        recorder.record(&mut event(4), 0);
        assert_eq!((recorder.counted(), recorder.recent(10).len()), (1, 1));
    }

    #[test]
    fn a_batch_has_its_tickets_in_a_row_in_the_shard_of_its_thread() {
        let recorder = Recorder::new(10, 4);
        for thread in 0..8 {
            let mut batch: Vec<Entry> = (0..3).map(|n| Entry::new(event(n))).collect();
            recorder.record_all(&mut batch, thread);
            let next = recorder.record(&mut event(3), thread).0;
            assert_eq!(Stamp(next).shard(), thread % 4);
            let stamps: Vec<u64> = batch.iter().map(|entry| entry.stamp).collect();
            assert_eq!(stamps, [next - 3, next - 2, next - 1], "thread {thread}");
        }
        assert_eq!((recorder.drawn(), recorder.recent(10).len()), (32, 10));
    }

    /// As by a writer that draws its ticket when the reset has looked, and writes before the reset comes to its slot.
    #[test]
    fn a_reset_leaves_what_comes_while_it_clears() {
        let recorder = Recorder::new(10, 1);
        recorder.record(&mut event(0), 0);
        let record = event(1).record_form();
        record.mark(Stamp::new(0, 1).0);
        assert!(recorder.shards[0].ring.put(1, record).is_none());
        assert_eq!(recorder.reset().len(), 1);
        assert_eq!(recorder.shards[0].ring.draw(), 1);
        assert_eq!((recorder.counted(), recorder.recent(10).len()), (1, 1));
    }

    #[test]
    fn who_must_not_wait_is_told_why_it_got_nothing() {
        assert_eq!(
            HistoryBusy.to_string(),
            "the history is being read by another thread, and this reader must not wait"
        );
    }
}
