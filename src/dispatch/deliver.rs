//! Calling the handlers of one event, one after the other, on the publisher's thread.
//!
//! Promises: each handler that is subscribed and not removed when its turn comes is called once, in order (P3, P5),
//! unless it is muted, in quarantine, out of calls, throttled, its circuit open, or its filter says no: then that is
//! counted (P8). A panic or an error ends with it, unless it asked for more (P4); no lock is held and nobody is waited
//! for (P1).

use core::any::Any;
use std::sync::Arc;

use super::aftermath::text_of;
use super::awaited::{self, HandlerErrorCause};
use super::breaker::{Circuit, Permit};
use super::control::Admission;
use super::handler::{Answer, BoxError, Callback, Dropped, Enqueued, Skip};
use super::reporter::Reporter;
use super::route::Walk;
use super::subscriber::{Subscriber, Taken};
use super::throttle::Throttled;
use super::warning::{Named, Warning};
use crate::contain::{self, Caught};
use crate::event::Event;
use crate::sync::clock::Timer;
use crate::sync::counter::Lane;
use crate::sync::revocable::Calls;
use crate::sync::rows::Visit;

/// What became of one dispatch.
#[derive(Default)]
pub(crate) struct Tally {
    /// Subscriptions that the event came to.
    pub(crate) offered: u32,
    /// Handlers that took the event.
    pub(crate) delivered: u32,
    /// Handlers whose queue has taken the event.
    pub(crate) enqueued: u32,
    /// Handlers whose queue had no room for it.
    pub(crate) dropped: u32,
    /// Handlers that returned an error or panicked.
    pub(crate) failed: u32,
    /// Those of them that panicked.
    pub(crate) panicked: u32,
    /// A subscription has used up its calls.
    pub(crate) spent: bool,
    /// What is to go on in the publisher.
    pub(crate) unwind: Option<Caught>,
}

impl Tally {
    /// Whether there is more to do after the dispatch than to count what was delivered.
    pub(crate) fn asks_for_more(&self) -> bool {
        self.offered == 0 || self.failed > 0 || self.spent
    }
}

/// One recorded event on its way to its handlers.
pub(crate) struct Delivering<'a> {
    pub(crate) event: &'a Event,
    /// What the event holds: found once for all handlers.
    pub(crate) value: Option<&'a dyn Any>,
    /// The history's mark on it.
    pub(crate) stamp: u64,
    pub(crate) visit: &'a Visit,
    /// Where the thread counts.
    pub(crate) lane: Lane,
    pub(crate) reporter: &'a Reporter,
    /// The thread is panicking: only handlers that asked for that are called.
    pub(crate) panicking: bool,
}

// === impl Delivering ===

impl Delivering<'_> {
    /// Calls the handlers of `walk`, at the thread's present depth.
    #[inline(never)]
    pub(crate) fn walk(&self, walk: Walk<'_>, tally: &mut Tally) {
        let depth = self.visit.depth();
        let mut calls = Calls::new(self.visit.level(depth));
        self.visit.at_depth(depth + 1, || {
            walk.for_each(|one| self.offer(one, &mut calls, tally));
            calls.leave();
        });
    }

    /// Calls those of one list.
    #[inline(always)]
    pub(crate) fn walk_straight(&self, subscribers: &[Arc<Subscriber>], tally: &mut Tally) {
        let depth = self.visit.depth();
        let mut calls = Calls::new(self.visit.level(depth));
        self.visit.at_depth(depth + 1, || {
            self.call_all(subscribers, &mut calls, tally);
            calls.leave();
        });
    }

    /// What the handlers throw is caught around all of them: most walks set up one frame for it.
    #[inline(always)]
    pub(crate) fn call_all<'s>(&self, subscribers: &'s [Arc<Subscriber>], calls: &mut Calls<'s>, tally: &mut Tally) {
        let mut left = subscribers.iter();
        loop {
            let mut called = None;
            let thrown = contain::call(|| {
                for subscriber in left.by_ref() {
                    let taken = subscriber.counts.taken(self.lane);
                    if !self.is_plain(subscriber, &taken) {
                        self.offer(subscriber, calls, tally);
                        continue;
                    }
                    called = Some(&**subscriber);
                    tally.offered += 1;
                    match calls.call(&subscriber.handler, |callback| callback.take(self.event, self.value)) {
                        Some(Answer::Took(Ok(()))) => {
                            tally.delivered += 1;
                            taken.count();
                        }
                        other => self.settle(subscriber, calls, tally, other.map(Ok)),
                    }
                }
            });
            match (thrown, called) {
                (Ok(()), _) => return,
                (Err(payload), Some(subscriber)) => self.settle(subscriber, calls, tally, Some(Err(payload))),
                // What is not plain is caught by itself.
                (Err(payload), None) => contain::defuse(payload),
            }
        }
    }

    /// Whether a handler is to be called, and there is nothing to do but that.
    #[inline(always)]
    fn is_plain(&self, subscriber: &Subscriber, taken: &Taken<'_>) -> bool {
        subscriber.control.is_plain() && !self.panicking && !taken.is_sampled() && !self.reporter.times_all()
    }

    #[inline(never)]
    fn offer<'s>(&self, subscriber: &'s Subscriber, calls: &mut Calls<'s>, tally: &mut Tally) {
        if self.panicking && !subscriber.while_panicking {
            return;
        }
        tally.offered += 1;
        if subscriber.replay.as_ref().is_none_or(|replay| replay.offer(self.event, self.stamp)) {
            self.call(subscriber, calls, tally);
        }
    }

    /// Calls one handler that is being told of the past, at the thread's present depth.
    pub(crate) fn tell(&self, subscriber: &Subscriber, tally: &mut Tally) {
        let depth = self.visit.depth();
        let mut calls = Calls::new(self.visit.level(depth));
        self.visit.at_depth(depth + 1, || self.call(subscriber, &mut calls, tally));
    }

    fn call<'s>(&self, subscriber: &'s Subscriber, calls: &mut Calls<'s>, tally: &mut Tally) {
        match subscriber.control.admission() {
            Admission::Plain => self.run(subscriber, calls, tally, |callback| callback.take(self.event, self.value)),
            Admission::Careful => self.call_carefully(subscriber, calls, tally),
            // As for one that could be called: where it was removed before its turn, the event did not come to it.
            _ if !subscriber.handler.is_live() => {}
            Admission::Muted => drop(subscriber.counts.skipped.bump()),
            Admission::Quarantined => {
                subscriber.counts.quarantined.bump();
                awaited::failed(self.event, subscriber, || HandlerErrorCause::NotHandled);
            }
        }
    }

    fn call_carefully<'s>(&self, subscriber: &'s Subscriber, calls: &mut Calls<'s>, tally: &mut Tally) {
        let before = (tally.delivered, tally.failed, tally.enqueued, tally.dropped);
        let mut permit = None;
        self.run(subscriber, calls, tally, |callback| {
            if !callback.wants(self.event) {
                return Answer::Passed;
            }
            callback.take_if(self.event, self.value, &mut || {
                // In this order: who is not called because of its circuit has not been called too often.
                self.is_let_through(subscriber, &mut permit)
                    && subscriber.throttle.as_ref().is_none_or(Throttled::admit)
                    && subscriber.control.claim()
            })
        });
        if let (Some(circuit), Some(permit)) = (&subscriber.circuit, permit) {
            let ended = (tally.delivered > before.0, tally.failed > before.1);
            self.tell_circuit(circuit, permit, ended, subscriber, calls);
        }
        if tally.delivered > before.0 {
            subscriber.control.succeeded();
        }
        if (tally.delivered, tally.failed, tally.enqueued, tally.dropped) != before && subscriber.control.is_spent() {
            // No call is left: let none begin, and tell the bus to tidy up.
            subscriber.handler.remove();
            tally.spent = true;
        }
    }

    /// Whether the circuit lets a call through. That of a handler with a queue is asked when the queue comes to the event.
    fn is_let_through(&self, subscriber: &Subscriber, permit: &mut Option<Permit>) -> bool {
        let Some(circuit) = subscriber.circuit.as_ref().filter(|_| subscriber.backlog.is_none()) else { return true };
        *permit = circuit.admit();
        permit.is_some()
    }

    fn tell_circuit(
        &self,
        circuit: &Circuit,
        permit: Permit,
        ended: (bool, bool),
        subscriber: &Subscriber,
        calls: &mut Calls<'_>,
    ) {
        let changed = match ended {
            (false, false) => {
                circuit.cancel(permit);
                None
            }
            (succeeded, _) => circuit.settle(permit, succeeded),
        };
        if let Some(state) = changed {
            calls.leave();
            self.reporter.warn(&Warning::Circuit { subscription: Named::of(subscriber), state });
        }
    }

    /// One call, timed if its turn has come.
    fn run<'s>(
        &self,
        subscriber: &'s Subscriber,
        calls: &mut Calls<'s>,
        tally: &mut Tally,
        call: impl FnOnce(&Callback) -> Answer,
    ) {
        let taken = subscriber.counts.taken(self.lane);
        let timer = (taken.is_sampled() || self.reporter.times_all()).then(Timer::start);
        let answer = calls.call(&subscriber.handler, |callback| contain::call(|| call(callback)));
        let ran = match &answer {
            // Aside from a queue, whose handler has not run yet.
            Some(Ok(Answer::Took(Err(error)))) => !(error.is::<Enqueued>() || error.is::<Dropped>()),
            Some(Ok(Answer::Took(Ok(()))) | Err(_)) => true,
            _ => false,
        };
        if matches!(answer, Some(Ok(Answer::Took(Ok(()))))) {
            tally.delivered += 1;
            taken.count();
        } else {
            self.settle(subscriber, calls, tally, answer);
        }
        if let Some(timer) = timer.filter(|_| ran) {
            self.took(subscriber, calls, timer);
        }
    }

    /// What follows a call that did not simply go well; `None` where there was none, because the subscription was removed
    /// before its turn came.
    #[cold]
    fn settle(
        &self,
        subscriber: &Subscriber,
        calls: &mut Calls<'_>,
        tally: &mut Tally,
        answer: Option<Result<Answer, Caught>>,
    ) {
        // What follows (reporting, dropping what was thrown) is no part of the call that a `close` waits for: where it may
        // run user code, the call has been left.
        match answer {
            None | Some(Ok(Answer::Took(Ok(())))) => {}
            Some(Ok(Answer::Passed)) => drop(subscriber.counts.skipped.bump()),
            Some(Ok(Answer::Took(Err(error)))) if error.is::<Enqueued>() => {
                tally.enqueued += 1;
                subscriber.counts.taken(self.lane).count();
            }
            Some(Ok(Answer::Took(Err(error)))) if error.is::<Dropped>() => tally.dropped += 1,
            Some(Ok(Answer::Took(Err(error)))) if error.is::<Skip>() => drop(subscriber.counts.skipped.bump()),
            Some(Ok(Answer::Took(Err(error)))) => self.failed(subscriber, calls, tally, Err(error)),
            Some(Err(payload)) => self.failed(subscriber, calls, tally, Ok(payload)),
        }
    }

    #[cold]
    fn took(&self, subscriber: &Subscriber, calls: &mut Calls<'_>, timer: Timer) {
        calls.leave();
        self.reporter.took(subscriber, self.event, timer.elapsed_ns());
    }

    #[cold]
    fn failed(&self, subscriber: &Subscriber, calls: &mut Calls<'_>, tally: &mut Tally, how: Result<Caught, BoxError>) {
        calls.leave();
        tally.failed += 1;
        subscriber.counts.failed.bump();
        if how.is_ok() {
            tally.panicked += 1;
            subscriber.counts.panicked.bump();
        }
        let quarantined = subscriber.control.failed();
        let unwind = subscriber.unwinds && tally.unwind.is_none();
        match how {
            Ok(payload) => {
                awaited::failed(self.event, subscriber, || HandlerErrorCause::Panic(contain::message(&payload)));
                self.reporter.panic(subscriber, self.event, &payload, quarantined);
                if unwind {
                    tally.unwind = Some(payload);
                } else {
                    contain::defuse(payload);
                }
            }
            Err(error) => {
                awaited::failed(self.event, subscriber, || HandlerErrorCause::Error(text_of(&error)));
                let text = self.reporter.error(subscriber, self.event, &error, quarantined, unwind);
                tally.unwind = tally.unwind.take().or(text.map(|text| Box::new(text) as Caught));
                contain::drop_contained(error);
            }
        }
    }
}
