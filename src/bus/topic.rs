//! Publishing values of Rust types: any one at a time, or many of one type through a [`Topic`].

use core::fmt;
use core::marker::PhantomData;

use super::{Bus, Delivery, publish_draft};
use crate::contain;
use crate::event::{Blanks, Draft, Event, Given, Kind, KindTaken, Payload};

/// What [`Bus::publish`] takes: an [`Event`], or a value of a [`Payload`] type. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be published",
    label = "neither an event nor a payload",
    note = "publish an `Event`, or a value whose type is a `Payload` (`#[derive(ringbus::Payload)]`, feature `derive`)"
)]
pub trait Publishable: sealed::Sealed {
    /// Publishes it on a bus that is open.
    #[doc(hidden)]
    fn publish_on(self, bus: &Bus) -> Result<Delivery, KindTaken>;

    /// For a batch: an event that has its time, or what is to get one. `kind` is remembered from one value to the next.
    #[doc(hidden)]
    fn give(self, kind: &mut Option<Kind>, blanks: &mut Blanks) -> Result<Given, KindTaken>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::event::Event {}
    impl<T: crate::event::Payload> Sealed for T {}
}

impl Publishable for Event {
    fn publish_on(self, bus: &Bus) -> Result<Delivery, KindTaken> {
        Ok(bus.inner.publish(self))
    }

    fn give(self, _: &mut Option<Kind>, _: &mut Blanks) -> Result<Given, KindTaken> {
        Ok(Given::Event(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Payload> Publishable for T {
    fn publish_on(self, bus: &Bus) -> Result<Delivery, KindTaken> {
        let (kind, payload) = Kind::claimed(self)?;
        Ok(publish_draft(Some(bus), Draft::typed(kind, payload)))
    }

    fn give(self, kind: &mut Option<Kind>, blanks: &mut Blanks) -> Result<Given, KindTaken> {
        let (known, payload) = match kind {
            Some(known) => (known.clone(), self),
            None => {
                let (claimed, payload) = Kind::claimed(self)?;
                *kind = Some(claimed.clone());
                (claimed, payload)
            }
        };
        Ok(Given::draft(known, payload, blanks))
    }
}

/// A payload type's way into a bus: its kind is looked up once, so this is the fastest way to publish it. Made by
/// [`Bus::topic`]; it keeps the bus alive.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use ringbus::{Bus, Payload};
///
/// #[derive(Payload)]
/// #[payload(kind = "docs.topic.sample")]
/// struct Sample {
///     mean: f64,
/// }
///
/// let bus = Bus::new();
/// let samples = bus.topic::<Sample>().unwrap();
/// samples.publish(Sample { mean: 0.3 });
/// assert_eq!(bus.recent(1)[0].get("mean"), Some(&0.3.into()));
/// # }
/// ```
#[doc(alias = "publisher")]
pub struct Topic<T> {
    bus: Bus,
    kind: Kind,
    of: PhantomData<fn(T)>,
}

impl Bus {
    /// The way in for payloads of type `T`.
    ///
    /// # Errors
    /// [`KindTaken`] if another type has `T`'s kind in this process.
    pub fn topic<T: Payload>(&self) -> Result<Topic<T>, KindTaken> {
        Ok(Topic { bus: self.clone(), kind: Kind::claim::<T>()?, of: PhantomData })
    }
}

// === impl Topic ===

impl<T: Payload> Topic<T> {
    /// Publishes `payload`; while the bus is off it is dropped.
    ///
    /// # Panics
    /// If a handler does that was subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
    pub fn publish(&self, payload: T) -> Delivery {
        if let Some(refused) = self.bus.refusal() {
            contain::drop_contained(payload);
            return refused;
        }
        publish_draft(Some(&self.bus), Draft::typed(self.kind.clone(), payload))
    }

    /// Publishes what `make` returns, which is not called while the bus is off.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use ringbus::{Bus, Outcome, Payload};
    ///
    /// #[derive(Payload)]
    /// #[payload(kind = "docs.publish_with.sample")]
    /// struct Sample {
    ///     mean: f64,
    /// }
    ///
    /// let bus = Bus::new();
    /// let samples = bus.topic::<Sample>().unwrap();
    /// assert_eq!(samples.publish_with(|| Sample { mean: [0.2, 0.4].iter().sum::<f64>() / 2.0 }).outcome, Outcome::Published);
    /// bus.disable();
    /// samples.publish_with(|| unreachable!("it is off"));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If `make` does: nothing is published then. And as [`publish`](Self::publish).
    pub fn publish_with(&self, make: impl FnOnce() -> T) -> Delivery {
        if let Some(refused) = self.bus.refusal() {
            return refused;
        }
        let payload = make();
        publish_draft(Some(&self.bus), Draft::typed(self.kind.clone(), payload))
    }

    /// The kind of its events.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The bus that it publishes on.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self { bus: self.bus.clone(), kind: self.kind.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("kind", &self.kind).field("bus", &self.bus).finish()
    }
}
