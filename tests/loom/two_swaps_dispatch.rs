//! Two swaps of the table against a dispatch: no change is lost, and the dispatch sees those that came before it.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::support::Model;
use crate::support::table::*;

/// One thread subscribes, another unsubscribes, a third publishes: the dispatch has what happened
/// before it, and both changes are in the last table.
#[test]
fn subscribing_and_unsubscribing_against_a_dispatch() {
    Model {
        name: "two_swaps_dispatch::subscribing_and_unsubscribing_against_a_dispatch",
        promise: "P5, P6",
        preemptions: Some(2), // three threads at one lock: 3 take minutes
        outcomes: &["knew of neither", "knew of the new one", "knew of the old one's end", "knew of both"],
    }
    .check(|| {
        let bus = bus();
        let (old, old_calls) = count(&bus, 0);
        let (ended, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let ending = {
            let ended = Arc::clone(&ended);
            thread::spawn(move || {
                drop(old);
                ended.store(true, Ordering::Release);
            })
        };
        let publisher = {
            let (bus, ended, begun) = (bus.clone(), Arc::clone(&ended), Arc::clone(&begun));
            thread::spawn(move || {
                let knew = (begun.load(Ordering::Acquire), ended.load(Ordering::Acquire));
                drop(bus.publish(event()));
                knew
            })
        };
        let (_new, new_calls) = count(&bus, 0);
        begun.store(true, Ordering::Release);
        let (knew_new, knew_end) = publisher.join().unwrap();
        ending.join().unwrap();
        let calls = (new_calls.load(Ordering::Relaxed), old_calls.load(Ordering::Relaxed));
        assert!(!knew_new || calls.0 == 1, "subscribed, and not called");
        assert!(!knew_end || calls.1 == 0, "called after it was unsubscribed");
        assert_eq!(bus.publish(event()).delivered, 1, "a change was lost");
        match (knew_new, knew_end) {
            (false, false) => "knew of neither",
            (true, false) => "knew of the new one",
            (false, true) => "knew of the old one's end",
            (true, true) => "knew of both",
        }
    });
}

/// Two threads subscribe by pattern while a third publishes: it reaches those that came before, and none is lost.
#[test]
fn two_subscribing_against_a_dispatch() {
    Model {
        name: "two_swaps_dispatch::two_subscribing_against_a_dispatch",
        promise: "P5",
        preemptions: Some(2), // three threads at one lock: 3 take minutes
        outcomes: &["called neither", "called one", "called both"],
    }
    .check(|| {
        let bus = bus();
        let other = {
            let bus = bus.clone();
            thread::spawn(move || bus.on("table.*").unwrap().subscribe(|_| {}))
        };
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish(event()).delivered)
        };
        let _here = bus.on("table.**").unwrap().subscribe(|_| {});
        let called = publisher.join().unwrap();
        let _there = other.join().unwrap();
        assert_eq!(bus.publish(event()).delivered, 2, "a subscription was lost");
        ["called neither", "called one", "called both"][called as usize]
    });
}
