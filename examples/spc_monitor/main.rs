//! Statistical process control: measurements are put on control charts, and what the Nelson rules see there is told.
//!
//! 1. A [`series`] of measurements is read, or one is [`generate`]d.
//! 2. [`subgroups`] gathers it; each subgroup becomes a point on its characteristic's [`charts`].
//! 3. The [`rules`] look at the points one by one.
//! 4. [`events`]: what happens, as types.

mod arguments;
mod charts;
#[allow(dead_code, reason = "published by the program's next version")]
mod events;
mod generate;
mod rules;
mod series;
mod subgroups;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;

use arguments::{Arguments, Request};
use charts::Chart;
use rules::Rules;
use series::{Series, SeriesError};
use subgroups::{Subgroup, Subgroups};

/// The arguments, or what they name, are not what they should be.
const USAGE: u8 = 2;

/// The series that is built in.
const BUILT_IN: &[u8] = include_bytes!("../data/spc_series.csv");

fn main() -> ExitCode {
    let result = match arguments::parse() {
        Ok(Request::Monitor(arguments)) => return monitor(&arguments),
        Ok(Request::Generate { seed }) => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            generate::write(seed, generate::EXTENT, &mut out).and_then(|()| out.flush())
        }
        Ok(Request::Help) => io::stdout().lock().write_all(arguments::HELP.as_bytes()),
        Err(error) => return usage(&format!("{error}\n\n{}", arguments::HELP)),
    };
    finished(result)
}

/// One characteristic, and how often each rule has fired (0: the chart of ranges).
struct Watched {
    chart: Chart,
    rules: Rules,
    fired: [u64; 9],
}

fn monitor(arguments: &Arguments) -> ExitCode {
    let source: Box<dyn BufRead> = match &arguments.input {
        None => Box::new(BUILT_IN),
        Some(path) => match File::open(path) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => return usage(&format!("--input {path:?}: {error}")),
        },
    };
    let mut watched = BTreeMap::new();
    let mut subgroups = Subgroups::new(arguments.size);
    let (mut faults, mut line) = (0_u64, 0);
    for row in Series::new(source) {
        let row = match row {
            Ok(row) => row,
            Err(SeriesError::Line(error)) => {
                faults += 1;
                complain(&error.to_string());
                continue;
            }
            Err(error) => return usage(&error.to_string()),
        };
        line = row.line;
        let (subgroup, error) = subgroups.add(row);
        if let Some(error) = error {
            faults += 1;
            complain(&error.to_string());
        }
        let judged = subgroup.map_or(Ok(()), |subgroup| judge(&mut watched, subgroup, arguments));
        if let Err(error) = judged {
            faults += 1;
            complain(&error.to_string());
        }
    }
    for error in subgroups.finish(line) {
        faults += 1;
        complain(&error.to_string());
    }
    finished(report(&watched, faults))
}

fn judge(
    watched: &mut BTreeMap<String, Watched>,
    subgroup: Subgroup,
    arguments: &Arguments,
) -> Result<(), charts::ChartError> {
    let fresh = |chart| Watched { chart, rules: Rules::default(), fired: [0; 9] };
    let one = match watched.entry(subgroup.characteristic) {
        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(fresh(Chart::new(arguments.size, arguments.baseline)?))
        }
    };
    let point = one.chart.add(&subgroup.values)?;
    one.fired[0] += u64::from(point.range_outside);
    for rule in point.standardized.map(|z| one.rules.next(z)).unwrap_or_default() {
        one.fired[usize::from(rule.number())] += 1;
    }
    Ok(())
}

fn report(watched: &BTreeMap<String, Watched>, faults: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, Watched { chart, fired, .. }) in watched {
        write!(out, "{name}: {} subgroups", chart.subgroups())?;
        if let Some(limits) = chart.limits() {
            let (mean, range) = (limits.mean, limits.range);
            write!(
                out,
                ", mean {:.4} to {:.4}, range {:.4} to {:.4}",
                mean.lower, mean.upper, range.lower, range.upper
            )?;
        }
        for (rule, count) in fired.iter().enumerate().filter(|(_, count)| **count > 0) {
            match rule {
                0 => write!(out, ", range outside {count} times")?,
                _ => write!(out, ", rule {rule} {count} times")?,
            }
        }
        writeln!(out)?;
    }
    if faults > 0 { writeln!(out, "{faults} faults in the series, told above") } else { Ok(()) }
}

fn finished(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot print: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn usage(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "spc_monitor: {message}");
}
