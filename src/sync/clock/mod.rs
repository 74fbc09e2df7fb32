//! Time for events: one read of the time-stamp counter, told as wall time by an anchor that each thread renews.
//!
//! A reading is a pair. `raw` orders the history: ticks of the processor's invariant time-stamp counter (or nanoseconds
//! of [`Instant`](std::time::Instant) where there is none), which all cores share; it never goes back on a thread.
//! `wall_us` is what people read: microseconds since the Unix epoch, interpolated from the thread's anchor (raw, wall).
//! An anchor lasts a second at most, so the clock follows the system's; its rate is measured from the process's first
//! reading on, so nobody waits for a calibration. On a thread the wall time never goes back either, unless the system's
//! clock was set back by more than a second. A wall clock before 1970 is told as 1970.
//!
//! The counter may jump (a machine that slept, a virtual one that moved). What a [`Counter`] is set back by is added to
//! all later readings, so that threads which have seen the old time and threads which have not stay comparable. A
//! jump, either way, makes the measured rate wrong: a thread whose anchor and the system's monotonic clock disagree
//! has the rate measured anew ([`Baseline`]). Until then, a few seconds at most, the wall time may lag or lead by that.
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

use super::thread_local;

mod baseline;
mod counter;
mod ticks;

use baseline::Baseline;
use counter::Counter;

/// One moment, in both measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Ticks; comparable across the threads of this process. Never 0.
    pub(crate) raw: u64,
    /// Microseconds since the Unix epoch.
    pub(crate) wall_us: u64,
}

/// Fixed point of [`Anchor::scale`]: 42 bits keep a second of a 5 GHz counter within 64 bits.
const SHIFT: u32 = 42;

/// An anchor serves this long.
const LIFETIME_NS: u64 = 1_000_000_000;

/// No anchor serves for more ticks, whatever the rate seems to be: a second of a counter of 8.6 GHz.
const MOST_TICKS: u64 = 1 << 33;

/// A rate measured over less than this is not trusted.
const BASELINE_NS: u64 = 1_000_000;

/// By so much an anchor and the monotonic clock may always differ: threads lose their processor between two readings.
const SLACK_US: u128 = 100_000;

/// The latest wall time there is: far beyond any event's, and so far from the end that an anchor's second fits.
const LATEST_US: u64 = u64::MAX / 2;

/// Where the clocks stood at a raw time, and the rate from there on.
#[derive(Clone, Copy)]
struct Anchor {
    raw: u64,
    wall_us: u64,
    mono_ns: u64,
    /// Microseconds a tick, times 2^42; 0 where it is not known.
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
            anchor: Cell::new(Anchor { raw: 0, wall_us: 0, mono_ns: 0, scale: 0, lasts: 0 }),
            last: Cell::new(Reading { raw: 0, wall_us: 0 }),
        }
    };
}

static COUNTER: Counter = Counter::new();
static BASELINE: Baseline = Baseline::new();

/// The time, now, on this thread.
#[inline]
pub(crate) fn read() -> Reading {
    // Small closures: a large one is not inlined.
    let (last, anchor) = CLOCK.with(|clock| (clock.last.get(), clock.anchor.get()));
    let raw = COUNTER.read(last.raw);
    let ticks = raw.wrapping_sub(anchor.raw);
    let reading = if ticks < anchor.lasts {
        let wall_us = anchor.wall_us + ((ticks * anchor.scale) >> SHIFT);
        Reading { raw, wall_us: wall_us.max(last.wall_us) }
    } else {
        renewed(raw)
    };
    CLOCK.with(|clock| clock.last.set(reading));
    reading
}

/// The reading by a new anchor.
#[cold]
fn renewed(raw: u64) -> Reading {
    CLOCK.with(|clock| clock.renew(raw))
}

/// Microseconds of the system's monotonic clock since the process first asked, at least 1.
pub(crate) fn monotonic_us() -> u64 {
    (ticks::monotonic_ns() / 1000).max(1)
}

impl ThreadClock {
    #[cold]
    fn renew(&self, raw: u64) -> Reading {
        // A thread that has seen nothing before may be the first to see that the counter was set back.
        let raw = COUNTER.check(raw, MOST_TICKS);
        let (mono_ns, wall_us) = (ticks::monotonic_ns(), ticks::wall_us().min(LATEST_US));
        if !self.anchor.get().agrees(raw, mono_ns) {
            BASELINE.renew(raw, mono_ns, self.anchor.get().raw);
        }
        let anchor = anchor(raw, wall_us, mono_ns, BASELINE.elapsed(raw, mono_ns));
        COUNTER.reserve(raw.saturating_add(anchor.lasts));
        self.anchor.set(anchor);
        let last = self.last.get().wall_us;
        let set_back = last.saturating_sub(wall_us) > LIFETIME_NS / 1000;
        Reading { raw, wall_us: if set_back { wall_us } else { wall_us.max(last) } }
    }
}

impl Anchor {
    /// Whether as much time has passed by the monotonic clock as by this anchor's rate, roughly.
    fn agrees(&self, raw: u64, mono_ns: u64) -> bool {
        let told = (u128::from(raw.saturating_sub(self.raw)) * u128::from(self.scale)) >> SHIFT;
        let real = u128::from(mono_ns.saturating_sub(self.mono_ns) / 1000);
        self.scale == 0 || (told <= 2 * real + SLACK_US && real <= 2 * told + SLACK_US)
    }
}

/// The anchor at these readings, where `elapsed` is (ticks, nanoseconds) over which the rate is measured.
fn anchor(raw: u64, wall_us: u64, mono_ns: u64, elapsed: (u64, u64)) -> Anchor {
    let (ticks, ns) = elapsed;
    if ns < BASELINE_NS || ticks == 0 {
        return Anchor { raw, wall_us, mono_ns, scale: 0, lasts: 0 };
    }
    let scale = (u128::from(ns) << SHIFT) / (u128::from(ticks) * 1000);
    let second = u128::from(ticks) * u128::from(LIFETIME_NS) / u128::from(ns);
    // The rate is only as good as the time it was measured over: do not use it for longer than that.
    let lasts = second.min(u128::from(ticks)).min(u128::from(MOST_TICKS));
    // A counter so slow or fast that the product would not fit is read anew each time.
    let fits = lasts > 0 && scale.checked_mul(lasts).is_some_and(|product| product <= u128::from(u64::MAX));
    if !fits {
        return Anchor { raw, wall_us, mono_ns, scale: 0, lasts: 0 };
    }
    Anchor { raw, wall_us, mono_ns, scale: scale as u64, lasts: lasts as u64 }
}

/// How long something takes.
#[derive(Clone, Copy)]
pub(crate) struct Timer {
    raw: u64,
    mono_ns: u64,
}

impl Timer {
    #[inline]
    pub(crate) fn start() -> Self {
        Self { raw: COUNTER.read(0), mono_ns: ticks::monotonic_ns() }
    }

    /// Nanoseconds since the start, by that of the two clocks which says less: one that jumps makes no call of a
    /// millisecond one of hours. 0 where one went back.
    #[inline]
    pub(crate) fn elapsed_ns(&self) -> u64 {
        let (raw, mono_ns) = (COUNTER.read(0), ticks::monotonic_ns());
        let by_system = mono_ns.saturating_sub(self.mono_ns);
        // The rate that was measured before the call; 0 where there is none yet.
        let scale = CLOCK.with(|clock| clock.anchor.get().scale);
        if scale == 0 {
            return by_system;
        }
        let by_counter = (u128::from(raw.saturating_sub(self.raw)) * u128::from(scale) * 1000) >> SHIFT;
        u64::try_from(by_counter).unwrap_or(u64::MAX).min(by_system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
        let none = anchor(5, 7, 0, (3_000, 1_000));
        assert_eq!(none.lasts, 0, "one microsecond of baseline is not trusted");
        let young = anchor(5, 7, 0, (6_000_000, 2_000_000));
        assert_eq!(young.lasts, 6_000_000);
        let old = anchor(5, 7, 0, (300_000_000_000, 100_000_000_000));
        assert_eq!(old.lasts, 3_000_000_000, "one second at 3 GHz");
        assert_eq!((old.lasts * old.scale) >> SHIFT, 999_999, "a second is told as a second, rounded down");
    }

    #[test]
    fn absurd_counters_are_read_anew_each_time_or_soon() {
        assert_eq!(anchor(0, 0, 0, (0, u64::MAX)).lasts, 0, "a counter that stands still");
        let slow = anchor(0, 0, 0, (1, u64::MAX));
        assert_eq!((slow.scale, slow.lasts), (0, 0), "no room for the rate");
        let fast = anchor(0, LATEST_US, 0, (u64::MAX, BASELINE_NS));
        assert!(fast.lasts <= MOST_TICKS && fast.scale.checked_mul(fast.lasts).is_some());
        assert!(fast.wall_us.checked_add((fast.lasts * fast.scale) >> SHIFT).is_some());
    }

    #[test]
    fn an_anchor_agrees_with_the_other_clock_unless_one_of_them_jumped() {
        // 3 ticks a nanosecond.
        let old = anchor(1 << 40, 7, 5_000, (3_000_000_000, 1_000_000_000));
        let after = |ticks: u64, ns: u64| old.agrees((1 << 40) + ticks, 5_000 + ns);
        assert!(after(0, 0) && after(3_000_000_000, 1_000_000_000) && after(0, 90_000_000));
        assert!(!after(1 << 62, 1_000_000_000), "the counter jumped ahead");
        assert!(!after(1_000, 3_600_000_000_000), "it was set back, or the other clock jumped ahead");
        assert!(!old.agrees(u64::MAX, 0), "the other clock was set back");
        assert!(anchor(0, 0, 0, (0, 0)).agrees(u64::MAX, u64::MAX), "nothing is known, nothing contradicted");
    }
}
