//! Reading the history: what it costs publishers, and the reader.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use ringbus::Bus;

use super::sides::{LOCKED_PORT, Ours, Port, RINGBUS};
use crate::common::payload::HISTORY;
use crate::common::row::{Row, RowMaker, Side};
use crate::common::threads::{beside, on_threads};

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "reader-ms", make: every_millisecond },
    RowMaker { id: "reader-tight", make: all_the_time },
    RowMaker { id: "recent-10", make: || recent("recent-10", "the last 10 of 500", HISTORY, 10) },
    RowMaker { id: "recent-500", make: || recent("recent-500", "the last 500 of 500", HISTORY, 500) },
    RowMaker { id: "recent-100000", make: || recent("recent-100000", "the last 100 000 of as many", 100_000, 100_000) },
];

/// A publisher with a reader that does nothing for `pause` after each reading; beside one without.
fn read(id: &'static str, what: &'static str, pause: Option<Duration>) -> Row {
    let (read, unread) = (Ours::new(1), Ours::new(1));
    (0..HISTORY as u64).for_each(|n| read.publish(n));
    let ours = Side::new("with a reader", move |rounds| {
        let reader = || {
            black_box(read.bus.recent(HISTORY));
            if let Some(pause) = pause {
                thread::sleep(pause);
            }
        };
        beside(reader, || on_threads(1, rounds, |n| read.publish(n)))
    });
    Row::pair(id, what, ours, unread.side("without", 1))
}

fn every_millisecond() -> Row {
    let what = "full event while a thread takes recent(500) every millisecond";
    read("reader-ms", what, Some(Duration::from_millis(1)))
}

fn all_the_time() -> Row {
    read("reader-tight", "full event while a thread takes recent(500) in a tight loop", None)
}

/// A reading of a full history in which nobody writes.
fn recent(id: &'static str, what: &'static str, history: usize, limit: usize) -> Row {
    let ours = Ours::on(Bus::builder().history(history).build().expect("a bus"), 0);
    let port = Port::keeping(history, 0);
    (0..history as u64).for_each(|n| {
        ours.publish(n);
        port.publish(n);
    });
    assert_eq!((ours.bus.recent(limit).len(), port.0.recent(limit).len()), (limit, limit), "full histories");
    let ours = Side::alone(RINGBUS, move |_| ours.bus.recent(limit));
    let port = Side::alone(LOCKED_PORT, move |_| port.0.recent(limit));
    Row::pair(id, what, ours, port)
}
