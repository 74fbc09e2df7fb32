//! At most so many calls in a time: a rate that is kept without waiting.
//!
//! The generic cell rate algorithm of ITU-T Recommendation I.371 (2004, annex A), in its form as virtual scheduling. The
//! one number that is kept is the theoretical arrival time: when the next call would come if all came evenly. A call is
//! let through if it comes no more than a tolerance before that.
//!
//! For `calls` in `per`, with T = `per / calls` rounded up to a nanosecond, it promises:
//! - after a pause of `per`, `calls` calls at one moment are let through, and then one every T;
//! - any time of length L, its ends included, sees at most `calls + ⌊L / T⌋` calls let through: in the long run never more
//!   than `calls` in `per`, in the worst case twice as many in one `per` that begins with a burst (`2 × calls`, one less
//!   if one of its ends is not counted). To bound every single `per` by `calls`, the times of that many calls would have
//!   to be kept; this is one word.
//!
//! It does not wait, does not queue, and does not count what it refuses.
//!
//! # Orderings
//! Relaxed: one number, which orders nothing.

use core::num::NonZeroU32;
use core::time::Duration;

use super::clock::Clock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::step;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Throttled {
    /// When the next call is due if calls come evenly: nanoseconds of the clock.
    arrival_ns: AtomicU64,
    /// T: one call's share of the time.
    interval_ns: u64,
    /// How much before it is due a call may come: all but one of a burst.
    tolerance_ns: u64,
    clock: Clock,
}

/// No time is longer (146 years), so that the sum of three has room.
const LONGEST_NS: u64 = u64::MAX / 4;

// === impl Throttled ===

impl Throttled {
    /// Lets `calls` through in any time `per`, by the bound in the [module](self). `per` zero: all of them.
    pub(crate) fn new(calls: NonZeroU32, per: Duration) -> Self {
        Self::with_clock(calls, per, Clock::default())
    }

    /// By another clock. Without a reading (it has panicked), nothing is let through.
    pub(super) fn with_clock(calls: NonZeroU32, per: Duration, clock: Clock) -> Self {
        let calls = u64::from(calls.get());
        let interval_ns = bounded_ns(per).div_ceil(calls);
        // At most as long as `per` and a nanosecond for each call.
        let tolerance_ns = interval_ns * (calls - 1);
        Self { arrival_ns: AtomicU64::new(0), interval_ns, tolerance_ns, clock }
    }

    /// Whether a call may be made now; if so, it is counted.
    pub(crate) fn admit(&self) -> bool {
        let Some(now) = self.clock.read() else { return false };
        let now_ns = bounded_ns(now);
        let mut arrival_ns = self.arrival_ns.load(Ordering::Relaxed);
        while arrival_ns <= now_ns + self.tolerance_ns {
            // At most a reading, the tolerance and an interval.
            let next = arrival_ns.max(now_ns) + self.interval_ns;
            step("throttle.admit");
            match self.arrival_ns.compare_exchange_weak(arrival_ns, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => arrival_ns = now,
            }
        }
        false
    }
}

fn bounded_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(LONGEST_NS, |ns| ns.min(LONGEST_NS))
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::dispatch::retry::Jitter;
    use crate::sync::plain;
    use std::sync::{Arc, Barrier};
    use std::thread;

    /// Nanoseconds, set by the test.
    type Time = Arc<plain::AtomicU64>;

    fn throttled(calls: u32, per: Duration) -> (Throttled, Time) {
        let time = Time::default();
        let clock = {
            let time = Arc::clone(&time);
            Clock::given(move || Duration::from_nanos(time.load(plain::Ordering::Relaxed)))
        };
        (Throttled::with_clock(NonZeroU32::new(calls).unwrap(), per, clock), time)
    }

    /// How many of so many calls at this moment are let through.
    fn admitted(throttled: &Throttled, time: &Time, ns: u64, calls: usize) -> usize {
        time.store(ns, plain::Ordering::Relaxed);
        (0..calls).filter(|_| throttled.admit()).count()
    }

    #[test]
    fn a_burst_then_one_at_a_time_then_after_a_pause_a_burst_again() {
        let (throttled, time) = throttled(4, Duration::from_nanos(400));
        let mut at = |ns| admitted(&throttled, &time, ns, 10);
        assert_eq!([0, 99, 100, 199, 200, 201].map(&mut at), [4, 0, 1, 0, 1, 0]);
        assert_eq!([600, 999, 1_400].map(&mut at), [4, 3, 4], "after 400, 399 and 401");
    }

    /// At random times, against the other form of the algorithm in I.371, the leaky bucket; and every span of time
    /// against the bound.
    #[test]
    fn at_random_times_it_is_the_leaky_bucket_and_keeps_the_bound() {
        let random = Jitter::seeded(0x5eed);
        for _ in 0..300 {
            let (calls, per) = (random.next() % 12 + 1, random.next() % 1_000 + 1);
            let (throttled, time) = throttled(calls as u32, Duration::from_nanos(per));
            let interval = per.div_ceil(calls);
            // What is in the bucket, in nanoseconds that it takes to leak out.
            let (mut bucket, mut last, mut now) = (0, 0, random.next() % 100);
            let mut times = Vec::new();
            for _ in 0..200 {
                now += match random.next() % 4 {
                    0 => random.next() % (2 * per),
                    1 => random.next() % interval,
                    2 => interval,
                    _ => 0,
                };
                bucket = u64::saturating_sub(bucket, now - last);
                last = now;
                let fits = bucket <= interval * (calls - 1);
                assert_eq!(admitted(&throttled, &time, now, 1) == 1, fits, "{calls} in {per}, at {now}");
                if fits {
                    bucket += interval;
                    times.push(now);
                }
            }
            for (first, from) in times.iter().enumerate() {
                for (others, to) in times[first..].iter().enumerate() {
                    let most = calls + (to - from) / interval;
                    assert!((others as u64) < most, "{calls} in {per}: {times:?} from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn the_bound_is_reached() {
        let (throttled, time) = throttled(5, Duration::from_nanos(500));
        let burst = admitted(&throttled, &time, 1_000, 9);
        let later: usize = (1_001..=1_500).map(|ns| admitted(&throttled, &time, ns, 2)).sum();
        assert_eq!((burst, later), (5, 5), "twice as many, both ends counted");
    }

    #[test]
    fn on_many_threads_exactly_a_burst_while_time_stands_still() {
        const BURST: usize = 50_000;
        let (throttled, time) = throttled(BURST as u32, Duration::from_secs(1));
        for second in 1..=3 {
            time.store(second * 1_000_000_000, plain::Ordering::Relaxed);
            let together = Barrier::new(4);
            let calls = || {
                together.wait();
                (0..BURST).filter(|_| throttled.admit()).count()
            };
            let count: usize = thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(calls));
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(count, BURST);
        }
    }

    #[test]
    fn extremes() {
        let (all, time) = throttled(1, Duration::ZERO);
        assert_eq!(admitted(&all, &time, 5, 1_000), 1_000);
        let (few, time) = throttled(3, Duration::MAX);
        assert_eq!([0, u64::MAX].map(|ns| admitted(&few, &time, ns, 10)), [3, 3], "146 years");
        let (many, time) = throttled(u32::MAX, Duration::MAX);
        assert_eq!(admitted(&many, &time, u64::MAX, 1_000), 1_000);
        let (dense, time) = throttled(u32::MAX, Duration::from_nanos(1));
        assert_eq!(admitted(&dense, &time, 0, 1_000), 1_000, "no interval is shorter than a nanosecond");
    }

    #[test]
    fn a_clock_that_panics_lets_nothing_through_and_one_that_goes_back_only_delays() {
        let broken = Throttled::with_clock(NonZeroU32::MIN, Duration::from_secs(1), Clock::given(|| panic!("no time")));
        assert!(!broken.admit());
        let (throttled, time) = throttled(2, Duration::from_nanos(200));
        assert_eq!([1_000, 500, 1_100].map(|ns| admitted(&throttled, &time, ns, 5)), [2, 0, 1]);
        let own = Throttled::new(NonZeroU32::MIN, Duration::MAX);
        assert_eq!([(); 2].map(|()| own.admit()), [true, false]);
    }
}
