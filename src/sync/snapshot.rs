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

#[cfg(not(any(ringbus_loom, feature = "reference-table")))]
pub(crate) use form::Cached;
#[cfg(ringbus_loom)]
pub(crate) use form::Reclaiming;
pub(crate) use form::{Loaded, Snapshot};

/// One reader who looks again and again; here each look is like the first.
#[cfg(any(ringbus_loom, feature = "reference-table"))]
pub(crate) struct Cached<'a, T> {
    from: &'a Snapshot<T>,
    seen: Option<Loaded<T>>,
}

#[cfg(any(ringbus_loom, feature = "reference-table"))]
impl<T> Cached<'_, T> {
    /// The value now.
    pub(crate) fn load(&mut self) -> &T {
        self.seen = None;
        self.seen.insert(self.from.load())
    }
}

#[cfg(any(ringbus_loom, feature = "reference-table"))]
impl<T> Snapshot<T> {
    pub(crate) fn cached(&self) -> Cached<'_, T> {
        Cached { from: self, seen: None }
    }
}

#[cfg(not(any(ringbus_loom, feature = "reference-table")))]
mod form {
    use super::Arc;
    use crate::sync::step;

    /// A value read by many, replaced whole.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T>(arc_swap::ArcSwap<T>);

    /// What a reader holds while it reads; keeps that value alive.
    pub(crate) type Loaded<T> = arc_swap::Guard<Arc<T>>;

    /// See [`Snapshot::cached`]; keeps what it has seen last alive.
    pub(crate) struct Cached<'a, T>(arc_swap::Cache<&'a arc_swap::ArcSwap<T>, Arc<T>>);

    impl<T> Cached<'_, T> {
        /// The value now.
        #[inline]
        pub(crate) fn load(&mut self) -> &T {
            step("snapshot.load");
            let loaded = self.0.load();
            step("snapshot.loaded");
            loaded
        }
    }

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(arc_swap::ArcSwap::from_pointee(value))
        }

        #[inline]
        pub(crate) fn load(&self) -> Loaded<T> {
            step("snapshot.load");
            let loaded = self.0.load();
            step("snapshot.loaded");
            loaded
        }

        /// For one reader who looks again and again: most looks find the value that it has already.
        pub(crate) fn cached(&self) -> Cached<'_, T> {
            Cached(arc_swap::Cache::new(&self.0))
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            let new = Arc::new(value);
            step("snapshot.swap");
            let old = self.0.swap(new);
            step("snapshot.swapped");
            old
        }
    }
}

#[cfg(all(feature = "reference-table", not(ringbus_loom)))]
mod form {
    use super::Arc;
    use crate::sync::step;

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
            step("snapshot.load");
            let loaded = Arc::clone(&self.0.read_recursive());
            step("snapshot.loaded");
            loaded
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            let new = Arc::new(value);
            step("snapshot.swap");
            let old = std::mem::replace(&mut *self.0.write(), new);
            step("snapshot.swapped");
            old
        }
    }
}

#[cfg(ringbus_loom)]
mod form {
    use super::Arc;
    use loom::cell::UnsafeCell;
    use loom::sync::atomic::{AtomicPtr, Ordering};
    use std::cell::Cell;
    use std::sync::{Mutex, Weak};

    /// A value read by many, replaced whole. Old values live until the cell is dropped, so that a reader may come to any
    /// that the orderings allow; under [`Reclaiming`] until their last holder drops them, as they do with arc-swap.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T> {
        at: AtomicPtr<Version<T>>,
        kept: Mutex<Kept<T>>,
    }

    /// All versions ever, for readers' pointers, and the values that are kept alive.
    #[derive(Debug)]
    struct Kept<T> {
        versions: Vec<Box<Version<T>>>,
        values: Vec<Arc<T>>,
    }

    std::thread_local! {
        /// All threads of one model run on one of the platform's.
        static RECLAIMS: Cell<bool> = const { Cell::new(false) };
    }

    /// While it lives, a replaced value goes with its last holder; a reader that comes to one that is gone looks again.
    pub(crate) struct Reclaiming(());

    impl Reclaiming {
        pub(crate) fn begin() -> Self {
            RECLAIMS.set(true);
            Self(())
        }
    }

    impl Drop for Reclaiming {
        fn drop(&mut self) {
            RECLAIMS.set(false);
        }
    }

    /// A value, and a cell that stands for its contents: loom reports a reader that is not ordered after the writer.
    #[derive(Debug)]
    struct Version<T> {
        value: Weak<T>,
        contents: UnsafeCell<()>,
    }

    /// What a reader holds while it reads.
    pub(crate) type Loaded<T> = Arc<T>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: T) -> Self {
            let (version, value) = Version::new(value);
            let at = AtomicPtr::new(version.at());
            Self { at, kept: Mutex::new(Kept { versions: vec![version], values: vec![value] }) }
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            let found = Self::read(self.at.load(Ordering::Acquire));
            found.unwrap_or_else(|| self.newest())
        }

        pub(crate) fn swap(&self, value: T) -> Arc<T> {
            let (version, value) = Version::new(value);
            let at = version.at();
            let mut kept = self.kept.lock().unwrap();
            kept.versions.push(version);
            kept.values.push(value);
            drop(kept);
            let old = Self::read(self.at.swap(at, Ordering::AcqRel)).expect("kept while it is the newest");
            if RECLAIMS.get() {
                self.kept.lock().unwrap().values.retain(|one| !Arc::ptr_eq(one, &old));
            }
            old
        }

        /// What an exchange would find: never an old value. arc-swap looks again where a value was replaced meanwhile.
        #[cold]
        fn newest(&self) -> Arc<T> {
            let null = std::ptr::null_mut();
            loop {
                let (Ok(at) | Err(at)) = self.at.compare_exchange(null, null, Ordering::AcqRel, Ordering::Acquire);
                if let Some(value) = Self::read(at) {
                    return value;
                }
            }
        }

        /// `None` where it is gone.
        fn read(at: *const Version<T>) -> Option<Arc<T>> {
            // SAFETY: `at` points into a box that `kept` holds until `self` is dropped.
            let version = unsafe { &*at };
            version.contents.with(|_| ());
            version.value.upgrade()
        }
    }

    impl<T> Version<T> {
        fn new(value: T) -> (Box<Self>, Arc<T>) {
            let value = Arc::new(value);
            let version = Box::new(Self { value: Arc::downgrade(&value), contents: UnsafeCell::new(()) });
            version.contents.with_mut(|_| ());
            (version, value)
        }

        fn at(&self) -> *mut Self {
            std::ptr::from_ref(self).cast_mut()
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
