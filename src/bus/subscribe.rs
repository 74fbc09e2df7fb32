//! Adding handlers: closures, and closures that may fail; to all kinds or to some.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::panic::Location;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::host::Host;
use super::replay::Past;
use super::{Bus, Subscription};
use crate::dispatch::backlog::{Backlog, Feed};
use crate::dispatch::{BoxError, Breaker, Callback, FailurePolicy, Filters, Handle, Options, SubscriberDraft};
use crate::event::{Event, IntoSelector, PatternError, Selector, whole_micros};
#[cfg(feature = "async")]
use crate::sync::atomic::Ordering;

/// A subscription being made; begun by [`Bus::on`] for events, by [`Bus::on_payload`] for payloads of one type.
///
/// | option | default |
/// |---|---|
/// | [`named`](Self::named) | no name |
/// | [`order`](Self::order) | 0 |
/// | [`filter`](Self::filter) | none |
/// | [`limit`](Self::limit), [`once`](Self::once) | any number of calls, or of events for a queue |
/// | [`throttle`](Self::throttle) | none |
/// | [`breaker`](Self::breaker) | none |
/// | [`failure_policy`](Self::failure_policy) | [`FailurePolicy::Isolate`] |
/// | [`while_panicking`](Self::while_panicking) | `false` |
/// | [`replay`](Self::replay), [`replay_since`](Self::replay_since) | nothing of the past |
/// | [`decode`](Self::decode), of payloads | off: events without a payload are skipped |
///
/// Asked in this order, however written: muted or in quarantine, filters, [`filter_map`](Self::filter_map), breaker, throttle,
/// limit. What stops an event uses up nothing of what comes after it. With a queue, quarantine (once more), the breaker and
/// `filter_map` are asked, in this order, when the queue comes to the event.
///
/// ```
/// let bus = ringbus::Bus::new();
/// let alerts = bus.on(["**.error", "disk.full"])?.named("alerts").order(10).subscribe(|event| drop(event.id()));
/// assert_eq!(alerts.name(), Some("alerts"));
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[must_use = "nothing is subscribed before `subscribe` or `try_subscribe`"]
pub struct Subscribe<P = Event> {
    bus: Bus,
    options: Options,
    pub(super) filters: Filters,
    past: Option<Past>,
    /// Where it takes payloads: events without one are decoded.
    pub(super) decode: bool,
    takes: PhantomData<fn(&P)>,
}

impl Bus {
    /// Calls `handler` with every event, on the publisher's thread, until the guard is dropped.
    ///
    /// The handler may publish, subscribe, unsubscribe and read the history. A panic in it is caught, counted and
    /// reported; the other handlers run.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// let bus = ringbus::Bus::new();
    /// let kinds = Arc::new(Mutex::new(Vec::new()));
    /// let list = Arc::clone(&kinds);
    /// let guard = bus.subscribe(move |event| list.lock().unwrap().push(event.kind().to_string()));
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// drop(guard);
    /// ringbus::publish_event!(bus: &bus, "db.close");
    /// assert_eq!(*kinds.lock().unwrap(), ["db.open"]);
    /// ```
    ///
    /// # Ordering
    /// It sees every event whose publish happens after this returned, and none whose dispatch had begun before.
    #[track_caller]
    pub fn subscribe(&self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        self.on_selected::<Event>(Selector::all()).subscribe(handler)
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
        self.on_selected::<Event>(Selector::all()).try_subscribe(handler)
    }

    /// Begins a subscription to what a pattern, a kind or a list of them selects.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let _errors = bus.on("**.error")?.subscribe(|_| {});
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "db.pool.error").delivered, 1);
    /// assert_eq!(ringbus::publish_event!(bus: &bus, "db.pool.open").delivered, 0);
    /// assert!(bus.on("db..error").is_err());
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed. Nothing is subscribed then.
    pub fn on(&self, selector: impl IntoSelector) -> Result<Subscribe, PatternError> {
        Ok(self.on_selected(selector.into_selector()?))
    }

    pub(crate) fn on_selected<P>(&self, selector: Selector) -> Subscribe<P> {
        let options = Options::new(selector);
        Subscribe {
            bus: self.clone(),
            options,
            filters: Filters::default(),
            past: None,
            decode: false,
            takes: PhantomData,
        }
    }
}

// === impl Subscribe ===

impl<P> Subscribe<P> {
    /// The name that reports and lists show.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// When it is called among the handlers of an event: higher first, equal ones in the order of subscription.
    /// The default is 0.
    pub fn order(mut self, order: i32) -> Self {
        self.options.order = order;
        self
    }

    /// Only events that `wanted` says yes to; the others count as skipped. Of several filters all must say yes. A panic
    /// in one counts as a failed call.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let slow = bus.on("db.query")?.filter(|event| event.get("ms").and_then(|ms| ms.as_i64()) > Some(100)).subscribe(|_| {});
    /// ringbus::publish_event!(bus: &bus, "db.query", ms = 7);
    /// ringbus::publish_event!(bus: &bus, "db.query", ms = 700);
    /// assert_eq!((slow.info().delivered, slow.info().skipped), (1, 1));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn filter(mut self, wanted: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.filters.push(Box::new(wanted));
        self
    }

    /// Ends the subscription after its first call, also a failed one: [`limit`](Self::limit) of 1. For a handler with a
    /// queue: after the first event that is handed to the queue, which may lose it, or have it tried several times.
    pub fn once(self) -> Self {
        self.limit(1)
    }

    /// Ends the subscription after so many calls, failed ones included: exactly so many are made, on however many
    /// threads events are published at once. With 0 it ends at once. What a filter does not want, or a
    /// [`filter_map`](Self::filter_map) makes nothing of, is no call.
    ///
    /// For a handler with a queue, or a receiver: exactly so many events are handed to the queue. Retries make more calls
    /// of them. A [`filter_map`](crate::Queued::filter_map), which runs when the queue comes to the event, makes fewer; so
    /// does a full queue: what it loses has been counted.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let loads = bus.on("cpu.load")?.limit(2).queued().capacity(1).receiver()?;
    /// (1..=3).for_each(|n| drop(ringbus::publish_event!(bus: &bus, "cpu.load", n)));
    /// let queue = loads.info().queue.unwrap();
    /// assert_eq!((queue.offered, queue.dropped, queue.waiting), (2, 1, 1)); // the third came too late
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let first = bus.on("app.ready")?.once().subscribe(|_| println!("ready"));
    /// ringbus::publish_event!(bus: &bus, "app.ready");
    /// ringbus::publish_event!(bus: &bus, "app.ready");
    /// assert_eq!((first.info().delivered, first.is_active()), (1, false));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn limit(mut self, calls: u64) -> Self {
        self.options.limit = Some(calls);
        self
    }

    /// What becomes of it when it fails.
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.options.policy = policy;
        self
    }

    /// At most so many calls in so long a time, in the long run: after a pause of `per`, `calls` of them at one moment, and
    /// then one in each `per / calls`. So a `per` that begins with such a burst may see twice as many. Events beyond that
    /// count as skipped. For a handler with a queue: so many events come into the queue.
    ///
    /// ```
    /// use std::{num::NonZeroU32, time::Duration};
    /// let bus = ringbus::Bus::new();
    /// let calls = NonZeroU32::new(2).unwrap();
    /// let seldom = bus.on("cpu.load")?.throttle(calls, Duration::from_secs(3600)).subscribe(|_| {});
    /// (0..10).for_each(|n| drop(ringbus::publish_event!(bus: &bus, "cpu.load", n)));
    /// assert_eq!((seldom.info().delivered, seldom.info().skipped), (2, 8));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn throttle(mut self, calls: NonZeroU32, per: Duration) -> Self {
        self.options.throttle = Some((calls, per));
        self
    }

    /// Spares a handler that fails: while its circuit is open it is not called, and events count as skipped. Of a handler
    /// with a queue they have failed then, and are tried again if it has retries left; but such failures lead to no
    /// [quarantine](FailurePolicy::Quarantine). Where events are taken out of the queue nobody is called, and a breaker is an
    /// error.
    ///
    /// How the circuit stands is in [`SubscriptionInfo::breaker`](crate::SubscriptionInfo::breaker), and told to the warning
    /// hook when it opens and closes.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use ringbus::{Breaker, BreakerState, Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let breaker = Breaker::after(NonZeroU32::new(3).unwrap());
    /// let mail = bus.on("mail.send")?.breaker(breaker).try_subscribe(|_| Err("no route to host".into()));
    /// (0..10).for_each(|_| drop(publish_event!(bus: &bus, "mail.send")));
    /// let info = mail.info();
    /// assert_eq!((info.failed, info.skipped, info.breaker.unwrap().state), (3, 7, BreakerState::Open));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.options.breaker = Some(breaker);
        self
    }

    /// Whether it is called also for events that a panicking thread publishes: from a panic hook, or from a `Drop` during
    /// unwinding. A handler that panics there aborts the process. One with a queue is handed no such event either, unless
    /// this is set; it runs elsewhere, so that a panic of it does no harm there.
    ///
    /// ```
    /// use ringbus::{Bus, publish_event};
    ///
    /// struct Job(Bus);
    /// impl Drop for Job {
    ///     fn drop(&mut self) {
    ///         publish_event!(bus: &self.0, "job.dropped");
    ///     }
    /// }
    ///
    /// let bus = Bus::new();
    /// let (all, most) = (bus.on("job.*")?.while_panicking(true).subscribe(|_| {}), bus.subscribe(|_| {}));
    /// let job = Job(bus.clone());
    /// std::thread::spawn(move || {
    ///     let _job = job; // dropped while the thread unwinds
    ///     panic!("no such file");
    /// }).join().unwrap_err();
    /// assert_eq!((all.info().delivered, most.info().delivered), (1, 0));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn while_panicking(mut self, called: bool) -> Self {
        self.options.while_panicking = called;
        self
    }

    /// Tells it of the newest `limit` matching events of the history first, oldest first, then of what happens from now
    /// on: no event twice, and none left out but those counted as lagged.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// (1..=3).for_each(|n| drop(publish_event!(bus: &bus, "job.done", n)));
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let list = Arc::clone(&seen);
    /// let _late = bus.on("job.*")?.replay(2).subscribe(move |event| {
    ///     list.lock().unwrap().push(event.get("n").and_then(|n| n.as_i64()));
    /// });
    /// publish_event!(bus: &bus, "job.done", n = 4);
    /// assert_eq!(*seen.lock().unwrap(), [Some(2), Some(3), Some(4)]);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Ordering
    /// The handler is called on the subscribing thread before `subscribe` returns: with the past, and with what other
    /// threads publish meanwhile, which waits (at most 1024 events; beyond, the history serves, as far as it reaches).
    /// Publishers do not wait. Each thread's events come in their order. What the history forgets before it was told,
    /// because it is overwritten or [reset](crate::Bus::reset), is counted as lagged.
    /// Each of these calls is a dispatch of its own: what it publishes on a [deferred](crate::Reentrancy::Deferred) bus comes
    /// before the next one.
    ///
    /// Of a handler with a queue, or a receiver, it is the queue that is given all this, and what has no room there goes by
    /// its [policy](crate::Overflow): ask for no more than its [`capacity`](crate::Queued::capacity). One that blocks holds up
    /// the subscribing thread then; a receiver's or a stream's, from which nobody can take yet, drops what has no room.
    ///
    /// What was recorded before belongs to the past: an older event than was asked for does not come, even where it is
    /// dispatched only now (because it was [deferred](crate::Reentrancy::Deferred), or its publisher was held up).
    ///
    /// A handler that is slower than all publishers together would never catch up: after 65 536 events the rest of what waits
    /// is counted as lagged ([`SubscriptionInfo::lagged`](crate::SubscriptionInfo::lagged)), told to the warning hook,
    /// and the subscription goes live.
    ///
    /// # Panics
    /// `subscribe` does, if the failure policy is to [unwind](FailurePolicy::Unwind) and the handler fails meanwhile: when
    /// it has been told of all. The subscription has ended then.
    ///
    /// # Cost
    /// Reading the history; each later call costs a comparison more.
    pub fn replay(mut self, limit: usize) -> Self {
        self.past.get_or_insert_default().newest = Some(limit);
        self
    }

    /// Like [`replay`](Self::replay), of the events of this time or later. With both, of the newest so many of those.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let event = publish_event!(bus: &bus, "job.done").event.unwrap();
    /// let told_since = |time| bus.on("job.*").map(|job| job.replay_since(time).subscribe(|_| {}).info().delivered);
    /// assert_eq!(told_since(event.timestamp())?, 1);
    /// assert_eq!(told_since(event.timestamp() + Duration::from_secs(1))?, 0);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Panics
    /// As for [`replay`](Self::replay).
    pub fn replay_since(mut self, time: SystemTime) -> Self {
        self.past.get_or_insert_default().since = Some(whole_micros(time));
        self
    }

    /// A queue's way to the bus.
    pub(crate) fn host(&self) -> Host {
        Host::new(&self.bus)
    }

    /// The handler is going to run in tasks of an executor.
    #[cfg(feature = "async")]
    pub(crate) fn has_tasks(&self) {
        self.bus.inner.has_tasks.store(true, Ordering::Relaxed);
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.options.name.as_deref()
    }

    pub(crate) fn policy(&self) -> FailurePolicy {
        self.options.policy
    }

    pub(crate) fn has_breaker(&self) -> bool {
        self.options.breaker.is_some()
    }

    /// Whether it takes events without a payload too.
    pub(crate) fn decodes(&self) -> bool {
        self.decode
    }

    /// Subscribes a queue; of those that take values, only for events that hold one (`typed`).
    pub(crate) fn add_queue(
        self,
        backlog: Arc<dyn Backlog>,
        typed: bool,
        place: &'static Location<'static>,
    ) -> Subscription {
        let handle = Handle::queue(Feed(Arc::clone(&backlog)), typed, self.options.limit);
        let past = self.past;
        let (bus, mut draft) = self.draft(handle, place);
        draft.callback.typed = typed;
        draft.backlog = Some(backlog);
        bus.add_draft(draft, past)
    }

    pub(crate) fn add(self, handle: Handle, place: &'static Location<'static>) -> Subscription {
        let past = self.past;
        let (bus, draft) = self.draft(handle, place);
        bus.add_draft(draft, past)
    }

    pub(super) fn draft(self, handle: Handle, place: &'static Location<'static>) -> (Bus, SubscriberDraft) {
        let Self { bus, options, filters, past, .. } = self;
        let stripes = bus.inner.shards;
        let typed = matches!(handle, Handle::Value(_));
        let callback = Callback { filters, handle, typed };
        (bus, SubscriberDraft { callback, place, replays: past.is_some(), stripes, options, backlog: None })
    }
}

impl Bus {
    fn add_draft(self, draft: SubscriberDraft, past: Option<Past>) -> Subscription {
        let bus = self;
        let inner = &*bus.inner;
        let drawn = inner.recorder.drawn();
        let added = inner.registry.add(draft);
        let guard = Subscription::new(inner.me.clone(), added.clone(), drawn);
        if added.control.is_spent() {
            added.handler.remove();
            if let Some(backlog) = &added.backlog {
                backlog.finish();
            }
            inner.registry.tidy();
        }
        if let Some(past) = past {
            inner.tell(&added, past);
        }
        guard
    }
}

impl Subscribe {
    /// Subscribes `handler`; see [`Bus::subscribe`].
    ///
    /// # Panics
    /// Where it is told of the past, if the handler fails and its policy is to unwind: see [`replay`](Self::replay).
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        let handle = move |event: &Event| {
            handler(event);
            Ok(())
        };
        self.add(Handle::Event(Box::new(handle)), Location::caller())
    }

    /// Subscribes a handler that may fail; see [`Bus::try_subscribe`].
    ///
    /// # Panics
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Subscription {
        self.add_handler(handler, Location::caller())
    }

    pub(super) fn add_handler(
        self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Subscription {
        self.add(Handle::Event(Box::new(handler)), place)
    }
}

impl<P> fmt::Debug for Subscribe<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("selector", &self.options.selector.to_string())
            .field("name", &self.options.name)
            .field("order", &self.options.order)
            .finish_non_exhaustive()
    }
}
