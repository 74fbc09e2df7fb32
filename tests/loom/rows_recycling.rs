//! Rows that pass from an ended thread to a new one while a closer looks at the marks in them: it misses no call, and
//! waits for no stranger's.

use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__models::{self, Handler};

use crate::support::Model;
use crate::support::watched::Watched;

fn called(capture: &Watched) {
    assert_eq!(capture.read(), 1, "called after it was dropped");
}

/// Calls on a thread of its own, which ends: whether it was called, and the number of the row.
fn caller(handler: &Shared<Handler<Watched>>) -> thread::JoinHandle<(bool, usize)> {
    let handler = Shared::clone(handler);
    thread::spawn(move || (handler.call(called).is_some(), __models::row().unwrap().0))
}

/// A thread calls, and ends; another one calls something else, maybe in its row, and goes on until the closer is done:
/// the closer does not wait for that.
#[test]
fn a_stranger_in_the_row() {
    Model {
        name: "rows_recycling::a_stranger_in_the_row",
        promise: "P6: close waits for nobody else",
        preemptions: Some(3),
        outcomes: &[
            "called, then the row's next owner",
            "called, two rows",
            "not called, then the row's next owner",
            "not called, two rows",
        ],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let closed = Arc::new(AtomicBool::new(false));
        let first = caller(&handler);
        let stranger = {
            let closed = Arc::clone(&closed);
            thread::spawn(move || {
                let other = Handler::new(());
                other.call(|()| {
                    while !closed.load(Ordering::Acquire) {
                        thread::park();
                    }
                });
                __models::row().unwrap().0
            })
        };
        handler.close(|capture| capture.write(0));
        closed.store(true, Ordering::Release);
        stranger.thread().unpark();
        let (called, row) = first.join().unwrap();
        match (called, row == stranger.join().unwrap()) {
            (true, true) => "called, then the row's next owner",
            (true, false) => "called, two rows",
            (false, true) => "not called, then the row's next owner",
            (false, false) => "not called, two rows",
        }
    });
}

/// Two threads call, the second maybe in the row of the first, which has ended: the closer waits for both.
#[test]
fn a_call_in_a_recycled_row() {
    Model {
        name: "rows_recycling::a_call_in_a_recycled_row",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["0 called", "1 called", "2 called", "2 called in one row"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let callers = [caller(&handler), caller(&handler)];
        handler.close(|capture| capture.write(0));
        let [first, second] = callers.map(|caller| caller.join().unwrap());
        match usize::from(first.0) + usize::from(second.0) {
            2 if first.1 == second.1 => "2 called in one row",
            called => ["0 called", "1 called", "2 called"][called],
        }
    });
}
