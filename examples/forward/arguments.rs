//! What the user asked for.

use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Publishes a series of events and forwards them: to a file, to a webhook, or to
both. The last line says what became of each event, by forwarder.

Usage: forward [OPTIONS]

  --file FILE      append the events to FILE, as JSON lines
  --url URL        post each event's JSON to URL, which begins with http://
  --events N       how many events, 0 to 500000; 100 if left out
  -h, --help       print this

Without --url nothing is started on the network.

Exit code: 0 everything came through, 1 something did not, 2 wrong arguments, or
a FILE that cannot be opened.
";

/// Most that `--events` takes. A bus keeps at most 2^20 dead letters, and each event may become two: one for each forwarder.
pub(crate) const MOST: u64 = 500_000;

/// What to do.
pub(crate) enum Request {
    Run(Arguments),
    Help,
}

/// Where to, and how much.
pub(crate) struct Arguments {
    pub(crate) file: Option<PathBuf>,
    pub(crate) url: Option<String>,
    pub(crate) events: u64,
}

/// Reads the program's arguments.
pub(crate) fn parse() -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;

    let mut arguments = Arguments { file: None, url: None, events: 100 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("file") => arguments.file = Some(PathBuf::from(parser.value()?)),
            Long("url") => arguments.url = Some(parser.value()?.parse_with(url)?),
            Long("events") => arguments.events = parser.value()?.parse_with(events)?,
            other => return Err(other.unexpected()),
        }
    }
    if arguments.file.is_none() && arguments.url.is_none() {
        return Err("--file FILE, --url URL or both are needed".into());
    }
    Ok(Request::Run(arguments))
}

fn url(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("http://").map(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        host.starts_with(|c| c != ':')
    });
    if host == Some(true) {
        Ok(text.to_owned())
    } else {
        Err("--url takes a URL that begins with http:// and names a host")
    }
}

fn events(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("--events takes a number from 0 to {MOST}"))
}
