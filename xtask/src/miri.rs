//! `cargo xtask miri`: unit tests and promises under Miri, where it is installed.
//!
//! Promises nothing where it is not: it needs a nightly toolchain with the component `miri`.

use std::process::{Command, Stdio};

use crate::context::{Context, run as command};

/// Says what is missing, if Miri cannot be started.
pub(crate) fn installed() -> Result<(), String> {
    let mut miri = Command::new("rustup");
    miri.args(["run", "nightly", "cargo", "miri", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    match miri.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("Miri is not installed: `rustup +nightly component add miri`".to_owned()),
    }
}

pub(crate) fn run(context: &Context) -> Result<(), String> {
    let mut miri = Command::new("rustup");
    miri.args(["run", "nightly", "cargo", "miri", "test", "--package", "ringbus", "--lib", "--test", "promises"]);
    // Real time and the process's number are asked for; a few random cases are enough at that speed.
    miri.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "4");
    miri.env("CARGO_TARGET_DIR", context.target.join("miri")).current_dir(&context.root);
    command(&mut miri)
}
