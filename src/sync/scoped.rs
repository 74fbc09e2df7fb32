//! A thread-local reference that is set for the length of a call.
//!
//! A handler may ask for "the bus that is calling me" ([`with`]). Holding a counted handle for that would put a
//! reference count shared by all publishers on the way of every publish; a borrowed pointer costs two stores.

use core::any::Any;
use core::cell::Cell;

use super::thread_local;

thread_local! {
    static CURRENT: Cell<Option<*const dyn Any>> = const { Cell::new(None) };
}

/// Sets the reference while `call` runs, and restores what was there before, also by unwinding.
#[inline]
pub(crate) fn set<R>(value: &dyn Any, call: impl FnOnce() -> R) -> R {
    struct Restore(Option<*const dyn Any>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(Some(core::ptr::from_ref(value)))));
    call()
}

/// Hands `call` the innermost reference set on this thread, if it is a `T`.
pub(crate) fn with<T: Any, R>(call: impl FnOnce(Option<&T>) -> R) -> R {
    let at = CURRENT.with(Cell::get);
    // SAFETY: the cell holds what `set` put there from a live reference: `set` does not return, and so that borrow does
    // not end, before it has restored the cell; no other thread reads it.
    let value = at.map(|at| unsafe { &*at });
    call(value.and_then(<dyn Any>::downcast_ref))
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn nests_and_is_restored_by_unwinding() {
        let read = || with(|value: Option<&u32>| value.copied());
        assert_eq!(read(), None);
        set(&1_u32, || {
            let unwound = catch_unwind(AssertUnwindSafe(|| set(&2_u32, || panic!("{:?}", read()))));
            assert!(unwound.is_err());
            assert_eq!(read(), Some(1));
            set(&"another type", || assert_eq!(read(), None));
        });
        assert_eq!(read(), None);
    }
}
