//! Whose work the calling thread is doing: that of queues, from one event to the next, and that of whoever drops a handler.
//!
//! A worker runs more user code than its handler: hooks that are told how a call has ended, the drop of an event, an error,
//! a waker or of the handler itself. There no call is under way that a mark could name; but whoever waited there for
//! handlers could be waiting for the thread itself. A handler may do other queues' work inside of its own, where it drives an
//! executor: so there is one frame for each, innermost first, on the stack of whoever works, as in [`frames`](super::frames).

use core::cell::Cell;
use core::ptr;

use super::plain::{AtomicU64, Ordering};
use super::{process, rows, thread_local};

/// What one piece of work is for.
struct Frame {
    target: usize,
    /// Where it stands which process the worker lives in; null where nobody else asks that.
    process: *const AtomicU64,
    /// The work around this one; null for the outermost.
    up: *const Frame,
}

thread_local! {
    static TOP: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// Works for what has this address, in a process that nobody asks for.
pub(crate) fn briefly<R>(target: usize, work: impl FnOnce() -> R) -> R {
    enter(target, ptr::null(), work)
}

/// Works for what has this address; `process` says which process that is in, also in a child that `work` forks.
pub(crate) fn during<R>(target: usize, process: &AtomicU64, work: impl FnOnce() -> R) -> R {
    enter(target, ptr::from_ref(process), work)
}

fn enter<R>(target: usize, process: *const AtomicU64, work: impl FnOnce() -> R) -> R {
    struct Leave(*const Frame);
    impl Drop for Leave {
        fn drop(&mut self) {
            TOP.with(|top| top.set(self.0));
        }
    }
    let frame = Frame { target, process, up: TOP.with(Cell::get) };
    let _leave = Leave(frame.up);
    TOP.with(|top| top.set(&raw const frame));
    work()
}

/// The work that this thread is doing, innermost first.
fn all() -> impl Iterator<Item = &'static Frame> {
    // SAFETY: a frame in the chain lies on this thread's stack below us: `enter` does not return before it has taken the
    // frame out, no other thread sees it, and those who walk the chain call nobody and keep nothing of it.
    let at = |frame: *const Frame| unsafe { frame.as_ref() };
    core::iter::successors(at(TOP.with(Cell::get)), move |frame| at(frame.up))
}

/// Whether this thread works for what has this address.
pub(crate) fn is_for(target: usize) -> bool {
    all().any(|frame| frame.target == target)
}

/// Whether this thread must not wait for handlers without an end: it is inside one, or does a queue's work.
pub(crate) fn forbids_waiting() -> bool {
    rows::depth() > 0 || !TOP.with(Cell::get).is_null()
}

/// In a forked child, on the thread that forked: the workers that it is at work as live in this process now.
#[cfg(not(ringbus_loom))]
pub(super) fn follow_fork() {
    let process = process::instance();
    // SAFETY: null, or what `during` borrows until its frame has been taken out.
    all().filter_map(|frame| unsafe { frame.process.as_ref() }).for_each(|of| of.store(process, Ordering::Relaxed));
}
