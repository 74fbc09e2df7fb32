//! Closing against calls in flight: after it none runs, none begins, and the closure has been dropped.

use loom::thread;
use ringbus::__models::Handler;

use crate::support::Model;
use crate::support::watched::Watched;

fn called(capture: &Watched) {
    assert_eq!(capture.read(), 1, "called after it was dropped");
}

/// After `close` no call runs, none begins, and the closure has been dropped; the closer is always woken.
#[test]
fn close_against_a_call() {
    Model {
        name: "close_call::close_against_a_call",
        promise: "P6",
        preemptions: None,
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let caller = {
            let handler = std::sync::Arc::clone(&handler);
            thread::spawn(move || handler.call(called).is_some())
        };
        let mut dropped = false;
        handler.close(|capture| {
            capture.write(0);
            dropped = true;
        });
        assert!(dropped);
        assert!(handler.call(called).is_none(), "called after close");
        if caller.join().unwrap() { "called" } else { "not called any more" }
    });
}

/// Calls on two threads: the closer waits for both.
#[test]
fn close_against_two_calls() {
    Model {
        name: "close_call::close_against_two_calls",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["0 called", "1 called", "2 called"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let handler = std::sync::Arc::clone(&handler);
                thread::spawn(move || usize::from(handler.call(called).is_some()))
            })
            .collect();
        handler.close(|capture| capture.write(0));
        let called: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        ["0 called", "1 called", "2 called"][called]
    });
}
