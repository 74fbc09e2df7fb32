//! A shard: the ring that the threads bound to it write.
//!
//! A writer draws a ticket and puts its record into the ticket's slot, evicting the record of one lap before. The ring
//! has more slots than the history shows, at least [`MIN_SLOTS`], so that a writer which loses its processor between
//! ticket and slot is seldom overtaken; when it is, its record counts as overwritten, which it is: a whole lap of newer
//! ones exists.
//!
//! # Orderings
//! Drawing releases and looking at `head` acquires: who sees a ticket drawn sees all records that its thread has put in
//! before. Otherwise a reader could find a thread's second record, and its first one only later (P3; the models `replay` and
//! `cursor` show it). A reader that happens after a publish sees its ticket by coherence, and its record through
//! the slot; a writer that finds a newer record in a slot has acquired that record's ticket with it.

use super::slot::{Put, Slot};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, CachePadded, step};

/// A shard has at least so many slots.
#[cfg(not(ringbus_loom))]
pub(crate) const MIN_SLOTS: usize = 1024;
#[cfg(ringbus_loom)]
pub(crate) const MIN_SLOTS: usize = 1;

/// One shard's ring of records.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    /// Tickets drawn: the number of records ever written here, or about to be.
    head: CachePadded<AtomicU64>,
    /// A power of two, or none at all.
    slots: Box<[Slot<T>]>,
}

// === index arithmetic ===

/// How many slots show `capacity` records.
fn slots_for(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { capacity.next_power_of_two().max(MIN_SLOTS) }
}

/// The slot of a ticket in a ring of `len` slots, and its lap. Laps begin at 1, so an empty word is no lap's.
fn place(ticket: u64, len: usize) -> (usize, u64) {
    debug_assert!(len.is_power_of_two());
    (ticket as usize & (len - 1), (ticket >> len.trailing_zeros()) + 1)
}

// === impl Ring ===

impl<T> Ring<T> {
    /// A ring that can show `capacity` records; with 0 it draws tickets and keeps nothing.
    #[cfg(any(test, ringbus_loom))]
    pub(crate) fn new(capacity: usize) -> Self {
        Self::starting_at(capacity, 0)
    }

    /// The same, with tickets from `ticket` on: tests come so to the ends of the numbers.
    pub(crate) fn starting_at(capacity: usize, ticket: u64) -> Self {
        let slots = (0..slots_for(capacity)).map(|_| Slot::new()).collect();
        Self { head: CachePadded::new(AtomicU64::new(ticket)), slots }
    }

    /// How many slots there are: 0, or a power of two.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Tickets drawn so far.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Draws the next ticket.
    #[inline]
    pub(crate) fn draw(&self) -> u64 {
        step("ring.ticket");
        self.head.fetch_add(1, Ordering::Release)
    }

    /// Draws `count` tickets in a row, and returns the first. Their writer must let nothing come between them and their
    /// slots that could keep it: readers wait for what was drawn.
    #[inline]
    pub(crate) fn draw_many(&self, count: u64) -> u64 {
        step("ring.ticket");
        self.head.fetch_add(count, Ordering::Release)
    }

    /// Puts the record of a ticket in its slot; comes back with whatever is to be dropped for it.
    #[inline]
    pub(crate) fn put(&self, ticket: u64, record: Arc<T>) -> Option<Arc<T>> {
        let len = self.slots.len();
        if len == 0 {
            return Some(record);
        }
        let (index, lap) = place(ticket, len);
        let overtaken = || self.head().wrapping_sub(ticket) > len as u64;
        match self.slots[index].put(lap, record, overtaken) {
            Put::Stored(evicted) => evicted,
            Put::Late(own) => Some(own),
        }
    }

    /// A clone of the record in a ticket's slot, if `wanted`, and what a writer evicted meanwhile: see [`Slot::read`].
    pub(crate) fn read(&self, ticket: u64, wanted: impl Fn(&T) -> bool) -> (Option<Arc<T>>, Option<Arc<T>>) {
        self.slots[place(ticket, self.slots.len()).0].read(wanted)
    }

    /// Takes out all records that are `unwanted`. Only under the lock that readers share.
    pub(crate) fn clear(&self, unwanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        self.slots.iter().filter_map(|slot| slot.clear(&unwanted)).collect()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[repr(align(16))]
    struct Record(u64);

    #[test]
    fn slots_are_a_power_of_two_and_never_few() {
        assert_eq!([0, 1, 500, 1024, 1025, 1 << 24].map(slots_for), [0, 1024, 1024, 1024, 2048, 1 << 24]);
    }

    #[test]
    fn places_repeat_after_a_lap_also_at_the_end_of_the_numbers() {
        assert_eq!(place(0, 1024), (0, 1));
        assert_eq!(place(1024, 1024), (0, 2));
        assert_eq!(place(u64::MAX, 1024), (1023, (1 << 54)));
        assert_eq!(place(5, 1), (0, 6));
    }

    #[test]
    fn the_last_lap_can_be_read_and_each_newer_record_evicts_one() {
        let ring = Ring::new(1);
        for number in 0..3000 {
            let evicted = ring.put(ring.draw(), Arc::new(Record(number)));
            assert_eq!(evicted.map(|record| record.0), number.checked_sub(1024));
        }
        let read = |ticket| ring.read(ticket, |record| record.0 == ticket).0.map(|record| record.0);
        assert_eq!(read(2999), Some(2999));
        assert_eq!(read(3000 - 1024), Some(3000 - 1024));
        assert_eq!(read(3000 - 1025), None);
        assert_eq!(ring.clear(|record| record.0 < 2999).len(), 1023);
        assert_eq!(read(2999), Some(2999));
    }

    #[test]
    fn a_writer_that_is_late_by_less_than_a_lap_is_not_overtaken() {
        let ring = Ring::new(1);
        let first = ring.draw();
        (1..1024).for_each(|n| assert_eq!(ring.draw(), n));
        assert!(ring.put(first, Arc::new(Record(0))).is_none(), "a lap of tickets is drawn, none of them this slot's");
        assert_eq!(ring.read(first, |_| true).0.map(|record| record.0), Some(0));
    }

    #[test]
    fn a_writer_overtaken_by_a_lap_gets_its_own_record_back() {
        let ring = Ring::new(1);
        let late = ring.draw();
        for number in 1..=1024 {
            ring.put(ring.draw(), Arc::new(Record(number)));
        }
        assert_eq!(ring.put(late, Arc::new(Record(0))).unwrap().0, 0);
        assert_eq!(ring.read(1024, |_| true).0.unwrap().0, 1024);
    }
}
