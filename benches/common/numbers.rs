//! What becomes of many measured times: medians, ranges, quotients, and how many rounds a slice of time holds.

use std::time::Duration;

/// A median with the lowest and the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    /// Of at least one number.
    pub fn of(numbers: &[f64]) -> Self {
        assert!(!numbers.is_empty(), "a median of nothing");
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Self { median, lowest: sorted[0], highest: sorted[sorted.len() - 1] }
    }
}

/// Each of `over` divided by the one of `under` at the same place.
pub fn quotients(over: &[f64], under: &[f64]) -> Vec<f64> {
    over.iter().zip(under).map(|(over, under)| over / under).collect()
}

/// Nanoseconds a round.
pub fn ns_per_round(took: Duration, rounds: u64) -> f64 {
    took.as_nanos() as f64 / rounds as f64
}

/// How many rounds to try after `rounds` took so long: towards `slice`, by a factor of 2 to 16, since what took very
/// little says little.
pub fn more_rounds(rounds: u64, took: Duration, slice: Duration) -> u64 {
    let factor = slice.as_nanos() / took.as_nanos().max(1);
    rounds.saturating_mul(factor.clamp(2, 16) as u64)
}

/// How many rounds fill `slice`, if `rounds` took so long. At least one.
pub fn rounds_for(rounds: u64, took: Duration, slice: Duration) -> u64 {
    let wanted = u128::from(rounds) * slice.as_nanos() / took.as_nanos().max(1);
    u64::try_from(wanted).unwrap_or(u64::MAX).max(1)
}
