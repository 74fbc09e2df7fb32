//! Statistics that are read while publishers count and others reset: nothing runs below zero or backwards, and what is
//! said to count from the same reset does.
//!
//! The counters themselves are the platform's atomics in every build, and order nothing; loom sees the history's part
//! (base and head), the locks, and the order of the steps.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Tickets;
use ringbus::{Bus, Event};

use crate::support::Model;

/// Keeps nothing, is heard, and counts: the fewest steps.
fn bus() -> Bus {
    let bus = Bus::builder().history(0).shards(1).build().unwrap();
    bus.on("stats.event").unwrap().subscribe(|_| {}).detach();
    bus
}

fn publish(bus: &Bus) {
    bus.publish(Event::builder("stats.event").build().unwrap());
}

/// Without the lock under which statistics are read: base and head alone keep the count from running below zero.
#[test]
fn a_count_against_a_ticket_and_a_reset() {
    Model {
        name: "counters_readers::a_count_against_a_ticket_and_a_reset",
        promise: "P8: the base never passes a head that is read after it",
        preemptions: None,
        outcomes: &["none", "one"],
    }
    .check(|| {
        let tickets = Arc::new(Tickets::new());
        let publisher = {
            let tickets = Arc::clone(&tickets);
            thread::spawn(move || tickets.record())
        };
        let resetter = {
            let tickets = Arc::clone(&tickets);
            thread::spawn(move || tickets.reset())
        };
        let counted = tickets.counted();
        assert!(counted <= 1, "below zero: {counted}");
        publisher.join().unwrap();
        resetter.join().unwrap();
        assert!(tickets.counted() <= 1);
        if counted == 0 { "none" } else { "one" }
    });
}

/// A reader that knows neither of the publisher nor of the reset.
#[test]
fn a_reading_against_a_publish_and_a_reset() {
    Model {
        name: "counters_readers::a_reading_against_a_publish_and_a_reset",
        promise: "P8: the base of the counts never passes them",
        preemptions: Some(3),
        outcomes: &["counted", "not yet", "no more", "not yet, and then no more"],
    }
    .check(|| {
        let bus = bus();
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus))
        };
        let resetter = {
            let bus = bus.clone();
            thread::spawn(move || bus.reset())
        };
        let stats = bus.stats();
        let (published, delivered) = (stats.totals.published, stats.totals.delivered);
        assert!(published <= 1 && delivered <= 1, "of one event: {stats}");
        publisher.join().unwrap();
        resetter.join().unwrap();
        let after = bus.stats();
        assert!(after.totals.published <= 1 && after.resets == 1, "{after}");
        match (published, after.totals.published) {
            (1, 1) => "counted",
            (0, 1) => "not yet",
            (1, 0) => "no more",
            _ => "not yet, and then no more",
        }
    });
}

/// Two looks while two events are published: no count goes back, and the difference is what was counted between them.
#[test]
fn two_looks_against_publishes() {
    Model {
        name: "counters_readers::two_looks_against_publishes",
        promise: "P8: `Stats::since`",
        preemptions: None,
        outcomes: &["none between", "one between", "two between"],
    }
    .check(|| {
        let bus = bus();
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || (0..2).for_each(|_| publish(&bus)))
        };
        let (first, second) = (bus.stats(), bus.stats());
        publisher.join().unwrap();
        let last = bus.stats();
        let between = second.since(&first).unwrap().totals.published;
        let rest = last.since(&second).unwrap().totals;
        assert_eq!(first.totals.published + between + rest.published, 2, "a count went back or was lost");
        let delivered = [&first, &second, &last].map(|stats| stats.totals.delivered);
        assert!(delivered.is_sorted() && delivered[2] == 2, "{delivered:?}");
        ["none between", "one between", "two between"][between as usize]
    });
}

/// A look against a reset: the totals count from the reset that they name, so two looks that name the same one can be
/// compared.
#[test]
fn a_look_against_a_reset() {
    Model {
        name: "counters_readers::a_look_against_a_reset",
        promise: "P8: totals count from the reset that they name",
        preemptions: None,
        outcomes: &["before the reset", "after the reset"],
    }
    .check(|| {
        let bus = bus();
        publish(&bus);
        let resetter = {
            let bus = bus.clone();
            thread::spawn(move || bus.reset())
        };
        let meanwhile = bus.stats();
        resetter.join().unwrap();
        let counts = (meanwhile.totals.published, meanwhile.totals.delivered);
        publish(&bus);
        let later = bus.stats();
        match meanwhile.resets {
            0 => {
                assert_eq!(counts, (1, 1), "some of it counts from the reset that comes");
                assert!(later.since(&meanwhile).is_err());
                "before the reset"
            }
            _ => {
                assert_eq!(counts, (0, 0), "some of it counts from before the reset");
                assert_eq!(later.since(&meanwhile).unwrap().totals.published, 1);
                "after the reset"
            }
        }
    });
}
