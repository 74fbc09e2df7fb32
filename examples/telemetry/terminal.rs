//! The terminal: shell commands, run one after the other.
//!
//! Every command that ran is a `terminal.command`; one that failed, or could not be started, is a `terminal.error` too,
//! whose correlation id is the id of its `terminal.command`. What commands write is counted and not kept; they read
//! nothing.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ringbus::publish_event;

/// So much of the first line of standard error is kept.
const LONGEST_LINE: u64 = 1024;

/// How a command went.
struct Ran {
    status: ExitStatus,
    took: Duration,
    output_bytes: u64,
    /// The first line of standard error.
    complaint: Option<String>,
}

/// Runs the commands in `folder`, and publishes how each went.
pub(crate) fn run(folder: &Path, commands: &[OsString]) {
    for command in commands {
        match execute(folder, command) {
            Ok(ran) => publish(folder, command, &ran),
            Err(error) => {
                publish_event!("terminal.error", source: "terminal", project_path: folder, command, cause = %error);
            }
        }
    }
}

fn publish(folder: &Path, command: &OsStr, ran: &Ran) {
    let Ran { status, took, output_bytes, complaint } = ran;
    let exit = status.code();
    let told = publish_event!("terminal.command", source: "terminal", project_path: folder,
                              command, exit, duration_ms = took.as_millis() as u64, bytes = output_bytes);
    if status.success() {
        return;
    }
    let id = told.event.map(|event| event.id());
    match exit {
        Some(exit) => publish_event!("terminal.error", source: "terminal", project_path: folder, correlation_id: id,
                                     command, exit, stderr = complaint),
        None => publish_event!("terminal.error", source: "terminal", project_path: folder, correlation_id: id,
                               command, signal = signal(*status), stderr = complaint),
    };
}

/// Runs a command until it and its output have ended.
fn execute(folder: &Path, command: &OsStr) -> io::Result<Ran> {
    let begun = Instant::now();
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let drained = drain(&mut child);
    // Waited for also where its output could not be read.
    let status = child.wait()?;
    let (output_bytes, complaint) = drained?;
    Ok(Ran { status, took: begun.elapsed(), output_bytes, complaint })
}

/// Reads both outputs to their ends, at the same time: a command that fills the one must not wait for us at the other.
fn drain(child: &mut Child) -> io::Result<(u64, Option<String>)> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let output = scope.spawn(|| output.map_or(Ok(0), |mut output| io::copy(&mut output, &mut io::sink())));
        let errors = errors.map_or(Ok((0, None)), |errors| first_line(BufReader::new(errors)));
        let output = output.join().unwrap_or_else(|_| Err(io::Error::other("the reader of the output panicked")));
        let (bytes, complaint) = errors?;
        Ok((output? + bytes, complaint))
    })
}

/// The first line, if there is one, and how many bytes there are in all.
fn first_line(mut errors: impl BufRead) -> io::Result<(u64, Option<String>)> {
    let mut line = Vec::new();
    errors.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    let bytes = line.len() as u64 + io::copy(&mut errors, &mut io::sink())?;
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    Ok((bytes, Some(line).filter(|line| !line.is_empty())))
}

/// The signal that ended it.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
