//! A handler that is called once, and chooses by a filter: what the filter refuses uses up no call.

use loom::thread;
use ringbus::{Bus, Event, Subscription};

use crate::support::Model;
use crate::support::control::{bus, on};

fn publish(bus: &Bus, n: i64) -> u32 {
    bus.publish(Event::builder("control.event").field("n", n).build().unwrap()).delivered
}

fn publisher(bus: &Bus, n: i64) -> thread::JoinHandle<u32> {
    let bus = bus.clone();
    thread::spawn(move || publish(&bus, n))
}

/// A handler that wants even numbers, once.
fn once(bus: &Bus) -> Subscription {
    let even = |event: &Event| event.get("n").and_then(|n| n.as_i64()).is_some_and(|n| n % 2 == 0);
    on(bus).once().filter(even).subscribe(move |event| assert!(even(event), "called with what its filter refused"))
}

/// Two threads publish what is wanted: exactly one of them calls, and the other's event counts as skipped, or finds
/// nobody.
#[test]
fn two_wanted_events() {
    Model {
        name: "once::two_wanted_events",
        promise: "P8: a limit is exact",
        preemptions: Some(3),
        outcomes: &["called here", "called there"],
    }
    .check(|| {
        let bus = bus();
        let guard = once(&bus);
        let there = publisher(&bus, 2);
        let here = publish(&bus, 4);
        let there = there.join().unwrap();
        assert!(bus.subscriptions().is_empty() && !guard.is_active(), "spent, and still in the list");
        let info = guard.info();
        assert_eq!(info.delivered, 1);
        assert_eq!(publish(&bus, 6), 0, "called again");
        match (here, there) {
            (1, 0) => "called here",
            (0, 1) => "called there",
            other => panic!("not one call: {other:?}"),
        }
    });
}

/// One thread publishes what the filter refuses, the other what it wants: that one calls, in whatever order they come.
#[test]
fn a_wanted_event_against_an_unwanted_one() {
    Model {
        name: "once::a_wanted_event_against_an_unwanted_one",
        promise: "P8: a limit is exact, what a filter refuses uses up none of it",
        preemptions: Some(3),
        outcomes: &["the unwanted one was looked at", "the unwanted one came too late"],
    }
    .check(|| {
        let bus = bus();
        let guard = once(&bus);
        let there = publisher(&bus, 1);
        assert_eq!(publish(&bus, 2), 1, "wanted, and not called");
        assert_eq!(there.join().unwrap(), 0);
        assert!(bus.subscriptions().is_empty(), "spent, and still in the list");
        let info = guard.info();
        match (info.delivered, info.skipped) {
            (1, 1) => "the unwanted one was looked at",
            (1, 0) => "the unwanted one came too late",
            other => panic!("delivered, skipped: {other:?}"),
        }
    });
}

/// Two subscriptions are used up on two threads at the same time: whoever tidies up finds both, or the other one tidies
/// up too.
#[test]
fn two_spent_at_once() {
    Model {
        name: "once::two_spent_at_once",
        promise: "P9: a spent subscription does not stay",
        preemptions: Some(3),
        outcomes: &["none left"],
    }
    .check(|| {
        let bus = bus();
        let _first = bus.on("first").unwrap().once().subscribe(|_| {});
        let _second = bus.on("second").unwrap().once().subscribe(|_| {});
        let there = {
            let bus = bus.clone();
            thread::spawn(move || drop(bus.publish(Event::builder("first").build().unwrap())))
        };
        bus.publish(Event::builder("second").build().unwrap());
        there.join().unwrap();
        assert!(bus.subscriptions().is_empty(), "spent, and still in the list");
        "none left"
    });
}
