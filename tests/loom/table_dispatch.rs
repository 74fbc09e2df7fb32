//! The table against a dispatch: who subscribed before sees the event, who was removed before does not.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::support::Model;
use crate::support::table::*;

/// A publish that happens after `subscribe` returned reaches the handler.
#[test]
fn subscribing_against_a_dispatch() {
    Model {
        name: "table_dispatch::subscribing_against_a_dispatch",
        promise: "P5",
        preemptions: None,
        outcomes: &["before", "meanwhile, and seen", "after"],
    }
    .check(|| {
        let bus = bus();
        let done = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, done) = (bus.clone(), Arc::clone(&done));
            thread::spawn(move || publish_knowing(&bus, &done))
        };
        let (guard, calls) = count(&bus, 0);
        done.store(true, Ordering::Release);
        let (knew, delivered) = publisher.join().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), delivered as usize);
        drop(guard);
        match (knew, delivered) {
            (true, 1) => "after",
            (false, 1) => "meanwhile, and seen",
            (false, 0) => "before",
            other => panic!("subscribed, and not called: {other:?}"),
        }
    });
}

/// A publish that happens after the guard was dropped does not reach the handler.
#[test]
fn unsubscribing_against_a_dispatch() {
    Model {
        name: "table_dispatch::unsubscribing_against_a_dispatch",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["called before", "gone meanwhile", "gone"],
    }
    .check(|| {
        let bus = bus();
        let (guard, calls) = count(&bus, 0);
        let (_stays, _) = count(&bus, 0);
        let done = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, done) = (bus.clone(), Arc::clone(&done));
            thread::spawn(move || publish_knowing(&bus, &done).0)
        };
        drop(guard);
        done.store(true, Ordering::Release);
        let knew = publisher.join().unwrap();
        match (knew, calls.load(Ordering::Relaxed)) {
            (true, 0) => "gone",
            (false, 0) => "gone meanwhile",
            (false, 1) => "called before",
            other => panic!("called after it was unsubscribed: {other:?}"),
        }
    });
}
