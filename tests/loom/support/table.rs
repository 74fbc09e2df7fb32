//! Handlers that count their calls, and see whether their subscriber came before.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use ringbus::{Bus, Event, Subscription};

use super::watched::Watched;

pub(crate) fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

pub(crate) fn event() -> Event {
    Event::builder("table.event").build().unwrap()
}

pub(crate) fn count(bus: &Bus, order: i32) -> (Subscription, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let capture = Watched::new(7);
    let guard = bus.on("table.event").unwrap().order(order).subscribe(move |_| {
        assert_eq!(capture.read(), 7);
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (guard, calls)
}

/// Publishes once, and says whether it knew before that the other thread's change was done.
pub(crate) fn publish_knowing(bus: &Bus, done: &AtomicBool) -> (bool, u32) {
    let knew = done.load(Ordering::Acquire);
    (knew, bus.publish(event()).delivered)
}
