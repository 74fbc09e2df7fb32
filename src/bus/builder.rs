//! Making a bus with options; each has a default and bounds.

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::dead::DeadLetters;
use super::gate::Gate;
use super::shutdown::Mode;
use super::{Bus, Inner};
use crate::contain;
use crate::dispatch::registry::Registry;
use crate::dispatch::{Failure, Reporter, Warning};
use crate::history::{MAX_CAPACITY, MAX_SHARDS, Recorder};
use crate::stats::Counters;
use crate::sync::atomic::AtomicBool;
use crate::sync::rows::MAX_DEPTH;

/// Options of a [`Bus`].
///
/// | option | default | allowed |
/// |---|---|---|
/// | [`history`](Self::history) | 500 events | 0 to 16 777 216 (2^24) |
/// | [`shards`](Self::shards) | the number of processors, rounded up to a power of two, at most 64 | a power of two, 1 to 256 |
/// | [`depth_limit`](Self::depth_limit) | 16 | 1 to 64 |
/// | [`hop_limit`](Self::hop_limit) | 64 | 1 to 65 535 |
/// | [`reentrancy`](Self::reentrancy) | [`Reentrancy::DepthFirst`] | |
/// | [`deferred_limit`](Self::deferred_limit) | 1024 events on each thread | 1 to 1 048 576 (2^20) |
/// | [`strict_order`](Self::strict_order) | off: shards are ordered by the clock | |
/// | [`dead_letters`](Self::dead_letters) | 256 events | 0 to 1 048 576 (2^20) |
/// | [`enabled`](Self::enabled) | `true` | |
/// | [`on_failure`](Self::on_failure) | none: failures are counted and logged | |
/// | [`on_warning`](Self::on_warning) | none | |
/// | [`slow_after`](Self::slow_after) | none: no call is too slow, one in 64 is timed | |
///
/// ```
/// use ringbus::Bus;
/// let bus = Bus::builder().history(10_000).shards(2).depth_limit(4).enabled(false).build()?;
/// assert!(!bus.is_enabled());
///
/// let error = Bus::builder().history(1 << 25).build().unwrap_err();
/// assert_eq!(error.to_string(), "history capacity 33554432 is out of range: 0 to 16777216 are allowed");
/// # Ok::<(), ringbus::ConfigError>(())
/// ```
#[must_use = "a builder does nothing before `build`"]
pub struct BusBuilder {
    history: usize,
    shards: usize,
    depth_limit: usize,
    hop_limit: usize,
    reentrancy: Reentrancy,
    deferred_limit: usize,
    strict_order: bool,
    dead_letters: usize,
    enabled: bool,
    reporter: Reporter,
    /// Only tests begin elsewhere than at 0.
    first_ticket: u64,
}

/// When an event is dispatched that a handler publishes.
///
/// ```
/// use ringbus::{Bus, Outcome, Reentrancy, publish_event};
///
/// for (reentrancy, outcome) in [(Reentrancy::DepthFirst, Outcome::Published), (Reentrancy::Deferred, Outcome::Queued)] {
///     let bus = Bus::builder().reentrancy(reentrancy).build()?;
///     let _bill = bus.on("order.placed")?.failure_policy(ringbus::FailurePolicy::Unwind).subscribe(move |_| {
///         let bus = ringbus::current().expect("a handler runs on a bus");
///         assert_eq!(publish_event!(bus: &bus, "order.billed").outcome, outcome);
///     });
///     publish_event!(bus: &bus, "order.placed");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reentrancy {
    /// At once, inside the handler that publishes it. The default.
    #[default]
    DepthFirst,
    /// When the dispatch that is under way on the thread has ended, in the order of publishing: so each handler sees all
    /// of one thread's events in that order, and none inside another. Until then it waits in the thread's queue, and the
    /// publish answers [`Outcome::Queued`](crate::Outcome::Queued). It counts as one level deeper than the event whose
    /// handler published it.
    Deferred,
}

/// An option of a bus is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The option's value is too small or too large.
    OutOfRange {
        /// The option.
        option: &'static str,
        /// The value given.
        value: usize,
        /// What is allowed.
        allowed: RangeInclusive<usize>,
    },
    /// The number of shards is no power of two.
    NotAPowerOfTwo {
        /// The number given.
        shards: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { option, value, allowed } => {
                write!(f, "{option} {value} is out of range: {} to {} are allowed", allowed.start(), allowed.end())
            }
            Self::NotAPowerOfTwo { shards } => {
                write!(f, "{shards} shards are no power of two: 1, 2, 4 and so on to {MAX_SHARDS} are allowed")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Most shards that a default bus has.
const DEFAULT_MAX_SHARDS: usize = if cfg!(ringbus_loom) { 1 } else { 64 };

/// So many events are kept by default; few under loom, which tracks each slot.
const DEFAULT_HISTORY: usize = if cfg!(ringbus_loom) { 1 } else { 500 };

/// Longest chain of causes that may be allowed.
const MAX_HOPS: usize = 65_535;

/// Most events that may wait on one thread.
const MAX_DEFERRED: usize = 1 << 20;

/// Most dead letters that may be kept.
const MAX_DEAD_LETTERS: usize = 1 << 20;

// === impl BusBuilder ===

impl BusBuilder {
    /// How many events the history shows; 0 keeps none.
    ///
    /// The memory is bounded by shards × max(capacity rounded up to a power of two, 1024) events, since a single
    /// thread's events all go to one shard.
    pub fn history(mut self, capacity: usize) -> Self {
        self.history = capacity;
        self
    }

    /// In how many rings the history is written; threads are spread over them. More shards than processors gain
    /// nothing; one shard makes publishers on different processors share a line, and orders them by ticket.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// How deep publishes may nest on one thread, counted over all buses: an event published beyond it is recorded, not
    /// dispatched, and counted.
    ///
    /// # Stack
    /// A level takes less than 2 KiB of the bus's own (6 KiB without optimisation), the outermost 16 KiB more, and
    /// whatever the handlers take: the default limit fits into 48 KiB, the largest into 144 KiB (112 and 400). Nothing
    /// else nests: a history, a table, a queue and what a payload publishes when it is dropped may be of any length.
    pub fn depth_limit(mut self, limit: usize) -> Self {
        self.depth_limit = limit;
        self
    }

    /// How long a chain of events may be of which each was made inside a handler of the one before: an event with more
    /// [hops](crate::Event::hops) is recorded, not dispatched, and counted.
    ///
    /// It ends what goes round in circles from thread to thread, or through events that wait, where no
    /// [depth](Self::depth_limit) shows it. Not where the very same event is published once more, which has no hop more:
    /// a handler on a thread that publishes `event.clone()` to itself, or republishes dead letters
    /// [at once](crate::DeadLetter::republish), goes round for ever.
    ///
    /// ```
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::builder().hop_limit(3).build()?;
    /// let _echo = bus.on("ping")?.subscribe(|_| {
    ///     let bus = ringbus::current().expect("a handler runs on a bus");
    ///     publish_event!(bus: &bus, "ping");
    /// });
    /// publish_event!(bus: &bus, "ping");
    /// let totals = bus.stats().totals;
    /// assert_eq!((totals.published, totals.delivered, totals.hop_stops), (5, 4, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hop_limit(mut self, limit: usize) -> Self {
        self.hop_limit = limit;
        self
    }

    /// When an event is dispatched that a handler publishes: at once, or after the present one.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use ringbus::{Bus, Outcome, Reentrancy, publish_event};
    ///
    /// let bus = Bus::builder().reentrancy(Reentrancy::Deferred).build()?;
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let _first = bus.on("order.placed")?.subscribe(|_| {
    ///     let bus = ringbus::current().expect("a handler runs on a bus");
    ///     assert_eq!(publish_event!(bus: &bus, "order.billed").outcome, Outcome::Queued);
    /// });
    /// let list = Arc::clone(&seen);
    /// let _second = bus.subscribe(move |event| list.lock().unwrap().push(event.kind().to_string()));
    /// publish_event!(bus: &bus, "order.placed");
    /// assert_eq!(*seen.lock().unwrap(), ["order.placed", "order.billed"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reentrancy(mut self, reentrancy: Reentrancy) -> Self {
        self.reentrancy = reentrancy;
        self
    }

    /// How many events may wait on one thread with [`Reentrancy::Deferred`]; an event beyond it is recorded, not
    /// dispatched, and counted.
    pub fn deferred_limit(mut self, limit: usize) -> Self {
        self.deferred_limit = limit;
        self
    }

    /// Orders the history of all threads exactly: where A happens before B, A is older, without exception (P3).
    ///
    /// # Cost
    /// The history has one shard then, ordered by ticket, whatever [`shards`](Self::shards) says: publishers on different
    /// processors write one shared line for each event. Without it two events on two threads may be swapped if they lie
    /// within the clock's read-ahead, well under a microsecond.
    pub fn strict_order(mut self, strict: bool) -> Self {
        self.strict_order = strict;
        self
    }

    /// How many [dead letters](crate::Bus::dead_letters) are kept; beyond that the oldest goes. They are counted in any case.
    pub fn dead_letters(mut self, limit: usize) -> Self {
        self.dead_letters = limit;
        self
    }

    /// Whether the bus accepts events from the start.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// What is told of handlers that fail, on the thread on which they were called: the publisher's, or, for a handler with a
    /// queue, that of its worker; see [`Failure`]. A panic in the hook is contained. It runs as if inside the handler: no
    /// close and no shutdown waits there.
    pub fn on_failure(mut self, hook: impl Fn(&Failure<'_>) + Send + Sync + 'static) -> Self {
        contain::drop_contained(self.reporter.on_failure.replace(Box::new(hook)));
        self
    }

    /// What is told of things that are no failure and worth a look, on the thread where they happen: a publisher's, or, for a
    /// handler with a queue, that of its worker; see [`Warning`]. A panic in the hook is contained. What the hook causes itself is
    /// not told, neither to it nor to another bus's.
    pub fn on_warning(mut self, hook: impl Fn(&Warning<'_>) + Send + Sync + 'static) -> Self {
        contain::drop_contained(self.reporter.on_warning.replace(Box::new(hook)));
        self
    }

    /// A call of a handler that takes longer is counted, and told to the warning hook.
    ///
    /// # Cost
    /// Two readings of the clock for each call; without it only one call in 64 is timed.
    pub fn slow_after(mut self, allowed: Duration) -> Self {
        self.reporter.slow_after = Some(allowed);
        self
    }

    /// The number of each shard's first event; for this crate's own tests.
    #[cfg(feature = "inject")]
    #[doc(hidden)]
    pub fn first_ticket(mut self, ticket: u64) -> Self {
        self.first_ticket = ticket;
        self
    }

    /// Makes the bus.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that is out of range, its value, and what is allowed.
    pub fn build(self) -> Result<Bus, ConfigError> {
        check("history capacity", self.history, 0..=MAX_CAPACITY)?;
        check("number of shards", self.shards, 1..=MAX_SHARDS)?;
        check("depth limit", self.depth_limit, 1..=MAX_DEPTH)?;
        check("hop limit", self.hop_limit, 1..=MAX_HOPS)?;
        check("deferred limit", self.deferred_limit, 1..=MAX_DEFERRED)?;
        check("number of dead letters", self.dead_letters, 0..=MAX_DEAD_LETTERS)?;
        if !self.shards.is_power_of_two() {
            return Err(ConfigError::NotAPowerOfTwo { shards: self.shards });
        }
        Ok(self.make())
    }

    /// Makes the bus; the options are known to be in range.
    pub(super) fn make(self) -> Bus {
        let inner = Arc::new_cyclic(|me| {
            let weak: Weak<Inner> = me.clone();
            let shards = if self.strict_order { 1 } else { self.shards };
            // Whoever changes the registry holds the bus, so this is never its last holder.
            let changed = move |count, waits| {
                if let Some(inner) = weak.upgrade() {
                    inner.gate.set_subscribers(count, waits);
                }
            };
            Inner {
                gate: Gate::new(self.enabled, self.history > 0),
                recorder: Recorder::starting_at(self.history, shards, self.first_ticket),
                registry: Registry::new(Box::new(changed)),
                counters: Counters::new(self.shards),
                reporter: self.reporter,
                depth_limit: self.depth_limit,
                hop_limit: self.hop_limit as u32,
                deferred_limit: (self.reentrancy == Reentrancy::Deferred).then_some(self.deferred_limit),
                mode: Mode::new(self.reentrancy == Reentrancy::Deferred),
                has_tasks: AtomicBool::new(false),
                dead: DeadLetters::new(self.dead_letters),
                shards: self.shards,
                made: Instant::now(),
                me: me.clone(),
            }
        });
        Bus { inner }
    }
}

fn check(option: &'static str, value: usize, allowed: RangeInclusive<usize>) -> Result<(), ConfigError> {
    if allowed.contains(&value) { Ok(()) } else { Err(ConfigError::OutOfRange { option, value, allowed }) }
}

impl Default for BusBuilder {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            history: DEFAULT_HISTORY,
            shards: processors.next_power_of_two().min(DEFAULT_MAX_SHARDS),
            depth_limit: MAX_DEPTH.min(16),
            hop_limit: 64,
            reentrancy: Reentrancy::default(),
            deferred_limit: 1024,
            strict_order: false,
            dead_letters: 256,
            enabled: true,
            reporter: Reporter::default(),
            first_ticket: 0,
        }
    }
}

impl fmt::Debug for BusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusBuilder")
            .field("history", &self.history)
            .field("shards", &self.shards)
            .field("depth_limit", &self.depth_limit)
            .field("hop_limit", &self.hop_limit)
            .field("reentrancy", &self.reentrancy)
            .field("deferred_limit", &self.deferred_limit)
            .field("strict_order", &self.strict_order)
            .field("enabled", &self.enabled)
            .field("slow_after", &self.reporter.slow_after)
            .finish_non_exhaustive()
    }
}
