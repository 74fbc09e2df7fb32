//! Publishing: record, then dispatch. Nothing else knows this order but [`batch`](super::batch), for many at once.
//!
//! # Orderings
//! The event is in the history before its first handler runs, and readable when this returns (P2). Between record and
//! table stands a full fence, which pairs with the one in [`replay`](super::replay): a subscriber that is told of the
//! past misses nothing. It is the same that a reading of the table needs (see [`versioned`](crate::sync::versioned)).

use std::panic::resume_unwind;

use super::deferred::{self, Waiting};
use super::delivery::Rejection;
use super::{Bus, Delivery, Inner, Outcome, Publishable, default, evicted};
use crate::callsite::Refused;
use crate::contain::{self, Caught};
use crate::dispatch::Warning;
use crate::dispatch::deliver::{Delivering, Tally};
use crate::dispatch::table::Table;
use crate::event::{Draft, Event, late};
use crate::sync::counter::Lane;
use crate::sync::rows::{self, Visit};
use crate::sync::versioned::Reading;
use crate::sync::{busy, frames, step};

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
    /// [`KindTaken`](Outcome::KindTaken), and [`kind_taken`](Delivery::kind_taken) says who has it.
    ///
    /// # Ordering
    /// The history orders events by when they were published, not by their timestamps.
    ///
    /// # Panics
    /// If a handler does that was subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
    #[doc(alias = "emit")]
    #[doc(alias = "send")]
    pub fn publish(&self, event: impl Publishable) -> Delivery {
        // Call sites have asked before they made the event.
        if let Some(refused) = self.refusal() {
            contain::drop_contained(event);
            return refused;
        }
        event.publish_on(self).unwrap_or_else(|taken| {
            self.inner.counters.taken_kinds.bump();
            Delivery::refused(Outcome::KindTaken, Rejection::kind_taken(taken))
        })
    }

    /// The answer where nothing can be published now.
    #[inline]
    pub(super) fn refusal(&self) -> Option<Delivery> {
        if !self.inner.gate.is_open() {
            return Some(Delivery::none(Outcome::Disabled));
        }
        busy::is_busy().then(|| self.inner.refuse())
    }

    /// Whether a publish can reach anybody; what call sites ask first.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.gate.is_open()
    }

    /// [`publish_draft`], on a thread that may have no row yet.
    #[cold]
    fn publish_draft_first(&self, draft: Draft) -> Delivery {
        match rows::visit() {
            Some(visit) => self.inner.publish(draft.finish_on(&visit)),
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
                Delivery::refused(Outcome::InvalidKind, Rejection::invalid_kind(error))
            }
        }
    }
}

/// Publishes what has its values and is to get id and time, after [`Bus::is_open`]: on a bus, or on the one that this
/// thread means. All drafts come this way, of call sites and of topics; it is compiled once.
#[doc(hidden)]
#[inline(never)]
pub fn publish_draft(bus: Option<&Bus>, draft: Draft) -> Delivery {
    let Some(bus) = bus.or_else(default::global_if_meant) else { return publish_where_meant(draft) };
    match rows::seated() {
        Some(visit) => bus.inner.publish_on(draft.finish_on(&visit), &visit),
        None => bus.publish_draft_first(draft),
    }
}

/// The same where another bus may be meant than the global one, or there is none yet.
#[cold]
fn publish_where_meant(draft: Draft) -> Delivery {
    let published = default::with_bus_of_call_site(None, |bus| bus.publish_draft_first(draft));
    published.unwrap_or_else(|| Delivery::none(Outcome::Refused))
}

impl Inner {
    pub(super) fn publish(&self, event: Event) -> Delivery {
        match rows::visit() {
            Some(visit) => self.publish_on(event, &visit),
            None => self.refuse(),
        }
    }

    #[inline(always)]
    pub(super) fn publish_on(&self, mut event: Event, visit: &Visit) -> Delivery {
        let depth = visit.depth();
        if !self.is_usual(visit) || self.is_far(&event) {
            return self.publish_otherwise(event, visit);
        }
        // Before the record, whose exchange fences for it.
        let Some(mut reading) = self.registry.announce(visit.level(depth)) else {
            return self.publish_otherwise(event, visit);
        };
        let lane = self.lane(visit);
        let (stamp, evicted) = self.recorder.record(&mut event, visit.row().number());
        self.counters.kinds.count(event.kind(), lane);
        step("publish.recorded");
        if let Some(evicted) = evicted {
            if evicted.drops() {
                reading = self.drop_evicted(evicted, reading);
            } else {
                evicted.recycle();
            }
        }
        // The record before the table: a subscriber that is told of the past finds this event in the history, or this
        // publisher finds the subscriber in the table.
        reading.confirm_after_rmw();
        let delivering = self.delivering(&event, stamp, visit, lane, false);
        let mut tally = Tally::default();
        let learn = self.offer(reading.get(), &delivering, &mut tally);
        self.registry.end(reading);
        self.settle(&delivering, &mut tally, learn);
        Self::end(visit, tally.unwind.take());
        Delivery::of(event, Outcome::Published, &tally)
    }

    /// Drops an event that runs user code when it is dropped: that may publish, so nothing is read meanwhile.
    #[cold]
    fn drop_evicted<'a>(&'a self, evicted: Event, reading: Reading<'a, Table>) -> Reading<'a, Table> {
        reading.suspended(|| evicted::drop_flat(evicted))
    }

    /// Publishes where there is more to ask.
    #[cold]
    fn publish_otherwise(&self, event: Event, visit: &Visit) -> Delivery {
        if self.mode.is_shut() {
            contain::drop_contained(event);
            self.counters.shut_down.bump();
            return Delivery::none(Outcome::ShutDown);
        }
        self.publish_slowly(event, visit)
    }

    /// Publishes what the bus itself has to tell: where that is refused nothing is counted, for nobody has published it.
    #[cold]
    pub(super) fn publish_own(&self, event: Event) {
        let may = self.gate.is_open() && !busy::is_busy() && !self.mode.is_shut();
        match rows::visit().filter(|_| may) {
            Some(visit) => drop(self.publish_slowly(event, &visit)),
            None => contain::drop_contained(event),
        }
    }

    #[cold]
    fn publish_slowly(&self, mut event: Event, visit: &Visit) -> Delivery {
        let lane = self.lane(visit);
        let (stamp, evicted) = self.recorder.record(&mut event, visit.row().number());
        self.counters.kinds.count(event.kind(), lane);
        step("publish.recorded");
        // May run user code; nothing of ours is half done.
        if let Some(evicted) = evicted {
            evicted::drop_flat(evicted);
        }
        let delivering = self.delivering(&event, stamp, visit, lane, std::thread::panicking());
        let mut done = self.recorded(&delivering);
        Self::end(visit, done.tally.unwind.take());
        Delivery::of(event, done.outcome, &done.tally)
    }

    #[inline(always)]
    pub(super) fn delivering<'a>(
        &'a self,
        event: &'a Event,
        stamp: u64,
        visit: &'a Visit,
        lane: Lane,
        panicking: bool,
    ) -> Delivering<'a> {
        Delivering { event, value: event.value(), stamp, visit, lane, reporter: &self.reporter, panicking }
    }

    /// Whether a publish now is dispatched at once and to all: not nested too deep, nor on a bus whose nested events wait,
    /// nor on a panicking thread.
    #[inline(always)]
    pub(super) fn is_usual(&self, visit: &Visit) -> bool {
        visit.depth() < self.depth_limit && self.mode.is_usual() && !std::thread::panicking()
    }

    /// Whether an event is at the end of too long a chain.
    #[inline(always)]
    pub(super) fn is_far(&self, event: &Event) -> bool {
        event.hops() > self.hop_limit
    }

    /// Where the calling thread counts.
    #[inline]
    pub(super) fn lane(&self, visit: &Visit) -> Lane {
        Lane::of(visit.row().number(), self.shards)
    }

    /// What follows the record of an event.
    pub(super) fn recorded(&self, delivering: &Delivering<'_>) -> Done {
        let too_deep = delivering.visit.depth() >= self.depth_limit;
        if delivering.panicking {
            self.counters.while_panicking.bump();
            let stopped = too_deep || self.is_far(delivering.event);
            let tally = if stopped { None } else { self.dispatch(delivering) };
            return Done { outcome: Outcome::Panicking, tally: tally.unwrap_or_default() };
        }
        let wait = |limit| if deferred::must_wait() { Some(self.defer(delivering, limit)) } else { None };
        if too_deep {
            return self.too_deep();
        }
        if self.is_far(delivering.event) {
            self.counters.hop_stops.bump();
            return Done { outcome: Outcome::TooManyHops, tally: Tally::default() };
        }
        if let Some(outcome) = self.deferred_limit.and_then(wait) {
            return Done { outcome, tally: Tally::default() };
        }
        match self.dispatch(delivering) {
            Some(tally) => Done { outcome: Outcome::Published, tally },
            None => self.too_deep(),
        }
    }

    #[cold]
    fn too_deep(&self) -> Done {
        self.counters.depth_stops.bump();
        Done { outcome: Outcome::TooDeep, tally: Tally::default() }
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
            deferred::work_off(visit, |waiting| {
                let next = waiting.bus.dispatch_late(&waiting.event, waiting.stamp, visit);
                if let Some(other) = keep_first(&mut unwind, next) {
                    contain::defuse(other);
                }
            });
        }
        unwind
    }

    /// Dispatches one that has waited; what is to go on in the publisher comes back.
    #[cold]
    fn dispatch_late(&self, event: &Event, stamp: u64, visit: &Visit) -> Option<Caught> {
        let delivering = self.delivering(event, stamp, visit, self.lane(visit), false);
        self.dispatch(&delivering)?.unwind
    }

    /// Offers a recorded event to its handlers, and counts what becomes of it. While the thread is panicking, only to
    /// those that asked for that. `None` where this depth is in use.
    fn dispatch(&self, delivering: &Delivering<'_>) -> Option<Tally> {
        let mut tally = Tally::default();
        let level = delivering.visit.level(delivering.visit.depth());
        let reading = self.registry.announce(level)?.confirmed();
        let learn = self.offer(reading.get(), delivering, &mut tally);
        self.registry.end(reading);
        self.settle(delivering, &mut tally, learn);
        Some(tally)
    }

    /// Calls the handlers that a table has for an event; says whether the table is to learn its kind.
    #[inline(always)]
    fn offer(&self, table: &Table, delivering: &Delivering<'_>, tally: &mut Tally) -> bool {
        let event = delivering.event;
        let Some(subscribers) = table.straight(event.kind()) else { return self.offer_all(table, delivering, tally) };
        if !subscribers.is_empty() {
            frames::enter(self, event, || delivering.walk_straight(subscribers, tally));
        }
        false
    }

    /// The same where there is more than one list of them, or none yet.
    #[inline(never)]
    fn offer_all(&self, table: &Table, delivering: &Delivering<'_>, tally: &mut Tally) -> bool {
        let event = delivering.event;
        let found = table.find(event.kind());
        if !found.walk.is_empty() {
            frames::enter(self, event, || delivering.walk(found.walk, tally));
        }
        found.learn
    }

    /// Counts what became of an event, and does what is to be done when no table is read: it may run user code.
    #[inline(always)]
    pub(super) fn settle(&self, delivering: &Delivering<'_>, tally: &mut Tally, learn: bool) {
        if learn {
            self.registry.learn(delivering.event.kind());
        }
        self.count(tally, delivering.lane);
        if delivering.panicking {
            // It would abort the process.
            if let Some(payload) = tally.unwind.take() {
                contain::defuse(payload);
            }
        } else if tally.offered == 0 {
            self.unheard(delivering);
        }
    }

    #[inline(never)]
    fn unheard(&self, delivering: &Delivering<'_>) {
        self.counters.unheard.add(delivering.lane, 1);
        self.reporter.warn(&Warning::Unheard { event: delivering.event });
    }

    /// Counts what became of an event, and tidies up after subscriptions that it has used up.
    #[inline]
    pub(super) fn count(&self, tally: &Tally, lane: Lane) {
        if tally.delivered > 0 {
            self.counters.delivered.add(lane, tally.delivered.into());
        }
        if tally.enqueued > 0 {
            self.counters.enqueued.add(lane, tally.enqueued.into());
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
    fn defer(&self, delivering: &Delivering<'_>, limit: usize) -> Outcome {
        let depth = delivering.visit.depth();
        let waiting = |bus| Waiting::new(bus, delivering.event.clone(), delivering.stamp, depth);
        // The publisher holds the bus.
        let waits = self.me.upgrade().is_some_and(|bus| deferred::wait(waiting(bus), limit));
        if waits {
            self.counters.deferred.add(delivering.lane, 1);
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
