//! Replay while the history is overwritten: what was missed is counted.

use loom::thread;

use crate::support::Model;
use crate::support::replay::*;

/// Where the history is overwritten while it is told, what was missed is counted: from the first event that is told on.
#[test]
fn overwriting_against_subscribing() {
    Model {
        name: "replay_overflow::overwriting_against_subscribing",
        promise: "P3, P8: replay",
        preemptions: Some(3),
        outcomes: &["told all", "lagged", "told what was left of the past"],
    }
    .check(|| {
        let bus = bus(1);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || (1..=3).map(|n| publish(&bus, n)).sum::<u32>())
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        publisher.join().unwrap();
        let (numbers, lagged) = (seen.numbers(), lagged(&guard));
        assert!(numbers.is_sorted_by(|a, b| a < b), "twice, or out of order: {numbers:?}");
        // The newest one is never overwritten, and what comes after the first one told is no past.
        let first = *numbers.first().unwrap_or(&3) as usize;
        assert!(numbers.len() + lagged >= 4 - first, "lost: {numbers:?}, {lagged} lagged");
        match lagged {
            0 if first == 1 => "told all",
            0 => "told what was left of the past",
            _ => "lagged",
        }
    });
}

/// Where the past is overwritten behind an event that is told, the hole is counted.
#[test]
fn a_hole_in_the_past_is_counted() {
    Model {
        name: "replay_overflow::a_hole_in_the_past_is_counted",
        promise: "P3, P8: replay",
        preemptions: Some(3),
        outcomes: &["told all", "told what was left of the past", "lagged behind the first one told"],
    }
    .check(|| {
        let bus = bus(2);
        publish(&bus, 1);
        publish(&bus, 2);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || (3..=4).map(|n| publish(&bus, n)).sum::<u32>())
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        publisher.join().unwrap();
        let (numbers, lagged) = (seen.numbers(), lagged(&guard));
        assert!(numbers.is_sorted_by(|a, b| a < b), "twice, or out of order: {numbers:?}");
        let first = *numbers.first().unwrap_or(&4) as usize;
        assert!(numbers.len() + lagged >= 5 - first, "lost: {numbers:?}, {lagged} lagged");
        match lagged {
            0 if first == 1 => "told all",
            0 => "told what was left of the past",
            _ => "lagged behind the first one told",
        }
    });
}
