//! The public `close` against publishers, through the bus: table, rows and closure together.

use loom::thread;

use crate::support::Model;
use crate::support::ending::*;

/// After `close` nothing is called any more, and the closure has been dropped; a call that was under way has ended.
#[test]
fn close_against_a_publish() {
    Model {
        name: "close_subscription::close_against_a_publish",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let guard = life.subscribe(&bus, "closed");
        let there = publisher(&bus, "closed");
        guard.close().unwrap();
        let calls = life.calls();
        assert_eq!((life.drops(), publish(&bus, "closed")), (1, 0), "dropped once, and not called after that");
        let delivered = there.join().unwrap();
        assert_eq!((life.calls(), delivered as usize), (calls, calls), "called after `close`");
        if calls == 1 { "called" } else { "not called any more" }
    });
}

/// A call in which another event is published and handled is under way until it ends: the mark of the inner call does
/// not take its place.
#[test]
fn close_against_a_call_that_publishes() {
    Model {
        name: "close_subscription::close_against_a_call_that_publishes",
        promise: "P6, P7",
        preemptions: Some(3),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let (bus, life, inner) = (bus(), Life::new(), Life::new());
        let _inner = inner.subscribe(&bus, "inner");
        let guard = {
            let (weak, capture) = (bus.downgrade(), life.capture());
            bus.on("outer").unwrap().subscribe(move |_| {
                publish(&weak.upgrade().unwrap(), "inner");
                capture.call();
            })
        };
        let there = publisher(&bus, "outer");
        guard.close().unwrap();
        assert_eq!(life.drops(), 1);
        there.join().unwrap();
        assert_eq!(life.calls(), inner.calls(), "the call was cut short");
        if life.calls() == 1 { "called" } else { "not called any more" }
    });
}

/// Two threads close one subscription while a third publishes: both return, and neither before the closure is dropped.
#[test]
fn two_closes_against_a_publish() {
    Model {
        name: "close_subscription::two_closes_against_a_publish",
        promise: "P6",
        preemptions: Some(2), // three threads that sleep and wake: 3 take minutes
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let guard = std::sync::Arc::new(life.subscribe(&bus, "closed"));
        let there = publisher(&bus, "closed");
        // Threads of their own: loom cannot bear an unpark that comes while its thread is in `join`.
        let closers = [(); 2].map(|()| {
            let (guard, life) = (std::sync::Arc::clone(&guard), life.clone());
            thread::spawn(move || {
                guard.close().unwrap();
                assert_eq!(life.drops(), 1, "closed, and not dropped");
            })
        });
        closers.into_iter().for_each(|closer| closer.join().unwrap());
        let delivered = there.join().unwrap();
        assert_eq!(life.calls(), delivered as usize);
        if delivered == 1 { "called" } else { "not called any more" }
    });
}
