//! Nested events that wait: dispatched after the event that they came from, once, on the same thread, if their
//! subscription still stands then.

use std::sync::{Arc, Mutex};

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::{Bus, Event, Outcome, Reentrancy, Subscription};

use crate::support::Model;

fn event(kind: &'static str, n: i64) -> Event {
    Event::builder(kind).field("n", n).build().unwrap()
}

fn number(event: &Event) -> i64 {
    event.get("n").and_then(|n| n.as_i64()).unwrap()
}

/// A bus whose handler of `outer` publishes `inner` with the same number, and what its handlers have done, in order.
struct Nested {
    bus: Bus,
    /// Not loom's: it must order nothing.
    log: Arc<Mutex<Vec<(&'static str, i64)>>>,
    _outer: Subscription,
}

impl Nested {
    fn new() -> Self {
        let bus = Bus::builder().history(0).shards(1).reentrancy(Reentrancy::Deferred).build().unwrap();
        let log = Arc::<Mutex<Vec<_>>>::default();
        let outer = {
            let (weak, log) = (bus.downgrade(), Arc::clone(&log));
            bus.on("outer").unwrap().subscribe(move |event_| {
                let n = number(event_);
                log.lock().unwrap().push(("begins", n));
                let bus = weak.upgrade().unwrap();
                assert_eq!(bus.publish(event("inner", n)).outcome, Outcome::Queued);
                log.lock().unwrap().push(("ends", n));
            })
        };
        Self { bus, log, _outer: outer }
    }

    /// Subscribes to what waits.
    fn inner(&self) -> Subscription {
        let log = Arc::clone(&self.log);
        self.bus.on("inner").unwrap().subscribe(move |event| log.lock().unwrap().push(("inner", number(event))))
    }

    /// What came of the event `n`, in order.
    fn of(&self, n: i64) -> Vec<&'static str> {
        self.log.lock().unwrap().iter().filter(|(_, of)| *of == n).map(|(what, _)| *what).collect()
    }
}

/// Two threads at once: each works off what its own handlers have published, after the outer event, and nothing else.
#[test]
fn two_threads_each_with_its_own() {
    Model {
        name: "deferred::two_threads_each_with_its_own",
        promise: "P7: deferred",
        preemptions: None,
        outcomes: &["one after the other", "in between"],
    }
    .check(|| {
        let nested = Nested::new();
        let _inner = nested.inner();
        let there = {
            let bus = nested.bus.clone();
            thread::spawn(move || drop(bus.publish(event("outer", 2))))
        };
        nested.bus.publish(event("outer", 1));
        assert_eq!(nested.of(1), ["begins", "ends", "inner"], "when its publish returns, all that waited is done");
        there.join().unwrap();
        assert_eq!(nested.of(2), ["begins", "ends", "inner"]);
        let order: Vec<i64> = nested.log.lock().unwrap().iter().map(|(_, n)| *n).collect();
        if order.is_sorted() || order.iter().rev().is_sorted() { "one after the other" } else { "in between" }
    });
}

/// The subscription to what waits is ended by another thread: the event comes once, after the outer one, or not at all;
/// not at all where that was done before.
#[test]
fn unsubscribing_what_is_waited_for() {
    Model {
        name: "deferred::unsubscribing_what_is_waited_for",
        promise: "P5, P6, P7: deferred",
        preemptions: Some(3),
        outcomes: &["came", "ended meanwhile", "ended before"],
    }
    .check(|| {
        let nested = Nested::new();
        let inner = nested.inner();
        let done = loom::sync::Arc::new(AtomicBool::new(false));
        let there = {
            let (bus, done) = (nested.bus.clone(), done.clone());
            thread::spawn(move || {
                let knew = done.load(Ordering::Acquire);
                drop(bus.publish(event("outer", 1)));
                knew
            })
        };
        drop(inner);
        done.store(true, Ordering::Release);
        let knew = there.join().unwrap();
        match (knew, &nested.of(1)[..]) {
            (true, ["begins", "ends"]) => "ended before",
            (false, ["begins", "ends"]) => "ended meanwhile",
            (false, ["begins", "ends", "inner"]) => "came",
            other => panic!("early, twice, or after it was unsubscribed: {other:?}"),
        }
    });
}

/// Somebody subscribes while an event waits: it is for all who are subscribed when it is dispatched.
#[test]
fn subscribing_to_what_waits() {
    Model {
        name: "deferred::subscribing_to_what_waits",
        promise: "P5, P7: deferred",
        preemptions: None,
        outcomes: &["in time", "too late"],
    }
    .check(|| {
        let nested = Nested::new();
        let there = {
            let bus = nested.bus.clone();
            thread::spawn(move || drop(bus.publish(event("outer", 1))))
        };
        let inner = nested.inner();
        there.join().unwrap();
        drop(inner);
        match nested.of(1)[..] {
            ["begins", "ends", "inner"] => "in time",
            ["begins", "ends"] => "too late",
            ref other => panic!("early or twice: {other:?}"),
        }
    });
}
