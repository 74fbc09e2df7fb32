//! How long something took: a [`histogram`] counts it, [`Latency`] is what a reader is told.
//!
//! It promises times that are never too short: a quantile is the upper end of its bucket.

mod histogram;

pub(crate) use histogram::Histogram;

use core::fmt;
use std::time::Duration;

/// How long something took: quantiles of all that was measured.
///
/// Half of the samples took at most `p50`, 95 % at most `p95`, 99 % at most `p99`. A quantile is never below the exact
/// one, less than 12.5 % above it for times up to 68.7 s (2^36 ns), and never above `max`, which is exact.
///
/// ```
/// use ringbus::Latency;
/// use std::time::Duration;
///
/// # let latency: Latency = { let mut latency = Latency::default(); latency.samples = 120;
/// # latency.p50 = Duration::from_nanos(1_247); latency.p95 = Duration::from_micros(18);
/// # latency.p99 = Duration::from_micros(450); latency.max = Duration::from_millis(2_040); latency };
/// // Given a `latency`:
/// assert!(latency.p50 <= latency.p95 && latency.p95 <= latency.p99 && latency.p99 <= latency.max);
/// assert_eq!(latency.to_string(), "p50 1.2 µs, p95 18.0 µs, p99 450 µs, max 2.0 s (120 samples)");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Latency {
    /// How many were measured.
    pub samples: u64,
    /// What half of them did not exceed: the median.
    pub p50: Duration,
    /// What 95 % of them did not exceed.
    pub p95: Duration,
    /// What 99 % of them did not exceed.
    pub p99: Duration,
    /// The longest one, exactly.
    pub max: Duration,
}

/// One line, times in three digits or so.
impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, p50, p95, p99, max } = *self;
        write!(f, "p50 {}, p95 {}, p99 {}, max {}", Short(p50), Short(p95), Short(p99), Short(max))?;
        write!(f, " ({samples} {})", if samples == 1 { "sample" } else { "samples" })
    }
}

/// A span of time in three digits or so: `7 ns`, `1.2 µs`, `450 ms`, `12.0 s`.
pub(crate) struct Short(pub(crate) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        if ns < 1000 {
            return write!(f, "{ns} ns");
        }
        let rounded = |unit: u128| (ns + unit / 2) / unit;
        // What rounds to 1000 of a unit is 1 of the next.
        let units = [(1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
        let (unit, name) = units.into_iter().find(|&(unit, _)| rounded(unit) < 1000).unwrap_or(units[2]);
        match rounded(unit / 10) {
            tenths @ ..1000 => write!(f, "{}.{} {name}", tenths / 10, tenths % 10),
            _ => write!(f, "{} {name}", rounded(unit)),
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_unit_that_they_round_to() {
        for (ns, shown) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.0 µs"),
            (1_049, "1.0 µs"),
            (1_050, "1.1 µs"),
            (99_949, "99.9 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.0 ms"),
            (68_719_476_735, "68.7 s"),
            (999_499_999_999, "999 s"),
            (u64::MAX, "18446744074 s"),
        ] {
            assert_eq!(Short(Duration::from_nanos(ns)).to_string(), shown, "{ns} ns");
        }
        assert_eq!(Short(Duration::MAX).to_string(), "18446744073709551616 s");
    }

    #[test]
    fn one_sample_is_one() {
        let latency = Latency { samples: 1, max: Duration::from_secs(1), ..Latency::default() };
        assert_eq!(latency.to_string(), "p50 0 ns, p95 0 ns, p99 0 ns, max 1.0 s (1 sample)");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_goes_through_json() {
        let latency = Latency { samples: 7, p99: Duration::new(1, 5), max: Duration::MAX, ..Latency::default() };
        let json = serde_json::to_string(&latency).unwrap();
        assert!(json.contains(r#""p99":{"secs":1,"nanos":5}"#), "{json}");
        assert_eq!(serde_json::from_str::<Latency>(&json).unwrap(), latency);
    }
}
