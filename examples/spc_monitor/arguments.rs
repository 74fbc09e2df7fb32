//! What the user asked for.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::charts::{BASELINES, SIZES};

pub(crate) const HELP: &str = "\
Watches a series of measurements: X-bar and R charts, and the eight Nelson
rules.

Usage: spc_monitor [OPTIONS]

  --input FILE     CSV of characteristic,subgroup,value, one measurement a line
                   (default: examples/data/spc_series.csv, built in)
  --size N         measurements in a subgroup, 2 to 10 (default: 5)
  --baseline N     subgroups that limits are made of, 2 to 1000 (default: 30)
  --threads N      work with N threads, 1 to 64 (default: 2)
  --rate N         at most N subgroups a second, 1 to 1000000 (default: all)
  --loop           begin anew when the series ends, until Ctrl-C
  --audit FILE     write every event to FILE, one a line
  --live           statistics each second, on standard error; so too when
                   that is a terminal
  --failures SEED  which notices fail, the same ones for the same seed
                   (default: 1)
  --generate[=SEED]
                   print a series, the same one for the same seed (default: 1)
  -h, --help       print this

Lines that are not as they should be are counted and reported, and passed over.
Ctrl-C ends the reading; what was read is worked on. A second one ends it all.

Exit code: 0 done, 1 not all events are accounted for, or what is printed or
written is incomplete, 2 wrong arguments, or a FILE that cannot be opened or
read.
";

/// Most threads that may work.
const MAX_THREADS: usize = 64;

/// Most subgroups a second that can be asked for.
const MAX_RATE: u32 = 1_000_000;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Monitor(Arguments),
    /// Print a series.
    Generate {
        seed: u64,
    },
    Help,
}

/// What to watch, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// `None`: the series that is built in.
    pub(crate) input: Option<PathBuf>,
    pub(crate) size: usize,
    pub(crate) baseline: usize,
    pub(crate) threads: NonZeroUsize,
    /// Subgroups a second; `None`: as many as there can be.
    pub(crate) rate: Option<u32>,
    pub(crate) repeat: bool,
    pub(crate) audit: Option<PathBuf>,
    pub(crate) live: bool,
    /// Of the notices that fail.
    pub(crate) failures: u64,
}

/// Reads the program's arguments.
pub(crate) fn parse() -> Result<Request, lexopt::Error> {
    read(lexopt::Parser::from_env())
}

fn read(mut parser: lexopt::Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;

    let threads = NonZeroUsize::MIN.saturating_add(1);
    let mut arguments = Arguments {
        input: None,
        size: 5,
        baseline: 30,
        threads,
        rate: None,
        repeat: false,
        audit: None,
        live: false,
        failures: 1,
    };
    let mut seed = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("input") => arguments.input = Some(PathBuf::from(parser.value()?)),
            Long("size") => arguments.size = parser.value()?.parse_with(|text| number("--size", text, SIZES))?,
            Long("baseline") => {
                arguments.baseline = parser.value()?.parse_with(|text| number("--baseline", text, BASELINES))?;
            }
            Long("threads") => {
                let count = parser.value()?.parse_with(|text| number("--threads", text, 1..=MAX_THREADS))?;
                arguments.threads = NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
            }
            Long("rate") => {
                arguments.rate = Some(parser.value()?.parse_with(|text| number("--rate", text, 1..=MAX_RATE))?);
            }
            Long("loop") => arguments.repeat = true,
            Long("audit") => arguments.audit = Some(PathBuf::from(parser.value()?)),
            Long("live") => arguments.live = true,
            Long("failures") => {
                arguments.failures = parser.value()?.parse_with(|text| number("--failures", text, 0..=u64::MAX))?;
            }
            Long("generate") => {
                seed = Some(match parser.optional_value() {
                    Some(text) => text.parse_with(|text| number("--generate", text, 0..=u64::MAX))?,
                    None => 1,
                });
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(seed.map_or(Request::Monitor(arguments), |seed| Request::Generate { seed }))
}

/// A number in a range, or what is allowed.
fn number<T>(option: &str, text: &str, allowed: std::ops::RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| format!("{option} takes a number from {} to {}", allowed.start(), allowed.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Request, String> {
        super::read(lexopt::Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    fn monitor(arguments: &[&str]) -> Arguments {
        match read(arguments) {
            Ok(Request::Monitor(arguments)) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_and_their_defaults() {
        let plain = monitor(&[]);
        assert_eq!((plain.input, plain.size, plain.baseline, plain.threads.get()), (None, 5, 30, 2));
        assert_eq!((plain.rate, plain.repeat), (None, false));
        assert_eq!((plain.audit, plain.live, plain.failures), (None, false, 1));
        let all =
            monitor(&["--input", "x.csv", "--size=3", "--baseline=9", "--threads", "8", "--rate", "100", "--loop"]);
        assert_eq!((all.input, all.size, all.baseline), (Some(PathBuf::from("x.csv")), 3, 9));
        assert_eq!((all.threads.get(), all.rate, all.repeat), (8, Some(100), true));
        let watched = monitor(&["--audit", "x.log", "--live", "--failures", "7"]);
        assert_eq!((watched.audit, watched.live, watched.failures), (Some(PathBuf::from("x.log")), true, 7));
        assert_eq!(read(&["--generate"]), Ok(Request::Generate { seed: 1 }));
        assert_eq!(read(&["--generate=7", "--loop"]), Ok(Request::Generate { seed: 7 }));
        assert_eq!(read(&["--threads", "0", "-h"]).unwrap_err(), refusal("0", "--threads", "1 to 64"));
        assert_eq!(read(&["-h", "--threads", "0"]), Ok(Request::Help));
    }

    fn refusal(text: &str, option: &str, allowed: &str) -> String {
        format!("cannot parse argument {text:?}: {option} takes a number from {allowed}")
    }

    #[test]
    fn what_is_out_of_range_says_what_is_allowed() {
        let cases = [
            ("--threads", "65", "1 to 64"),
            ("--size", "1", "2 to 10"),
            ("--size", "11", "2 to 10"),
            ("--baseline", "1001", "2 to 1000"),
            ("--rate", "0", "1 to 1000000"),
            ("--rate", "fast", "1 to 1000000"),
        ];
        for (option, text, allowed) in cases {
            assert_eq!(read(&[option, text]).unwrap_err(), refusal(text, option, allowed));
        }
        assert_eq!(read(&["--generate=-1"]).unwrap_err(), refusal("-1", "--generate", &format!("0 to {}", u64::MAX)));
        assert!(read(&["--colour"]).unwrap_err().contains("--colour"));
        assert!(read(&["file.csv"]).unwrap_err().contains("file.csv"));
    }
}
