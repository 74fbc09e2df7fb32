//! Subscriptions that are being made whose events wait: their options, and their queue and workers.

use core::panic::Location;
use core::time::Duration;
use std::sync::Arc;

use super::code::Code;
use super::mailbox::{Drives, Mailbox, SharedMailbox};
use super::options::{Options, QueueError};
use super::overflow::Overflow;
use super::receiver::{Received, Receiver};
use super::threads;
use super::worker::Worker;
use crate::bus::{Subscribe, Subscription};
use crate::dispatch::{FailurePolicy, Retry};

/// A subscription being made whose handler takes its time: events wait for it in a queue of its own, and publishers do
/// not. Begun by [`Subscribe::in_thread`], [`in_pool`](Subscribe::in_pool), [`queued`](Subscribe::queued), and for async
/// handlers by `in_tokio` and `on_executor` (feature `async`), which have the option `concurrency` too: 1 by default, 1 to
/// 64 allowed.
///
/// | option | default | allowed |
/// |---|---|---|
/// | [`capacity`](Self::capacity) | 1024 events | 1 to 16 777 216 (2^24), else an error of `subscribe` |
/// | [`when_full`](Self::when_full) | [`Overflow::DropOldest`] | |
/// | [`by_priority`](Self::by_priority) | off: in the order of publishing | |
/// | [`retry`](Self::retry) | none: a failure is for good | |
/// | [`deadline`](Self::deadline) | none | |
///
/// Name, order, filters, limit and failure policy are those of [`Subscribe`], and come before; filters run on the publisher's
/// thread. The options here come before [`map`](Self::map) and [`filter_map`](Self::filter_map).
///
/// ```
/// use std::time::Duration;
/// use ringbus::{Bus, Overflow, publish_event};
///
/// let bus = Bus::new();
/// let mut lines = 0;
/// let log = bus
///     .on("job.**")?
///     .named("log")
///     .in_thread()
///     .capacity(10_000)
///     .when_full(Overflow::DropNewest)
///     .subscribe(move |event| {
///         lines += 1; // a thread of its own: it may change what it has captured
///         drop(format!("{lines}: {event}"));
///     })?;
/// assert_eq!(publish_event!(bus: &bus, "job.done").enqueued, 1);
/// log.close_drained(Duration::from_secs(10))?;
/// assert_eq!(log.info().delivered, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Ordering
/// A handler on one thread sees each publisher's events in their order, and what a publisher did before it published.
///
/// # Failures
/// A panic or an error is counted and reported as that of any other handler. It is for good when no attempt is left
/// ([`retry`](Self::retry)): then the event is a [dead letter](crate::Bus::dead_letters).
///
/// # Ending
/// Dropping the guard discards what waits, and counts it; so does [`close`](Subscription::close), which waits for the call
/// that runs. [`close_drained`](Subscription::close_drained) has everything handled first. Where the last call that a
/// [`limit`](Subscribe::limit) allows has been handed to the queue, what waits is still handled.
#[derive(Debug)]
#[must_use = "nothing is subscribed before `subscribe` or `try_subscribe`"]
pub struct Queued<P, M> {
    base: Subscribe<P>,
    pub(super) options: Options,
    #[cfg_attr(not(feature = "async"), allow(dead_code, reason = "the marker of a type, but for executors"))]
    pub(super) mode: M,
}

/// A handler on a thread of its own: it may be `FnMut`, and sees the events in their order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InThread;

/// A handler on several threads at once.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InPool;

/// No handler: the events are taken out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TakenOut;

// === impl Subscribe ===

impl<P> Subscribe<P> {
    /// The handler gets a thread of its own and a queue: publishers leave events there and go on.
    ///
    /// A forked child has no such thread, unless it is the one that forks: there events wait until the policy drops them, or
    /// until somebody waits for them ([`wait_idle`](crate::Bus::wait_idle)) or ends the handler or the bus. From then on they
    /// are discarded and counted, and so is the one that the handler was at work on.
    pub fn in_thread(self) -> Queued<P, InThread> {
        self.queue(1, InThread)
    }

    /// The handler is called on so many threads of its own, and may be at work on as many events at once: they keep no
    /// order then. 1 to 64; another number is an error of `subscribe` ([`QueueError::OutOfRange`]).
    ///
    /// ```
    /// use std::sync::{Arc, Barrier};
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let both = Arc::new(Barrier::new(2));
    /// let jobs = bus.on("job.*")?.in_pool(2).subscribe(move |_| drop(both.wait()))?; // two calls meet
    /// (0..2).for_each(|_| drop(publish_event!(bus: &bus, "job.todo")));
    /// jobs.close_drained(Duration::from_secs(10))?;
    /// assert!(bus.on("job.*")?.in_pool(65).subscribe(|_| {}).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn in_pool(self, threads: usize) -> Queued<P, InPool> {
        self.queue(threads, InPool)
    }

    /// Nobody is called: events wait in a queue until they are taken out, by a [`Receiver`] or a stream. One that cannot be
    /// read as what is wanted has failed; with [quarantine](crate::FailurePolicy::Quarantine) after a row of them nothing
    /// more comes in, and what waits can still be taken out.
    pub fn queued(self) -> Queued<P, TakenOut> {
        self.queue(1, TakenOut)
    }

    pub(super) fn queue<M>(self, workers: usize, mode: M) -> Queued<P, M> {
        Queued { base: self, options: Options::new(workers), mode }
    }
}

impl<P: Received> Subscribe<P> {
    /// Takes the events out by oneself, as from a channel; see [`Receiver`]. For options, [`queued`](Self::queued) first.
    ///
    /// # Errors
    /// [`QueueError`], if the failure policy is to unwind, or there is a breaker.
    #[track_caller]
    pub fn receiver(self) -> Result<Receiver<P>, QueueError> {
        self.queued().receiver()
    }
}

// === impl Queued ===

impl<P, M> Queued<P, M> {
    /// How many events may wait: 1 to 16 777 216 (2^24). Another number is an error of `subscribe`, `receiver` and `stream`
    /// ([`QueueError::OutOfRange`]).
    ///
    /// # Cost
    /// Eight bytes for each (of each priority, where it is ordered by those), at once; and what waits is kept alive.
    pub fn capacity(mut self, events: usize) -> Self {
        self.options.capacity = events;
        self
    }

    /// What becomes of an event when the queue is full.
    pub fn when_full(mut self, policy: Overflow) -> Self {
        self.options.overflow = policy;
        self
    }

    /// Events of a higher [priority](crate::Priority) overtake those of a lower one that wait; those of one priority keep
    /// their order. Of each priority as many may wait as the capacity says.
    ///
    /// ```
    /// use ringbus::{Bus, Priority, publish_event};
    ///
    /// let bus = Bus::new();
    /// let mut jobs = bus.on("job.*")?.queued().by_priority().receiver()?;
    /// publish_event!(bus: &bus, "job.sweep", priority: Priority::Low);
    /// publish_event!(bus: &bus, "job.rescue", priority: Priority::High);
    /// assert!(jobs.try_iter().map(|job| job.kind().to_string()).eq(["job.rescue", "job.sweep"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by_priority(mut self) -> Self {
        self.options.by_priority = true;
        self
    }

    /// Whether it takes events without a payload too.
    pub(super) fn decodes(&self) -> bool {
        self.base.decodes()
    }

    /// Its handler is going to run in tasks of an executor.
    #[cfg(feature = "async")]
    pub(super) fn has_tasks(&self) {
        self.base.has_tasks();
    }

    pub(super) fn checked(self) -> Result<Self, QueueError> {
        self.options.check()?;
        if self.base.policy() == FailurePolicy::Unwind {
            return Err(QueueError::Unwind);
        }
        Ok(self)
    }

    /// Subscribes a mailbox with these workers.
    pub(super) fn add(
        self,
        codes: Vec<Box<dyn Code>>,
        typed: bool,
        drives: Drives,
        start: impl FnOnce(&SharedMailbox, Option<&str>) -> Result<(), QueueError>,
        place: &'static Location<'static>,
    ) -> Result<(Subscription, SharedMailbox), QueueError> {
        let Self { base, options, .. } = self.checked()?;
        let taken_out = codes.is_empty();
        let workers = codes.into_iter().map(Worker::new).collect();
        let mailbox = Arc::new(Mailbox::new(base.host(), options, workers, drives));
        start(&mailbox, base.name())?;
        if mailbox.has_no_worker_left() {
            return Err(QueueError::NotRun);
        }
        let add = || base.add_queue(Arc::clone(&mailbox) as _, typed, place);
        // Nobody can take out yet what it is told of the past: not to wait for that.
        let guard = if taken_out { mailbox.at_work(add) } else { add() };
        Ok((guard, mailbox))
    }

    pub(super) fn add_threads(
        mut self,
        codes: Vec<Box<dyn Code>>,
        typed: bool,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError> {
        self.options.lingers = true;
        Ok(self.add(codes, typed, Box::new(|| false), threads::start, place)?.0)
    }

    /// So many of what `make` makes, one for each worker; none where so many are not allowed.
    pub(super) fn codes(&self, make: impl Fn() -> Box<dyn Code>) -> Result<Vec<Box<dyn Code>>, QueueError> {
        self.options.check()?;
        Ok((0..self.options.workers).map(|_| make()).collect())
    }
}

/// Handlers, called by a worker.
impl<P, M: CalledByWorkers> Queued<P, M> {
    /// After a failure the event is tried again, later and later. It is settled, and the next one taken, when an attempt
    /// has succeeded or none is left.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use std::time::Duration;
    /// use ringbus::{Bus, Retry, publish_event};
    ///
    /// let bus = Bus::new();
    /// let mut left = 2;
    /// let flaky = bus
    ///     .on("mail.send")?
    ///     .in_thread()
    ///     .retry(Retry::times(NonZeroU32::new(3).unwrap()).base(Duration::from_millis(1)))
    ///     .try_subscribe(move |_| {
    ///         left -= 1;
    ///         if left < 0 { Ok(()) } else { Err("no route to host".into()) }
    ///     })?;
    /// publish_event!(bus: &bus, "mail.send");
    /// bus.wait_idle(Duration::from_secs(10))?;
    /// let info = flaky.info();
    /// assert_eq!((info.delivered, info.failed, info.queue.unwrap().retried), (1, 0, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// How long one attempt may take, from its beginning: beyond that it has failed. An async handler is dropped then; one on
    /// a thread, or one that is being polled, cannot be stopped, and has failed when it returns.
    ///
    /// ```
    /// use std::{thread::sleep, time::Duration};
    /// use ringbus::{Bus, publish_event};
    ///
    /// let (bus, allowed) = (Bus::new(), Duration::from_millis(1));
    /// let slow = bus.on("job.*")?.in_thread().deadline(allowed).subscribe(move |_| sleep(2 * allowed))?;
    /// publish_event!(bus: &bus, "job.todo");
    /// bus.wait_idle(Duration::from_secs(10))?;
    /// assert_eq!((slow.info().delivered, slow.info().failed), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.options.deadline = Some(allowed);
        self
    }
}

/// How handlers are called that workers call; sealed.
pub trait CalledByWorkers: sealed::Sealed {}

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::InThread {}
    impl Sealed for super::InPool {}
}

impl CalledByWorkers for InThread {}
impl CalledByWorkers for InPool {}

impl<P: Received> Queued<P, TakenOut> {
    /// Takes the events out by oneself, as from a channel.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or there is a breaker. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn receiver(self) -> Result<Receiver<P>, QueueError> {
        if self.base.has_breaker() {
            return Err(QueueError::NobodyCalled { option: "breaker" });
        }
        let typed = P::IS_PAYLOAD && !self.decodes();
        let place = Location::caller();
        let (guard, mailbox) = self.add(Vec::new(), typed, Box::new(|| false), |_, _| Ok(()), place)?;
        Ok(Receiver::new(guard, mailbox))
    }
}
