//! One immutable value that writers replace whole and readers load without waiting.
//!
//! Three forms with one face. The default is arc-swap's. The feature `reference-table` takes a lock instead: slow and
//! plainly right, the whole test-suite runs on it too. Under loom it is an `AtomicPtr`, so that a model sees the
//! weakest order that readers may rely on (a lock would add fences that the product does not have).
//!
//! # Orderings
//! `swap` releases the new value and acquires the old one; `load` acquires. A load that happens after a swap sees that
//! swap's value or a later one.

use std::sync::Arc;

pub(crate) use form::{Loaded, Snapshot};

#[cfg(not(any(ringbus_loom, feature = "reference-table")))]
mod form {
    use super::Arc;

    /// A value read by many, replaced whole.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T>(arc_swap::ArcSwap<T>);

    /// What a reader holds while it reads; keeps that value alive.
    pub(crate) type Loaded<T> = arc_swap::Guard<Arc<T>>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(arc_swap::ArcSwap::from_pointee(value))
        }

        #[inline]
        pub(crate) fn load(&self) -> Loaded<T> {
            self.0.load()
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            self.0.swap(Arc::new(value))
        }
    }
}

#[cfg(all(feature = "reference-table", not(ringbus_loom)))]
mod form {
    use super::Arc;

    /// A value read by many, replaced whole.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T>(parking_lot::RwLock<Arc<T>>);

    /// What a reader holds while it reads; keeps that value alive.
    pub(crate) type Loaded<T> = Arc<T>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(parking_lot::RwLock::new(Arc::new(value)))
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            Arc::clone(&self.0.read_recursive())
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            let new = Arc::new(value);
            std::mem::replace(&mut *self.0.write(), new)
        }
    }
}

#[cfg(ringbus_loom)]
mod form {
    use super::Arc;
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicPtr, Ordering};
    use std::sync::Mutex;

    /// A value read by many, replaced whole. Old values live until the cell is dropped: reclaiming them is arc-swap's
    /// part, which loom cannot see.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T> {
        at: AtomicPtr<Version<T>>,
        kept: Mutex<Vec<Box<Version<T>>>>,
    }

    /// A value, and a cell that stands for its contents: loom reports a reader that is not ordered after the writer.
    #[derive(Debug)]
    struct Version<T> {
        value: Arc<T>,
        contents: UnsafeCell<()>,
    }

    /// What a reader holds while it reads.
    pub(crate) type Loaded<T> = Arc<T>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: T) -> Self {
            let (version, at) = Version::new(value);
            Self { at: AtomicPtr::new(at), kept: Mutex::new(vec![version]) }
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            Self::read(self.at.load(Ordering::Acquire))
        }

        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            let (version, at) = Version::new(value);
            self.kept.lock().unwrap().push(version);
            Self::read(self.at.swap(at, Ordering::AcqRel))
        }

        fn read(at: *const Version<T>) -> Arc<T> {
            // SAFETY: `at` points into a box that `kept` holds until `self` is dropped.
            let version = unsafe { &*at };
            version.contents.with(|_| ());
            Arc::clone(&version.value)
        }
    }

    impl<T> Version<T> {
        fn new(value: T) -> (Box<Self>, *mut Self) {
            let version = Box::new(Self { value: Arc::new(value), contents: UnsafeCell::new(()) });
            version.contents.with_mut(|_| ());
            let at = std::ptr::from_ref(&*version).cast_mut();
            (version, at)
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_it_loaded() {
        let cell = Snapshot::new(1);
        let before = cell.load();
        let old = cell.swap(2);
        assert_eq!((*before.as_ref(), *old, *cell.load().as_ref()), (1, 1, 2));
    }
}
