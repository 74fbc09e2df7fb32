//! What a warning hook is told: nothing has failed, and yet somebody may want to know.

use core::fmt;
use core::panic::Location;
use core::time::Duration;

use super::breaker::BreakerState;
use super::info::{SubscriptionId, write_handler};
use super::subscriber::Subscriber;
use crate::event::Event;

/// Something that is no failure and worth a look; see [`BusBuilder::on_warning`](crate::BusBuilder::on_warning).
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use ringbus::{Bus, Warning, publish_event};
///
/// let unheard = Arc::new(Mutex::new(Vec::new()));
/// let list = Arc::clone(&unheard);
/// let bus = Bus::builder()
///     .on_warning(move |warning| {
///         if let Warning::Unheard { event } = warning {
///             list.lock().unwrap().push(event.kind().clone());
///         }
///     })
///     .build()?;
/// let _errors = bus.on("**.error")?.subscribe(|_| {});
/// publish_event!(bus: &bus, "db.eror");
/// assert_eq!(*unheard.lock().unwrap(), ["db.eror"]);
/// assert_eq!(bus.stats().totals.unheard, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning<'a> {
    /// A handler took longer than the bus's [`slow_after`](crate::BusBuilder::slow_after). At most one a second for each
    /// subscription.
    Slow {
        /// The subscription.
        subscription: Named<'a>,
        /// The event that it handled.
        event: &'a Event,
        /// How long it took.
        took: Duration,
        /// What is allowed.
        allowed: Duration,
        /// Slow calls of this subscription that were not told since the last warning.
        suppressed: u64,
    },
    /// No subscription selects the event's kind. It is in the history all the same.
    Unheard {
        /// The event.
        event: &'a Event,
    },
    /// Events were overwritten, or came too many, before a new subscription could be told of them with the past.
    Lagged {
        /// The subscription.
        subscription: Named<'a>,
        /// How many.
        missed: u64,
    },
    /// The circuit breaker of a handler has opened, because it failed too often in a row, or closed again.
    Circuit {
        /// The subscription.
        subscription: Named<'a>,
        /// How it stands now.
        state: BreakerState,
    },
    /// A guard was dropped before anything was published that its handler could have seen, as `let _ = …` does.
    DroppedAtOnce {
        /// The subscription.
        subscription: Named<'a>,
    },
}

/// A subscription, as warnings name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Named<'a> {
    /// Its number.
    pub id: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<&'a str>,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
}

impl<'a> Named<'a> {
    pub(crate) fn of(subscriber: &'a Subscriber) -> Self {
        Self { id: subscriber.id, name: subscriber.name.as_deref(), place: subscriber.place }
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handler(f, self.name, self.id)?;
        write!(f, " (subscribed at {})", self.place)
    }
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow { subscription, event, took, allowed, suppressed } => {
                write!(f, "{subscription} took {took:?} for {}; {allowed:?} is allowed", event.kind())?;
                if *suppressed > 0 {
                    write!(f, "; {suppressed} more since the last warning")?;
                }
                Ok(())
            }
            Self::Unheard { event } => write!(f, "nobody has subscribed to {}", event.kind()),
            Self::Lagged { subscription, missed } => {
                write!(f, "{subscription} has missed {missed} events while it was told of the past")
            }
            Self::Circuit { subscription, state } => write!(f, "the circuit of {subscription} is {state}"),
            Self::DroppedAtOnce { subscription } => {
                write!(f, "{subscription} was unsubscribed before anything was published: was its guard kept?")
            }
        }
    }
}
