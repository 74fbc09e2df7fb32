//! Taking events out of a queue, as from a channel.

use core::fmt;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(feature = "async")]
use core::task::Context;
use core::task::{Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use super::event_of::EventOf;
use super::mailbox::{Mailbox, Next, SharedMailbox};
#[cfg(feature = "async")]
use super::tasks::timer::Alarm;
use crate::bus::Subscription;
use crate::contain::{self, Caught};
use crate::dispatch::awaited::{HandlerErrorCause, Ticket};
use crate::dispatch::backlog::Backlog;
use crate::dispatch::{BoxError, EndedBy, Subscriber, SubscriptionInfo};
use crate::event::{DecodeError, Event, Payload};
use crate::sync::Parker;

/// The events of a subscription, taken out one by one; made by [`Subscribe::receiver`](crate::Subscribe::receiver).
///
/// Publishers leave events in its queue and go on. What it takes out counts as delivered. Dropping it unsubscribes, and
/// discards what waits, counted.
///
/// With [`decode`](crate::Subscribe::decode), an event that cannot be read as the payload does not come out: it counts as
/// failed, is reported, and is a [dead letter](crate::Bus::dead_letters).
///
/// ```
/// use ringbus::{Bus, RecvError, publish_event};
///
/// let bus = Bus::new();
/// let mut jobs = bus.on("job.*")?.receiver()?;
/// publish_event!(bus: &bus, "job.first");
/// publish_event!(bus: &bus, "job.second");
/// assert_eq!(jobs.recv()?.kind(), "job.first");
/// assert_eq!(jobs.recv()?.kind(), "job.second");
/// assert_eq!(jobs.try_recv().unwrap_err(), RecvError::Empty);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is one consumer's: to share the work among threads, subscribe a handler [in a pool](crate::Subscribe::in_pool).
#[must_use = "dropping a receiver unsubscribes it"]
pub struct Receiver<P = Event> {
    guard: Subscription,
    pub(super) mailbox: SharedMailbox,
    takes: PhantomData<fn() -> P>,
}

// As for the bus.
impl<P> UnwindSafe for Receiver<P> {}
impl<P> RefUnwindSafe for Receiver<P> {}

/// What can be taken out of a queue: an [`Event`], or an [`EventOf`] a [`Payload`] type. Sealed.
pub trait Received: sealed::Sealed {
    /// What comes out.
    type Item;

    #[doc(hidden)]
    const IS_PAYLOAD: bool;

    #[doc(hidden)]
    fn receive(event: &Event) -> Result<Self::Item, DecodeError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::event::Event {}
    impl<T: crate::event::Payload> Sealed for T {}
}

impl Received for Event {
    type Item = Event;

    const IS_PAYLOAD: bool = false;

    fn receive(event: &Event) -> Result<Event, DecodeError> {
        Ok(event.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Payload> Received for T {
    type Item = EventOf<T>;

    const IS_PAYLOAD: bool = true;

    fn receive(event: &Event) -> Result<EventOf<T>, DecodeError> {
        EventOf::new(event)
    }
}

/// So many events that cannot be read are taken out in one poll: then others have their turn. Who does not wait takes out
/// as many at least.
pub(super) const MOST_REFUSED: usize = 64;

/// There is no event to be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecvError {
    /// None waits at the moment; or of as many as waited at first, and of 64 at least, none could be read.
    Empty,
    /// None has come in time, or none that can be read: see [`Empty`](Self::Empty).
    TimedOut,
    /// None waits, and none will come: the subscription has ended, or the bus is gone.
    Ended,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no event waits",
            Self::TimedOut => "no event has come in time",
            Self::Ended => "no event waits, and none will come: the subscription has ended",
        })
    }
}

impl std::error::Error for RecvError {}

// === impl Receiver ===

impl<P> Receiver<P> {
    pub(super) fn new(guard: Subscription, mailbox: SharedMailbox) -> Self {
        Self { guard, mailbox, takes: PhantomData }
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mailbox.waiting()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What there is to know about the subscription, its losses included.
    #[must_use]
    pub fn info(&self) -> SubscriptionInfo {
        self.guard.info()
    }

    /// The subscription.
    pub fn subscription(&self) -> &Subscription {
        &self.guard
    }
}

impl<P: Received> Receiver<P> {
    /// The next event; waits for one.
    ///
    /// # Errors
    /// [`RecvError::Ended`].
    pub fn recv(&mut self) -> Result<P::Item, RecvError> {
        self.recv_until(None)
    }

    /// The next event; waits for one, at most so long.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`], [`RecvError::Ended`].
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<P::Item, RecvError> {
        // A limit beyond what the clock can tell is none.
        self.recv_until(Instant::now().checked_add(limit))
    }

    /// The next event, if one waits.
    ///
    /// # Errors
    /// [`RecvError::Empty`], [`RecvError::Ended`].
    pub fn try_recv(&mut self) -> Result<P::Item, RecvError> {
        // Before the look: what comes after an end is none.
        let over = self.mailbox.is_closed();
        let (mut refused, mut most) = (0, usize::MAX);
        while refused < most {
            let Some((event, ticket)) = self.mailbox.pop() else { break };
            if let Some(item) = self.taken(&event, ticket) {
                return Ok(item);
            }
            if refused == 0 && !over {
                // It does not go on for as long as events come that cannot be read.
                most = MOST_REFUSED.max(self.len() + 1);
            }
            refused += 1;
        }
        Err(if over { RecvError::Ended } else { RecvError::Empty })
    }

    /// The events that wait, and what comes meanwhile, until none waits.
    pub fn try_iter(&mut self) -> impl Iterator<Item = P::Item> + '_ {
        core::iter::from_fn(|| self.try_recv().ok())
    }

    fn recv_until(&mut self, deadline: Option<Instant>) -> Result<P::Item, RecvError> {
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let Some((event, ticket)) = self.mailbox.pop_soon() else { break };
            if let Some(item) = self.taken(&event, ticket) {
                return Ok(item);
            }
        }
        let parker = Parker::new();
        let waker = parker.waker();
        loop {
            if let Poll::Ready(item) = self.poll_item(&waker) {
                return item;
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => parker.park(),
                Some(Duration::ZERO) => {
                    self.mailbox.wakers.rise(0);
                    return self.recv_at_last();
                }
                Some(left) => parker.park_timeout(left),
            }
        }
    }

    /// The next event, if one waits, which may be behind others that cannot be read: the time is over.
    fn recv_at_last(&mut self) -> Result<P::Item, RecvError> {
        self.try_recv().map_err(|error| if error == RecvError::Empty { RecvError::TimedOut } else { error })
    }

    /// The next event, for a future that is woken when one comes, or at the deadline.
    #[cfg(feature = "async")]
    pub(super) fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        alarm: &mut Option<Alarm>,
    ) -> Poll<Result<P::Item, RecvError>> {
        if let Poll::Ready(item) = self.poll_item(cx.waker()) {
            return Poll::Ready(item);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Poll::Ready(self.recv_at_last());
        }
        // Set anew each time: the task may have another waker now.
        *alarm = deadline.map(|deadline| Alarm::at(deadline, cx.waker()));
        Poll::Pending
    }

    /// The next event; where none waits, `waker` is woken when one comes, or none will.
    pub(super) fn poll_item(&mut self, waker: &Waker) -> Poll<Result<P::Item, RecvError>> {
        for _ in 0..MOST_REFUSED {
            match self.mailbox.next(0, waker) {
                Next::Event(event, ticket) => {
                    if let Some(item) = self.taken(&event, ticket) {
                        return Poll::Ready(Ok(item));
                    }
                }
                Next::Over => return Poll::Ready(Err(RecvError::Ended)),
                Next::Nothing => return Poll::Pending,
            }
        }
        waker.wake_by_ref();
        Poll::Pending
    }

    /// What comes out; one that cannot be read as what is wanted has failed.
    pub(super) fn taken(&self, event: &Event, ticket: Option<Ticket>) -> Option<P::Item> {
        let how = match contain::call(|| P::receive(event)) {
            Ok(Ok(item)) => {
                self.guard.has_succeeded();
                self.mailbox.received(ticket);
                return Some(item);
            }
            Ok(Err(error)) => Err(Box::new(error) as BoxError),
            // The payload's own code, which reads it.
            Err(payload) => Ok(payload),
        };
        self.mailbox.refused(self.guard.subscriber(), event, ticket, how);
        None
    }
}

impl<P> Drop for Receiver<P> {
    fn drop(&mut self) {
        self.guard.end(EndedBy::Unsubscribing);
        self.mailbox.stop();
    }
}

impl<P: Received> Iterator for Receiver<P> {
    type Item = P::Item;

    /// Waits for the next event; ends with the subscription.
    fn next(&mut self) -> Option<P::Item> {
        self.recv().ok()
    }
}

impl<P> fmt::Debug for Receiver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("subscription", &self.guard).field("len", &self.len()).finish()
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// An event was taken out by whoever receives, who could make nothing of it.
    pub(super) fn refused(
        &self,
        subscriber: Arc<Subscriber>,
        event: &Event,
        ticket: Option<Ticket>,
        how: Result<Caught, BoxError>,
    ) {
        self.counts.failed.bump();
        let cause = match (self.host.turn_of(subscriber), how) {
            (Some(turn), how) => self.at_work(|| turn.failed(event, how, 1)),
            (None, Err(error)) => HandlerErrorCause::Error(error.to_string()),
            (None, Ok(payload)) => {
                let text = contain::message(&payload);
                contain::defuse(payload);
                HandlerErrorCause::Panic(text)
            }
        };
        if let Some(ticket) = ticket {
            ticket.failed(cause);
        }
        self.settled();
    }

    /// An event was taken out by whoever receives.
    pub(super) fn received(&self, ticket: Option<Ticket>) {
        self.counts.delivered.bump();
        self.host.received();
        if let Some(ticket) = ticket {
            ticket.delivered();
        }
        self.settled();
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use crate::bus::Bus;
    use crate::event::Event;
    use std::sync::Arc;

    #[test]
    fn who_takes_events_out_may_be_caught_unwinding() {
        fn may_be_caught<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
        may_be_caught::<(crate::Receiver, crate::Expectation)>();
        #[cfg(feature = "async")]
        may_be_caught::<crate::EventStream>();
    }

    #[test]
    fn it_tells_how_many_wait() {
        let bus = Bus::new();
        let mut jobs = bus.on("job").unwrap().receiver().unwrap();
        assert_eq!((jobs.len(), jobs.is_empty()), (0, true));
        (0..2).for_each(|_| drop(bus.publish(Event::builder("job").build().unwrap())));
        assert_eq!((jobs.len(), jobs.is_empty()), (2, false));
        assert!(jobs.by_ref().take(2).count() == 2 && jobs.is_empty());
    }

    /// The queue knows the subscription, which holds the queue.
    #[test]
    fn what_it_leaves_behind_is_counted_and_all_is_let_go() {
        let bus = Bus::new();
        let jobs = bus.on("job").unwrap().receiver().unwrap();
        let subscriber = Arc::downgrade(&jobs.subscription().subscriber());
        bus.publish(Event::builder("job").build().unwrap());
        drop(jobs);
        assert_eq!((bus.stats().totals.discarded, subscriber.strong_count()), (1, 0));
    }
}
