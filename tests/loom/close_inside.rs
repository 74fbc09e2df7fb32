//! Closing from inside a handler: it does not wait, so nobody waits for himself, nor two for each other.

use std::sync::{Arc as Shared, OnceLock};

use ringbus::{Bus, CloseError, Subscription};

use crate::support::Model;
use crate::support::ending::*;

/// Guards that handlers close. Not loom's: it must order nothing.
type Guards = Shared<[OnceLock<Subscription>; 2]>;

/// Subscribes a handler of `kind` that closes the guard with this number, and must be told not to wait.
fn closing(bus: &Bus, kind: &'static str, guards: &Guards, number: usize, life: &Life) -> Subscription {
    // Weak, or a handler would hold its own guard.
    let (weak, capture) = (Shared::downgrade(guards), life.capture());
    bus.on(kind).unwrap().subscribe(move |_| {
        let guards = weak.upgrade().unwrap();
        assert_eq!(guards[number].get().unwrap().close(), Err(CloseError::InsideHandler));
        capture.call();
    })
}

/// A handler closes its own subscription, while another thread is about to call it too: it gets `InsideHandler`, and no
/// call begins after that.
#[test]
fn a_handler_that_closes_itself() {
    Model {
        name: "close_inside::a_handler_that_closes_itself",
        promise: "P6: inside a handler `close` does not wait",
        preemptions: Some(3),
        outcomes: &["called once", "called on both threads"],
    }
    .check(|| {
        let (bus, life, guards) = (bus(), Life::new(), Guards::default());
        guards[0].set(closing(&bus, "own", &guards, 0, &life)).unwrap();
        let there = publisher(&bus, "own");
        publish(&bus, "own");
        there.join().unwrap();
        let calls = life.calls();
        assert!(bus.subscriptions().is_empty() && publish(&bus, "own") == 0, "closed, and called");
        guards[0].get().unwrap().close().unwrap();
        assert_eq!((life.calls(), life.drops()), (calls, 1), "closed outside, and not dropped");
        ["not called", "called once", "called on both threads"][calls]
    });
}

/// Two handlers on two threads close each other at the same time: both are told not to wait, both end, and neither
/// waits for the other.
#[test]
fn two_handlers_that_close_each_other() {
    Model {
        name: "close_inside::two_handlers_that_close_each_other",
        promise: "P6: inside a handler `close` does not wait",
        preemptions: Some(3),
        outcomes: &["one called", "both called"],
    }
    .check(|| {
        let (bus, lives, guards) = (bus(), [Life::new(), Life::new()], Guards::default());
        guards[0].set(closing(&bus, "first", &guards, 1, &lives[0])).unwrap();
        guards[1].set(closing(&bus, "second", &guards, 0, &lives[1])).unwrap();
        let there = publisher(&bus, "second");
        let called = publish(&bus, "first") + there.join().unwrap();
        assert_eq!(lives[0].calls() + lives[1].calls(), called as usize);
        // Where only one was called it has closed the other one, and nobody has closed it.
        let live = publish(&bus, "first") + publish(&bus, "second");
        assert_eq!((live, bus.subscriptions().len()), (2 - called, 2 - called as usize), "closed, and called");
        ["none called", "one called", "both called"][called as usize]
    });
}

/// A handler closes another one, which another thread is calling, and goes on: that call ends when it ends, and the
/// closure is dropped after it.
#[test]
fn a_handler_that_closes_another_in_flight() {
    Model {
        name: "close_inside::a_handler_that_closes_another_in_flight",
        promise: "P6: inside a handler `close` does not wait",
        preemptions: Some(3),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let (bus, lives, guards) = (bus(), [Life::new(), Life::new()], Guards::default());
        guards[0].set(closing(&bus, "first", &guards, 1, &lives[0])).unwrap();
        guards[1].set(lives[1].subscribe(&bus, "second")).unwrap();
        let there = publisher(&bus, "second");
        assert_eq!(publish(&bus, "first"), 1);
        assert_eq!(publish(&bus, "second"), 0, "closed, and called");
        guards[1].get().unwrap().close().unwrap();
        let calls = lives[1].calls();
        assert_eq!(lives[1].drops(), 1, "closed outside, and not dropped");
        there.join().unwrap();
        assert_eq!((lives[1].calls(), lives[1].drops()), (calls, 1));
        if calls == 1 { "called" } else { "not called any more" }
    });
}
