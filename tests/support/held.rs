//! A handler that is held in its call, and events for it.

use std::sync::mpsc;
use std::time::Duration;

use ringbus::{Bus, Event, publish_event};

/// Longer than anything takes.
pub const LONG: Duration = Duration::from_secs(60);

/// A handler that says when a call begins, and ends it when it may.
pub struct Held {
    pub begun: mpsc::Receiver<()>,
    pub go: mpsc::Sender<()>,
}

pub fn held() -> (Held, impl FnMut(&Event) + Send + 'static) {
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let handler = move |_: &Event| {
        let _ = begin.send(());
        let _ = may_go.recv();
    };
    (Held { begun, go }, handler)
}

/// So many events of the kind `job`.
pub fn publish(bus: &Bus, events: usize) {
    (0..events).for_each(|_| drop(publish_event!(bus: bus, "job")));
}
