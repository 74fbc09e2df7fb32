//! The commands of the project: `cargo xtask`.
//!
//! What it promises: every command prints what it starts, how long that took, and, when something
//! fails, which command it was and how it ended. The exit code is 0 when all is well, 1 when
//! something failed, 2 when the command line made no sense.
//! What it refuses: dependencies. It must start at once on a machine that has only Rust.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks on the terminal")]

// What a command works with, and how it runs others.
mod context;
mod step;
// The commands.
mod loom;
mod mutants;
mod mutate;
mod outcome;
mod rooms;
mod suite;

use std::process::ExitCode;
use std::time::Duration;

use context::Context;

const HELP: &str = "\
The commands of ringbus:

  cargo xtask test [STEP...]    everything that must hold, in order; stops at the first failure
  cargo xtask test --list       its steps
  cargo xtask rooms             the rules of the source: who may know whom, unsafe, lengths
  cargo xtask loom [NAME]       the loom models in tests/loom_*.rs, all or one
  cargo xtask loom --mutants [NAME] [--limit SECONDS]
                                every known way to break a protocol, tried: its model must fail
                                (NAME: a mutant or a model; 300 seconds each unless told)
  cargo xtask loom --list       the models and the mutants
  cargo xtask help, --list      this text

CARGO_TARGET_DIR says where everything is built; without it, target/.
";

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All is well.
    Good,
    /// Something failed. The text says what, where it has not been printed already.
    Failed(String),
    /// The command line made no sense; the text says why.
    Usage(String),
}

/// A command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Task {
    Help,
    Test { only: Vec<String>, list: bool },
    Rooms,
    Models { name: Option<String> },
    Mutants { name: Option<String>, limit: Duration },
    ListModels,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match parse(&args).map_or_else(End::Usage, |task| run(&task)) {
        End::Good => ExitCode::SUCCESS,
        End::Failed(why) => {
            if !why.is_empty() {
                eprintln!("xtask: {why}");
            }
            ExitCode::from(1)
        }
        End::Usage(why) => {
            eprintln!("xtask: {why}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(task: &Task) -> End {
    let context = match Context::new() {
        Ok(context) => context,
        Err(why) => return End::Failed(why),
    };
    match task {
        Task::Help => {
            print!("{HELP}");
            End::Good
        }
        Task::Test { list: true, .. } => {
            print!("{}", suite::list());
            End::Good
        }
        Task::Test { only, .. } => suite::run(&context, only),
        Task::Rooms => rooms::check(&context).map_or_else(End::Failed, |()| End::Good),
        Task::Models { name } => loom::run(&context, name.as_deref()),
        Task::Mutants { name, limit } => mutate::run(&context, name.as_deref(), *limit),
        Task::ListModels => loom::list(&context).map_or_else(End::Failed, |text| {
            print!("{text}");
            End::Good
        }),
    }
}

/// Understands the command line, or says what is wrong with it.
fn parse(args: &[String]) -> Result<Task, String> {
    let Some((command, rest)) = args.split_first() else {
        return Err("which command?".to_owned());
    };
    match (command.as_str(), rest) {
        ("help" | "--help" | "-h" | "--list", []) => Ok(Task::Help),
        (_, [flag, ..]) if flag == "--help" || flag == "-h" => Ok(Task::Help),
        ("test", [flag]) if flag == "--list" => Ok(Task::Test { only: Vec::new(), list: true }),
        ("test", only) => match only.iter().find(|name| name.starts_with('-')) {
            Some(flag) => Err(format!("`test` does not know the option `{flag}`")),
            None => Ok(Task::Test { only: only.to_vec(), list: false }),
        },
        ("rooms", []) => Ok(Task::Rooms),
        ("rooms", [extra, ..]) => Err(format!("`rooms` takes no argument, got `{extra}`")),
        ("loom", rest) => parse_loom(rest),
        (other, _) => Err(format!("there is no command `{other}`")),
    }
}

fn parse_loom(args: &[String]) -> Result<Task, String> {
    let (mut name, mut limit, mut mutants, mut list) = (None, None, false, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mutants" => mutants = true,
            "--list" => list = true,
            "--limit" => {
                let given = args.next().map(String::as_str).unwrap_or_default();
                match given.parse() {
                    Ok(seconds) if seconds > 0 => limit = Some(Duration::from_secs(seconds)),
                    _ => return Err(format!("--limit takes whole seconds, got `{given}`")),
                }
            }
            flag if flag.starts_with('-') => {
                return Err(format!("`loom` does not know the option `{flag}`"));
            }
            given if name.is_none() => name = Some(given.to_owned()),
            extra => return Err(format!("`loom` takes one name, got `{extra}` too")),
        }
    }
    match (list, mutants, limit) {
        (true, ..) => Ok(Task::ListModels),
        (false, true, limit) => Ok(Task::Mutants { name, limit: limit.unwrap_or(mutate::DEFAULT_LIMIT) }),
        (false, false, None) => Ok(Task::Models { name }),
        (false, false, Some(_)) => Err("--limit goes with --mutants".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(parsed("--list"), Ok(Task::Help));
        assert_eq!(parsed("loom --help"), Ok(Task::Help));
        assert_eq!(parsed("rooms"), Ok(Task::Rooms));
        assert_eq!(
            parsed("test clippy docs"),
            Ok(Task::Test { only: vec!["clippy".into(), "docs".into()], list: false })
        );
        assert_eq!(parsed("loom slot"), Ok(Task::Models { name: Some("slot".into()) }));
        assert_eq!(parsed("loom --mutants --limit 9"), Ok(Task::Mutants { name: None, limit: Duration::from_secs(9) }));
        assert_eq!(parsed("loom --list"), Ok(Task::ListModels));
    }

    #[test]
    fn nonsense_is_named() {
        for (line, word) in [
            ("", "which"),
            ("tset", "`tset`"),
            ("test --fast", "`--fast`"),
            ("rooms all", "`all`"),
            ("loom --limit 3", "--mutants"),
            ("loom --mutants --limit soon", "`soon`"),
            ("loom --mutants --limit", "whole seconds"),
            ("loom a b", "`b`"),
        ] {
            let why = parsed(line).expect_err(line);
            assert!(why.contains(word), "{line}: {why}");
        }
    }
}
