//! A lock whose release waits for nobody: for the locks that publishers try (the registry's, the gate's, a watch's).
//!
//! A publisher never waits for it, it only tries; but what it got it must release, and with parking_lot a release that
//! finds somebody parked takes the lock of a bucket, which another thread may hold and be frozen (P1). std's mutex is a
//! word: its release is an exchange, and a system call where somebody sleeps. Nobody panics while holding it; poison is
//! ignored.
//!
//! Under `--cfg ringbus_tsan` it is parking_lot's all the same: the thread sanitizer does not see into std's where std is
//! not rebuilt with it, and would report all that the lock guards.

#[cfg(not(any(ringbus_loom, ringbus_tsan)))]
use std::sync as locks;

#[cfg(ringbus_tsan)]
mod locks {
    pub(crate) use parking_lot::MutexGuard;
    use std::sync::{LockResult, TryLockError, TryLockResult};

    /// parking_lot's lock with std's face.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            Ok(self.0.lock())
        }

        pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
            self.0.try_lock().ok_or(TryLockError::WouldBlock)
        }
    }
}

#[cfg(ringbus_loom)]
use loom::sync as locks;

use std::sync::{PoisonError, TryLockError};

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct QuietMutex<T>(locks::Mutex<T>);

#[cfg(any(not(feature = "inject"), ringbus_loom))]
pub(crate) type QuietGuard<'a, T> = locks::MutexGuard<'a, T>;
#[cfg(all(feature = "inject", not(ringbus_loom)))]
pub(crate) type QuietGuard<'a, T> = super::injected::lock::Stepping<locks::MutexGuard<'a, T>>;

// === impl QuietMutex ===

impl<T> QuietMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(locks::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> QuietGuard<'_, T> {
        #[cfg(all(feature = "inject", not(ringbus_loom)))]
        return super::injected::lock::Stepping::taken(|| self.take());
        #[cfg(any(not(feature = "inject"), ringbus_loom))]
        return self.take();
    }

    /// `None` where another thread has it.
    pub(crate) fn try_lock(&self) -> Option<QuietGuard<'_, T>> {
        #[cfg(all(feature = "inject", not(ringbus_loom)))]
        return super::injected::lock::Stepping::tried(|| self.try_take());
        #[cfg(any(not(feature = "inject"), ringbus_loom))]
        return self.try_take();
    }

    fn take(&self) -> locks::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(&self) -> Option<locks::MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_excludes_and_knows_no_poison() {
        let lock = QuietMutex::new(1);
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(held);
        std::thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _held = lock.lock();
                std::panic::resume_unwind(Box::new("ordered"));
            });
            assert!(panicked.join().is_err());
        });
        assert_eq!(*lock.lock(), 1);
        assert_eq!(lock.try_lock().map(|held| *held), Some(1));
    }
}
