//! What the user asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Walks a directory tree and publishes every file, directory and error it meets.

Usage: scan [OPTIONS] [PATH]

  PATH             where to begin (default: the current directory)

  --threads N      walk with N threads (default: one for each processor)
  --json FILE      write every event to FILE, one JSON object a line
  --chaos          add a handler that panics on every 100th event
  -h, --help       print this

Exit code: 0 done, 1 the JSON file is incomplete, 2 wrong arguments or path.
";

/// What to do.
pub(crate) enum Request {
    Scan(Arguments),
    Help,
}

/// How to scan.
pub(crate) struct Arguments {
    pub(crate) path: PathBuf,
    pub(crate) threads: NonZeroUsize,
    pub(crate) json: Option<PathBuf>,
    pub(crate) chaos: bool,
}

/// Reads the program's arguments.
pub(crate) fn parse() -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;

    let mut path = None;
    let mut threads = None;
    let mut json = None;
    let mut chaos = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("threads") => threads = Some(parser.value()?.parse()?),
            Long("json") => json = Some(PathBuf::from(parser.value()?)),
            Long("chaos") => chaos = true,
            Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Ok(Request::Scan(Arguments {
        path: path.unwrap_or_else(|| PathBuf::from(".")),
        threads: threads.unwrap_or_else(processors),
        json,
        chaos,
    }))
}
