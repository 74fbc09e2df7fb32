//! Reading a history on from where one stopped: each event once, and a count of those that were missed.
//!
//! For each shard a tail keeps the next ticket to look at, and the *gaps*: tickets below it that were drawn and not yet
//! written when it looked. A gap is looked at again each time; when its writer has come, its event is found; when its
//! slot has gone to a later lap, or the tail's patience is over, it counts as missed.
//!
//! The writer of a gap is in the middle of its publish, so each thread's events come in their order; across threads
//! they come in order of time within one reading.

use std::time::{Duration, Instant};

use super::{Recorded, Recorder, Stamp};
use crate::event::Event;
use crate::sync::atomic::Ordering;
use crate::sync::busy;

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    shards: Vec<Follow>,
    /// There is a history; without one nothing is found, and nothing settles.
    keeps: bool,
    /// How long a gap is waited for.
    patience: Option<Duration>,
}

/// How far one shard has been read.
#[derive(Clone, Debug, Default)]
struct Follow {
    next: u64,
    gaps: Vec<Gap>,
}

/// A ticket that was not written when it was looked at.
#[derive(Clone, Debug)]
struct Gap {
    ticket: u64,
    seen: Instant,
}

/// What one reading has found.
#[derive(Default)]
pub(crate) struct Found {
    /// Oldest first.
    pub(crate) events: Vec<Recorded>,
    /// Events that were overwritten, or not written in time.
    pub(crate) missed: u64,
    /// Of these, those that came after one of their shard that was found: overwritten while the others were read.
    pub(crate) holes: u64,
    /// What a writer has evicted meanwhile: to be dropped outside the lock; it may run user code.
    rubble: Vec<Event>,
}

// === impl Found ===

impl Found {
    /// Puts events that were overwritten, and that their publishers have brought, where they belong: they were not missed.
    pub(crate) fn restore(&mut self, brought: impl IntoIterator<Item = (u64, Event)>) {
        let found = self.events.len();
        self.events.extend(brought.into_iter().map(|(stamp, event)| Recorded::brought(event, stamp)));
        let restored = self.events.len() - found;
        if restored == 0 {
            return;
        }
        self.missed = self.missed.saturating_sub(restored as u64);
        // Each is as young as the one before it in its shard.
        self.events.sort_unstable_by_key(|entry| entry.stamp);
        let mut before = (0, 0);
        for entry in &mut self.events {
            let youngest = if entry.stamp.shard() == before.0 { before.1 } else { 0 };
            entry.raw = entry.raw.max(youngest);
            before = (entry.stamp.shard(), entry.raw);
        }
        self.events.sort_unstable_by_key(|entry| (entry.raw, entry.stamp));
    }
}

// === impl Tail ===

impl Tail {
    /// Whether the event with this stamp has been found, or counted as missed.
    pub(crate) fn has_settled(&self, stamp: u64) -> bool {
        let (stamp, keeps) = (Stamp(stamp), self.keeps);
        let ticket = stamp.ticket();
        let passed = |shard: &Follow| ticket < shard.next && !shard.gaps.iter().any(|gap| gap.ticket == ticket);
        keeps && self.shards.get(stamp.shard()).is_some_and(passed)
    }

    /// Gives up a gap after this time.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }
}

// === impl Recorder ===

impl Recorder {
    /// A tail that begins with the oldest event still there. It waits for each gap until its slot is written. Where no
    /// history is kept all is missed, and nothing settles.
    pub(crate) fn tail(&self) -> Tail {
        let shards = self.shards.iter().map(|shard| {
            let head = shard.ring.head();
            // Relaxed: a reset that happened before is seen by coherence; base and head are not subtracted here.
            let next = shard.base.load(Ordering::Relaxed).max(head.saturating_sub(shard.ring.slots() as u64));
            Follow { next, gaps: Vec::new() }
        });
        Tail { shards: shards.collect(), keeps: self.capacity > 0, patience: None }
    }

    /// What has come since the tail was last read.
    pub(crate) fn follow(&self, tail: &mut Tail) -> Found {
        if self.capacity == 0 {
            return self.miss_all(tail);
        }
        let mut found = busy::during(|| {
            let _reading = self.reading.lock();
            self.read_on(tail)
        });
        drop(core::mem::take(&mut found.rubble));
        found
    }

    /// Where nothing is kept, all that was drawn meanwhile is missed.
    fn miss_all(&self, tail: &mut Tail) -> Found {
        let mut found = Found::default();
        for (shard, follow) in self.shards.iter().zip(&mut tail.shards) {
            let head = shard.ring.head();
            found.missed += head.saturating_sub(follow.next);
            follow.next = head.max(follow.next);
        }
        found
    }

    fn read_on(&self, tail: &mut Tail) -> Found {
        let mut found = Found::default();
        let now = Instant::now();
        let patience = tail.patience;
        for (index, (shard, follow)) in self.shards.iter().zip(&mut tail.shards).enumerate() {
            let head = shard.ring.head();
            let slots = shard.ring.slots() as u64;
            let oldest = shard.base.load(Ordering::Relaxed).max(head.saturating_sub(slots));
            let gaps = core::mem::take(&mut follow.gaps);
            found.missed += oldest.saturating_sub(follow.next);
            let fresh = (follow.next.max(oldest)..head).map(|ticket| Gap { ticket, seen: now });
            follow.next = follow.next.max(head);

            // As in `collect`: within a shard, tickets rule.
            let mut youngest = 0;
            let mut any = false;
            for gap in gaps.into_iter().chain(fresh) {
                let stamp = Stamp::new(index, gap.ticket);
                let (record, displaced) = shard.ring.read(gap.ticket, |record| record.stamp() == stamp.0);
                found.rubble.extend(displaced.map(Event::from_evicted));
                if let Some(record) = record {
                    youngest = record.raw().max(youngest);
                    any = true;
                    found.events.push(Recorded { raw: youngest, stamp, event: Event::from_record(&record) });
                    continue;
                }
                let overwritten = gap.ticket < oldest || shard.ring.head() - gap.ticket > slots;
                let given_up = patience.is_some_and(|patience| now.saturating_duration_since(gap.seen) >= patience);
                if overwritten || given_up {
                    found.missed += 1;
                    found.holes += u64::from(any);
                } else {
                    follow.gaps.push(gap);
                }
            }
        }
        found.events.sort_unstable_by_key(|entry| (entry.raw, entry.stamp));
        found
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        Event::builder("tail.test").field("n", n).build().unwrap()
    }

    fn numbers(found: &Found) -> Vec<i64> {
        found.events.iter().filter_map(|entry| entry.event.get("n").and_then(|n| n.as_i64())).collect()
    }

    #[test]
    fn each_event_is_found_once_and_what_was_overwritten_is_counted() {
        let recorder = Recorder::new(10, 1);
        let mut tail = recorder.tail();
        let record = |n| drop(recorder.record(&mut event(n), 0));
        (0..3).for_each(record);
        assert_eq!(numbers(&recorder.follow(&mut tail)), [0, 1, 2]);
        assert_eq!(numbers(&recorder.follow(&mut tail)), [0_i64; 0]);
        (3..2000).for_each(record);
        let found = recorder.follow(&mut tail);
        assert_eq!((found.missed, found.events.len(), numbers(&found)[0]), (2000 - 3 - 1024, 1024, 2000 - 1024));
    }

    #[test]
    fn without_a_history_all_is_missed_and_nothing_settles() {
        let recorder = Recorder::new(0, 1);
        recorder.record(&mut event(1), 0);
        let mut tail = recorder.tail();
        let stamp = recorder.record(&mut event(2), 0).0;
        let found = recorder.follow(&mut tail);
        assert_eq!((found.events.len(), found.missed, tail.has_settled(stamp)), (0, 1, false));
    }

    #[test]
    fn a_gap_is_found_when_it_is_written_or_counted() {
        let recorder = Recorder::new(10, 1);
        let mut tail = recorder.tail();
        let late = [recorder.shards[0].ring.draw(), recorder.shards[0].ring.draw()];
        recorder.record(&mut event(7), 0);
        assert_eq!(numbers(&recorder.follow(&mut tail)), [7]);
        assert!(tail.has_settled(Stamp::new(0, 2).0) && !tail.has_settled(Stamp::new(0, late[0]).0));

        let record = event(8).record_form();
        record.mark(Stamp::new(0, late[0]).0);
        recorder.shards[0].ring.put(late[0], record);
        let found = recorder.follow(&mut tail);
        assert_eq!((numbers(&found), found.missed), (vec![8], 0));
        tail.set_patience(Duration::ZERO);
        assert_eq!(recorder.follow(&mut tail).missed, 1, "the other one, given up");
        assert!(tail.has_settled(Stamp::new(0, late[1]).0));
    }

    #[test]
    fn what_is_missed_behind_one_that_is_found_is_a_hole() {
        let recorder = Recorder::new(10, 1);
        let mut tail = recorder.tail();
        tail.set_patience(Duration::ZERO);
        recorder.shards[0].ring.draw();
        recorder.record(&mut event(1), 0);
        recorder.shards[0].ring.draw();
        recorder.shards[0].ring.draw();
        let found = recorder.follow(&mut tail);
        assert_eq!((numbers(&found), found.missed, found.holes), (vec![1], 3, 2));
    }

    #[test]
    fn what_was_overwritten_and_is_brought_takes_its_place() {
        let recorder = Recorder::new(10, 2);
        let mut tail = recorder.tail();
        tail.set_patience(Duration::ZERO);
        let record = |n: u64, thread| recorder.record(&mut event(n), thread).0;
        record(0, 0);
        record(1, 1);
        let lost = [0, 1, 0].map(|shard| Stamp::new(shard, recorder.shards[shard].ring.draw()).0);
        record(5, 0);
        record(6, 1);
        let mut found = recorder.follow(&mut tail);
        assert_eq!((numbers(&found), found.missed), (vec![0, 1, 5, 6], 3));
        // The last one first: the places are the stamps'.
        found.restore([(lost[2], event(4)), (lost[1], event(3)), (lost[0], event(2))]);
        assert_eq!((numbers(&found), found.missed), (vec![0, 2, 4, 1, 3, 5, 6], 0));
        found.restore([]);
        assert_eq!(found.events.len(), 7);
    }

    #[test]
    fn what_a_reset_forgets_counts_as_missed() {
        let recorder = Recorder::new(10, 2);
        let mut tail = recorder.tail();
        (0..4).for_each(|n| drop(recorder.record(&mut event(n), n as usize)));
        drop(recorder.reset());
        recorder.record(&mut event(9), 1);
        let found = recorder.follow(&mut tail);
        assert_eq!((numbers(&found), found.missed), (vec![9], 4));
    }

    #[test]
    fn a_gap_is_open_for_a_lap_and_no_longer() {
        let recorder = Recorder::new(10, 1);
        let mut tail = recorder.tail();
        // Not at the beginning: what is reckoned with a ticket shows.
        (0..600).for_each(|n| drop(recorder.record(&mut event(n), 0)));
        recorder.shards[0].ring.draw();
        assert_eq!(recorder.follow(&mut tail).missed, 0);
        (0..1023).for_each(|n| drop(recorder.record(&mut event(n), 0)));
        let found = recorder.follow(&mut tail);
        assert_eq!((found.events.len(), found.missed), (1023, 0), "a lap of tickets, none of them that slot's");
        recorder.record(&mut event(0), 0);
        assert_eq!(recorder.follow(&mut tail).missed, 1, "the slot's next ticket is drawn");
        assert_eq!(recorder.follow(&mut tail).missed, 0, "counted once");
    }

    #[test]
    fn a_gap_that_a_reset_forgets_is_missed() {
        let recorder = Recorder::new(10, 1);
        let mut tail = recorder.tail();
        recorder.shards[0].ring.draw();
        assert_eq!(recorder.follow(&mut tail).missed, 0);
        drop(recorder.reset());
        assert_eq!(recorder.follow(&mut tail).missed, 1);
    }
}
