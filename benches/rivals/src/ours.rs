//! ringbus's side of each comparison: the same call site, the same handlers, everything on that the defaults have on.

use std::hint::black_box;
use std::sync::Arc;

use ringbus::{Bus, Payload, Subscription, Topic, publish_event};

use crate::common::payload::{COLUMN, FATAL, KIND};
use crate::common::row::Side;
use crate::common::seen::Seen;
use crate::common::threads::on_threads;
use crate::counted::counted;

const NAME: &str = "ringbus";

/// The full telemetry event: id, time, three fields, a history of 500, counters, one isolated handler.
pub fn full(threads: usize) -> Side {
    let bus = Bus::new();
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    let guard = bus.on(KIND).expect("a kind").subscribe(move |_| count.count());
    let run = move |rounds| {
        let _held = &guard;
        on_threads(threads, rounds, |n| {
            black_box(
                publish_event!(bus: &bus, "terminal.error", source: "daemon", line = n, column = COLUMN, fatal = FATAL),
            );
        })
    };
    counted(NAME, &seen, threads, run)
}

/// A call site on the global bus, which is disabled, or enabled without history and subscribers.
pub fn call_site(enabled: bool) -> Side {
    let empty = Bus::builder().history(0).build().expect("a history of 0 is allowed");
    // Another row may have set it; it is the same then.
    let _ = ringbus::set_global(empty);
    let run = move |rounds| {
        if enabled {
            ringbus::enable();
        } else {
            ringbus::disable();
        }
        on_threads(1, rounds, |n| {
            publish_event!("terminal.error", source: "daemon", line = n, column = COLUMN, fatal = FATAL);
        })
    };
    Side::new(NAME, run)
}

/// A value that typed handlers take.
#[derive(Clone, Copy, Payload)]
#[payload(kind = "sample.processed")]
pub struct Sample {
    pub sample_id: u64,
    pub mean: f64,
}

impl Sample {
    #[inline]
    pub fn new(n: u64) -> Self {
        Self { sample_id: n, mean: 0.3 }
    }
}

/// A typed topic without history: isolation and counters included.
pub fn topic(threads: usize, handlers: usize) -> Side {
    let bus = Bus::builder().history(0).build().expect("a history of 0 is allowed");
    let topic: Topic<Sample> = bus.topic().expect("the only type of its kind");
    let seen = Arc::new(Seen::default());
    let subscribe = |_| {
        let seen = Arc::clone(&seen);
        let handler = move |sample: &Sample| {
            black_box(sample.sample_id);
            seen.count();
        };
        bus.subscribe_to(handler).expect("the only type of its kind")
    };
    let guards: Vec<Subscription> = (0..handlers).map(subscribe).collect();
    let run = move |rounds| {
        let _held = &guards;
        on_threads(threads, rounds, |n| {
            black_box(topic.publish(Sample::new(n)));
        })
    };
    counted(NAME, &seen, threads * handlers, run)
}
