//! Handlers that end: what they captured is written when it is dropped, so that a call after that, one at the same
//! time, or a second drop is seen.

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use ringbus::{Bus, Event, Subscription};

use super::watched::Watched;

pub(crate) fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

pub(crate) fn publish(bus: &Bus, kind: &'static str) -> u32 {
    bus.publish(Event::builder(kind).build().unwrap()).delivered
}

pub(crate) fn publisher(bus: &Bus, kind: &'static str) -> thread::JoinHandle<u32> {
    let bus = bus.clone();
    thread::spawn(move || publish(&bus, kind))
}

/// How often a closure was called and dropped.
#[derive(Clone)]
pub(crate) struct Life(Arc<Counts>);

struct Counts {
    calls: AtomicUsize,
    drops: AtomicUsize,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Counts { calls: AtomicUsize::new(0), drops: AtomicUsize::new(0) }))
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn drops(&self) -> usize {
        self.0.drops.load(Ordering::Relaxed)
    }

    /// What a handler captures.
    pub(crate) fn capture(&self) -> Capture {
        Capture { life: self.clone(), contents: Watched::new(1) }
    }

    /// Subscribes a handler that uses what it has captured.
    pub(crate) fn subscribe(&self, bus: &Bus, kind: &str) -> Subscription {
        let capture = self.capture();
        bus.on(kind).unwrap().subscribe(move |_| capture.call())
    }
}

/// See [`Life::capture`].
pub(crate) struct Capture {
    life: Life,
    contents: Watched,
}

impl Capture {
    pub(crate) fn call(&self) {
        assert_eq!(self.contents.read(), 1, "called after it was dropped");
        self.life.0.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.contents.write(0);
        self.life.0.drops.fetch_add(1, Ordering::Relaxed);
    }
}
