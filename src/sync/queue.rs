//! A bounded queue that many threads push into and many pop from, none of them waiting for another: an item travels in the
//! exchange that claims its slot, so that a thread which stops anywhere leaves nothing half done (P1).
//!
//! A ring of words. A ticket is a place in the order: slot `ticket % capacity`, lap `ticket / capacity`. Each slot goes
//! through its tickets one by one, by single exchanges and never back:
//!
//! ```text
//! empty(0) -push-> full(0) -pop-> empty(1) -push-> full(1) -pop-> empty(2) ...
//! ```
//!
//! `tail` and `head` only say where to look. Each is at the first ticket that is not filled (not taken) yet, or one behind,
//! where a thread stands between its exchange and its counting; whoever finds that counts in its place. So the slot of the
//! ticket at `tail`, of lap `l`, is in one of four states: `full(l - 1)`, the queue is full; `empty(l)`, to be filled;
//! `full(l)` or already `empty(l + 1)`, to be counted. And that at `head`: `empty(l)`, the queue is empty; `full(l)`, to be
//! taken; `empty(l + 1)` or already `full(l + 1)`, to be counted. Full and empty are so at the moment of that one look.
//!
//! It is of the family of Shann, Huang and Chen (ICPADS 2000), whose proof is Colvin and Groves's (ICECCS 2005, with a
//! mend), and of Tsigas and Zhang (SPAA 2001): items in the slots, counters that are helped on. There a slot counts its
//! changes in a second word, or knows two kinds of null; here it names its lap, in the item's own word, which also tells full
//! and empty without a look at the other end. Vyukov's bounded queue, and crossbeam's `ArrayQueue` after it, write item and
//! stamp one after the other, and wait for whoever stands between.
//!
//! # When laps come round
//! A word has room for 2^19 laps. Who sleeps between its look and its exchange for an exact multiple of those (with the
//! smallest queue half a million items, with one of 1024 half a thousand millions) and finds the slot as it was may fill or
//! take it before its turn. An exchange still puts an item into an empty word only, and takes the one that it has seen: no
//! item is lost or comes twice, and a drop finds all. Only the order suffers: that item comes when its ticket does, so that
//! until `tail` or `head` has come there the queue may call itself empty or full too early. Counting is by whole tickets
//! and cannot be fooled.
//!
//! # Orderings
//! To ensure: who gets an item sees all that was done to it; and who has seen a ticket counted sees all tickets before it
//! filled (taken). Otherwise a slot would look to it as it was a lap ago, and it would count a ticket that nobody has filled,
//! or call a queue full that it knows to be empty. So a push releases its item and a pop acquires it; counting releases, and
//! both ends are read with acquire: what a thread has seen in a slot, all see who come after its counting. Looks acquire
//! only for when laps come round: then the slot's state brings the `tail` (`head`) that it belongs to.

use core::marker::PhantomData;
use core::ptr;

use super::atomic::{AtomicPtr, AtomicU64, Ordering};
use super::handle::{Handle, Recycle};
use super::{Arc, CachePadded, step};

/// What waits in the queue: one word, whichever.
pub(crate) enum Item<T: Recycle, B> {
    /// A handle, whose value is aligned to 16.
    Plain(Handle<T>),
    /// A handle and more, or anything else.
    Boxed(Box<Boxed<B>>),
}

/// Aligned, so that a pointer to it has four bits to spare.
#[derive(Debug)]
#[repr(align(16))]
pub(crate) struct Boxed<B>(pub(crate) B);

/// See the [module](self). Dropping it drops what waits; a `B` whose drop may panic is for the owner to pop before.
pub(crate) struct Queue<T: Recycle, B> {
    /// The first ticket that is not taken, or the one before it.
    head: CachePadded<AtomicU64>,
    /// The first ticket that is not filled, or the one before it.
    tail: CachePadded<AtomicU64>,
    slots: Box<[Slot<T, B>]>,
}

/// The word, from high bits to low:
///
/// ```text
/// | address >> 4: 44 bits (0 = empty) | BOXED | lap: 19 bits |
/// ```
struct Slot<T: Recycle, B> {
    word: AtomicPtr<()>,
    owns: PhantomData<Item<T, B>>,
}

/// Fewer in models, so that laps come round there.
const LAP_BITS: u32 = if cfg!(ringbus_loom) { 2 } else { 19 };
const LAP_MASK: usize = (1 << LAP_BITS) - 1;
/// The item is a box.
const BOXED: usize = 1 << 19;
/// Items are aligned to 16, so that their address loses nothing by the shift.
const ADDRESS_SHIFT: u32 = 16;
const ITEM_SHIFT: u32 = 20;

// SAFETY: the queue owns items that one thread pushes and another pops; a handle's value is shared with others.
unsafe impl<T: Recycle + Send + Sync, B: Send> Send for Queue<T, B> {}
// SAFETY: as above; nobody gets a reference to an item inside, and all shared access goes through the atomic words.
unsafe impl<T: Recycle + Send + Sync, B: Send> Sync for Queue<T, B> {}

// === the word ===

/// The word of a slot that waits for its ticket of `lap`.
fn empty(lap: usize) -> *mut () {
    ptr::without_provenance_mut(lap & LAP_MASK)
}

/// The word of an item, in `lap`.
fn full(item: *mut (), lap: usize) -> *mut () {
    item.map_addr(|item| item | lap & LAP_MASK)
}

/// Whether it holds an item of `lap`.
fn is_full(word: *mut (), lap: usize) -> bool {
    word.addr() >> ITEM_SHIFT != 0 && word.addr() & LAP_MASK == lap & LAP_MASK
}

/// Whether a word has room for the address.
fn fits(address: usize) -> bool {
    address >> (usize::BITS - ADDRESS_SHIFT) == 0 && address % 16 == 0
}

// === impl Item ===

impl<T: Recycle, B> Item<T, B> {
    /// Its word without a lap, which owns it from here on; itself if its address is out of reach.
    fn pack(self) -> Result<*mut (), Self> {
        const { assert!(align_of::<T>() >= 16) };
        let (at, tag) = match self {
            Self::Plain(handle) => (Arc::into_raw(handle.into_counted()).cast_mut().cast::<()>(), 0),
            Self::Boxed(boxed) => (Box::into_raw(boxed).cast(), BOXED),
        };
        if fits(at.addr()) {
            Ok(at.map_addr(|address| address << ADDRESS_SHIFT | tag))
        } else {
            // SAFETY: taken apart above, with this tag.
            Err(unsafe { Self::own(at, tag) })
        }
    }

    /// The item of a word, whichever its lap.
    ///
    /// # Safety
    /// 1. `word` was made by `pack`.
    /// 2. It is in no slot, so that nobody else will own its item.
    unsafe fn unpack(word: *mut ()) -> Self {
        let at = word.map_addr(|word| word >> ITEM_SHIFT << 4);
        // SAFETY: by 1 this is what `pack` took apart, and by 2 it is put together once.
        unsafe { Self::own(at, word.addr() & BOXED) }
    }

    /// # Safety
    /// 1. `at` came from `into_raw` of what `tag` says.
    /// 2. Nobody else will own it.
    unsafe fn own(at: *mut (), tag: usize) -> Self {
        if tag == 0 {
            // SAFETY: by 1 an `Arc` gave it, whose count is handed to us by 2.
            Self::Plain(Handle::new(unsafe { Arc::from_raw(at.cast_const().cast()) }))
        } else {
            // SAFETY: by 1 a box gave it, which is ours by 2.
            Self::Boxed(unsafe { Box::from_raw(at.cast()) })
        }
    }
}

// === impl Slot ===

impl<T: Recycle, B> Slot<T, B> {
    fn new() -> Self {
        Self { word: AtomicPtr::new(empty(0)), owns: PhantomData }
    }

    fn look(&self) -> *mut () {
        // Acquire: the end that the slot's last change was made at, see "when laps come round".
        self.word.load(Ordering::Acquire)
    }

    /// Puts the item in, if the slot still waits for its ticket of `lap`.
    fn fill(&self, item: *mut (), lap: usize) -> bool {
        // Release: the item. It replaces no item, so there is nothing to acquire.
        let done = self.word.compare_exchange_weak(empty(lap), full(item, lap), Ordering::Release, Ordering::Relaxed);
        done.is_ok()
    }

    /// Takes the item out, if the slot is still as it was `seen`, in `lap`.
    fn take(&self, seen: *mut (), lap: usize) -> Option<Item<T, B>> {
        let next = empty(lap.wrapping_add(1));
        // Acquire: the item, which need not be the one that was seen, see "when laps come round". Release: the head that
        // this thread has read, for those who have read a much older one.
        let taken = self.word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed);
        // SAFETY: the exchange took the word out of the slot, into which only `fill` puts words of `pack`.
        taken.ok().map(|word| unsafe { Item::unpack(word) })
    }
}

impl<T: Recycle, B> Drop for Slot<T, B> {
    fn drop(&mut self) {
        // Relaxed: who drops is alone, and after all others.
        let word = self.word.swap(empty(0), Ordering::Relaxed);
        if word.addr() >> ITEM_SHIFT != 0 {
            // SAFETY: the swap took the word out of the slot, into which only `fill` puts words of `pack`.
            drop(unsafe { Item::<T, B>::unpack(word) });
        }
    }
}

// === impl Queue ===

impl<T: Recycle, B> Queue<T, B> {
    /// An empty one with exactly `capacity` slots (at least one), allocated now.
    pub(crate) fn new(capacity: usize) -> Self {
        debug_assert!(capacity > 0, "a queue without a slot");
        Self {
            head: CachePadded::new(AtomicU64::new(0)),
            tail: CachePadded::new(AtomicU64::new(0)),
            slots: (0..capacity.max(1)).map(|_| Slot::new()).collect(),
        }
    }

    /// Puts an item behind all others; lock-free. Hands it back where the queue is full, or (whatever is in it) where the
    /// item's address lies beyond 48 bits: who makes room and tries again must give up when there is nothing to take.
    pub(crate) fn push(&self, item: Item<T, B>) -> Result<(), Item<T, B>> {
        let item = item.pack()?;
        loop {
            // Acquire: all tickets before this one are filled.
            let tail = self.tail.load(Ordering::Acquire);
            let (slot, lap) = self.place(tail);
            let seen = slot.look();
            if seen == empty(lap) {
                step("queue.push");
                if slot.fill(item, lap) {
                    count(&self.tail, tail);
                    return Ok(());
                }
            } else if is_full(seen, lap.wrapping_sub(1)) {
                // Relaxed: if another lap of this name is in the slot, the look has acquired a tail beyond ours.
                if self.tail.load(Ordering::Relaxed) == tail {
                    // SAFETY: the word is in no slot.
                    return Err(unsafe { Item::unpack(item) });
                }
            } else {
                count(&self.tail, tail);
            }
        }
    }

    /// Takes the oldest item; lock-free. `None` where the queue is empty.
    pub(crate) fn pop(&self) -> Option<Item<T, B>> {
        loop {
            // Acquire: all tickets before this one are taken.
            let head = self.head.load(Ordering::Acquire);
            let (slot, lap) = self.place(head);
            let seen = slot.look();
            if is_full(seen, lap) {
                step("queue.pop");
                if let Some(item) = slot.take(seen, lap) {
                    count(&self.head, head);
                    return Some(item);
                }
            } else if seen == empty(lap) {
                // Relaxed: as in `push`.
                if self.head.load(Ordering::Relaxed) == head {
                    return None;
                }
            } else {
                count(&self.head, head);
            }
        }
    }

    /// How many items wait: a moment's picture, never more than the capacity. One that is being pushed or popped may
    /// count or not.
    pub(crate) fn len(&self) -> usize {
        loop {
            let tail = self.tail.load(Ordering::Acquire);
            let head = self.head.load(Ordering::Acquire);
            // The tail has stood still, so both were so at one moment.
            if self.tail.load(Ordering::Relaxed) == tail {
                // The head is ahead where the last item was taken before it was counted.
                return (tail.saturating_sub(head) as usize).min(self.capacity());
            }
        }
    }

    /// How many items have room.
    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Where a ticket's item lies, and in which lap.
    fn place(&self, ticket: u64) -> (&Slot<T, B>, usize) {
        let slots = self.slots.len() as u64;
        (&self.slots[(ticket % slots) as usize], (ticket / slots) as usize)
    }
}

/// Counts `ticket` at its end of the queue, unless another thread has done so.
fn count(end: &AtomicU64, ticket: u64) {
    step("queue.count");
    // Release: what the slot has shown, for those who begin at the next ticket. Not weak: it is not tried again.
    let _ = end.compare_exchange(ticket, ticket + 1, Ordering::Release, Ordering::Relaxed);
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::sync::Arc as Shared;

    /// A value, and a count of how many there are.
    #[repr(align(16))]
    struct Value(u64, #[allow(dead_code, reason = "held, to be counted")] Shared<()>);

    impl Recycle for Value {
        fn recycle(_: crate::sync::Sole<Self>) {}
    }

    type Values = Queue<Value, (u64, Shared<()>)>;

    /// Odd ones are boxed.
    fn item(n: u64, alive: &Shared<()>) -> Item<Value, (u64, Shared<()>)> {
        let alive = Shared::clone(alive);
        match n % 2 {
            0 => Item::Plain(Handle::new(Arc::new(Value(n, alive)))),
            _ => Item::Boxed(Box::new(Boxed((n, alive)))),
        }
    }

    fn number(item: &Item<Value, (u64, Shared<()>)>) -> u64 {
        match item {
            Item::Plain(handle) => handle.0,
            Item::Boxed(boxed) => boxed.0.0,
        }
    }

    /// What came back, if it did.
    fn push(queue: &Values, n: u64) -> Option<u64> {
        queue.push(item(n, &Shared::new(()))).err().map(|back| number(&back))
    }

    fn pop(queue: &Values) -> Option<u64> {
        queue.pop().map(|item| number(&item))
    }

    #[test]
    fn what_goes_in_comes_out_in_order_lap_by_lap() {
        for capacity in [1, 2, 3, 7] {
            let queue = Values::new(capacity as usize);
            for lap in 0..10 {
                let numbers = || (0..capacity).map(|n| lap * capacity + n);
                for (waits, n) in numbers().enumerate() {
                    assert_eq!((queue.len(), push(&queue, n)), (waits, None));
                }
                assert_eq!(push(&queue, 1000 + lap), Some(1000 + lap));
                assert_eq!((queue.len(), queue.capacity()), (capacity as usize, capacity as usize));
                assert!(numbers().eq((0..capacity).filter_map(|_| pop(&queue))));
                assert_eq!((pop(&queue), queue.len()), (None, 0));
            }
        }
    }

    #[test]
    fn laps_come_round() {
        let queue = Values::new(1);
        // As if so many had gone through.
        for ticket in [LAP_MASK as u64, LAP_MASK as u64 * 5 + 4] {
            queue.head.store(ticket, Ordering::Relaxed);
            queue.tail.store(ticket, Ordering::Relaxed);
            queue.slots[0].word.store(empty(ticket as usize), Ordering::Relaxed);
            for n in 0..3 {
                assert_eq!(
                    (push(&queue, n), push(&queue, 9), pop(&queue), pop(&queue)),
                    (None, Some(9), Some(n), None)
                );
            }
        }
    }

    #[test]
    fn who_stops_before_counting_holds_up_nobody() {
        for capacity in [1, 2, 3] {
            let queue = Values::new(capacity);
            for n in 0..10 {
                // The pusher of `n` has not counted, and whoever comes next finds that: a popper and then a pusher, ...
                assert_eq!(push(&queue, n), None);
                let tail = queue.tail.load(Ordering::Relaxed);
                queue.tail.store(tail - 1, Ordering::Relaxed);
                assert_eq!(pop(&queue), Some(n));
                assert!(queue.len() <= 1);
                // ... and neither has the popper of `n`.
                let head = queue.head.load(Ordering::Relaxed);
                queue.head.store(head - 1, Ordering::Relaxed);
                let waiting: Vec<u64> = (100..).take_while(|n| push(&queue, *n).is_none()).collect();
                assert_eq!(waiting.len(), capacity);
                // A pusher finds that the one before it has not counted.
                let tail = queue.tail.load(Ordering::Relaxed);
                queue.tail.store(tail - 1, Ordering::Relaxed);
                assert_eq!((queue.len(), push(&queue, 9)), (capacity, Some(9)));
                assert!(std::iter::from_fn(|| pop(&queue)).eq(waiting));
            }
        }
    }

    #[test]
    fn an_item_before_its_turn_comes_when_its_turn_does() {
        let alive = Shared::new(());
        let early = |queue: &Values| {
            let word = item(7, &alive).pack().map_err(|_| "out of reach").unwrap();
            assert!(queue.slots[1].fill(word, 0));
        };
        let queue = Values::new(3);
        early(&queue);
        assert_eq!(pop(&queue), None);
        assert_eq!((push(&queue, 1), push(&queue, 2)), (None, None));
        assert!(std::iter::from_fn(|| pop(&queue)).eq([1, 7, 2]));
        let queue = Values::new(3);
        early(&queue);
        drop(queue);
        assert_eq!(Shared::strong_count(&alive), 1, "a drop has not found it");
    }

    #[test]
    fn dropping_drops_what_waits() {
        let alive = Shared::new(());
        let queue = Values::new(4);
        for n in 0..6 {
            if let Err(back) = queue.push(item(n, &alive)) {
                drop((back, queue.pop()));
            }
        }
        assert_eq!((queue.len(), Shared::strong_count(&alive)), (4, 5));
        drop(queue);
        assert_eq!(Shared::strong_count(&alive), 1);
    }

    #[test]
    fn an_address_out_of_reach_does_not_fit() {
        assert!(fits(16) && fits((1 << 48) - 16));
        assert!(!fits(1 << 48) && !fits(usize::MAX << 4) && !fits(8));
    }

    #[test]
    fn each_pushers_items_come_once_and_in_its_order() {
        const PUSHERS: u64 = 3;
        const EACH: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let queue = Values::new(5);
        let sums = std::thread::scope(|scope| {
            for pusher in 0..PUSHERS {
                let queue = &queue;
                scope.spawn(move || {
                    for n in 0..EACH {
                        while push(queue, n * PUSHERS + pusher).is_some() {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let left = std::sync::atomic::AtomicU64::new(PUSHERS * EACH);
            let popper = || {
                let (mut last, mut sum) = ([None; PUSHERS as usize], 0);
                while left.load(Ordering::Relaxed) > 0 {
                    let Some(n) = pop(&queue) else {
                        std::thread::yield_now();
                        continue;
                    };
                    left.fetch_sub(1, Ordering::Relaxed);
                    let last = &mut last[(n % PUSHERS) as usize];
                    assert!(*last < Some(n), "{n} after {last:?}");
                    *last = Some(n);
                    sum += n;
                }
                sum
            };
            std::thread::scope(|inner| [inner.spawn(popper), inner.spawn(popper)].map(|popper| popper.join().unwrap()))
        });
        assert_eq!(sums[0] + sums[1], (0..PUSHERS * EACH).sum::<u64>());
    }
}
