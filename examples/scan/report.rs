//! What is printed at the end, for a terminal of 80 columns.

use std::cmp::Reverse;
use std::fmt::{Result, Write};
use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};
use ringbus::{Event, Stats, Value};

use crate::arguments::Arguments;
use crate::json::Written;
use crate::subscribers::Seen;
use crate::timing::{Cost, LIMIT, STEP, Timing, measured};
use crate::walk::Walked;

/// Extensions shown.
const EXTENSIONS: usize = 12;

/// Columns of the terminal.
const WIDTH: usize = 80;

/// Events of the history shown.
const RECENT: usize = 10;

/// The whole report.
pub(crate) fn text(arguments: &Arguments, walked: &Walked, seen: &Seen, stats: &Stats) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = totals(&mut out, arguments, walked, seen)
        .and_then(|()| extensions(&mut out, seen))
        .and_then(|()| largest(&mut out, seen))
        .and_then(|()| writeln!(out, "\nthe bus\n{}", indented(stats)))
        .and_then(|()| recent(&mut out))
        .and_then(|()| speed(&mut out, walked, stats.totals.published));
    out
}

fn totals(out: &mut String, arguments: &Arguments, walked: &Walked, seen: &Seen) -> Result {
    let Walked { threads, elapsed } = walked;
    let how = format!("with {threads} thread{} in {:.3} s", plural(*threads), elapsed.as_secs_f64());
    let path = end_of(&arguments.path.to_string_lossy(), WIDTH - how.len() - "scanned  ".len());
    writeln!(out, "scanned {path} {how}")?;
    for (name, count) in &seen.counts {
        writeln!(out, "  {name:<28} {:>10}", grouped(*count))?;
    }
    let bytes = seen.by_extension.values().map(|total| total.bytes).sum();
    writeln!(out, "  {:<28} {:>10}", "bytes in files", size(bytes))?;
    match (&arguments.json, &seen.json) {
        (Some(path), Some(written)) => {
            let path = end_of(&path.to_string_lossy(), WIDTH - 45);
            match written {
                Written::All(lines) => writeln!(out, "  {:<28} {:>10} in {path}", "JSON lines", grouped(*lines)),
                Written::Incomplete(_) => writeln!(out, "  {:<28} {:>10}: {path}", "JSON lines", "incomplete"),
            }
        }
        _ => Ok(()),
    }
}

fn extensions(out: &mut String, seen: &Seen) -> Result {
    let mut extensions: Vec<_> = seen.by_extension.iter().collect();
    extensions.sort_by_key(|(name, total)| (Reverse(total.bytes), Reverse(total.files), name.as_str()));
    if extensions.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nby extension                        files        bytes")?;
    for (name, total) in extensions.iter().take(EXTENSIONS) {
        let name = if name.is_empty() { "(none)" } else { name };
        writeln!(out, "  {:<28} {:>10} {:>12}", end_of(name, 28), grouped(total.files), size(total.bytes))?;
    }
    let more = extensions.iter().skip(EXTENSIONS);
    if more.len() > 0 {
        let name = format!("({} more)", more.len());
        let (files, bytes) = more.fold((0, 0), |sum, (_, total)| (sum.0 + total.files, sum.1 + total.bytes));
        writeln!(out, "  {name:<28} {:>10} {:>12}", grouped(files), size(bytes))?;
    }
    Ok(())
}

fn largest(out: &mut String, seen: &Seen) -> Result {
    if seen.largest.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nlargest files")?;
    for (bytes, path) in &seen.largest {
        writeln!(out, "  {:>10}  {}", size(*bytes), end_of(path, WIDTH - 14))?;
    }
    Ok(())
}

fn recent(out: &mut String) -> Result {
    let events = ringbus::recent(RECENT);
    writeln!(out, "the last {} event{}, newest first", events.len(), plural(events.len()))?;
    for event in &events {
        writeln!(out, "  {} {:<14} {}", time_of_day(event), event.kind(), end_of(&event.payload().to_string(), 47))?;
    }
    Ok(())
}

/// Hours, minutes, seconds and microseconds, in UTC.
fn time_of_day(event: &Event) -> String {
    let time = Value::Time(event.timestamp()).to_string();
    time.split_once('T').map(|(_, time)| time.trim_end_matches('Z').to_owned()).unwrap_or(time)
}

fn speed(out: &mut String, walked: &Walked, published: u64) -> Result {
    let rate = published as f64 / walked.elapsed.as_secs_f64().max(f64::EPSILON);
    writeln!(out, "\nevents a second: {}", grouped(rate as u64))?;
    let Some(timing) = measured() else {
        return writeln!(out, "too few to say what share of the time went into the bus");
    };
    let Timing { timed, left_out, reading, bus, handlers } = timing;
    let workers = walked.elapsed.as_secs_f64() * walked.threads as f64;
    let share = |cost: &Cost| 100.0 * cost.mean.as_secs_f64() * published as f64 / workers.max(f64::EPSILON);
    let row = |name: &str, cost: &Cost| {
        let (median, mean) = (short(cost.median), short(cost.mean));
        format!("  {name:<28} {median:>10} {mean:>12} {:>12.2} %", share(cost))
    };
    writeln!(out, "\ntime of a publish                  median         mean   share of run")?;
    writeln!(out, "{}", row("in the bus, event included", &bus))?;
    writeln!(out, "{}", row("in its handlers", &handlers))?;
    writeln!(out, "  Wall time of {timed} publishes (one in {STEP}) and of each handler's call in them,")?;
    writeln!(out, "  less {} for a reading of the clock. The bus is what the handlers leave.", short(reading))?;
    writeln!(out, "  Share: mean x events / (threads x run time).")?;
    if left_out > 0 {
        let were = if left_out == 1 { "was" } else { "were" };
        writeln!(out, "  {left_out} of them {were} cut off by the system: over {LIMIT:?}, left out.")?;
    }
    Ok(())
}

// === words and numbers ===

fn grouped(count: u64) -> String {
    HumanCount(count).to_string()
}

fn size(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

fn short(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..10_000 => format!("{nanos} ns"),
        nanos => format!("{:.1} µs", nanos as f64 / 1e3),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn indented(stats: &Stats) -> String {
    stats.to_string().lines().fold(String::new(), |text, line| text + "  " + line + "\n")
}

/// The text on one line, its beginning left out where it is too long.
fn end_of(text: &str, width: usize) -> String {
    let text = one_line(text);
    match text.chars().count() {
        length if length > width => std::iter::once('…').chain(text.chars().skip(length + 1 - width)).collect(),
        _ => text,
    }
}

/// File names may hold anything; a terminal should not be told all of it.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}
