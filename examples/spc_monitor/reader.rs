//! The reader: a thread that reads the series, gathers subgroups and publishes them.
//!
//! A round ends with the series, or when the reading is to [`Stop`]: what was read by then is published, what is incomplete is
//! told. The reader ends it, or who does not want to wait for a reader that waits for its file: one of them, once, and after
//! that the reader publishes nothing of it. It refuses to begin anew a series in which there was no complete subgroup. What is
//! wrong with a line is told and counted, and the next line is read.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ringbus::{Bus, KindTaken, Topic};

use crate::arguments::Arguments;
use crate::events::{SeriesEnded, SubgroupMeasured};
use crate::interrupt::Stop;
use crate::output::complain;
use crate::series::{Series, SeriesError};
use crate::subgroups::{Subgroup, Subgroups};

/// The series that is built in.
const BUILT_IN: &[u8] = include_bytes!("../data/spc_series.csv");

/// See the [module](self).
pub(crate) struct Reader {
    /// `None`: the series that is built in.
    input: Option<PathBuf>,
    size: usize,
    pace: Mutex<Pace>,
    repeat: bool,
    measured: Topic<SubgroupMeasured>,
    ended: Topic<SeriesEnded>,
    stop: Stop,
    /// The round that is being read. The reader has the lock while it works on a row, up to the publish and its count: who ends
    /// the round meanwhile comes after that.
    round: Mutex<Option<Round>>,
    tally: Arc<Tally>,
}

/// A round that has begun and not ended.
#[derive(Debug)]
struct Round {
    number: u64,
    subgroups: Subgroups,
    /// Of the last row.
    line: u64,
}

/// What has been read. Relaxed: each number stands for itself, and they are read together when the last round has ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rows: AtomicU64,
    /// Lines and subgroups that are not as they should be.
    pub(crate) faults: AtomicU64,
    /// Subgroups that the bus has accepted.
    pub(crate) subgroups: AtomicU64,
    pub(crate) rounds: AtomicU64,
}

/// At most so many in a second.
struct Pace {
    /// `None`: as many as there can be.
    between: Option<Duration>,
    /// When the next one may come.
    due: Option<Instant>,
}

// === impl Pace ===

impl Pace {
    fn new(rate: Option<u32>) -> Self {
        Self { between: rate.map(|rate| Duration::from_secs(1) / rate), due: None }
    }

    /// When the next one, which is there `now`, may come. Time in which there was none is not made up for.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let between = self.between?;
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = due.checked_add(between);
        Some(due)
    }
}

// === impl Reader ===

impl Reader {
    pub(crate) fn new(bus: &Bus, arguments: &Arguments, tally: Arc<Tally>) -> Result<Self, KindTaken> {
        Ok(Self {
            input: arguments.input.clone(),
            size: arguments.size,
            pace: Mutex::new(Pace::new(arguments.rate)),
            repeat: arguments.repeat,
            measured: bus.topic()?,
            ended: bus.topic()?,
            stop: Stop::default(),
            round: Mutex::default(),
            tally,
        })
    }

    /// Has it stop: it ends its round as soon as it sees that.
    pub(crate) fn stop(&self) {
        self.stop.ask();
    }

    /// Ends the round that is being read, if one is. When this returns, the reader publishes nothing more of it.
    pub(crate) fn end_round(&self) {
        let mut round = self.current();
        let Some(Round { number, subgroups, line }) = round.take() else { return };
        subgroups.finish(line).iter().for_each(|error| self.fault(error));
        self.ended.publish(SeriesEnded { round: number });
    }

    /// Reads it all, again and again where it is to; an error is one of the file, which may be `opened` already: a pipe can be
    /// opened but once.
    pub(crate) fn run(&self, mut opened: Option<File>) -> Result<(), String> {
        loop {
            let told = |error: &dyn std::fmt::Display| match &self.input {
                Some(path) => format!("--input {path:?}: {error}"),
                None => error.to_string(),
            };
            let before = self.tally.subgroups.load(Ordering::Relaxed);
            let source = self.open(opened.take()).map_err(|error| told(&error))?;
            if !self.begin_round() {
                return Ok(());
            }
            let read = self.read(source);
            // Also after an error: what was watched is not watched any more.
            self.end_round();
            read.map_err(|error| told(&error))?;
            let fruitless = self.tally.subgroups.load(Ordering::Relaxed) == before;
            if !self.repeat || fruitless {
                return Ok(());
            }
        }
    }

    /// The series, from its beginning.
    fn open(&self, opened: Option<File>) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(match (opened, &self.input) {
            (Some(file), _) => Box::new(BufReader::new(file)),
            (None, Some(path)) => Box::new(BufReader::new(File::open(path)?)),
            (None, None) => Box::new(BUILT_IN),
        })
    }

    /// Begins a round, unless the reading is to stop.
    fn begin_round(&self) -> bool {
        let mut round = self.current();
        // Under the lock: who ends the last round has asked before.
        if self.stop.is_asked() {
            return false;
        }
        let number = self.tally.rounds.fetch_add(1, Ordering::Relaxed) + 1;
        *round = Some(Round { number, subgroups: Subgroups::new(self.size), line: 0 });
        true
    }

    /// Reads it once; until the end, or until the round is over.
    fn read(&self, source: impl BufRead) -> Result<(), SeriesError> {
        for row in Series::new(source) {
            let mut current = self.current();
            let Some(round) = current.as_mut().filter(|_| !self.stop.is_asked()) else { break };
            let row = match row {
                Ok(row) => row,
                Err(SeriesError::Line(error)) => {
                    self.fault(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            round.line = row.line;
            self.tally.rows.fetch_add(1, Ordering::Relaxed);
            let (subgroup, error) = round.subgroups.add(row);
            error.iter().for_each(|error| self.fault(error));
            let Some(Subgroup { characteristic, number, values }) = subgroup else { continue };
            self.wait_for_turn();
            let delivery = self.measured.publish(SubgroupMeasured { characteristic, subgroup: number, values });
            self.tally.subgroups.fetch_add(u64::from(delivery.event.is_some()), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until the next subgroup may be published; no longer when the reading is to stop.
    fn wait_for_turn(&self) {
        let due = self.pace.lock().unwrap_or_else(PoisonError::into_inner).next(Instant::now());
        if let Some(due) = due {
            self.stop.wait_until(due);
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Round>> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, error: &dyn std::fmt::Display) {
        self.tally.faults.fetch_add(1, Ordering::Relaxed);
        complain(&error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringbus::{Overflow, Payload};
    use std::num::NonZeroUsize;
    use std::sync::mpsc::channel;
    use std::thread;

    const LONG: Duration = Duration::from_secs(60);

    /// Reads the series that is built in.
    fn reader(bus: &Bus, size: usize) -> Reader {
        let arguments = Arguments {
            input: None,
            size,
            baseline: 30,
            threads: NonZeroUsize::MIN,
            rate: None,
            repeat: true,
            audit: None,
            live: false,
            failures: 1,
        };
        Reader::new(bus, &arguments, Arc::default()).unwrap()
    }

    fn counts(reader: &Reader) -> [u64; 4] {
        let Tally { rows, faults, subgroups, rounds } = &*reader.tally;
        [rows, faults, subgroups, rounds].map(|count| count.load(Ordering::Relaxed))
    }

    /// A handler is held, and its queue is full.
    #[test]
    fn who_ends_a_round_waits_for_the_subgroup_that_is_being_published() {
        let bus = Bus::new();
        let reader = reader(&bus, 5);
        let (go, hold) = channel::<()>();
        let (send, seen) = channel();
        let queue = bus.on([SubgroupMeasured::KIND, SeriesEnded::KIND]).unwrap().in_thread().capacity(1);
        let handler = queue.when_full(Overflow::Block { up_to: LONG }).subscribe(move |event| {
            let _ = hold.recv();
            send.send(event.kind().to_string()).unwrap();
        });
        let handler = handler.unwrap();
        thread::scope(|scope| {
            let reading = scope.spawn(|| reader.run(None));
            // One is held, one waits for it, and the reader with the third one for room.
            while handler.info().queue.unwrap().offered < 3 {
                thread::yield_now();
            }
            reader.stop();
            assert!(reader.round.try_lock().is_err(), "the end would overtake the subgroup");
            let ending = scope.spawn(|| reader.end_round());
            drop(go);
            ending.join().unwrap();
            reading.join().unwrap().unwrap();
        });
        assert!(bus.shutdown(LONG).is_complete());
        drop(handler);
        let seen: Vec<String> = seen.iter().collect();
        let [measured, ended] = [SubgroupMeasured::KIND, SeriesEnded::KIND];
        assert_eq!(seen, [measured, measured, measured, ended]);
        assert_eq!(counts(&reader), [15, 0, 3, 1]);
    }

    #[test]
    fn a_pace_is_kept_after_a_pause_too() {
        let (begin, tenth) = (Instant::now(), Duration::from_millis(100));
        let mut pace = Pace::new(Some(10));
        let mut due = |at: Duration| pace.next(begin + at).unwrap() - begin;
        let at = [0, 0, 1, 3, 60, 60, 60].map(|tenths| tenth * tenths);
        assert_eq!(at.map(&mut due), [0, 1, 2, 3, 60, 61, 62].map(|tenths| tenth * tenths));
        assert_eq!(Pace::new(None).next(begin), None);
    }

    #[test]
    fn a_round_ends_once_and_what_is_read_after_it_is_left() {
        let bus = Bus::new();
        let reader = reader(&bus, 2);
        let rows = || &b"a,1,1\nb,1,1\na,1,2\n"[..];
        assert!(reader.begin_round());
        reader.read(rows()).unwrap();
        reader.end_round();
        reader.end_round();
        reader.read(rows()).unwrap();
        assert_eq!(counts(&reader), [3, 1, 1, 1], "b is incomplete");
        assert!(reader.begin_round());
        reader.stop();
        reader.read(rows()).unwrap();
        reader.end_round();
        assert!(!reader.begin_round());
        assert_eq!(counts(&reader), [3, 1, 1, 2]);
        assert_eq!(bus.stats().published_by_kind.get(SeriesEnded::KIND), Some(&2));
    }
}
