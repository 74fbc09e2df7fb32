//! The raw counter behind the clock: the processor's time-stamp counter where it is invariant, else the monotonic
//! clock of the system, in nanoseconds. Which of the two is settled at the first read and never changes.

#[cfg(target_arch = "x86_64")]
pub(super) use tsc::read;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use monotonic_ns as read;

/// Nanoseconds of the monotonic clock since its first read here.
fn monotonic_ns() -> u64 {
    static START: crate::sync::OnceBox<std::time::Instant> = crate::sync::OnceBox::new();
    let start = START.get_or_init(|| crate::sync::busy::during(|| Box::new(std::time::Instant::now())));
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_arch = "x86_64")]
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
        super::monotonic_ns()
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
        let first = super::monotonic_ns();
        let start = std::time::Instant::now();
        while start.elapsed().is_zero() {}
        assert!(super::monotonic_ns() > first);
    }
}
