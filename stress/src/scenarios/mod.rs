//! What is done.
//!
//! 1. [`stalled`]: a handler, and a reader, that stand still while others publish: the process must not grow.
//! 2. [`threads`], [`kinds`]: very many threads, very many kinds: nor then.
//! 3. [`queues`]: handlers that take their time, in rounds; after each all counts are compared.
//! 4. [`mixed`]: everything else at once, in rounds too. These are the last: what they free would hide that something else
//!    grows.
//!
//! [`faults`] keeps what a round of the last two has found that must not be.

mod faults;
mod kinds;
mod mixed;
mod queues;
mod stalled;
mod threads;

use std::time::Instant;

use crate::checksum::mix;

/// What a scenario is to do.
#[derive(Clone, Debug)]
pub struct Run {
    /// So many events, in the scenario's own measure.
    pub events: u64,
    /// No new round after that.
    pub deadline: Option<Instant>,
    pub seed: u64,
    pub threads: usize,
    pub quiet: bool,
}

/// What it has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub events: u64,
    pub threads: usize,
    pub checks: u64,
}

/// One of the scenarios.
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    /// How many events (threads, kinds) by default, and at most.
    pub events: u64,
    pub most: u64,
    /// Whether delays are injected, if anywhere.
    pub delays: bool,
    /// An error is a violation, told in full.
    pub run: fn(&Run) -> Result<Figures, String>,
}

/// In this order.
pub const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "memory-stalled-handler",
        about: "a handler stands still while others publish; resident size",
        events: 10_000_000,
        most: u64::MAX,
        delays: false,
        run: stalled::handler,
    },
    Scenario {
        name: "memory-stalled-reader",
        about: "a reader stands in the middle of the history while others publish; resident size",
        events: 10_000_000,
        most: u64::MAX,
        delays: false,
        run: stalled::reader,
    },
    Scenario {
        name: "memory-threads",
        about: "short-lived threads, a few events each; resident size",
        events: 100_000,
        most: 10_000_000,
        delays: false,
        run: threads::run,
    },
    Scenario {
        name: "memory-kinds",
        about: "distinct kinds told at run time, also subscribed to; resident size",
        events: 1_000_000,
        most: 100_000_000,
        delays: false,
        run: kinds::run,
    },
    Scenario {
        name: "queues",
        about: "handlers on threads, in pools, in tasks; all policies, retries, ends and shutdowns, all at once",
        events: 400_000,
        most: u64::MAX,
        delays: true,
        run: queues::run,
    },
    Scenario {
        name: "mixed",
        about: "publishers, subscribers that come and go, readers, failures, resets, all at once",
        events: 10_000_000,
        most: u64::MAX,
        delays: true,
        run: mixed::run,
    },
];

/// What handlers panic with on purpose.
pub struct Planned;

/// Planned panics are not printed; others are.
pub fn silence_planned_panics() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Planned>() {
            others(info);
        }
    }));
}

impl Run {
    /// Whether another round may begin after `done` events.
    fn goes_on(&self, done: u64) -> bool {
        done < self.events && self.deadline.is_none_or(|deadline| Instant::now() < deadline)
    }

    /// Rounds of about `size` events, until all are done or the time is up; each is numbered, and has a seed.
    fn in_rounds(
        &self,
        name: &str,
        size: u64,
        mut round: impl FnMut(u64, u64, u64) -> Result<Figures, String>,
    ) -> Result<Figures, String> {
        let mut figures = Figures::default();
        for number in 0.. {
            if !self.goes_on(figures.events) {
                break;
            }
            let events = size.min(self.events - figures.events);
            let done = round(number, mix(self.seed ^ mix(number)), events)
                .map_err(|violation| format!("scenario {name}, round {number}, {violation}"))?;
            figures.events += done.events;
            figures.checks += done.checks;
            figures.threads = done.threads;
            if number % 10 == 9 {
                self.tell(&format!("{name}: {} events, {} checks", figures.events, figures.checks));
            }
        }
        Ok(figures)
    }

    /// Tells people something, unless they want quiet.
    fn tell(&self, what: &str) {
        if !self.quiet {
            println!("{what}");
        }
    }
}
