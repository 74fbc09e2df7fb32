//! What the clock reads: the raw counter, which is the processor's time-stamp counter where that is invariant, else the
//! monotonic clock of the system, in nanoseconds (settled at the first read, it never changes); that monotonic clock
//! itself; and the wall clock. Tests may replace each of them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::sync::inject::told;
use crate::sync::{OnceBox, busy};

#[cfg(all(target_arch = "x86_64", not(miri)))]
use tsc::read as counter;

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
use system_ns as counter;

/// The raw counter.
#[inline]
pub(super) fn read() -> u64 {
    told("raw", counter())
}

/// Nanoseconds of the monotonic clock since its first read here.
pub(super) fn monotonic_ns() -> u64 {
    told("monotonic", system_ns())
}

/// Microseconds of the wall clock since 1970; 0 before.
pub(super) fn wall_us() -> u64 {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, i64::wrapping_neg),
    };
    (told("wall", micros as u64) as i64).max(0) as u64
}

fn system_ns() -> u64 {
    static START: OnceBox<Instant> = OnceBox::new();
    let start = START.get_or_init(|| busy::during(|| Box::new(Instant::now())));
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod tsc {
    use crate::sync::atomic::{AtomicU8, Ordering};
    use core::arch::x86_64::{__cpuid, _rdtsc};

    const UNKNOWN: u8 = 0;
    const INVARIANT: u8 = 1;
    const ABSENT: u8 = 2;

    /// Every thread that finds `UNKNOWN` comes to the same answer, so the order of these accesses does not matter.
    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[inline]
    pub(in crate::sync::clock) fn read() -> u64 {
        if STATE.load(Ordering::Relaxed) == INVARIANT {
            // SAFETY: every x86_64 processor has the instruction, and a system that lets user mode see an invariant
            // counter lets it read the counter.
            return unsafe { _rdtsc() };
        }
        read_slow()
    }

    #[cold]
    fn read_slow() -> u64 {
        if STATE.load(Ordering::Relaxed) == UNKNOWN {
            STATE.store(if is_invariant() { INVARIANT } else { ABSENT }, Ordering::Relaxed);
            return read();
        }
        super::system_ns()
    }

    /// AMD's and Intel's manuals: leaf 0x8000_0007, EDX bit 8, "the counter ticks at one rate in all power states".
    #[allow(unused_unsafe, reason = "cpuid became safe after the oldest Rust that this builds with")]
    fn is_invariant() -> bool {
        // SAFETY: every x86_64 processor has cpuid; the highest extended leaf is asked for first.
        unsafe { __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0 }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fallback_counts_on() {
        let first = super::system_ns();
        let start = std::time::Instant::now();
        while start.elapsed().is_zero() {}
        assert!(super::system_ns() > first);
    }
}
