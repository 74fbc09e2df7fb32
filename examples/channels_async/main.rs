//! In-memory channels of a coaching system whose handlers are async: the system of the example `channels` on tokio.
//!
//! Eight steps, each a few lines of use and what they print. All of it runs on one thread, as tasks of one runtime; the output
//! is the same in every run, and `tests/channels_async_example.rs` knows it by heart.
//!
//! ```sh
//! cargo run --features async --example channels_async
//! ```

mod coach;
#[path = "../channels/output.rs"]
mod output;
mod steps;

use std::io::{self, Write};
use std::process::ExitCode;

const HELP: &str = "\
Shows channels by name with async handlers: subscribing, publishing, waiting,
unsubscribing, closing.

Usage: channels_async [OPTIONS]

  -h, --help       print this

Exit code: 0 done, 1 this output is incomplete, 2 wrong arguments.
";

/// The arguments are not what they should be.
const USAGE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match arguments() {
        Ok(true) => output::line(format_args!("{}", HELP.trim_end())),
        Ok(false) => {
            if let Err(error) = steps::show().await {
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
    let _ = writeln!(io::stderr().lock(), "channels_async: {message}");
}
