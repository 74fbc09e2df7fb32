//! A signal under a lock: threads sleep until somebody has changed what the lock guards.
//!
//! Only for the cold side, such as tests that wait for events; publishers of a bus that nobody tests never come here.
//! The guard goes in and comes out by value, which parking_lot's condition variable and loom's can both do.

use std::time::Instant;

use super::{Condvar, MutexGuard};

/// Threads that sleep until something has changed.
#[derive(Debug, Default)]
pub(crate) struct Signal(Condvar);

impl Signal {
    /// Wakes all who wait.
    pub(crate) fn raise(&self) {
        self.0.notify_all();
    }

    /// Gives the lock away, sleeps until the signal or the deadline (without one, until the signal), takes it again.
    /// Wakes also for no reason: look again. With the lock comes whether the deadline has passed.
    #[cfg(not(ringbus_loom))]
    pub(crate) fn wait<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        let timed_out = match deadline {
            Some(deadline) => self.0.wait_until(&mut guard, deadline).timed_out(),
            None => {
                self.0.wait(&mut guard);
                false
            }
        };
        (guard, timed_out)
    }

    /// The same without time, which loom does not know.
    #[cfg(ringbus_loom)]
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>, _: Option<Instant>) -> (MutexGuard<'a, T>, bool) {
        (self.0.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner), false)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::Mutex;

    #[test]
    fn a_waiter_wakes_for_the_signal_and_for_a_deadline_that_has_passed() {
        let (count, signal) = (Mutex::new(0), Signal::default());
        let now = Instant::now();
        let (guard, timed_out) = signal.wait(count.lock(), Some(now));
        assert!(timed_out);
        drop(guard);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                *count.lock() = 1;
                signal.raise();
            });
            let mut guard = count.lock();
            while *guard == 0 {
                guard = signal.wait(guard, None).0;
            }
        });
    }
}
