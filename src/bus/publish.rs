//! Publishing: record, then dispatch. The one place that knows this order.
//!
//! # Orderings
//! The event is in the history before its first handler runs, and readable when this returns (P2). Between record and
//! table stands a full fence, which pairs with the one in [`replay`](super::replay): a subscriber that is told of the
//! past misses nothing.

use std::panic::resume_unwind;

use super::deferred::{self, Waiting};
use super::{Bus, Delivery, Inner, Outcome, Publishable, evicted};
use crate::callsite::Refused;
use crate::contain::{self, Caught};
use crate::dispatch::Warning;
use crate::dispatch::deliver::{Delivering, Tally};
use crate::dispatch::table::Table;
use crate::event::{Draft, Event, late};
use crate::sync::rows::{self, Visit};
use crate::sync::snapshot::Cached;
use crate::sync::{busy, fence_after_rmw, frames, step};

/// A table that is looked at for many events.
pub(super) type Tables<'a> = Cached<'a, Table>;

/// What became of a recorded event.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) tally: Tally,
}

impl Bus {
    /// Publishes an event that was built before, or a value of a [`Payload`](crate::Payload) type.
    ///
    /// Call sites use [`publish_event!`](crate::publish_event!), which builds nothing while the bus is off. An event
    /// may be published more than once and on several buses: all share the one instance, and it keeps its id and time.
    /// Where one type is published often, a [`Topic`](crate::Topic) is faster.
    ///
    /// ```
    /// use ringbus::{Bus, Event};
    /// let (bus, copy) = (Bus::new(), Bus::new());
    /// let event = Event::builder("db.error").field("code", 7).build()?;
    /// bus.publish(event.clone());
    /// copy.publish(event.clone());
    /// assert!(Event::same_instance(&event, &copy.recent(1)[0]));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    ///
    /// A value that cannot be published, because another type has its kind, is dropped: the outcome is
    /// [`KindTaken`](Outcome::KindTaken), and `kind_taken` says who has it.
    ///
    /// # Ordering
    /// The history orders events by when they were published, not by their timestamps.
    pub fn publish(&self, event: impl Publishable) -> Delivery {
        if !self.inner.gate.is_open() {
            contain::drop_contained(event);
            return Delivery::none(Outcome::Disabled);
        }
        // Call sites have asked before they made the event.
        if busy::is_busy() {
            contain::drop_contained(event);
            return self.inner.refuse();
        }
        match event.into_event() {
            Ok(event) => self.inner.publish(event),
            Err(taken) => {
                self.inner.counters.taken_kinds.bump();
                Delivery { kind_taken: Some(Box::new(taken)), ..Delivery::none(Outcome::KindTaken) }
            }
        }
    }

    /// Whether a publish can reach anybody; what call sites ask first.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.gate.is_open()
    }

    /// The rest of a call site's publish, after [`is_open`](Self::is_open).
    #[doc(hidden)]
    #[inline]
    pub fn publish_draft(&self, draft: Draft) -> Delivery {
        match rows::visit() {
            Some(visit) => self.inner.publish_on(draft.finish_on(&visit), &visit),
            None => self.inner.refuse(),
        }
    }

    /// The rest of a call site's publish that made no event.
    #[doc(hidden)]
    #[cold]
    pub fn refuse(&self, refused: Refused) -> Delivery {
        match refused {
            Refused::InsideBus => self.inner.refuse(),
            Refused::InvalidKind(error) => {
                self.inner.counters.invalid_kinds.bump();
                Delivery { invalid_kind: Some(error), ..Delivery::none(Outcome::InvalidKind) }
            }
        }
    }
}

impl Inner {
    pub(super) fn publish(&self, event: Event) -> Delivery {
        match rows::visit() {
            Some(visit) => self.publish_on(event, &visit),
            None => self.refuse(),
        }
    }

    pub(super) fn publish_on(&self, mut event: Event, visit: &Visit) -> Delivery {
        let thread = visit.row().number();
        let (stamp, evicted) = self.recorder.record(&mut event, thread);
        self.counters.kinds.count(event.kind(), thread);
        step("publish.recorded");
        // May run user code; nothing of ours is half done.
        evicted::drop_flat(evicted);
        // The record before the table: a subscriber that is told of the past finds this event in the history, or this
        // publisher finds the subscriber in the table. Slots are written by a read-modify-write.
        fence_after_rmw();

        let mut done = self.recorded(&event, stamp, visit, None);
        Self::end(visit, done.tally.unwind.take());
        Delivery::of(event, done.outcome, done.tally.delivered, done.tally.failed)
    }

    /// What follows the record of an event; the table is looked up in `tables`, if there are any.
    #[inline(always)]
    pub(super) fn recorded(&self, event: &Event, stamp: u64, visit: &Visit, tables: Option<&mut Tables<'_>>) -> Done {
        let too_deep = rows::depth() >= self.depth_limit;
        if std::thread::panicking() {
            return self.recorded_while_panicking(event, stamp, visit, too_deep);
        }
        if too_deep {
            self.counters.depth_stops.bump();
            return Done { outcome: Outcome::TooDeep, tally: Tally::default() };
        }
        if let Some(limit) = self.deferred_limit {
            if deferred::must_wait() {
                return Done { outcome: self.defer(event, stamp, visit, limit), tally: Tally::default() };
            }
        }
        Done { outcome: Outcome::Published, tally: self.dispatch(event, stamp, visit, false, tables) }
    }

    #[cold]
    fn recorded_while_panicking(&self, event: &Event, stamp: u64, visit: &Visit, too_deep: bool) -> Done {
        self.counters.while_panicking.bump();
        let tally = if too_deep { Tally::default() } else { self.dispatch(event, stamp, visit, true, None) };
        Done { outcome: Outcome::Panicking, tally }
    }

    /// The end of a dispatch: has what waited for it dispatched too, and lets a panic go on that a handler has asked for;
    /// everybody else has had the event.
    #[inline]
    pub(super) fn end(visit: &Visit, unwind: Option<Caught>) {
        if let Some(payload) = Self::work_off(visit, unwind) {
            resume_unwind(payload);
        }
    }

    /// The same, for one who lets the panic go on later.
    #[inline]
    pub(super) fn work_off(visit: &Visit, mut unwind: Option<Caught>) -> Option<Caught> {
        if deferred::is_due() {
            deferred::work_off(|waiting| {
                let next = waiting.bus.dispatch_late(&waiting.event, waiting.stamp, visit).unwind;
                if let Some(other) = keep_first(&mut unwind, next) {
                    contain::defuse(other);
                }
            });
        }
        unwind
    }

    /// Offers a recorded event to its handlers, and counts what becomes of it. While the thread is `panicking`, only to
    /// those that asked for that.
    #[inline(always)]
    fn dispatch(
        &self,
        event: &Event,
        stamp: u64,
        visit: &Visit,
        panicking: bool,
        tables: Option<&mut Tables<'_>>,
    ) -> Tally {
        let thread = visit.row().number();
        let mut tally = match tables {
            Some(tables) => self.offer(tables.load(), event, stamp, visit, panicking),
            None => self.offer(&self.registry.table(), event, stamp, visit, panicking),
        };
        self.count(&tally, thread);
        if panicking {
            // It would abort the process.
            if let Some(payload) = tally.unwind.take() {
                contain::defuse(payload);
            }
        } else if tally.offered == 0 {
            self.counters.unheard.add(thread, 1);
            self.reporter.warn(&Warning::Unheard { event });
        }
        tally
    }

    /// The same for one that has waited.
    #[cold]
    fn dispatch_late(&self, event: &Event, stamp: u64, visit: &Visit) -> Tally {
        self.dispatch(event, stamp, visit, false, None)
    }

    /// Calls the handlers that a table has for an event.
    #[inline(always)]
    fn offer(&self, table: &Table, event: &Event, stamp: u64, visit: &Visit, panicking: bool) -> Tally {
        let found = table.find(event.kind());
        if found.learn {
            self.registry.learn(event.kind());
        }
        let mut tally = Tally::default();
        if !found.walk.is_empty() {
            let delivering =
                Delivering { event, value: event.value(), stamp, visit, reporter: &self.reporter, panicking };
            frames::enter(self, event, || delivering.walk(found.walk, &mut tally));
        }
        tally
    }

    /// Counts what became of an event, and tidies up after subscriptions that it has used up.
    #[inline]
    pub(super) fn count(&self, tally: &Tally, thread: usize) {
        if tally.delivered > 0 {
            self.counters.delivered.add(thread, tally.delivered.into());
        }
        if tally.failed > 0 {
            self.counters.count_failures(tally.failed, tally.panicked);
            // What a handler's unwinding, or the hook before it, was the last to hold.
            late::make_up();
        }
        if tally.spent {
            self.registry.tidy();
        }
    }

    /// Lets an event wait for the dispatch that is under way on this thread.
    #[cold]
    fn defer(&self, event: &Event, stamp: u64, visit: &Visit, limit: usize) -> Outcome {
        // The publisher holds the bus.
        let waits = self.me.upgrade().is_some_and(|bus| deferred::wait(Waiting::new(bus, event.clone(), stamp), limit));
        if waits {
            self.counters.deferred.add(visit.row().number(), 1);
            return Outcome::Queued;
        }
        self.counters.deferred_drops.bump();
        Outcome::QueueFull
    }

    /// A publish from inside the bus's own work on this thread.
    #[cold]
    pub(super) fn refuse(&self) -> Delivery {
        self.counters.refused.bump();
        Delivery::none(Outcome::Refused)
    }
}

/// Keeps the first of two panics; the other one is handed back.
pub(super) fn keep_first(first: &mut Option<Caught>, next: Option<Caught>) -> Option<Caught> {
    if first.is_some() {
        return next;
    }
    *first = next;
    None
}
