//! Subscribing async handlers: on tokio, or on an executor that the user names.

use core::future::Future;
use core::panic::Location;
use std::sync::Arc;

use super::task::{self, Async, Spawn, Tokio};
use crate::bus::{Bus, Subscribe, Subscription};
use crate::dispatch::BoxError;
use crate::event::{Event, KindTaken, Payload, Selector};
use crate::queue::code::Code;
use crate::queue::event_of::EventOf;
use crate::queue::options::QueueError;
use crate::queue::subscribe::{CalledByWorkers, Queued, sealed};

/// An async handler, as a task of an executor. The closure is `Fn`, not `FnMut`: with [`concurrency`](Queued::concurrency) the
/// future of one call is alive while the next is made, and one past its [deadline](Queued::deadline) is dropped where it
/// stands. So what it changes is in what it captures, by `Arc`.
#[non_exhaustive]
pub struct InTasks {
    executor: Arc<dyn Spawn>,
}

impl sealed::Sealed for InTasks {}
impl CalledByWorkers for InTasks {}

impl core::fmt::Debug for InTasks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("InTasks").finish_non_exhaustive()
    }
}

impl Bus {
    /// Has an async handler take every event, on the tokio runtime that this is called in (feature `async`): events wait in
    /// a queue of its own, and publishers do not. One is handled after the other; for options, retries and other executors
    /// see [`Subscribe::in_tokio`] and [`Subscribe::on_executor`]. The closure is `Fn`, not `FnMut`: see [`InTasks`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mail = bus.subscribe_async(|event| async move {
    ///     tokio::time::sleep(Duration::from_millis(1)).await; // nobody is held up
    ///     println!("{event}");
    /// })?;
    /// publish_event!(bus: &bus, "mail.send", to = "ops");
    /// mail.close_async().await?;
    /// assert_eq!(mail.info().delivered, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`QueueError::NoExecutor`] outside of a runtime, [`QueueError::NotRun`] where it has been shut down.
    #[track_caller]
    pub fn subscribe_async<Fut>(
        &self,
        handler: impl Fn(Event) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on_selected::<Event>(Selector::all()).in_tokio()?.subscribe(handler)
    }

    /// Like [`subscribe_async`](Self::subscribe_async), for a handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe_async`](Self::subscribe_async).
    #[track_caller]
    pub fn try_subscribe_async<Fut>(
        &self,
        handler: impl Fn(Event) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.on_selected::<Event>(Selector::all()).in_tokio()?.try_subscribe(handler)
    }

    /// Has an async handler take every payload of type `T`; see [`subscribe_async`](Self::subscribe_async).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use ringbus::{Bus, EventOf, Payload};
    ///
    /// #[derive(Payload)]
    /// #[payload(kind = "docs.subscribe_async_to.sample")]
    /// struct Sample {
    ///     mean: f64,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let bus = Bus::new();
    /// let means = bus
    ///     .subscribe_async_to(|sample: EventOf<Sample>| async move {
    ///         tokio::task::yield_now().await;
    ///         assert_eq!(sample.mean, 0.3);
    ///     })
    ///     .unwrap();
    /// bus.publish(Sample { mean: 0.3 });
    /// means.close_async().await.unwrap();
    /// assert_eq!(means.info().delivered, 1);
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AsyncError`]: outside of a runtime, in one that has been shut down, or another type has `T`'s kind.
    #[track_caller]
    pub fn subscribe_async_to<T: Payload, Fut>(
        &self,
        handler: impl Fn(EventOf<T>) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, AsyncError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        Ok(self.on_payload::<T>()?.in_tokio()?.subscribe(handler)?)
    }

    /// Like [`subscribe_async_to`](Self::subscribe_async_to), for a handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe_async_to`](Self::subscribe_async_to).
    #[track_caller]
    pub fn try_subscribe_async_to<T: Payload, Fut>(
        &self,
        handler: impl Fn(EventOf<T>) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, AsyncError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Ok(self.on_payload::<T>()?.in_tokio()?.try_subscribe(handler)?)
    }
}

/// Why there is no async handler for a type. Nothing was subscribed then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AsyncError {
    /// Another type has the kind.
    KindTaken(KindTaken),
    /// The queue or its executor.
    Queue(QueueError),
}

impl From<KindTaken> for AsyncError {
    fn from(taken: KindTaken) -> Self {
        Self::KindTaken(taken)
    }
}

impl From<QueueError> for AsyncError {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

impl core::fmt::Display for AsyncError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::KindTaken(taken) => taken.fmt(f),
            Self::Queue(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AsyncError {}

// === impl Subscribe ===

impl<P> Subscribe<P> {
    /// The handler is async, and runs on the tokio runtime that this is called in.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = ringbus::Bus::new();
    /// let mail = bus.on("mail.*")?.in_tokio()?.capacity(100).try_subscribe(|mail| async move {
    ///     tokio::task::yield_now().await;
    ///     mail.get("to").map(drop).ok_or("no address".into())
    /// })?;
    /// ringbus::publish_event!(bus: &bus, "mail.send");
    /// mail.close_async().await?;
    /// assert_eq!(mail.info().failed, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`QueueError::NoExecutor`] outside of a runtime.
    pub fn in_tokio(self) -> Result<Queued<P, InTasks>, QueueError> {
        Ok(self.on_executor(Tokio::current()?))
    }

    /// The handler is async, and runs on this executor: also on tokio, from outside of the runtime.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    /// let tokio = runtime.block_on(async { ringbus::Tokio::current() })?;
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.on("job.*")?.on_executor(tokio).subscribe(|job| async move { drop(job.id()) })?;
    /// ringbus::publish_event!(bus: &bus, "job.todo");
    /// jobs.close_drained(Duration::from_secs(10))?;
    /// assert_eq!(jobs.info().delivered, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_executor(self, executor: impl Spawn) -> Queued<P, InTasks> {
        self.queue(1, InTasks { executor: Arc::new(executor) })
    }
}

// === impl Queued ===

impl<P> Queued<P, InTasks> {
    /// The handler may be at work on so many events at once: they keep no order then. 1 to 64; another number is an error of
    /// `subscribe` ([`QueueError::OutOfRange`]).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = ringbus::Bus::new();
    /// let both = Arc::new(tokio::sync::Barrier::new(2));
    /// let jobs = bus.on("job.*")?.in_tokio()?.concurrency(2).subscribe(move |_| {
    ///     let both = Arc::clone(&both);
    ///     async move { drop(both.wait().await) } // two calls meet
    /// })?;
    /// (0..2).for_each(|_| drop(ringbus::publish_event!(bus: &bus, "job.todo")));
    /// jobs.close_async().await?;
    /// assert_eq!(jobs.info().delivered, 2);
    ///
    /// let error = bus.on("job.*")?.in_tokio()?.concurrency(65).subscribe(|_| async {}).unwrap_err();
    /// assert_eq!(error.to_string(), "concurrency 65 is out of range: 1 to 64 are allowed");
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrency(mut self, events: usize) -> Self {
        self.options.workers = events;
        self.options.workers_are = "concurrency";
        self
    }

    pub(super) fn add_tasks<F, Fut>(
        self,
        make: F,
        typed: bool,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError>
    where
        F: Fn(&Event) -> Result<Fut, BoxError> + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let make = Arc::new(make);
        let codes = self.codes(|| -> Box<dyn Code> { Box::new(Async::new(Arc::clone(&make))) })?;
        drop(make);
        self.has_tasks();
        let executor = Arc::clone(&self.mode.executor);
        let drives = {
            let executor = Arc::clone(&executor);
            move || executor.is_current()
        };
        let start = |mailbox: &_, _: Option<&str>| {
            task::start(mailbox, &*executor);
            Ok(())
        };
        Ok(self.add(codes, typed, Box::new(drives), start, place)?.0)
    }
}

impl Queued<Event, InTasks> {
    /// Subscribes an async handler. Each event has a future of its own; it is polled as part of the subscription's task.
    ///
    /// Between two polls it may be dropped: when the subscription is closed, or its [deadline](Self::deadline) has passed,
    /// or its executor ends. The event is counted as discarded then, or failed.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or the executor has dropped the tasks at
    /// once. Nothing is subscribed then.
    ///
    /// # Panics
    /// If the executor's [`spawn`](Spawn::spawn) does; nothing is subscribed then.
    #[track_caller]
    pub fn subscribe<Fut>(
        self,
        handler: impl Fn(Event) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.try_subscribe(move |event| infallible(handler(event)))
    }

    /// Subscribes an async handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe<Fut>(
        self,
        handler: impl Fn(Event) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.add_tasks(move |event| Ok(handler(event.clone())), false, Location::caller())
    }
}

impl<T: Payload> Queued<T, InTasks> {
    /// Subscribes an async handler for payloads; see that for events.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or the executor has dropped the tasks at
    /// once. Nothing is subscribed then.
    ///
    /// # Panics
    /// If the executor's [`spawn`](Spawn::spawn) does; nothing is subscribed then.
    #[track_caller]
    pub fn subscribe<Fut>(
        self,
        handler: impl Fn(EventOf<T>) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.try_subscribe(move |event| infallible(handler(event)))
    }

    /// Subscribes an async handler that may fail, for payloads.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe<Fut>(
        self,
        handler: impl Fn(EventOf<T>) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let typed = !self.decodes();
        let make = move |event: &Event| Ok(handler(EventOf::new(event)?));
        self.add_tasks(make, typed, Location::caller())
    }
}

pub(super) async fn infallible(handler: impl Future<Output = ()>) -> Result<(), BoxError> {
    handler.await;
    Ok(())
}
