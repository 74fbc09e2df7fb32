//! In-memory channels of a coaching system: a channel is a kind, its name the kind's name.
//!
//! Seven steps, each a few lines of use and what they print. The output is the same in every run, also where threads take
//! part; `tests/channels_example.rs` knows it by heart.

mod coach;
mod output;
mod steps;

use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Shows channels by name: subscribing, publishing, unsubscribing, closing.

Usage: channels [OPTIONS]

  -h, --help       print this

Exit code: 0 done, 1 this output is incomplete, 2 wrong arguments.
";

/// The arguments are not what they should be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match arguments() {
        Ok(true) => output::line(format_args!("{}", HELP.trim_end())),
        Ok(false) => {
            if let Err(error) = steps::show() {
                complain(&error.to_string());
                return ExitCode::FAILURE;
            }
        }
        Err(error) => {
            complain(&format!("{error}\n\n{HELP}"));
            return ExitCode::from(USAGE);
        }
    }
    output::code()
}

/// Whether help is asked for.
fn arguments() -> Result<bool, lexopt::Error> {
    use lexopt::prelude::*;

    match lexopt::Parser::from_env().next()? {
        Some(Short('h') | Long("help")) => Ok(true),
        Some(other) => Err(other.unexpected()),
        None => Ok(false),
    }
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "channels: {message}");
}
