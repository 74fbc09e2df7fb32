//! A bounded queue that many threads push into and one takes from, until it is opened: then pushes go past it, and find
//! what the taker has left for them.
//!
//! For a subscription that is being told of the past: publishers leave what happens meanwhile here and do not wait;
//! the one who tells takes it out, and opens the way when nothing is left. Whether the way is open and what is in the
//! queue are one word. Side by side they are wrong: a push between the look at the queue and the opening is lost, and
//! so is the order of one thread's events (both shown by the model `replay`).
//!
//! The queue is a stack of pushes (Treiber 1986) that is taken whole and turned round, as in Vyukov's and many others'
//! intrusive mailboxes: with one taker, who takes all, there is no ABA. A push beyond the bound is refused, and counted
//! in the same word.
//!
//! # Orderings
//! A push releases its node and the taker acquires all of them: an exchange that replaces a word continues its release
//! sequence. Opening releases what the taker did before; who finds the way open has acquired it. Two halves order nothing
//! that anybody relies on: the acquiring one of a push that succeeds (the way is closed), and that of `try_open`, which
//! finds only the null that its own thread has left. They stay because both exchanges are rare.

use core::marker::PhantomData;
use core::ptr;

use super::atomic::{AtomicPtr, Ordering};
use super::{busy, step};

/// How many values wait at most.
#[cfg(not(ringbus_loom))]
pub(crate) const BOUND: usize = 1024;
#[cfg(ringbus_loom)]
pub(crate) const BOUND: usize = 1;

/// See the [module](self). The word, from high bits to low:
///
/// ```text
/// | address >> 4: 44 bits (0 = none) | pushes, refused ones too: 19 bits | OPEN |
/// ```
///
/// The address is the newest node's, or, where the way is open, that of what was left.
pub(crate) struct Inbox<T, L> {
    word: AtomicPtr<Node<T>>,
    owns: PhantomData<(T, L)>,
}

/// The way is open.
const OPEN: usize = 1;
/// The count of pushes stands still here.
const MOST_PUSHES: usize = (1 << 19) - 1;
/// Nodes are aligned to 16, so that their address loses nothing by the shift.
const ADDRESS_SHIFT: u32 = 16;

/// One value that waits.
#[repr(align(16))]
struct Node<T> {
    value: T,
    /// The one pushed before.
    next: *mut Node<T>,
}

/// What the taker has left for those who find the way open.
#[repr(align(16))]
struct Left<L>(L);

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push<T> {
    /// The way is open: it is the caller's to deal with.
    Open(T),
    /// It waits.
    Waits,
    /// The queue is full (or the memory lies where 48 bits do not reach).
    Refused(T),
}

/// What was taken out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken<T> {
    /// What waited, oldest first.
    pub(crate) values: Vec<T>,
    /// How many were refused since the last taking; at least so many from 500 000 on.
    pub(crate) refused: usize,
}

// SAFETY: the inbox owns values that one thread pushes and another takes, and what that one has left.
unsafe impl<T: Send, L: Send> Send for Inbox<T, L> {}
// SAFETY: as above; nobody gets a reference to a value inside, and everybody gets one to what was left.
unsafe impl<T: Send, L: Send + Sync> Sync for Inbox<T, L> {}

// === the word ===

fn pack<T>(node: *mut Node<T>, pushes: usize, open: usize) -> Option<*mut Node<T>> {
    let address = node.addr();
    let fits = address >> (usize::BITS - ADDRESS_SHIFT) == 0 && address % 16 == 0;
    fits.then(|| node.map_addr(|address| address << ADDRESS_SHIFT | pushes << 1 | open))
}

fn node<T>(word: *mut Node<T>) -> *mut Node<T> {
    word.map_addr(|word| word >> (ADDRESS_SHIFT + 4) << 4)
}

fn pushes<T>(word: *mut Node<T>) -> usize {
    word.addr() >> 1 & MOST_PUSHES
}

fn is_open<T>(word: *mut Node<T>) -> bool {
    word.addr() & OPEN != 0
}

fn opened<T, L>(left: *mut Left<L>) -> *mut Node<T> {
    pack(left.cast(), 0, OPEN).unwrap_or(ptr::without_provenance_mut(OPEN))
}

// === impl Node ===

impl<T> Node<T> {
    /// The value of a node that is in no word.
    ///
    /// # Safety
    /// 1. `node` came from `Box::into_raw`.
    /// 2. Nobody else has it.
    unsafe fn unbox(node: *mut Self) -> T {
        // SAFETY: by 1 and 2 the box is ours.
        busy::during(|| unsafe { Box::from_raw(node) }.value)
    }
}

// === impl Inbox ===

impl<T, L> Inbox<T, L> {
    /// An empty one, whose way is closed.
    pub(crate) fn new() -> Self {
        const { assert!(BOUND < MOST_PUSHES) };
        Self { word: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// Whether the way is open. Once it is, it stays so.
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: who wants what was left asks `left`, which acquires it.
        is_open(self.word.load(Ordering::Relaxed))
    }

    /// What was left when the way was opened; `None` before.
    #[inline]
    pub(crate) fn left(&self) -> Option<&L> {
        let word = self.word.load(Ordering::Acquire);
        if !is_open(word) {
            return None;
        }
        // SAFETY: an open word holds null, or what `try_open` took from `Box::into_raw`; it stays as it is until the
        // inbox is dropped.
        unsafe { node(word).cast::<Left<L>>().as_ref() }.map(|left| &left.0)
    }

    /// Leaves `value` here, unless the way is open. Lock-free; allocates.
    pub(crate) fn push(&self, value: T) -> Push<T> {
        let mut word = self.word.load(Ordering::Acquire);
        if is_open(word) {
            return Push::Open(value);
        }
        let new = busy::during(|| Box::into_raw(Box::new(Node { value, next: ptr::null_mut() })));
        loop {
            if is_open(word) {
                // SAFETY: the node came from `Box::into_raw` above and is in no word.
                return Push::Open(unsafe { Node::unbox(new) });
            }
            let count = (pushes(word) + 1).min(MOST_PUSHES);
            let waits = if pushes(word) < BOUND {
                // SAFETY: the node is not in the word yet: it is ours.
                unsafe { (*new).next = node(word) };
                pack(new, count, 0)
            } else {
                None
            };
            let refused = waits.is_none();
            let next = waits.unwrap_or_else(|| word.map_addr(|word| word & !(MOST_PUSHES << 1) | count << 1));
            step("inbox.push");
            // Release: the node. Acquire, also on failure: the taker's opening.
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: as above: only the count went into the word.
                Ok(_) if refused => return Push::Refused(unsafe { Node::unbox(new) }),
                Ok(_) => return Push::Waits,
                Err(now) => word = now,
            }
        }
    }

    /// Takes out what waits. Only the one taker may call this, and not after it has opened the way.
    pub(crate) fn take(&self) -> Taken<T> {
        step("inbox.take");
        self.exchange(ptr::null_mut())
    }

    /// Opens the way, leaving `left` there, if nothing waits and nothing was refused. Only the one taker may call this.
    pub(crate) fn try_open(&self, left: L) -> bool {
        let left = busy::during(|| Box::into_raw(Box::new(Left(left))));
        step("inbox.open");
        let open = opened(left);
        let done = self.word.compare_exchange(ptr::null_mut(), open, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !done || node(open).is_null() {
            // SAFETY: the box was made above, and no word holds it.
            busy::during(|| drop(unsafe { Box::from_raw(left) }));
        }
        done
    }

    /// Opens the way, leaving `left` there, whatever waits: that is handed out. Only the one taker may call this.
    pub(crate) fn open(&self, left: L) -> Taken<T> {
        let left = busy::during(|| Box::into_raw(Box::new(Left(left))));
        let open = opened(left);
        if node(open).is_null() {
            // SAFETY: as in `try_open`.
            busy::during(|| drop(unsafe { Box::from_raw(left) }));
        }
        self.exchange(open)
    }

    /// Puts `next` in, and takes out what waits: the way is not open yet.
    fn exchange(&self, next: *mut Node<T>) -> Taken<T> {
        let word = self.word.swap(next, Ordering::AcqRel);
        debug_assert!(!is_open(word), "an inbox is taken from after it was opened");
        let mut values = Vec::new();
        let mut at = node(word);
        busy::during(|| {
            values.reserve_exact(pushes(word).min(BOUND));
            while !at.is_null() {
                // SAFETY: the exchange took the chain out of the word, which owned every node in it; each came from
                // `Box::into_raw` in `push`.
                let node = unsafe { Box::from_raw(at) };
                at = node.next;
                values.push(node.value);
            }
        });
        values.reverse();
        let refused = pushes(word) - values.len();
        Taken { values, refused }
    }
}

impl<T, L> Drop for Inbox<T, L> {
    fn drop(&mut self) {
        let word = self.word.load(Ordering::Acquire);
        if is_open(word) {
            if !node(word).is_null() {
                // SAFETY: see `left`; nobody borrows it any more.
                drop(unsafe { Box::from_raw(node(word).cast::<Left<L>>()) });
            }
        } else {
            drop(self.take());
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_pushed_comes_out_in_order_until_the_way_is_open() {
        let inbox = Inbox::<_, &str>::new();
        assert_eq!((inbox.push(1), inbox.push(2)), (Push::Waits, Push::Waits));
        assert!(!inbox.try_open("left") && !inbox.is_open());
        assert_eq!(inbox.take(), Taken { values: vec![1, 2], refused: 0 });
        assert!(inbox.try_open("left") && inbox.is_open());
        assert_eq!((inbox.push(3), inbox.left()), (Push::Open(3), Some(&"left")));
    }

    #[test]
    fn a_full_inbox_refuses_and_says_so_once() {
        let inbox = Inbox::<_, &str>::new();
        for n in 0..BOUND {
            assert_eq!(inbox.push(n), Push::Waits);
        }
        assert_eq!(inbox.push(BOUND), Push::Refused(BOUND));
        assert_eq!(inbox.push(BOUND), Push::Refused(BOUND));
        let taken = inbox.take();
        assert!(taken.refused == 2 && taken.values.into_iter().eq(0..BOUND));
        assert_eq!(inbox.push(7), Push::Waits);
        assert_eq!((inbox.open("left"), inbox.left()), (Taken { values: vec![7], refused: 0 }, Some(&"left")));
    }

    #[test]
    fn what_was_refused_keeps_the_way_closed_until_the_taker_has_heard() {
        let inbox = Inbox::<_, &str>::new();
        let last = (0..=BOUND).map(|n| inbox.push(n)).last();
        assert_eq!(last, Some(Push::Refused(BOUND)));
        assert_eq!(inbox.take().refused, 1);
        assert!(inbox.take().refused == 0 && inbox.try_open("left"));
    }

    #[test]
    fn dropping_drops_what_waits() {
        let value = Arc::new(());
        let inbox = Inbox::<_, &str>::new();
        for _ in 0..3 {
            assert_eq!(inbox.push(Arc::clone(&value)), Push::Waits);
        }
        drop(inbox);
        assert_eq!(Arc::strong_count(&value), 1);

        let inbox = Inbox::<(), _>::new();
        assert!(inbox.try_open(Arc::clone(&value)));
        assert!(!inbox.try_open(Arc::clone(&value)));
        assert_eq!(Arc::strong_count(&value), 2);
        drop(inbox);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn pushes_of_several_threads_keep_the_order_of_each() {
        let inbox = Inbox::<_, &str>::new();
        let mut last = [None; 4];
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let inbox = &inbox;
                scope.spawn(move || {
                    for n in 0..10_000 {
                        while inbox.push((thread, n)) != Push::Waits {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            while last != [Some(9_999); 4] {
                for (thread, n) in inbox.take().values {
                    assert_eq!(last[thread].map_or(0, |last: u32| last + 1), n);
                    last[thread] = Some(n);
                }
            }
        });
    }
}
