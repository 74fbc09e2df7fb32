//! parking_lot's mutex, with steps before and after it is taken and left; and the guard that makes such steps of any
//! lock's.

use core::ops::{Deref, DerefMut};
use std::time::Instant;

use super::super::step;
use super::between;

/// A lock's guard, whose drop is two steps with the release between them.
pub(crate) struct Stepping<G> {
    // Fields are dropped in this order.
    _leave: Passing,
    guard: G,
    _left: Passing,
}

/// Passes a step when it is dropped.
struct Passing(&'static str);

impl Drop for Passing {
    fn drop(&mut self) {
        step(self.0);
    }
}

impl<G> Stepping<G> {
    /// The guard that `take` gets.
    pub(crate) fn taken(take: impl FnOnce() -> G) -> Self {
        Self::around(between("lock.take", "lock.taken", take))
    }

    /// The guard that `try_take` gets, if it gets one.
    pub(crate) fn tried(try_take: impl FnOnce() -> Option<G>) -> Option<Self> {
        between("lock.take", "lock.taken", try_take).map(Self::around)
    }

    fn around(guard: G) -> Self {
        Self { _leave: Passing("lock.leave"), guard, _left: Passing("lock.left") }
    }
}

impl<G: Deref> Deref for Stepping<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Stepping<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// parking_lot's mutex.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = Stepping<parking_lot::MutexGuard<'a, T>>;

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        Stepping::taken(|| self.0.lock())
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Stepping::tried(|| self.0.try_lock())
    }
}

/// parking_lot's condition variable, for those guards.
#[derive(Debug, Default)]
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(&mut guard.guard);
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> parking_lot::WaitTimeoutResult {
        self.0.wait_until(&mut guard.guard, deadline)
    }
}
