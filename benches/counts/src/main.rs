//! The hot paths, one a mode: `ringbus-counts MODE ROUNDS` does it ROUNDS times, after a warm-up.
//!
//! 1. [`modes`] are the hot paths.
//! 2. [`allocations`] counts what this process allocates.
//! 3. Here: the command line, the warm-up, and the rounds.
//!
//! `cargo xtask counts` runs it under callgrind, which counts inside [`counted_rounds`] only, with N and with 2 N rounds:
//! the difference is N rounds and nothing else. Promises to do the same instructions each time it is run: one thread, no
//! time, no randomness of its own. Prints `allocations<tab>MODE<tab>how many the rounds made`; `--list`
//! prints the modes, one a line. Refuses what it does not know, with exit code 2.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks on the terminal")]

mod allocations;
mod modes;

use std::process::ExitCode;

use modes::MODES;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// More than a lap of the history, and than the memory of events that goes round: the rounds find a steady state.
const WARM_UP: u64 = 8192;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--list"] => MODES.iter().for_each(|mode| println!("{}\t{}", mode.id, mode.what)),
        &[id, rounds] => {
            let (Some(mode), Ok(rounds)) = (MODES.iter().find(|mode| mode.id == id), rounds.parse()) else {
                eprintln!("there is no mode `{id}` (see --list), or `{rounds}` is no number");
                return ExitCode::from(2);
            };
            (mode.run)(&mut |round| measured(mode.id, rounds, round));
        }
        _ => {
            eprintln!("usage: ringbus-counts MODE ROUNDS | --list");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Warms up, does the rounds, and tells what they allocated.
fn measured(id: &str, rounds: u64, round: &mut dyn FnMut(u64)) {
    round(WARM_UP);
    let before = allocations::so_far();
    counted_rounds(rounds, round);
    println!("allocations\t{id}\t{}", allocations::so_far() - before);
}

/// What callgrind counts, by this name, and all that it calls.
#[inline(never)]
fn counted_rounds(rounds: u64, round: &mut dyn FnMut(u64)) {
    round(rounds);
    // Not a tail call: callgrind watches this function return.
    std::hint::black_box(());
}
