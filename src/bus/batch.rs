//! Publishing many events at once: what does not depend on the single event (the clock, the tickets, the table) is paid
//! for once in [`CHUNK`] of them.
//!
//! A chunk is taken from the iterator, then recorded whole, then dispatched event by event. While the iterator runs, no
//! ticket is drawn: one that panics or blocks leaves no gap for readers to wait for. Between tickets and slots no user
//! code runs; what was evicted is dropped afterwards.
//!
//! # Orderings
//! As in [`publish`](super::publish): one fence after the last slot of a chunk, before the table is looked at for its first
//! event. For each event the table is looked at anew, so P5 holds for each.

use core::cell::Cell;
use std::panic::resume_unwind;

use super::publish::keep_first;
use super::{Bus, Deliveries, Inner, Outcome, Publishable, evicted};
use crate::contain::{self, Caught};
use crate::event::{Blanks, Given, Kind};
use crate::history::Entry;
use crate::sync::rows::{self, Visit};
use crate::sync::{busy, clock, fence_after_rmw, step, thread_local};

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
        let mut unwind = None;
        let lane = self.lane(&visit);
        let mut held = None;
        for entry in &mut desk.entries {
            let (event, stamp) = (&entry.event, entry.stamp);
            let delivering = self.delivering(event, stamp, &visit, lane, std::thread::panicking());
            let mut done = self.recorded(&delivering, Some(&mut held));
            let next = Self::work_off(&visit, done.tally.unwind.take());
            if let Some(other) = keep_first(&mut unwind, next) {
                contain::defuse(other);
            }
            total.count(done.outcome, done.tally.delivered, done.tally.failed);
        }
        if let Some(reading) = held {
            self.registry.end(reading);
        }
        while let Some(entry) = desk.entries.pop() {
            evicted::drop_into(entry.event, &mut desk.blanks);
        }
        unwind
    }

    fn record_given(&self, desk: &mut Desk, visit: &Visit) {
        let thread = visit.row().number();
        // Before the tickets, as for one event.
        let now = clock::read();
        desk.entries.extend(desk.given.drain(..).map(|given| Entry::new(given.finish(visit, &now))));
        self.recorder.record_all(&mut desk.entries, thread);
        for entry in &desk.entries {
            self.counters.kinds.count(entry.event.kind(), self.lane(visit));
        }
        step("batch.recorded");
        // As for one event: pairs with the fence in `replay`.
        fence_after_rmw();
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
    fn count(&mut self, outcome: Outcome, delivered: u32, failed: u32) {
        self.delivered += u64::from(delivered);
        self.failed += u64::from(failed);
        match outcome {
            Outcome::Queued => self.queued += 1,
            Outcome::QueueFull => self.queue_full += 1,
            Outcome::TooDeep => self.too_deep += 1,
            Outcome::Panicking => self.panicking += 1,
            _ => self.published += 1,
        }
    }
}
