//! Publishing many events at once: what does not depend on the single event (the clock, the tickets, the table) is paid
//! for once in [`CHUNK`] of them.
//!
//! A chunk is taken from the iterator, then recorded whole, then dispatched event by event. While the iterator runs, no
//! ticket is drawn: one that panics or blocks leaves no gap for readers to wait for. Between tickets and slots no user
//! code runs; what was evicted is dropped afterwards.
//!
//! # Orderings
//! As in [`publish`](super::publish): a full fence, that of the reading, between the last slot of a chunk and the first
//! look at the table. Before each event it is asked whether the table is still the newest one, so P5 holds for each.

use core::cell::Cell;
use std::panic::resume_unwind;

use super::publish::{Done, keep_first};
use super::{Bus, Deliveries, Inner, Outcome, Publishable, deferred, evicted};
use crate::contain::{self, Caught};
use crate::dispatch::deliver::Tally;
use crate::event::{Blanks, Given, Kind};
use crate::history::Entry;
use crate::sync::counter::Lane;
use crate::sync::revocable::Calls;
use crate::sync::rows::{self, Visit};
use crate::sync::{busy, clock, frames, step, thread_local};

/// So many events are recorded together.
const CHUNK: usize = if cfg!(ringbus_loom) { 2 } else { 32 };

/// What a thread's batches work with; empty in between, but for memory that serves again.
struct Desk {
    given: Vec<Given>,
    entries: Vec<Entry>,
    blanks: Blanks,
}

thread_local! {
    static DESK: Cell<Option<Box<Desk>>> = const { Cell::new(None) };
}

impl Bus {
    /// Publishes all that `events` yields: [`Event`](crate::Event)s, or values of one [`Payload`](crate::Payload) type.
    /// Cheaper than one by one, because the clock is read, and the history's and the handlers' places are found, once for
    /// many.
    ///
    /// ```
    /// use ringbus::{Bus, Event};
    ///
    /// let bus = Bus::new();
    /// let _errors = bus.on("db.error")?.subscribe(|event| println!("{event}"));
    /// let all = bus.publish_all((0..3).filter_map(|code| Event::builder("db.error").field("code", code).build().ok()));
    /// assert_eq!((all.events, all.published, all.delivered), (3, 3, 3));
    /// assert_eq!(bus.recent(1)[0].get("code"), Some(&2.into()));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Ordering
    /// Events are taken from the iterator, recorded, and dispatched in its order; each is in the history before its own
    /// handlers run. Up to 32 at a time are taken, then recorded together, then dispatched one after the other: so a
    /// handler may find events in the history whose turn has not come, what a handler publishes is younger than all
    /// of its chunk, and what the iterator itself publishes is older. Values get their time when their chunk is
    /// recorded. Where a thread has to wait for an event to be handled, publish that one by itself.
    ///
    /// # Panics
    /// If the iterator panics: what it has yielded is published first. If a handler does that was subscribed to
    /// [unwind](crate::FailurePolicy::Unwind): the rest of its chunk is dispatched first, and no more is taken.
    pub fn publish_all<P: Publishable>(&self, events: impl IntoIterator<Item = P>) -> Deliveries {
        let mut events = events.into_iter();
        let mut total = Deliveries::default();
        let mut kind = None;
        let mut desk = Desk::sit_down();
        loop {
            let taken = contain::call(|| desk.take(&self.inner, &mut events, &mut kind, &mut total));
            let mut unwind = self.inner.publish_given(&mut desk, &mut total);
            let done = taken.unwrap_or_else(|panic| {
                if let Some(other) = keep_first(&mut unwind, Some(panic)) {
                    contain::defuse(other);
                }
                true
            });
            if let Some(payload) = unwind {
                desk.leave();
                resume_unwind(payload);
            }
            if done {
                desk.leave();
                return total;
            }
        }
    }
}

impl Inner {
    /// Records a chunk, and dispatches it. What is to go on in the publisher comes back.
    fn publish_given(&self, desk: &mut Desk, total: &mut Deliveries) -> Option<Caught> {
        if desk.given.is_empty() {
            return None;
        }
        let Some(visit) = rows::visit() else {
            total.refused += desk.given.len() as u64;
            self.counters.refused.add(desk.given.len() as u64);
            desk.given.clear();
            return None;
        };
        self.record_given(desk, &visit);
        let unwind = self.dispatch_all(&desk.entries, &visit, total);
        while let Some(entry) = desk.entries.pop() {
            evicted::drop_into(entry.event, &mut desk.blanks);
        }
        unwind
    }

    /// Dispatches recorded events, in order. What is to go on in the publisher comes back.
    fn dispatch_all(&self, entries: &[Entry], visit: &Visit, total: &mut Deliveries) -> Option<Caught> {
        let lane = self.lane(visit);
        let mut unwind = None;
        let mut left = entries.iter();
        loop {
            let stretch =
                if self.is_usual(visit) { self.dispatch_stretch(&mut left, visit, lane, total) } else { None };
            let mut done = match stretch {
                Some((entry, mut tally)) => {
                    let delivering = self.delivering(&entry.event, entry.stamp, visit, lane, false);
                    self.settle(&delivering, &mut tally, false);
                    Done { outcome: Outcome::Published, tally }
                }
                None => {
                    let Some(entry) = left.next() else { return unwind };
                    let panicking = std::thread::panicking();
                    self.recorded(&self.delivering(&entry.event, entry.stamp, visit, lane, panicking))
                }
            };
            total.count(done.outcome, &done.tally);
            let next = Self::work_off(visit, done.tally.unwind.take());
            if let Some(other) = keep_first(&mut unwind, next) {
                contain::defuse(other);
            }
        }
    }

    /// Dispatches as many as it can where nothing happens but calls that go well: the table is read once, each call ends
    /// the one before it, also that of an earlier event, and all are counted together. The one after which there is more
    /// to do comes back.
    fn dispatch_stretch<'e>(
        &self,
        left: &mut core::slice::Iter<'e, Entry>,
        visit: &Visit,
        lane: Lane,
        total: &mut Deliveries,
    ) -> Option<(&'e Entry, Tally)> {
        let depth = visit.depth();
        let reading = self.registry.announce(visit.level(depth))?.confirmed();
        let mut calls = Calls::new(visit.level(depth));
        let (mut delivered, mut enqueued) = (0, 0);
        let last = visit.at_depth(depth + 1, || {
            loop {
                let entry = left.as_slice().first().filter(|entry| !self.is_far(&entry.event))?;
                // P5 holds for each event.
                let table = reading.get_if_newest()?;
                let subscribers = table.straight(entry.event.kind()).filter(|subscribers| !subscribers.is_empty())?;
                left.next();
                let delivering = self.delivering(&entry.event, entry.stamp, visit, lane, false);
                let mut tally = Tally::default();
                frames::enter(self, &entry.event, || delivering.call_all(subscribers, &mut calls, &mut tally));
                if tally.asks_for_more() || deferred::is_due() {
                    return Some((entry, tally));
                }
                delivered += u64::from(tally.delivered);
                enqueued += u64::from(tally.enqueued);
                total.published += 1;
            }
        });
        calls.leave();
        drop(calls);
        self.registry.end(reading);
        total.delivered += delivered;
        self.counters.delivered.add(lane, delivered);
        if enqueued > 0 {
            total.enqueued += enqueued;
            self.counters.enqueued.add(lane, enqueued);
        }
        last
    }

    fn record_given(&self, desk: &mut Desk, visit: &Visit) {
        let thread = visit.row().number();
        // Before the tickets, as for one event.
        let now = clock::read();
        desk.entries.extend(desk.given.drain(..).map(|given| Entry::new(given.finish(visit, &now))));
        self.recorder.record_all(&mut desk.entries, thread);
        let lane = self.lane(visit);
        for entry in &desk.entries {
            self.counters.kinds.count(entry.event.kind(), lane);
        }
        step("batch.recorded");
        // May run user code; nothing of ours is half done.
        for entry in &mut desk.entries {
            if let Some(evicted) = entry.evicted.take() {
                evicted::drop_into(evicted, &mut desk.blanks);
            }
        }
    }
}

// === impl Desk ===

impl Desk {
    /// The thread's, or a new one where that is in use or gone.
    fn sit_down() -> Box<Self> {
        DESK.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            let new = || Self {
                given: Vec::with_capacity(CHUNK),
                entries: Vec::with_capacity(CHUNK),
                blanks: Blanks::with_room(CHUNK),
            };
            busy::during(|| Box::new(new()))
        })
    }

    /// Leaves it for the thread's next batch.
    fn leave(self: Box<Self>) {
        let mut desk = Some(self);
        let earlier = DESK.try_with(|place| place.replace(desk.take())).ok().flatten();
        busy::during(|| drop((earlier, desk)));
    }

    /// Takes a chunk; says whether it was the last one. Runs the iterator.
    fn take<P: Publishable>(
        &mut self,
        bus: &Inner,
        events: &mut impl Iterator<Item = P>,
        kind: &mut Option<Kind>,
        total: &mut Deliveries,
    ) -> bool {
        while self.given.len() < CHUNK {
            let Some(event) = events.next() else { return true };
            total.events += 1;
            if !bus.gate.is_open() {
                contain::drop_contained(event);
                total.disabled += 1;
            } else if busy::is_busy() {
                contain::drop_contained(event);
                bus.counters.refused.bump();
                total.refused += 1;
            } else if bus.mode.is_shut() {
                contain::drop_contained(event);
                bus.counters.shut_down.bump();
                total.shut_down += 1;
            } else if let Ok(given) = event.give(kind, &mut self.blanks) {
                self.given.push(given);
            } else {
                bus.counters.taken_kinds.bump();
                total.kind_taken += 1;
            }
        }
        false
    }
}

impl Deliveries {
    fn count(&mut self, outcome: Outcome, tally: &Tally) {
        self.delivered += u64::from(tally.delivered);
        self.enqueued += u64::from(tally.enqueued);
        self.failed += u64::from(tally.failed);
        match outcome {
            Outcome::Queued => self.queued += 1,
            Outcome::QueueFull => self.queue_full += 1,
            Outcome::TooDeep => self.too_deep += 1,
            Outcome::TooManyHops => self.too_many_hops += 1,
            Outcome::Panicking => self.panicking += 1,
            _ => self.published += 1,
        }
    }
}
