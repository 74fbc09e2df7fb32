//! What a user subscribes: a closure, or an object that has a name and says what it takes.

use crate::event::{Event, Selector};

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

/// A handler's code.
pub(crate) type Handle = Box<dyn Fn(&Event) -> Result<(), BoxError> + Send + Sync>;

/// The code behind a subscription: all of it goes when the subscription is closed.
pub(crate) struct Callback {
    /// Asked first.
    pub(crate) filter: Option<Filter>,
    pub(crate) handle: Handle,
}
