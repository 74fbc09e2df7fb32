//! The limits of the counts, in `benches/counts/limits.txt`, and what is made of counts that differ.
//!
//! Counts are the compiler's: with the compiler that the file names, more than 2 % above a limit is a fault, and more than
//! 10 % below asks for the limit to be tightened. Another version of the compiler may order things differently: there,
//! only more than a quarter above is a fault, and the table says so. Another kind of processor has other instructions: nothing is
//! compared but the allocations, which are 0 everywhere.
//!
//! ```text
//! compiler rustc 1.95.0 (59807616e 2026-04-14)
//! machine x86_64-unknown-linux-gnu
//! off 2
//! full-1 1129
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use crate::context::output;

/// What was counted of one hot path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) id: String,
    pub(crate) what: String,
    /// One round's.
    pub(crate) instructions: u64,
    /// Some thousand rounds'.
    pub(crate) allocations: u64,
}

/// Who counts are comparable with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    compiler: String,
    host: String,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    machine: Machine,
    instructions: BTreeMap<String, u64>,
}

/// What became of the counts.
pub(super) struct Verdict {
    /// All of them, one a line.
    pub(super) table: String,
    /// What must not be.
    pub(super) faults: Vec<String>,
}

// === impl Machine ===

impl Machine {
    pub(super) fn here() -> Result<Self, String> {
        let told = output(Command::new("rustc").arg("-vV"))?;
        let host = told.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or("`rustc -vV` names no host")?.to_owned();
        Ok(Self { compiler: told.lines().next().unwrap_or_default().to_owned(), host })
    }

    /// By how much of its limit a count may be above it here; nothing, where there is nothing to compare.
    fn tolerance(&self, other: &Self) -> Option<f64> {
        match (self.host == other.host, self.compiler == other.compiler) {
            (true, true) => Some(0.02),
            (true, false) => Some(0.25),
            (false, _) => None,
        }
    }
}

// === impl Limits ===

impl Limits {
    /// Reads the file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ') {
                Some(("compiler", name)) => limits.machine.compiler = name.to_owned(),
                Some(("machine", name)) => limits.machine.host = name.to_owned(),
                Some((id, count)) => {
                    let count = count.trim().parse().map_err(|_| format!("a limit is a whole number: `{line}`"))?;
                    limits.instructions.insert(id.to_owned(), count);
                }
                None => return Err(format!("a limit is a mode and a number: `{line}`")),
            }
        }
        Ok(limits)
    }

    /// The limit of one mode.
    pub(super) fn of(&self, id: &str) -> Option<u64> {
        self.instructions.get(id).copied()
    }

    /// Compares what was counted on `machine`.
    pub(super) fn judge(&self, machine: &Machine, counts: &[Count]) -> Verdict {
        let tolerance = self.machine.tolerance(machine);
        let mut table = String::new();
        match tolerance {
            Some(tolerance) if machine != &self.machine => {
                let (here, there) = (&machine.compiler, &self.machine.compiler);
                let percent = tolerance * 100.0;
                let _ = writeln!(table, "    {here}, limits of {there}: {percent} % above them are let through");
            }
            Some(_) => {}
            None => {
                let (here, there) = (&machine.host, &self.machine.host);
                let _ = writeln!(table, "    {here}, limits of {there}: instructions are not compared");
            }
        }
        let (mut faults, mut notes) = (Vec::new(), Vec::new());
        for count in counts {
            let limit = self.of(&count.id);
            let said = limit.map_or("none".to_owned(), |limit| limit.to_string());
            let Count { id, instructions, allocations, .. } = count;
            let _ = writeln!(
                table,
                "    {id:<16} {instructions:>6} instructions, limit {said:>6}; {allocations} allocations"
            );
            if let Some(tolerance) = tolerance {
                faults.extend(fault(count, limit, tolerance));
                slack(count, limit, tolerance).into_iter().for_each(|text| notes.push(text));
            }
            if *allocations != 0 {
                faults.push(format!("{id} allocates while it is steady: {allocations} times"));
            }
        }
        let gone = self.instructions.keys().filter(|id| counts.iter().all(|count| count.id != **id));
        faults.extend(gone.map(|id| format!("there is a limit for {id}, and no such mode")));
        notes.iter().for_each(|note| table.push_str(&format!("    {note}\n")));
        Verdict { table, faults }
    }
}

const ANEW: &str = "`cargo xtask counts --write` makes new limits";

fn fault(count: &Count, limit: Option<u64>, tolerance: f64) -> Option<String> {
    let Count { id, instructions, .. } = count;
    let Some(limit) = limit else {
        return Some(format!("{id} has no limit; {ANEW}"));
    };
    let (now, most) = (*instructions as f64, limit as f64);
    if now > most * (1.0 + tolerance) {
        let percent = (now / most.max(1.0) - 1.0) * 100.0;
        return Some(format!(
            "{id} takes {instructions} instructions, {percent:.1} % above its limit of {limit}; if it must, {ANEW}"
        ));
    }
    None
}

/// What should be said of a count that is far below its limit.
fn slack(count: &Count, limit: Option<u64>, tolerance: f64) -> Option<String> {
    let Count { id, instructions, .. } = count;
    let limit = limit.filter(|limit| tolerance < 0.1 && (*instructions as f64) < *limit as f64 * 0.9)?;
    Some(format!("{id} takes {instructions} instructions, and {limit} are allowed: tighten it; {ANEW}"))
}

/// The file for these counts.
pub(super) fn text(machine: &Machine, counts: &[Count]) -> String {
    let Machine { compiler, host } = machine;
    let mut text = format!(
        "# Instructions of the hot paths, a round; made by `cargo xtask counts --write`, checked by `cargo xtask test`.\n\
         # Allocations are 0 in all of them.\ncompiler {compiler}\nmachine {host}\n"
    );
    for Count { id, instructions, what, .. } in counts {
        let _ = writeln!(text, "# {what}\n{id} {instructions}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(compiler: &str, host: &str) -> Machine {
        Machine { compiler: compiler.into(), host: host.into() }
    }

    fn count(instructions: u64) -> Count {
        Count { id: "full".into(), what: "a publish".into(), instructions, allocations: 0 }
    }

    fn judged(limit: u64, now: Count, here: &Machine) -> Verdict {
        let there = machine("a", "x86");
        let limits = Limits::parse(&text(&there, &[count(limit)])).expect("made here");
        assert_eq!(limits.machine, there);
        limits.judge(here, &[now])
    }

    fn faults(limit: u64, now: Count, here: &Machine) -> Vec<String> {
        judged(limit, now, here).faults
    }

    #[test]
    fn two_percent_more_are_let_through_and_no_more() {
        let here = machine("a", "x86");
        assert!(faults(1000, count(1020), &here).is_empty());
        assert!(faults(1000, count(1021), &here)[0].contains("2.1 % above its limit of 1000"));
        // Few instructions: not one more.
        assert_eq!(faults(4, count(5), &here).len(), 1);
        assert_eq!(faults(0, count(1), &here).len(), 1);
    }

    #[test]
    fn a_limit_that_is_far_too_wide_is_to_be_tightened_and_no_fault() {
        let tighten = |limit, now, compiler| {
            let verdict = judged(limit, count(now), &machine(compiler, "x86"));
            assert!(verdict.faults.is_empty());
            verdict.table.contains("tighten")
        };
        assert!(!tighten(1000, 900, "a"));
        assert!(tighten(1000, 899, "a"));
        assert!(!tighten(1000, 899, "b"));
    }

    #[test]
    fn another_compiler_gets_a_quarter_and_another_processor_is_not_compared() {
        let other = machine("b", "x86");
        assert!(faults(1000, count(1250), &other).is_empty());
        assert_eq!(faults(1000, count(1251), &other).len(), 1);
        assert!(faults(1000, count(1), &other).is_empty());
        assert!(faults(1000, count(5000), &machine("a", "arm")).is_empty());
    }

    #[test]
    fn allocations_are_a_fault_everywhere() {
        let leaking = Count { allocations: 3, ..count(1000) };
        assert!(faults(1000, leaking, &machine("a", "arm"))[0].contains("3 times"));
    }

    #[test]
    fn a_mode_without_a_limit_and_a_limit_without_a_mode_are_named() {
        let limits = Limits::parse("compiler a\nmachine x86\ngone 7\n").expect("plain");
        let faults = limits.judge(&machine("a", "x86"), &[count(3)]).faults;
        assert!(faults[0].contains("full has no limit") && faults[1].contains("no such mode"), "{faults:?}");
        assert!(Limits::parse("full many").is_err_and(|why| why.contains("`full many`")));
    }
}
