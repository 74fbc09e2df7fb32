//! The numbers of a bus: live counters that only grow, and the picture of them that a reader gets.
//!
//! Counters of the hot path are striped by thread; the rare ones are single. A reset notes where they stand and
//! subtracts that from then on: no count made meanwhile is lost (P8).

use core::fmt;
use std::collections::BTreeMap;

use crate::contain;
use crate::sync::Mutex;
use crate::sync::counter::{Striped, Tally};

/// What a bus has done since it was made, or since its last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Totals {
    /// Events accepted, whether or not anybody heard them.
    pub published: u64,
    /// Calls of handlers that succeeded.
    pub delivered: u64,
    /// Calls of handlers that returned an error or panicked.
    pub failed: u64,
    /// Those of the failed that panicked.
    pub panicked: u64,
    /// Events recorded and no longer in the history.
    pub overwritten: u64,
    /// Events recorded but not dispatched, since publishes were nested too deep.
    pub depth_stops: u64,
    /// Events recorded but not dispatched, since their thread was panicking.
    pub while_panicking: u64,
    /// Events that no subscription selected. Those that were not dispatched are not among them.
    pub unheard: u64,
    /// Events that waited for the dispatch under way on their thread.
    pub deferred: u64,
    /// Events recorded but not dispatched, since too many were waiting on their thread.
    pub deferred_drops: u64,
    /// Publishes refused because they came from inside the bus's own work (a publishing allocator).
    pub refused: u64,
    /// Publishes refused because their kind, told at run time, was malformed.
    pub invalid_kinds: u64,
    /// Panic payloads, of all buses in this process, that were leaked because dropping them kept panicking.
    pub forgotten_panics: u64,
    /// Black boxes, of all buses in this process, that could not be written.
    pub failed_dumps: u64,
}

/// Black boxes of this process that could not be written.
pub(crate) static FAILED_DUMPS: Tally = Tally::new();

/// The statistics of a bus at one moment; see [`Bus::stats`](crate::Bus::stats).
///
/// Exact whenever no publish is in flight; else a picture in which single counts may be a few events apart.
/// `Display` prints a table.
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
    /// What happened since the start or the last reset.
    pub totals: Totals,
}

// === Display ===

/// Longest name shown whole, so that a row fits a terminal of 80 columns.
const NAME_WIDTH: usize = 40;

/// Rows shown of a list; the rest is summed up.
const ROWS: usize = 20;

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.enabled { "enabled" } else { "disabled" };
        let Totals {
            published,
            delivered,
            failed,
            panicked,
            overwritten,
            depth_stops,
            while_panicking,
            unheard,
            deferred,
            deferred_drops,
            refused,
            invalid_kinds,
            forgotten_panics,
            failed_dumps,
        } = &self.totals;
        writeln!(f, "bus                {state}, {}", plural(self.handlers as u64, "handler"))?;
        writeln!(f, "history            {} of {} events", self.buffer_len, self.buffer_capacity)?;
        writeln!(f, "published          {published}")?;
        writeln!(f, "delivered          {delivered}")?;
        writeln!(f, "failed             {failed} ({panicked} by panic)")?;
        writeln!(f, "overwritten        {overwritten}")?;
        for (name, count) in [
            ("too deep", depth_stops),
            ("while panicking", while_panicking),
            ("unheard", unheard),
            ("deferred", deferred),
            ("deferred, dropped", deferred_drops),
            ("refused", refused),
            ("invalid kinds", invalid_kinds),
            ("forgotten panics", forgotten_panics),
            ("failed dumps", failed_dumps),
        ] {
            if *count > 0 {
                writeln!(f, "{name:<18} {count}")?;
            }
        }
        list(f, "in the history, by kind", &self.by_kind)?;
        list(f, "in the history, by source", &self.by_source)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(name, count)| (core::cmp::Reverse(**count), *name));
    writeln!(f, "{title}")?;
    for (name, count) in rows.iter().take(ROWS) {
        writeln!(f, "  {:<NAME_WIDTH$} {count:>10}", shortened(name))?;
    }
    let rest = rows.iter().skip(ROWS);
    if rest.len() > 0 {
        let label = format!("({} more)", rest.len());
        writeln!(f, "  {label:<NAME_WIDTH$} {:>10}", rest.map(|(_, count)| **count).sum::<u64>())?;
    }
    Ok(())
}

/// The name's end, where it is too long: that is what tells kinds apart.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_WIDTH {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(length + 1 - NAME_WIDTH)).collect()
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

// === The live counters ===

/// The counters of one bus.
pub(crate) struct Counters {
    pub(crate) delivered: Striped,
    pub(crate) failed: Tally,
    pub(crate) panicked: Tally,
    pub(crate) depth_stops: Tally,
    pub(crate) while_panicking: Tally,
    pub(crate) unheard: Striped,
    pub(crate) deferred: Striped,
    pub(crate) deferred_drops: Tally,
    pub(crate) refused: Tally,
    pub(crate) invalid_kinds: Tally,
    /// Where they stood at the last reset.
    base: Mutex<Totals>,
}

// === impl Counters ===

impl Counters {
    pub(crate) fn new(stripes: usize) -> Self {
        Self {
            delivered: Striped::new(stripes),
            failed: Tally::new(),
            panicked: Tally::new(),
            depth_stops: Tally::new(),
            while_panicking: Tally::new(),
            unheard: Striped::new(stripes),
            deferred: Striped::new(stripes),
            deferred_drops: Tally::new(),
            refused: Tally::new(),
            invalid_kinds: Tally::new(),
            base: Mutex::new(Totals::default()),
        }
    }

    /// Counts calls of one event that failed, and how many of those panicked.
    #[cold]
    pub(crate) fn count_failures(&self, failed: u32, panicked: u32) {
        self.failed.add(failed.into());
        self.panicked.add(panicked.into());
    }

    /// The counts since the last reset. `published` and `overwritten` are the history's to tell.
    pub(crate) fn totals(&self) -> Totals {
        let base = self.base.lock();
        let now = self.live();
        Totals {
            delivered: now.delivered - base.delivered,
            failed: now.failed - base.failed,
            panicked: now.panicked - base.panicked,
            depth_stops: now.depth_stops - base.depth_stops,
            while_panicking: now.while_panicking - base.while_panicking,
            unheard: now.unheard - base.unheard,
            deferred: now.deferred - base.deferred,
            deferred_drops: now.deferred_drops - base.deferred_drops,
            refused: now.refused - base.refused,
            invalid_kinds: now.invalid_kinds - base.invalid_kinds,
            forgotten_panics: now.forgotten_panics - base.forgotten_panics,
            failed_dumps: now.failed_dumps - base.failed_dumps,
            ..Totals::default()
        }
    }

    /// Counts from here on.
    pub(crate) fn reset(&self) {
        let mut base = self.base.lock();
        *base = self.live();
    }

    fn live(&self) -> Totals {
        Totals {
            delivered: self.delivered.sum(),
            failed: self.failed.get(),
            panicked: self.panicked.get(),
            depth_stops: self.depth_stops.get(),
            while_panicking: self.while_panicking.get(),
            unheard: self.unheard.sum(),
            deferred: self.deferred.sum(),
            deferred_drops: self.deferred_drops.get(),
            refused: self.refused.get(),
            invalid_kinds: self.invalid_kinds.get(),
            forgotten_panics: contain::forgotten(),
            failed_dumps: FAILED_DUMPS.get(),
            ..Totals::default()
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_reset_moves_the_base_and_loses_nothing() {
        let counters = Counters::new(2);
        counters.delivered.add(0, 3);
        counters.count_failures(1, 0);
        counters.reset();
        counters.delivered.add(1, 4);
        let totals = counters.totals();
        assert_eq!((totals.delivered, totals.failed), (4, 0));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn statistics_go_through_json() {
        let mut stats = Stats { enabled: true, handlers: 3, ..Stats::default() };
        stats.by_kind.insert("db.open".to_owned(), 7);
        stats.totals.published = u64::MAX;
        let json = serde_json::to_string(&stats).unwrap();
        assert!(json.contains(r#""by_kind":{"db.open":7}"#), "{json}");
        assert_eq!(serde_json::from_str::<Stats>(&json).unwrap(), stats);
    }

    #[test]
    fn the_table_fits_80_columns_and_sums_up_long_lists() {
        let mut stats = Stats { enabled: true, handlers: 1, ..Stats::default() };
        stats.by_kind = (0..30).map(|n| (format!("{}.kind{n:02}", "long".repeat(30)), n)).collect();
        stats.totals.depth_stops = 2;
        let table = stats.to_string();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.contains("enabled, 1 handler\n"), "{table}");
        assert!(table.contains("(10 more)"), "{table}");
        assert!(table.contains("too deep           2\n"), "{table}");
        assert!(!table.contains("refused"), "{table}");
    }
}
