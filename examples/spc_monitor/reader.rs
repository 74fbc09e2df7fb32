//! The reader: a thread that reads the series, gathers subgroups and publishes them.
//!
//! It publishes the end of each round, and nothing after it has seen that it is to [`Stop`]: then the end is for others to
//! tell. It refuses to begin anew a series in which there
//! was no complete subgroup. What is wrong with a line is told and counted, and the next line is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ringbus::{Bus, KindTaken, Topic};

use crate::arguments::Arguments;
use crate::events::{SeriesEnded, SubgroupMeasured};
use crate::interrupt::Stop;
use crate::output::complain;
use crate::series::{Series, SeriesError};
use crate::subgroups::Subgroups;

/// The series that is built in.
const BUILT_IN: &[u8] = include_bytes!("../data/spc_series.csv");

/// See the [module](self).
pub(crate) struct Reader {
    /// `None`: the series that is built in.
    input: Option<PathBuf>,
    size: usize,
    rate: Option<u32>,
    repeat: bool,
    begun: Instant,
    measured: Topic<SubgroupMeasured>,
    ended: Topic<SeriesEnded>,
    stop: Arc<Stop>,
    tally: Arc<Tally>,
}

/// What has been read. Relaxed: each number stands for itself, and they are read together when the reader has ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: AtomicU64,
    /// Lines and subgroups that are not as they should be.
    pub(crate) faults: AtomicU64,
    /// Subgroups that the bus has accepted.
    pub(crate) subgroups: AtomicU64,
    pub(crate) rounds: AtomicU64,
}

/// Opens the series, from its beginning.
fn open(input: Option<&PathBuf>) -> io::Result<Box<dyn BufRead + Send>> {
    Ok(match input {
        None => Box::new(BUILT_IN),
        Some(path) => Box::new(BufReader::new(File::open(path)?)),
    })
}

// === impl Reader ===

impl Reader {
    pub(crate) fn new(bus: &Bus, arguments: &Arguments, stop: Arc<Stop>, tally: Arc<Tally>) -> Result<Self, KindTaken> {
        Ok(Self {
            input: arguments.input.clone(),
            size: arguments.size,
            rate: arguments.rate,
            repeat: arguments.repeat,
            begun: Instant::now(),
            measured: bus.topic()?,
            ended: bus.topic()?,
            stop,
            tally,
        })
    }

    /// Reads it all, again and again where it is to; an error is one of the file.
    pub(crate) fn run(self) -> Result<(), String> {
        loop {
            let told = |error: &dyn std::fmt::Display| match &self.input {
                Some(path) => format!("--input {path:?}: {error}"),
                None => error.to_string(),
            };
            let before = self.tally.subgroups.load(Ordering::Relaxed);
            let source = open(self.input.as_ref()).map_err(|error| told(&error))?;
            let round = self.tally.rounds.fetch_add(1, Ordering::Relaxed) + 1;
            let read = self.round(source);
            if self.stop.is_asked() {
                return Ok(());
            }
            // Also after an error: what was watched is not watched any more.
            self.ended.publish(SeriesEnded { round });
            read.map_err(|error| told(&error))?;
            let fruitless = self.tally.subgroups.load(Ordering::Relaxed) == before;
            if !self.repeat || fruitless {
                return Ok(());
            }
        }
    }

    /// Reads it once.
    fn round(&self, source: impl BufRead) -> Result<(), SeriesError> {
        let mut subgroups = Subgroups::new(self.size);
        let mut line = 0;
        for row in Series::new(source) {
            if self.stop.is_asked() {
                return Ok(());
            }
            let row = match row {
                Ok(row) => row,
                Err(SeriesError::Line(error)) => {
                    self.fault(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            line = row.line;
            self.tally.rows.fetch_add(1, Ordering::Relaxed);
            let (subgroup, error) = subgroups.add(row);
            error.iter().for_each(|error| self.fault(error));
            let Some(subgroup) = subgroup else { continue };
            if self.waits_in_vain() {
                return Ok(());
            }
            let (characteristic, values) = (subgroup.characteristic, subgroup.values);
            let delivery =
                self.measured.publish(SubgroupMeasured { characteristic, subgroup: subgroup.number, values });
            self.tally.subgroups.fetch_add(u64::from(delivery.event.is_some()), Ordering::Relaxed);
        }
        subgroups.finish(line).iter().for_each(|error| self.fault(error));
        Ok(())
    }

    /// Waits until the next subgroup may be published; `true` when the reading is to stop.
    fn waits_in_vain(&self) -> bool {
        let Some(rate) = self.rate else { return false };
        let done = self.tally.subgroups.load(Ordering::Relaxed);
        let due = Duration::from_secs(1).mul_f64(done as f64 / f64::from(rate));
        self.begun.checked_add(due).is_some_and(|due| self.stop.wait_until(due))
    }

    fn fault(&self, error: &dyn std::fmt::Display) {
        self.tally.faults.fetch_add(1, Ordering::Relaxed);
        complain(&error.to_string());
    }
}
