//! Subscriptions by their ids: handler objects, which have no guard, and what may be done to any subscription from afar.

use core::fmt;
use core::panic::Location;
use std::sync::Arc;

use super::Bus;
use crate::dispatch::{EndedBy, Handle, Handler, SubscriptionId};
use crate::event::Event;

/// The handler object is subscribed already: a handler counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadySubscribed {
    id: SubscriptionId,
}

impl AlreadySubscribed {
    /// The subscription that it has.
    #[must_use]
    pub fn id(&self) -> SubscriptionId {
        self.id
    }
}

impl fmt::Display for AlreadySubscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this handler is subscribed already, as {}; a handler counts once", self.id)
    }
}

impl std::error::Error for AlreadySubscribed {}

impl Bus {
    /// Subscribes a handler object to what its [`selector`](Handler::selector) says, until
    /// [`unsubscribe_handler`](Self::unsubscribe_handler) or the end of the bus. Where the end of its calls is to be waited for,
    /// subscribe a closure that calls it: that has a guard with [`close`](crate::Subscription::close).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ringbus::{BoxError, Bus, Event, Handler};
    /// struct Audit;
    ///
    /// impl Handler for Audit {
    ///     fn handle(&self, event: &Event) -> Result<(), BoxError> {
    ///         event.source().map(drop).ok_or("no source".into())
    ///     }
    /// }
    ///
    /// let (bus, audit) = (Bus::new(), Arc::new(Audit));
    /// bus.subscribe_handler(audit.clone())?;
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "db.open", source: "pool").delivered, 1);
    /// assert!(bus.unsubscribe_handler(&audit));
    /// # Ok::<(), ringbus::AlreadySubscribed>(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadySubscribed`] carries the subscription that this very `Arc` has.
    ///
    /// # Panics
    /// If the handler's [`selector`](Handler::selector) or [`name`](Handler::name) does; nothing is subscribed then.
    #[track_caller]
    pub fn subscribe_handler(&self, handler: Arc<dyn Handler>) -> Result<SubscriptionId, AlreadySubscribed> {
        let address = address(&handler);
        let request = self.on_selected::<Event>(handler.selector()).named(handler.name());
        let (_, draft) =
            request.draft(Handle::Event(Box::new(move |event: &Event| handler.handle(event))), Location::caller());
        self.inner.registry.add_object(address, draft).map_err(|id| AlreadySubscribed { id })
    }

    /// Ends the subscription of a handler object; `false` where it has none.
    pub fn unsubscribe_handler<H: Handler + ?Sized>(&self, handler: &Arc<H>) -> bool {
        self.inner.registry.id_of_object(address(handler)).is_some_and(|id| self.unsubscribe(id))
    }

    /// Ends a subscription by its id, as dropping its guard would; `false` where it has ended already. With a queue, what
    /// waits is discarded (counted); [`close_drained`](crate::Subscription::close_drained) has it handled first.
    pub fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.inner.unsubscribe(id, EndedBy::Unsubscribing)
    }

    /// Ends all subscriptions, as dropping their guards would; says how many there were.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let guard = bus.subscribe(|_| {});
    /// bus.on("db.**")?.subscribe(|_| {}).detach();
    /// assert_eq!(bus.unsubscribe_all(), 2);
    /// assert!(!guard.is_active() && bus.subscriptions().is_empty());
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn unsubscribe_all(&self) -> usize {
        let all = self.inner.registry.subscribers();
        all.iter().filter(|one| self.unsubscribe(one.id)).count()
    }

    /// Mutes a subscription by its id; see [`Subscription::mute`](crate::Subscription::mute). `false` where it was muted
    /// already, or has ended.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// bus.subscribe(|_| {}).detach(); // its guard is gone, its id is not
    /// let id = bus.subscriptions()[0].id;
    /// assert!(bus.mute(id) && !bus.mute(id));
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "db.open").delivered, 0);
    /// assert!(bus.unmute(id));
    /// ```
    pub fn mute(&self, id: SubscriptionId) -> bool {
        self.inner.registry.subscriber(id).is_some_and(|one| one.control.set_muted(true))
    }

    /// Unmutes a subscription by its id. `false` where it was not muted, or has ended.
    pub fn unmute(&self, id: SubscriptionId) -> bool {
        self.inner.registry.subscriber(id).is_some_and(|one| one.control.set_muted(false))
    }

    /// Ends a subscription's quarantine by its id; see [`Subscription::resume`](crate::Subscription::resume). `false` where
    /// it was in none, or has ended.
    pub fn resume(&self, id: SubscriptionId) -> bool {
        self.inner.registry.subscriber(id).is_some_and(|one| one.control.resume())
    }
}

/// What tells one handler object from another: where its `Arc` points.
fn address<H: ?Sized>(handler: &Arc<H>) -> usize {
    Arc::as_ptr(handler).cast::<()>().addr()
}
