//! Making a bus with options; each has a default and bounds.

use core::fmt;
use core::ops::RangeInclusive;
use std::sync::Arc;

use super::gate::Gate;
use super::{Bus, Inner};
use crate::dispatch::registry::Registry;
use crate::dispatch::{Failure, FailureHook, Reporter};
use crate::history::{MAX_CAPACITY, MAX_SHARDS, Recorder};
use crate::stats::Counters;
use crate::sync::rows::MAX_DEPTH;

/// Options of a [`Bus`].
///
/// | option | default | allowed |
/// |---|---|---|
/// | [`history`](Self::history) | 500 events | 0 to 16 777 216 (2^24) |
/// | [`shards`](Self::shards) | the number of processors, rounded up to a power of two, at most 64 | a power of two, 1 to 256 |
/// | [`depth_limit`](Self::depth_limit) | 16 | 1 to 64 |
/// | [`enabled`](Self::enabled) | `true` | |
/// | [`on_failure`](Self::on_failure) | none: failures are only counted | |
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
    enabled: bool,
    on_failure: Option<FailureHook>,
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
const DEFAULT_MAX_SHARDS: usize = 64;

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
    pub fn depth_limit(mut self, limit: usize) -> Self {
        self.depth_limit = limit;
        self
    }

    /// Whether the bus accepts events from the start.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// What is told of handlers that fail, on the publisher's thread; see [`Failure`]. A panic of the hook ends with it.
    pub fn on_failure(mut self, hook: impl Fn(&Failure<'_>) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Box::new(hook));
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
        if !self.shards.is_power_of_two() {
            return Err(ConfigError::NotAPowerOfTwo { shards: self.shards });
        }
        Ok(self.make())
    }

    /// Makes the bus; the options are known to be in range.
    pub(super) fn make(self) -> Bus {
        let inner = Arc::new_cyclic(|me| Inner {
            gate: Gate::new(self.enabled, self.history > 0),
            recorder: Recorder::new(self.history, self.shards),
            registry: Registry::new(),
            counters: Counters::new(self.shards),
            reporter: Reporter::new(self.on_failure),
            depth_limit: self.depth_limit,
            shards: self.shards,
            me: me.clone(),
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
            history: 500,
            shards: processors.next_power_of_two().min(DEFAULT_MAX_SHARDS),
            depth_limit: MAX_DEPTH.min(16),
            enabled: true,
            on_failure: None,
        }
    }
}

impl fmt::Debug for BusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusBuilder")
            .field("history", &self.history)
            .field("shards", &self.shards)
            .field("depth_limit", &self.depth_limit)
            .field("enabled", &self.enabled)
            .field("on_failure", &self.on_failure.is_some())
            .finish()
    }
}
