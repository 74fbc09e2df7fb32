//! Everything at once, in rounds: each has a new bus, in one of several forms, and ends with all counts compared.
//!
//! 1. [`play`]: what all threads of a round share: subscriptions with their phases, faults found.
//! 2. [`plan`]: which subscriptions there are, and what they do.
//! 3. [`publisher`]: publishes, and checks at once who was called; [`subscriber`]: begins and ends subscriptions, closes;
//!    [`reader`]: reads the history in all ways; [`switch`]: a bus that is enabled and disabled meanwhile.
//! 4. [`round`]: sets them going, and compares what they have done with what the bus says.

mod plan;
mod play;
mod publisher;
mod reader;
mod round;
mod subscriber;
mod switch;

use super::{Figures, Run};

/// Events of one round, about.
const ROUND: u64 = 100_000;

/// Rounds until the events are done or the time is up.
pub fn run(run: &Run) -> Result<Figures, String> {
    // Kinds that are told at run time before a call site has interned them would be counted among the others.
    for kind in plan::COUNTED {
        ringbus::Kind::from_static(kind).map_err(|error| error.to_string())?;
    }
    run.in_rounds("mixed", ROUND, |number, seed, events| {
        let form = Form::of(number, seed, run.threads);
        round::run(&form, events).map_err(|violation| format!("{form:?}\n{violation}"))
    })
}

/// What kind of bus a round has.
#[derive(Clone, Debug)]
struct Form {
    seed: u64,
    publishers: usize,
    history: usize,
    shards: usize,
    /// Nested events wait for the dispatch under way on their thread.
    deferred: bool,
    /// The bus is reset now and then, which weakens what its counts must be.
    resets: bool,
}

impl Form {
    fn of(number: u64, seed: u64, publishers: usize) -> Self {
        Self {
            seed,
            publishers,
            history: [500, 0, 7, 500, 4000][(seed % 5) as usize],
            shards: [1, 2, 4][(seed / 5 % 3) as usize],
            deferred: number % 3 == 1,
            resets: number % 5 == 3,
        }
    }
}
