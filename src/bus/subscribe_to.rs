//! Adding handlers that take values of one Rust type.

use core::any::Any;
use core::panic::Location;

use super::{Bus, Subscribe, Subscription};
use crate::dispatch::{BoxError, Handle};
use crate::event::{Event, Kind, KindTaken, Pattern, Payload, Selector};

impl Bus {
    /// Calls `handler` with every payload of type `T` that is published, until the guard is dropped.
    ///
    /// It sees payloads of exactly that type. Events of the same kind that hold none (from `publish_event!`, from another
    /// process) count as skipped, unless it is subscribed through [`on_payload`](Self::on_payload) with
    /// [`decode`](Subscribe::decode).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use ringbus::{Bus, Payload};
    ///
    /// #[derive(Payload, Debug)]
    /// #[payload(kind = "docs.subscribe_to.sample")]
    /// struct Sample {
    ///     id: u64,
    ///     mean: f64,
    /// }
    ///
    /// let bus = Bus::new();
    /// let samples = bus.subscribe_to(|sample: &Sample| assert_eq!(sample.id, 7)).unwrap();
    /// // A typed event is an event like any other: patterns select it, and its fields are there.
    /// let all = bus.on("docs.**").unwrap().subscribe(|event| assert_eq!(event.get("mean"), Some(&0.3.into())));
    /// assert_eq!(bus.publish(Sample { id: 7, mean: 0.3 }).delivered, 2);
    /// # drop((samples, all));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`KindTaken`] if another type has `T`'s kind in this process; nothing is subscribed then.
    ///
    /// # Ordering
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn subscribe_to<T: Payload>(
        &self,
        handler: impl Fn(&T) + Send + Sync + 'static,
    ) -> Result<Subscription, KindTaken> {
        let place = Location::caller();
        Ok(self.on_payload::<T>()?.add_infallible(handler, place))
    }

    /// Like [`subscribe_to`](Self::subscribe_to), for a handler that may fail; an error is counted and reported.
    ///
    /// # Errors
    /// As for [`subscribe_to`](Self::subscribe_to).
    #[track_caller]
    pub fn try_subscribe_to<T: Payload>(
        &self,
        handler: impl Fn(&T) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<Subscription, KindTaken> {
        let place = Location::caller();
        Ok(self.on_payload::<T>()?.add_fallible(handler, place))
    }

    /// Begins a subscription to payloads of type `T`.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use ringbus::{Bus, Payload, publish_event};
    ///
    /// #[derive(Payload, Debug)]
    /// #[payload(kind = "docs.on_payload.sample")]
    /// struct Sample {
    ///     mean: f64,
    /// }
    ///
    /// let bus = Bus::new();
    /// let means = bus.on_payload::<Sample>().unwrap().named("means").decode().subscribe(|sample| assert!(sample.mean < 1.0));
    /// bus.publish(Sample { mean: 0.5 });
    /// publish_event!(bus: &bus, "docs.on_payload.sample", mean = 0.3);
    /// publish_event!(bus: &bus, "docs.on_payload.sample", mean = "much"); // cannot be decoded: a failure
    /// assert_eq!((means.info().delivered, means.info().failed), (2, 1));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`KindTaken`] if another type has `T`'s kind in this process.
    pub fn on_payload<T: Payload>(&self) -> Result<Subscribe<T>, KindTaken> {
        Ok(self.on_selected(Selector::from(Pattern::from(Kind::claim::<T>()?))))
    }
}

// === impl Subscribe ===

impl<T: Payload> Subscribe<T> {
    /// Takes events of the kind that hold no payload too: their fields are read as a `T` for each call. Where that cannot
    /// be done the call has failed, with a [`DecodeError`](crate::DecodeError) that names every fault.
    pub fn decode(mut self) -> Self {
        self.decode = true;
        self
    }

    /// Subscribes `handler`; see [`Bus::subscribe_to`].
    ///
    /// # Panics
    /// Where it is told of the past, if the handler fails and its policy is to unwind: see [`replay`](Self::replay).
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(&T) + Send + Sync + 'static) -> Subscription {
        self.add_infallible(handler, Location::caller())
    }

    /// Subscribes a handler that may fail; see [`Bus::try_subscribe_to`].
    ///
    /// # Panics
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(self, handler: impl Fn(&T) -> Result<(), BoxError> + Send + Sync + 'static) -> Subscription {
        self.add_fallible(handler, Location::caller())
    }

    fn add_infallible(
        self,
        handler: impl Fn(&T) + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Subscription {
        let handler = move |payload: &T| {
            handler(payload);
            Ok(())
        };
        self.add_fallible(handler, place)
    }

    pub(super) fn add_fallible(
        self,
        handler: impl Fn(&T) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Subscription {
        if !self.decode {
            let handle = move |value: &dyn Any| match value.downcast_ref() {
                Some(payload) => handler(payload),
                None => unreachable!("a kind has one payload type"),
            };
            return self.add(Handle::Value(Box::new(handle)), place);
        }
        let handle = move |event: &Event| event.with_payload(&handler)?;
        self.add(Handle::Event(Box::new(handle)), place)
    }
}
