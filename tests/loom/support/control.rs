//! Subscriptions whose handlers fail, and publishers of one event.

use std::num::NonZeroU32;
use std::sync::Arc as Shared;

use loom::thread;
use ringbus::{Bus, Event, FailurePolicy, Subscribe, Subscription};

pub(crate) fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

/// A bus that counts what it reports: failures that brought a quarantine about.
pub(crate) fn reporting_bus() -> (Bus, Reports) {
    let reports = Reports::default();
    let counter = Shared::clone(&reports);
    let hook = move |failure: &ringbus::Failure<'_>| {
        counter.fetch_add(usize::from(failure.quarantined), std::sync::atomic::Ordering::Relaxed);
    };
    (Bus::builder().history(0).shards(1).on_failure(hook).build().unwrap(), reports)
}

/// A count that orders nothing; loom need not know it.
pub(crate) type Reports = Shared<std::sync::atomic::AtomicUsize>;

pub(crate) fn count(reports: &Reports) -> usize {
    reports.load(std::sync::atomic::Ordering::Relaxed)
}

/// Publishes once; how many handlers took it, and how many failed.
pub(crate) fn publish(bus: &Bus) -> (u32, u32) {
    let delivery = bus.publish(Event::builder("control.event").build().unwrap());
    (delivery.delivered, delivery.failed)
}

pub(crate) fn publisher(bus: &Bus) -> thread::JoinHandle<(u32, u32)> {
    let bus = bus.clone();
    thread::spawn(move || publish(&bus))
}

pub(crate) fn on(bus: &Bus) -> Subscribe {
    bus.on("control.event").unwrap()
}

/// A handler that always fails, and goes into quarantine after so many failures.
pub(crate) fn failing(bus: &Bus, after: u32) -> Subscription {
    let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(after).unwrap() };
    on(bus).failure_policy(policy).try_subscribe(|_| Err("always".into()))
}
