//! A handler on its way out of a bus that is shut down: its calls end, then its queue, and what became of both is told.
//!
//! It refuses to wait for the handler that has asked for it. Workers whose queue somebody is handing an event to, and that
//! cannot be waited for, stay: the event is handled, and they end with the next shutdown that waits, with the guard (which
//! waits for nobody: what comes after that is discarded), or with the bus.

use core::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::shutdown::HandlerEnd;
use super::subscription::InHand;
use crate::contain;
use crate::dispatch::backlog::Backlog;
use crate::dispatch::{QueueInfo, Subscriber, SubscriptionId};

/// See the [module](self).
#[derive(Clone)]
pub(crate) struct Leaving {
    pub(super) id: SubscriptionId,
    name: Option<String>,
    place: &'static Location<'static>,
    /// It had left before.
    had_left: bool,
    /// The thread that has asked is inside a call of it.
    asks: bool,
    /// Held while somebody is ending it; in between not, for it may hold the bus.
    subscriber: Option<InHand>,
    known: Weak<Subscriber>,
    /// Its queue, and what that had done.
    queue: Option<(Arc<dyn Backlog>, QueueInfo)>,
    /// No publisher is calling it, or handing it anything.
    uncalled: bool,
    /// A receiver that was told the end while an event was on its way: nobody may be there to take that out.
    told_early: bool,
}

impl Leaving {
    /// To be made on the thread that asks.
    pub(super) fn new(subscriber: Arc<Subscriber>, had_left: bool) -> Self {
        Self {
            id: subscriber.id,
            name: subscriber.name.clone(),
            place: subscriber.place,
            had_left,
            asks: subscriber.is_at_work_here(),
            queue: subscriber.backlog.as_ref().map(|backlog| (Arc::clone(backlog), backlog.info())),
            known: Arc::downgrade(&subscriber),
            subscriber: Some(InHand::new(subscriber)),
            uncalled: false,
            told_early: false,
        }
    }

    /// Somebody else is to end it, who does not ask inside of it.
    pub(super) fn take_up(&mut self) {
        self.asks = false;
        self.subscriber = self.known.upgrade().map(InHand::new);
    }

    /// Nobody is ending it for the time being.
    pub(super) fn put_down(&mut self) {
        self.subscriber = None;
    }

    /// Whether the calling thread may wait for it: not inside of it, nor where it needs that thread to come to its end.
    fn may_wait(&self) -> bool {
        !self.asks && self.queue.as_ref().is_none_or(|(backlog, _)| !backlog.is_held_up_here())
    }

    /// Waits until no call of the handler runs, and drops it; where it is not to wait, looks. A publisher may be waiting for
    /// room in a queue, so this too is waiting for the queue.
    pub(super) fn end_calls(&mut self, waits: bool, deadline: Option<Instant>) {
        self.uncalled = match &self.subscriber {
            Some(subscriber) if waits && self.may_wait() => subscriber.end_calls(deadline).is_ok(),
            Some(subscriber) => subscriber.handler.close_idle(contain::drop_contained),
            None => true,
        };
        let is_taken_out = self.queue.as_ref().is_some_and(|(backlog, _)| !backlog.has_workers());
        self.told_early |= is_taken_out && !self.uncalled && (!waits || self.asks);
    }

    /// Lets its queue come to its end, and waits for that where it can; says whether it could.
    pub(super) fn end_backlog(&self, waits: bool, deadline: Option<Instant>) -> (bool, HandlerEnd) {
        let mut waited = waits && self.may_wait();
        let (mut drained, mut abandoned, mut running) = (0, 0, !self.uncalled);
        if let Some((backlog, before)) = &self.queue {
            // Not before what publishers under way hand over has come, and is handled too. A receiver takes that out in
            // any case, and whoever waits there for the end is to learn of it.
            if waited || self.uncalled || !backlog.has_workers() {
                backlog.finish();
            }
            waited |= waits && !self.asks && self.uncalled && backlog.is_over();
            if waited && !self.told_early && !backlog.watch().wait_until(deadline, || backlog.is_over()) {
                backlog.stop();
            }
            let after = backlog.info();
            let handled = |info: &QueueInfo| info.delivered + info.failed + info.skipped;
            (drained, abandoned) = (handled(&after) - handled(before), after.left() - before.left());
            running |= backlog.has_work_left();
        }
        let (subscription, name, place) = (self.id, self.name.clone(), self.place);
        (waited, HandlerEnd { subscription, name, place, drained, abandoned, running })
    }

    /// Whether its end is to be told: of what had left before, only what it still had to do.
    pub(super) fn is_told(&self, end: &HandlerEnd) -> bool {
        end.running || self.queue.is_some() || !self.had_left
    }
}
