//! One place in the ring: a counted pointer and the lap it belongs to, in one word.
//!
//! A writer exchanges its record in and gets the evicted one back. A reader takes the record out, leaving a marker,
//! clones it, and puts it back; readers exclude each other (the recorder's lock), so there is one marker at a time. If
//! a writer came meanwhile, the reader's restore fails and the record is the reader's to drop, as evicted.
//!
//! A writer that has been overtaken by a whole lap must not evict the newer record. It cannot swap and put back: in
//! between a recorded event would be invisible (P2). So it looks first, and exchanges only against what it saw. What
//! it looks at is the ring's head, after the word: if a newer lap's record is in the word, its ticket is in the head.
//! The lap in the word is there so that "what it saw" cannot return: the same memory may be recycled into the same
//! slot one lap later. The exchange is fooled only if a writer sleeps for an exact multiple of 2^20 laps *and* finds
//! the same memory there: with the smallest ring 2^30 events to one shard, during which it would have to be asleep.
//!
//! # Orderings
//! To ensure: whoever gets a record out of a word sees all that was done to it, the reference counts too, because an
//! evicted record that nobody else holds is recycled through `get_mut`. So every exchange that puts a pointer in
//! releases, every one that takes a pointer out acquires, and a reader clones *before* it restores. An exchange of
//! whatever ordering stays in the release sequence of what it replaces. Readers, the cold side, exchange with both halves
//! where one would do; no model needs the other one.
#![allow(unsafe_code)]

use core::marker::PhantomData;
use core::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{Arc, step};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("ringbus packs a pointer and a lap into one word of 64 bits");

/// The word, from high bits to low:
///
/// ```text
/// | address >> 4: 44 bits (0 = nothing, 1 = a reader has it) | lap: 20 bits |
/// ```
#[derive(Debug)]
pub(crate) struct Slot<T> {
    word: AtomicPtr<T>,
    of: PhantomData<Arc<T>>,
}

const LAP_BITS: u32 = 20;
const LAP_MASK: usize = (1 << LAP_BITS) - 1;
/// Records are aligned so that this many low bits of their address are 0.
const ALIGN_BITS: u32 = 4;
/// The address of the marker that a reader leaves.
const TAKEN: usize = 1 << ALIGN_BITS;

/// What became of a record.
#[derive(Debug)]
pub(crate) enum Put<T> {
    /// It is in the slot; out came the one before it.
    Stored(Option<Arc<T>>),
    /// It came a lap too late (or lies where 48 bits do not reach); here it is.
    Late(Arc<T>),
}

// SAFETY: the slot owns a reference to a shared `T`, as an `Arc<T>` would.
unsafe impl<T: Send + Sync> Send for Slot<T> {}
// SAFETY: as above; all access goes through the atomic word.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

// === the word ===

/// The word of `at` in `lap`, where the address fits.
fn pack<T>(at: *const T, lap: u64) -> Option<*mut T> {
    let address = at.addr();
    let fits = address >> (usize::BITS - LAP_BITS + ALIGN_BITS) == 0 && address % (1 << ALIGN_BITS) == 0;
    fits.then(|| at.map_addr(|address| address << (LAP_BITS - ALIGN_BITS) | (lap as usize & LAP_MASK)).cast_mut())
}

/// The address in a word: null, [`TAKEN`] or a record's.
fn unpack<T>(word: *mut T) -> *const T {
    word.map_addr(|word| (word >> LAP_BITS) << ALIGN_BITS).cast_const()
}

fn is_record<T>(at: *const T) -> bool {
    at.addr() > TAKEN
}

/// The word that a reader leaves in place of `word`: nothing but a marker, in the same lap.
fn marker<T>(word: *mut T) -> *mut T {
    ptr::without_provenance_mut(TAKEN << (LAP_BITS - ALIGN_BITS) | (word.addr() & LAP_MASK))
}

// === impl Slot ===

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        const { assert!(align_of::<T>() >= 1 << ALIGN_BITS) };
        Self { word: AtomicPtr::new(ptr::null_mut()), of: PhantomData }
    }

    /// Puts `record` in unless `is_late`, which must tell from the ring's head whether a newer lap has reached this
    /// slot; it is asked again before each exchange.
    #[inline]
    pub(crate) fn put(&self, lap: u64, record: Arc<T>, is_late: impl Fn() -> bool) -> Put<T> {
        let Some(mine) = pack(Arc::as_ptr(&record), lap) else {
            return Put::Late(record);
        };
        // Acquire: a newer record in the word brings its ticket in the head, which `is_late` reads next.
        let mut seen = self.word.load(Ordering::Acquire);
        loop {
            step("slot.check");
            if is_late() {
                return Put::Late(record);
            }
            step("slot.exchange");
            // Release: the record. Acquire: the evicted one, with its counts (on failure as above).
            match self.word.compare_exchange_weak(seen, mine, Ordering::AcqRel, Ordering::Acquire) {
                Ok(old) => {
                    // The word owns it from here on.
                    let _ = Arc::into_raw(record);
                    // SAFETY: the exchange took `old` out of the word, which owned one reference.
                    return Put::Stored(unsafe { Self::own(old) });
                }
                Err(now) => seen = now,
            }
        }
    }

    /// A clone of the record, if `wanted`; beside it the record itself if a writer evicted it meanwhile, for the
    /// caller to drop outside the lock. Only under the lock that readers share.
    pub(crate) fn read(&self, wanted: impl Fn(&T) -> bool) -> (Option<Arc<T>>, Option<Arc<T>>) {
        let Some((word, record)) = self.take() else {
            return (None, None);
        };
        let copy = wanted(&record).then(|| Arc::clone(&record));
        step("slot.restore");
        // Release: the clone's count, before whoever evicts the record next. Failure: a writer has come, and evicted
        // nothing; the record is ours.
        if self.word.compare_exchange(marker(word), word, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return (copy, Some(record));
        }
        let _ = Arc::into_raw(record);
        (copy, None)
    }

    /// Takes the record out for good, if `unwanted`. Only under the lock that readers share.
    pub(crate) fn clear(&self, unwanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let (word, record) = self.take()?;
        let left = if unwanted(&record) { ptr::without_provenance_mut(word.addr() & LAP_MASK) } else { word };
        // Release: our look at the record, before whoever evicts it writes there.
        let restored = self.word.compare_exchange(marker(word), left, Ordering::Release, Ordering::Relaxed).is_ok();
        if restored && left == word {
            let _ = Arc::into_raw(record);
            return None;
        }
        Some(record)
    }

    /// Takes the record out, leaving the marker; with it the word to put back.
    fn take(&self) -> Option<(*mut T, Arc<T>)> {
        // Relaxed: a guess, until the exchange.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if !is_record(unpack(word)) {
                return None;
            }
            step("slot.take");
            // Acquire: the record.
            match self.word.compare_exchange(word, marker(word), Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: the exchange took the record out of the word, which owned one reference.
                Ok(_) => return unsafe { Self::own(word) }.map(|record| (word, record)),
                Err(now) => word = now,
            }
        }
    }

    /// The record that a word owned.
    ///
    /// # Safety
    /// 1. `word` was made by `pack` from an `Arc`'s pointer, or holds no record.
    /// 2. It has just been exchanged out of the slot, so that nobody else will own it.
    unsafe fn own(word: *mut T) -> Option<Arc<T>> {
        let at = unpack(word);
        // SAFETY: by 1 the pointer came from an `Arc` whose count was handed to the word, and by 2 it is handed to us.
        is_record(at).then(|| unsafe { Arc::from_raw(at) })
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        // Relaxed: who drops is alone, and after all others.
        let word = self.word.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: the swap took the word's record out.
        drop(unsafe { Self::own(word) });
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[repr(align(16))]
    struct Record(u64);

    fn put(slot: &Slot<Record>, lap: u64, late: bool) -> Put<Record> {
        slot.put(lap, Arc::new(Record(lap)), || late)
    }

    #[test]
    fn a_record_goes_in_is_read_and_comes_out_by_the_next_one() {
        let slot = Slot::new();
        assert!(slot.read(|_| true).0.is_none());
        assert!(matches!(put(&slot, 0, false), Put::Stored(None)));
        assert_eq!(slot.read(|_| true).0.unwrap().0, 0);
        assert!(slot.read(|record| record.0 == 1).0.is_none());
        let Put::Stored(Some(old)) = put(&slot, 1, false) else { panic!("nothing came out") };
        assert_eq!((old.0, Arc::strong_count(&old)), (0, 1));
        let Put::Late(own) = put(&slot, 0, true) else { panic!("a late record went in") };
        assert_eq!(Arc::strong_count(&own), 1);
        assert_eq!(slot.read(|_| true).0.unwrap().0, 1);
    }

    #[test]
    fn a_slot_that_goes_lets_go_of_its_record() {
        let slot = Slot::new();
        let record = Arc::new(Record(1));
        slot.put(1, Arc::clone(&record), || false);
        assert_eq!(Arc::strong_count(&record), 2);
        drop(slot);
        assert_eq!(Arc::strong_count(&record), 1);
    }

    #[test]
    fn clearing_takes_only_what_is_unwanted() {
        let slot = Slot::new();
        put(&slot, 3, false);
        assert!(slot.clear(|record| record.0 == 4).is_none());
        assert_eq!(slot.clear(|record| record.0 == 3).unwrap().0, 3);
        assert!(slot.read(|_| true).0.is_none());
    }

    #[test]
    fn a_marker_is_no_record_and_keeps_the_lap() {
        for lap in [0, 1, LAP_MASK as u64] {
            let word = pack(ptr::without_provenance::<Record>(1 << 40), lap).unwrap();
            let marker = marker(word);
            assert_eq!(marker.addr() & LAP_MASK, lap as usize);
            assert_eq!(unpack(marker).addr(), TAKEN);
            assert!(!is_record(unpack(marker)) && !unpack(marker).is_null() && is_record(unpack(word)));
        }
    }

    #[test]
    fn an_address_out_of_reach_is_refused_not_mangled() {
        let far: *const Record = ptr::without_provenance(1 << 48);
        assert!(pack(far, 7).is_none());
        let near: *const Record = ptr::without_provenance((1 << 48) - 16);
        for lap in [0, 1, LAP_MASK as u64, LAP_MASK as u64 + 1] {
            assert_eq!(unpack(pack(near, lap).unwrap()), near);
        }
    }
}
