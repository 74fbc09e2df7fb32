//! Handlers with a queue that take what a function makes of an event, not the event itself.

use core::panic::Location;

use super::options::QueueError;
use super::subscribe::{CalledByWorkers, InPool, InThread, Queued};
use crate::bus::Subscription;
use crate::bus::mapped::{Mapped, TrySubscribe, sealed};
use crate::dispatch::{BoxError, Skip};
use crate::event::{Event, Payload};

/// What handlers can take instead of the event; who takes events out maps them there.
impl<P, M: CalledByWorkers> Queued<P, M> {
    /// The handler takes what `map` makes of the event, where the handler runs; see [`Subscribe::map`](crate::Subscribe::map).
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    ///
    /// let bus = ringbus::Bus::new();
    /// let (send, kinds) = channel();
    /// let mut count = 0;
    /// let log = bus
    ///     .on("db.**")?
    ///     .in_thread()
    ///     .map(|event| event.kind().to_string())
    ///     .subscribe(move |kind| {
    ///         count += 1; // on a thread of its own it may be `FnMut`
    ///         send.send((count, kind)).unwrap();
    ///     })?;
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// log.close_drained(Duration::from_secs(10))?;
    /// assert_eq!(kinds.recv()?, (1, "db.open".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<U>(
        self,
        map: impl Fn(&P) -> U + Send + Sync + 'static,
    ) -> Mapped<Self, P, impl Fn(&P) -> Option<U> + Send + Sync + 'static> {
        self.filter_map(move |event| Some(map(event)))
    }

    /// The handler takes what `map` makes of the event, where the handler runs; where that is nothing, the event counts as
    /// skipped in [`QueueInfo::skipped`](crate::QueueInfo::skipped). It has come into the queue all the same, and uses up
    /// one of a [`limit`](crate::Subscribe::limit).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let bus = ringbus::Bus::new();
    /// let slow = bus
    ///     .on("db.query")?
    ///     .in_thread()
    ///     .filter_map(|event| event.get("ms")?.as_i64().filter(|ms| *ms > 100))
    ///     .subscribe(|ms| assert_eq!(ms, 700))?;
    /// [7, 700].map(|ms| drop(ringbus::publish_event!(bus: &bus, "db.query", ms)));
    /// slow.close_drained(Duration::from_secs(10))?;
    /// let queue = slow.info().queue.unwrap();
    /// assert_eq!((queue.offered, queue.delivered, queue.skipped), (2, 1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn filter_map<U>(
        self,
        map: impl Fn(&P) -> Option<U> + Send + Sync + 'static,
    ) -> Mapped<Self, P, impl Fn(&P) -> Option<U> + Send + Sync + 'static> {
        Mapped::new(self, map)
    }
}

impl<P, M> sealed::Sealed for Queued<P, M> {}

/// What is made of an event, for its handler; an event of which nothing is made is skipped.
fn handled<U>(made: Option<U>, handler: impl FnOnce(U) -> Result<(), BoxError>) -> Result<(), BoxError> {
    made.map_or_else(|| Err(Skip.into()), handler)
}

macro_rules! in_pool {
    ($([$($generic:tt)*] $takes:ty;)*) => {$(
        impl<$($generic)*> TrySubscribe for Queued<$takes, InPool> {
            type Takes = $takes;
            type Guard = Result<Subscription, QueueError>;

            fn try_subscribe_mapped<U>(
                self,
                map: impl Fn(&$takes) -> Option<U> + Send + Sync + 'static,
                handler: impl Fn(U) -> Result<(), BoxError> + Send + Sync + 'static,
                place: &'static Location<'static>,
            ) -> Self::Guard {
                self.add_handler(move |input: &$takes| handled(map(input), &handler), place)
            }
        }
    )*};
}

in_pool! {
    [] Event;
    [T: Payload] T;
}

macro_rules! in_thread {
    ($([$($generic:tt)*] $takes:ty;)*) => {$(
        impl<$($generic)* F, U> Mapped<Queued<$takes, InThread>, $takes, F>
        where
            F: Fn(&$takes) -> Option<U> + Send + Sync + 'static,
        {
            /// Subscribes `handler`, which may change what it has captured.
            ///
            /// # Errors
            /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or the thread cannot be started.
            /// Nothing is subscribed then.
            #[track_caller]
            pub fn subscribe(self, mut handler: impl FnMut(U) + Send + 'static) -> Result<Subscription, QueueError> {
                self.try_subscribe(move |input| {
                    handler(input);
                    Ok(())
                })
            }

            /// Subscribes a handler that may fail.
            ///
            /// # Errors
            /// As for [`subscribe`](Self::subscribe).
            #[track_caller]
            pub fn try_subscribe(
                self,
                mut handler: impl FnMut(U) -> Result<(), BoxError> + Send + 'static,
            ) -> Result<Subscription, QueueError> {
                let (request, map) = self.into_parts();
                request.add_handler(move |input: &$takes| handled(map(input), &mut handler), Location::caller())
            }
        }
    )*};
}

in_thread! {
    [] Event;
    [T: Payload,] T;
}
