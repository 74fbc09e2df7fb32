//! The table of a [`Stats`], for people: at most 80 columns wide, long lists summed up.
//!
//! Counts of what should not happen are shown only where it has.

use core::fmt;
use std::collections::BTreeMap;

use super::{Stats, Totals};

/// Longest name shown whole, so that a row fits a terminal of 80 columns.
const NAME_WIDTH: usize = 40;

/// Rows shown of a list; the rest is summed up.
const ROWS: usize = 20;

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.enabled { "enabled" } else { "disabled" };
        let Totals { panicked, .. } = &self.totals;
        writeln!(f, "bus                {state}, {}", plural(self.handlers as u64, "handler"))?;
        writeln!(f, "history            {} of {} events", self.buffer_len, self.buffer_capacity)?;
        for (name, count, always) in self.totals.named() {
            match name {
                "panicked" => {}
                "failed" => writeln!(f, "{name:<18} {count} ({panicked} by panic)")?,
                _ if always || count > 0 => writeln!(f, "{name:<18} {count}")?,
                _ => {}
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

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

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

    #[test]
    fn the_table_shows_what_was_counted_and_nothing_else() {
        let mut stats = Stats { handlers: 2, buffer_len: 4, buffer_capacity: 5, ..Stats::default() };
        stats.totals =
            Totals { published: 9, delivered: 5, failed: 3, panicked: 1, overwritten: 5, ..Totals::default() };
        let width = "w".repeat(NAME_WIDTH);
        stats.by_kind = [(width.clone(), 1), (format!("{width}x"), 3)].into();
        stats.by_source = (0..ROWS as u64).map(|n| (format!("s{n:02}"), 7)).collect();
        let mut shown = format!(
            "bus                disabled, 2 handlers\n\
             history            4 of 5 events\n\
             published          9\n\
             delivered          5\n\
             failed             3 (1 by panic)\n\
             overwritten        5\n\
             in the history, by kind\n  \
               …{}x          3\n  \
               {width}          1\n\
             in the history, by source\n",
            &width[2..]
        );
        (0..ROWS).for_each(|n| shown.push_str(&format!("  s{n:02}{}          7\n", " ".repeat(NAME_WIDTH - 3))));
        assert_eq!(stats.to_string(), shown);
    }
}
