//! Handlers that take what a function makes of an event, not the event itself.

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use super::{Subscribe, Subscription};
use crate::contain::Apart;
use crate::dispatch::{Admit, Answer, BoxError, Handle, Mapping};
use crate::event::{Event, Payload};

/// A subscription being made whose handler takes what a function makes of the event; begun by `map` and `filter_map` of
/// [`Subscribe`], and of [`Queued`](crate::Queued) for handlers on threads ([`InThread`](crate::InThread),
/// [`InPool`](crate::InPool)) and async ones (`InTasks`, feature `async`). Receivers and streams give the event out: there
/// whoever takes it maps it.
#[must_use = "nothing is subscribed before `subscribe` or `try_subscribe`"]
pub struct Mapped<S, P, F> {
    request: S,
    /// Apart from the handler, which one closure holds with it.
    map: Apart<F>,
    takes: PhantomData<fn(&P)>,
}

/// What handlers can be subscribed with that take what a function makes of an event; sealed.
pub trait TrySubscribe: sealed::Sealed {
    /// What the function is given.
    type Takes;

    /// What keeps the handler.
    type Guard;

    #[doc(hidden)]
    fn try_subscribe_mapped<U>(
        self,
        map: impl Fn(&Self::Takes) -> Option<U> + Send + Sync + 'static,
        handler: impl Fn(U) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Self::Guard;
}

pub(crate) mod sealed {
    pub trait Sealed {}
    impl<P> Sealed for super::Subscribe<P> {}
}

impl TrySubscribe for Subscribe {
    type Takes = Event;
    type Guard = Subscription;

    fn try_subscribe_mapped<U>(
        self,
        map: impl Fn(&Event) -> Option<U> + Send + Sync + 'static,
        handler: impl Fn(U) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Subscription {
        let mapping = move |event: &Event, admit: Admit<'_>| taken(map(event), admit, &handler);
        self.add(Handle::Event(Box::new(Mapping(mapping))), place)
    }
}

impl<T: Payload> TrySubscribe for Subscribe<T> {
    type Takes = T;
    type Guard = Subscription;

    fn try_subscribe_mapped<U>(
        self,
        map: impl Fn(&T) -> Option<U> + Send + Sync + 'static,
        handler: impl Fn(U) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Subscription {
        let decodes = self.decodes();
        let mapping = move |event: &Event, admit: Admit<'_>| {
            if !decodes && event.value().is_none() {
                return Answer::Passed;
            }
            match event.with_payload(&map) {
                Ok(mapped) => taken(mapped, admit, &handler),
                Err(error) if admit() => Answer::Took(Err(error.into())),
                Err(_) => Answer::Passed,
            }
        };
        self.add(Handle::Event(Box::new(Mapping(mapping))), place)
    }
}

/// Has the handler take what was made of an event, if it is anything and the call may be made.
fn taken<U>(mapped: Option<U>, admit: Admit<'_>, handler: impl Fn(U) -> Result<(), BoxError>) -> Answer {
    match mapped {
        Some(input) if admit() => Answer::Took(handler(input)),
        _ => Answer::Passed,
    }
}

impl<P> Subscribe<P> {
    /// The handler takes what `map` makes of the event.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let kinds = bus.on("db.**")?.map(|event| event.kind().to_string()).subscribe(|kind| assert!(kind.starts_with("db.")));
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "db.open").delivered, 1);
    /// # drop(kinds);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn map<U>(
        self,
        map: impl Fn(&P) -> U + Send + Sync + 'static,
    ) -> Mapped<Self, P, impl Fn(&P) -> Option<U> + Send + Sync + 'static> {
        self.filter_map(move |event| Some(map(event)))
    }

    /// The handler takes what `map` makes of the event; where that is nothing, the event counts as skipped.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let slow = bus
    ///     .on("db.query")?
    ///     .filter_map(|event| event.get("ms")?.as_i64().filter(|ms| *ms > 100))
    ///     .subscribe(|ms| println!("a query took {ms} ms"));
    /// ringbus::publish_event!(bus: &bus, "db.query", ms = 7);
    /// ringbus::publish_event!(bus: &bus, "db.query", ms = 700);
    /// assert_eq!((slow.info().delivered, slow.info().skipped), (1, 1));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn filter_map<U>(
        self,
        map: impl Fn(&P) -> Option<U> + Send + Sync + 'static,
    ) -> Mapped<Self, P, impl Fn(&P) -> Option<U> + Send + Sync + 'static> {
        Mapped::new(self, map)
    }
}

// === impl Mapped ===

impl<S, P, F> Mapped<S, P, F> {
    pub(crate) fn new(request: S, map: F) -> Self {
        Self { request, map: Apart::new(map), takes: PhantomData }
    }

    pub(crate) fn into_parts(self) -> (S, Apart<F>) {
        (self.request, self.map)
    }
}

impl<S, P, F, U> Mapped<S, P, F>
where
    S: TrySubscribe<Takes = P>,
    F: Fn(&P) -> Option<U> + Send + Sync + 'static,
{
    /// Subscribes `handler`.
    ///
    /// # Errors
    /// Where the handler has a queue: [`QueueError`](crate::QueueError), as for `subscribe` of [`Queued`](crate::Queued).
    ///
    /// # Panics
    /// Where it has none, and is told of the past: as for [`replay`](Subscribe::replay).
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(U) + Send + Sync + 'static) -> S::Guard {
        self.try_subscribe(move |input| {
            handler(input);
            Ok(())
        })
    }

    /// Subscribes a handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    ///
    /// # Panics
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(self, handler: impl Fn(U) -> Result<(), BoxError> + Send + Sync + 'static) -> S::Guard {
        let Self { request, map, .. } = self;
        request.try_subscribe_mapped(move |input: &P| map(input), handler, Location::caller())
    }
}

impl<S: fmt::Debug, P, F> fmt::Debug for Mapped<S, P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("request", &self.request).finish_non_exhaustive()
    }
}
