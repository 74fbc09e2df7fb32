//! A counter in stripes: each writer adds to a cache line of its stripe, a reader sums.
//!
//! Nearly every thread has a cell to itself: threads are told apart by the number of their row, and a row has one owner
//! at a time, who hands it on with release and acquire. So it adds by a load and a store, which costs a quarter of what
//! an exchange does. Threads with high numbers, more than [`OWN`] of one stripe, share that stripe's last cell, and
//! exchange.
//!
//! # Orderings
//! Relaxed throughout: a sum taken while others add is a moment's picture; a reader that has synchronised with the
//! writers (joined them, say) sees all they added. Counters order nothing, so a model has nothing to learn from them:
//! they are the platform's atomics in every build, and the rare ones can be statics.

use super::CachePadded;
use super::plain::{AtomicU64, Ordering};

/// So many threads of one stripe have a cell of their own. (In models none: there the first count of each thread would have
/// one call more timed, and loom 0.7 stumbles over two threads that make the histogram at once.)
pub(crate) const OWN: usize = if cfg!(ringbus_loom) { 0 } else { 15 };

/// A sum over as many cache lines as there are stripes.
#[derive(Debug)]
pub(crate) struct Striped {
    stripes: Box<[CachePadded<Cells>]>,
}

/// Where a thread adds, in all counters of so many stripes: found once for all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    stripe: usize,
    /// At most [`OWN`], which is the shared cell.
    turn: usize,
}

impl Lane {
    /// Which stripe it is.
    #[inline]
    pub(crate) fn stripe(self) -> usize {
        self.stripe
    }

    /// Whether the thread is the first one of its stripe, of those that have a cell of their own.
    #[inline]
    pub(crate) fn is_first(self) -> bool {
        OWN > 0 && self.turn == 0
    }

    /// The place of the calling thread, which owns the row numbered `thread`, in counters of `stripes` (a power of two).
    #[inline]
    pub(crate) fn of(thread: usize, stripes: usize) -> Self {
        debug_assert!(stripes.is_power_of_two());
        Self { stripe: thread & (stripes - 1), turn: (thread >> stripes.trailing_zeros()).min(OWN) }
    }
}

/// The cells of one stripe; the last one is shared.
type Cells = [AtomicU64; OWN + 1];

/// Adds `n` to a cell that only the calling thread writes.
#[inline]
pub(crate) fn add_alone(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

impl Striped {
    /// A counter of `stripes` lines (a power of two).
    pub(crate) fn new(stripes: usize) -> Self {
        debug_assert!(stripes.is_power_of_two());
        let cells = || CachePadded::new([const { AtomicU64::new(0) }; OWN + 1]);
        Self { stripes: (0..stripes).map(|_| cells()).collect() }
    }

    /// Adds `n` for a thread.
    #[inline]
    pub(crate) fn add(&self, lane: Lane, n: u64) {
        self.of(lane).add(n);
    }

    /// The cell of a thread.
    #[inline]
    pub(crate) fn of(&self, lane: Lane) -> Own<'_> {
        Own { cell: &self.stripes[lane.stripe][lane.turn], shared: lane.turn == OWN }
    }

    /// The sum of all cells.
    pub(crate) fn sum(&self) -> u64 {
        let cells = self.stripes.iter().flat_map(|cells| cells.iter());
        cells.map(|cell| cell.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

/// The cell that a thread adds to.
pub(crate) struct Own<'a> {
    cell: &'a AtomicU64,
    shared: bool,
}

impl Own<'_> {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        if self.shared {
            self.cell.fetch_add(n, Ordering::Relaxed);
        } else {
            add_alone(self.cell, n);
        }
    }

    /// What has been added to it, by all who share it.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.cell.load(Ordering::Relaxed)
    }
}

/// One counter for what happens rarely.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one and returns what was there before.
    pub(crate) fn bump(&self) -> u64 {
        self.add(1)
    }

    /// Adds `n` and returns what was there before.
    pub(crate) fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn any_thread_number_finds_a_stripe_and_the_sum_is_exact() {
        let counter = Striped::new(4);
        let of = |thread| counter.of(Lane::of(thread, 4));
        (0..100).for_each(|thread| of(thread).add(2));
        assert_eq!(counter.sum(), 200);
        assert_eq!([0, 59, 60].map(|thread| of(thread).get()), [2, 2, 2 * 10], "the rest shares a cell of each stripe");
    }

    #[test]
    fn those_who_share_a_cell_lose_nothing() {
        let counter = Striped::new(1);
        std::thread::scope(|scope| {
            for thread in OWN - 1..OWN + 3 {
                let counter = &counter;
                scope.spawn(move || (0..10_000).for_each(|_| counter.add(Lane::of(thread, 1), 1)));
            }
        });
        assert_eq!((counter.sum(), counter.of(Lane::of(OWN, 1)).get()), (40_000, 30_000));
    }
}
