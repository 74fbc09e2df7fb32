//! The seam between record and table: a publisher records and then looks for subscribers, a subscriber enters the table
//! and then looks for records. One of the two finds the other (store buffering), whoever comes first.

use loom::thread;

use crate::support::Model;
use crate::support::replay::*;

/// One event, one subscriber: it is told, or called by the publisher.
#[test]
fn a_subscriber_against_a_publisher() {
    Model {
        name: "seam::a_subscriber_against_a_publisher",
        promise: "P5: replay misses nothing",
        preemptions: Some(3),
        outcomes: &["told", "told; its publisher came to it too", "called by its publisher"],
    }
    .check(|| {
        let bus = bus(1);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, 1))
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let called = publisher.join().unwrap();
        assert_eq!((seen.numbers(), lagged(&guard)), (vec![1], 0), "missed, or twice");
        match (called, bus.stats().totals.unheard) {
            (1, _) => "called by its publisher",
            (_, 1) => "told",
            _ => "told; its publisher came to it too",
        }
    });
}

/// Two subscribers on two threads: neither misses it, whatever the other one finds.
#[test]
fn two_subscribers_against_a_publisher() {
    Model {
        name: "seam::two_subscribers_against_a_publisher",
        promise: "P5: replay misses nothing",
        preemptions: Some(1), // three threads: 2 take a minute
        outcomes: &["called neither", "called one", "called both"],
    }
    .check(|| {
        let bus = bus(1);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, 1))
        };
        let other = {
            let bus = bus.clone();
            thread::spawn(move || {
                let seen = Seen::default();
                (seen.subscribe(&bus), seen)
            })
        };
        let seen = Seen::default();
        let _here = seen.subscribe(&bus);
        let called = publisher.join().unwrap();
        let (_there, there) = other.join().unwrap();
        assert_eq!([seen.numbers(), there.numbers()], [[1], [1]], "missed, or twice");
        ["called neither", "called one", "called both"][called as usize]
    });
}
