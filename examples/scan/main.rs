//! Walks a directory tree with several threads and publishes what it meets, at call sites in the workers.
//!
//! Everything else is a subscriber: a progress bar, totals by extension, the largest files, a writer of JSON lines, and
//! with `--chaos` a handler that panics now and then. At the end: what they saw, the bus's statistics, the last events,
//! and how much of the time went into the bus.

mod arguments;
mod json;
mod report;
mod subscribers;
mod walk;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Request};
use ringbus::Bus;
use subscribers::Subscribers;

/// The arguments, the path or the output file are not what they should be.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Request::Scan(arguments)) => arguments,
        Ok(Request::Help) => return print(arguments::HELP),
        Err(error) => return fail(&format!("{error}\n\n{}", arguments::HELP)),
    };
    if let Err(error) = readable(&arguments.path) {
        return fail(&format!("cannot scan {}: {error}", arguments.path.display()));
    }
    let json = match arguments.json.as_deref().map(File::create).transpose() {
        Ok(file) => file,
        Err(error) => return fail(&format!("cannot write {}: {error}", shown(arguments.json.as_deref()))),
    };
    scan(&arguments, json)
}

fn scan(arguments: &Arguments, json: Option<File>) -> ExitCode {
    let progress = subscribers::progress_bar();
    let bar = progress.clone();
    let bus = Bus::builder().on_failure(move |failure| bar.suspend(|| complain(&failure.to_string()))).build();
    match bus.map(ringbus::set_global) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return fail(&error.to_string()),
        Err(error) => return fail(&error.to_string()),
    }

    let subscribers = Subscribers::attach(progress, json, arguments.chaos);
    let walked = walk::run(&arguments.path, arguments.threads);
    let stats = ringbus::stats();
    let seen = subscribers.finish();

    let written = seen.json.as_ref().is_none_or(Result::is_ok);
    if let Some(Err(error)) = &seen.json {
        complain(&format!("{} is incomplete: {error}", shown(arguments.json.as_deref())));
    }
    let printed = print(&report::text(&arguments.path, &walked, &seen, &stats));
    if written { printed } else { ExitCode::FAILURE }
}

/// Whether the path is there and can be opened.
fn readable(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_dir() { std::fs::read_dir(path).map(drop) } else { File::open(path).map(drop) }
}

fn shown(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// Prints to standard output; a reader that has gone away (`scan | head`) is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&format!("cannot print: {error}")),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "scan: {message}");
}
