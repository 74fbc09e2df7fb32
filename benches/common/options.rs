//! [`Options`]: what was asked for on the command line. Anything unknown is refused.

use std::time::Duration;

pub const HELP: &str = "\
  --quick      short slices and few pairs: the ratios wander more
  --pairs N    so many alternating pairs for each row (default 15)
  --slice MS   each side of a pair takes about so long (default 40)
  --row ID     only rows whose id contains this
  --list       the rows' ids
  --test       each row once, one round: that it runs, not how fast";

/// The fewest pairs that a median is taken of.
pub const FEWEST_PAIRS: usize = 10;

/// How to measure what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub pairs: usize,
    pub slice: Duration,
    pub row: Option<String>,
    pub list: bool,
    pub help: bool,
    pub test: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { pairs: 15, slice: Duration::from_millis(40), row: None, list: false, help: false, test: false }
    }
}

// === impl Options ===

impl Options {
    /// Reads the arguments, without the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--quick" => {
                    options.pairs = FEWEST_PAIRS;
                    options.slice = Duration::from_millis(8);
                }
                "--pairs" => options.pairs = number(&name, arguments.next(), FEWEST_PAIRS as u64, 1_000)? as usize,
                "--slice" => options.slice = Duration::from_millis(number(&name, arguments.next(), 1, 10_000)?),
                "--row" => options.row = Some(arguments.next().ok_or("--row needs a part of an id")?),
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--test" => options.test = true,
                // Cargo gives it to every benchmark.
                "--bench" => {}
                other => return Err(format!("{other:?} is no option; there are\n{HELP}")),
            }
        }
        Ok(options)
    }

    pub fn wants(&self, id: &str) -> bool {
        self.row.as_ref().is_none_or(|part| id.contains(part.as_str()))
    }
}

/// Whether rows are only to show that they run: then what takes long to set up is made small.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn number(name: &str, text: Option<String>, least: u64, most: u64) -> Result<u64, String> {
    let text = text.ok_or_else(|| format!("{name} needs a number"))?;
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name} {text:?}: a number from {least} to {most} is needed"))
}
