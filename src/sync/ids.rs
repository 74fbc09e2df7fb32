//! Numbers for events: unique without a shared counter, a random number or a system call.
//!
//! A thread's row carries a prefix (the process's instance number moved on by the row's number, so injective in the
//! row) and a counter that only its owner writes. A row passes from one thread to the next with its counter, so no
//! pair repeats: the counter's 62 bits last 146 years at an event a nanosecond.

use super::process;
use super::rows::{self, Row};

/// The odd constant that spreads row numbers over the prefixes: 2^60 divided by the golden ratio.
const SPREAD: u64 = 0x09e3_779b_97f4_a7c1;

/// The prefix of row `number` in process `instance`.
pub(super) fn prefix(instance: u64, number: usize) -> u64 {
    instance.wrapping_add((number as u64).wrapping_mul(SPREAD)) & process::MASK
}

/// The next pair of (prefix of 60 bits, counter of 62 bits) on this thread.
#[inline]
pub(crate) fn next() -> (u64, u64) {
    match rows::visit() {
        Some(visit) => of(visit.row()),
        None => without_row(),
    }
}

/// The same, on the calling thread's row.
#[inline]
pub(crate) fn of(row: &Row) -> (u64, u64) {
    (row.prefix(), row.count())
}

/// For a thread that is in the middle of claiming its row (a publishing allocator): one shared counter.
#[cold]
fn without_row() -> (u64, u64) {
    (prefix(process::instance(), usize::MAX), rows::count_without_row())
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_pair_repeats_across_threads_that_reuse_rows() {
        let all: Vec<(u64, u64)> = (0..8)
            .flat_map(|_| {
                let threads: Vec<_> =
                    (0..4).map(|_| std::thread::spawn(|| (0..100).map(|_| next()).collect::<Vec<_>>())).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            })
            .collect();
        let distinct: HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn prefixes_of_rows_differ() {
        let distinct: HashSet<u64> = (0..100_000).map(|row| prefix(12345, row)).collect();
        assert_eq!(distinct.len(), 100_000);
    }
}
