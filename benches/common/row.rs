//! [`Row`]: one comparison, ours beside its yardstick.
//!
//! Rows are made one at a time by a [`RowMaker`] and dropped after, so that none runs beside what another one has set
//! up. What does not fit two sides is a [`Study`]: it measures as it likes and prints lines of its own.

use std::time::Duration;

use super::options::Options;
use super::threads::on_threads;

/// One side of a comparison.
pub struct Side {
    pub name: &'static str,
    /// Runs so many rounds and says how long that took. With several threads: the time in which *each* of them has
    /// done so many.
    pub run: Box<dyn FnMut(u64) -> Duration>,
}

/// What is measured: ours beside its yardstick, or alone.
pub struct Row {
    /// Stable, in kebab-case: what the report knows it by.
    pub id: &'static str,
    /// For people.
    pub what: &'static str,
    pub ours: Side,
    pub yardstick: Option<Side>,
}

/// A row that is not set up yet.
#[derive(Clone, Copy)]
pub struct RowMaker {
    pub id: &'static str,
    pub make: fn() -> Row,
}

/// A measurement that prints lines of its own.
#[derive(Clone, Copy)]
pub struct Study {
    /// As a row's.
    pub id: &'static str,
    pub run: fn(&Options),
}

// === impl Side ===

impl Side {
    pub fn new(name: &'static str, run: impl FnMut(u64) -> Duration + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }

    /// A side whose `threads` threads each do `work` once a round.
    pub fn on<R>(name: &'static str, threads: usize, work: impl Fn(u64) -> R + Sync + 'static) -> Self {
        Self::new(name, move |rounds| on_threads(threads, rounds, &work))
    }

    /// The same with one thread.
    pub fn alone<R>(name: &'static str, work: impl Fn(u64) -> R + Sync + 'static) -> Self {
        Self::on(name, 1, work)
    }
}

// === impl Row ===

impl Row {
    pub fn pair(id: &'static str, what: &'static str, ours: Side, yardstick: Side) -> Self {
        Self { id, what, ours, yardstick: Some(yardstick) }
    }

    pub fn alone(id: &'static str, what: &'static str, ours: Side) -> Self {
        Self { id, what, ours, yardstick: None }
    }
}
