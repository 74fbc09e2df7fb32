//! Options of a queue, their bounds, and what is said when one is out of range.

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::overflow::Overflow;
use crate::dispatch::Retry;
use crate::sync::wakers::Wakers;

/// Most events that may wait in one queue.
const MAX_CAPACITY: usize = 1 << 24;
/// Events that may wait by default.
const DEFAULT_CAPACITY: usize = if cfg!(ringbus_loom) { 1 } else { 1024 };

/// What a user may choose; see [`Queued`](super::subscribe::Queued).
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    pub(super) by_priority: bool,
    pub(super) retry: Option<Retry>,
    /// How long one attempt may take.
    pub(super) deadline: Option<Duration>,
    /// How many events may be handled at once.
    pub(super) workers: usize,
    /// What the user calls that.
    pub(super) workers_are: &'static str,
    /// The workers have threads of their own, which look for a moment before they sleep.
    pub(super) lingers: bool,
}

/// Why there is no handler with a queue. Nothing was subscribed then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// An option's value is too small or too large.
    #[non_exhaustive]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// The value given.
        value: usize,
        /// What is allowed.
        allowed: RangeInclusive<usize>,
    },
    /// The failure policy is to unwind to the publisher, who has gone on when the handler runs.
    Unwind,
    /// The system has not started a thread.
    #[non_exhaustive]
    Thread {
        /// The kind of the system's error.
        kind: std::io::ErrorKind,
        /// Its text.
        error: String,
    },
    /// There is no executor: the call came from outside of a runtime, and was told none.
    NoExecutor,
    /// The executor has dropped the handler's tasks at once, as a runtime does that has been shut down.
    NotRun,
    /// The option is about calls of a handler, and there is none: events are taken out.
    #[non_exhaustive]
    NobodyCalled {
        /// The option.
        option: &'static str,
    },
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { option, value, allowed } => {
                write!(f, "{option} {value} is out of range: {} to {} are allowed", allowed.start(), allowed.end())
            }
            Self::Unwind => f.write_str(
                "a handler with a queue cannot unwind to its publisher, who has gone on; isolate or quarantine it",
            ),
            Self::Thread { error, .. } => write!(f, "no thread for the handler: {error}"),
            Self::NoExecutor => f.write_str("no executor for the handler: call it inside a runtime, or name one"),
            Self::NotRun => f.write_str("the executor has dropped the handler's tasks: it may have ended"),
            Self::NobodyCalled { option } => {
                write!(f, "{option} is about calls of a handler, and there is none: events are taken out")
            }
        }
    }
}

impl std::error::Error for QueueError {}

// === impl Options ===

impl Options {
    /// The defaults, for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        let (capacity, overflow) = (DEFAULT_CAPACITY, Overflow::default());
        Self {
            capacity,
            overflow,
            by_priority: false,
            retry: None,
            deadline: None,
            workers,
            workers_are: "in_pool's number of threads",
            lingers: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), QueueError> {
        within("queue capacity", self.capacity, 1..=MAX_CAPACITY)?;
        within(self.workers_are, self.workers, 1..=Wakers::MOST)
    }

    /// How many may wait in each queue.
    pub(super) fn room(&self) -> usize {
        if self.overflow == Overflow::LatestOnly { 1 } else { self.capacity }
    }
}

fn within(option: &'static str, value: usize, allowed: RangeInclusive<usize>) -> Result<(), QueueError> {
    if allowed.contains(&value) { Ok(()) } else { Err(QueueError::OutOfRange { option, value, allowed }) }
}
