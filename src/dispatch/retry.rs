//! How often a call that fails is made again, and how long to wait before.
//!
//! Exponential backoff with full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The
//! limit doubles with each failure, and the wait is drawn evenly between zero and the limit, so that those who failed
//! together do not come back together. Waiting is somebody else's: this says how long.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::sync::plain::{AtomicU64, Ordering};

/// How often a call that fails is made again, and how long to wait before each further attempt.
///
/// | option | default | allowed |
/// |---|---|---|
/// | [`times`](Self::times) | must be given | 1 further attempt, or more |
/// | [`base`](Self::base) | 100 milliseconds | any time; zero: further attempts follow at once |
/// | [`cap`](Self::cap) | 10 seconds | any time; shorter than the base: all waits are at most the cap |
///
/// The wait after a failure is random, evenly between zero and a [limit](Self::delay_limit) that doubles with each failure
/// up to the cap ("full jitter": M. Brooker, *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015).
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use ringbus::Retry;
///
/// let retry = Retry::times(NonZeroU32::new(3).unwrap()).base(Duration::from_millis(50)).cap(Duration::from_millis(150));
/// let limits = [1, 2, 3].map(|failed| retry.delay_limit(failed).as_millis());
/// assert_eq!(limits, [50, 100, 150]);
/// assert_eq!(retry.to_string(), "3 more attempts, after at most 50ms, doubled each time up to 150ms");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "options do nothing by themselves"]
pub struct Retry {
    times: NonZeroU32,
    base: Duration,
    cap: Duration,
}

/// A source of random numbers that need not be secret: SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014).
///
/// Its state is a count in large steps, so threads that share one draw different numbers of one sequence, by one
/// `fetch_add` each, which orders nothing.
#[derive(Debug)]
pub(crate) struct Jitter {
    state: AtomicU64,
}

/// The odd number next to 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Nanoseconds in a second.
const NS_PER_S: u128 = 1_000_000_000;

// === impl Retry ===

impl Retry {
    /// Makes a call that fails again, up to so many times after the first attempt.
    pub fn times(further: NonZeroU32) -> Self {
        Self { times: further, base: Duration::from_millis(100), cap: Duration::from_secs(10) }
    }

    /// The longest wait after the first failure; it doubles with each further one.
    pub fn base(mut self, limit: Duration) -> Self {
        self.base = limit;
        self
    }

    /// The longest wait after any failure.
    pub fn cap(mut self, limit: Duration) -> Self {
        self.cap = limit;
        self
    }

    /// The longest wait after so many failed attempts: the smaller one of the cap and base × 2^(failed − 1).
    ///
    /// Zero where none has failed.
    #[must_use]
    pub fn delay_limit(&self, failed: u32) -> Duration {
        let Some(doublings) = failed.checked_sub(1) else { return Duration::ZERO };
        let (base_ns, cap_ns) = (self.base.as_nanos(), self.cap.as_nanos());
        // A time has less than 128 bits: what is doubled as often is nothing, or beyond any cap.
        if base_ns > cap_ns.checked_shr(doublings).unwrap_or(0) {
            return self.cap;
        }
        // No more than the cap, so it fits.
        let limit_ns = base_ns.checked_shl(doublings).unwrap_or(0);
        Duration::new((limit_ns / NS_PER_S) as u64, (limit_ns % NS_PER_S) as u32)
    }

    /// Whether a call of which so many attempts have failed is made again.
    pub(crate) fn allows(&self, failed: u32) -> bool {
        failed <= self.times.get()
    }

    /// How long to wait after so many failed attempts, by a random number: evenly between zero and the
    /// [limit](Self::delay_limit), both included, in nanoseconds. Of limits beyond 584 years, that much.
    pub(crate) fn delay(&self, failed: u32, random: u64) -> Duration {
        let limit_ns = u64::try_from(self.delay_limit(failed).as_nanos()).unwrap_or(u64::MAX);
        // The high half of a product: D. Lemire, "Fast Random Integer Generation in an Interval", 2019. Uneven by less
        // than the limit in 2^64.
        let drawn_ns = ((u128::from(limit_ns) + 1) * u128::from(random)) >> 64;
        // Less than the factor on the left, so it fits.
        Duration::from_nanos(drawn_ns as u64)
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, base, cap } = self;
        let plural = if times.get() == 1 { "" } else { "s" };
        write!(f, "{times} more attempt{plural}, after at most {:?}, doubled each time up to {cap:?}", base.min(cap))
    }
}

// === impl Jitter ===

impl Jitter {
    /// One with a seed of its own, by the operating system's generator (through std's [`RandomState`]).
    pub(crate) fn new() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// The same seed draws the same numbers.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// The next number: each of 64 bits is as good as the others.
    pub(crate) fn next(&self) -> u64 {
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn retry(base: Duration, cap: Duration) -> Retry {
        Retry::times(NonZeroU32::MIN).base(base).cap(cap)
    }

    #[test]
    fn the_limit_doubles_up_to_the_cap_and_never_overflows() {
        let (ms, retry) = (Duration::from_millis, Retry::times(NonZeroU32::MIN));
        assert_eq!([0, 1, 2, 3].map(|failed| retry.delay_limit(failed)), [0, 100, 200, 400].map(ms));
        assert_eq!(
            [7, 8, 32, 33, u32::MAX].map(|failed| retry.delay_limit(failed)),
            [6_400, 10_000, 10_000, 10_000, 10_000].map(ms)
        );
        let long = self::retry(Duration::from_nanos(1), Duration::MAX);
        assert_eq!(
            [32, 33, 64].map(|failed| long.delay_limit(failed)),
            [1 << 31, 1 << 32, 1 << 63].map(Duration::from_nanos)
        );
        // 2^93 nanoseconds are 3 * 10^11 years, which a duration can tell; 2^94 it cannot.
        assert_eq!(long.delay_limit(94).as_nanos(), 1 << 93);
        assert_eq!([95, 128, 129, u32::MAX].map(|failed| long.delay_limit(failed)), [Duration::MAX; 4]);
        let longest = self::retry(Duration::MAX, Duration::MAX);
        assert_eq!([1, 2].map(|failed| longest.delay_limit(failed)), [Duration::MAX; 2]);
    }

    #[test]
    fn no_base_is_no_wait_and_a_cap_below_the_base_is_the_limit() {
        let at_once = retry(Duration::ZERO, Duration::MAX);
        assert_eq!([1, 2, 40, u32::MAX].map(|failed| at_once.delay_limit(failed)), [Duration::ZERO; 4]);
        assert_eq!(at_once.delay(u32::MAX, u64::MAX), Duration::ZERO);
        let capped = retry(Duration::from_secs(5), Duration::from_secs(2));
        assert_eq!([1, 2, 50].map(|failed| capped.delay_limit(failed)), [Duration::from_secs(2); 3]);
    }

    #[test]
    fn a_delay_lies_evenly_between_zero_and_the_limit() {
        let ns = Duration::from_nanos;
        let four = retry(ns(4), ns(4));
        let delays = |random: [u64; 5]| random.map(|random| four.delay(1, random));
        // A fifth of all numbers for each of 0 to 4.
        let fifth = u64::MAX / 5;
        assert_eq!(delays([0, fifth, fifth + 1, 4 * fifth, u64::MAX]), [0, 0, 1, 3, 4].map(ns));
        let longest = retry(Duration::MAX, Duration::MAX);
        assert_eq!([0, u64::MAX].map(|random| longest.delay(9, random)), [ns(0), ns(u64::MAX)]);

        let (tens, random) = (retry(ns(9), ns(9)), Jitter::seeded(1));
        let mut drawn = [0_u32; 10];
        for _ in 0..100_000 {
            drawn[tens.delay(1, random.next()).as_nanos() as usize] += 1;
        }
        assert!(drawn.iter().all(|count| (9_500..10_500).contains(count)), "{drawn:?}");
    }

    #[test]
    fn it_allows_as_many_further_attempts_as_it_says() {
        let retry = Retry::times(NonZeroU32::new(2).unwrap());
        assert_eq!([1, 2, 3, u32::MAX].map(|failed| retry.allows(failed)), [true, true, false, false]);
        assert_eq!(retry.to_string(), "2 more attempts, after at most 100ms, doubled each time up to 10s");
    }

    /// The first numbers of the paper's reference implementation (`SplittableRandom`) for this seed.
    #[test]
    fn it_is_splitmix64() {
        let random = Jitter::seeded(1_234_567);
        let first = [(); 3].map(|()| random.next());
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(Jitter::new().next(), Jitter::new().next());
    }
}
