//! A circuit breaker: a handler that keeps failing is left alone for a while, then tried again.
//!
//! After M. Nygard, *Release It!* (2nd edition 2018, "Circuit Breaker"). Closed, every call is let through, until so many
//! have failed in a row. Open, none is. When it has been open for long enough it is half open: a fixed number of calls,
//! the probes, are let through; if all of them succeed it closes, and the first that fails opens it again.
//!
//! It promises that of any number of threads exactly so many probes are let through, that each change of state is one
//! step that one caller is told of, and that a call counts in the period it was let through in, or not at all. It asks the
//! time only when it opens and while it is open. It does not call anybody: who asks [`Circuit::admit`] calls, and says
//! how that went. A probe that never ends keeps it half open.
//!
//! It departs from the book in that the time it is open counts from the end of the call that failed, as the failing
//! thread has read it, not from the change of state; the two differ where a thread sleeps in between.
//!
//! # Orderings
//! To ensure: a call that is let through sees what the calls did whose success has let it through. Settling releases,
//! admitting acquires, and exchanges in between carry it on. Counts order nothing: Relaxed.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;

use super::clock::Clock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{plain, step};

mod word;

use word::{Phase, Word};

/// When a handler that keeps failing is left alone, and for how long: a circuit breaker's options.
///
/// | option | default | allowed |
/// |---|---|---|
/// | [`after`](Self::after) | must be given | 1 failure in a row, or more |
/// | [`open_for`](Self::open_for) | 1 second | any time |
/// | [`probes`](Self::probes) | 1 | 1 to 2 097 151 (2^21 − 1); more are taken as that |
/// | [`clock`](Self::clock) | the system's monotonic clock | |
///
/// Closed, every call is let through. After so many failures in a row it is open: no call is. After that time, with the
/// next event, it is half open: as many calls as there are probes are let through. If all of them succeed it is closed
/// again; with the first that fails it is open again, for the same time. (M. Nygard, *Release It!*, 2007.)
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use ringbus::Breaker;
///
/// let five = NonZeroU32::new(5).unwrap();
/// let breaker = Breaker::after(five).open_for(Duration::from_secs(30)).probes(NonZeroU32::MIN);
/// assert_eq!(breaker.to_string(), "open for 30s after 5 failures in a row, then 1 probe");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "options do nothing by themselves"]
pub struct Breaker {
    after: NonZeroU32,
    open_for: Duration,
    probes: NonZeroU32,
    clock: Clock,
}

/// How a circuit breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BreakerState {
    /// Every call is let through.
    Closed,
    /// No call is let through. Where its time is over, the next event makes it half open.
    Open,
    /// Some calls are let through, to see how they go.
    HalfOpen,
}

/// What is told of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BreakerInfo {
    /// How it stands.
    pub state: BreakerState,
    /// Failures since the last success; while it is not closed, those that opened it.
    pub failures_in_row: u32,
    /// How often it has opened, half open circuits that opened again among them.
    pub opened: u64,
    /// Calls that it did not let through; also while all probes were out that a [throttle](crate::Subscribe::throttle) then
    /// kept back.
    pub rejected: u64,
}

/// A circuit breaker at work. See the [module](self).
#[derive(Debug)]
pub(crate) struct Circuit {
    /// All that changes in one step. From high bits to low ([`Word`] takes it apart):
    ///
    /// ```text
    /// | generation: 20 | state: 2 | 42, by the state                              |
    ///                  | closed    | 10 unused | failures in a row: 32            |
    ///                  | open      | due, milliseconds of the clock: 42           |
    ///                  | half open | probes succeeded: 21 | probes let through: 21 |
    /// ```
    ///
    /// The generation grows with each change of state. It repeats after 2^20 of them: a call that lasts for exactly so
    /// many counts in a period that it was not let through in, and does no other harm.
    word: AtomicU64,
    after: NonZeroU32,
    open_for: Duration,
    probes: u32,
    clock: Clock,
    opened: plain::AtomicU64,
    rejected: plain::AtomicU64,
}

/// A call that has been let through, and in which period.
#[derive(Debug)]
#[must_use = "a probe that is not settled keeps the circuit half open"]
pub(crate) struct Permit {
    generation: u32,
}

// === impl Breaker ===

impl Breaker {
    /// Opens after so many failures in a row; a success ends the row.
    ///
    /// Calls that run on several threads at once count in the order in which they end.
    pub fn after(failures: NonZeroU32) -> Self {
        Self { after: failures, open_for: Duration::from_secs(1), probes: NonZeroU32::MIN, clock: Clock::default() }
    }

    /// How long no call is let through, in whole milliseconds of its clock: it may last up to one longer.
    ///
    /// Zero: the next event is tried at once. [`Duration::MAX`]: it stays open.
    pub fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    /// How many calls are let through while it is half open, all of which must succeed.
    pub fn probes(mut self, calls: NonZeroU32) -> Self {
        self.probes = calls;
        self
    }

    /// The clock that it goes by: time since any fixed moment, never going back. For tests.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::Duration;
    /// use ringbus::{Breaker, Bus, publish_event};
    ///
    /// let hand = Arc::new(AtomicU64::new(0)); // seconds; set by hand
    /// let breaker = Breaker::after(NonZeroU32::MIN).open_for(Duration::from_secs(30)).clock({
    ///     let hand = Arc::clone(&hand);
    ///     move || Duration::from_secs(hand.load(Ordering::Relaxed))
    /// });
    /// let bus = Bus::new();
    /// let mail = bus.on("mail.send")?.breaker(breaker).try_subscribe(|_| Err("no route to host".into()));
    /// for (seconds, failed) in [(0, 1), (29, 1), (30, 2)] {
    ///     hand.store(seconds, Ordering::Relaxed);
    ///     publish_event!(bus: &bus, "mail.send");
    ///     assert_eq!(mail.info().failed, failed, "after {seconds} s");
    /// }
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// It is called where the handler is (on publishers' threads, or for one with a queue on its worker's), when the circuit
    /// opens and while it is open. Where it panics, an open circuit
    /// stays open; one that opens then is half open with the next reading. If it goes back, the circuit is open for
    /// longer. It can tell 139 years (2^42 ms): with readings beyond that a circuit does not stay open.
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.clock = Clock::given(clock);
        self
    }
}

impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |number: NonZeroU32| if number.get() == 1 { "" } else { "s" };
        let Self { after, open_for, probes, .. } = self;
        write!(
            f,
            "open for {open_for:?} after {after} failure{} in a row, then {probes} probe{}",
            plural(*after),
            plural(*probes)
        )
    }
}

// === impl Circuit ===

impl Circuit {
    /// A closed one.
    pub(crate) fn new(breaker: Breaker) -> Self {
        let Breaker { after, open_for, probes, clock } = breaker;
        Self {
            word: AtomicU64::new(Word::FIRST.pack()),
            after,
            open_for,
            probes: probes.get().min(word::MAX_PROBES),
            clock,
            opened: plain::AtomicU64::new(0),
            rejected: plain::AtomicU64::new(0),
        }
    }

    /// Lets a call through, or rejects it, which is counted.
    ///
    /// Each permit is to be settled or cancelled.
    #[inline]
    pub(crate) fn admit(&self) -> Option<Permit> {
        // Acquire: see `# Orderings`.
        let word = Word::unpack(self.word.load(Ordering::Acquire));
        match word.phase {
            Phase::Closed { .. } => Some(Permit { generation: word.generation }),
            Phase::Open { .. } | Phase::HalfOpen { .. } => self.admit_probe(),
        }
    }

    #[cold]
    fn admit_probe(&self) -> Option<Permit> {
        let mut now = None;
        let admitted = self.change("breaker.admit", |word| match word.phase {
            Phase::Open { due_ms } => {
                let now = *now.get_or_insert_with(|| self.clock.read());
                let due = now.is_some_and(|now| word::whole_ms(now) >= due_ms);
                due.then(|| word.next(Phase::HalfOpen { out: 1, succeeded: 0 }))
            }
            Phase::HalfOpen { out, succeeded } => {
                (out < self.probes).then(|| word.with(Phase::HalfOpen { out: out + 1, succeeded }))
            }
            // Somebody has closed it meanwhile.
            Phase::Closed { .. } => None,
        });
        match admitted {
            Ok(word) | Err(word @ Word { phase: Phase::Closed { .. }, .. }) => {
                Some(Permit { generation: word.generation })
            }
            Err(_) => {
                self.rejected.fetch_add(1, plain::Ordering::Relaxed);
                None
            }
        }
    }

    /// Says how a call went; the new state, where this is what has changed it.
    ///
    /// A call let through in a period that is over counts no more.
    #[inline]
    pub(crate) fn settle(&self, permit: Permit, succeeded: bool) -> Option<BreakerState> {
        if succeeded { self.succeeded(&permit) } else { self.failed(&permit) }
    }

    #[inline]
    fn succeeded(&self, permit: &Permit) -> Option<BreakerState> {
        let closed = self.change("breaker.succeeded", |word| match word.of(permit)? {
            Phase::Closed { failures: 0 } | Phase::Open { .. } => None,
            Phase::Closed { .. } => Some(word.with(Phase::Closed { failures: 0 })),
            Phase::HalfOpen { succeeded, .. } if succeeded + 1 >= self.probes => {
                Some(word.next(Phase::Closed { failures: 0 }))
            }
            Phase::HalfOpen { out, succeeded } => Some(word.with(Phase::HalfOpen { out, succeeded: succeeded + 1 })),
        });
        closed.is_ok_and(|word| word.generation != permit.generation).then_some(BreakerState::Closed)
    }

    #[cold]
    fn failed(&self, permit: &Permit) -> Option<BreakerState> {
        let mut due_ms = None;
        let mut opened = |word: Word| {
            // Without a time it is due with the next reading.
            let due = || self.clock.read().map_or(0, |now| word::due_ms(now, self.open_for));
            Some(word.next(Phase::Open { due_ms: *due_ms.get_or_insert_with(due) }))
        };
        let changed = self.change("breaker.failed", |word| match word.of(permit)? {
            Phase::Closed { failures } if failures + 1 < self.after.get() => {
                Some(word.with(Phase::Closed { failures: failures + 1 }))
            }
            Phase::Closed { .. } | Phase::HalfOpen { .. } => opened(word),
            Phase::Open { .. } => None,
        });
        let opened = changed.is_ok_and(|word| word.generation != permit.generation);
        opened.then(|| {
            self.opened.fetch_add(1, plain::Ordering::Relaxed);
            BreakerState::Open
        })
    }

    /// The call was not made, or says nothing of the handler: a probe may be made again.
    pub(crate) fn cancel(&self, permit: Permit) {
        let _ = self.change("breaker.cancel", |word| match word.of(&permit)? {
            Phase::HalfOpen { out, succeeded } => {
                Some(word.with(Phase::HalfOpen { out: out.saturating_sub(1), succeeded }))
            }
            Phase::Closed { .. } | Phase::Open { .. } => None,
        });
    }

    /// How it stands; while calls run, its parts need not be of one moment.
    pub(crate) fn info(&self) -> BreakerInfo {
        let (state, failures_in_row) = match Word::unpack(self.word.load(Ordering::Relaxed)).phase {
            Phase::Closed { failures } => (BreakerState::Closed, failures),
            Phase::Open { .. } => (BreakerState::Open, self.after.get()),
            Phase::HalfOpen { .. } => (BreakerState::HalfOpen, self.after.get()),
        };
        let [opened, rejected] = [&self.opened, &self.rejected].map(|count| count.load(plain::Ordering::Relaxed));
        BreakerInfo { state, failures_in_row, opened, rejected }
    }

    /// Puts `next` of the word in its place: that, or the word for which there is none.
    ///
    /// `next` may ask the clock, which is user code: nothing is changed yet.
    #[inline]
    fn change(&self, name: &'static str, mut next: impl FnMut(Word) -> Option<Word>) -> Result<Word, Word> {
        // Acquire, here and where the exchange fails: who finds it closed is let through. See `# Orderings`.
        let mut bits = self.word.load(Ordering::Acquire);
        loop {
            let word = Word::unpack(bits);
            let Some(next) = next(word) else { return Err(word) };
            step(name);
            // Release: what the call has done is seen by those let through for it. What it replaces has been acquired.
            match self.word.compare_exchange_weak(bits, next.pack(), Ordering::Release, Ordering::Acquire) {
                Ok(_) => return Ok(next),
                Err(now) => bits = now,
            }
        }
    }
}

// === impl BreakerState, BreakerInfo ===

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
        })
    }
}

impl fmt::Display for BreakerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, failures_in_row, opened, rejected } = self;
        write!(f, "{state}, {failures_in_row} failed in a row, {opened} times opened, {rejected} rejected")
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
