//! What the queue of a subscription asks of its bus: to call the handler as a dispatch would, and to count and report
//! what comes of it. The bus is held only while a handler is at it: a queue keeps no bus alive.

use std::sync::{Arc, Weak};

use super::{Bus, Inner};
use crate::contain::{self, Caught};
use crate::dispatch::awaited::{HandlerErrorCause, StillRunning};
use crate::dispatch::{BoxError, Circuit, Named, Permit, Subscriber, Warning, aftermath};
use crate::event::{Event, late};
use crate::stats::Counters;
use crate::sync::counter::Lane;
use crate::sync::{Mutex, OnceBox, busy, frames, rows};

/// A queue's way to its bus.
pub(crate) struct Host {
    bus: Weak<Inner>,
    /// The subscription, which holds its queue: until that is over.
    subscriber: Mutex<Option<Arc<Subscriber>>>,
    /// Who that is: for good.
    who: OnceBox<StillRunning>,
}

/// Whether a call may be made.
pub(crate) enum Admitted {
    /// There is no circuit.
    Free,
    By(Permit),
    Not,
}

/// The bus and the subscription, for one call or one poll.
pub(crate) struct Turn {
    bus: Arc<Inner>,
    subscriber: Arc<Subscriber>,
}

// === impl Host ===

impl Host {
    pub(crate) fn new(bus: &Bus) -> Self {
        Self { bus: bus.inner.me.clone(), subscriber: Mutex::default(), who: OnceBox::new() }
    }

    /// Tells whose queue it is, once.
    pub(crate) fn bind(&self, subscriber: Arc<Subscriber>) {
        busy::during(|| {
            let _ = self.who.set(Box::new(StillRunning::of(&subscriber)));
            *self.subscriber.lock() = Some(subscriber);
        });
    }

    /// Lets go of the subscription.
    pub(crate) fn unbind(&self) {
        let subscriber = busy::during(|| self.subscriber.lock().take());
        drop(subscriber);
    }

    pub(crate) fn subscriber(&self) -> Option<Arc<Subscriber>> {
        busy::during(|| self.subscriber.lock().clone())
    }

    /// Whose queue it is, also where the subscription has been let go.
    pub(crate) fn who(&self) -> Option<&StillRunning> {
        self.who.get()
    }

    /// A call that was admitted has not come to its end.
    pub(crate) fn give_back(&self, permit: Permit) {
        if let Some(circuit) = self.subscriber().as_ref().and_then(|subscriber| subscriber.circuit.as_ref()) {
            circuit.cancel(permit);
        }
    }

    /// For one who knows the subscription, which may have been let go. `None` where the bus is gone.
    pub(crate) fn turn_of(&self, subscriber: Arc<Subscriber>) -> Option<Turn> {
        Some(Turn { bus: self.bus.upgrade()?, subscriber })
    }

    /// An event was taken out, which is all that is asked of it.
    pub(crate) fn received(&self) {
        // Also where the subscription has been let go meanwhile.
        if let Some(bus) = self.bus.upgrade() {
            bus.count_delivered();
        }
    }

    /// Counts, if the bus is still there.
    pub(crate) fn count(&self, count: impl FnOnce(&Counters) -> u64) {
        if let Some(bus) = self.bus.upgrade() {
            count(&bus.counters);
        }
    }
}

// === impl Turn ===

impl Turn {
    /// Runs user code as a handler of an event: what it publishes is nested, `current` finds the bus, and a panic comes
    /// back.
    pub(crate) fn call<R>(&self, event: &Event, call: impl FnOnce() -> R) -> Result<R, Caught> {
        let result = self.inside(event, || contain::call(call));
        if result.is_err() {
            // What the unwinding was the last to hold.
            late::make_up();
        }
        result
    }

    fn inside<R>(&self, event: &Event, run: impl FnOnce() -> R) -> R {
        let visit = rows::visit();
        let result = rows::deeper(|| frames::enter(&*self.bus, event, run));
        if let Some(payload) = visit.as_deref().and_then(|visit| Inner::work_off(visit, None)) {
            // A handler of a waiting event that asked to unwind: there is no publisher here.
            contain::defuse(payload);
        }
        result
    }

    /// Whether its circuit, if it has one, lets a call through; what comes of the call is to be [settled](Self::settle), or
    /// the permit [given back](Host::give_back).
    pub(crate) fn admit(&self) -> Admitted {
        match self.subscriber.circuit.as_ref().map(Circuit::admit) {
            None => Admitted::Free,
            Some(Some(permit)) => Admitted::By(permit),
            Some(None) => Admitted::Not,
        }
    }

    /// How a call that was admitted has ended.
    pub(crate) fn settle(&self, permit: Permit, succeeded: bool) {
        let changed = self.subscriber.circuit.as_ref().and_then(|circuit| circuit.settle(permit, succeeded));
        if let Some(state) = changed {
            self.bus.reporter.warn(&Warning::Circuit { subscription: Named::of(&self.subscriber), state });
        }
    }

    /// Lets the bus go.
    pub(crate) fn end(self) -> Arc<Subscriber> {
        self.subscriber
    }

    /// Whether the call after so many is to be timed.
    pub(crate) fn is_timed(&self, calls: u64) -> bool {
        aftermath::is_timed(&self.bus.reporter, calls)
    }

    /// Whether the subscription may not be called at present.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.subscriber.control.is_quarantined()
    }

    /// An attempt with the event has taken so long.
    pub(crate) fn took(&self, event: &Event, ns: u64) {
        self.bus.reporter.took(&self.subscriber, event, ns);
    }

    /// The handler took the event, in so long a time, if that is known.
    pub(crate) fn delivered(&self, event: &Event, took_ns: Option<u64>) {
        self.bus.count_delivered();
        aftermath::delivered(&self.bus.reporter, &self.subscriber, event, took_ns);
    }

    /// The handler has failed the event for good, after so many attempts.
    pub(crate) fn failed(&self, event: &Event, how: Result<Caught, BoxError>, attempts: u32) -> HandlerErrorCause {
        self.bus.counters.count_failures(1, how.is_ok().into());
        // The hook too: what it publishes is caused by the event.
        let cause = self.inside(event, || aftermath::failed(&self.bus.reporter, &self.subscriber, event, how));
        late::make_up();
        self.bus.bury(event, &self.subscriber, attempts, cause.clone());
        cause
    }
}

impl Inner {
    /// Counts one delivery where the calling thread counts, which is its own until that is done; without a row, where all
    /// may.
    fn count_delivered(&self) {
        let visit = rows::visit();
        let lane = visit.as_deref().map_or(Lane::of(usize::MAX, self.shards), |visit| self.lane(visit));
        self.counters.delivered.add(lane, 1);
    }
}
