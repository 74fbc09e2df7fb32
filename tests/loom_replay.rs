//! Telling a new subscription of the past: nothing is lost, and nothing comes twice, where the past ends.
#![cfg(ringbus_loom)]

mod loom_support;

use std::sync::{Arc, Mutex};

use loom::thread::{self, ThreadId};
use loom_support::Model;
use ringbus::{Bus, Event, Subscription};

fn bus(history: usize) -> Bus {
    Bus::builder().history(history).shards(1).build().unwrap()
}

/// Publishes the event `n`; how many handlers took it, on this thread.
fn publish(bus: &Bus, n: i64) -> u32 {
    bus.publish(Event::builder("replay.event").field("n", n).build().unwrap()).delivered
}

/// What a handler was told, in order, and on which threads. Not loom's: it must order nothing.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(i64, ThreadId)>>>);

impl Seen {
    /// Subscribes a handler that is told of the past.
    fn subscribe(&self, bus: &Bus) -> Subscription {
        let seen = self.clone();
        bus.on("replay.event").unwrap().replay(10).subscribe(move |event| {
            let n = event.get("n").and_then(|n| n.as_i64()).unwrap();
            seen.0.lock().unwrap().push((n, thread::current().id()));
        })
    }

    fn numbers(&self) -> Vec<i64> {
        self.0.lock().unwrap().iter().map(|(n, _)| *n).collect()
    }

    /// How many of them this thread was told of.
    fn here(&self) -> usize {
        let here = thread::current().id();
        self.0.lock().unwrap().iter().filter(|(_, thread)| *thread == here).count()
    }
}

fn lagged(guard: &Subscription) -> usize {
    usize::try_from(guard.info().lagged).unwrap()
}

/// An event published while somebody subscribes is told once: with the past, out of the inbox, or by its publisher.
#[test]
fn one_event_against_subscribing() {
    Model {
        name: "loom_replay::one_event_against_subscribing",
        promise: "P5: replay",
        preemptions: Some(4),
        outcomes: &["told; its publisher met nobody", "told; its publisher came to it too", "called by its publisher"],
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
        assert_eq!((seen.numbers(), lagged(&guard)), (vec![1], 0), "not once");
        assert_eq!(seen.here() + called as usize, 1);
        match (called, bus.stats().totals.unheard) {
            (1, _) => "called by its publisher",
            (_, 1) => "told; its publisher met nobody",
            _ => "told; its publisher came to it too",
        }
    });
}

/// Of two events none is lost uncounted, none comes twice, and the first one comes first; also where there is room for
/// only one of them to wait, and the history has to serve.
#[test]
fn two_events_against_subscribing() {
    Model {
        name: "loom_replay::two_events_against_subscribing",
        promise: "P3, P5, P8: replay",
        preemptions: Some(4),
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

/// Where the history is overwritten while it is told, what was missed is counted: from the first event that is told on.
#[test]
fn overwriting_against_subscribing() {
    Model {
        name: "loom_replay::overwriting_against_subscribing",
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

/// Once `subscribe` has returned an event comes once, also while the publisher of an earlier one is still on its way.
#[test]
fn a_later_event_against_one_in_flight() {
    Model {
        name: "loom_replay::a_later_event_against_one_in_flight",
        promise: "P5: replay",
        preemptions: Some(4),
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
