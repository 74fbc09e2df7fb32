//! P7: handlers may do everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ringbus::{Bus, Outcome, current, publish_event};

use crate::{Log, n};

#[test]
fn p07_nested_publishes_are_dispatched_at_once_depth_first() {
    let bus = Bus::new();
    let log = Log::default();
    let outer = log.clone();
    let _outer = bus.on("p07").unwrap().order(1).subscribe(move |event| {
        outer.add(format!("outer {} begins", n(event)));
        if n(event) < 2 {
            publish_event!(bus: &current().unwrap(), "p07", n = n(event) + 1);
        }
        outer.add(format!("outer {} ends", n(event)));
    });
    let inner = log.clone();
    let _inner = bus.on("p07").unwrap().subscribe(move |event| inner.add(format!("second {}", n(event))));
    publish_event!(bus: &bus, "p07", n = 1);
    assert_eq!(
        log.take(),
        ["outer 1 begins", "outer 2 begins", "outer 2 ends", "second 2", "outer 1 ends", "second 1"]
    );
}

#[test]
fn p07_beyond_the_depth_limit_an_event_is_recorded_not_dispatched_and_counted() {
    let (one, other) = (Bus::builder().depth_limit(5).build().unwrap(), Bus::builder().depth_limit(5).build().unwrap());
    let outcomes = Log::default();
    // Each hands on to the other: depth counts over both.
    let relay = |from: &Bus, to: &Bus| {
        let (to, outcomes) = (to.downgrade(), outcomes.clone());
        from.subscribe(move |event| {
            let delivery = publish_event!(bus: &to.upgrade().unwrap(), "p07.deep", n = n(event) + 1);
            outcomes.add(format!("{:?} {}", delivery.outcome, delivery.delivered));
        })
    };
    let _guards = (relay(&one, &other), relay(&other, &one));
    let delivery = publish_event!(bus: &one, "p07.deep", n = 1);
    assert_eq!((delivery.outcome, delivery.delivered), (Outcome::Published, 1));
    assert_eq!(outcomes.take(), ["TooDeep 0", "Published 1", "Published 1", "Published 1", "Published 1"]);
    let (one, other) = (one.stats().totals, other.stats().totals);
    assert_eq!((one.published, other.published), (3, 3), "all six are recorded");
    assert_eq!((one.delivered + other.delivered, one.depth_stops + other.depth_stops), (5, 1));
}

#[test]
fn p07_handlers_may_use_the_whole_bus() {
    let bus = Bus::new();
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let _guard = bus.on("p07.all").unwrap().try_subscribe(move |_| {
        let bus = current().ok_or("no bus")?;
        let guard = bus.on("p07.other")?.subscribe(|_| {});
        assert_eq!(publish_event!(bus: &bus, "p07.other").delivered, 1);
        drop(guard);
        assert_eq!(publish_event!(bus: &bus, "p07.other").delivered, 0);
        assert_eq!(bus.recent(2)[0].kind(), "p07.other");
        assert!(bus.stats().enabled);
        bus.disable();
        assert_eq!(publish_event!(bus: &bus, "p07.other").outcome, Outcome::Disabled);
        bus.enable();
        bus.reset();
        assert!(bus.recent(10).is_empty());
        assert_eq!(bus.subscriptions().len(), 1);
        bus.on("p07.stays")?.subscribe(|_| {}).detach();
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(publish_event!(bus: &bus, "p07.all").delivered, 1);
    assert_eq!((calls.load(Ordering::Relaxed), bus.subscriber_count("p07.stays")), (1, 1));
    assert_eq!(bus.stats().totals.delivered, 1, "the reset came before the end of this call");
}
