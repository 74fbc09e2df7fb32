//! [`Seen`]: the work of every handler, ours and rivals': a count in stripes, so that what is measured is the bus.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// As many as the most threads that a row has.
const STRIPES: usize = 64;

/// How often handlers were called.
#[derive(Debug)]
pub struct Seen([Striped; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Striped(AtomicU64);

impl Default for Seen {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Striped::default()))
    }
}

// === impl Seen ===

impl Seen {
    #[inline]
    pub fn count(&self) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        thread_local! { static MINE: Cell<u64> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed)) }
        self.0[MINE.get() as usize % STRIPES].0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}
