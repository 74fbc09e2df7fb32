//! Differences of figures that are made by hand.

use super::*;

fn at(millis: u64, published: u64) -> Stats {
    let totals = Totals { published, ..Totals::default() };
    Stats { uptime: Duration::from_millis(millis), totals, ..Stats::default() }
}

#[test]
fn a_rate_without_time_is_none() {
    let delta = at(7, 3).since(&at(7, 3)).unwrap();
    assert_eq!((delta.elapsed, delta.per_second(5)), (Duration::ZERO, 0.0));
}

#[test]
fn the_wrong_order_is_told_before_a_reset() {
    let (mut early, late) = (at(5, 1), at(9, 2));
    let delta = late.since(&early).unwrap();
    assert_eq!((delta.elapsed, delta.totals.published), (Duration::from_millis(4), 1));
    early.resets = 3;
    let reversed = StatsMismatch::Reversed { earlier: Duration::from_millis(9), later: Duration::from_millis(5) };
    assert_eq!(early.since(&late), Err(reversed));
    assert_eq!(late.since(&early), Err(StatsMismatch::Reset { earlier: 3, later: 0 }));
}

#[test]
fn the_largest_table_fits_80_columns() {
    let mut delta = at(0, u64::MAX).since(&at(0, 0)).unwrap();
    delta.elapsed = Duration::from_nanos(1);
    delta.totals.forgotten_panics = u64::MAX;
    let table = delta.to_string();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("forgotten panics") && !table.contains("refused"), "{table}");
}
