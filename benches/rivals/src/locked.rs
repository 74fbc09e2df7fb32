//! A bus written by hand with two locks: what people have who did not pick anything.

use std::hint::black_box;
use std::sync::Arc;

use crate::common::locked_port::LockedPort;
use crate::common::payload::{HISTORY, KIND, SOURCE, fields};
use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::common::threads::on_threads;
use crate::counted::counted;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "locked port";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "no isolation: a handler that panics unwinds into the publisher, and the handlers after it are not called",
        "no counters, no patterns; publishers, readers and subscribers wait for each other",
    ],
    rows: &[
        RowMaker { id: "rival-locked-port", make: || full("rival-locked-port", "full event, 1 thread", 1) },
        RowMaker { id: "rival-locked-port-2", make: || full("rival-locked-port-2", "full event, 2 threads", 2) },
    ],
};

fn full(id: &'static str, what: &'static str, threads: usize) -> Row {
    let port = LockedPort::new(HISTORY);
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    port.subscribe(move |_| count.count());
    let run = move |rounds| {
        on_threads(threads, rounds, |n| {
            black_box(port.publish(KIND, SOURCE, fields(n)));
        })
    };
    Row::pair(id, what, ours::full(threads), counted(NAME, &seen, threads, run))
}
