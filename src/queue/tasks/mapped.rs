//! Async handlers that take what a function makes of an event, not the event itself.

use core::future::Future;
use core::panic::Location;

use super::subscribe::{InTasks, infallible};
use crate::bus::Subscription;
use crate::bus::mapped::Mapped;
use crate::dispatch::{BoxError, Skip};
use crate::event::{Event, Payload};
use crate::queue::event_of::EventOf;
use crate::queue::options::QueueError;
use crate::queue::subscribe::Queued;

/// What was made of an event, if it is anything.
fn made<U>(input: Option<U>) -> Result<U, BoxError> {
    input.ok_or_else(|| Skip.into())
}

/// The same for its payload.
fn of_payload<T: Payload, U>(event: &Event, map: impl Fn(&T) -> Option<U>) -> Result<U, BoxError> {
    let payload = EventOf::new(event)?;
    made(map(&payload))
}

impl<F, U> Mapped<Queued<Event, InTasks>, Event, F>
where
    F: Fn(&Event) -> Option<U> + Send + Sync + 'static,
{
    /// Subscribes an async handler. The function is called by the subscription's task, as a part of the call.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = ringbus::Bus::new();
    /// let slow = bus
    ///     .on("db.query")?
    ///     .in_tokio()?
    ///     .filter_map(|event| event.get("ms")?.as_i64().filter(|ms| *ms > 100))
    ///     .subscribe(|ms| async move { assert_eq!(ms, 700) })?;
    /// [7, 700].map(|ms| drop(ringbus::publish_event!(bus: &bus, "db.query", ms)));
    /// slow.close_async().await?;
    /// let queue = slow.info().queue.unwrap();
    /// assert_eq!((queue.delivered, queue.skipped), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for async handlers that take the event.
    ///
    /// # Panics
    /// If the executor's [`spawn`](crate::Spawn::spawn) does; nothing is subscribed then.
    #[track_caller]
    pub fn subscribe<Fut>(self, handler: impl Fn(U) -> Fut + Send + Sync + 'static) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.try_subscribe(move |input| infallible(handler(input)))
    }

    /// Subscribes an async handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    ///
    /// # Panics
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe<Fut>(
        self,
        handler: impl Fn(U) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let (request, map) = self.into_parts();
        let make = move |event: &Event| Ok(handler(made(map(event))?));
        request.add_tasks(make, false, Location::caller())
    }
}

impl<T: Payload, F, U> Mapped<Queued<T, InTasks>, T, F>
where
    F: Fn(&T) -> Option<U> + Send + Sync + 'static,
{
    /// Subscribes an async handler for what is made of payloads; see that for events.
    ///
    /// # Errors
    /// As for async handlers that take the payload.
    ///
    /// # Panics
    /// If the executor's [`spawn`](crate::Spawn::spawn) does; nothing is subscribed then.
    #[track_caller]
    pub fn subscribe<Fut>(self, handler: impl Fn(U) -> Fut + Send + Sync + 'static) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.try_subscribe(move |input| infallible(handler(input)))
    }

    /// Subscribes an async handler that may fail, for what is made of payloads.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    ///
    /// # Panics
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe<Fut>(
        self,
        handler: impl Fn(U) -> Fut + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError>
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let (request, map) = self.into_parts();
        let typed = !request.decodes();
        let make = move |event: &Event| Ok(handler(of_payload(event, &*map)?));
        request.add_tasks(make, typed, Location::caller())
    }
}
