//! The commands of the project: `cargo xtask`.
//!
//! What it promises: every command prints what it starts, how long that took, and, when something
//! fails, which command it was and how it ended. The exit code is 0 when all is well, 1 when
//! something failed, 2 when the command line made no sense.
//! What it refuses: dependencies. It must start at once on a machine that has only Rust. What a long check needs
//! beside Rust it installs itself.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks on the terminal")]

// What a command works with, and how it runs others.
mod context;
mod step;
mod tasks;
mod tools;
mod tree;
// The commands.
mod bench;
mod counts;
mod deny;
mod fuzz;
mod loom;
mod miri;
mod mutants;
mod mutate;
mod outcome;
mod planted;
mod proof;
mod rooms;
mod sanitize;
mod stress;
mod suite;
mod survivors;
mod verify;

use std::process::ExitCode;

use context::Context;
use tasks::Task;

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

impl From<Result<(), String>> for End {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(End::Failed, |()| End::Good)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match tasks::parse(&args).map_or_else(End::Usage, |task| run(&task)) {
        End::Good => ExitCode::SUCCESS,
        End::Failed(why) => {
            if !why.is_empty() {
                eprintln!("xtask: {why}");
            }
            ExitCode::from(1)
        }
        End::Usage(why) => {
            eprintln!("xtask: {why}\n\n{}", tasks::HELP);
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
        Task::Help => said(tasks::HELP),
        Task::Test { list: true, .. } => said(&step::list(suite::STEPS)),
        Task::Test { only, .. } => step::run(suite::STEPS, only, &context),
        Task::Verify { list: true, .. } => said(&step::list(verify::STEPS)),
        Task::Verify { only, .. } => step::run(verify::STEPS, only, &context),
        Task::Rooms => rooms::check(&context).into(),
        Task::Models { name } => loom::run(&context, name.as_deref()),
        Task::Mutants { name, limit } => mutate::run(&context, name.as_deref(), *limit),
        Task::ListModels => loom::list(&context).map_or_else(End::Failed, |text| said(&text)),
        Task::Stress { args } => stress::run(&context, args).into(),
        Task::Sanitize { name } => sanitize::run(&context, name.as_deref()),
        Task::Fuzz { name, time } => fuzz::run(&context, name.as_deref(), *time),
        Task::Survivors { args } => survivors::run(&context, args),
        Task::Proof { write: false } => proof::check(&context).into(),
        Task::Proof { write: true } => proof::write(&context).into(),
        Task::Bench { quick, again } => bench::run(&context, *quick, *again).into(),
        Task::Counts { write } => counts::run(&context, *write).into(),
        Task::Deny => deny::run(&context).into(),
        Task::Miri => miri::installed().and_then(|()| miri::run(&context)).into(),
    }
}

fn said(text: &str) -> End {
    print!("{text}");
    End::Good
}
