//! Whether this thread is in a step of the bus's own that allocates.
//!
//! A publish may come from the allocator (P10). If that allocation was the bus's own, the publish must not come to the
//! same step again, or it would recurse without end: it is refused, and counted.

use core::cell::Cell;

use super::thread_local;

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step that allocates and calls no user code but the allocator.
#[inline]
pub(crate) fn during<R>(step: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            BUSY.with(|busy| busy.set(self.0));
        }
    }
    let _restore = Restore(BUSY.with(|busy| busy.replace(true)));
    step()
}

/// Whether such a step is under way on this thread.
#[inline]
pub(crate) fn is_busy() -> bool {
    BUSY.with(Cell::get)
}
