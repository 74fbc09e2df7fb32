//! Walks a directory tree with several threads and publishes what it meets, at call sites in the workers.
//!
//! Everything else is a subscriber: a progress bar, totals by extension, the largest files, a writer of JSON lines, and
//! with `--chaos` a handler that panics now and then. At the end: what they saw, the bus's statistics, the last events,
//! and how much of the time went into the bus.

mod arguments;
mod json;
mod report;
mod subscribers;
mod timing;
mod walk;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Request};
use json::{Lines, Written};
use ringbus::Bus;
use subscribers::Subscribers;

/// The arguments, the path or the output file are not what they should be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Request::Scan(arguments)) => arguments,
        Ok(Request::Help) => return print(arguments::HELP),
        Err(error) => return usage(&format!("{error}\n\n{}", arguments::HELP)),
    };
    if let Err(error) = readable(&arguments.path) {
        return usage(&format!("cannot scan {:?}: {error}", arguments.path));
    }
    let json = match &arguments.json {
        Some(path) => match File::create(path) {
            Ok(file) => Some(Lines::new(path.clone(), file)),
            Err(error) => return usage(&format!("cannot write {path:?}: {error}")),
        },
        None => None,
    };
    if arguments.path.is_symlink() {
        complain(&format!("{:?} is a symbolic link, not followed; with a slash at its end it is", arguments.path));
    }
    scan(&arguments, json)
}

fn scan(arguments: &Arguments, json: Option<Lines>) -> ExitCode {
    let progress = subscribers::progress_bar();
    let bar = progress.clone();
    let bus = Bus::builder().on_failure(move |failure| bar.suspend(|| complain(&failure.to_string()))).build();
    match bus.map(ringbus::set_global) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return usage(&error.to_string()),
        Err(error) => return usage(&error.to_string()),
    }

    let subscribers = Subscribers::attach(progress, json, arguments.chaos);
    let walked = walk::run(&arguments.path, arguments.threads);
    let stats = ringbus::stats();
    let seen = subscribers.finish();

    let incomplete = match &seen.json {
        Some(Written::Incomplete(error)) => {
            error.iter().for_each(|error| complain(error));
            true
        }
        _ => false,
    };
    let printed = print(&report::text(arguments, &walked, &seen, &stats));
    if incomplete { ExitCode::FAILURE } else { printed }
}

/// Whether the path is there and, if there is something in it, can be opened. Links are not followed; a pipe is not
/// opened, which could wait for ever.
fn readable(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path)?.file_type() {
        kind if kind.is_dir() => std::fs::read_dir(path).map(drop),
        kind if kind.is_file() => File::open(path).map(drop),
        _ => Ok(()),
    }
}

/// Prints to standard output; a reader that has gone away (`scan | head`) is no failure.
fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot print: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn usage(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "scan: {message}");
}
