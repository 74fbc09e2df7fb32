//! `cargo xtask mutants`: cargo-mutants, by `.cargo/mutants.toml`.
//!
//! Promises that a mutant which no test notices is a failure, unless that file says why it may live. What was tried is
//! told in `target/mutants.out`.

use crate::context::{Context, run as command};
use crate::tools;

/// Two at a time: a test that waits leaves a core to another.
pub(crate) fn run(context: &Context, args: &[String]) -> Result<(), String> {
    let mut cargo = tools::MUTANTS.cargo(context, "mutants --jobs 2 --timeout 90 --build-timeout 300")?;
    // Cases enough for what one mutant changes; the tests proper run more.
    cargo.arg("--output").arg(&context.target).args(args).env("PROPTEST_CASES", "48");
    command(&mut cargo)
}
