//! core's atomics, each operation between two steps.
//!
//! It promises core's behaviour, operation for operation and ordering for ordering: a test adds time, nothing else.
//! Only what the crate uses is here.

use core::fmt;
use core::sync::atomic as core_atomic;

pub(crate) use core::sync::atomic::Ordering;

/// See the [module](super).
#[inline]
fn around<R>(before: &'static str, operation: impl FnOnce() -> R) -> R {
    super::between(before, "atomic.done", operation)
}

/// core's `fence`.
#[inline]
pub(crate) fn fence(order: Ordering) {
    around("atomic.fence", || core_atomic::fence(order));
}

/// An atomic of core's: its name, its value, and the methods that it has beside those that all have.
macro_rules! atomic {
    ($name:ident $([$generic:ident])?, $value:ty $(, $more:ident)*) => {
        #[repr(transparent)]
        pub(crate) struct $name$(<$generic>)?(core_atomic::$name$(<$generic>)?);

        #[allow(dead_code, reason = "one face for all of them")]
        impl$(<$generic>)? $name$(<$generic>)? {
            #[inline]
            pub(crate) const fn new(value: $value) -> Self {
                Self(core_atomic::$name::new(value))
            }

            #[inline]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                around("atomic.load", || self.0.load(order))
            }

            #[inline]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                around("atomic.store", || self.0.store(value, order));
            }

            #[inline]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                around("atomic.swap", || self.0.swap(value, order))
            }

            #[inline]
            pub(crate) fn compare_exchange(
                &self,
                seen: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                around("atomic.exchange", || self.0.compare_exchange(seen, new, success, failure))
            }

            #[inline]
            pub(crate) fn compare_exchange_weak(
                &self,
                seen: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                around("atomic.exchange", || self.0.compare_exchange_weak(seen, new, success, failure))
            }

            $(
                #[inline]
                pub(crate) fn $more(&self, value: $value, order: Ordering) -> $value {
                    around("atomic.fetch", || self.0.$more(value, order))
                }
            )*
        }

        impl$(<$generic>)? fmt::Debug for $name$(<$generic>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicPtr[T], *mut T);
atomic!(AtomicU8, u8);
atomic!(AtomicU32, u32, fetch_add, fetch_sub, fetch_and, fetch_or);
atomic!(AtomicU64, u64, fetch_add, fetch_and, fetch_or, fetch_max);
atomic!(AtomicUsize, usize, fetch_add, fetch_sub);

impl Default for AtomicU64 {
    fn default() -> Self {
        Self::new(0)
    }
}
