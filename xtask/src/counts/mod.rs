//! `cargo xtask counts`: instructions and allocations of the hot paths, beside the limits that are checked in.
//!
//! 1. `benches/counts`, a program with one mode a hot path, is built in release, with no flags but its own.
//! 2. Each mode runs under callgrind with N and with 2 N rounds. The difference is N rounds, without what comes before
//!    and after; and the first N must tell the same, or the count is none.
//! 3. [`limits`] compares.
//!
//! Promises counts that do not depend on how busy the machine is. They do depend on the compiler, and a little on the C
//! library, whose choice among its copying functions is held to those that every x86-64 has. Refuses other systems than
//! Linux, where valgrind is not at hand.

mod limits;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::{Context, output, run as command};
use crate::tools;
pub(crate) use limits::Count;
use limits::{Limits, Machine};

/// A crate of its own: its features and versions must not change with what else is built.
pub(crate) const MANIFEST: &str = "benches/counts/Cargo.toml";

/// The limits, from the root of the project.
const LIMITS: &str = "benches/counts/limits.txt";

/// Laps of the history, and few enough to take half a second under callgrind.
const ROUNDS: u64 = 4096;

/// No copying function that not every x86-64 processor has: which one is taken changes the counts.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

/// By so many instructions a round the first rounds and the second may differ: a clock's anchor is renewed once a second,
/// in some run or other, and entering the rounds takes a few.
const SAME: f64 = 0.5;

// === the commands ===

/// Counts, and compares with the limits, or makes these the limits.
pub(crate) fn run(context: &Context, write: bool) -> Result<(), String> {
    let path = context.root.join(LIMITS);
    let (machine, counts) = count(context)?;
    if write {
        println!("    {LIMITS} is what was counted now");
        return fs::write(&path, limits::text(&machine, &counts)).map_err(|why| format!("{LIMITS}: {why}"));
    }
    let text = fs::read_to_string(&path).map_err(|why| format!("{LIMITS}: {why}; `cargo xtask counts --write`"))?;
    let verdict = Limits::parse(&text)?.judge(&machine, &counts);
    print!("{}", verdict.table);
    match verdict.faults.is_empty() {
        true => Ok(()),
        false => Err(verdict.faults.join("\n")),
    }
}

/// The step of `cargo xtask test`.
pub(crate) fn check(context: &Context) -> Result<(), String> {
    run(context, false)
}

/// Whether this machine can count.
pub(crate) fn possible() -> Result<(), String> {
    if cfg!(target_os = "linux") { Ok(()) } else { Err("valgrind is at hand on Linux only".to_owned()) }
}

/// The counts, and the limits that they are held to, for the report.
pub(crate) fn for_report(context: &Context) -> Result<Vec<ForReport>, String> {
    let limits = fs::read_to_string(context.root.join(LIMITS)).unwrap_or_default();
    let limits = Limits::parse(&limits).unwrap_or_default();
    let (_, counts) = count(context)?;
    let with_limit = |count: Count| ForReport { limit: limits.of(&count.id), count };
    Ok(counts.into_iter().map(with_limit).collect())
}

/// A count beside its limit.
pub(crate) struct ForReport {
    pub(crate) count: Count,
    pub(crate) limit: Option<u64>,
}

// === counting ===

fn count(context: &Context) -> Result<(Machine, Vec<Count>), String> {
    tools::system("valgrind", "valgrind")?;
    let program = build(context)?;
    let machine = Machine::here()?;
    let modes = output(Command::new(&program).arg("--list"))?;
    let modes: Vec<(&str, &str)> = modes.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut counts = Vec::with_capacity(modes.len());
    for (id, what) in modes {
        let (instructions, allocations) = mode(context, &program, id)?;
        counts.push(Count { id: id.to_owned(), what: what.to_owned(), instructions, allocations });
    }
    // The loop around each of them.
    let around = counts.iter().find(|count| count.id == "loop").map_or(0, |count| count.instructions);
    counts.retain(|count| count.id != "loop");
    for count in &mut counts {
        count.instructions = count.instructions.saturating_sub(around);
    }
    match counts.is_empty() {
        true => Err(format!("`{} --list` names no mode", program.display())),
        false => Ok((machine, counts)),
    }
}

fn target(context: &Context) -> PathBuf {
    context.target.join("counts")
}

fn build(context: &Context) -> Result<PathBuf, String> {
    let mut cargo = context.cargo(&format!("build --release --manifest-path {MANIFEST}"));
    // Flags of the environment would change the counts.
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(flags);
    }
    let profile = std::env::vars_os().map(|(name, _)| name);
    for name in profile.filter(|name| name.to_string_lossy().starts_with("CARGO_PROFILE_RELEASE_")) {
        cargo.env_remove(name);
    }
    command(cargo.env("CARGO_TARGET_DIR", target(context)))?;
    Ok(target(context).join("release/ringbus-counts"))
}

/// Instructions a round, and allocations of `ROUNDS` rounds.
fn mode(context: &Context, program: &Path, id: &str) -> Result<(u64, u64), String> {
    let (once, allocations) = callgrind(context, program, id, ROUNDS)?;
    let (twice, _) = callgrind(context, program, id, 2 * ROUNDS)?;
    match a_round(once, twice) {
        Some(instructions) => Ok((instructions, allocations)),
        None => Err(format!(
            "{id} does not do the same each time: {once} instructions for {ROUNDS} rounds, {twice} for twice as many"
        )),
    }
}

/// What a round takes, if the first rounds and the second tell the same.
fn a_round(once: u64, twice: u64) -> Option<u64> {
    let rounds = ROUNDS as f64;
    let first = once as f64 / rounds;
    let second = twice.saturating_sub(once) as f64 / rounds;
    // Not always a whole number: some work is done every so many rounds.
    ((first - second).abs() < SAME).then_some(second.round() as u64)
}

/// What callgrind counts inside the rounds, and what the program says it allocated there.
fn callgrind(context: &Context, program: &Path, id: &str, rounds: u64) -> Result<(u64, u64), String> {
    let out = target(context).join(format!("callgrind.{id}.out"));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_rounds*"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(program).args([id, &rounds.to_string()]).env("GLIBC_TUNABLES", TUNABLES);
    let told = output(&mut valgrind)?;
    let allocations = told.lines().find_map(|line| line.strip_prefix(&format!("allocations\t{id}\t"))?.parse().ok());
    let allocations = allocations.ok_or_else(|| format!("{id} told no allocations: {told}"))?;
    let text = fs::read_to_string(&out).map_err(|why| format!("{}: {why}", out.display()))?;
    match total(&text) {
        Some(0) | None => Err(format!("{} counts nothing", out.display())),
        Some(total) => Ok((total, allocations)),
    }
}

/// The number on the line `totals:` of what callgrind wrote.
fn total(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_the_difference_and_must_agree_with_the_first_rounds() {
        assert_eq!(a_round(ROUNDS * 38 + 31, ROUNDS * 76 + 31), Some(38));
        // A clock's anchor was renewed in one of them.
        assert_eq!(a_round(ROUNDS * 38 + 400, ROUNDS * 76 + 11), Some(38));
        // Something is done every other round.
        assert_eq!(a_round(ROUNDS * 77 / 2 + 11, ROUNDS * 77 + 11), Some(39));
        assert_eq!(a_round(ROUNDS * 39, ROUNDS * 77), None);
    }

    #[test]
    fn the_total_is_the_last_lines() {
        assert_eq!(total("events: Ir\nfn=(1) x\n1 3\n\ntotals: 311327\n"), Some(311_327));
        assert_eq!(total("events: Ir\n"), None);
    }
}
