//! P4: a handler's failure is its own.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ringbus::{Bus, FailureCause, publish_event};

use crate::{Log, quietly};

/// Panics when it is dropped, so many times in a chain.
pub(crate) struct Bomb(pub(crate) u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

#[test]
fn p04_a_panic_and_an_error_leave_the_others_running() {
    let bus = Bus::new();
    let log = Log::default();
    let _panics = bus.on("**").unwrap().order(2).subscribe(|_| quietly(|| panic!("ordered")));
    let _errs = bus.on("**").unwrap().order(1).try_subscribe(|_| Err("ordered".into()));
    let after = log.clone();
    let _after = bus.subscribe(move |_| after.add("after"));
    for _ in 0..3 {
        let delivery = publish_event!(bus: &bus, "p04");
        assert_eq!((delivery.delivered, delivery.failed), (1, 2));
    }
    assert_eq!(log.take().len(), 3);
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.failed, totals.panicked), (3, 6, 3));
    let infos = bus.subscriptions();
    assert_eq!(
        infos.iter().map(|info| (info.delivered, info.failed, info.panicked)).collect::<Vec<_>>(),
        [(0, 3, 3), (0, 3, 0), (3, 0, 0)]
    );
}

#[test]
fn p04_a_panic_payload_whose_drop_panics_is_contained() {
    let bus = Bus::new();
    let _bomb = bus.subscribe(|_| quietly(|| panic_any(Bomb(5))));
    assert_eq!(publish_event!(bus: &bus, "p04").failed, 1);
    assert_eq!(publish_event!(bus: &bus, "p04").failed, 1);
}

#[test]
fn p04_a_panic_payload_that_never_stops_is_given_up_and_counted() {
    let bus = Bus::new();
    let _bomb = bus.subscribe(|_| quietly(|| panic_any(Bomb(u32::MAX))));
    assert_eq!(publish_event!(bus: &bus, "p04").failed, 1);
    // Counted for the whole process: other tests here give nothing up.
    assert_eq!(bus.stats().totals.forgotten_panics, 1);
}

#[test]
fn p04_an_error_whose_drop_panics_is_contained() {
    #[derive(Debug)]
    struct BadError(#[allow(dead_code)] u32);
    impl std::fmt::Display for BadError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bad")
        }
    }
    impl std::error::Error for BadError {}
    impl Drop for BadError {
        fn drop(&mut self) {
            panic!("ordered: dropping an error");
        }
    }
    let bus = Bus::new();
    let _guard = bus.try_subscribe(|_| Err(Box::new(BadError(1))));
    assert_eq!(quietly(|| publish_event!(bus: &bus, "p04")).failed, 1);
}

#[test]
fn p04_a_closure_whose_drop_panics_is_contained_wherever_it_is_dropped() {
    let subscribe = |bus: &Bus| {
        let bomb = Bomb(2);
        bus.subscribe(move |_| {
            let _ = &bomb;
        })
    };
    let bus = Bus::new();
    quietly(|| drop(subscribe(&bus)));
    quietly(|| subscribe(&bus).close()).unwrap();
    subscribe(&bus).detach();
    quietly(|| drop(bus));
}

#[test]
fn p04_a_failure_hook_that_panics_is_contained() {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let bus = Bus::builder()
        .on_failure(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            quietly(|| panic_any(Bomb(1)));
        })
        .build()
        .unwrap();
    let _errs = bus.try_subscribe(|_| Err("ordered".into()));
    let _fine = bus.subscribe(|_| {});
    let delivery = publish_event!(bus: &bus, "p04");
    assert_eq!((delivery.delivered, delivery.failed), (1, 1));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn p04_reports_name_the_handler_and_are_limited_but_all_failures_are_counted() {
    let reports = Arc::new(AtomicU64::new(0));
    let log = Log::default();
    let (count, lines) = (Arc::clone(&reports), log.clone());
    let bus = Bus::builder()
        .on_failure(move |failure| {
            assert!(matches!(failure.cause, FailureCause::Error(_)));
            assert_eq!(failure.name, Some("broken"));
            // Reported and suppressed together are what has failed so far.
            count.fetch_add(1 + failure.suppressed, Ordering::Relaxed);
            lines.add(failure.to_string());
        })
        .build()
        .unwrap();
    let guard = bus.on("p04.*").unwrap().named("broken").try_subscribe(|_| Err("ordered".into()));
    for _ in 0..10_000 {
        publish_event!(bus: &bus, "p04.limited");
    }
    assert_eq!(guard.info().failed, 10_000);
    let lines = log.take();
    // One a second: a machine would have to take minutes for these publishes to see a hundred.
    assert!(!lines.is_empty() && lines.len() < 100, "{}", lines.len());
    assert!(lines[0].contains("handler broken failed on p04.limited: ordered (subscribed at "), "{}", lines[0]);
    assert!(lines[0].contains("p04_isolation.rs"), "{}", lines[0]);
    assert!(reports.load(Ordering::Relaxed) <= 10_000);
}
