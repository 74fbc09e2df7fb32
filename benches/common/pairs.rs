//! The alternating runner: both sides of a row in turn, many times over, in one process.
//!
//! It promises a ratio that means something on a machine whose speed wanders: it is the median of the ratios of
//! neighbours in time, and the order within a pair changes from pair to pair. It judges nothing.

use std::process::ExitCode;
use std::time::Duration;

use super::lines;
use super::numbers::{Spread, more_rounds, ns_per_round, quotients, rounds_for};
use super::options::{HELP, Options};
use super::row::{Row, RowMaker, Side, Study};

/// What came out of a row.
#[derive(Clone, Debug)]
pub struct Measured {
    pub id: &'static str,
    /// Nanoseconds a round.
    pub ours: Spread,
    /// Nanoseconds a round.
    pub yardstick: Option<Spread>,
}

/// A whole program: reads its arguments, runs what they ask for, and tells it on the standard output. `after` is given
/// what came out of the rows.
pub fn program(rows: &[RowMaker], studies: &[Study], after: impl FnOnce(&[Measured])) -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let rows = rows.iter().filter(|row| options.wants(row.id));
    let studies = studies.iter().filter(|study| options.wants(study.id));
    if options.list {
        rows.map(|row| row.id).chain(studies.map(|study| study.id)).for_each(|id| println!("{id}"));
        return ExitCode::SUCCESS;
    }
    let measured: Vec<Measured> = rows.map(|row| run(&options, (row.make)())).collect();
    after(&measured);
    studies.for_each(|study| (study.run)(&options));
    ExitCode::SUCCESS
}

/// Measures a row and prints its line.
pub fn run(options: &Options, row: Row) -> Measured {
    let Row { id, what, mut ours, yardstick } = row;
    let Some(mut yardstick) = yardstick else {
        let times = alternate(options, &mut [&mut ours]);
        let spread = Spread::of(&times[0]);
        println!("{}", lines::alone(id, what, ours.name, spread, times[0].len()));
        return Measured { id, ours: spread, yardstick: None };
    };
    let times = alternate(options, &mut [&mut ours, &mut yardstick]);
    let (our_times, their_times) = (&times[0], &times[1]);
    let [ours_ns, yardstick_ns] = [our_times, their_times].map(|times| Spread::of(times));
    let ratio = Spread::of(&quotients(their_times, our_times));
    let sides = ((ours.name, ours_ns.median), (yardstick.name, yardstick_ns.median));
    println!("{}", lines::pair((id, what), sides.0, sides.1, ratio, our_times.len()));
    Measured { id, ours: ours_ns, yardstick: Some(yardstick_ns) }
}

/// Runs the sides in turn, forwards and backwards, as often as the options say: for each side its nanoseconds a round,
/// one for each time.
pub fn alternate(options: &Options, sides: &mut [&mut Side]) -> Vec<Vec<f64>> {
    let (times, slice) = if options.test { (1, None) } else { (options.pairs, Some(options.slice)) };
    let rounds: Vec<u64> = sides.iter_mut().map(|side| slice.map_or(1, |slice| calibrate(side, slice))).collect();
    let mut found = vec![Vec::with_capacity(times); sides.len()];
    for time in 0..times {
        for turn in 0..sides.len() {
            let at = if time % 2 == 0 { turn } else { sides.len() - 1 - turn };
            found[at].push(ns_per_round((sides[at].run)(rounds[at]), rounds[at]));
        }
    }
    found
}

/// How many rounds of a side take about a slice, beside what it costs to begin: waking a crowd of threads takes longer
/// than one round of each. What it runs for that warms it up.
fn calibrate(side: &mut Side, slice: Duration) -> u64 {
    // The fastest of three: a moment in which the machine did something else says nothing.
    let mut fastest = |rounds| (side.run)(rounds).min((side.run)(rounds)).min((side.run)(rounds));
    let mut rounds = 1;
    let mut took = fastest(rounds);
    while took < slice / 8 {
        rounds = more_rounds(rounds, took, slice / 4);
        took = fastest(rounds);
    }
    loop {
        let fourfold = fastest(rounds * 4);
        // Else it was mostly beginning. But not for ever: a machine may be too busy to tell.
        if fourfold >= took * 3 || fourfold >= slice * 8 {
            let work = fourfold.saturating_sub(took).max(fourfold / 4);
            return rounds_for(rounds * 3, work, slice);
        }
        (rounds, took) = (rounds * 4, fourfold);
    }
}
