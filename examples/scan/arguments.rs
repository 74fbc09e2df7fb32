//! What the user asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Walks a directory tree and publishes every file, directory and error it meets.

Usage: scan [OPTIONS] [PATH]

  PATH             where to begin (default: the current directory)

  --threads N      walk with N threads, 1 to 256 (default: one a processor)
  --json FILE      write every event to FILE, one JSON object a line
  --chaos          add a handler that panics on every 100th event
  -h, --help       print this

Symbolic links are counted and not followed, PATH neither; PATH/ is where it
leads. Files are those that `find PATH -type f` counts.

Exit code: 0 done, 1 the JSON file or this output is incomplete, 2 wrong
arguments, or a path that is absent or cannot be read or written.
";

/// Most threads that may walk.
const MAX_THREADS: usize = 256;

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
            Long("threads") => threads = Some(parser.value()?.parse_with(thread_count)?),
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

fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= MAX_THREADS);
    count.ok_or_else(|| format!("--threads takes a number from 1 to {MAX_THREADS}"))
}
