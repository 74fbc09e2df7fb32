//! What was asked for on the command line; anything it does not know is refused.

use std::str::FromStr;
use std::time::Duration;

pub const HELP: &str = "\
ringbus-stress: everything that the bus does, at once, with delays at any atomic step

  --events N       so many events (default: each scenario's own number, 10 000 000 for `mixed`,
                   400 000 for `queues`)
  --seconds N      no new round after so many seconds, each scenario
  --seed N         what the threads do follows from it; their timing does not (default 1)
  --threads N      publishing threads (default 4)
  --scenario NAME  only this one
  --no-delays      no injected delays
  --list           the scenarios
  --quiet          only the table's rows, and violations
";

/// A run, with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub events: Option<u64>,
    pub seconds: Option<Duration>,
    pub seed: u64,
    pub threads: usize,
    pub scenario: Option<String>,
    pub delays: bool,
    pub quiet: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Run(Options),
    List,
    Help,
}

impl Default for Options {
    fn default() -> Self {
        Self { events: None, seconds: None, seed: 1, threads: 4, scenario: None, delays: true, quiet: false }
    }
}

/// Reads the arguments, without the program's name.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--events" => options.events = Some(number(&name, arguments.next(), 1..=u64::MAX)?),
            "--seconds" => options.seconds = Some(Duration::from_secs(number(&name, arguments.next(), 1..=86_400)?)),
            "--seed" => options.seed = number(&name, arguments.next(), 0..=u64::MAX)?,
            "--threads" => options.threads = number(&name, arguments.next(), 1..=64)?,
            "--scenario" => options.scenario = Some(arguments.next().ok_or("--scenario needs a name")?),
            "--no-delays" => options.delays = false,
            "--quiet" => options.quiet = true,
            "--list" => return Ok(Request::List),
            "--help" | "-h" => return Ok(Request::Help),
            other => return Err(format!("{other:?} is no option")),
        }
    }
    Ok(Request::Run(options))
}

fn number<N>(name: &str, text: Option<String>, allowed: std::ops::RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    let text = text.ok_or_else(|| format!("{name} needs a number"))?;
    let wrong = || format!("{name} {text:?}: a number from {} to {} is needed", allowed.start(), allowed.end());
    let number = text.replace('_', "").parse().map_err(|_| wrong())?;
    if allowed.contains(&number) { Ok(number) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(ToOwned::to_owned))
    }

    #[test]
    fn all_options_are_read() {
        let line = "--events 10_000 --seconds 7 --seed 0 --threads 2 --scenario mixed --no-delays --quiet";
        let expected = Options {
            events: Some(10_000),
            seconds: Some(Duration::from_secs(7)),
            seed: 0,
            threads: 2,
            scenario: Some("mixed".to_owned()),
            delays: false,
            quiet: true,
        };
        assert_eq!(parsed(line), Ok(Request::Run(expected)));
        assert_eq!(parsed(""), Ok(Request::Run(Options::default())));
        assert_eq!((parsed("--list"), parsed("--quiet --help")), (Ok(Request::List), Ok(Request::Help)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("--event 1", "\"--event\" is no option"),
            ("--events", "--events needs a number"),
            ("--events 0", "from 1 to"),
            ("--threads 65", "from 1 to 64"),
            ("--seed x", "--seed \"x\""),
            ("--scenario", "needs a name"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
