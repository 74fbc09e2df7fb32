//! Where the past turns into the present: in order, once, and not beyond the end of a subscription that ends meanwhile.

use loom::thread;

use crate::support::Model;
use crate::support::replay::*;

/// One event is past, another comes while it is told: the past comes first, then the other one, by whomever.
#[test]
fn turning_live_against_a_publish() {
    Model {
        name: "replay_live::turning_live_against_a_publish",
        promise: "P3, P5: replay",
        preemptions: Some(3),
        outcomes: &["told both", "told the past, called for the other"],
    }
    .check(|| {
        let bus = bus(2);
        publish(&bus, 1);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, 2))
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let called = publisher.join().unwrap();
        assert_eq!((seen.numbers(), lagged(&guard)), (vec![1, 2], 0), "not once, or out of order");
        if called == 0 { "told both" } else { "told the past, called for the other" }
    });
}

/// Two publishers' events while it turns live, one of them long on its way: each comes once.
#[test]
fn turning_live_against_two_publishers() {
    Model {
        name: "replay_live::turning_live_against_two_publishers",
        promise: "P5, P8: replay",
        preemptions: Some(1), // three threads: 2 take minutes; with 1 it is never told both
        outcomes: &["told one, called for the other", "called for both"],
    }
    .check(|| {
        let bus = bus(2);
        let publishers = [1, 2].map(|n| {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus, n))
        });
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let called: u32 = publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum();
        let mut numbers = seen.numbers();
        numbers.sort_unstable();
        assert!(numbers.is_sorted_by(|a, b| a < b), "twice: {numbers:?}");
        assert_eq!(numbers.len() + lagged(&guard), 2, "lost, or counted twice: {numbers:?}");
        ["told both", "told one, called for the other", "called for both"][called as usize]
    });
}

/// Somebody unsubscribes it while it is told of two events, and then publishes: it is told from the first one on, up to
/// some place, and of nothing that was published after it had ended.
#[test]
fn unsubscribing_what_is_told() {
    Model {
        name: "replay_live::unsubscribing_what_is_told",
        promise: "P6: replay",
        preemptions: Some(3),
        outcomes: &["told nothing", "told one", "told both", "unsubscribed too early"],
    }
    .check(|| {
        let bus = bus(2);
        publish(&bus, 1);
        publish(&bus, 2);
        let other = {
            let bus = bus.clone();
            thread::spawn(move || {
                let ended = bus.unsubscribe_all();
                (ended, publish(&bus, 3))
            })
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let (ended, called) = other.join().unwrap();
        let numbers = seen.numbers();
        assert_eq!((guard.is_active(), lagged(&guard)), (ended == 0, 0));
        match (ended, &numbers[..]) {
            (1, []) => "told nothing",
            (1, [1]) => "told one",
            (1, [1, 2]) => "told both",
            (0, [1, 2, 3]) | (0, [2, 3]) if called <= 1 => "unsubscribed too early",
            other => panic!("out of order, or told after the end: {other:?}, {called} called"),
        }
    });
}
