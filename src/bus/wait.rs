//! Waiting for what handlers do with one event.
//!
//! It promises to wait for no handler in vain: an event that a queue has lost or discarded is settled too. It refuses to wait
//! without a deadline where that could be waiting for oneself.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bus, Delivery, Inner, Outcome, Publishable};
use crate::contain;
use crate::dispatch::awaited::{self, Completion};
use crate::dispatch::{HandlerError, StillRunning};
use crate::event::{Blanks, Event, Given, KindTaken};
use crate::sync::atomic::Ordering;
use crate::sync::duty;

/// What became of an event with all its handlers; from [`Bus::publish_and_wait`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waited {
    /// The event; `None` where it was not accepted.
    pub event: Option<Event>,
    /// How far it got.
    pub outcome: Outcome,
    /// How many handlers took it, with queues and without; not those that made nothing of it
    /// ([`filter_map`](crate::Subscribe::filter_map)).
    pub delivered: u32,
    /// The handlers that failed, or did not handle it.
    pub errors: Vec<HandlerError>,
    /// The handlers that have not finished with it: past the deadline, or because they need the thread that would wait.
    pub running: Vec<StillRunning>,
}

/// Why nothing was published to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// Inside a handler, or on a thread of an executor, a limit must be given: whoever is waited for may be waiting for this
    /// one.
    NoLimit,
    /// Another payload type has the kind.
    KindTaken(KindTaken),
}

// === impl Bus ===

impl Bus {
    /// Publishes an event, and waits until every handler has finished with it: those with a queue too, after their retries.
    /// After `limit`, counted from the call, it returns and names those that have not; `None` waits without limit. (Handlers
    /// without a queue are called by it, and come to their end in any case.)
    ///
    /// What handlers publish meanwhile is not waited for, not even where it is the same event. Nor are handlers to whom the
    /// event comes later: because they are still being told of the past, or because it is
    /// [deferred](crate::Reentrancy::Deferred).
    ///
    /// A [`Receiver`](crate::Receiver) or a stream has finished with an event when it is taken out. Whoever waits without a
    /// limit must not be the one who takes it out: that would be waiting for oneself, for ever, and nobody can tell.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, Event};
    ///
    /// let bus = Bus::new();
    /// let _stock = bus.on("order.placed")?.in_thread().subscribe(|_| println!("reserved"))?;
    /// let _bill = bus.on("order.placed")?.named("bill").in_thread().try_subscribe(|_| Err("no address".into()))?;
    ///
    /// let waited = bus.publish_and_wait(Event::builder("order.placed").build()?, Duration::from_secs(10))?;
    /// assert_eq!(waited.delivered, 1);
    /// assert!(waited.errors[0].to_string().starts_with("handler bill failed: no address on order.placed"));
    /// assert!(waited.running.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::NoLimit`] without a limit inside a handler, inside a tokio runtime, or where the executor of a handler of
    /// this bus says that its tasks need the calling thread (`Spawn::is_current`); [`WaitError::KindTaken`]. Nothing is
    /// published then. Where such a handler is subscribed between that look and the publish, nothing is waited for: whoever
    /// has not finished is [`running`](Waited::running).
    ///
    /// # Panics
    /// If a handler does that was subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
    ///
    /// # Cost
    /// Beside the publish: a few allocations, and a thread that sleeps where a handler has a queue.
    pub fn publish_and_wait(
        &self,
        event: impl Publishable,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Waited, WaitError> {
        let limit = limit.into();
        if limit.is_none() && (duty::forbids_waiting() || is_inside_runtime() || self.inner.has_tasks_here()) {
            contain::drop_contained(event);
            return Err(WaitError::NoLimit);
        }
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (completion, waited) = self.publish_awaited(event)?;
        let Some(completion) = completion else { return Ok(waited) };
        // Asked again: a handler that needs this thread may have been subscribed between the look and the publish.
        if !completion.is_complete() && (limit.is_some() || !self.inner.has_tasks_here()) {
            completion.watch.wait_until(deadline, || completion.is_complete());
        }
        Ok(waited.with(&completion))
    }

    /// Publishes an event that somebody is going to wait for; without a completion, it is all done.
    pub(crate) fn publish_awaited(
        &self,
        event: impl Publishable,
    ) -> Result<(Option<Arc<Completion>>, Waited), WaitError> {
        if let Some(refused) = self.refusal() {
            contain::drop_contained(event);
            return Ok((None, Waited::of(refused)));
        }
        let given = event.give(&mut None, &mut Blanks::with_room(0)).map_err(|taken| {
            self.inner.counters.taken_kinds.bump();
            WaitError::KindTaken(taken)
        })?;
        let event = match given {
            Given::Event(event) => event,
            Given::Draft(draft) => draft.finish(),
        };
        let (delivery, completion) = awaited::during(&*self.inner, event.id(), || self.publish(event));
        Ok((completion, Waited::of(delivery)))
    }
}

impl Inner {
    /// Whether a handler that has not come to its end needs the calling thread, as one of its executor's.
    pub(super) fn has_tasks_here(&self) -> bool {
        // Relaxed: it is set before the handler is subscribed, and whoever has handed that an event has read the table.
        if !self.has_tasks.load(Ordering::Relaxed) {
            return false;
        }
        let (subscribers, leaving) = self.registry.all_living();
        let mut backlogs = subscribers.iter().chain(&leaving).filter_map(|one| one.backlog.as_ref());
        backlogs.any(|backlog| backlog.is_held_up_here())
    }
}

/// Whether the calling thread is in a runtime, whose tasks may need it to get on.
fn is_inside_runtime() -> bool {
    #[cfg(feature = "async")]
    return tokio::runtime::Handle::try_current().is_ok();
    #[cfg(not(feature = "async"))]
    false
}

// === impl Waited ===

impl Waited {
    /// Whether every handler has handled the event without an error.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty() && self.running.is_empty() && self.outcome == Outcome::Published
    }

    fn of(delivery: Delivery) -> Self {
        let Delivery { event, outcome, delivered, .. } = delivery;
        Self { event, outcome, delivered, errors: Vec::new(), running: Vec::new() }
    }

    /// With what has come of it so far.
    pub(crate) fn with(mut self, completion: &Completion) -> Self {
        let result = completion.result();
        self.delivered += result.delivered;
        (self.errors, self.running) = (result.errors, result.running);
        self
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLimit => f.write_str(
                "waiting without a limit inside a handler or on a thread of an executor could be waiting for oneself; \
                 give a limit",
            ),
            Self::KindTaken(taken) => taken.fmt(f),
        }
    }
}

impl std::error::Error for WaitError {}
