//! One immutable value that is replaced whole, read without waiting: each reader announces, in its thread's row, which
//! version it is about to read, and who replaces a version keeps it until nobody has announced it.
//!
//! These are hazard pointers (Michael, "Safe memory reclamation for dynamic lock-free objects", 2002), two for each
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
//! - `newest`: released with each new version, acquired by who reads it. (No model shows it: each reading has a fence, and
//!   loom's fences order more than the language's do; nor has loom an address that comes again.)
//! - announcement against replacement: the reader fences between announcing and looking again, the writer between
//!   replacing and looking for announcements (Dekker): the reader sees the new version, or the writer the announcement.
//! - an announcement is taken back, or replaced, with Release, and looked for with Acquire: all reads of a version happen
//!   before it is freed.

pub(crate) use form::{Old, Reading, Versioned, Versions};

#[cfg(any(ringbus_loom, not(any(feature = "arc-swap-table", feature = "reference-table"))))]
#[path = "versioned/announced.rs"]
mod form;

#[cfg(all(any(feature = "arc-swap-table", feature = "reference-table"), not(ringbus_loom)))]
#[path = "versioned/held.rs"]
mod form;

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::rows;
    use std::sync::Arc;

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
    fn one_depth_has_two_readings() {
        let visit = rows::visit().unwrap();
        let (cell, _versions) = Versioned::new(1);
        let first = cell.announce(visit.level(DEPTH)).unwrap();
        let second = cell.announce(visit.level(DEPTH)).unwrap();
        assert!(cell.announce(visit.level(DEPTH)).is_none());
        assert!(cell.announce(visit.level(DEPTH + 1)).is_some_and(|other| !other.end()));
        assert!(!first.end() && !second.end());
        assert!(cell.announce(visit.level(DEPTH)).is_some_and(|again| !again.end()));
    }
}
