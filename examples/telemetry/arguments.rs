//! What the user asked for.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Publishes what a developer does in the terminal, in the editor and with an AI,
and prints it while it happens; at the end the bus's statistics.

Usage: telemetry [OPTIONS] [--] [COMMAND]...

  COMMAND          shell commands (sh -c), run one after the other

  --watch DIR      tell files saved and opened below DIR, and git operations
  --ai FILE        tell the messages in FILE, and those added to it: JSON lines
                   of {\"role\", \"content\", \"model\", \"tokens\"}
  --for SECONDS    go on for at least so long, 0 to 86400
  --json           print events as JSON lines, and nothing else
  -h, --help       print this

--watch and --ai may be given more than once. It ends when the commands are done
and the time is over; with neither, when standard input ends (Ctrl-D). Without a
COMMAND, DIR or FILE it is a demonstration in a temporary folder.

Exit code: 0 done, 1 what is printed is incomplete, 2 wrong arguments, or a DIR
or FILE that is absent or cannot be read.
";

/// Longest that `--for` takes: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What to do.
pub(crate) enum Request {
    Run(Arguments),
    Help,
}

/// What to tell, and for how long.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) commands: Vec<OsString>,
    pub(crate) watch: Vec<PathBuf>,
    pub(crate) ai: Vec<PathBuf>,
    pub(crate) at_least: Option<Duration>,
    pub(crate) json: bool,
    /// Where commands run; the current directory if none is named.
    pub(crate) folder: Option<PathBuf>,
}

// === impl Arguments ===

impl Arguments {
    /// Whether there is nothing to tell of.
    pub(crate) fn name_no_source(&self) -> bool {
        self.commands.is_empty() && self.watch.is_empty() && self.ai.is_empty()
    }
}

/// Reads the program's arguments.
pub(crate) fn parse() -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;

    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("watch") => arguments.watch.push(PathBuf::from(parser.value()?)),
            Long("ai") => arguments.ai.push(PathBuf::from(parser.value()?)),
            Long("for") => arguments.at_least = Some(parser.value()?.parse_with(seconds)?),
            Long("json") => arguments.json = true,
            Value(command) => arguments.commands.push(command),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(arguments))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| *time <= LONGEST).ok_or_else(|| format!("--for takes seconds, from 0 to {}", LONGEST.as_secs()))
}
