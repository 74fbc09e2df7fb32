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

#[test]
fn p04_a_panic_in_a_nested_publish_stays_there() {
    let bus = Bus::new();
    let log = Log::default();
    let outer = log.clone();
    let _outer = bus.on("p04.outer").unwrap().subscribe(move |_| {
        let inner = publish_event!(bus: &ringbus::current().unwrap(), "p04.inner");
        outer.add(format!("{} failed, and the outer handler goes on", inner.failed));
    });
    let _inner = bus.on("p04.inner").unwrap().subscribe(|_| quietly(|| panic_any(Bomb(2))));
    assert_eq!(publish_event!(bus: &bus, "p04.outer").delivered, 1);
    assert_eq!(log.take(), ["1 failed, and the outer handler goes on"]);
}

#[test]
fn p04_after_a_panic_the_thread_is_no_longer_inside_a_handler() {
    let bus = Bus::builder().depth_limit(1).build().unwrap();
    let guard = bus.subscribe(|_| quietly(|| panic!("ordered")));
    for _ in 0..3 {
        assert_eq!(publish_event!(bus: &bus, "p04").failed, 1, "not too deep");
    }
    assert!(ringbus::current().is_none());
    guard.close().unwrap();
}

#[test]
fn p04_a_closure_whose_drop_panics_is_contained_also_under_a_handlers_feet() {
    use std::sync::Mutex;
    let bus = Bus::new();
    let victim = Arc::new(Mutex::new(None::<ringbus::Subscription>));
    let held = Arc::clone(&victim);
    // The publisher's table is the last to hold the closure: it is dropped after the dispatch.
    let _first = bus.on("**").unwrap().order(1).subscribe(move |_| drop(held.lock().unwrap().take()));
    let _last = bus.on("**").unwrap().order(-1).subscribe(|_| {});
    let bomb = Bomb(3);
    *victim.lock().unwrap() = Some(bus.subscribe(move |_| _ = &bomb));
    let delivery = quietly(|| publish_event!(bus: &bus, "p04"));
    assert_eq!((delivery.delivered, delivery.failed), (2, 0));

    let bomb = Bomb(1);
    let guard = bus.subscribe(move |_| _ = &bomb);
    assert!(quietly(|| bus.unsubscribe(guard.id())));
    quietly(|| drop(guard));

    struct Armed(#[allow(dead_code)] Bomb);
    impl ringbus::Handler for Armed {
        fn handle(&self, _: &ringbus::Event) -> Result<(), ringbus::BoxError> {
            Ok(())
        }
    }
    let id = bus.subscribe_handler(Arc::new(Armed(Bomb(1)))).unwrap();
    assert!(quietly(|| bus.unsubscribe(id)));

    // A guard that outlives the bus: the closure goes with the bus.
    let bomb = Bomb(1);
    let guard = bus.subscribe(move |_| _ = &bomb);
    quietly(|| drop(bus));
    assert!(!guard.is_active());
}

#[test]
fn p04_an_error_that_cannot_be_displayed_spoils_one_report() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("ordered: no words")
        }
    }
    impl std::error::Error for Unspeakable {}
    let log = Log::default();
    let lines = log.clone();
    let bus = Bus::builder().on_failure(move |failure| lines.add(failure.to_string())).build().unwrap();
    let _guard = bus.try_subscribe(|_| Err(Box::new(Unspeakable)));
    let _other = bus.on("**").unwrap().named("other").subscribe(|_| quietly(|| panic_any(7_u8)));
    assert_eq!(quietly(|| publish_event!(bus: &bus, "p04")).failed, 2);
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("handler other panicked on p04: a panic whose payload is no text"), "{lines:?}");
}

#[test]
fn p04_reports_are_limited_for_each_handler_by_itself_and_tell_what_they_left_out() {
    let (sender, reports) = std::sync::mpsc::channel();
    let bus = Bus::builder()
        .on_failure(move |failure| sender.send((failure.name.unwrap().to_owned(), failure.suppressed)).unwrap())
        .build()
        .unwrap();
    let a = bus.on("p04.both").unwrap().named("a").try_subscribe(|_| Err("ordered".into()));
    let b = bus.on("p04.both").unwrap().named("b").subscribe(|_| quietly(|| panic!("ordered")));
    // One report each at once, the next when a second has passed: with what came between, and nothing told twice.
    let (mut told, mut count) = ([0, 0], [0, 0]);
    while count.iter().any(|count| *count < 3) {
        publish_event!(bus: &bus, "p04.both");
        for (name, suppressed) in reports.try_iter() {
            let (at, guard) = if name == "a" { (0, &a) } else { (1, &b) };
            told[at] += 1 + suppressed;
            count[at] += 1;
            assert_eq!(told[at], guard.info().failed, "{name}, report {}", count[at]);
        }
        assert!(count[0] > 0 && count[1] > 0, "the first failure of each is told of");
    }
}

#[test]
fn p04_what_no_report_has_told_of_is_in_the_subscriptions_counts() {
    let (sender, reports) = std::sync::mpsc::channel();
    let bus = Bus::builder().on_failure(move |failure| sender.send(failure.suppressed).unwrap()).build().unwrap();
    let guard = bus.try_subscribe(|_| Err("ordered".into()));
    let mut told = 0;
    // At least one report after the first, so that something was suppressed and then told; it may end anywhere.
    let (mut count, mut most) = (0, 0);
    while count < 2 {
        publish_event!(bus: &bus, "p04.untold");
        for suppressed in reports.try_iter() {
            told += 1 + suppressed;
            count += 1;
        }
        let info = guard.info();
        assert_eq!(told + info.unreported, info.failed);
        most = most.max(info.unreported);
    }
    assert!(most > 0);
    // Where nobody is there to be told, all of them.
    let silent = Bus::new();
    let guard = silent.subscribe(|_| quietly(|| panic!("ordered")));
    (0..5).for_each(|_| drop(publish_event!(bus: &silent, "p04.untold")));
    assert_eq!((guard.info().failed, guard.info().unreported), (5, 5));
}

#[test]
fn p04_an_argument_that_panics_is_the_publishers_own_and_publishes_nothing() {
    let bus = Bus::new();
    let _guard = bus.subscribe(|_| {});
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("ordered: no words")
        }
    }
    for _ in 0..3 {
        let unwound = std::panic::catch_unwind(|| {
            quietly(|| publish_event!(bus: &bus, "p04.argument", source: "lost", a = 1, b = %Unspeakable))
        });
        assert!(unwound.is_err());
    }
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.failed), (0, 0, 0));
    // Nor is anything left of it in the next event.
    let event = publish_event!(bus: &bus, "p04.argument", c = 2).event.unwrap();
    assert_eq!((event.source(), event.payload().to_string().as_str()), (None, "c=2"));
}

#[test]
fn p04_a_failure_hook_whose_drop_panics_is_contained() {
    let bomb = Bomb(2);
    let bus = Bus::builder().on_failure(move |_| _ = &bomb).build().unwrap();
    quietly(|| drop(bus));
}
