//! A handle whose last one gives the value back, to be used again: [`Arc`] with a choice of what the end is.
//!
//! It is one word, and so is an `Option` of it: there is no empty state to ask for before each use.

use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::{Arc, Sole, sole};

/// What becomes of a value when its last handle goes.
pub(crate) trait Recycle: Sized {
    /// Takes the value back; nobody else has it.
    fn recycle(last: Sole<Self>);
}

/// See the [module](self).
pub(crate) struct Handle<T: Recycle>(ManuallyDrop<Arc<T>>);

// === impl Handle ===

impl<T: Recycle> Handle<T> {
    #[inline]
    pub(crate) fn new(counted: Arc<T>) -> Self {
        Self(ManuallyDrop::new(counted))
    }

    /// The counted pointer, which gives nothing back.
    #[inline]
    pub(crate) fn into_counted(self) -> Arc<T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped and not used again, so the pointer is taken out once.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }

    #[inline(never)]
    fn release(counted: Arc<T>) {
        if let Ok(last) = sole(counted) {
            T::recycle(last);
        }
    }
}

impl<T: Recycle> Drop for Handle<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: dropped once, and not used afterwards.
        Self::release(unsafe { ManuallyDrop::take(&mut self.0) });
    }
}

impl<T: Recycle> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl<T: Recycle> Deref for Handle<T> {
    type Target = Arc<T>;

    #[inline]
    fn deref(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T: Recycle> DerefMut for Handle<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Arc<T> {
        &mut self.0
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::cell::Cell;

    std::thread_local! {
        static GIVEN_BACK: Cell<u32> = const { Cell::new(0) };
    }

    struct Counted;

    impl Recycle for Counted {
        fn recycle(_: Sole<Self>) {
            GIVEN_BACK.set(GIVEN_BACK.get() + 1);
        }
    }

    #[test]
    fn the_last_handle_gives_back_and_a_counted_pointer_does_not() {
        let one = Handle::new(Arc::new(Counted));
        let other = one.clone();
        drop(one);
        assert_eq!(GIVEN_BACK.get(), 0);
        drop(other);
        assert_eq!(GIVEN_BACK.get(), 1);
        drop(Handle::new(Arc::new(Counted)).into_counted());
        assert_eq!(GIVEN_BACK.get(), 1);
        assert_eq!(size_of::<Option<Handle<Counted>>>(), size_of::<usize>());
    }
}
