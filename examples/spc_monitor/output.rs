//! What the program prints: results to standard output, complaints to standard error.
//!
//! It promises whole lines, whoever else prints; it refuses to fail where nobody reads (`spc_monitor | head`).

use std::io::{self, Write};

/// Prints to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_gone(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What came of printing; a reader that has gone away is no failure.
pub(crate) fn unless_gone(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Tells standard error; if nobody is there to be told, so be it.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "spc_monitor: {message}");
}
