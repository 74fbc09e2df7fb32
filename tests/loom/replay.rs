//! Telling a new subscription of the past: nothing is lost, and nothing comes twice, where the past ends.

use loom::thread;

use crate::support::Model;
use crate::support::replay::*;

/// Of two events none is lost uncounted, none comes twice, and the first one comes first; also where there is room for
/// only one of them to wait, and the history has to serve.
#[test]
fn two_events_against_subscribing() {
    Model {
        name: "replay::two_events_against_subscribing",
        promise: "P3, P5, P8: replay",
        preemptions: Some(3),
        outcomes: &["told both", "told one, called for the other", "called for both", "lagged"],
    }
    .check(|| {
        let bus = bus(2);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, 1) + publish(&bus, 2))
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let here = seen.here();
        let called = publisher.join().unwrap();
        let numbers = seen.numbers();
        assert!(numbers.is_sorted_by(|a, b| a < b), "twice, or out of order: {numbers:?}");
        assert!(numbers.len() + lagged(&guard) >= 2, "lost: {numbers:?}, {} lagged", lagged(&guard));
        assert_eq!(here + called as usize, numbers.len(), "told after `subscribe` returned");
        match (here, called) {
            _ if numbers.len() < 2 => "lagged",
            (2, _) => "told both",
            (1, _) => "told one, called for the other",
            _ => "called for both",
        }
    });
}

/// Once `subscribe` has returned an event comes once, also while the publisher of an earlier one is still on its way.
#[test]
fn a_later_event_against_one_in_flight() {
    Model {
        name: "replay::a_later_event_against_one_in_flight",
        promise: "P5: replay",
        preemptions: Some(3),
        outcomes: &["the earlier one told", "the earlier one called for by its publisher"],
    }
    .check(|| {
        let bus = bus(2);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, 1))
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        assert_eq!(publish(&bus, 2), 1, "subscribed, and not called");
        let called = publisher.join().unwrap();
        let mut numbers = seen.numbers();
        numbers.sort_unstable();
        assert_eq!((numbers, lagged(&guard)), (vec![1, 2], 0), "not once");
        if called == 1 { "the earlier one called for by its publisher" } else { "the earlier one told" }
    });
}
