//! Adding handlers: closures, closures that may fail, and handler objects; to all kinds or to some.

use core::fmt;
use core::panic::Location;
use std::sync::Arc;

use super::{Bus, Subscription};
use crate::dispatch::{BoxError, Callback, Handler, SubscriberDraft, SubscriptionId};
use crate::event::{Event, IntoSelector, PatternError, Selector};

/// A subscription being made; begun by [`Bus::on`].
///
/// ```
/// let bus = ringbus::Bus::new();
/// let alerts = bus.on(["**.error", "disk.full"])?.named("alerts").order(10).subscribe(|event| drop(event.id()));
/// assert_eq!(alerts.name(), Some("alerts"));
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[must_use = "nothing is subscribed before `subscribe` or `try_subscribe`"]
pub struct Subscribe<'a> {
    bus: &'a Bus,
    selector: Selector,
    name: Option<String>,
    order: i32,
}

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
    /// Calls `handler` with every event, on the publisher's thread, until the guard is dropped.
    ///
    /// The handler may publish, subscribe, unsubscribe and read the history. A panic in it is caught, counted and
    /// reported; the other handlers run.
    ///
    /// # Ordering
    /// It sees every event whose publish happens after this returned, and none whose dispatch had begun before.
    #[track_caller]
    pub fn subscribe(&self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        self.on_all().subscribe(handler)
    }

    /// Like [`subscribe`](Self::subscribe), for a handler that may fail; an error is counted and reported.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let _guard = bus.try_subscribe(|event| {
    ///     let port: u16 = event.get("port").ok_or("no port")?.to_string().parse()?;
    ///     assert_ne!(port, 0);
    ///     Ok(())
    /// });
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "net.listen", port = 8080).delivered, 1);
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "net.listen", port = "http").failed, 1);
    /// ```
    #[track_caller]
    pub fn try_subscribe(
        &self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Subscription {
        self.on_all().try_subscribe(handler)
    }

    /// Begins a subscription to what a pattern, a kind or a list of them selects.
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed. Nothing is subscribed then.
    pub fn on(&self, selector: impl IntoSelector) -> Result<Subscribe<'_>, PatternError> {
        Ok(Subscribe { selector: selector.into_selector()?, ..self.on_all() })
    }

    fn on_all(&self) -> Subscribe<'_> {
        Subscribe { bus: self, selector: Selector::all(), name: None, order: 0 }
    }

    /// Subscribes a handler object to what its [`selector`](Handler::selector) says, until
    /// [`unsubscribe_handler`](Self::unsubscribe_handler) or the end of the bus.
    ///
    /// # Errors
    /// [`AlreadySubscribed`] carries the subscription that this very `Arc` has.
    #[track_caller]
    pub fn subscribe_handler(&self, handler: Arc<dyn Handler>) -> Result<SubscriptionId, AlreadySubscribed> {
        let address = address(&handler);
        let request =
            Subscribe { bus: self, selector: handler.selector(), name: Some(handler.name().to_owned()), order: 0 };
        let draft = request.draft(Box::new(move |event| handler.handle(event)), Location::caller());
        let gate = &self.inner.gate;
        let added = self.inner.registry.add_object(address, draft, |count| gate.set_subscribers(count));
        added.map_err(|id| AlreadySubscribed { id })
    }

    /// Ends the subscription of a handler object; `false` where it has none.
    pub fn unsubscribe_handler<H: Handler + ?Sized>(&self, handler: &Arc<H>) -> bool {
        self.inner.registry.id_of_object(address(handler)).is_some_and(|id| self.unsubscribe(id))
    }

    /// Ends a subscription by its id, as dropping its guard would; `false` where it has ended already.
    pub fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.inner.unsubscribe(id)
    }
}

/// What tells one handler object from another: where its `Arc` points.
fn address<H: ?Sized>(handler: &Arc<H>) -> usize {
    Arc::as_ptr(handler).cast::<()>().addr()
}

// === impl Subscribe ===

impl Subscribe<'_> {
    /// The name that reports and lists show.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When it is called among the handlers of an event: higher first, equal ones in the order of subscription.
    /// The default is 0.
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// Subscribes `handler`; see [`Bus::subscribe`].
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        let callback = move |event: &Event| {
            handler(event);
            Ok(())
        };
        self.add(Box::new(callback), Location::caller())
    }

    /// Subscribes a handler that may fail; see [`Bus::try_subscribe`].
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Subscription {
        self.add(Box::new(handler), Location::caller())
    }

    fn add(self, callback: Callback, place: &'static Location<'static>) -> Subscription {
        let inner = &*self.bus.inner;
        let weak = inner.me.clone();
        let added = inner.registry.add(self.draft(callback, place), |count| inner.gate.set_subscribers(count));
        Subscription::new(weak, added)
    }

    fn draft(self, callback: Callback, place: &'static Location<'static>) -> SubscriberDraft {
        let Self { bus, selector, name, order } = self;
        SubscriberDraft { name, selector, order, place, callback, stripes: bus.inner.shards }
    }
}

impl fmt::Debug for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("selector", &self.selector.to_string())
            .field("name", &self.name)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
