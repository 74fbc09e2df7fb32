//! `disruptor`: a ring of events made beforehand, written in place, and a consumer that polls it.
//!
//! It polls as the library's own strategies do, but every so often it lets others run, and so does a publisher that finds
//! the ring full: where there are more threads than processors, pure spinning costs whole time slices, some tens of
//! microseconds an event.

use std::cell::Cell;
use std::hint::{self, black_box};
use std::sync::{Arc, Mutex};
use std::thread;

use ::disruptor::wait_strategies::WaitStrategy;
use ::disruptor::{Producer, Sequence, build_multi_producer, build_single_producer};

use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::common::threads::on_threads_with;
use crate::consumer::{QUEUE, here};
use crate::counted::counted;
use crate::message::Message;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "disruptor";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "the publisher's time, with a consumer that is never asleep, also while nothing happens",
        "512 events may wait, then the publisher polls until there is room",
        "consumers are fixed when it is built; the event is handled later; a handler that panics ends its thread",
        "no history to read, no counters, no kinds",
    ],
    rows: &[RowMaker { id: "rival-disruptor", make: single }, RowMaker { id: "rival-disruptor-2", make: multi }],
};

/// Spins, and lets others run at every 64th poll.
#[derive(Clone, Copy)]
struct Poll;

impl WaitStrategy for Poll {
    fn wait_for(&self, _: Sequence) {
        thread_local! { static POLLS: Cell<u32> = const { Cell::new(0) } }
        let polls = POLLS.get().wrapping_add(1);
        POLLS.set(polls);
        if polls % 64 == 0 {
            thread::yield_now();
        } else {
            hint::spin_loop();
        }
    }
}

/// What the consumer does with each event.
fn consumer(seen: &Arc<Seen>) -> impl FnMut(&Message, Sequence, bool) + Send + 'static {
    let seen = Arc::clone(seen);
    move |message, _, _| {
        black_box(message);
        seen.count();
    }
}

fn empty() -> Message {
    Message::new(0)
}

/// Publishes event `n`; while the ring is full, others run.
#[inline]
fn publish(producer: &mut impl Producer<Message>, n: u64) {
    while producer.try_publish(|slot| *slot = Message::new(n)).is_err() {
        thread::yield_now();
    }
}

// The last producer's end waits for the consumer's, outside of what is timed.

fn single() -> Row {
    let seen = Arc::new(Seen::default());
    let handled = Arc::clone(&seen);
    let run = move |rounds| {
        let ring = build_single_producer(QUEUE, empty, Poll);
        let mut producer = ring.handle_events_with(consumer(&handled)).build();
        here(rounds, |n| publish(&mut producer, n))
    };
    Row::pair("rival-disruptor", "full event, 1 thread", ours::full(1), counted(NAME, &seen, 1, run))
}

fn multi() -> Row {
    let seen = Arc::new(Seen::default());
    let handled = Arc::clone(&seen);
    let run = move |rounds| {
        let ring = build_multi_producer(QUEUE, empty, Poll);
        let producer = Mutex::new(ring.handle_events_with(consumer(&handled)).build());
        let own = || producer.lock().expect("nobody panics with it").clone();
        on_threads_with(2, rounds, own, publish)
    };
    Row::pair("rival-disruptor-2", "full event, 2 threads", ours::full(2), counted(NAME, &seen, 2, run))
}
