//! Steps: named pieces of work, run in order, timed, summed up in a table.
//!
//! Promises: the first failure stops the run; the table at the end names every step, what became of
//! it and how long it took, and below it the command that failed. What was asked for by name and cannot be
//! done here is a failure. Knows nothing of what a step does.

use std::fmt;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::End;
use crate::context::{Context, lasted};

/// One step.
pub(crate) struct Step {
    /// A short word by which it can be asked for.
    pub(crate) name: &'static str,
    /// What it shows when it passes.
    pub(crate) shows: &'static str,
    /// Does it; an error says which command failed and how.
    pub(crate) work: fn(&Context) -> Result<(), String>,
    /// What this machine must have for it, or why it has not: then the step is passed over, and the table says so; unless
    /// it was asked for by name.
    pub(crate) needs: Option<fn() -> Result<(), String>>,
}

impl Step {
    /// A step that every machine can do.
    pub(crate) const fn new(name: &'static str, shows: &'static str, work: fn(&Context) -> Result<(), String>) -> Self {
        Self { name, shows, work, needs: None }
    }

    /// The same step, for machines that have what it needs.
    pub(crate) const fn where_installed(self, needs: fn() -> Result<(), String>) -> Self {
        Self { needs: Some(needs), ..self }
    }
}

// === the commands made of steps ===

/// Runs all steps, or only those named.
pub(crate) fn run(steps: &[Step], only: &[String], context: &Context) -> End {
    let steps = match chosen(steps, only) {
        Ok(steps) => steps,
        Err(why) => return End::Usage(why),
    };
    let report = Report::of(&steps, !only.is_empty(), context);
    println!("\n{report}");
    if report.passed() { End::Good } else { End::Failed(String::new()) }
}

/// The steps, one a line.
pub(crate) fn list(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{:<14} {}", step.name, step.shows);
        text
    })
}

fn chosen<'a>(steps: &'a [Step], only: &[String]) -> Result<Vec<&'a Step>, String> {
    if let Some(name) = only.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        return Err(format!("there is no step `{name}`; there are:\n{}", list(steps)));
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(steps.iter().filter(wanted).collect())
}

// === what became of them ===

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Passed(Duration),
    Failed(Duration, String),
    /// This machine has not what it needs.
    PassedOver(String),
    NotRun,
}

/// What became of all of them. Its `Display` is the table.
pub(crate) struct Report {
    rows: Vec<(&'static str, Fate)>,
    total: Duration,
}

// === impl Report ===

impl Report {
    /// Runs the steps in order until one fails; those `named` must be possible here.
    pub(crate) fn of(steps: &[&Step], named: bool, context: &Context) -> Report {
        let start = Instant::now();
        let mut rows = Vec::with_capacity(steps.len());
        let mut failed = false;
        for (at, step) in steps.iter().enumerate() {
            if failed {
                rows.push((step.name, Fate::NotRun));
                continue;
            }
            println!("\n==> {}/{} {}: {}", at + 1, steps.len(), step.name, step.shows);
            let possible = step.needs.map_or(Ok(()), |needs| needs());
            if let (Err(why), false) = (&possible, named) {
                println!("<== {} passed over: {why}", step.name);
                rows.push((step.name, Fate::PassedOver(why.clone())));
                continue;
            }
            let began = Instant::now();
            let result = possible.and_then(|()| (step.work)(context));
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

    /// Whether every step passed that could be done here.
    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|(_, fate)| matches!(fate, Fate::Passed(_) | Fate::PassedOver(_)))
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
                Fate::PassedOver(why) => ("-", why.clone()),
                Fate::NotRun => ("not run", String::new()),
            };
            writeln!(f, "{}", format!("{name:<14} {word:<8} {time:>12}").trim_end())?;
        }
        let over = self.rows.iter().filter(|(_, fate)| matches!(fate, Fate::PassedOver(_))).count();
        let verdict = match (self.passed(), over) {
            (true, 0) => "passed".to_owned(),
            (true, over) => format!("passed, {over} passed over"),
            (false, _) => "FAILED".to_owned(),
        };
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

    const GOOD: Step = Step::new("good", "nothing", |_| Ok(()));
    const BAD: Step = Step::new("bad", "nothing", |_| Err("`x` failed: exit code 3".into()));
    const FAR: Step = Step::new("far", "nothing", |_| Err("run".into())).where_installed(|| Err("no such tool".into()));

    fn report(steps: &[&Step]) -> Report {
        report_of(steps, false)
    }

    fn report_of(steps: &[&Step], named: bool) -> Report {
        let scratch = Scratch::new(&format!("step-{}-{named}", steps.len()));
        scratch.write(&[("Cargo.toml", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        Report::of(steps, named, &context)
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

    #[test]
    fn what_cannot_be_done_here_is_said_and_is_no_failure() {
        let report = report(&[&FAR, &GOOD]);
        assert!(report.passed());
        let text = report.to_string();
        assert!(text.lines().any(|line| line.starts_with("far") && line.ends_with("no such tool")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("all            passed, 1 passed over ")), "{text}");
    }

    #[test]
    fn what_is_asked_for_by_name_must_be_possible() {
        let report = report_of(&[&FAR, &GOOD], true);
        assert!(!report.passed());
        let text = report.to_string();
        assert!(text.contains("far            FAILED") && text.contains("good           not run"), "{text}");
        assert!(text.ends_with("far: no such tool\n"), "{text}");
    }

    #[test]
    fn steps_run_in_the_order_of_the_table_whatever_was_typed() {
        let steps = [GOOD, BAD, FAR];
        let names = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
            chosen(&steps, &only).expect("known").iter().map(|step| step.name).collect()
        };
        assert_eq!(names(&[]), ["good", "bad", "far"]);
        assert_eq!(names(&["far", "good"]), ["good", "far"]);
    }

    #[test]
    fn an_unknown_step_is_named_beside_those_that_exist() {
        let why = chosen(&[GOOD, BAD], &["good".into(), "best".into()]).err().expect("unknown");
        assert!(why.contains("`best`") && why.contains("bad"), "{why}");
    }

    #[test]
    fn names_of_steps_are_different() {
        for steps in [crate::suite::STEPS, crate::verify::STEPS] {
            let names: std::collections::BTreeSet<&str> = steps.iter().map(|step| step.name).collect();
            assert_eq!(names.len(), steps.len());
        }
    }
}
