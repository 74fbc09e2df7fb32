//! Taking events out of a queue, as from a channel.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use super::mailbox::{Next, SharedMailbox};
use crate::bus::Subscription;
use crate::dispatch::awaited::Ticket;
use crate::dispatch::backlog::Backlog;
use crate::dispatch::{EndedBy, SubscriptionInfo};
use crate::event::Event;
use crate::sync::wakers::thread_waker;
use crate::sync::{park, park_timeout};

/// The events of a subscription, taken out one by one; made by [`Subscribe::receiver`](crate::Subscribe::receiver).
///
/// Publishers leave events in its queue and go on. What it takes out counts as delivered. Dropping it unsubscribes, and
/// discards what waits, counted.
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
pub struct Receiver {
    guard: Subscription,
    mailbox: SharedMailbox,
}

/// There is no event to be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecvError {
    /// None waits at the moment.
    Empty,
    /// None has come in time.
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

impl Receiver {
    pub(super) fn new(guard: Subscription, mailbox: SharedMailbox) -> Self {
        Self { guard, mailbox }
    }

    /// The next event; waits for one.
    ///
    /// # Errors
    /// [`RecvError::Ended`].
    pub fn recv(&mut self) -> Result<Event, RecvError> {
        self.recv_until(None)
    }

    /// The next event; waits for one, at most so long.
    ///
    /// # Errors
    /// [`RecvError::TimedOut`], [`RecvError::Ended`].
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<Event, RecvError> {
        // A limit beyond what the clock can tell is none.
        self.recv_until(Instant::now().checked_add(limit))
    }

    /// The next event, if one waits.
    ///
    /// # Errors
    /// [`RecvError::Empty`], [`RecvError::Ended`].
    pub fn try_recv(&mut self) -> Result<Event, RecvError> {
        // Before the look: what comes after an end is none.
        let over = self.mailbox.is_closed();
        match self.mailbox.pop() {
            Some((event, ticket)) => Ok(self.taken(event, ticket)),
            None if over => Err(RecvError::Ended),
            None => Err(RecvError::Empty),
        }
    }

    /// The events that wait, and what comes meanwhile, until none waits.
    pub fn try_iter(&mut self) -> impl Iterator<Item = Event> + '_ {
        core::iter::from_fn(|| self.try_recv().ok())
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

    fn recv_until(&mut self, deadline: Option<Instant>) -> Result<Event, RecvError> {
        if let Some((event, ticket)) = self.mailbox.pop() {
            return Ok(self.taken(event, ticket));
        }
        let waker = thread_waker();
        loop {
            match self.mailbox.next(0, &waker) {
                Next::Event(event, ticket) => return Ok(self.taken(event, ticket)),
                Next::Over => return Err(RecvError::Ended),
                Next::Nothing => {}
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => park(),
                Some(Duration::ZERO) => {
                    self.mailbox.wakers.rise(0);
                    return Err(RecvError::TimedOut);
                }
                Some(left) => park_timeout(left),
            }
        }
    }

    fn taken(&self, event: Event, ticket: Option<Ticket>) -> Event {
        self.mailbox.received(ticket);
        event
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.guard.end(EndedBy::Unsubscribing);
        self.mailbox.stop();
    }
}

impl Iterator for Receiver {
    type Item = Event;

    /// Waits for the next event; ends with the subscription.
    fn next(&mut self) -> Option<Event> {
        self.recv().ok()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("subscription", &self.guard).field("len", &self.len()).finish()
    }
}
