//! The command line: what can be asked for, and how it is understood.
//!
//! Promises that what makes no sense is named, with the word at fault, before anything is begun.

use std::time::Duration;

use crate::{fuzz, mutate};

pub(crate) const HELP: &str = "\
The commands of ringbus:

  cargo xtask test [STEP...]    everything that must hold, in order; stops at the first failure
                                (what this machine cannot do is passed over, unless it is named)
  cargo xtask verify [STEP...]  the same, and all that takes hours
  cargo xtask test --list       its steps; so does `verify --list`

  cargo xtask rooms             the rules of the source: who may know whom, unsafe, lengths
  cargo xtask loom [NAME]       the loom models in tests/loom, all or one
  cargo xtask loom --mutants [NAME] [--limit SECONDS]
                                every known way to break a protocol, tried: its model must fail
                                (NAME: a mutant, a model or a test of it; 600 seconds each unless told)
  cargo xtask loom --list       the models and the mutants
  cargo xtask stress [ARG...]   threads that do everything at once, with delays at any atomic step
                                (--seconds N, --events N, --seed N, --scenario NAME; --help tells all)
  cargo xtask sanitize [thread|address]
                                the stress under a sanitizer, which must also catch planted faults
  cargo xtask fuzz [TARGET] [--seconds N]
                                the fuzz targets, all or one, 60 seconds each unless told
  cargo xtask mutants [core|queues [ARG...]]
                                cargo-mutants on the files that .cargo/mutants*.toml name: both parts,
                                or one, with its arguments
  cargo xtask proof [--write]   the table of what shows each promise, checked or made anew
  cargo xtask counts [--write]  instructions and allocations of the hot paths, beside their limits;
                                --write makes the counts the limits
  cargo xtask bench [--quick]   everything measured beside its yardstick: writes benches/REPORT.md,
                                benches/plots/ and the README's figures (--quick: under 3 minutes)
  cargo xtask bench --again     the report of the last run's figures, made anew
  cargo xtask deny              licences, duplicate versions and sources of what we depend on
  cargo xtask miri              the tests under Miri, where it is installed
  cargo xtask help, --list      this text

CARGO_TARGET_DIR says where everything is built; without it, target/.
";

/// A command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Help,
    Test { only: Vec<String>, list: bool },
    Verify { only: Vec<String>, list: bool },
    Rooms,
    Models { name: Option<String> },
    Mutants { name: Option<String>, limit: Duration },
    ListModels,
    Stress { args: Vec<String> },
    Sanitize { name: Option<String> },
    Fuzz { name: Option<String>, time: Duration },
    Survivors { args: Vec<String> },
    Bench { quick: bool, again: bool },
    Counts { write: bool },
    Deny,
    Proof { write: bool },
    Miri,
}

/// Understands the command line, or says what is wrong with it.
pub(crate) fn parse(args: &[String]) -> Result<Task, String> {
    let Some((command, rest)) = args.split_first() else {
        return Err("which command?".to_owned());
    };
    match (command.as_str(), rest) {
        ("help" | "--help" | "-h" | "--list", []) => Ok(Task::Help),
        // These two hand their arguments on.
        ("stress", args) => Ok(Task::Stress { args: args.to_vec() }),
        ("mutants", args) => Ok(Task::Survivors { args: args.to_vec() }),
        (_, [flag, ..]) if flag == "--help" || flag == "-h" => Ok(Task::Help),
        ("test", rest) => steps(command, rest).map(|(only, list)| Task::Test { only, list }),
        ("verify", rest) => steps(command, rest).map(|(only, list)| Task::Verify { only, list }),
        ("rooms", rest) => none(command, rest, Task::Rooms),
        ("deny", rest) => none(command, rest, Task::Deny),
        ("miri", rest) => none(command, rest, Task::Miri),
        ("loom", rest) => loom(rest),
        ("proof", rest) => {
            let words = Words::of(command, rest, &["--write"], &[])?;
            none(command, words.name.as_slice(), Task::Proof { write: !words.flags.is_empty() })
        }
        ("counts", rest) => {
            let words = Words::of(command, rest, &["--write"], &[])?;
            none(command, words.name.as_slice(), Task::Counts { write: !words.flags.is_empty() })
        }
        ("bench", rest) => {
            let words = Words::of(command, rest, &["--quick", "--again"], &[])?;
            let has = |flag| words.flags.contains(&flag);
            match (has("--quick"), has("--again")) {
                (true, true) => Err("--again measures nothing, so it cannot be --quick".to_owned()),
                (quick, again) => none(command, words.name.as_slice(), Task::Bench { quick, again }),
            }
        }
        ("sanitize", rest) => {
            let mut words = Words::of(command, rest, &[], &[])?;
            Ok(Task::Sanitize { name: words.name.take() })
        }
        ("fuzz", rest) => {
            let mut words = Words::of(command, rest, &[], &["--seconds"])?;
            Ok(Task::Fuzz { name: words.name.take(), time: words.seconds.unwrap_or(fuzz::DEFAULT_TIME) })
        }
        (other, _) => Err(format!("there is no command `{other}`")),
    }
}

fn none(command: &str, rest: &[String], task: Task) -> Result<Task, String> {
    match rest.first() {
        None => Ok(task),
        Some(extra) => Err(format!("`{command}` takes no argument, got `{extra}`")),
    }
}

/// Names of steps, or `--list`.
fn steps(command: &str, rest: &[String]) -> Result<(Vec<String>, bool), String> {
    match rest {
        [flag] if flag == "--list" => Ok((Vec::new(), true)),
        only => match only.iter().find(|name| name.starts_with('-')) {
            Some(flag) => Err(format!("`{command}` does not know the option `{flag}`")),
            None => Ok((only.to_vec(), false)),
        },
    }
}

fn loom(rest: &[String]) -> Result<Task, String> {
    let words = Words::of("loom", rest, &["--mutants", "--list"], &["--limit"])?;
    let has = |flag| words.flags.contains(&flag);
    match (has("--list"), has("--mutants"), words.seconds) {
        (true, ..) => Ok(Task::ListModels),
        (_, true, limit) => Ok(Task::Mutants { name: words.name, limit: limit.unwrap_or(mutate::DEFAULT_LIMIT) }),
        (_, _, None) => Ok(Task::Models { name: words.name }),
        (_, _, Some(_)) => Err("--limit goes with --mutants".to_owned()),
    }
}

/// At most one name, flags, and at most one number of seconds.
#[derive(Default)]
struct Words<'a> {
    name: Option<String>,
    flags: Vec<&'a str>,
    seconds: Option<Duration>,
}

impl<'a> Words<'a> {
    fn of(command: &str, args: &[String], flags: &[&'a str], timed: &[&str]) -> Result<Self, String> {
        let mut words = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if let Some(flag) = flags.iter().find(|flag| *flag == arg) {
                words.flags.push(flag);
            } else if timed.contains(&arg.as_str()) {
                let given = args.next().map(String::as_str).unwrap_or_default();
                match given.parse() {
                    Ok(seconds) if seconds > 0 => words.seconds = Some(Duration::from_secs(seconds)),
                    _ => return Err(format!("{arg} takes whole seconds, got `{given}`")),
                }
            } else if arg.starts_with('-') {
                return Err(format!("`{command}` does not know the option `{arg}`"));
            } else if let Some(first) = &words.name {
                return Err(format!("`{command}` takes one name, got `{first}` and `{arg}`"));
            } else {
                words.name = Some(arg.clone());
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn parsed(line: &str) -> Result<Task, String> {
        parse(&words(line))
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(parsed("--list"), Ok(Task::Help));
        assert_eq!(parsed("loom --help"), Ok(Task::Help));
        assert_eq!(parsed("rooms"), Ok(Task::Rooms));
        assert_eq!(parsed("test clippy docs"), Ok(Task::Test { only: words("clippy docs"), list: false }));
        assert_eq!(parsed("verify --list"), Ok(Task::Verify { only: Vec::new(), list: true }));
        assert_eq!(parsed("loom inbox"), Ok(Task::Models { name: Some("inbox".into()) }));
        assert_eq!(parsed("loom --mutants --limit 9"), Ok(Task::Mutants { name: None, limit: Duration::from_secs(9) }));
        assert_eq!(parsed("loom --list"), Ok(Task::ListModels));
        assert_eq!(parsed("stress --seconds 9"), Ok(Task::Stress { args: words("--seconds 9") }));
        assert_eq!(parsed("stress --help"), Ok(Task::Stress { args: words("--help") }));
        assert_eq!(parsed("sanitize thread"), Ok(Task::Sanitize { name: Some("thread".into()) }));
        assert_eq!(parsed("counts --write"), Ok(Task::Counts { write: true }));
        assert_eq!(parsed("bench --quick"), Ok(Task::Bench { quick: true, again: false }));
        assert_eq!(parsed("bench"), Ok(Task::Bench { quick: false, again: false }));
        let time = Duration::from_secs(7);
        assert_eq!(parsed("fuzz kind --seconds 7"), Ok(Task::Fuzz { name: Some("kind".into()), time }));
        assert_eq!(parsed("fuzz"), Ok(Task::Fuzz { name: None, time: fuzz::DEFAULT_TIME }));
    }

    #[test]
    fn nonsense_is_named() {
        for (line, word) in [
            ("", "which"),
            ("tset", "`tset`"),
            ("test --fast", "`--fast`"),
            ("verify --fast", "`--fast`"),
            ("rooms all", "`all`"),
            ("loom --limit 3", "--mutants"),
            ("loom --mutants --limit soon", "`soon`"),
            ("loom --mutants --limit", "whole seconds"),
            ("loom a b", "`b`"),
            ("fuzz --limit 3", "`--limit`"),
            ("fuzz --seconds 0", "`0`"),
            ("sanitize a b", "`b`"),
            ("counts off", "`off`"),
            ("bench --fast", "`--fast`"),
            ("bench --quick --again", "--again"),
        ] {
            let why = parsed(line).expect_err(line);
            assert!(why.contains(word), "{line}: {why}");
        }
    }
}
