//! Cells that are set once, by whoever comes first, and never block.
//!
//! `std::sync::OnceLock` blocks the second thread while the first one initialises; a thread frozen there would stop
//! publishers (P1). once_cell's race cells let both build and keep one. loom sees through the twins below.
//!
//! # Orderings
//! `set` releases what it stores, `get` acquires it: whoever sees the value sees it whole. That a failed `set` acquires
//! too is once_cell's way, and nobody relies on it.

#[cfg(not(any(feature = "inject", ringbus_loom)))]
pub(crate) use once_cell::race::OnceBox;

#[cfg(all(feature = "inject", not(ringbus_loom)))]
pub(crate) use super::injected::once::OnceBox;

#[cfg(ringbus_loom)]
pub(crate) use twin::OnceBox;

#[cfg(ringbus_loom)]
mod twin {
    use core::ptr;
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicPtr, Ordering};

    /// once_cell's `race::OnceBox` over loom's atomics. It leaks what it holds: some are statics, which loom drops
    /// when there is no execution left to ask.
    pub(crate) struct OnceBox<T>(AtomicPtr<Whole<T>>);

    /// A value whose making loom has seen: a look at it that is not ordered after that is reported.
    struct Whole<T> {
        made: UnsafeCell<()>,
        value: Box<T>,
    }

    impl<T> OnceBox<T> {
        pub(crate) fn new() -> Self {
            Self(AtomicPtr::new(ptr::null_mut()))
        }

        pub(crate) fn get(&self) -> Option<&T> {
            let at = self.0.load(Ordering::Acquire);
            // SAFETY: a non-null pointer came from `Box::into_raw` in `set` and is never freed.
            let whole = unsafe { at.as_ref() }?;
            whole.made.with(|_| ());
            Some(&whole.value)
        }

        pub(crate) fn set(&self, value: Box<T>) -> Result<(), Box<T>> {
            let made = UnsafeCell::new(());
            made.with_mut(|_| ());
            let new = Box::into_raw(Box::new(Whole { made, value }));
            match self.0.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => Ok(()),
                // SAFETY: the exchange failed, so `new` is still ours alone.
                Err(_) => Err(unsafe { Box::from_raw(new) }.value),
            }
        }
    }
}
