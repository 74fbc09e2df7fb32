//! The full telemetry event: three fields, id, time, a history of 500, counters, one handler.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::sides::{Ours, Port, RINGBUS};
use crate::common::payload::{COLUMN, FATAL, KIND, SOURCE};
use crate::common::row::{Row, RowMaker, Side};
use crate::common::threads::on_threads;

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "full-1", make: one },
    RowMaker { id: "full-2", make: two },
    RowMaker { id: "full-64", make: many },
    RowMaker { id: "log-line", make: log_line },
];

fn one() -> Row {
    Row::pair("full-1", "full event, 1 thread", Ours::new(1).side(RINGBUS, 1), Port::new(1).side(1))
}

fn two() -> Row {
    Row::pair("full-2", "full event, 2 threads", Ours::new(1).side(RINGBUS, 2), Port::new(1).side(2))
}

/// A round is 4096 events on either side: so the ratio is that of the events a second, and waking the crowd is little
/// beside them.
fn many() -> Row {
    let side = |name, threads: usize| {
        let ours = Ours::new(1);
        Side::new(name, move |rounds| on_threads(threads, rounds * (4096 / threads as u64), |n| ours.publish(n)))
    };
    Row::pair("full-64", "4096 full events by 64 threads, beside 2", side("64 threads", 64), side("2 threads", 2))
}

/// The line that programs write to a log instead, into locked memory.
fn log_line() -> Row {
    /// The memory begins again there.
    const FULL: usize = 1 << 20;
    let lines = Mutex::new(Vec::with_capacity(FULL + 1024));
    let log = move |line: u64| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() > FULL {
            lines.clear();
        }
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        writeln!(lines, "{seconds}.{micros:06} ERROR {SOURCE} {KIND} line={line} column={COLUMN} fatal={FATAL}")
            .expect("memory takes all");
    };
    let what = "full event beside a formatted log line";
    Row::pair("log-line", what, Ours::new(1).side(RINGBUS, 1), Side::alone("log line", log))
}
