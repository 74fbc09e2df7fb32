//! Closing against other ends: by id, by the last handle of the bus. `close` keeps its promise whoever else is at it,
//! and the closure is dropped once.

use loom::thread;
use ringbus::__models::Handler;

use crate::support::Model;
use crate::support::ending::*;
use crate::support::watched::Watched;

/// Somebody unsubscribes by id at the same time: only one of them ends the subscription, and `close` waits all the same
/// for the call that runs.
#[test]
fn close_against_unsubscribing_by_id() {
    Model {
        name: "close_drop::close_against_unsubscribing_by_id",
        promise: "P6",
        preemptions: Some(4),
        outcomes: &["ended by id, called", "ended by id", "ended by close, called", "ended by close"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let guard = life.subscribe(&bus, "closed");
        let there = publisher(&bus, "closed");
        let other = {
            let (bus, id) = (bus.clone(), guard.id());
            thread::spawn(move || bus.unsubscribe(id))
        };
        guard.close().unwrap();
        let calls = life.calls();
        assert_eq!(life.drops(), 1, "closed, and not dropped");
        assert!(bus.subscriptions().is_empty() && !guard.is_active());
        let by_id = other.join().unwrap();
        there.join().unwrap();
        assert_eq!((life.calls(), life.drops()), (calls, 1));
        match (by_id, calls) {
            (true, 1) => "ended by id, called",
            (true, _) => "ended by id",
            (false, 1) => "ended by close, called",
            (false, _) => "ended by close",
        }
    });
}

/// The last handle of the bus is dropped at the same time, maybe by a publisher when its event has been handled: `close` finds
/// no bus, or a bus that goes, and returns when the closure has been dropped, by whomever.
#[test]
fn close_against_the_last_handle() {
    Model {
        name: "close_drop::close_against_the_last_handle",
        promise: "P6, P10: a bus can be dropped at any time",
        preemptions: Some(4),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let guard = life.subscribe(&bus, "closed");
        let there = thread::spawn(move || publish(&bus, "closed"));
        // On a thread of its own: one that joins must not be unparked (loom 0.7).
        let closer = {
            let life = life.clone();
            thread::spawn(move || {
                guard.close().unwrap();
                assert_eq!(life.drops(), 1, "closed, and not dropped");
                life.calls()
            })
        };
        let calls = closer.join().unwrap();
        let delivered = there.join().unwrap();
        assert_eq!((life.calls(), life.drops()), (calls, 1));
        assert_eq!(delivered as usize, calls);
        if calls == 1 { "called" } else { "not called any more" }
    });
}

/// Two threads each drop what they have of it: the guard, and the last handle of the bus. The closure is dropped once.
#[test]
fn the_guard_against_the_last_handle() {
    Model {
        name: "close_drop::the_guard_against_the_last_handle",
        promise: "P6, P10: a bus can be dropped at any time",
        preemptions: None,
        outcomes: &["dropped"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let guard = life.subscribe(&bus, "closed");
        let there = thread::spawn(move || drop(bus));
        drop(guard);
        there.join().unwrap();
        assert_eq!((life.calls(), life.drops()), (0, 1));
        "dropped"
    });
}

/// A closure goes with its bus only where nobody calls it: whoever drops the bus does not wait, and takes nothing away
/// from under a call.
#[test]
fn dropping_what_is_idle_against_a_call() {
    Model {
        name: "close_drop::dropping_what_is_idle_against_a_call",
        promise: "P10: a bus can be dropped at any time",
        preemptions: None,
        outcomes: &["called, then dropped", "called, and left", "dropped", "left"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let there = {
            let handler = std::sync::Arc::clone(&handler);
            thread::spawn(move || handler.call(|capture| assert_eq!(capture.read(), 1)).is_some())
        };
        let mut dropped = false;
        handler.close_idle(|capture| {
            capture.write(0);
            dropped = true;
        });
        match (there.join().unwrap(), dropped) {
            (true, true) => "called, then dropped",
            (true, false) => "called, and left",
            (false, true) => "dropped",
            (false, false) => "left",
        }
    });
}
