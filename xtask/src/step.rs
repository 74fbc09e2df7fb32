//! Steps: named pieces of work, run in order, timed, summed up in a table.
//!
//! Promises: the first failure stops the run; the table at the end names every step, what became of
//! it and how long it took, and below it the command that failed. Knows nothing of what a step does.

use std::fmt;
use std::time::{Duration, Instant};

use crate::context::{Context, lasted};

/// One step.
pub(crate) struct Step {
    /// A short word by which it can be asked for.
    pub(crate) name: &'static str,
    /// What it shows when it passes.
    pub(crate) shows: &'static str,
    /// Does it; an error says which command failed and how.
    pub(crate) work: fn(&Context) -> Result<(), String>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Passed(Duration),
    Failed(Duration, String),
    NotRun,
}

/// What became of all of them. Its `Display` is the table.
pub(crate) struct Report {
    rows: Vec<(&'static str, Fate)>,
    total: Duration,
}

// === impl Report ===

impl Report {
    /// Runs the steps in order until one fails.
    pub(crate) fn of(steps: &[&Step], context: &Context) -> Report {
        let start = Instant::now();
        let mut rows = Vec::with_capacity(steps.len());
        let mut failed = false;
        for (at, step) in steps.iter().enumerate() {
            if failed {
                rows.push((step.name, Fate::NotRun));
                continue;
            }
            println!("\n==> {}/{} {}: {}", at + 1, steps.len(), step.name, step.shows);
            let began = Instant::now();
            let result = (step.work)(context);
            let time = began.elapsed();
            rows.push(match result {
                Ok(()) => {
                    println!("<== {} passed in {}", step.name, lasted(time));
                    (step.name, Fate::Passed(time))
                }
                Err(why) => {
                    println!("<== {} FAILED after {}: {why}", step.name, lasted(time));
                    failed = true;
                    (step.name, Fate::Failed(time, why))
                }
            });
        }
        Report { rows, total: start.elapsed() }
    }

    /// Whether every step passed.
    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|(_, fate)| matches!(fate, Fate::Passed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reason = None;
        writeln!(f, "{:<14} {:<8} {:>12}", "step", "result", "time")?;
        for (name, fate) in &self.rows {
            let (word, time) = match fate {
                Fate::Passed(time) => ("passed", lasted(*time)),
                Fate::Failed(time, why) => {
                    reason = Some(format!("{name}: {why}"));
                    ("FAILED", lasted(*time))
                }
                Fate::NotRun => ("not run", String::new()),
            };
            writeln!(f, "{}", format!("{name:<14} {word:<8} {time:>12}").trim_end())?;
        }
        let verdict = if self.passed() { "passed" } else { "FAILED" };
        writeln!(f, "{:<14} {verdict:<8} {:>12}", "all", lasted(self.total))?;
        match reason {
            Some(reason) => writeln!(f, "\n{reason}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    const GOOD: Step = Step { name: "good", shows: "nothing", work: |_| Ok(()) };
    const BAD: Step = Step { name: "bad", shows: "nothing", work: |_| Err("`x` failed: exit code 3".into()) };

    fn report(steps: &[&Step]) -> Report {
        let scratch = Scratch::new(&format!("step-{}", steps.len()));
        scratch.write(&[("Cargo.toml", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        Report::of(steps, &context)
    }

    #[test]
    fn all_pass() {
        let report = report(&[&GOOD, &GOOD]);
        assert!(report.passed());
        assert!(!report.to_string().contains("FAILED"));
    }

    #[test]
    fn the_first_failure_stops_the_run_and_is_named() {
        let report = report(&[&GOOD, &BAD, &GOOD]);
        assert!(!report.passed());
        let text = report.to_string();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(words[1..5], [["good", "passed"], ["bad", "FAILED"], ["good", "not"], ["all", "FAILED"]]);
        assert!(text.ends_with("bad: `x` failed: exit code 3\n"), "{text}");
    }
}
