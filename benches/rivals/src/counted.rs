//! A side whose handlers' calls are counted after each run: a comparison with work that was not done means nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::common::row::Side;
use crate::common::seen::Seen;

/// The side `name`, which calls handlers `calls` times a round, and each of them counts with `seen`.
///
/// # Panics
/// When it runs, if fewer calls have been counted when `run` has returned.
pub fn counted(
    name: &'static str,
    seen: &Arc<Seen>,
    calls: usize,
    mut run: impl FnMut(u64) -> Duration + 'static,
) -> Side {
    let seen = Arc::clone(seen);
    Side::new(name, move |rounds| {
        let before = seen.sum();
        let took = run(rounds);
        let (found, due) = (seen.sum() - before, rounds * calls as u64);
        assert!(found >= due, "{name}: {found} calls of handlers, of {due}");
        took
    })
}
