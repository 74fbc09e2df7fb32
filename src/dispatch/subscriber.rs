//! One handler and what is known of it: id, name, order, selector, place of subscription, counts.

use core::cmp::Reverse;
use core::fmt;
use core::panic::Location;

use super::failure::Limiter;
use crate::contain;
use crate::event::{Event, Kind, Selector};
use crate::sync::counter::Striped;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::revocable::Revocable;

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

/// A subscription's number: unique in its bus, growing in the order of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(crate) u64);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The code behind a subscription.
pub(crate) type Callback = Box<dyn Fn(&Event) -> Result<(), BoxError> + Send + Sync>;

/// One subscription, shared by the tables that route to it and the guard that ends it.
pub(crate) struct Subscriber {
    pub(crate) id: SubscriptionId,
    pub(crate) name: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) order: i32,
    pub(crate) place: &'static Location<'static>,
    pub(crate) handler: Revocable<Callback>,
    delivered: Striped,
    failed: AtomicU64,
    panicked: AtomicU64,
    pub(super) limiter: Limiter,
}

/// What a subscriber is made of, before it has an id.
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) order: i32,
    pub(crate) place: &'static Location<'static>,
    pub(crate) callback: Callback,
    /// Stripes of its counter: as many as the bus has shards.
    pub(crate) stripes: usize,
}

// === impl Subscriber ===

impl Subscriber {
    pub(super) fn new(id: SubscriptionId, draft: Draft) -> Self {
        Self {
            id,
            name: draft.name,
            selector: draft.selector,
            order: draft.order,
            place: draft.place,
            handler: Revocable::new(draft.callback),
            delivered: Striped::new(draft.stripes),
            failed: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            limiter: Limiter::default(),
        }
    }

    /// What subscribers are sorted by: higher order first, then in the order of subscription.
    #[inline]
    pub(super) fn rank(&self) -> (Reverse<i32>, u64) {
        (Reverse(self.order), self.id.0)
    }

    /// The kinds that it names exactly.
    pub(crate) fn exact_kinds(&self) -> impl Iterator<Item = Kind> {
        // A pattern without a wildcard was checked as a kind is: nothing is left out here.
        self.selector.exact().filter_map(|kind| Kind::new(kind).ok())
    }

    #[inline]
    pub(super) fn count_delivered(&self, thread: usize) {
        self.delivered.add(thread, 1);
    }

    pub(super) fn count_failed(&self, by_panic: bool) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if by_panic {
            self.panicked.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn info(&self) -> SubscriptionInfo {
        SubscriptionInfo {
            id: self.id,
            name: self.name.clone(),
            selector: self.selector.to_string(),
            order: self.order,
            place: self.place,
            delivered: self.delivered.sum(),
            failed: self.failed.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // The last holder, maybe a publisher that still had an old table: the closure's drop is user code.
        if let Some(callback) = self.handler.take_mut() {
            contain::drop_contained(callback);
        }
    }
}

/// What a bus tells of one subscription.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its number.
    pub id: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The patterns that it selects by.
    pub selector: String,
    /// Its order: higher is called first.
    pub order: i32,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// Calls that succeeded, since it was made.
    pub delivered: u64,
    /// Calls that failed, by an error or a panic.
    pub failed: u64,
    /// Those of them that panicked.
    pub panicked: u64,
}

impl fmt::Display for SubscriptionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("(unnamed)");
        write!(f, "{} {name} on {} at {}: ", self.id, self.selector, self.place)?;
        write!(f, "{} delivered, {} failed ({} by panic)", self.delivered, self.failed, self.panicked)
    }
}
