//! The form in which readers announce what they read.

use core::ptr;
use std::sync::Arc;

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

    /// Announces that the calling thread is going to read, at a depth of its row, until the [end](Reading::end). `None`
    /// where both places of that depth are in use.
    #[inline]
    pub(crate) fn announce(&self, level: &'static Level) -> Option<Reading<'_, T>> {
        let [first, second] = &level.reads;
        // Relaxed: the thread's own words.
        let is_free = |place: &AtomicUsize| place.load(Ordering::Relaxed) == 0;
        let place = if is_free(first) {
            first
        } else if is_free(second) {
            second
        } else {
            return None;
        };
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
        // Acquire: the version's contents, also where it lies in the place of an older one that was announced.
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
