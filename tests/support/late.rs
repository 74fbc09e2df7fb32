//! A publisher who is late.

use std::sync::Mutex;

use ringbus::Event;

use super::held::{Held, held};

/// A filter in which a publisher stands, about to hand an event over, until it is let go.
pub fn late() -> (Held, impl Fn(&Event) -> bool + Send + Sync + 'static) {
    let (held, handler) = held();
    let handler = Mutex::new(handler);
    let filter = move |event: &Event| {
        (handler.lock().unwrap())(event);
        true
    };
    (held, filter)
}
