//! Calling the handlers of one event, one after the other, on the publisher's thread.
//!
//! Promises: each handler that is subscribed and not removed when its turn comes is called once, in order (P3, P5),
//! unless it is muted, in quarantine, out of calls, or its filter says no: then that is counted (P8). A panic or an
//! error ends with it, unless it asked for more (P4); no lock is held and nobody is waited for (P1).

use super::control::Admission;
use super::handler::{BoxError, Callback};
use super::reporter::Reporter;
use super::route::Walk;
use super::subscriber::Subscriber;
use crate::contain::{self, Caught};
use crate::event::Event;
use crate::sync::clock::Timer;
use crate::sync::rows::{self, Visit};

/// What became of one dispatch.
#[derive(Default)]
pub(crate) struct Tally {
    /// Subscriptions that the event came to.
    pub(crate) offered: u32,
    /// Handlers that took the event.
    pub(crate) delivered: u32,
    /// Handlers that returned an error or panicked.
    pub(crate) failed: u32,
    /// Those of them that panicked.
    pub(crate) panicked: u32,
    /// A subscription has used up its calls.
    pub(crate) spent: bool,
    /// What is to go on in the publisher.
    pub(crate) unwind: Option<Caught>,
}

/// One event on its way to its handlers.
pub(crate) struct Delivering<'a> {
    pub(crate) event: &'a Event,
    /// The history's mark on it.
    pub(crate) stamp: u64,
    pub(crate) visit: &'a Visit,
    pub(crate) reporter: &'a Reporter,
    /// The thread is panicking: only handlers that asked for that are called.
    pub(crate) panicking: bool,
}

/// What a handler made of an event.
enum Answer {
    /// Its filter did not want it, or no call was left.
    Passed,
    Took(Result<(), BoxError>),
}

// === impl Delivering ===

impl Delivering<'_> {
    /// Calls the handlers of `walk`, at the thread's present depth.
    #[inline]
    pub(crate) fn walk(&self, walk: Walk<'_>) -> Tally {
        let mut tally = Tally::default();
        let depth = rows::depth();
        rows::deeper(|| {
            for subscriber in walk {
                if self.panicking && !subscriber.while_panicking {
                    continue;
                }
                tally.offered += 1;
                if subscriber.replay.as_ref().is_none_or(|replay| replay.offer(self.event, self.stamp)) {
                    self.call(subscriber, depth, &mut tally);
                }
            }
        });
        tally
    }

    /// Calls one handler that is being told of the past, at the thread's present depth.
    pub(crate) fn tell(&self, subscriber: &Subscriber, tally: &mut Tally) {
        let depth = rows::depth();
        rows::deeper(|| self.call(subscriber, depth, tally));
    }

    #[inline]
    fn call(&self, subscriber: &Subscriber, depth: usize, tally: &mut Tally) {
        match subscriber.control.admission() {
            Admission::Plain => {
                self.run(subscriber, depth, tally, |callback| Answer::Took((callback.handle)(self.event)))
            }
            Admission::Careful => self.call_carefully(subscriber, depth, tally),
            // As for one that could be called: where it was removed before its turn, the event did not come to it.
            _ if !subscriber.handler.is_live() => {}
            Admission::Muted => drop(subscriber.counts.skipped.bump()),
            Admission::Quarantined => drop(subscriber.counts.quarantined.bump()),
        }
    }

    fn call_carefully(&self, subscriber: &Subscriber, depth: usize, tally: &mut Tally) {
        let failed = tally.failed;
        let delivered = tally.delivered;
        self.run(subscriber, depth, tally, |callback| {
            if !callback.filters.want(self.event) || !subscriber.control.claim() {
                return Answer::Passed;
            }
            Answer::Took((callback.handle)(self.event))
        });
        if tally.delivered > delivered {
            subscriber.control.succeeded();
        }
        if (tally.delivered, tally.failed) != (delivered, failed) && subscriber.control.is_spent() {
            // No call is left: let none begin, and tell the bus to tidy up.
            subscriber.handler.remove();
            tally.spent = true;
        }
    }

    #[inline]
    fn run(&self, subscriber: &Subscriber, depth: usize, tally: &mut Tally, call: impl FnOnce(&Callback) -> Answer) {
        let thread = self.visit.row().number();
        let timer = (self.reporter.times_all() || subscriber.counts.is_sampled(thread)).then(Timer::start);
        let run = subscriber.handler.run(self.visit, depth, |callback| contain::call(|| call(callback)));
        // The mark is gone: what follows (counting, reporting, dropping what was thrown) is no part of the call that a
        // `close` waits for.
        match run {
            // Removed before its turn came.
            None => return,
            Some(Ok(Answer::Took(Ok(())))) => {
                tally.delivered += 1;
                subscriber.counts.delivered(thread);
            }
            Some(Ok(Answer::Passed)) => {
                subscriber.counts.skipped.bump();
                return;
            }
            Some(Ok(Answer::Took(Err(error)))) => self.failed(subscriber, tally, Err(error)),
            Some(Err(payload)) => self.failed(subscriber, tally, Ok(payload)),
        }
        if let Some(timer) = timer {
            self.reporter.took(subscriber, self.event, timer.elapsed_ns());
        }
    }

    #[cold]
    fn failed(&self, subscriber: &Subscriber, tally: &mut Tally, how: Result<Caught, BoxError>) {
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
                self.reporter.panic(subscriber, self.event, &payload, quarantined);
                if unwind {
                    tally.unwind = Some(payload);
                } else {
                    contain::defuse(payload);
                }
            }
            Err(error) => {
                let text = self.reporter.error(subscriber, self.event, &error, quarantined, unwind);
                tally.unwind = tally.unwind.take().or(text.map(|text| Box::new(text) as Caught));
                contain::drop_contained(error);
            }
        }
    }
}
