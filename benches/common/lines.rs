//! The lines that a program tells the report: one word that says what it is, then its parts, divided by tabs.

use super::histogram::Histogram;
use super::numbers::Spread;

/// Two sides, in nanoseconds a round, and the ratio yardstick / ours over the pairs.
pub fn pair(
    (id, what): (&str, &str),
    (ours, ours_ns): (&str, f64),
    (yardstick, yardstick_ns): (&str, f64),
    ratio: Spread,
    pairs: usize,
) -> String {
    let Spread { median, lowest, highest } = ratio;
    format!(
        "pair\t{id}\t{what}\t{ours}\t{yardstick}\t{ours_ns:.3}\t{yardstick_ns:.3}\t{median:.3}\t{lowest:.3}\t{highest:.3}\t{pairs}"
    )
}

/// One side without a yardstick.
pub fn alone(id: &str, what: &str, name: &str, ns: Spread, samples: usize) -> String {
    format!("alone\t{id}\t{what}\t{name}\t{:.3}\t{:.3}\t{:.3}\t{samples}", ns.median, ns.lowest, ns.highest)
}

/// Quantiles in nanoseconds.
pub fn latency(id: &str, what: &str, took: &Histogram) -> String {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| took.quantile(part));
    format!("latency\t{id}\t{what}\t{p50}\t{p99}\t{p999}\t{}\t{}", took.max(), took.samples())
}

/// A point of a plot's line.
pub fn series(plot: &str, name: &str, x: f64, y: f64) -> String {
    format!("series\t{plot}\t{name}\t{x}\t{y:.3}")
}

/// A part of the way of a publish: what it costs there, if that can be told, and alone.
pub fn part(name: &str, inside_ns: Option<f64>, alone_ns: f64) -> String {
    let inside = inside_ns.map_or_else(|| "-".to_owned(), |ns| format!("{ns:.3}"));
    format!("part\t{name}\t{inside}\t{alone_ns:.3}")
}

/// Something that a rival does not do.
pub fn does_not(rival: &str, what: &str) -> String {
    format!("does-not\t{rival}\t{what}")
}

/// Any other number.
pub fn fact(id: &str, value: f64, unit: &str) -> String {
    format!("fact\t{id}\t{value:.3}\t{unit}")
}
