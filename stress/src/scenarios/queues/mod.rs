//! Handlers that take their time, in rounds: each has a new bus, in one of several forms, and ends with all counts compared.
//!
//! 1. [`plan`]: which subscriptions there are: on threads, in pools, in tasks, taken out; what each does with what has no
//!    room, how its calls end, how it ends.
//! 2. [`play`]: what all threads of a round share: subscriptions with what they have seen, faults found.
//! 3. [`handler`]: begins subscriptions, and is their handler; [`executor`] polls those that are async.
//! 4. [`publisher`]: publishes, and waits for what was published; [`coming`]: begins and ends subscriptions meanwhile.
//! 5. [`round`]: sets them going and ends the bus: when all is idle, by a shutdown in the middle, or by dropping it; [`audit`]
//!    compares what they have seen with what the bus says.

mod audit;
mod coming;
mod executor;
mod handler;
mod plan;
mod play;
mod publisher;
mod round;

use super::{Figures, Run};
use crate::memory::Samples;

/// Events of one round, about.
const ROUND: u64 = 20_000;
/// The resident size is sampled from the round on in which every form has been used.
const SETTLED: u64 = 12;
/// A growth that says nothing here: what a hundred threads a round leave in the allocator's arenas differs from round to
/// round, by up to 3 MiB, and no more after a million events than after half of them.
const SLACK_KIB: u64 = 8192;

/// Rounds until the events are done or the time is up.
pub fn run(run: &Run) -> Result<Figures, String> {
    let (mut events_so_far, mut samples, mut settled) = (0, Samples::default(), false);
    let figures = run.in_rounds("queues", ROUND, |number, seed, events| {
        let form = Form::of(number, seed, run.threads);
        let done = round::run(&form, events).map_err(|violation| format!("{form:?}\n{violation}"))?;
        events_so_far += done.events;
        if number >= SETTLED && number % 2 == 0 {
            samples.take(events_so_far);
        }
        settled |= number >= SETTLED;
        Ok(done)
    })?;
    if settled {
        run.tell(&format!("queues: {}", samples.line()));
    }
    samples.grown_beyond(SLACK_KIB)?;
    Ok(figures)
}

/// What kind of bus a round has, and how it ends.
#[derive(Clone, Debug)]
struct Form {
    seed: u64,
    publishers: usize,
    history: usize,
    shards: usize,
    /// Calls are timed, all of them.
    timed: bool,
    ending: Ending,
}

/// How a bus ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// When all have published, and all is handled.
    Idle,
    /// By a shutdown in the middle, which drains all queues.
    Drained,
    /// By one that has no time, or little.
    CutOff,
    /// By two at once.
    Twice,
    /// It is dropped in the middle, with full queues.
    Dropped,
}

impl Form {
    fn of(number: u64, seed: u64, publishers: usize) -> Self {
        let endings = [Ending::Idle, Ending::Drained, Ending::Idle, Ending::CutOff, Ending::Twice, Ending::Dropped];
        Self {
            seed,
            publishers,
            history: [16, 0, 500][(seed % 3) as usize],
            shards: [1, 2, 4][(seed / 5 % 3) as usize],
            timed: seed / 16 % 2 == 0,
            ending: endings[(number % 6) as usize],
        }
    }
}
