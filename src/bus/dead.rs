//! Dead letters: events that a handler with a queue has failed for good, kept until somebody looks.
//!
//! It promises a bound, the oldest going first, and a count of all. Each is told in a meta event too,
//! `ringbus.dead_letter`; a handler that fails *that* has its letter kept, and no further event made of it. Nor is any told
//! on a bus that is being shut down, which has nobody left to tell; that is no publish of anybody's, and not counted.

use core::fmt;
use std::collections::VecDeque;
use std::time::SystemTime;

use super::{Bus, Delivery, Inner};
use crate::contain;
use crate::dispatch::awaited::HandlerErrorCause;
use crate::dispatch::{Subscriber, SubscriptionId};
use crate::event::{Event, Kind, Priority};
use crate::sync::{Mutex, busy, frames};

/// The kind of the event that tells of a dead letter.
const TOLD: &str = "ringbus.dead_letter";
/// What all kinds of events begin with that the bus publishes about itself.
const META: &str = "ringbus.";

/// Whether the event is one that a bus has published about itself.
pub(crate) fn is_meta(event: &Event) -> bool {
    event.kind().as_str().starts_with(META)
}

/// An event that a handler with a queue has failed, after all its attempts; see [`Bus::dead_letters`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event.
    pub event: Event,
    /// The subscription that has failed it.
    pub subscription: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How the last attempt failed.
    pub cause: HandlerErrorCause,
    /// When, by the wall clock.
    pub at: SystemTime,
}

/// The letters of one bus, oldest first.
pub(super) struct DeadLetters {
    limit: usize,
    letters: Mutex<VecDeque<DeadLetter>>,
}

impl Bus {
    /// The events that handlers with a queue could not handle, after all retries, oldest first: as many as
    /// [`BusBuilder::dead_letters`](crate::BusBuilder::dead_letters) allows. Each was told in an event of the kind
    /// `ringbus.dead_letter` too, whose cause it is; but for those of a queue that a shutdown drains, those of events
    /// whose kind begins with `ringbus.`, and while the bus is disabled. (At the [hop limit](crate::BusBuilder::hop_limit) that
    /// one is recorded, and comes to no handler, as any event that is caused there.) A handler of all events is offered that as well: one
    /// that fails everything has a second event for each.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let _mail = bus.on("mail.send")?.named("smtp").in_thread().try_subscribe(|_| Err("no route to host".into()))?;
    /// publish_event!(bus: &bus, "mail.send", to = "ops");
    /// bus.wait_idle(Duration::from_secs(10))?;
    ///
    /// let letter = bus.take_dead_letters().remove(0);
    /// assert_eq!(letter.to_string(), "mail.send failed by smtp after 1 attempt: failed: no route to host");
    /// assert_eq!(bus.recent(1)[0].kind(), "ringbus.dead_letter");
    /// letter.republish(&bus); // once more, to everybody
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        busy::during(|| self.inner.dead.letters.lock().iter().cloned().collect())
    }

    /// Takes them out.
    pub fn take_dead_letters(&self) -> Vec<DeadLetter> {
        busy::during(|| core::mem::take(&mut *self.inner.dead.letters.lock())).into()
    }
}

impl Inner {
    /// Keeps what a handler has failed, and tells of it.
    pub(super) fn bury(&self, event: &Event, by: &Subscriber, attempts: u32, cause: HandlerErrorCause) {
        self.counters.dead_letters.bump();
        let letter = DeadLetter {
            event: event.clone(),
            subscription: by.id,
            name: by.name.clone(),
            attempts,
            cause: cause.clone(),
            at: SystemTime::now(),
        };
        let forgotten = self.dead.keep(letter);
        contain::drop_contained(forgotten);
        if !is_meta(event) {
            self.tell_of(event, by, attempts, &cause);
        }
    }

    fn tell_of(&self, event: &Event, by: &Subscriber, attempts: u32, cause: &HandlerErrorCause) {
        // Interned, so that it is counted by name. The text is a kind.
        let Ok(kind) = Kind::from_static(TOLD) else { return };
        let told = Event::builder(kind)
            .source("ringbus")
            .priority(Priority::High)
            .field("kind", event.kind().as_str())
            .field("event", event.id().to_string())
            .field("subscription", by.id.to_string())
            .field("handler", by.name.as_deref())
            .field("attempts", attempts)
            .field("error", cause.to_string());
        // As inside the handler, whose call has ended: so the event is the cause.
        let told = frames::enter(self, event, || told.build());
        // The fields are ours, and well formed.
        if let Ok(told) = told {
            // A handler of it may ask to unwind into its publisher: that is a worker, or who takes events out.
            contain::call(|| self.publish_own(told)).unwrap_or_else(contain::defuse);
        }
    }
}

// === impl DeadLetters ===

impl DeadLetters {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, letters: Mutex::new(VecDeque::new()) }
    }

    /// Keeps a letter; the one that has no room any more comes back.
    fn keep(&self, letter: DeadLetter) -> Option<DeadLetter> {
        busy::during(|| {
            let mut letters = self.letters.lock();
            letters.push_back(letter);
            if letters.len() > self.limit { letters.pop_front() } else { None }
        })
    }
}

// === impl DeadLetter ===

impl DeadLetter {
    /// Publishes the event again: to all its handlers, as [`Bus::publish`] does.
    ///
    /// Republish later, not in a handler of `ringbus.dead_letter`: it is the very same event, with no hop more, so where it
    /// fails again at once it goes round for ever, and no [hop limit](crate::BusBuilder::hop_limit) ends that.
    ///
    /// # Panics
    /// As [`Bus::publish`].
    pub fn republish(self, bus: &Bus) -> Delivery {
        bus.publish(self.event)
    }
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed by ", self.event.kind())?;
        match &self.name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "{}", self.subscription)?,
        }
        let s = if self.attempts == 1 { "" } else { "s" };
        write!(f, " after {} attempt{s}: {}", self.attempts, self.cause)
    }
}
