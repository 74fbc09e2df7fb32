//! What a user subscribes: a closure, or an object that has a name and says what it takes.

use core::any::Any;

use super::backlog::Feed;
use crate::contain::drop_contained;
use crate::event::{Event, Selector};
use crate::sync::atomic::{AtomicU64, Ordering};

/// What a handler may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A handler as an object: for handlers that have a name, say what they take, or are subscribed by handle.
///
/// Closures are subscribed directly; this is for types. The same `Arc` subscribed twice counts once.
///
/// ```
/// use std::sync::Arc;
/// use ringbus::{BoxError, Bus, Event, Handler, Selector};
///
/// struct Audit;
///
/// impl Handler for Audit {
///     fn handle(&self, event: &Event) -> Result<(), BoxError> {
///         event.source().map(drop).ok_or_else(|| format!("{} came without a source", event.kind()).into())
///     }
///     fn name(&self) -> &str {
///         "audit"
///     }
/// }
///
/// let bus = Bus::new();
/// let audit = Arc::new(Audit);
/// let id = bus.subscribe_handler(audit.clone())?;
/// assert_eq!(bus.subscribe_handler(audit.clone()).unwrap_err().id(), id);
/// assert!(bus.unsubscribe_handler(&audit));
/// # Ok::<(), ringbus::AlreadySubscribed>(())
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Takes one event, on the publisher's thread.
    ///
    /// # Errors
    /// An error (or a panic) is counted and reported; the other handlers still run.
    fn handle(&self, event: &Event) -> Result<(), BoxError>;

    /// The name that reports and lists show.
    fn name(&self) -> &str {
        core::any::type_name::<Self>()
    }

    /// The kinds it takes: all, unless it says otherwise. Asked once, when it is subscribed.
    fn selector(&self) -> Selector {
        Selector::all()
    }
}

/// A subscription's condition on single events.
pub(crate) type Filter = Box<dyn Fn(&Event) -> bool + Send + Sync>;

type TakesValue = dyn Fn(&dyn Any) -> Result<(), BoxError> + Send + Sync;

/// A handler's code, by what it takes.
pub(crate) enum Handle {
    Event(Box<dyn TakesEvent>),
    /// The value of the one type that its kind has; an event that holds none passes it by.
    Value(Box<TakesValue>),
}

/// Code that takes events.
pub(crate) trait TakesEvent: Send + Sync {
    fn take(&self, event: &Event) -> Result<(), BoxError>;

    /// The same, if the call may be made.
    fn take_if(&self, event: &Event, admit: Admit<'_>) -> Answer {
        if admit() { Answer::Took(self.take(event)) } else { Answer::Passed }
    }
}

/// Whether the call may be made; it is then.
pub(crate) type Admit<'a> = &'a mut dyn FnMut() -> bool;

/// Code that makes something of the event, and asks before it takes that: so a limit and the like count only what it makes
/// something of.
pub(crate) struct Mapping<F>(pub(crate) F);

/// What a handler made of an event.
pub(crate) enum Answer {
    /// It is not what it takes, its filter did not want it, or no call was left.
    Passed,
    Took(Result<(), BoxError>),
}

/// Errors that are none: what else a handle may have to say of an event. So the usual answer stays as small as it is. They
/// are of no size, so a box of one takes no memory.
macro_rules! asides {
    ($($(#[$meta:meta])* $name:ident, $text:literal;)*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str($text)
            }
        }

        impl std::error::Error for $name {}
    )*};
}

asides! {
    /// The event is nothing for it.
    Skip, "passed by";
    /// Its queue has the event.
    Enqueued, "enqueued";
    /// Its queue has no room for the event, which has counted that.
    Dropped, "dropped";
}

impl<F: Fn(&Event) -> Result<(), BoxError> + Send + Sync> TakesEvent for F {
    #[inline]
    fn take(&self, event: &Event) -> Result<(), BoxError> {
        self(event)
    }
}

impl<F: Fn(&Event, Admit<'_>) -> Answer + Send + Sync> TakesEvent for Mapping<F> {
    fn take(&self, event: &Event) -> Result<(), BoxError> {
        match (self.0)(event, &mut || true) {
            Answer::Took(result) => result,
            Answer::Passed => Err(Skip.into()),
        }
    }

    fn take_if(&self, event: &Event, admit: Admit<'_>) -> Answer {
        (self.0)(event, admit)
    }
}

impl Handle {
    /// A handle that leaves events in a queue; `typed` ones only if they hold a value. After `limit` calls no event comes
    /// any more.
    pub(crate) fn queue(feed: Feed, typed: bool, limit: Option<u64>) -> Self {
        let calls = AtomicU64::new(0);
        Self::Event(Box::new(move |event: &Event| {
            let aside: BoxError = match (typed && event.value().is_none(), &feed) {
                (true, _) => Box::new(Skip),
                (false, feed) if feed.0.offer(event) => Box::new(Enqueued),
                (false, _) => Box::new(Dropped),
            };
            // Counted where a call ends, so that all others have handed theirs over: Acquire. Release: so have we.
            if limit.is_some_and(|limit| calls.fetch_add(1, Ordering::AcqRel) + 1 == limit) {
                feed.0.finish();
            }
            Err(aside)
        }))
    }
}

/// Conditions that must all hold.
///
/// Each is dropped contained: one whose drop panics would take the others, and the handler, into its unwinding, where
/// the next panic aborts the process.
#[derive(Default)]
pub(crate) struct Filters(Vec<Filter>);

// === impl Filters ===

impl Filters {
    /// Adds one that is asked after the others.
    pub(crate) fn push(&mut self, filter: Filter) {
        self.0.push(filter);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them want the event; after one that does not, none is asked.
    fn want(&self, event: &Event) -> bool {
        self.0.iter().all(|filter| filter(event))
    }
}

impl Drop for Filters {
    fn drop(&mut self) {
        self.0.drain(..).for_each(drop_contained);
    }
}

/// The code behind a subscription: all of it goes when the subscription is closed.
pub(crate) struct Callback {
    /// Asked first.
    pub(crate) filters: Filters,
    pub(crate) handle: Handle,
    /// Only events that hold a value are for it.
    pub(crate) typed: bool,
}

// === impl Callback ===

impl Callback {
    /// Has the handler take the event, or the value that it holds, whatever the filters say.
    #[inline]
    pub(super) fn take(&self, event: &Event, value: Option<&dyn Any>) -> Answer {
        match &self.handle {
            Handle::Event(handle) => Answer::Took(handle.take(event)),
            Handle::Value(handle) => value.map_or(Answer::Passed, |value| Answer::Took(handle(value))),
        }
    }

    /// The same, if the call may be made: asked when there is something to be taken.
    pub(super) fn take_if(&self, event: &Event, value: Option<&dyn Any>, admit: Admit<'_>) -> Answer {
        match &self.handle {
            Handle::Event(handle) => handle.take_if(event, admit),
            Handle::Value(_) if admit() => self.take(event, value),
            Handle::Value(_) => Answer::Passed,
        }
    }

    /// Whether the event is what it takes, and all filters want it.
    pub(super) fn wants(&self, event: &Event) -> bool {
        // The filters of one that takes a value may rely on it.
        (!self.typed || event.value().is_some()) && self.filters.want(event)
    }
}
