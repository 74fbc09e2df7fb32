//! A counted pointer without weak handles, so that finding oneself alone is a load and no exchange; and its sole form,
//! which may be written to.
//!
//! Who holds the sole handle makes the second one without an exchange: nobody else can be at the count.
//!
//! # Orderings
//! As in std's `Arc`: a clone is Relaxed, since it comes from a handle; a drop releases, and whoever finds itself the
//! last one acquires, so what others did with the value happens before it is written or dropped.

use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The value, and how many handles there are.
#[repr(C)]
struct Block<T> {
    count: AtomicUsize,
    value: T,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Arc<T> {
    block: NonNull<Block<T>>,
}

/// A handle that is the only one.
#[derive(Debug)]
pub(crate) struct Sole<T> {
    block: NonNull<Block<T>>,
}

// SAFETY: handles on several threads share the value (so `Sync`), and any of them may come to drop it (so `Send`).
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above: a shared handle can be cloned.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}
// SAFETY: the value goes where its one handle goes.
unsafe impl<T: Send> Send for Sole<T> {}
// SAFETY: a shared sole handle only shares the value.
unsafe impl<T: Sync> Sync for Sole<T> {}

impl<T: core::panic::RefUnwindSafe> core::panic::UnwindSafe for Arc<T> {}
impl<T: core::panic::RefUnwindSafe> core::panic::RefUnwindSafe for Arc<T> {}

/// A further handle; a sole one's is made without an exchange.
#[inline]
pub(crate) fn again<T>(handle: &mut Arc<T>) -> Arc<T> {
    if Arc::strong_count(handle) == 1 {
        // Nobody else has a handle, and nobody borrows this one to clone it.
        handle.block().count.store(2, Ordering::Relaxed);
        Arc { block: handle.block }
    } else {
        Arc::clone(handle)
    }
}

/// The handle as a sole one, if it is.
#[inline]
pub(crate) fn sole<T>(handle: Arc<T>) -> Result<Sole<T>, Arc<T>> {
    // Acquire: what others did, before they dropped their handles.
    if handle.block().count.load(Ordering::Acquire) == 1 {
        // The handle lives on as the sole one.
        Ok(Sole { block: core::mem::ManuallyDrop::new(handle).block })
    } else {
        Err(handle)
    }
}

// === impl Arc ===

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        let block = Box::new(Block { count: AtomicUsize::new(1), value });
        Self { block: NonNull::from(Box::leak(block)) }
    }

    #[inline]
    fn block(&self) -> &Block<T> {
        // SAFETY: the block lives as long as there is a handle, and this is one.
        unsafe { self.block.as_ref() }
    }

    /// How many handles there are, at this moment: 1 stays so, unless its holder changes that.
    #[inline]
    pub(crate) fn strong_count(this: &Self) -> usize {
        this.block().count.load(Ordering::Relaxed)
    }

    /// The value for writing, if this is the sole handle.
    #[inline]
    pub(crate) fn get_mut(this: &mut Self) -> Option<&mut T> {
        if this.block().count.load(Ordering::Acquire) == 1 {
            // SAFETY: the one handle is borrowed mutably: nobody else reads or writes.
            Some(unsafe { &mut this.block.as_mut().value })
        } else {
            None
        }
    }

    /// Where the value is.
    #[inline]
    pub(crate) fn as_ptr(this: &Self) -> *const T {
        // SAFETY: the block lives; only an address is made.
        unsafe { &raw const (*this.block.as_ptr()).value }
    }

    /// Where the value is; its handle is whoever's who gives that to [`from_raw`](Self::from_raw).
    #[inline]
    pub(crate) fn into_raw(this: Self) -> *const T {
        let at = Self::as_ptr(&this);
        core::mem::forget(this);
        at
    }

    /// The handle that [`into_raw`](Self::into_raw) has given up.
    ///
    /// # Safety
    /// `at` came from `into_raw`, and each handle given up is taken back once.
    #[inline]
    pub(crate) unsafe fn from_raw(at: *const T) -> Self {
        // SAFETY: `at` points to the value of a block that lives.
        let block = unsafe { at.byte_sub(core::mem::offset_of!(Block<T>, value)) }.cast::<Block<T>>().cast_mut();
        // SAFETY: as above, so it is not null.
        Self { block: unsafe { NonNull::new_unchecked(block) } }
    }

    #[inline]
    pub(crate) fn ptr_eq(a: &Self, b: &Self) -> bool {
        ptr::addr_eq(a.block.as_ptr(), b.block.as_ptr())
    }

    #[cold]
    fn free(block: NonNull<Block<T>>) {
        // SAFETY: it came from a box, and the last handle is gone.
        drop(unsafe { Box::from_raw(block.as_ptr()) });
    }
}

impl<T> Clone for Arc<T> {
    #[inline]
    fn clone(&self) -> Self {
        let before = self.block().count.fetch_add(1, Ordering::Relaxed);
        if before > isize::MAX as usize {
            // As std does: so many handles can only have been leaked, and the count would come round to none.
            std::process::abort();
        }
        Self { block: self.block }
    }
}

impl<T> Drop for Arc<T> {
    #[inline]
    fn drop(&mut self) {
        if self.block().count.fetch_sub(1, Ordering::Release) == 1 {
            // Acquire, as a load: sanitizers know no fence.
            self.block().count.load(Ordering::Acquire);
            Self::free(self.block);
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.block().value
    }
}

// === impl Sole ===

impl<T> Sole<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { block: core::mem::ManuallyDrop::new(Arc::new(value)).block }
    }

    #[inline]
    pub(crate) fn share(self) -> Arc<T> {
        Arc { block: core::mem::ManuallyDrop::new(self).block }
    }
}

impl<T> Deref for Sole<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the block lives as long as there is a handle, and this is the one.
        unsafe { &self.block.as_ref().value }
    }
}

impl<T> Drop for Sole<T> {
    #[inline]
    fn drop(&mut self) {
        Arc::free(self.block);
    }
}

impl<T> DerefMut for Sole<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the only handle is in here, and nobody gets at it but through this borrow.
        unsafe { &mut self.block.as_mut().value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_counted_and_the_last_one_drops() {
        let inner = std::sync::Arc::new(());
        let mut one = Arc::new(std::sync::Arc::clone(&inner));
        let two = again(&mut one);
        let three = again(&mut one);
        assert_eq!(Arc::strong_count(&two), 3);
        assert!(Arc::ptr_eq(&one, &three) && Arc::get_mut(&mut one).is_none());
        let raw = Arc::into_raw(three);
        assert_eq!(raw, Arc::as_ptr(&one));
        // SAFETY: given up the line before last, and taken back once.
        drop((one, unsafe { Arc::from_raw(raw) }));
        let Ok(mut only) = sole(two) else { panic!("two are gone") };
        *only = std::sync::Arc::clone(&inner);
        let mut last = only.share();
        assert!(Arc::get_mut(&mut last).is_some() && std::sync::Arc::strong_count(&inner) == 2);
        let other = last.clone();
        assert!(sole(last).is_err());
        drop(other);
        assert_eq!(std::sync::Arc::strong_count(&inner), 1);
    }

    #[test]
    fn a_value_may_be_aligned_to_more_than_its_count() {
        #[repr(align(128))]
        struct Wide(u8);
        let one = Arc::new(Wide(7));
        assert_eq!(Arc::as_ptr(&one).addr() % 128, 0);
        // SAFETY: given up here.
        assert_eq!(unsafe { Arc::from_raw(Arc::into_raw(one)) }.0, 7);
    }
}
