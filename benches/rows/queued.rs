//! Handlers that take their time, beside channels as people wire them by hand; waiting for handlers; and what a full
//! queue costs the publisher.
//!
//! Either side publishes the same events on a bus with a history (the channels stand behind a handler there), and a round is
//! over when its event has been handled: the time of a row is that of the slower of publisher and handler. A full channel
//! and a full queue make the publisher wait.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringbus::{Event, Overflow, Receiver};

use super::sides::Ours;
use crate::common::payload::KIND;
use crate::common::row::{Row, RowMaker, Side};

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "in-thread", make: in_thread },
    #[cfg(feature = "async")]
    RowMaker { id: "async", make: in_tasks },
    RowMaker { id: "and-wait", make: and_wait },
    RowMaker {
        id: "full-drop-oldest",
        make: || full("full-drop-oldest", "a full queue that drops the oldest", Overflow::DropOldest),
    },
    RowMaker {
        id: "full-drop-newest",
        make: || full("full-drop-newest", "a full queue that drops the newest", Overflow::DropNewest),
    },
    RowMaker {
        id: "full-latest-only",
        make: || full("full-latest-only", "a full queue of the latest only", Overflow::LatestOnly),
    },
    RowMaker {
        id: "full-block",
        make: || {
            full(
                "full-block",
                "a full queue that blocks, with no time to wait",
                Overflow::Block { up_to: Duration::ZERO },
            )
        },
    },
];

/// As many may wait, on either side.
const ROOM: usize = 1024;

/// How many events have been handled.
#[derive(Default)]
struct Handled(AtomicU64);

impl Handled {
    fn count(&self, event: &Event) {
        black_box(event.get("line"));
        self.0.fetch_add(1, Ordering::Release);
    }

    /// The time until so many rounds have been published and handled.
    fn timed(&self, rounds: u64, publish: impl Fn(u64)) -> Duration {
        let done = self.0.load(Ordering::Acquire) + rounds;
        let begun = Instant::now();
        (0..rounds).for_each(publish);
        while self.0.load(Ordering::Acquire) < done {
            thread::yield_now();
        }
        begun.elapsed()
    }
}

/// A side whose publisher is this thread. `kept` is what its handler lives by.
fn side(name: &'static str, ours: Ours, handled: Arc<Handled>, kept: impl Sized + 'static) -> Side {
    Side::new(name, move |rounds| {
        let _ = &kept;
        handled.timed(rounds, |n| ours.publish(n))
    })
}

fn in_thread() -> Row {
    let (ours, handled) = (Ours::new(0), Arc::new(Handled::default()));
    let count = Arc::clone(&handled);
    let queue = ours.bus.on(KIND).expect("a kind").in_thread().capacity(ROOM).when_full(waiting());
    let guard = queue.subscribe(move |event| count.count(event)).expect("a thread");
    let thread = side("in_thread", ours, handled, guard);

    let (port, handled) = (Ours::new(0), Arc::new(Handled::default()));
    let count = Arc::clone(&handled);
    let (send, receive) = crossbeam_channel::bounded::<Event>(ROOM);
    // Ends with the subscription that holds the sender.
    thread::spawn(move || receive.iter().for_each(|event| count.count(&event)));
    let hand_over = move |event: &Event| Ok(send.send(event.clone())?);
    let guard = port.bus.on(KIND).expect("a kind").try_subscribe(hand_over);
    let channel = side("crossbeam-channel", port, handled, guard);
    Row::pair("in-thread", "an event handled on another thread", thread, channel)
}

#[cfg(feature = "async")]
fn in_tasks() -> Row {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let (ours, handled, tasks) = (Ours::new(0), Arc::new(Handled::default()), runtime());
    let count = Arc::clone(&handled);
    let guard = {
        let _inside = tasks.enter();
        let queue = ours.bus.on(KIND).expect("a kind").in_tokio().expect("a runtime");
        let queue = queue.capacity(ROOM).when_full(waiting());
        let handler = move |event: Event| {
            let count = Arc::clone(&count);
            async move { count.count(&event) }
        };
        queue.subscribe(handler).expect("a task")
    };
    let task = side("in_tokio", ours, handled, (guard, tasks));

    let (port, handled, tasks) = (Ours::new(0), Arc::new(Handled::default()), runtime());
    let count = Arc::clone(&handled);
    let (send, mut receive) = tokio::sync::mpsc::channel::<Event>(ROOM);
    tasks.spawn(async move {
        while let Some(event) = receive.recv().await {
            let count = Arc::clone(&count);
            async move { count.count(&event) }.await;
        }
    });
    // Who is careful tries first: to wait for room costs also where there is some.
    let hand_over = move |event: &Event| match send.try_send(event.clone()) {
        Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => Ok(send.blocking_send(event)?),
        sent => Ok(sent?),
    };
    let guard = port.bus.on(KIND).expect("a kind").try_subscribe(hand_over);
    let channel = side("tokio::sync::mpsc", port, handled, (guard, tasks));
    Row::pair("async", "an event handled by an async handler", task, channel)
}

fn waiting() -> Overflow {
    Overflow::Block { up_to: Duration::from_secs(3600) }
}

/// Built by hand on both sides: an event that is waited for has its id before it is published.
fn built(line: u64) -> Event {
    Event::builder(KIND).field("line", line).build().expect("an event")
}

fn and_wait() -> Row {
    let waits = Ours::new(1);
    let waiting = Side::alone("publish_and_wait", move |n| black_box(waits.bus.publish_and_wait(built(n), None)));
    let goes_on = Ours::new(1);
    let going_on = Side::alone("publish", move |n| black_box(goes_on.bus.publish(built(n))));
    Row::pair("and-wait", "an event that is waited for, one handler without a queue", waiting, going_on)
}

/// A queue that nobody takes anything out of.
fn stuffed(policy: Overflow) -> (Ours, Receiver) {
    let ours = Ours::new(0);
    let queue = ours.bus.on(KIND).expect("a kind").queued().capacity(ROOM).when_full(policy);
    let receiver = queue.receiver().expect("a queue");
    (0..=ROOM as u64).for_each(|n| ours.publish(n));
    (ours, receiver)
}

fn full(id: &'static str, what: &'static str, policy: Overflow) -> Row {
    let (ours, receiver) = stuffed(policy);
    let queue = Side::new("a full queue", move |rounds| {
        let _ = &receiver;
        let begun = Instant::now();
        (0..rounds).for_each(|n| ours.publish(n));
        begun.elapsed()
    });
    Row::pair(id, what, queue, called())
}

/// A handler that is called.
fn called() -> Side {
    Ours::new(1).side("a handler", 1)
}
