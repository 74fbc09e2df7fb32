//! `cargo xtask stress`: the program in `stress/`, built as users build, with delays at any atomic step.
//!
//! Its arguments are handed on; `cargo xtask stress --help` tells them.

use std::process::Command;

use crate::context::{Context, run as command};

/// A crate of its own: its features (delays) must not reach what else is built here.
pub(crate) const MANIFEST: &str = "stress/Cargo.toml";

pub(crate) fn run(context: &Context, args: &[String]) -> Result<(), String> {
    command(program(context).arg("--").args(args))
}

/// Its own tests, the default run, and the same with the lock-based table for a tenth of it.
pub(crate) fn short(context: &Context) -> Result<(), String> {
    command(&mut cargo(context, "test --release"))?;
    command(&mut program(context))?;
    let mixed = ["--", "--scenario", "mixed", "--events", "1000000"];
    command(program(context).args(["--features", "reference-table"]).args(mixed))
}

/// Ten times as many events of everything at once.
pub(crate) fn long(context: &Context) -> Result<(), String> {
    for (scenario, events) in [("queues", "4000000"), ("mixed", "100000000")] {
        command(program(context).args(["--", "--scenario", scenario, "--events", events]))?;
    }
    Ok(())
}

fn program(context: &Context) -> Command {
    cargo(context, "run --release")
}

fn cargo(context: &Context, what: &str) -> Command {
    let mut cargo = context.cargo(&format!("{what} --manifest-path {MANIFEST}"));
    cargo.env("CARGO_TARGET_DIR", context.target.join("stress"));
    cargo
}
