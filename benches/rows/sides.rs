//! The two sides of most rows: [`Ours`] and [`Port`], each with so many handlers that count.

use std::hint::black_box;
use std::sync::Arc;

use ringbus::{Bus, Subscription, publish_event};

use crate::common::locked_port::LockedPort;
use crate::common::payload::{COLUMN, FATAL, HISTORY, KIND, SOURCE, fields};
use crate::common::row::Side;
use crate::common::seen::Seen;

pub const RINGBUS: &str = "ringbus";
pub const LOCKED_PORT: &str = "locked port";

/// Our bus.
pub struct Ours {
    guards: Vec<Subscription>,
    pub bus: Bus,
}

/// What people write by hand.
pub struct Port(pub LockedPort);

// === impl Ours ===

impl Ours {
    pub fn new(handlers: usize) -> Self {
        Self::on(Bus::builder().history(HISTORY).build().expect("a bus"), handlers)
    }

    pub fn on(bus: Bus, handlers: usize) -> Self {
        let seen = Arc::new(Seen::default());
        let guards = (0..handlers).map(|_| subscribe(&bus, &seen)).collect();
        Self { guards, bus }
    }

    /// One full telemetry event.
    #[inline]
    pub fn publish(&self, line: u64) {
        black_box(publish_event!(
            bus: &self.bus, "terminal.error", source: "daemon", line = line, column = COLUMN, fatal = FATAL
        ));
    }

    /// A side in which so many threads publish.
    pub fn side(self, name: &'static str, threads: usize) -> Side {
        Side::on(name, threads, move |n| self.publish(n))
    }
}

/// One more handler that counts.
pub fn subscribe(bus: &Bus, seen: &Arc<Seen>) -> Subscription {
    let seen = Arc::clone(seen);
    bus.on(KIND).expect("a kind").subscribe(move |_| seen.count())
}

// === impl Port ===

impl Port {
    pub fn new(handlers: usize) -> Self {
        Self::keeping(HISTORY, handlers)
    }

    pub fn keeping(history: usize, handlers: usize) -> Self {
        let port = LockedPort::new(history);
        let seen = Arc::new(Seen::default());
        for _ in 0..handlers {
            let seen = Arc::clone(&seen);
            port.subscribe(move |_| seen.count());
        }
        Self(port)
    }

    #[inline]
    pub fn publish(&self, line: u64) {
        black_box(self.0.publish(KIND, SOURCE, fields(line)));
    }

    pub fn side(self, threads: usize) -> Side {
        Side::on(LOCKED_PORT, threads, move |n| self.publish(n))
    }
}
