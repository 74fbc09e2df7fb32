//! Time for events: one read of the time-stamp counter, told as wall time by an anchor that each thread renews.
//!
//! A reading is a pair. `raw` orders the history: ticks of the processor's invariant time-stamp counter (or nanoseconds
//! of [`Instant`] where there is none), which all cores share; it never goes back on a thread. `wall_us` is what people
//! read: microseconds since the Unix epoch, interpolated from the thread's anchor (raw, wall). An anchor lasts a
//! second at most, so the clock follows the system's; its rate is measured from the process's first reading on, so
//! nobody waits for a calibration. On a thread the wall time never goes back either, unless the system's clock was set
//! back by more than a second.
//!
//! Why not a clock crate: quanta 0.13 calibrates for up to 200 ms behind a `OnceLock`, that is, inside somebody's first
//! publish, and blocks the others (P1).
//!
//! # Cost
//! The counter's read (11 ns on a virtual EPYC) and 2 ns; 100 ns once a second, and during the process's first
//! millisecond.
//!
//! # Ordering
//! The counter is read unfenced: it can run ahead of an earlier load by well under 1 µs (P3).

use core::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{OnceBox, busy, thread_local};

mod ticks;

/// One moment, in both measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Ticks; comparable across the threads of this process.
    pub(crate) raw: u64,
    /// Microseconds since the Unix epoch.
    pub(crate) wall_us: u64,
}

/// Fixed point of [`Anchor::scale`]: 42 bits keep a second of a 5 GHz counter within 64 bits.
const SHIFT: u32 = 42;

/// An anchor serves this long.
const LIFETIME_NS: u64 = 1_000_000_000;

/// A rate measured over less than this is not trusted.
const BASELINE_NS: u64 = 1_000_000;

/// Where the wall clock stood at a raw time, and the rate from there on.
#[derive(Clone, Copy)]
struct Anchor {
    raw: u64,
    wall_us: u64,
    /// Microseconds a tick, times 2^42.
    scale: u64,
    /// The anchor serves the ticks `raw..raw + lasts`.
    lasts: u64,
}

struct ThreadClock {
    anchor: Cell<Anchor>,
    last: Cell<Reading>,
}

thread_local! {
    static CLOCK: ThreadClock = const {
        ThreadClock {
            anchor: Cell::new(Anchor { raw: 0, wall_us: 0, scale: 0, lasts: 0 }),
            last: Cell::new(Reading { raw: 0, wall_us: 0 }),
        }
    };
}

/// The time, now, on this thread.
#[inline]
pub(crate) fn read() -> Reading {
    CLOCK.with(|clock| {
        let raw = ticks::read().max(clock.last.get().raw);
        let anchor = clock.anchor.get();
        let ticks = raw.wrapping_sub(anchor.raw);
        let reading = if ticks < anchor.lasts {
            let wall_us = anchor.wall_us + ((ticks * anchor.scale) >> SHIFT);
            Reading { raw, wall_us: wall_us.max(clock.last.get().wall_us) }
        } else {
            clock.renew(raw)
        };
        clock.last.set(reading);
        reading
    })
}

impl ThreadClock {
    #[cold]
    fn renew(&self, raw: u64) -> Reading {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        self.anchor.set(anchor(raw, wall_us, Baseline::elapsed(raw)));
        let last = self.last.get().wall_us;
        let set_back = last.saturating_sub(wall_us) > LIFETIME_NS / 1000;
        Reading { raw, wall_us: if set_back { wall_us } else { wall_us.max(last) } }
    }
}

/// The anchor at (`raw`, `wall_us`), where `elapsed` is (ticks, nanoseconds) since the process's first reading.
fn anchor(raw: u64, wall_us: u64, elapsed: (u64, u64)) -> Anchor {
    let (ticks, ns) = elapsed;
    if ns < BASELINE_NS || ticks == 0 {
        return Anchor { raw, wall_us, scale: 0, lasts: 0 };
    }
    let scale = (u128::from(ns) << SHIFT) / (u128::from(ticks) * 1000);
    let second = u128::from(ticks) * u128::from(LIFETIME_NS) / u128::from(ns);
    // The rate is only as good as the time it was measured over: do not use it for longer than that.
    let lasts = second.min(u128::from(ticks));
    // A counter so slow or fast that the product would not fit is read anew each time.
    let fits = scale.checked_mul(lasts).is_some_and(|product| product <= u128::from(u64::MAX));
    let lasts = if fits { lasts } else { 0 };
    Anchor { raw, wall_us, scale: scale as u64, lasts: lasts as u64 }
}

/// The process's first reading.
struct Baseline {
    raw: u64,
    at: Instant,
}

impl Baseline {
    /// Ticks and nanoseconds since then.
    fn elapsed(raw: u64) -> (u64, u64) {
        let first = Self::get(raw);
        let ns = u64::try_from(first.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (raw.saturating_sub(first.raw), ns)
    }

    fn get(raw: u64) -> &'static Baseline {
        static FIRST: OnceBox<Baseline> = OnceBox::new();
        FIRST.get_or_init(|| busy::during(|| Box::new(Baseline { raw, at: Instant::now() })))
    }
}

/// How long something takes.
pub(crate) struct Timer(u64);

impl Timer {
    #[inline]
    pub(crate) fn start() -> Self {
        Self(ticks::read())
    }

    /// Nanoseconds since the start; 0 where the counter went back, or in the process's first instant.
    #[inline]
    pub(crate) fn elapsed_ns(&self) -> u64 {
        let now = ticks::read();
        let passed = now.saturating_sub(self.0);
        let (ticks, ns) = Baseline::elapsed(now);
        u64::try_from(u128::from(passed) * u128::from(ns) / u128::from(ticks.max(1))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_tells_what_the_system_clock_tells() {
        read();
        let (timer, start) = (Timer::start(), Instant::now());
        while start.elapsed().as_millis() < 20 {}
        let (ns, longest) = (timer.elapsed_ns(), start.elapsed().as_nanos() as u64);
        assert!((19_000_000..longest + 1_000_000).contains(&ns), "{ns} ns, at most {longest}");
    }

    #[test]
    fn readings_never_go_back_and_stay_near_the_system_clock() {
        let mut last = read();
        for _ in 0..200_000 {
            let now = read();
            assert!(now.raw >= last.raw && now.wall_us >= last.wall_us, "{last:?} then {now:?}");
            last = now;
        }
        // Bounded by two readings of the system's clock, one second of slack for a machine that stalls.
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        let between = read().wall_us;
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        assert!(between + 1_000_000 >= before && between <= after + 1_000_000, "{before} {between} {after}");
    }

    #[test]
    fn a_rate_is_used_no_longer_than_it_was_measured() {
        let none = anchor(5, 7, (3_000, 1_000));
        assert_eq!(none.lasts, 0, "one microsecond of baseline is not trusted");
        let young = anchor(5, 7, (6_000_000, 2_000_000));
        assert_eq!(young.lasts, 6_000_000);
        let old = anchor(5, 7, (300_000_000_000, 100_000_000_000));
        assert_eq!(old.lasts, 3_000_000_000, "one second at 3 GHz");
        assert_eq!((old.lasts * old.scale) >> SHIFT, 999_999, "a second is told as a second, rounded down");
    }

    #[test]
    fn absurd_counters_are_read_anew_each_time() {
        assert_eq!(anchor(0, 0, (0, u64::MAX)).lasts, 0, "a counter that stands still");
        let fast = anchor(0, 0, (u64::MAX, BASELINE_NS));
        assert!(fast.scale.checked_mul(fast.lasts).is_some());
    }
}
