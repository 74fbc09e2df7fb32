//! `crossbeam-channel`: a bounded queue to a thread that handles the events.

use std::hint::black_box;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::common::threads::on_threads_with;
use crate::consumer::{QUEUE, consumed_by};
use crate::counted::counted;
use crate::message::Message;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "crossbeam-channel";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "the publisher's time, with a consumer on a thread of its own: 512 events may wait, then the publisher waits",
        "the event is handled later: publish returns before its handler has run",
        "each event goes to one receiver; no history, no counters, no kinds; a handler that panics ends its thread",
    ],
    rows: &[
        RowMaker { id: "rival-crossbeam-channel", make: || full("rival-crossbeam-channel", "full event, 1 thread", 1) },
        RowMaker {
            id: "rival-crossbeam-channel-2",
            make: || full("rival-crossbeam-channel-2", "full event, 2 threads", 2),
        },
    ],
};

fn full(id: &'static str, what: &'static str, threads: usize) -> Row {
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    let run = move |rounds| {
        let (sender, receiver) = bounded(QUEUE);
        let consume = || {
            for message in receiver {
                black_box(&message);
                count.count();
            }
        };
        let step = |sender: &mut Sender<Message>, n| sender.send(Message::new(n)).expect("the consumer runs");
        consumed_by(consume, move || on_threads_with(threads, rounds, || sender.clone(), step))
    };
    Row::pair(id, what, ours::full(threads), counted(NAME, &seen, threads, run))
}
