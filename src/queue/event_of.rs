//! An event whose payload is known to be of one type.

use core::fmt;
use core::ops::Deref;

use crate::event::{DecodeError, Event, Payload};

/// An event that holds a `T`, and is one: for async handlers and streams, which keep the event while they work on it.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use ringbus::{Bus, Payload};
///
/// #[derive(Payload)]
/// #[payload(kind = "docs.event_of.sample")]
/// struct Sample {
///     mean: f64,
/// }
///
/// let bus = Bus::new();
/// let mut samples = bus.on_payload::<Sample>().unwrap().receiver().unwrap();
/// bus.publish(Sample { mean: 0.3 });
/// let sample = samples.recv().unwrap();
/// assert_eq!((sample.mean, sample.event().kind().as_str()), (0.3, "docs.event_of.sample"));
/// # }
/// ```
pub struct EventOf<T> {
    event: Event,
    /// The payload, where the event has none of its own, but the fields of one.
    decoded: Option<T>,
}

// === impl EventOf ===

impl<T: Payload> EventOf<T> {
    /// The event, if it holds a `T`, or can be read as one.
    ///
    /// # Errors
    /// [`DecodeError`] where it cannot.
    pub(super) fn new(event: &Event) -> Result<Self, DecodeError> {
        let decoded = if event.payload_as::<T>().is_some() { None } else { Some(event.decode::<T>()?) };
        Ok(Self { event: event.clone(), decoded })
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The event, without what is known of it.
    pub fn into_event(self) -> Event {
        self.event
    }
}

impl<T: Payload> Deref for EventOf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.decoded.as_ref().or_else(|| self.event.payload_as()) {
            Some(payload) => payload,
            None => unreachable!("it was looked at when this was made, and an event does not change"),
        }
    }
}

impl<T: Payload + fmt::Debug> fmt::Debug for EventOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventOf").field("event", &self.event).field("payload", &**self).finish()
    }
}
