//! Whose work the calling thread is doing: that of a queue, from one event to the next.
//!
//! A worker runs more user code than its handler: hooks that are told how a call has ended, the drop of an event, an error
//! or a waker. There the thread is at no depth, since no call is under way; but whoever waited there for handlers could be
//! waiting for the thread itself.

use core::cell::Cell;

use super::{rows, thread_local};

thread_local! {
    /// The address of what this thread works for, 0 for nothing.
    static WORKS_FOR: Cell<usize> = const { Cell::new(0) };
}

/// Works for what has this address.
pub(crate) fn during<R>(target: usize, work: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORKS_FOR.with(|works_for| works_for.set(self.0));
        }
    }
    let _restore = Restore(WORKS_FOR.with(|works_for| works_for.replace(target)));
    work()
}

/// Whether this thread works for what has this address.
pub(crate) fn is_for(target: usize) -> bool {
    WORKS_FOR.with(Cell::get) == target
}

/// Whether this thread must not wait for handlers without an end: it is inside one, or does a queue's work.
pub(crate) fn forbids_waiting() -> bool {
    rows::depth() > 0 || !is_for(0)
}
