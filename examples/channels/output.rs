//! What is printed, line by line; from handlers too.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

static INCOMPLETE: AtomicBool = AtomicBool::new(false);

/// Prints a line. One that cannot be printed is missing, and remembered; a reader that has gone away
/// (`channels | head`) is no failure.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
        INCOMPLETE.fetch_or(error.kind() != io::ErrorKind::BrokenPipe, Ordering::Relaxed);
    }
}

/// Whether all was printed.
pub(crate) fn code() -> ExitCode {
    if INCOMPLETE.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
