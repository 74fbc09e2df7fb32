//! The stress test of the bus: everything at once, for millions of events, with delays at any atomic step.
//!
//! 1. [`options`]: what was asked for.
//! 2. [`delays`]: every operation of the bus on an atomic, a lock or a cell is a step; at some of them the thread yields,
//!    spins or sleeps.
//! 3. [`scenarios`]: what is done; each checks what must hold, whatever the threads' timing.
//! 4. [`ledger`]: what must have come, and what the counts must be; [`checksum`]: that an event is whole; [`memory`]: how
//!    large the process is.
//!
//! It promises: a violation is told with all that is needed to see it again, and the exit code is 1; bad arguments end
//! with 2. That delays were asked for and never came is a violation too: such a run has shown less than it says. It refuses
//! to judge speed: the figures at the end are for people.

mod checksum;
mod delays;
mod ledger;
mod memory;
mod options;
mod scenarios;

use std::process::ExitCode;
use std::time::Instant;

use options::{Options, Request};
use scenarios::{Figures, Run, SCENARIOS, Scenario};

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)) {
        Ok(Request::Run(options)) => run(&options),
        Ok(Request::List) => {
            SCENARIOS.iter().for_each(|one| println!("{:24}{}", one.name, one.about));
            ExitCode::SUCCESS
        }
        Ok(Request::Help) => {
            print!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{}", options::HELP);
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let chosen: Vec<&Scenario> =
        SCENARIOS.iter().filter(|one| options.scenario.as_ref().is_none_or(|name| name == one.name)).collect();
    if chosen.is_empty() {
        eprintln!("there is no such scenario; --list tells their names");
        return ExitCode::from(2);
    }
    scenarios::silence_planned_panics();
    delays::install();
    if !options.quiet {
        let delays = if options.delays { delays::RATES } else { "none" };
        println!("seed {}, {} threads, delays: {delays}", options.seed, options.threads);
    }
    let mut rows = Vec::new();
    for scenario in chosen {
        let (started, before) = (Instant::now(), delays::injected());
        let deadline = options.seconds.map(|seconds| started + seconds);
        let events = options.events.map_or(scenario.events, |events| events.min(scenario.most));
        let run = Run { events, deadline, seed: options.seed, threads: options.threads, quiet: options.quiet };
        let delayed = options.delays && scenario.delays;
        delays::set(delayed, options.seed);
        let injected = || delays::injected() - before;
        let judged = |figures: Figures| delays::came(delayed, figures.events, injected()).map(|()| figures);
        match (scenario.run)(&run).and_then(judged) {
            Ok(figures) => rows.push(row(scenario, &figures, injected(), started)),
            Err(violation) => {
                println!("VIOLATION in {} with --seed {}\n{violation}", scenario.name, options.seed);
                return ExitCode::FAILURE;
            }
        }
    }
    if !options.quiet {
        println!(
            "{:24}{:>11}{:>9}{:>12}{:>14}{:>9}{:>11}",
            "", "events", "threads", "delays", "checks", "seconds", "events/s"
        );
    }
    rows.iter().for_each(|row| println!("{row}"));
    ExitCode::SUCCESS
}

fn row(scenario: &Scenario, figures: &Figures, delays: u64, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let Figures { events, threads, checks } = *figures;
    let rate = events as f64 / seconds.max(1e-9);
    format!("{:24}{events:>11}{threads:>9}{delays:>12}{checks:>14}{seconds:>9.1}{rate:>11.0}", scenario.name)
}
