//! Threads parked until something has happened: a stack that anybody pushes to and the waker takes whole.
//!
//! Waking must not take a lock, since publishers do it (P1). Taking the whole list at once leaves no ABA problem: no
//! node is ever read by a thread that does not own it. A waiter pushes itself anew before each look at what it waits
//! for; stale entries cost one spurious unpark. Follows Treiber's stack (IBM RJ 5118, 1986) without its pop.
//!
//! # Orderings
//! Both sides are read-modify-writes of one word, so they are ordered: either the waker sees the node, or the waiter's
//! push reads what the waker left behind and acquires all that came before the wake-up.

use core::ptr;

use super::Unparker;
use super::atomic::{AtomicPtr, Ordering};
use super::cell::UnsafeCell;

struct Node {
    parked: Unparker,
    /// Written by the thread that pushes, read by the one that has taken the list.
    next: UnsafeCell<*mut Node>,
}

/// The stack of parked threads.
#[derive(Debug)]
pub(crate) struct Waiters {
    top: AtomicPtr<Node>,
}

// SAFETY: a node is owned by the list or by whoever took the list; `Unparker` itself may be sent.
unsafe impl Send for Waiters {}
// SAFETY: as above; all shared access goes through the atomic word.
unsafe impl Sync for Waiters {}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { top: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts a thread on the list, but for one that wakes by itself: that would come again and again, and nobody takes it off.
    pub(crate) fn push(&self, parked: Unparker) {
        if !parked.needs_waking() {
            return;
        }
        let node = Box::into_raw(Box::new(Node { parked, next: UnsafeCell::new(ptr::null_mut()) }));
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            // SAFETY: `node` is ours until the exchange below succeeds.
            let link = unsafe { &(*node).next };
            // SAFETY: as above.
            link.with_mut(|next| unsafe { *next = top });
            // Release: the node's contents. Acquire: what came before the last wake-up, see the module's head.
            match self.top.compare_exchange_weak(top, node, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Whether a thread is on the list. For those who fence before, as each waiter does between its push and its look.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        !self.top.load(Ordering::Relaxed).is_null()
    }

    /// Takes all threads off the list and unparks them.
    #[cold]
    pub(crate) fn wake_all(&self) {
        // Acquire: the nodes' contents. Release: what we did before waking.
        let mut at = self.top.swap(ptr::null_mut(), Ordering::AcqRel);
        while !at.is_null() {
            // SAFETY: the swap made the whole list ours; each node came from `Box::into_raw`.
            let node = unsafe { Box::from_raw(at) };
            // SAFETY: as above: the node is ours.
            at = node.next.with(|next| unsafe { *next });
            node.parked.unpark();
        }
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        self.wake_all();
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::Parker;

    #[test]
    fn a_thread_that_wakes_by_itself_leaves_nothing_on_the_list() {
        struct Unwinding<'a>(&'a Waiters);
        impl Drop for Unwinding<'_> {
            fn drop(&mut self) {
                self.0.push(Parker::new().unparker().clone());
            }
        }
        let waiters = Waiters::new();
        let unwound = std::panic::catch_unwind(|| {
            let _unwinding = Unwinding(&waiters);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(unwound.is_err() && !waiters.any());
        waiters.push(Parker::new().unparker().clone());
        assert!(waiters.any());
        waiters.wake_all();
        assert!(!waiters.any());
    }
}
