//! A handler that is told of the past, and what it saw.

use std::sync::{Arc, Mutex};

use loom::thread::{self, ThreadId};
use ringbus::{Bus, Event, Subscription};

pub(crate) fn bus(history: usize) -> Bus {
    Bus::builder().history(history).shards(1).build().unwrap()
}

/// Publishes the event `n`; how many handlers took it, on this thread.
pub(crate) fn publish(bus: &Bus, n: i64) -> u32 {
    bus.publish(Event::builder("replay.event").field("n", n).build().unwrap()).delivered
}

/// What a handler was told, in order, and on which threads. Not loom's: it must order nothing.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(i64, ThreadId)>>>);

impl Seen {
    /// Subscribes a handler that is told of the past.
    pub(crate) fn subscribe(&self, bus: &Bus) -> Subscription {
        let seen = self.clone();
        bus.on("replay.event").unwrap().replay(10).subscribe(move |event| {
            let n = event.get("n").and_then(|n| n.as_i64()).unwrap();
            seen.0.lock().unwrap().push((n, thread::current().id()));
        })
    }

    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.0.lock().unwrap().iter().map(|(n, _)| *n).collect()
    }

    /// How many of them this thread was told of.
    pub(crate) fn here(&self) -> usize {
        let here = thread::current().id();
        self.0.lock().unwrap().iter().filter(|(_, thread)| *thread == here).count()
    }
}

pub(crate) fn lagged(guard: &Subscription) -> usize {
    usize::try_from(guard.info().lagged).unwrap()
}
