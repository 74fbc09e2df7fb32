//! [`EventSource`]: where [`assert_events!`](crate::assert_events!) reads from.

use super::Capture;
use crate::bus::Bus;
use crate::event::Event;

/// What [`assert_events!`](crate::assert_events!) reads: a [`Bus`] (its whole history, oldest first), a [`Capture`], a
/// slice, array or `Vec` of events (in its order), and references to these.
///
/// ```
/// use ringbus::testing::EventSource;
/// let bus = ringbus::Bus::new();
/// ringbus::publish_event!(bus: &bus, "db.open");
/// ringbus::publish_event!(bus: &bus, "db.close");
/// assert_eq!(bus.to_events()[0].kind(), "db.open");
/// ```
///
/// The trait is sealed: only the types named here implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` holds no events to assert",
    label = "not a source of events",
    note = "give a `Bus`, a `Capture`, or a slice, array or `Vec` of events"
)]
pub trait EventSource: sealed::Sealed {
    /// The events, in the order in which they are expected.
    fn to_events(&self) -> Vec<Event>;

    /// What a reader of a failed assertion should know about the source.
    #[doc(hidden)]
    fn note(&self) -> Option<String> {
        None
    }
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Bus {}

impl EventSource for Bus {
    fn to_events(&self) -> Vec<Event> {
        let mut events = self.recent(usize::MAX);
        events.reverse();
        events
    }

    fn note(&self) -> Option<String> {
        let stats = self.stats();
        if stats.buffer_capacity == 0 {
            return Some("this bus keeps no history; compare a capture of it".to_owned());
        }
        let gone = stats.totals.overwritten;
        (gone > 0).then(|| {
            let kept = stats.buffer_capacity;
            format!("the history keeps {kept} events, {gone} older ones are gone; compare a capture of the bus")
        })
    }
}

impl sealed::Sealed for Capture {}

impl EventSource for Capture {
    fn to_events(&self) -> Vec<Event> {
        self.events()
    }
}

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty;)*) => {$(
        impl<$($generics)*> sealed::Sealed for $list {}

        impl<$($generics)*> EventSource for $list {
            fn to_events(&self) -> Vec<Event> {
                self.to_vec()
            }
        }
    )*};
}

lists! {
    [] [Event];
    [] Vec<Event>;
    [const N: usize] [Event; N];
}

impl<S: EventSource + ?Sized> sealed::Sealed for &S {}

impl<S: EventSource + ?Sized> EventSource for &S {
    fn to_events(&self) -> Vec<Event> {
        (**self).to_events()
    }

    fn note(&self) -> Option<String> {
        (**self).note()
    }
}
