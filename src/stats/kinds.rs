//! How many events of each kind were published, without a shared line on the way of a publish.
//!
//! Kinds that call sites and programs have interned have small ids: each stripe keeps a counter for each of the first
//! [`COUNTED`], in pieces that are made when a kind of theirs is first met. All other kinds (told at run time, or
//! interned later) are counted together, so the memory is bounded (P9).
//!
//! The first thread of each stripe has its counters to itself, and adds by a load and a store; the stripe's others share
//! counters beside those, and exchange.
//!
//! # Orderings
//! As in `sync::counter`, also for who owns a cell: Relaxed throughout. A piece is released by whoever makes it and
//! acquired by whoever finds it.

use std::collections::BTreeMap;

use crate::event::{Kind, KindId};
use crate::sync::counter::{Lane, Striped, add_alone};
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{OnceBox, busy};

/// Counters of one piece.
const PIECE: usize = 64;

/// Kinds with a smaller id have a counter of their own.
const COUNTED: usize = if cfg!(ringbus_loom) { PIECE } else { 4096 };

/// Pieces of one stripe.
const PIECES: usize = COUNTED / PIECE;

/// See the [module](self).
pub(crate) struct KindCounts {
    /// [`PIECES`] for each stripe: first those of one thread each, then as many that are shared.
    pieces: Box<[OnceBox<Piece>]>,
    others: Striped,
}

/// Aligned, so that pieces of different stripes share no line.
#[repr(align(128))]
struct Piece([AtomicU64; PIECE]);

// === impl KindCounts ===

impl KindCounts {
    /// Counters for `stripes` (a power of two) groups of threads.
    pub(crate) fn new(stripes: usize) -> Self {
        debug_assert!(stripes.is_power_of_two());
        let pieces = (0..2 * stripes * PIECES).map(|_| OnceBox::new()).collect();
        Self { pieces, others: Striped::new(stripes) }
    }

    /// Counts one event that a thread has published.
    #[inline(always)]
    pub(crate) fn count(&self, kind: &Kind, lane: Lane) {
        self.count_at(kind.id().map_or(COUNTED, KindId::index), lane);
    }

    #[inline(always)]
    fn count_at(&self, index: usize, lane: Lane) {
        if index >= COUNTED {
            return self.others.add(lane, 1);
        }
        let alone = lane.is_first();
        let shared = if alone { 0 } else { self.pieces.len() / 2 };
        let cell = &self.pieces[lane.stripe() * PIECES + shared + index / PIECE];
        let piece = match cell.get() {
            Some(piece) => piece,
            None => Piece::made(cell),
        };
        let count = &piece.0[index % PIECE];
        if alone {
            add_alone(count, 1);
        } else {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many of each kind, and of all kinds that have no counter of their own.
    pub(crate) fn read(&self) -> (BTreeMap<String, u64>, u64) {
        let counted = Kind::interned().filter_map(|(name, id)| {
            let count = self.of(id.index());
            (count > 0).then(|| (name.to_owned(), count))
        });
        (counted.collect(), self.others.sum())
    }

    fn of(&self, index: usize) -> u64 {
        if index >= COUNTED {
            return 0;
        }
        let of_index = self.pieces.iter().skip(index / PIECE).step_by(PIECES);
        let counts = of_index.filter_map(|cell| Some(cell.get()?.0[index % PIECE].load(Ordering::Relaxed)));
        counts.fold(0, u64::wrapping_add)
    }
}

impl Piece {
    #[cold]
    fn made(cell: &OnceBox<Self>) -> &Self {
        // Of threads that race here one's piece is kept; none has counted in another.
        let _ = cell.set(busy::during(|| Box::new(Self([const { AtomicU64::new(0) }; PIECE]))));
        match cell.get() {
            Some(piece) => piece,
            None => unreachable!("a cell that was just set is empty"),
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_by_name_and_those_told_at_run_time_together() {
        let counts = KindCounts::new(2);
        let one = Kind::from_static("kinds.one").unwrap();
        let other = Kind::from_static("kinds.other").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (counts, one, other) = (&counts, &one, &other);
                scope.spawn(move || {
                    for n in 0..1000 {
                        counts.count(one, Lane::of(thread, 2));
                        counts.count(&Kind::new(format!("kinds.dynamic.{n}")).unwrap(), Lane::of(thread, 2));
                    }
                    counts.count(other, Lane::of(thread, 2));
                });
            }
        });
        let (by_kind, others) = counts.read();
        let expected = [("kinds.one".to_owned(), 4000), ("kinds.other".to_owned(), 4)];
        assert_eq!((by_kind, others), (expected.into(), 4000));
    }

    #[test]
    fn each_stripe_has_pieces_for_its_first_thread_and_others_for_the_rest() {
        let counts = KindCounts::new(2);
        assert_eq!(counts.pieces.len(), 4 * 64);
        (0..4).for_each(|thread| counts.count_at(PIECE, Lane::of(thread, 2)));
        let made = counts.pieces.iter().enumerate().filter(|(_, piece)| piece.get().is_some());
        assert_eq!(made.map(|(at, _)| at).collect::<Vec<_>>(), [1, 65, 129, 193]);
        assert_eq!(counts.of(PIECE), 4);
    }

    #[test]
    fn the_last_kind_with_a_counter_is_the_one_below_the_bound() {
        let counts = KindCounts::new(1);
        [COUNTED - 1, COUNTED, usize::MAX].into_iter().for_each(|index| counts.count_at(index, Lane::of(0, 1)));
        assert_eq!((counts.of(COUNTED - 1), counts.others.sum()), (1, 2));
    }
}
