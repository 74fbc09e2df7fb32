//! The forms in which a reader holds what it reads: by the guard of arc-swap, or by a count that it takes under a lock.

use std::sync::Arc;

use crate::sync::atomic::{Ordering, fence};
use crate::sync::rows::Level;
use crate::sync::snapshot::{Loaded, Snapshot};

/// A replaced version, to be dropped.
pub(crate) type Old<T> = Arc<T>;

/// What readers see of a value.
pub(crate) struct Versioned<T> {
    newest: Arc<Snapshot<T>>,
}

/// The writers' side, under a lock of theirs.
pub(crate) struct Versions<T> {
    newest: Arc<T>,
}

/// One reading of the newest version.
pub(crate) struct Reading<'a, T> {
    of: &'a Versioned<T>,
    seen: Loaded<T>,
}

impl<T> Versioned<T> {
    /// Both sides of `value`.
    pub(crate) fn new(value: T) -> (Self, Versions<T>) {
        let newest = Arc::new(value);
        (Self { newest: Arc::new(Snapshot::new(Arc::clone(&newest))) }, Versions { newest })
    }

    /// Begins to read.
    pub(crate) fn announce(&self, _: &'static Level) -> Option<Reading<'_, T>> {
        Some(Reading { of: self, seen: self.newest.load() })
    }
}

impl<T> Reading<'_, T> {
    /// Comes to the newest version.
    pub(crate) fn confirm_after_rmw(&mut self) {
        self.seen = self.of.newest.load();
    }

    /// The same by a fence of its own.
    pub(crate) fn confirmed(mut self) -> Self {
        fence(Ordering::SeqCst);
        self.confirm_after_rmw();
        self
    }

    /// Goes on after `run`.
    pub(crate) fn suspended(self, run: impl FnOnce()) -> Self {
        run();
        self
    }

    /// The version that was confirmed.
    pub(crate) fn get(&self) -> &T {
        &self.seen
    }

    /// The same, unless it was replaced.
    pub(crate) fn get_if_newest(&self) -> Option<&T> {
        std::ptr::eq(self.of.newest.load().as_ref(), self.seen.as_ref()).then(|| self.get())
    }

    /// Ends the reading; nobody has anything to look for.
    pub(crate) fn end(self) -> bool {
        false
    }
}

impl<T> Versions<T> {
    /// The newest version.
    pub(crate) fn newest(&self) -> &T {
        &self.newest
    }

    /// Replaces the newest version; the old one comes back, to be dropped outside the lock.
    pub(crate) fn replace(&mut self, of: &Versioned<T>, value: T) -> Vec<Old<T>> {
        self.newest = Arc::new(value);
        vec![of.newest.swap(Arc::clone(&self.newest))]
    }

    /// None: the last reader drops it.
    pub(crate) fn unread(&mut self) -> Vec<Old<T>> {
        Vec::new()
    }
}
