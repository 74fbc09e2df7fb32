//! One immutable value that writers replace whole and readers load without waiting: arc-swap's, for what is read rarely,
//! and for comparison with [`versioned`](super::versioned). With the feature `reference-table` it is behind a lock.
//!
//! # Orderings
//! `swap` releases the new value and acquires the old one; `load` acquires. A load that happens after a swap sees that
//! swap's value or a later one.

use std::sync::Arc;

#[cfg(any(feature = "arc-swap-table", feature = "reference-table"))]
pub(crate) use form::Loaded;
pub(crate) use form::Snapshot;

#[cfg(not(feature = "reference-table"))]
mod form {
    use super::Arc;
    use crate::sync::step;

    /// A value read by many, replaced whole.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T>(arc_swap::ArcSwap<T>);

    /// What a reader holds while it reads; keeps that value alive.
    pub(crate) type Loaded<T> = arc_swap::Guard<Arc<T>>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: Arc<T>) -> Self {
            Self(arc_swap::ArcSwap::new(value))
        }

        #[inline]
        pub(crate) fn load(&self) -> Loaded<T> {
            step("snapshot.load");
            let loaded = self.0.load();
            step("snapshot.loaded");
            loaded
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, new: Arc<T>) -> Arc<T> {
            step("snapshot.swap");
            let old = self.0.swap(new);
            step("snapshot.swapped");
            old
        }
    }
}

#[cfg(feature = "reference-table")]
mod form {
    use super::Arc;
    use crate::sync::step;

    /// A value read by many, replaced whole.
    #[derive(Debug)]
    pub(crate) struct Snapshot<T>(parking_lot::RwLock<Arc<T>>);

    /// What a reader holds while it reads; keeps that value alive.
    pub(crate) type Loaded<T> = Arc<T>;

    impl<T> Snapshot<T> {
        pub(crate) fn new(value: Arc<T>) -> Self {
            Self(parking_lot::RwLock::new(value))
        }

        pub(crate) fn load(&self) -> Loaded<T> {
            step("snapshot.load");
            let loaded = Arc::clone(&self.0.read_recursive());
            step("snapshot.loaded");
            loaded
        }

        /// Replaces the value; the old one is the caller's to drop, outside every lock.
        pub(crate) fn swap(&self, new: Arc<T>) -> Arc<T> {
            step("snapshot.swap");
            let old = std::mem::replace(&mut *self.0.write(), new);
            step("snapshot.swapped");
            old
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_it_loaded() {
        let cell = Snapshot::new(Arc::new(1));
        let before = cell.load();
        let old = cell.swap(Arc::new(2));
        assert_eq!((*before.as_ref(), *old, *cell.load().as_ref()), (1, 1, 2));
    }
}
