//! A worker: takes one event after the other, and has the handler run until it has finished with each.
//!
//! It promises that an event which it has taken is settled once, whatever happens: delivered, skipped, failed after its
//! retries, kept back in quarantine, or discarded where the worker is let go in between. It refuses to wait: where it cannot go on it
//! says until when, and whoever drives it sees to that.

use core::mem;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::code::Code;
use super::mailbox::{Mailbox, Next};
use crate::bus::host::{Admitted, Turn};
use crate::contain::{self, Caught};
use crate::dispatch::aftermath::Rejected;
use crate::dispatch::awaited::Ticket;
use crate::dispatch::{BoxError, Jitter, Permit, Skip, Subscriber};
use crate::event::Event;
use crate::sync::clock::Timer;

/// After so many events a worker lets others have their turn: an executor has other tasks.
const ROUND: usize = 64;

/// See the [module](self).
pub(super) struct Worker {
    hands: Hands,
    /// The event at hand stays here while it is worked on.
    current: Option<Current>,
    /// Whose handler it runs, from the first event on.
    subscriber: Option<Arc<Subscriber>>,
    /// Wakes whoever drives it: for the one who takes it away from there.
    driver: Option<Waker>,
}

/// What a worker works with.
struct Hands {
    code: Box<dyn Code>,
    jitter: Jitter,
}

/// The event at hand.
struct Current {
    event: Event,
    ticket: Option<Ticket>,
    /// Attempts that have failed, or as many as can be counted.
    failed: u32,
    state: State,
}

enum State {
    /// An attempt is to begin.
    Due,
    /// An attempt was begun, then, and has to end by the deadline.
    Suspended(Attempt),
    /// The next attempt is to begin then.
    Waiting(Instant),
}

/// An attempt under way.
struct Attempt {
    permit: Option<Permit>,
    /// Where it is timed.
    timer: Option<Timer>,
    deadline: Option<Instant>,
}

/// How it stands when a worker stops working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turnout {
    /// There is more to do.
    Busy,
    /// It is to be driven again when it is woken, or at this time.
    Asleep(Option<Instant>),
    /// It will never have anything to do.
    Over,
}

/// What came of an attempt.
type Ended = Result<Result<(), BoxError>, Caught>;

/// An attempt took longer than it may.
#[derive(Debug)]
struct DeadlinePassed(Duration);

impl fmt::Display for DeadlinePassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not done within {:?}", self.0)
    }
}

impl std::error::Error for DeadlinePassed {}

// === impl Worker ===

impl Worker {
    pub(super) fn new(code: Box<dyn Code>) -> Self {
        Self { hands: Hands { code, jitter: Jitter::new() }, current: None, subscriber: None, driver: None }
    }

    /// It is about to be driven by whom `waker` wakes.
    pub(super) fn driven_by(&mut self, waker: &Waker) {
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    /// What wakes its driver.
    pub(super) fn driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    /// Whether it has begun with an event and is not done.
    pub(super) fn has_event(&self) -> bool {
        self.current.is_some()
    }

    /// Works on what there is.
    pub(super) fn work(&mut self, mailbox: &Mailbox, place: usize, cx: &mut Context<'_>) -> Turnout {
        mailbox.wakers.rise(place);
        for _ in 0..ROUND {
            if mailbox.is_stopped() {
                return Turnout::Over;
            }
            if self.current.is_none() {
                self.current = match mailbox.next(place, cx.waker()) {
                    Next::Event(event, ticket) => Some(Current { event, ticket, failed: 0, state: State::Due }),
                    Next::Nothing => return Turnout::Asleep(None),
                    Next::Over => return Turnout::Over,
                };
            }
            let Some(current) = &mut self.current else { continue };
            let subscriber = self.subscriber.take().or_else(|| mailbox.host.subscriber());
            let Some(turn) = subscriber.and_then(|subscriber| mailbox.host.turn_of(subscriber)) else {
                // The bus is gone, and has stopped the mailbox.
                return Turnout::Over;
            };
            let came_to = self.hands.attempt(mailbox, &turn, current, cx);
            self.subscriber = Some(turn.end());
            match came_to {
                Some(Turnout::Over) => {
                    contain::drop_contained(self.current.take());
                    mailbox.settled();
                }
                Some(turnout) => return turnout,
                None => {}
            }
        }
        Turnout::Busy
    }

    /// Drops what is at hand: no handler will finish with it.
    pub(super) fn put_down(&mut self, mailbox: &Mailbox) {
        if let Some(Current { event, ticket, state, .. }) = self.current.take() {
            contain::run_contained(|| self.hands.code.abandon());
            if let State::Suspended(Attempt { permit, .. }) = state {
                permit.into_iter().for_each(|permit| mailbox.host.give_back(permit));
            }
            mailbox.discard(event, ticket);
        }
    }
}

// === impl Hands ===

impl Hands {
    /// Goes on with an event. `Over` where it is settled, `None` where the next step can be taken at once.
    fn attempt(
        &mut self,
        mailbox: &Mailbox,
        turn: &Turn,
        current: &mut Current,
        cx: &mut Context<'_>,
    ) -> Option<Turnout> {
        let allowed = mailbox.options.deadline;
        if let State::Waiting(due) = current.state {
            if Instant::now() < due {
                return Some(Turnout::Asleep(Some(due)));
            }
            current.state = State::Due;
        }
        if let State::Due = current.state {
            if turn.is_quarantined() {
                mailbox.counts.kept_back.bump();
                return Some(Turnout::Over);
            }
            let permit = match turn.admit() {
                Admitted::Free => None,
                Admitted::By(permit) => Some(permit),
                Admitted::Not => return self.ended(mailbox, turn, current, Ok(Err(Box::new(Rejected))), None),
            };
            let timed = allowed.is_some() || turn.is_timed(mailbox.counts.attempts());
            let timer = timed.then(Timer::start);
            let deadline = allowed.and_then(|allowed| Instant::now().checked_add(allowed));
            let begun = turn.call(&current.event, || match self.code.begin(&current.event) {
                Some(result) => Poll::Ready(result),
                None => resume(&mut *self.code, cx),
            });
            let ended = match begun {
                Ok(Poll::Ready(result)) => Ok(in_time(result, timer.as_ref(), allowed)),
                Err(payload) => {
                    self.abandon(turn, current);
                    Err(payload)
                }
                Ok(Poll::Pending) => {
                    current.state = State::Suspended(Attempt { permit, timer, deadline });
                    return Some(Turnout::Asleep(deadline));
                }
            };
            return self.ended(mailbox, turn, current, ended, Some(Attempt { permit, timer, deadline: None }));
        }
        let State::Suspended(attempt) = mem::replace(&mut current.state, State::Due) else { return None };
        let deadline = attempt.deadline;
        let ended = match turn.call(&current.event, || resume(&mut *self.code, cx)) {
            Ok(Poll::Ready(result)) => Ok(in_time(result, attempt.timer.as_ref(), allowed)),
            Ok(Poll::Pending) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {
                current.state = State::Suspended(attempt);
                return Some(Turnout::Asleep(deadline));
            }
            Ok(Poll::Pending) => Ok(Err(Box::new(DeadlinePassed(allowed.unwrap_or_default())) as BoxError)),
            Err(payload) => Err(payload),
        };
        if !matches!(ended, Ok(Ok(()))) {
            self.abandon(turn, current);
        }
        self.ended(mailbox, turn, current, ended, Some(attempt))
    }

    /// Drops what was begun, as a part of the call.
    fn abandon(&mut self, turn: &Turn, current: &Current) {
        if let Err(payload) = turn.call(&current.event, || self.code.abandon()) {
            contain::defuse(payload);
        }
    }

    /// An attempt has ended: the event is settled, or tried again later.
    fn ended(
        &mut self,
        mailbox: &Mailbox,
        turn: &Turn,
        current: &mut Current,
        ended: Ended,
        attempt: Option<Attempt>,
    ) -> Option<Turnout> {
        let (timer, permit) = attempt.map_or((None, None), |attempt| (attempt.timer, attempt.permit));
        if matches!(&ended, Ok(Err(error)) if error.is::<Skip>()) {
            permit.into_iter().for_each(|permit| mailbox.host.give_back(permit));
            mailbox.counts.skipped.bump();
            if let Some(ticket) = current.ticket.take() {
                ticket.skipped();
            }
            return Some(Turnout::Over);
        }
        // Before the circuit's hook, if it has one, is told.
        let took_ns = timer.as_ref().map(Timer::elapsed_ns);
        let succeeded = matches!(ended, Ok(Ok(())));
        if let Some(permit) = permit {
            turn.settle(permit, succeeded);
        }
        if let Some(ns) = took_ns.filter(|_| !succeeded) {
            turn.took(&current.event, ns);
        }
        let how = match ended {
            Ok(Ok(())) => {
                turn.delivered(&current.event, took_ns);
                mailbox.counts.delivered.bump();
                if let Some(ticket) = current.ticket.take() {
                    ticket.delivered();
                }
                return Some(Turnout::Over);
            }
            Ok(Err(error)) => Err(error),
            Err(payload) => Ok(payload),
        };
        current.failed = current.failed.saturating_add(1);
        if let Some(retry) = mailbox.options.retry.as_ref().filter(|retry| retry.allows(current.failed)) {
            mailbox.counts.retried.bump();
            match how {
                Ok(payload) => contain::defuse(payload),
                Err(error) => contain::drop_contained(error),
            }
            let delay = retry.delay(current.failed, self.jitter.next());
            current.state = Instant::now().checked_add(delay).map_or(State::Due, State::Waiting);
            return None;
        }
        let cause = turn.failed(&current.event, how, current.failed);
        mailbox.counts.failed.bump();
        if let Some(ticket) = current.ticket.take() {
            ticket.failed(cause);
        }
        Some(Turnout::Over)
    }
}

/// Goes on with what was begun; what has ended is dropped at once.
fn resume(code: &mut dyn Code, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
    let result = code.resume(cx);
    if result.is_ready() {
        code.abandon();
    }
    result
}

/// The result of an attempt that has ended by itself, if it was in time.
fn in_time(result: Result<(), BoxError>, timer: Option<&Timer>, allowed: Option<Duration>) -> Result<(), BoxError> {
    let took = timer.map_or(0, |timer| u128::from(timer.elapsed_ns()));
    match allowed.filter(|allowed| result.is_ok() && took > allowed.as_nanos()) {
        Some(allowed) => Err(Box::new(DeadlinePassed(allowed))),
        None => result,
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use core::num::NonZeroU32;
    use core::panic::Location;

    use super::super::code::Alone;
    use super::super::options::Options;
    use super::*;
    use crate::bus::{Bus, Subscription};
    use crate::dispatch::Retry;
    use crate::dispatch::backlog::Backlog;

    fn worker() -> Worker {
        Worker::new(Box::new(Alone(|_: &Event| Err("no".into()))))
    }

    /// A queue whose one worker fails, before it is subscribed; and what subscribes it.
    fn queue(bus: &Bus, retry: Option<Retry>) -> (Arc<Mailbox>, impl FnOnce() -> Subscription) {
        let request = bus.on("job").unwrap();
        let options = Options { retry, ..Options::new(1) };
        let mailbox = Arc::new(Mailbox::new(request.host(), options, vec![worker()], Box::new(|| false)));
        let backlog = Arc::clone(&mailbox);
        (mailbox, move || request.add_queue(backlog, false, Location::caller()))
    }

    #[test]
    fn attempts_are_counted_up_to_the_largest_number() {
        let bus = Bus::new();
        let (mailbox, subscribe) = queue(&bus, Some(Retry::times(NonZeroU32::MAX).base(Duration::ZERO)));
        let _guard = subscribe();
        let turn = mailbox.host.turn_of(mailbox.host.subscriber().unwrap()).unwrap();
        let event = Event::builder("job").build().unwrap();
        let mut current = Current { event, ticket: None, failed: u32::MAX, state: State::Due };
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(worker().hands.attempt(&mailbox, &turn, &mut current, &mut cx), None, "it is tried again");
        assert_eq!(current.failed, u32::MAX);
    }

    #[test]
    fn before_a_retry_it_waits_by_the_backoff() {
        let retry = Retry::times(NonZeroU32::MAX).base(Duration::from_secs(3600)).cap(Duration::MAX);
        let bus = Bus::new();
        let (mailbox, subscribe) = queue(&bus, Some(retry));
        let _guard = subscribe();
        let turn = mailbox.host.turn_of(mailbox.host.subscriber().unwrap()).unwrap();
        let event = Event::builder("job").build().unwrap();
        let mut current = Current { event, ticket: None, failed: 3, state: State::Due };
        let (mut worker, mut cx) = (worker(), Context::from_waker(Waker::noop()));
        worker.hands.jitter = Jitter::seeded(1);
        let delay = retry.delay(4, Jitter::seeded(1).next());
        let began = Instant::now();
        assert_eq!(worker.hands.attempt(&mailbox, &turn, &mut current, &mut cx), None);
        let State::Waiting(due) = current.state else { panic!("it is tried again at once") };
        assert!((began + delay..=Instant::now() + delay).contains(&due), "not in {delay:?}");
        let turnout = worker.hands.attempt(&mailbox, &turn, &mut current, &mut cx);
        assert_eq!((turnout, current.failed), (Some(Turnout::Asleep(Some(due))), 4));
    }

    #[test]
    fn a_queue_whose_workers_have_ended_before_it_is_subscribed_does_not_hold_its_subscription() {
        let bus = Bus::new();
        let (mailbox, subscribe) = queue(&bus, None);
        mailbox.stop();
        let guard = subscribe();
        assert!(mailbox.host.subscriber().is_none());
        bus.publish(Event::builder("job").build().unwrap());
        assert_eq!(guard.info().queue.unwrap().discarded, 1);
    }
}
