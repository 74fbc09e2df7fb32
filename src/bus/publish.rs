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
use crate::event::{Draft, Event, late};
use crate::sync::rows::{self, Visit};
use crate::sync::{busy, fence_after_rmw, frames, step};

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
        self.inner.publish(draft.finish())
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
    pub(super) fn publish(&self, mut event: Event) -> Delivery {
        let Some(visit) = rows::visit() else {
            return self.refuse();
        };
        let thread = visit.row().number();
        let (stamp, evicted) = self.recorder.record(&mut event, thread);
        self.counters.kinds.count(event.kind(), thread);
        step("publish.recorded");
        // May run user code; nothing of ours is half done.
        evicted::drop_flat(evicted);
        // The record before the table: a subscriber that is told of the past finds this event in the history, or this
        // publisher finds the subscriber in the table. Slots are written by a read-modify-write.
        fence_after_rmw();

        if std::thread::panicking() {
            self.counters.while_panicking.bump();
            let too_deep = rows::depth() >= self.depth_limit;
            let tally = if too_deep { Tally::default() } else { self.dispatch(&event, stamp, &visit, true) };
            return Delivery::of(event, Outcome::Panicking, tally.delivered, tally.failed);
        }
        if rows::depth() >= self.depth_limit {
            self.counters.depth_stops.bump();
            return Delivery::of(event, Outcome::TooDeep, 0, 0);
        }
        if let Some(limit) = self.deferred_limit {
            if deferred::must_wait() {
                return self.defer(event, stamp, &visit, limit);
            }
        }
        let mut tally = self.dispatch(&event, stamp, &visit, false);
        Self::end(&visit, tally.unwind.take());
        Delivery::of(event, Outcome::Published, tally.delivered, tally.failed)
    }

    /// The end of a dispatch: has what waited for it dispatched too, and lets a panic go on that a handler has asked for;
    /// everybody else has had the event.
    #[inline]
    pub(super) fn end(visit: &Visit, mut unwind: Option<Caught>) {
        if deferred::is_due() {
            deferred::work_off(|waiting| {
                let next = waiting.bus.dispatch(&waiting.event, waiting.stamp, visit, false).unwind;
                if let Some(other) = keep_first(&mut unwind, next) {
                    contain::defuse(other);
                }
            });
        }
        if let Some(payload) = unwind {
            resume_unwind(payload);
        }
    }

    /// Offers a recorded event to its handlers, and counts what becomes of it. While the thread is `panicking`, only to
    /// those that asked for that.
    fn dispatch(&self, event: &Event, stamp: u64, visit: &Visit, panicking: bool) -> Tally {
        let thread = visit.row().number();
        let table = self.registry.table();
        let found = table.find(event.kind());
        if found.learn {
            self.registry.learn(event.kind());
        }
        let mut tally = Tally::default();
        if !found.walk.is_empty() {
            let delivering = Delivering { event, stamp, visit, reporter: &self.reporter, panicking };
            tally = frames::enter(self, event, || delivering.walk(found.walk));
        }
        drop(table);
        self.count(&tally, thread);
        if tally.offered == 0 && !panicking {
            self.counters.unheard.add(thread, 1);
            self.reporter.warn(&Warning::Unheard { event });
        }
        if panicking {
            // It would abort the process.
            if let Some(payload) = tally.unwind.take() {
                contain::defuse(payload);
            }
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
    fn defer(&self, event: Event, stamp: u64, visit: &Visit, limit: usize) -> Delivery {
        // The publisher holds the bus.
        let waits = self.me.upgrade().is_some_and(|bus| deferred::wait(Waiting::new(bus, event.clone(), stamp), limit));
        if waits {
            self.counters.deferred.add(visit.row().number(), 1);
            return Delivery::of(event, Outcome::Queued, 0, 0);
        }
        self.counters.deferred_drops.bump();
        Delivery::of(event, Outcome::QueueFull, 0, 0)
    }

    /// A publish from inside the bus's own work on this thread.
    #[cold]
    pub(super) fn refuse(&self) -> Delivery {
        self.counters.refused.bump();
        Delivery::none(Outcome::Refused)
    }
}

/// Keeps the first of two panics; the other one is handed back.
fn keep_first(first: &mut Option<Caught>, next: Option<Caught>) -> Option<Caught> {
    if first.is_some() {
        return next;
    }
    *first = next;
    None
}
