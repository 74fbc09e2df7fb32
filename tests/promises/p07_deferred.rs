//! P7: nested events that wait for the dispatch under way.

use std::sync::Arc;

use ringbus::{Bus, Outcome, Reentrancy, current, publish_event};

use crate::{Log, n, recorded};

fn deferred() -> ringbus::BusBuilder {
    Bus::builder().reentrancy(Reentrancy::Deferred)
}

#[test]
fn p07_deferred_events_come_in_the_order_of_publishing_at_every_handler() {
    let bus = deferred().build().unwrap();
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let _first = bus.on("p07").unwrap().order(1).subscribe(move |event| {
        first.add(format!("first {}", n(event)));
        // A tree: 1 has 2 and 3, 2 has 4 and 5, 3 has 6 and 7.
        for child in [2 * n(event), 2 * n(event) + 1].into_iter().filter(|child| *child < 8) {
            let delivery = publish_event!(bus: &current().unwrap(), "p07", n = child);
            assert_eq!((delivery.outcome, delivery.delivered), (Outcome::Queued, 0));
        }
    });
    let _second = bus.on("p07").unwrap().subscribe(move |event| second.add(format!("second {}", n(event))));
    assert_eq!(publish_event!(bus: &bus, "p07", n = 1).delivered, 2);
    let expected: Vec<_> = (1..8).flat_map(|n| [format!("first {n}"), format!("second {n}")]).collect();
    assert_eq!(log.take(), expected);
    assert_eq!(recorded(&bus), [1, 2, 3, 4, 5, 6, 7]);
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.deferred, totals.deferred_drops), (7, 14, 6, 0));
}

#[test]
fn p07_the_depth_limit_ends_a_chain_that_would_not_end() {
    let bus = deferred().depth_limit(5).build().unwrap();
    let _endless = bus.on("p07").unwrap().subscribe(|event| {
        publish_event!(bus: &current().unwrap(), "p07", n = n(event) + 1);
    });
    publish_event!(bus: &bus, "p07", n = 1);
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.depth_stops), (6, 5, 1));
    assert_eq!(publish_event!(bus: &bus, "p07", n = 1).outcome, Outcome::Published, "the thread is at its top again");
}

#[test]
fn p07_what_may_wait_is_bounded_and_counted() {
    let bus = deferred().deferred_limit(2).build().unwrap();
    let log = Log::default();
    let outcomes = log.clone();
    let _many = bus.on("p07.outer").unwrap().subscribe(move |_| {
        for n in 0..4 {
            outcomes.add(publish_event!(bus: &current().unwrap(), "p07.inner", n).outcome.to_string());
        }
    });
    let inner = bus.on("p07.inner").unwrap().subscribe(|_| {});
    publish_event!(bus: &bus, "p07.outer");
    assert_eq!(log.take(), ["queued", "queued", "queue full", "queue full"]);
    let totals = bus.stats().totals;
    assert_eq!((inner.info().delivered, totals.published, totals.deferred_drops), (2, 5, 2));
}

#[test]
fn p07_two_buses_wait_for_the_outermost_dispatch_and_the_other_kind_does_not() {
    let (late, now) = (deferred().build().unwrap(), Bus::new());
    let log = Log::default();
    let (seen_late, seen_now) = (log.clone(), log.clone());
    let (weak_late, weak_now) = (late.downgrade(), now.downgrade());
    let _late = late.subscribe(move |event| {
        seen_late.add(format!("late {} begins", n(event)));
        if n(event) < 3 {
            publish_event!(bus: &weak_now.upgrade().unwrap(), "p07", n = n(event) + 1);
        }
        seen_late.add(format!("late {} ends", n(event)));
    });
    let _now = now.subscribe(move |event| {
        seen_now.add(format!("now {} begins", n(event)));
        publish_event!(bus: &weak_late.upgrade().unwrap(), "p07", n = n(event) + 1);
        seen_now.add(format!("now {} ends", n(event)));
    });
    publish_event!(bus: &now, "p07", n = 0);
    let expected = [
        "now 0 begins",
        "now 0 ends",
        "late 1 begins",
        "now 2 begins",
        "now 2 ends",
        "late 1 ends",
        "late 3 begins",
        "late 3 ends",
    ];
    assert_eq!(log.take(), expected);
}

/// What publishes when it is dropped.
struct Publishes(Bus, &'static str);

impl Drop for Publishes {
    fn drop(&mut self) {
        publish_event!(bus: &self.0, kind: self.1, n = 1);
    }
}

#[test]
fn p07_what_a_closure_publishes_when_it_is_dropped_waits_for_nobody() {
    let (bus, other) = (deferred().build().unwrap(), deferred().build().unwrap());
    let log = Log::default();
    let seen = log.clone();
    let _seen = other.subscribe(move |event| seen.add(event.kind().to_string()));
    let last_words = Publishes(other.clone(), "p07.closed");
    bus.subscribe(move |_| _ = &last_words).close().unwrap();
    assert_eq!(log.take(), ["p07.closed"], "no dispatch was under way");
}

#[test]
fn p07_a_chain_that_a_drop_begins_on_a_new_thread_is_as_long_as_any() {
    let bus = deferred().depth_limit(5).build().unwrap();
    let _endless = bus.on("p07").unwrap().subscribe(|event| {
        publish_event!(bus: &current().unwrap(), "p07", n = n(event) + 1);
    });
    let cargo = Publishes(bus.clone(), "p07");
    let guard = Bus::new().subscribe(move |_| _ = &cargo);
    std::thread::spawn(move || drop(guard)).join().unwrap();
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.depth_stops), (6, 5, 1));
}

#[test]
fn p07_a_deferred_event_keeps_its_bus_and_is_dispatched_though_the_bus_was_let_go() {
    let (outer, inner) = (Bus::new(), deferred().build().unwrap());
    let log = Log::default();
    let seen = log.clone();
    inner.subscribe(move |_| seen.add("inner")).detach();
    let weak = inner.downgrade();
    let inner = std::sync::Mutex::new(Some(inner));
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let _outer = outer.subscribe(move |_| {
        let _held = &held;
        let inner = inner.lock().unwrap().take().unwrap();
        assert_eq!(publish_event!(bus: &inner, "p07", n = 1).outcome, Outcome::Queued);
    });
    publish_event!(bus: &outer, "p07", n = 0);
    assert_eq!((log.take(), weak.upgrade().is_none()), (vec!["inner".to_owned()], true));
}

#[test]
fn p07_handlers_of_deferred_events_may_do_everything() {
    let bus = deferred().build().unwrap();
    let late = bus.on("p07.later").unwrap().subscribe(|_| {
        let bus = current().unwrap();
        bus.disable();
        bus.enable();
        bus.reset();
        assert_eq!((bus.recent(10).len(), bus.subscriptions().len()), (0, 2));
        drop(bus.subscribe(|_| {}));
    });
    let _outer =
        bus.on("p07.outer").unwrap().subscribe(|_| drop(publish_event!(bus: &current().unwrap(), "p07.later")));
    publish_event!(bus: &bus, "p07.outer");
    assert_eq!((late.info().delivered, bus.stats().totals.published, bus.stats().totals.delivered), (1, 0, 1));
}
