//! What a publish answers.

use core::fmt;

use crate::dispatch::deliver::Tally;
use crate::event::{Event, KindError, KindTaken};

/// What became of a publish: the event, and how far it got.
///
/// Handlers' errors are not here: they are counted, reported to the failure hook, and no business of the publisher.
///
/// ```
/// use ringbus::{publish_event, Bus, Outcome};
/// let bus = Bus::new();
/// let _fine = bus.subscribe(|_| {});
/// let _broken = bus.try_subscribe(|_| Err("no".into()));
/// let delivery = publish_event!(bus: &bus, "db.open", pool = 3);
/// assert_eq!((delivery.outcome, delivery.delivered, delivery.failed), (Outcome::Published, 1, 1));
/// assert_eq!(delivery.event.unwrap().kind(), "db.open");
///
/// bus.disable();
/// assert_eq!(publish_event!(bus: &bus, "db.open").outcome, Outcome::Disabled);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The event; `None` where it was not accepted.
    pub event: Option<Event>,
    /// How far it got.
    pub outcome: Outcome,
    /// How many handlers took it.
    pub delivered: u32,
    /// How many queues of handlers took it.
    pub enqueued: u32,
    /// How many handlers returned an error or panicked.
    pub failed: u32,
    rejection: Rejection,
}

/// What is wrong with a kind, if it was not accepted for that.
///
/// A word that is dropped by a call, and only where there is something: so a call site that is off has nothing to drop.
#[derive(Clone, Debug)]
pub(super) struct Rejection(Option<Box<Reason>>);

#[derive(Clone, Debug)]
enum Reason {
    InvalidKind(KindError),
    KindTaken(KindTaken),
}

/// How far an event got.
///
/// ```
/// use ringbus::{Bus, Event, Outcome, publish_event};
/// let bus = Bus::new();
/// let outcome = publish_event!(bus: &bus, "db.open").outcome;
/// assert!(outcome == Outcome::Published && outcome.is_accepted()); // also where nobody has heard it
///
/// bus.shutdown(std::time::Duration::ZERO);
/// let refused = bus.publish(Event::builder("db.close").build()?).outcome;
/// assert!(refused == Outcome::ShutDown && !refused.is_accepted());
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Recorded, and offered to every matching handler.
    Published,
    /// Recorded; the handlers' turn comes when the dispatch that is under way on this thread ends
    /// ([`Reentrancy::Deferred`](crate::Reentrancy::Deferred)). Nothing to do with a handler's queue: that is
    /// [`Delivery::enqueued`].
    Queued,
    /// Recorded, not dispatched: it should have waited for the dispatch that is under way, and too many were waiting
    /// ([`deferred_limit`](crate::BusBuilder::deferred_limit)). Nothing to do with a handler's queue, whose losses are in
    /// [`QueueInfo::dropped`](crate::QueueInfo::dropped).
    QueueFull,
    /// Not accepted: the bus is disabled, or keeps no history and has no subscriber.
    Disabled,
    /// Not accepted: the bus has been shut down.
    ShutDown,
    /// Recorded, not dispatched: publishes are nested too deep on this thread.
    TooDeep,
    /// Recorded, not dispatched: the chain of causes that led to it is longer than the
    /// [limit](crate::BusBuilder::hop_limit).
    TooManyHops,
    /// Recorded, dispatched only to handlers that asked for that: this thread is panicking, and a handler that panics
    /// now would abort the process.
    Panicking,
    /// Not accepted: the publish came from inside the bus's own work on this thread, as from an allocator.
    Refused,
    /// Not accepted: the kind that the call site told at run time is malformed, as
    /// [`invalid_kind`](Delivery::invalid_kind) says.
    InvalidKind,
    /// Not accepted: another payload type has the kind, as [`kind_taken`](Delivery::kind_taken) says.
    KindTaken,
}

/// What became of the events that [`Bus::publish_all`](crate::Bus::publish_all) has taken from its iterator: each is
/// counted in `events` and in one of the fields up to `shut_down`, which are the [`Outcome`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deliveries {
    /// How many the iterator has yielded.
    pub events: u64,
    /// [`Outcome::Published`].
    pub published: u64,
    /// [`Outcome::Queued`].
    pub queued: u64,
    /// [`Outcome::QueueFull`].
    pub queue_full: u64,
    /// [`Outcome::TooDeep`].
    pub too_deep: u64,
    /// [`Outcome::TooManyHops`].
    pub too_many_hops: u64,
    /// [`Outcome::Panicking`].
    pub panicking: u64,
    /// [`Outcome::Disabled`].
    pub disabled: u64,
    /// [`Outcome::Refused`].
    pub refused: u64,
    /// [`Outcome::KindTaken`].
    pub kind_taken: u64,
    /// [`Outcome::ShutDown`].
    pub shut_down: u64,
    /// How many calls of handlers took one, over all events.
    pub delivered: u64,
    /// How many queues of handlers took one, over all events.
    pub enqueued: u64,
    /// How many calls of handlers returned an error or panicked, over all events.
    pub failed: u64,
}

impl Outcome {
    /// Whether the event was recorded (or, without a history, counted).
    #[must_use]
    pub fn is_accepted(self) -> bool {
        !matches!(self, Self::Disabled | Self::ShutDown | Self::Refused | Self::InvalidKind | Self::KindTaken)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::Queued => "queued",
            Self::QueueFull => "queue full",
            Self::Disabled => "disabled",
            Self::ShutDown => "shut down",
            Self::TooDeep => "nested too deep",
            Self::TooManyHops => "too many hops",
            Self::Panicking => "thread panicking",
            Self::Refused => "refused inside the bus",
            Self::InvalidKind => "invalid kind",
            Self::KindTaken => "kind taken",
        })
    }
}

impl Delivery {
    /// What is wrong with the kind, where the outcome is [`Outcome::InvalidKind`].
    #[must_use]
    pub fn invalid_kind(&self) -> Option<&KindError> {
        match self.rejection.0.as_deref()? {
            Reason::InvalidKind(error) => Some(error),
            Reason::KindTaken(_) => None,
        }
    }

    /// Which type has the payload's kind, where the outcome is [`Outcome::KindTaken`].
    #[must_use]
    pub fn kind_taken(&self) -> Option<&KindTaken> {
        match self.rejection.0.as_deref()? {
            Reason::KindTaken(taken) => Some(taken),
            Reason::InvalidKind(_) => None,
        }
    }

    /// The answer where nothing was accepted.
    #[inline]
    pub(crate) fn none(outcome: Outcome) -> Self {
        Self { event: None, outcome, delivered: 0, enqueued: 0, failed: 0, rejection: Rejection(None) }
    }

    /// The same, with the reason.
    pub(super) fn refused(outcome: Outcome, rejection: Rejection) -> Self {
        Self { rejection, ..Self::none(outcome) }
    }

    /// The answer where the event was recorded.
    #[inline]
    pub(super) fn of(event: Event, outcome: Outcome, tally: &Tally) -> Self {
        let Tally { delivered, enqueued, failed, .. } = *tally;
        Self { event: Some(event), outcome, delivered, enqueued, failed, rejection: Rejection(None) }
    }
}

impl Rejection {
    pub(super) fn invalid_kind(error: KindError) -> Self {
        Self(Some(Box::new(Reason::InvalidKind(error))))
    }

    pub(super) fn kind_taken(taken: KindTaken) -> Self {
        Self(Some(Box::new(Reason::KindTaken(taken))))
    }
}

impl Drop for Rejection {
    #[inline]
    fn drop(&mut self) {
        #[inline(never)]
        #[cold]
        fn free(reason: Box<Reason>) {
            drop(reason);
        }
        if let Some(reason) = self.0.take() {
            free(reason);
        }
    }
}
