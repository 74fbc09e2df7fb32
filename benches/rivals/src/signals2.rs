//! `signals2`: a list of slots behind a lock that is held for a moment, and a reference count on it for each emit.

use std::hint::black_box;
use std::sync::Arc;

use ::signals2::{Connect1, Emit1, Signal};

use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::common::threads::on_threads;
use crate::counted::counted;
use crate::message::Message;
use crate::ours::{self, Sample};
use crate::rival::Rival;

const NAME: &str = "signals2";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "no isolation: a slot that panics unwinds into the publisher, and the slots after it are not called",
        "no history",
        "no counters, and no waiting for calls in flight when a slot is removed",
        "one type a signal: no kinds, no patterns; each slot gets a clone of the value",
    ],
    rows: &[
        RowMaker { id: "topic-1", make: || topic("topic-1", "typed topic, 1 handler", 1, 1) },
        RowMaker { id: "topic-8", make: || topic("topic-8", "typed topic, 8 handlers", 1, 8) },
        RowMaker { id: "topic-2x1", make: || topic("topic-2x1", "typed topic, 2 threads, 1 handler", 2, 1) },
        RowMaker { id: "topic-2x8", make: || topic("topic-2x8", "typed topic, 2 threads, 8 handlers", 2, 8) },
        RowMaker { id: "rival-signals2", make: || full("rival-signals2", "full event, 1 thread", 1) },
        RowMaker { id: "rival-signals2-2", make: || full("rival-signals2-2", "full event, 2 threads", 2) },
    ],
};

fn topic(id: &'static str, what: &'static str, threads: usize, handlers: usize) -> Row {
    let signal: Signal<(Sample,)> = Signal::new();
    let seen = Arc::new(Seen::default());
    for _ in 0..handlers {
        let seen = Arc::clone(&seen);
        signal.connect(move |sample| {
            black_box(sample.sample_id);
            seen.count();
        });
    }
    let run = move |rounds| {
        on_threads(threads, rounds, |n| {
            signal.emit(Sample::new(n));
        })
    };
    Row::pair(id, what, ours::topic(threads, handlers), counted(NAME, &seen, threads * handlers, run))
}

fn full(id: &'static str, what: &'static str, threads: usize) -> Row {
    let signal: Signal<(Message,)> = Signal::new();
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    signal.connect(move |message| {
        black_box(&message);
        count.count();
    });
    let run = move |rounds| {
        on_threads(threads, rounds, |n| {
            signal.emit(Message::new(n));
        })
    };
    Row::pair(id, what, ours::full(threads), counted(NAME, &seen, threads, run))
}
