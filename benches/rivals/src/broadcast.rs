//! `tokio::sync::broadcast`: a bounded ring that every receiver reads at its own pace, and lags when it is too slow.

use std::hint::black_box;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Sender, channel};

use crate::common::lines;
use crate::common::row::{Row, RowMaker, Side};
use crate::common::seen::Seen;
use crate::common::threads::on_threads_with;
use crate::consumer::{QUEUE, consumed_by};
use crate::message::Message;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "tokio broadcast";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "the publisher's time, with a receiver on a thread of its own that blocks; what it does not read in time is \
         overwritten (the facts `lagged` say how much)",
        "the event is handled later: send returns before its handler has run",
        "what all receivers have read is gone: no history; one type a channel; a handler that panics ends its task",
    ],
    rows: &[
        RowMaker { id: "rival-tokio-broadcast", make: || full("rival-tokio-broadcast", "full event, 1 thread", 1) },
        RowMaker {
            id: "rival-tokio-broadcast-2",
            make: || full("rival-tokio-broadcast-2", "full event, 2 threads", 2),
        },
    ],
};

fn full(id: &'static str, what: &'static str, threads: usize) -> Row {
    let mut tally = Tally { id, received: 0, lost: 0 };
    let seen = Seen::default();
    let run = move |rounds| {
        let (sender, mut receiver) = channel(QUEUE);
        let before = tally.sent();
        let tally = &mut tally;
        let consume = || loop {
            match receiver.blocking_recv() {
                Ok(message) => {
                    black_box(&message);
                    seen.count();
                    tally.received += 1;
                }
                Err(RecvError::Lagged(missed)) => tally.lost += missed,
                Err(RecvError::Closed) => break,
            }
        };
        let step = |sender: &mut Sender<Message>, n| {
            let _ = black_box(sender.send(Message::new(n)));
        };
        let took = consumed_by(consume, move || on_threads_with(threads, rounds, || sender.clone(), step));
        assert!(tally.sent() - before >= rounds * threads as u64, "each event is received or counted as lost");
        took
    };
    Row::pair(id, what, ours::full(threads), Side::new(NAME, run))
}

/// How much of what was sent the receiver has seen; told when the row has ended.
struct Tally {
    id: &'static str,
    received: u64,
    lost: u64,
}

impl Tally {
    fn sent(&self) -> u64 {
        self.received + self.lost
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let sent = self.sent();
        if sent > 0 {
            let share = self.lost as f64 / sent as f64 * 100.0;
            println!("{}", lines::fact(&format!("{}-lagged", self.id), share, "% of the events"));
        }
    }
}
