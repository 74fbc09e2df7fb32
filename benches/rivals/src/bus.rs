//! `bus`: a bounded ring from one sender to many receivers, each of which sees every event.

use std::hint::black_box;
use std::sync::Arc;

use ::bus::Bus;

use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::consumer::{QUEUE, consumed_by, here};
use crate::counted::counted;
use crate::message::Message;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "bus";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "the publisher's time, with a receiver on a thread of its own: 512 events may wait, then the publisher waits",
        "one publishing thread only (`broadcast` takes `&mut self`)",
        "the event is handled later; no history, no counters, no kinds; a handler that panics ends its thread",
    ],
    rows: &[RowMaker { id: "rival-bus", make: full }],
};

fn full() -> Row {
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    let run = move |rounds| {
        let mut bus = Bus::new(QUEUE);
        let receiver = bus.add_rx();
        let consume = || {
            for message in receiver {
                black_box::<&Message>(&message);
                count.count();
            }
        };
        consumed_by(consume, move || here(rounds, |n| bus.broadcast(Message::new(n))))
    };
    Row::pair("rival-bus", "full event, 1 thread", ours::full(1), counted(NAME, &seen, 1, run))
}
