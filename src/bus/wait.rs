//! Waiting for what handlers do: with one event, or with all that waits in queues.
//!
//! It promises to wait for no handler in vain: an event that a queue has lost or discarded is settled too. It refuses to wait
//! without a deadline where that could be waiting for oneself.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bus, Outcome, Publishable};
use crate::dispatch::awaited::{self, Completion};
use crate::dispatch::backlog::Backlog;
use crate::dispatch::{HandlerError, StillRunning, SubscriptionId};
use crate::event::{Blanks, Event, Given, KindTaken};
use crate::sync::duty;

/// What became of an event with all its handlers; from [`Bus::publish_and_wait`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Waited {
    /// The event; `None` where it was not accepted.
    pub event: Option<Event>,
    /// How far it got.
    pub outcome: Outcome,
    /// How many handlers took it, with queues and without.
    pub delivered: u32,
    /// The handlers that failed, or did not handle it.
    pub errors: Vec<HandlerError>,
    /// Past the deadline: the handlers that have not finished with it.
    pub running: Vec<StillRunning>,
}

/// Why nothing was published to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// Inside a handler, or on a thread inside of a tokio runtime, a limit must be given: whoever is waited for may be
    /// waiting for this one.
    NoLimit,
    /// Another payload type has the kind.
    KindTaken(KindTaken),
}

/// Handlers with a queue have not come to their end in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillBusy {
    /// How long it was waited.
    pub after: Duration,
    /// Who has something to do.
    pub handlers: Vec<StillRunning>,
}

/// A handler that has something to do, and its queue.
type Busy = (StillRunning, Arc<dyn Backlog>);

// === impl Bus ===

impl Bus {
    /// Publishes an event, and waits until every handler has finished with it: those with a queue too, after their retries.
    /// Past the limit it tells who has not; `None` is no limit.
    ///
    /// What handlers publish meanwhile is not waited for. Nor are handlers to whom the event comes later: because they are
    /// still being told of the past, or because it is [deferred](crate::Reentrancy::Deferred).
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
    /// [`WaitError::NoLimit`] inside a handler, or a tokio runtime, without a limit; [`WaitError::KindTaken`]. Nothing is published then.
    ///
    /// # Cost
    /// Beside the publish: a few allocations, and a thread that sleeps where a handler has a queue.
    pub fn publish_and_wait(
        &self,
        event: impl Publishable,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Waited, WaitError> {
        let limit = limit.into();
        if limit.is_none() && (duty::forbids_waiting() || is_inside_runtime()) {
            return Err(WaitError::NoLimit);
        }
        let (completion, waited) = self.publish_awaited(event)?;
        let Some(completion) = completion else { return Ok(waited) };
        if !completion.is_complete() {
            // A limit beyond what the clock can tell is none.
            let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
            completion.watch.wait_until(deadline, || completion.is_complete());
        }
        Ok(waited.with(&completion))
    }

    /// Publishes an event that somebody is going to wait for; without a completion, it is all done.
    pub(crate) fn publish_awaited(
        &self,
        event: impl Publishable,
    ) -> Result<(Option<Arc<Completion>>, Waited), WaitError> {
        let event = match event.give(&mut None, &mut Blanks::with_room(0)).map_err(WaitError::KindTaken)? {
            Given::Event(event) => event,
            Given::Draft(draft) => draft.finish(),
        };
        let (delivery, completion) = awaited::during(event.id(), || self.publish(event));
        let (outcome, delivered) = (delivery.outcome, delivery.delivered);
        Ok((completion, Waited { event: delivery.event, outcome, delivered, errors: Vec::new(), running: Vec::new() }))
    }

    /// Waits until no event waits in a queue of this bus, and no handler with a queue is at work; those among them whose
    /// subscription has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.on("job.*")?.in_pool(2).subscribe(|job| drop(job.id()))?;
    /// (0..100).for_each(|_| drop(ringbus::publish_event!(bus: &bus, "job.todo")));
    /// bus.wait_idle(Duration::from_secs(10))?;
    /// assert_eq!(jobs.info().delivered, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StillBusy`] names those that have something to do at the end of the limit: inside a handler with a queue also
    /// itself.
    ///
    /// # Ordering
    /// It sees what happened before it was called, and what the handlers did with that. While others publish it may find no
    /// moment in which all are idle.
    pub fn wait_idle(&self, limit: Duration) -> Result<(), StillBusy> {
        let deadline = Instant::now().checked_add(limit);
        loop {
            let (busy, offered) = self.busy();
            let Some((_, backlog)) = busy.first() else {
                // A handler may have published to another one, which was idle when it was looked at, and become idle itself.
                // If nothing has come to any of them between two looks at all, all were idle between the two.
                let (busy, again) = self.busy();
                if busy.is_empty() && offered == again {
                    return Ok(());
                }
                continue;
            };
            if !backlog.watch().wait_until(deadline, || backlog.is_idle()) {
                let handlers = self.busy().0.into_iter().map(|(who, _)| who).collect();
                return Err(StillBusy { after: limit, handlers });
            }
        }
    }

    /// The handlers that have something to do, and what all queues have been offered.
    fn busy(&self) -> (Vec<Busy>, Vec<(SubscriptionId, u64)>) {
        let (mut busy, mut offered) = (Vec::new(), Vec::new());
        let (subscribers, leaving) = self.inner.registry.all_living();
        for one in subscribers.into_iter().chain(leaving) {
            if let Some(backlog) = &one.backlog {
                if !backlog.is_idle() {
                    busy.push((StillRunning::of(&one), Arc::clone(backlog)));
                }
                offered.push((one.id, backlog.info().offered));
            }
        }
        (busy, offered)
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
    /// Whether every handler has taken the event.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty() && self.running.is_empty() && self.outcome == Outcome::Published
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

impl fmt::Display for StillBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?} still at work:", self.after)?;
        self.handlers.iter().enumerate().try_for_each(|(at, one)| {
            f.write_str(if at == 0 { " " } else { ", " })?;
            one.fmt(f)
        })
    }
}

impl std::error::Error for StillBusy {}
