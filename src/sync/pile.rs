//! A pile that anybody puts something on, and that is taken whole: what a thread that is about to end leaves for another.
//!
//! Nobody waits: putting on is an exchange of the top, taking is one for all. So no node is ever read by a thread that
//! does not own it, and there is no ABA (Treiber's stack, IBM RJ 5118, 1986, without its pop).
//!
//! # Orderings
//! Putting on releases the node, taking acquires all of them: an exchange continues the release sequence of the word
//! that it replaces.

use core::marker::PhantomData;
use core::ptr;

use super::atomic::{AtomicPtr, Ordering};

/// See the [module](self). What is still on it when it is dropped is leaked: it is for statics.
pub(crate) struct Pile<T> {
    top: AtomicPtr<Node<T>>,
    owns: PhantomData<T>,
}

struct Node<T> {
    value: T,
    next: *mut Node<T>,
}

// SAFETY: the pile hands values from one thread to another and lends none of them.
unsafe impl<T: Send> Send for Pile<T> {}
// SAFETY: as above; all shared access goes through the atomic word.
unsafe impl<T: Send> Sync for Pile<T> {}

impl<T> Pile<T> {
    #[cfg(not(ringbus_loom))]
    pub(crate) const fn new() -> Self {
        Self { top: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    #[cfg(ringbus_loom)]
    pub(crate) fn new() -> Self {
        Self { top: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// Puts `value` on. Allocates.
    pub(crate) fn put(&self, value: T) {
        let node = Box::into_raw(Box::new(Node { value, next: ptr::null_mut() }));
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            // SAFETY: `node` is ours until the exchange below succeeds.
            unsafe { (*node).next = top };
            match self.top.compare_exchange_weak(top, node, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Whether nothing is on it at the moment.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.top.load(Ordering::Relaxed).is_null()
    }

    /// Takes all off, the last one put on first.
    pub(crate) fn take_all(&self) -> Vec<T> {
        let mut values = Vec::new();
        let mut at = self.top.swap(ptr::null_mut(), Ordering::Acquire);
        while !at.is_null() {
            // SAFETY: the swap made the whole chain ours; each node came from `Box::into_raw`.
            let node = unsafe { Box::from_raw(at) };
            at = node.next;
            values.push(node.value);
        }
        values
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_several_threads_put_on_is_taken_once() {
        let pile = Pile::new();
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let pile = &pile;
                scope.spawn(move || (0..5_000).for_each(|n| pile.put(thread * 5_000 + n)));
            }
            while taken.len() < 20_000 {
                taken.extend(pile.take_all());
            }
        });
        taken.sort_unstable();
        assert!(pile.is_empty() && taken.into_iter().eq(0..20_000));
    }
}
