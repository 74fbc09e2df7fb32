//! One immutable value that is replaced whole, read without waiting: each reader announces, in its thread's row, which
//! version it is about to read, and who replaces a version keeps it until nobody has announced it.
//!
//! These are hazard pointers (Michael, "Safe memory reclamation for dynamic lock-free objects", 2002), one for each
//! nesting depth. A reader loads the pointer, announces it, fences, and loads again: the same pointer means that whoever
//! replaced it later sees the announcement. The fence may be that of a read-modify-write which the reader has to make in
//! any case; so a reading costs two loads and two stores, and writes no line that another core writes.
//!
//! A replaced version that somebody reads is kept in [`Versions`], under the writers' lock, until a later change, or until
//! a reader ends who finds that its version was replaced: it is told ([`Reading::end`]) and has the writers look again.
//! What one such look may miss, because the reader's end was still on its way, is one version for each reader; the next
//! change frees it (P9). No call is running in it: that reader has left its last one before.
//!
//! Three forms with one face: this one; the feature `arc-swap-table` takes arc-swap instead, for comparison; the feature
//! `reference-table` takes a lock: slow and plainly right, the whole test-suite runs on it too. Models run this form.
//!
//! # Orderings
//! - `newest`: released with each new version, acquired by who reads it.
//! - announcement against replacement: the reader fences between announcing and looking again, the writer between
//!   replacing and looking for announcements (Dekker): the reader sees the new version, or the writer the announcement.
//! - an announcement is taken back, or replaced, with Release, and looked for with Acquire: all reads of a version happen
//!   before it is freed.

use std::sync::Arc;

pub(crate) use form::{Old, Reading, Versioned, Versions};

#[cfg(any(ringbus_loom, not(any(feature = "arc-swap-table", feature = "reference-table"))))]
mod form {
    use core::ptr;

    use super::Arc;
    use crate::sync::asymmetric::heavy_fence;
    use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};
    use crate::sync::cell::UnsafeCell;
    use crate::sync::rows::{self, Level};
    use crate::sync::{fence_after_rmw, step};

    /// A replaced version that nobody reads, to be dropped.
    #[cfg_attr(not(ringbus_loom), allow(dead_code, reason = "held to be dropped"))]
    pub(crate) struct Old<T>(Arc<Version<T>>);

    /// What readers see of a value.
    pub(crate) struct Versioned<T> {
        newest: AtomicPtr<Version<T>>,
    }

    /// The writers' side, under a lock of theirs: the newest version, and replaced ones that somebody may still read.
    pub(crate) struct Versions<T> {
        newest: Arc<Version<T>>,
        kept: Vec<Arc<Version<T>>>,
    }

    /// A value that nobody changes; in a cell, so that a model sees who reads and frees it.
    struct Version<T>(UnsafeCell<T>);

    // SAFETY: the cell is only read until it is dropped, so this is as `T` itself.
    unsafe impl<T: Sync> Sync for Version<T> {}

    /// One reading of the newest version, from announcement to [`end`](Self::end).
    pub(crate) struct Reading<'a, T> {
        of: &'a Versioned<T>,
        place: &'static AtomicUsize,
        seen: *const Version<T>,
    }

    impl<T> Versioned<T> {
        /// Both sides of `value`. The writers' side lives as long as there are readers.
        pub(crate) fn new(value: T) -> (Self, Versions<T>) {
            let newest = Version::new(value);
            (Self { newest: AtomicPtr::new(at(&newest)) }, Versions { newest, kept: Vec::new() })
        }

        /// Announces that the calling thread is going to read, at a depth of its row; nobody else reads there until the
        /// [end](Reading::end): `None` where somebody does.
        #[inline]
        pub(crate) fn announce(&self, level: &'static Level) -> Option<Reading<'_, T>> {
            let place = &level.reads;
            // Relaxed: the thread's own word.
            if place.load(Ordering::Relaxed) != 0 {
                return None;
            }
            step("versioned.load");
            // Relaxed: a guess, until it is confirmed.
            let seen = self.newest.load(Ordering::Relaxed);
            step("versioned.announce");
            place.store(seen.addr(), Ordering::Release);
            Some(Reading { of: self, place, seen })
        }
    }

    impl<T> Reading<'_, T> {
        /// Makes sure that what was announced is the newest version and will not be freed. The thread has made a
        /// read-modify-write since it was announced.
        #[inline]
        pub(crate) fn confirm_after_rmw(&mut self) {
            // Pairs with the fence in `replace`.
            fence_after_rmw();
            step("versioned.confirm");
            // Acquire: the version's contents.
            let newest = self.of.newest.load(Ordering::Acquire);
            if !ptr::eq(newest, self.seen) {
                self.announce_anew(newest);
            }
        }

        #[cold]
        fn announce_anew(&mut self, mut newest: *mut Version<T>) {
            loop {
                // Release: as any end of a reading; a read-modify-write, for the fence.
                self.place.swap(newest.addr(), Ordering::AcqRel);
                self.seen = newest;
                fence_after_rmw();
                step("versioned.again");
                // Somebody has replaced it since: one of us got on.
                newest = self.of.newest.load(Ordering::Acquire);
                if ptr::eq(newest, self.seen) {
                    return;
                }
            }
        }

        /// The same by a fence of its own.
        pub(crate) fn confirmed(mut self) -> Self {
            fence(Ordering::SeqCst);
            self.confirm_after_rmw();
            self
        }

        /// Takes the announcement back while `run` runs, which may be user code that reads at this depth.
        pub(crate) fn suspended(mut self, run: impl FnOnce()) -> Self {
            self.place.store(0, Ordering::Release);
            run();
            self.announce_anew(self.of.newest.load(Ordering::Relaxed));
            self
        }

        /// The version that was confirmed.
        #[inline]
        pub(crate) fn get(&self) -> &T {
            // SAFETY: by the fences of `confirm_after_rmw` and `replace`, who has replaced this version since sees that it
            // is announced, and frees it only after that is taken back; which `end` does, when this borrow has ended.
            unsafe { &*self.seen }.get()
        }

        /// The same, unless it was replaced.
        #[inline]
        pub(crate) fn get_if_newest(&self) -> Option<&T> {
            // Relaxed: by coherence it is none older than what happened before; and nothing new is read.
            ptr::eq(self.of.newest.load(Ordering::Relaxed), self.seen).then(|| self.get())
        }

        /// Ends the reading. `true` where the version was replaced meanwhile: the caller is to have the writers look for
        /// what may be freed.
        #[inline]
        pub(crate) fn end(self) -> bool {
            let (of, seen) = (self.of, self.seen);
            drop(self);
            // Relaxed: what it misses, the next change finds; see the module's head.
            !ptr::eq(of.newest.load(Ordering::Relaxed), seen)
        }
    }

    impl<T> Drop for Reading<'_, T> {
        #[inline]
        fn drop(&mut self) {
            step("versioned.end");
            self.place.store(0, Ordering::Release);
        }
    }

    impl<T> Versions<T> {
        /// The newest version.
        pub(crate) fn newest(&self) -> &T {
            self.newest.get()
        }

        /// Replaces the newest version; what nobody reads any more comes back, to be dropped outside the lock.
        pub(crate) fn replace(&mut self, of: &Versioned<T>, value: T) -> Vec<Old<T>> {
            let new = Version::new(value);
            step("versioned.replace");
            // Release: the new version. The old one is the writers' own, and the lock orders them.
            of.newest.store(at(&new), Ordering::Release);
            step("versioned.replaced");
            self.kept.push(core::mem::replace(&mut self.newest, new));
            self.unread()
        }

        /// What nobody reads any more, of the versions that were replaced.
        pub(crate) fn unread(&mut self) -> Vec<Old<T>> {
            if self.kept.is_empty() {
                return Vec::new();
            }
            // Pairs with the fence in `confirm_after_rmw`.
            heavy_fence();
            let all = core::mem::take(&mut self.kept).into_iter();
            let (kept, unread): (Vec<_>, Vec<_>) = all.partition(|version| rows::any_reads(at(version).addr()));
            self.kept = kept;
            unread.into_iter().map(Old).collect()
        }
    }

    impl<T> Version<T> {
        fn new(value: T) -> Arc<Self> {
            let version = Self(UnsafeCell::new(value));
            version.0.with_mut(|_| ());
            Arc::new(version)
        }

        #[inline]
        fn get(&self) -> &T {
            // SAFETY: nobody writes to it before it is dropped.
            self.0.with(|value| unsafe { &*value })
        }
    }

    impl<T> Old<T> {
        /// The value, as nobody sees it any more.
        #[cfg(ringbus_loom)]
        pub(crate) fn get(&self) -> &T {
            self.0.get()
        }
    }

    /// In models, one that reads it now, or has not been ordered before, is reported; and the place of what is dropped
    /// stays: an address that came again, or did not, would make one run differ from the next.
    #[cfg(ringbus_loom)]
    impl<T> Drop for Old<T> {
        fn drop(&mut self) {
            core::mem::forget(Arc::clone(&self.0));
            // SAFETY: nobody reads it, and since the place is kept for good, nobody drops it once more.
            self.0.0.with_mut(|value| unsafe { core::ptr::drop_in_place(value) });
        }
    }

    fn at<T>(version: &Arc<Version<T>>) -> *mut Version<T> {
        Arc::as_ptr(version).cast_mut()
    }
}

#[cfg(all(any(feature = "arc-swap-table", feature = "reference-table"), not(ringbus_loom)))]
mod form {
    use super::Arc;
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
            std::ptr::eq(&raw const **self.of.newest.load(), &raw const **self.seen).then(|| self.get())
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
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::rows;

    /// The place of a depth that nobody uses.
    const DEPTH: usize = 7;

    #[test]
    fn what_is_read_is_kept_until_the_end() {
        let held = Arc::new(());
        let level = rows::visit().unwrap().level(DEPTH);
        let (cell, mut versions) = Versioned::new((1, Arc::clone(&held)));
        let mut reading = cell.announce(level).unwrap();
        reading.confirm_after_rmw();
        assert_eq!(reading.get().0, 1);
        drop(versions.replace(&cell, (2, Arc::clone(&held))));
        assert_eq!((reading.get().0, versions.newest().0, Arc::strong_count(&held)), (1, 2, 3));
        if reading.end() {
            assert_eq!(versions.unread().len(), 1);
        }
        assert_eq!(Arc::strong_count(&held), 2);
        let mut reading = cell.announce(level).unwrap();
        assert_eq!(versions.replace(&cell, (3, Arc::clone(&held))).len(), come_back());
        reading.confirm_after_rmw();
        assert_eq!(reading.get().0, 3, "replaced between announcement and confirmation");
        assert!(!reading.end());
        assert_eq!(versions.unread().len(), 1 - come_back());
    }

    /// How many come back at once of those that were announced and not confirmed.
    fn come_back() -> usize {
        usize::from(cfg!(any(feature = "arc-swap-table", feature = "reference-table")))
    }

    #[cfg(not(any(feature = "arc-swap-table", feature = "reference-table")))]
    #[test]
    fn one_place_has_one_reading() {
        let visit = rows::visit().unwrap();
        let (cell, _versions) = Versioned::new(1);
        let first = cell.announce(visit.level(DEPTH)).unwrap();
        assert!(cell.announce(visit.level(DEPTH)).is_none());
        assert!(cell.announce(visit.level(DEPTH + 1)).is_some_and(|other| !other.end()));
        assert!(!first.end());
        assert!(cell.announce(visit.level(DEPTH)).is_some_and(|again| !again.end()));
    }
}
