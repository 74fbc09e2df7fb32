//! What is printed at the end, for a terminal of 80 columns.

use std::cmp::Reverse;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};
use ringbus::Stats;

use crate::subscribers::Seen;
use crate::walk::Walked;

/// Extensions shown.
const EXTENSIONS: usize = 12;

/// Columns of the terminal.
const WIDTH: usize = 80;

/// Events of the history shown.
const RECENT: usize = 10;

/// The whole report.
pub(crate) fn text(path: &Path, walked: &Walked, seen: &Seen, stats: &Stats) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out, path, walked, seen, stats);
    out
}

fn write(out: &mut String, path: &Path, walked: &Walked, seen: &Seen, stats: &Stats) -> std::fmt::Result {
    let bytes: u64 = seen.by_extension.values().map(|total| total.bytes).sum();
    writeln!(out, "scanned {} with {} threads in {}", path.display(), walked.threads, seconds(walked.elapsed))?;
    for (name, count) in &seen.counts {
        writeln!(out, "  {name:<16} {:>12}", HumanCount(*count).to_string())?;
    }
    writeln!(out, "  {:<16} {:>12}", "bytes in files", BinaryBytes(bytes).to_string())?;

    writeln!(out, "\nby extension                        files        bytes")?;
    let mut extensions: Vec<_> = seen.by_extension.iter().collect();
    extensions.sort_by_key(|(name, total)| (Reverse(total.bytes), name.as_str()));
    for (name, total) in extensions.iter().take(EXTENSIONS) {
        let name = if name.is_empty() { "(none)" } else { name };
        let (files, bytes) = (HumanCount(total.files).to_string(), BinaryBytes(total.bytes).to_string());
        writeln!(out, "  {:<28} {files:>10} {bytes:>12}", end_of(name, 28))?;
    }
    if let Some(more) = extensions.len().checked_sub(EXTENSIONS).filter(|more| *more > 0) {
        writeln!(out, "  ({more} more)")?;
    }

    writeln!(out, "\nlargest files")?;
    for (bytes, path) in &seen.largest {
        writeln!(out, "  {:>12}  {}", BinaryBytes(*bytes).to_string(), end_of(path, WIDTH - 16))?;
    }

    writeln!(out, "\nthe bus\n{stats}")?;
    writeln!(out, "the last {RECENT} events, newest first")?;
    for event in ringbus::recent(RECENT) {
        writeln!(out, "{}", middle_out(&event.to_string(), WIDTH))?;
    }

    if let Some(Ok(lines)) = seen.json {
        writeln!(out, "\n{} events written as JSON", HumanCount(lines))?;
    }
    let published = stats.totals.published;
    let rate = published as f64 / walked.elapsed.as_secs_f64().max(f64::EPSILON);
    writeln!(out, "\n{} events, {} a second", HumanCount(published), HumanCount(rate as u64))?;
    let whole = walked.elapsed * u32::try_from(walked.threads).unwrap_or(u32::MAX);
    let bus = walked.publishing.saturating_sub(walked.handling);
    writeln!(out, "of the workers' time: bus {}, handlers {}", share(bus, whole), share(walked.handling, whole))?;
    writeln!(out, "(one publish in 64 timed; the bus is the publish without its handlers)")
}

fn share(part: Duration, whole: Duration) -> String {
    format!("{:.2} %", 100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::EPSILON))
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// The text on one line, its beginning left out where it is too long.
fn end_of(text: &str, width: usize) -> String {
    let text = one_line(text);
    match text.chars().count() {
        length if length > width => std::iter::once('…').chain(text.chars().skip(length + 1 - width)).collect(),
        _ => text,
    }
}

/// The text on one line, its middle left out where it is too long.
fn middle_out(text: &str, width: usize) -> String {
    let text = one_line(text);
    let (length, begin) = (text.chars().count(), width / 2);
    if length <= width {
        return text;
    }
    text.chars().take(begin).chain(['…']).chain(text.chars().skip(length + begin + 1 - width)).collect()
}

/// File names may hold anything; a terminal should not be told all of it.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}
