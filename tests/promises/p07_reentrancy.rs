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

/// A handler that answers every event with another: as deep as allowed, then one more that is only recorded.
#[test]
fn p07_each_bus_has_a_limit_and_all_count_the_same_depth() {
    for limit in [1, 2, 16, 64] {
        let bus = Bus::builder().depth_limit(limit).build().unwrap();
        let _endless = bus.subscribe(|event| {
            publish_event!(bus: &current().unwrap(), "p07.endless", n = n(event) + 1);
        });
        for round in 1..=3 {
            assert_eq!(publish_event!(bus: &bus, "p07.endless", n = 1).outcome, Outcome::Published);
            let (limit, totals) = (limit as u64, bus.stats().totals);
            assert_eq!(totals.delivered, round * limit, "limit {limit}");
            assert_eq!((totals.published, totals.depth_stops), (round * (limit + 1), round), "limit {limit}");
        }
        assert_eq!(n(&bus.recent(1)[0]), limit as i64 + 1, "recorded, though not dispatched");
    }
    // A shallow bus reached from a deep one counts the deep one's levels.
    let (deep, shallow) =
        (Bus::builder().depth_limit(8).build().unwrap(), Bus::builder().depth_limit(3).build().unwrap());
    let _heard = shallow.subscribe(|_| {});
    let reached = Log::default();
    let _guard = {
        let (shallow, reached) = (shallow.downgrade(), reached.clone());
        deep.subscribe(move |event| {
            reached.add(format!("{:?}", publish_event!(bus: &shallow.upgrade().unwrap(), "p07.shallow").outcome));
            if n(event) < 3 {
                publish_event!(bus: &current().unwrap(), "p07.deep", n = n(event) + 1);
            }
        })
    };
    publish_event!(bus: &deep, "p07.deep", n = 1);
    assert_eq!(reached.take(), ["Published", "Published", "TooDeep"]);
    assert_eq!((deep.stats().totals.depth_stops, shallow.stats().totals.depth_stops), (0, 1));
}

#[test]
fn p07_depth_is_each_threads_own() {
    let bus = Bus::builder().depth_limit(1).build().unwrap();
    let weak = bus.downgrade();
    let _guard = bus.on("p07.outer").unwrap().subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        assert_eq!(publish_event!(bus: &bus, "p07.inner").outcome, Outcome::TooDeep);
        let other = std::thread::spawn(move || publish_event!(bus: &bus, "p07.inner").outcome);
        assert_eq!(other.join().unwrap(), Outcome::Published);
    });
    assert_eq!(publish_event!(bus: &bus, "p07.outer").delivered, 1);
}

#[test]
fn p07_a_handler_that_disables_the_bus_lets_the_dispatch_go_on() {
    let bus = Bus::new();
    let log = Log::default();
    let _off = bus.on("**").unwrap().order(1).subscribe(|_| current().unwrap().disable());
    let later = log.clone();
    let _later = bus.subscribe(move |_| {
        later.add("later");
        current().unwrap().reset();
    });
    assert_eq!(publish_event!(bus: &bus, "p07").delivered, 2);
    assert_eq!(publish_event!(bus: &bus, "p07").outcome, Outcome::Disabled);
    assert_eq!((log.take().len(), bus.recent(1).len(), bus.stats().totals.published), (1, 0, 0));
}

#[test]
fn p07_handlers_on_many_threads_change_the_bus_at_once() {
    let bus = Bus::builder().history(50).build().unwrap();
    let _changes = bus.on("p07.change").unwrap().try_subscribe(|event| {
        let bus = current().ok_or("no bus")?;
        let guard = bus.on(["p07.nested", "p07.*.x"])?.order(n(event) as i32).subscribe(|_| {});
        if publish_event!(bus: &bus, "p07.nested").delivered == 0 {
            return Err("the nested event did not reach its handler".into());
        }
        drop(guard);
        drop((bus.recent(5), bus.stats(), bus.kinds()));
        Ok(())
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..300).for_each(|n| drop(publish_event!(bus: &bus, "p07.change", n))));
        }
    });
    let stats = bus.stats();
    assert_eq!((stats.handlers, stats.totals.failed, stats.totals.published), (1, 0, 4 * 300 * 2));
}
