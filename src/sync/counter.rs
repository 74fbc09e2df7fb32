//! A counter in stripes: each writer adds to its own cache line, a reader sums.
//!
//! # Orderings
//! Relaxed throughout: a sum taken while others add is a moment's picture; a reader that has synchronised with the
//! writers (joined them, say) sees all they added. Counters order nothing, so a model has nothing to learn from them:
//! they are the platform's atomics in every build, and the rare ones can be statics.

use super::CachePadded;
use super::plain::{AtomicU64, Ordering};

/// A sum over as many cache lines as there are stripes.
#[derive(Debug)]
pub(crate) struct Striped {
    stripes: Box<[CachePadded<AtomicU64>]>,
}

impl Striped {
    /// A counter of `stripes` lines (a power of two).
    pub(crate) fn new(stripes: usize) -> Self {
        debug_assert!(stripes.is_power_of_two());
        Self { stripes: (0..stripes).map(|_| CachePadded::new(AtomicU64::new(0))).collect() }
    }

    /// Adds `n` on the stripe of the thread numbered `thread`.
    #[inline]
    pub(crate) fn add(&self, thread: usize, n: u64) {
        self.stripes[thread & (self.stripes.len() - 1)].fetch_add(n, Ordering::Relaxed);
    }

    /// What the stripe of the thread numbered `thread` has come to.
    #[inline]
    pub(crate) fn at(&self, thread: usize) -> u64 {
        self.stripes[thread & (self.stripes.len() - 1)].load(Ordering::Relaxed)
    }

    /// The sum of all stripes.
    pub(crate) fn sum(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
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
        (0..100).for_each(|thread| counter.add(thread, 2));
        assert_eq!(counter.sum(), 200);
    }
}
