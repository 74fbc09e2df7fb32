//! A cell that loom watches: who touches it without being ordered after the others is reported.

use loom::cell::UnsafeCell;

/// Stands for whatever one thread makes and another uses.
pub(crate) struct Watched(UnsafeCell<u32>);

// SAFETY: loom reports every unsynchronised access; that is what it is for.
unsafe impl Sync for Watched {}
// SAFETY: as above.
unsafe impl Send for Watched {}

impl Watched {
    /// One that this thread has written.
    pub(crate) fn new(value: u32) -> Self {
        let watched = Self(UnsafeCell::new(0));
        watched.write(value);
        watched
    }

    /// Writes: every other access must be ordered before or after this.
    pub(crate) fn write(&self, value: u32) {
        self.0.with_mut(|at| {
            // SAFETY: loom reports it if another thread has it at the same time.
            unsafe { *at = value }
        });
    }

    /// Reads: every writing must be ordered before or after this.
    pub(crate) fn read(&self) -> u32 {
        self.0.with(|at| {
            // SAFETY: as above.
            unsafe { *at }
        })
    }
}
