//! [`Histogram`]: how long something took, counted in buckets that grow with the time.
//!
//! 8 buckets for each power of two, from 1 ns to 2^36 ns (68.7 s), and one for all above: the upper end of a bucket lies
//! less than 12.5 % above every time in it. The memory, 2.2 KB, is taken at the first record, so a histogram that
//! nobody uses costs two words.
//!
//! It promises to wait for nobody: a record is one addition, and a maximum where it is the longest so far.
//!
//! # Orderings
//! Relaxed throughout, as all counters: a reader that has synchronised with the recorders sees all of it; any other gets
//! a moment's picture. A first record publishes the memory through a once cell.

use core::array;
use std::time::Duration;

use super::Latency;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{OnceBox, busy};

/// Each power of two is cut into `2^FINE` buckets.
const FINE: u32 = 3;

/// Times from `2^LIMIT` ns on share the last bucket.
const LIMIT: u32 = 36;

/// One for each time below `2^FINE`, `2^FINE` for each power of two from there to `2^LIMIT`, and the last.
const BUCKETS: usize = (((LIMIT - FINE) + 1) << FINE) as usize + 1;

/// Durations that many threads record.
pub(crate) struct Histogram {
    /// Made by the first record.
    buckets: OnceBox<[AtomicU64; BUCKETS]>,
    max: AtomicU64,
}

// === impl Histogram ===

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: OnceBox::new(), max: AtomicU64::new(0) }
    }

    /// Counts a duration of `ns` nanoseconds.
    pub(crate) fn record(&self, ns: u64) {
        if self.buckets.get().is_none() {
            self.make();
        }
        let Some(buckets) = self.buckets.get() else { return };
        // Mostly it is no new maximum: then a look suffices, and the line stays shared.
        if ns > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(ns, Ordering::Relaxed);
        }
        buckets[index(ns)].fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    fn make(&self) {
        // Who loses the race drops its own; an allocator that publishes comes here no second time.
        busy::during(|| drop(self.buckets.set(Box::new(array::from_fn(|_| AtomicU64::new(0))))));
    }

    /// What was recorded; `None` if nothing was.
    pub(crate) fn read(&self) -> Option<Latency> {
        let counts: Vec<u64> = self.buckets.get()?.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let samples = counts.iter().sum();
        // A record under way may show in its bucket before it shows in the maximum.
        let longest = counts.iter().rposition(|&count| count > 0)?;
        let max = self.max.load(Ordering::Relaxed).max(lowest(longest));
        let quantile = |percent| Duration::from_nanos(highest(holder(&counts, rank(samples, percent))).min(max));
        Some(Latency {
            samples,
            p50: quantile(50),
            p95: quantile(95),
            p99: quantile(99),
            max: Duration::from_nanos(max),
        })
    }
}

// === the arithmetic ===

/// The bucket of a time.
fn index(ns: u64) -> usize {
    if ns < 1 << FINE {
        return ns as usize;
    }
    let power = ns.ilog2();
    if power >= LIMIT {
        return BUCKETS - 1;
    }
    // The bits below the highest one, as many as tell buckets apart.
    let fine = (ns >> (power - FINE)) & ((1 << FINE) - 1);
    (((power - FINE + 1) as usize) << FINE) + fine as usize
}

/// The shortest time in a bucket.
fn lowest(index: usize) -> u64 {
    let (row, fine) = ((index >> FINE) as u32, (index & ((1 << FINE) - 1)) as u64);
    if row == 0 { fine } else { ((1 << FINE) + fine) << (row - 1) }
}

/// The longest time in a bucket; the last one has no end.
fn highest(index: usize) -> u64 {
    if index >= BUCKETS - 1 { u64::MAX } else { lowest(index + 1) - 1 }
}

/// Which of `samples` times, sorted and counted from 1, is the quantile: the first that is not shorter than `percent`
/// of them.
fn rank(samples: u64, percent: u64) -> u64 {
    // At most `samples`, so it fits.
    (u128::from(samples) * u128::from(percent)).div_ceil(100).max(1) as u64
}

/// The bucket that holds the time of this rank.
fn holder(counts: &[u64], rank: u64) -> usize {
    let mut seen = 0;
    let reached = |count: &u64| {
        seen += count;
        seen >= rank
    };
    counts.iter().position(reached).unwrap_or(BUCKETS - 1)
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_gap_or_overlap() {
        assert_eq!((lowest(0), BUCKETS), (0, 273));
        for at in 0..BUCKETS - 1 {
            let (low, high) = (lowest(at), highest(at));
            assert!(low <= high, "bucket {at}");
            assert_eq!((index(low), index(high)), (at, at), "bucket {at}, {low} to {high}");
            assert_eq!((index(high + 1), lowest(at + 1)), (at + 1, high + 1), "bucket {at}");
            assert!((high - low) * 8 < low.max(1), "bucket {at} is no wider than an eighth of {low}");
        }
        assert_eq!((lowest(BUCKETS - 1), highest(BUCKETS - 1)), (1 << 36, u64::MAX));
        assert_eq!((index(1 << 36), index(u64::MAX)), (BUCKETS - 1, BUCKETS - 1));
    }

    #[test]
    fn the_boundaries_of_each_power_are_where_the_table_says() {
        for (ns, at) in [(0, 0), (1, 1), (7, 7), (8, 8), (9, 9), (15, 15), (16, 16), (17, 16), (18, 17), (31, 23)] {
            assert_eq!(index(ns), at, "{ns} ns");
        }
        for power in 3..36 {
            let first = (power as usize - 2) * 8;
            let last = (1_u64 << (power + 1)) - 1;
            assert_eq!((index(1 << power), index((1 << power) - 1)), (first, first - 1), "2^{power}");
            assert_eq!(index(last), first + 7, "2^{power}");
        }
    }

    #[test]
    fn ranks_count_from_one_and_round_up() {
        for (samples, percent, at) in
            [(1, 50, 1), (2, 50, 1), (3, 50, 2), (100, 99, 99), (101, 99, 100), (1, 99, 1), (20, 95, 19), (21, 95, 20)]
        {
            assert_eq!(rank(samples, percent), at, "{percent} % of {samples}");
        }
        assert_eq!(rank(u64::MAX, 100), u64::MAX);
        assert_eq!((holder(&[0, 2, 0, 1], 1), holder(&[0, 2, 0, 1], 2), holder(&[0, 2, 0, 1], 3)), (1, 1, 3));
    }

    #[test]
    fn nothing_is_told_of_nothing_and_one_time_is_exact() {
        let histogram = Histogram::new();
        assert_eq!(histogram.read(), None);
        histogram.record(1_000_003);
        let read = histogram.read().unwrap();
        let exact = Duration::from_nanos(1_000_003);
        assert_eq!((read.samples, read.p50, read.p95, read.p99, read.max), (1, exact, exact, exact, exact));
    }

    #[test]
    fn times_without_a_bucket_of_their_own_end_at_the_maximum() {
        let histogram = Histogram::new();
        [1, u64::MAX, 1 << 36].into_iter().for_each(|ns| histogram.record(ns));
        let read = histogram.read().unwrap();
        assert_eq!((read.p50, read.p95, read.max.as_nanos()), (read.max, read.max, u64::MAX.into()));
    }

    #[test]
    fn threads_that_race_for_the_first_record_lose_none() {
        let histogram = Histogram::new();
        let begin = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (histogram, begin) = (&histogram, &begin);
                scope.spawn(move || {
                    begin.wait();
                    (0..1000).for_each(|n| histogram.record(thread * 1000 + n));
                });
            }
        });
        let read = histogram.read().unwrap();
        assert_eq!((read.samples, read.max), (4000, Duration::from_nanos(3999)));
    }

    proptest! {
        /// Against sorting: never below the exact quantile, less than an eighth above it, never above the maximum.
        #[test]
        fn quantiles_are_within_an_eighth(
            mut times in prop::collection::vec((0_u32..36, any::<u64>()).prop_map(|(power, n)| n % (2 << power)), 1..400)
        ) {
            let histogram = Histogram::new();
            times.iter().for_each(|&ns| histogram.record(ns));
            times.sort_unstable();
            let read = histogram.read().unwrap();
            let longest = *times.last().unwrap();
            prop_assert_eq!((read.samples, read.max), (times.len() as u64, Duration::from_nanos(longest)));
            for (percent, told) in [(50, read.p50), (95, read.p95), (99, read.p99)] {
                let exact = times[(times.len() * percent).div_ceil(100) - 1];
                let told = u64::try_from(told.as_nanos()).unwrap();
                prop_assert!(told >= exact && told <= longest, "p{percent}: {told} for {exact}");
                prop_assert!((told - exact) * 8 <= exact, "p{percent}: {told} for {exact}");
            }
        }
    }
}
