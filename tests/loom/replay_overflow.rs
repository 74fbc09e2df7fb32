//! Replay while the history is overwritten: what was missed is counted.

use loom::thread;

use crate::support::Model;
use crate::support::replay::*;

const TOLD: [&str; 3] = ["told all", "told what was left of the past", "lagged"];

/// Subscribes to a history of `history` events, `past` of them there already, while others are published, up to `last`.
fn overwriting(history: usize, past: i64, last: i64) -> &'static str {
    let bus = bus(history);
    for n in 1..=past {
        publish(&bus, n);
    }
    let publisher = {
        let bus = bus.clone();
        thread::spawn(move || (past + 1..=last).map(|n| publish(&bus, n)).sum::<u32>())
    };
    let seen = Seen::default();
    let guard = seen.subscribe(&bus);
    publisher.join().unwrap();
    let (numbers, lagged) = (seen.numbers(), lagged(&guard));
    assert!(numbers.is_sorted_by(|a, b| a < b), "twice, or out of order: {numbers:?}");
    // The newest one is never overwritten, and what comes after the first one told is no past.
    let first = *numbers.first().unwrap_or(&last);
    assert!((numbers.len() + lagged) as i64 > last - first, "lost: {numbers:?}, {lagged} lagged");
    let [all, left, lags] = TOLD;
    match lagged {
        0 if first == 1 => all,
        0 => left,
        _ => lags,
    }
}

/// Where the history is overwritten while it is told, what was missed is counted: from the first event that is told on.
#[test]
fn overwriting_against_subscribing() {
    Model {
        name: "replay_overflow::overwriting_against_subscribing",
        promise: "P3, P8: replay",
        preemptions: Some(3),
        outcomes: &TOLD,
    }
    .check(|| overwriting(1, 0, 3));
}

/// Where the past is overwritten behind an event that is told, the hole is counted.
#[test]
fn a_hole_in_the_past_is_counted() {
    Model {
        name: "replay_overflow::a_hole_in_the_past_is_counted",
        promise: "P3, P8: replay",
        preemptions: Some(2), // three events: 3 take minutes
        outcomes: &TOLD,
    }
    .check(|| overwriting(2, 2, 4));
}
