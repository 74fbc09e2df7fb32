//! The numbers of a bus: live counters that only grow, and the picture of them that a reader gets.
//!
//! 1. [`counters`] count what happens, [`kinds`] of which kind; [`totals`] are what a reader is told of them.
//! 2. [`Stats`], here, is the picture of a bus at one moment, and [`display`] its table.
//! 3. A [`delta`] is what happened between two of them.
//!
//! Counters of the hot path are striped by thread; the rare ones are single. A reset notes where they stand and
//! subtracts that from then on: no count made meanwhile is lost (P8).

mod counters;
mod kinds;
mod totals;

mod delta;
mod display;

pub use delta::{StatsDelta, StatsMismatch};
pub use totals::Totals;

pub(crate) use counters::Counters;
#[cfg(feature = "serde")]
pub(crate) use counters::FAILED_DUMPS;

use std::collections::BTreeMap;
use std::time::Duration;

/// The statistics of a bus at one moment; see [`Bus::stats`](crate::Bus::stats).
///
/// Exact whenever no publish is in flight; else a picture in which single counts may be a few events apart.
/// `Display` prints a table. Taking it reads the whole history: see the cost of [`Bus::stats`](crate::Bus::stats).
///
/// ```
/// let bus = ringbus::Bus::builder().history(2).build()?;
/// for n in 0..3 {
///     ringbus::publish_event!(bus: &bus, "scan.file", source: "worker", n = n);
/// }
/// let stats = bus.stats();
/// assert_eq!((stats.buffer_len, stats.buffer_capacity, stats.by_kind["scan.file"]), (2, 2, 2));
/// assert_eq!((stats.totals.published, stats.totals.overwritten), (3, 1));
/// # Ok::<(), ringbus::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Whether the bus accepts events.
    pub enabled: bool,
    /// Subscriptions.
    pub handlers: usize,
    /// Events in the history.
    pub buffer_len: usize,
    /// Events that the history can show.
    pub buffer_capacity: usize,
    /// How many of the events in the history are of each kind.
    pub by_kind: BTreeMap<String, u64>,
    /// How many of the events in the history come from each source; those without one are left out.
    pub by_source: BTreeMap<String, u64>,
    /// How many events of each kind were published since the start or the last reset, for the first 4096 kinds that
    /// the process has interned (those of its call sites, mostly).
    pub published_by_kind: BTreeMap<String, u64>,
    /// How many of all other kinds: told at run time, or interned later.
    pub published_of_other_kinds: u64,
    /// What happened since the start or the last reset.
    pub totals: Totals,
    /// How long ago the bus was made, by a clock that never goes back; a reset does not change it.
    pub uptime: Duration,
    /// How often the bus was reset: totals taken under different numbers cannot be compared.
    pub resets: u64,
}

#[cfg(all(test, feature = "serde", not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn statistics_go_through_json() {
        let mut stats = Stats { enabled: true, handlers: 3, ..Stats::default() };
        stats.by_kind.insert("db.open".to_owned(), 7);
        stats.totals.published = u64::MAX;
        (stats.uptime, stats.resets) = (Duration::from_nanos(1_000_000_001), 2);
        let json = serde_json::to_string(&stats).unwrap();
        assert!(json.contains(r#""by_kind":{"db.open":7}"#), "{json}");
        assert_eq!(serde_json::from_str::<Stats>(&json).unwrap(), stats);
    }
}
