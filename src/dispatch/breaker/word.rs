//! A circuit breaker's word, taken apart: pure arithmetic, whose layout is drawn in [`Circuit`](super::Circuit).
//!
//! It promises that packing and unpacking are each other's inverse for whatever a circuit makes: at most
//! [`MAX_PROBES`] probes, times cut off at 139 years of the clock.

use core::time::Duration;

use super::Permit;

/// See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Changes with each change of state.
    pub(super) generation: u32,
    pub(super) phase: Phase,
}

/// A state, and what belongs to it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Failures since the last success.
    Closed { failures: u32 },
    /// From when on it may be half open.
    Open { due_ms: u64 },
    /// Probes let through and not cancelled, and those of them that have succeeded.
    HalfOpen { out: u32, succeeded: u32 },
}

const GENERATION_SHIFT: u32 = 44;
const GENERATION: u32 = u32::MAX >> 12;
const STATE_SHIFT: u32 = 42;
const STATE: u64 = 3;
const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const PROBES_SHIFT: u32 = 21;
/// Most probes that there is room for.
pub(super) const MAX_PROBES: u32 = (1 << PROBES_SHIFT) - 1;
const TIME: u64 = (1 << STATE_SHIFT) - 1;

/// Milliseconds of a reading, rounded down.
pub(super) fn whole_ms(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// When `time` has passed since `now`, rounded up; no time has passed already.
pub(super) fn due_ms(now: Duration, time: Duration) -> u64 {
    if time.is_zero() {
        return 0;
    }
    let due = now.as_nanos() + time.as_nanos();
    u64::try_from(due.div_ceil(1_000_000)).unwrap_or(u64::MAX).min(TIME)
}

// === impl Word ===

impl Word {
    /// Closed, and nothing has happened.
    pub(super) const FIRST: Self = Self { generation: 0, phase: Phase::Closed { failures: 0 } };

    /// Another state.
    pub(super) fn next(self, phase: Phase) -> Self {
        Self { generation: (self.generation + 1) & GENERATION, phase }
    }

    /// The same state, with other counts.
    pub(super) fn with(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The phase, if `permit` was given in it.
    pub(super) fn of(self, permit: &Permit) -> Option<Phase> {
        (self.generation == permit.generation).then_some(self.phase)
    }

    pub(super) fn pack(self) -> u64 {
        let (state, rest) = match self.phase {
            Phase::Closed { failures } => (CLOSED, u64::from(failures)),
            Phase::Open { due_ms } => (OPEN, due_ms),
            Phase::HalfOpen { out, succeeded } => (HALF_OPEN, u64::from(succeeded) << PROBES_SHIFT | u64::from(out)),
        };
        debug_assert!(rest <= TIME && self.generation <= GENERATION, "{self:?}");
        u64::from(self.generation) << GENERATION_SHIFT | state << STATE_SHIFT | rest
    }

    pub(super) fn unpack(bits: u64) -> Self {
        let low = |shift: u32| bits as u32 & (u32::MAX >> (32 - shift));
        let phase = match bits >> STATE_SHIFT & STATE {
            CLOSED => Phase::Closed { failures: low(32) },
            OPEN => Phase::Open { due_ms: bits & TIME },
            _ => Phase::HalfOpen { out: low(PROBES_SHIFT), succeeded: (bits >> PROBES_SHIFT) as u32 & MAX_PROBES },
        };
        Self { generation: (bits >> GENERATION_SHIFT) as u32, phase }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn packing_loses_nothing() {
        let phases = [
            Phase::Closed { failures: 0 },
            Phase::Closed { failures: u32::MAX },
            Phase::Open { due_ms: 0 },
            Phase::Open { due_ms: TIME },
            Phase::HalfOpen { out: 0, succeeded: MAX_PROBES },
            Phase::HalfOpen { out: MAX_PROBES, succeeded: 1 },
        ];
        for phase in phases {
            for generation in [0, 1, GENERATION] {
                let word = Word { generation, phase };
                assert_eq!(Word::unpack(word.pack()), word);
            }
        }
        assert_eq!(Word::FIRST.pack(), 0);
    }

    #[test]
    fn generations_start_over() {
        let last = Word { generation: GENERATION, ..Word::FIRST };
        let first = last.next(Phase::Open { due_ms: 5 });
        assert_eq!(first, Word { generation: 0, phase: Phase::Open { due_ms: 5 } });
    }

    #[test]
    fn a_due_time_is_rounded_up_and_a_reading_down_so_that_it_is_never_early() {
        let us = Duration::from_micros;
        assert_eq!((whole_ms(us(1_999)), due_ms(us(1_001), us(1_000)), due_ms(us(1_000), us(1_000))), (1, 3, 2));
        assert_eq!(due_ms(us(1), Duration::ZERO), 0, "not a reading's next millisecond");
        assert_eq!((due_ms(Duration::MAX, Duration::MAX), whole_ms(Duration::MAX)), (TIME, u64::MAX));
    }
}
