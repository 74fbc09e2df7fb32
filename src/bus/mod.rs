//! The bus: kinds, subscriptions, history and counters together.
//!
//! 1. A [`builder`] makes it; one may be [`global`] (its methods are functions in [`on_global`]), and each thread may have a
//!    [`default`] in its place.
//! 2. The [`gate`] tells call sites whether anybody could notice.
//! 3. A [`publish`] records the event, then dispatches it; only that file and [`batch`] know this order. What a handler
//!    publishes may be [`deferred`]; what it has [`evicted`] is dropped flat. The answer is a [`delivery`]. A [`topic`] is the
//!    short way for values of one type, a [`batch`] for many events.
//! 4. [`subscribe`] adds a handler ([`subscribe_to`] one for a type), [`replay`] tells it of the past, a [`subscription`]
//!    takes it away, a [`bag`] many, and so does its id ([`by_id`]). A handler may take what is [`mapped`] from the event.
//! 5. Handlers that take their time reach the bus through a [`host`]; what they fail for good is a letter to the [`dead`].
//!    [`shutdown`] ends all subscriptions, each [`leaving`] in its way, and waits for theirs. One may [`wait`] for an event's
//!    handlers, or until all queues are [`idle`].
//! 6. [`explain`] says who would get an event, and why not; [`dump`] writes the history down.

mod builder;

mod default;
pub(crate) mod gate;
mod global;
pub(crate) mod on_global;

mod batch;
mod deferred;
mod delivery;
mod evicted;
mod publish;
mod topic;

mod bag;
mod by_id;
pub(crate) mod mapped;
mod replay;
mod subscribe;
mod subscribe_to;
mod subscription;

pub(crate) mod dead;
pub(crate) mod host;
pub(crate) mod idle;
mod leaving;
mod shutdown;
mod wait;

#[cfg(feature = "serde")]
mod dump;
mod explain;

pub use bag::Subscriptions;
pub use builder::{BusBuilder, ConfigError, Reentrancy};
pub use by_id::AlreadySubscribed;
pub use dead::DeadLetter;
pub(crate) use default::with_bus_of_call_site;
pub use default::{default_bus, propagate, with_default};
pub use delivery::{Deliveries, Delivery, Outcome};
#[cfg(feature = "serde")]
pub use dump::{DumpError, on_panic_dump};
pub use explain::{Explained, Explanation, Gone, Verdict};
#[doc(hidden)]
pub use gate::global_is_open;
pub use global::{GlobalAlreadySet, current, global, set_global};
pub use idle::StillBusy;
pub use mapped::{Mapped, TrySubscribe};
#[doc(hidden)]
pub use publish::publish_draft;
pub use shutdown::{HandlerEnd, ShutdownReport};
pub use subscribe::Subscribe;
pub use subscription::{CloseError, Subscription};
pub use topic::{Publishable, Topic};
pub use wait::{WaitError, Waited};

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Instant;

use gate::Gate;

use crate::contain;
use crate::dispatch::registry::Registry;
use crate::dispatch::{EndedBy, Reporter, SubscriptionId, SubscriptionInfo};
use crate::event::{Event, Kind};
use crate::history::{self, Cursor, Found, History, HistoryBusy, Recorded, Recorder, Tail};
use crate::stats::{Counters, Stats, Totals};
use crate::sync::atomic::AtomicBool;

/// A lock-free publish/subscribe bus for threads, with a flight recorder of the last events.
///
/// A handle: clones are the same bus. Publishers call the matching handlers on their own thread; they take no lock and
/// wait for nobody. Instances are independent of each other; one may be the [`global`] one, which `publish_event!`
/// means when it is not told another.
///
/// ```
/// use ringbus::{publish_event, Bus};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
///
/// let bus = Bus::new();
/// let errors = Arc::new(AtomicU32::new(0));
/// let counter = Arc::clone(&errors);
/// let guard = bus.on("**.error")?.subscribe(move |_| {
///     counter.fetch_add(1, Ordering::Relaxed);
/// });
///
/// publish_event!(bus: &bus, "db.error", code = 7);
/// publish_event!(bus: &bus, "db.open");
/// assert_eq!(errors.load(Ordering::Relaxed), 1);
/// assert_eq!(bus.recent(1)[0].kind(), "db.open");
///
/// drop(guard);
/// publish_event!(bus: &bus, "db.error", code = 8);
/// assert_eq!(errors.load(Ordering::Relaxed), 1);
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Dropping
/// With the last handle go all handlers and their threads; what waits is discarded. [`shutdown`](Self::shutdown) first
/// drains.
///
/// # Ordering
/// A publish that happens after `subscribe`, `enable`, `disable` or the drop of a guard has returned sees its effect; one
/// that runs at the same time may or may not (P5 and P6 of the [promises](crate::docs::promises)).
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

/// A handle that does not keep its bus alive; made by [`Bus::downgrade`].
///
/// A handler that holds its own bus would keep it alive for ever: give it this one, or use
/// [`current`].
#[derive(Clone, Debug, Default)]
pub struct WeakBus {
    inner: Weak<Inner>,
}

// A panic of user code leaves a bus as it was: none runs while a structure of ours is half changed (P4).
impl UnwindSafe for Bus {}
impl RefUnwindSafe for Bus {}
impl UnwindSafe for WeakBus {}
impl RefUnwindSafe for WeakBus {}

pub(crate) struct Inner {
    gate: Gate,
    recorder: Recorder,
    registry: Registry<Box<dyn Fn(usize, bool) + Send + Sync>>,
    counters: Counters,
    reporter: Reporter,
    depth_limit: usize,
    hop_limit: u32,
    /// How many events may wait on a thread, where nested ones wait.
    deferred_limit: Option<usize>,
    /// What a publish has to ask for that is not usual.
    mode: shutdown::Mode,
    /// A handler runs, or has run, in tasks of an executor.
    has_tasks: AtomicBool,
    dead: dead::DeadLetters,
    shards: usize,
    made: Instant,
    me: Weak<Inner>,
}

// === impl Bus ===

impl Bus {
    /// A bus with the defaults of [`BusBuilder`].
    #[must_use]
    pub fn new() -> Self {
        BusBuilder::default().make()
    }

    /// Begins a bus with options.
    pub fn builder() -> BusBuilder {
        BusBuilder::default()
    }

    /// Accepts events from now on. The default.
    ///
    /// ```
    /// let bus = ringbus::Bus::builder().enabled(false).build()?;
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// bus.enable();
    /// ringbus::publish_event!(bus: &bus, "db.close");
    /// assert_eq!(bus.stats().totals.published, 1);
    /// # Ok::<(), ringbus::ConfigError>(())
    /// ```
    pub fn enable(&self) {
        self.inner.gate.set_enabled(true);
    }

    /// Accepts no events until [`enable`](Self::enable): call sites then evaluate no argument. Handlers and history
    /// stay; publishes under way go on.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// bus.disable();
    /// let pool = || -> u64 { unreachable!("the bus is off") };
    /// let delivery = ringbus::publish_event!(bus: &bus, "db.open", pool = pool());
    /// assert_eq!(delivery.outcome, ringbus::Outcome::Disabled);
    /// ```
    pub fn disable(&self) {
        self.inner.gate.set_enabled(false);
    }

    /// Whether the bus accepts events. May be true while publishes answer [`Disabled`](Outcome::Disabled): a bus without
    /// history and subscribers takes none.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.inner.gate.is_enabled()
    }

    /// Forgets the history and counts from zero. Subscriptions stay, and so do their own counts.
    ///
    /// Deliveries are counted when an event's dispatch ends, those of [`publish_all`](Self::publish_all) up to 32 events at a
    /// time: after a reset inside a handler, what is under way still counts.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// bus.reset();
    /// assert!(bus.recent(10).is_empty());
    /// assert_eq!(bus.stats().totals.published, 0);
    /// ```
    pub fn reset(&self) {
        // As one step for those who read statistics; what is forgotten is dropped after it: that may run user code.
        let forgotten = self.inner.counters.reset(|| self.inner.recorder.reset());
        drop(forgotten);
    }

    /// A handle that does not keep the bus alive.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let weak = bus.downgrade();
    /// let _echo = bus.on("ping")?.subscribe(move |_| {
    ///     if let Some(bus) = weak.upgrade() {
    ///         ringbus::publish_event!(bus: &bus, "pong");
    ///     }
    /// });
    /// ringbus::publish_event!(bus: &bus, "ping");
    /// assert_eq!(bus.recent(1)[0].kind(), "pong");
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakBus {
        WeakBus { inner: Arc::downgrade(&self.inner) }
    }

    /// Whether both are the same bus.
    #[must_use]
    pub fn same_bus(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    // === looking back ===

    /// The newest `limit` events of the history, newest first.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// for n in 0..3 {
    ///     ringbus::publish_event!(bus: &bus, "tick", n = n);
    /// }
    /// let newest: Vec<_> = bus.recent(2).iter().map(|event| event.get("n").unwrap().as_i64()).collect();
    /// assert_eq!(newest, [Some(2), Some(1)]);
    /// ```
    ///
    /// # Cost
    /// Reads up to `limit` events of each shard, sorts them and drops the surplus. Publishers do not wait; readers wait for
    /// each other.
    #[must_use]
    pub fn recent(&self, limit: usize) -> Vec<Event> {
        self.history().take(limit)
    }

    /// The same without waiting for another reader: for panic hooks and the like.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// std::panic::set_hook(Box::new({
    ///     let bus = bus.clone();
    ///     move |_| bus.try_recent(10).iter().flatten().for_each(|event| eprintln!("{event}"))
    /// }));
    /// assert_eq!(bus.try_recent(10)?.len(), 1);
    /// # Ok::<(), ringbus::HistoryBusy>(())
    /// ```
    ///
    /// # Errors
    /// [`HistoryBusy`] if another thread is reading at this moment.
    pub fn try_recent(&self, limit: usize) -> Result<Vec<Event>, HistoryBusy> {
        self.history().try_take(limit)
    }

    /// A look into the history, to be narrowed by pattern, source and time; each of these makes it read all of it.
    pub fn history(&self) -> History {
        History::new(self.inner.clone())
    }

    /// A place in the history that moves along: each reading goes on where the last one stopped. It begins with the
    /// oldest event that is there, and keeps the bus alive.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// let mut cursor = bus.cursor();
    /// assert_eq!(cursor.read().events.len(), 1);
    /// assert!(cursor.read().events.is_empty()); // each event once
    /// ```
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.inner.clone())
    }

    /// The statistics, now.
    ///
    /// # Cost
    /// It reads the whole history, as [`recent`](Self::recent) does, to count it by kind and source, and waits for other
    /// readers of it; then it reads the counters, of each kind too, and takes the registry's lock for the list of
    /// subscriptions. It allocates for each kind and source. Publishers do not wait. Not for panic hooks, where
    /// [`try_recent`](Self::try_recent) is what never waits, nor for tight loops.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    // === who listens ===

    /// The kinds that some subscription names exactly, sorted. Published kinds are in
    /// [`stats().published_by_kind`](Stats::published_by_kind).
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let _two = bus.on(["chat.room", "chat.*"])?.subscribe(|_| {});
    /// assert_eq!(bus.kinds(), ["chat.room"]);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let subscribers = self.inner.registry.subscribers();
        let named: BTreeSet<Kind> = subscribers.iter().flat_map(|one| one.exact_kinds()).collect();
        named.into_iter().collect()
    }

    /// How many subscriptions an event of this kind would reach, by name or by pattern; none if there can be no such
    /// event, because the text is no [`Kind`].
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let _named = bus.on("db.error")?.subscribe(|_| {});
    /// let _all = bus.subscribe(|_| {});
    /// assert_eq!((bus.subscriber_count("db.error"), bus.subscriber_count("db.open")), (2, 1));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    #[must_use]
    pub fn subscriber_count(&self, kind: impl AsRef<str>) -> usize {
        // A pattern alone would match other texts too.
        let Ok(kind) = Kind::new(kind) else { return 0 };
        self.inner.registry.subscribers().iter().filter(|one| one.selector.matches(kind.as_str())).count()
    }

    /// All subscriptions, in the order in which they were made.
    #[doc(alias = "handlers")]
    #[must_use]
    pub fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        self.inner.registry.subscribers().iter().map(|one| one.info()).collect()
    }
}

impl AsRef<Bus> for Bus {
    fn as_ref(&self) -> &Bus {
        self
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("enabled", &self.is_enabled())
            .field("history", &self.inner.recorder.capacity())
            .field("shards", &self.inner.recorder.shards())
            .finish_non_exhaustive()
    }
}

impl WeakBus {
    /// The bus, if it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Bus> {
        self.inner.upgrade().map(|inner| Bus { inner })
    }
}

// === impl Inner ===

impl Inner {
    fn stats(&self) -> Stats {
        let events = history::Source::recent(self, usize::MAX);
        let mut by_kind = BTreeMap::new();
        let mut by_source = BTreeMap::new();
        for recorded in &events {
            *by_kind.entry(recorded.event.kind().as_str().to_owned()).or_default() += 1;
            if let Some(source) = recorded.event.source() {
                *by_source.entry(source.to_owned()).or_default() += 1;
            }
        }
        let kept = self.recorder.capacity() > 0;
        let (counted, published) = self.counters.read(|| self.recorder.counted());
        Stats {
            enabled: self.gate.is_enabled(),
            handlers: self.registry.subscribers().len(),
            buffer_len: events.len(),
            buffer_capacity: self.recorder.capacity(),
            by_kind,
            by_source,
            totals: Totals {
                published,
                overwritten: if kept { published.saturating_sub(events.len() as u64) } else { 0 },
                ..counted.totals
            },
            published_by_kind: counted.by_kind,
            published_of_other_kinds: counted.others,
            uptime: self.made.elapsed(),
            resets: counted.resets,
        }
    }

    /// Ends a subscription; `false` where it has ended already.
    fn unsubscribe(&self, id: SubscriptionId, by: EndedBy) -> bool {
        let removed = self.registry.remove(id, by);
        // What was used up has ended by that, though nobody has tidied up yet: its last events are handled.
        let unused = removed.as_ref().filter(|removed| !removed.control.is_spent());
        if let Some(backlog) = unused.and_then(|removed| removed.backlog.as_ref()) {
            backlog.stop();
        }
        removed.is_some()
    }
}

impl history::Source for Inner {
    fn recent(&self, limit: usize) -> Vec<Recorded> {
        self.recorder.recent(limit)
    }

    fn try_recent(&self, limit: usize) -> Result<Vec<Recorded>, HistoryBusy> {
        self.recorder.try_recent(limit)
    }

    fn tail(&self) -> Tail {
        self.recorder.tail()
    }

    fn follow(&self, tail: &mut Tail) -> Found {
        self.recorder.follow(tail)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // No dispatch is under way (it would hold us), so every closure can go, also those whose guard lives on, and every
        // queue, also those that are being drained.
        let (subscribed, leaving) = self.registry.all_living();
        for subscriber in subscribed.iter().chain(&leaving) {
            if let Some(backlog) = &subscriber.backlog {
                backlog.stop();
            }
            subscriber.handler.close_idle(contain::drop_contained);
        }
        // A shutdown that could not wait may have left a queue open: to whoever was just handing it an event.
        if self.mode.is_shut() {
            let backlogs = self.registry.all_living().1.into_iter().filter_map(|one| one.backlog.clone());
            backlogs.for_each(|backlog| backlog.finish());
        }
    }
}
