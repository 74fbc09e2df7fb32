//! A thread that ends and gives its row back: what it has counted there goes on, and a closer is not left behind.

use loom::thread;
use ringbus::__models::{self, Handler};

use crate::support::Model;
use crate::support::watched::Watched;

/// Numbers of three threads, the second and the third maybe in the row of the first: no pair of row and number comes
/// twice, or two events would have one id.
#[test]
fn numbers_go_on() {
    Model {
        name: "thread_exit::numbers_go_on",
        promise: "P8: an event's id is its own",
        preemptions: Some(3),
        outcomes: &["one row after the other", "two rows"],
    }
    .check(|| {
        let threads = [(); 2].map(|()| thread::spawn(|| [__models::row().unwrap(), __models::row().unwrap()]));
        let here = [__models::row().unwrap(), __models::row().unwrap()];
        let mut all = threads.map(|thread| thread.join().unwrap()).concat();
        all.extend(here);
        let rows = [all[0].0, all[2].0];
        all.sort_unstable();
        assert!(all.is_sorted_by(|one, other| one < other), "a number came twice: {all:?}");
        if rows[0] == rows[1] { "one row after the other" } else { "two rows" }
    });
}

/// A thread's last call, and then its end, against a closer: it is woken by the end of the call, whoever has the row by
/// then, and finds what the call did.
#[test]
fn the_end_of_a_caller_against_close() {
    Model {
        name: "thread_exit::the_end_of_a_caller_against_close",
        promise: "P6: close returns",
        preemptions: None,
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let caller = {
            let handler = std::sync::Arc::clone(&handler);
            // What the call writes the closer must find: nobody else orders the two.
            thread::spawn(move || handler.call(|capture| capture.write(2)).is_some())
        };
        let mut left = 0;
        handler.close(|capture| left = capture.read());
        // A row of its own, maybe the ended thread's: nothing of the call is left in it.
        assert!(handler.call(|_| ()).is_none());
        match (caller.join().unwrap(), left) {
            (true, 2) => "called",
            (false, 1) => "not called any more",
            other => panic!("called, left: {other:?}"),
        }
    });
}

/// Events of threads that end are all in the counts, once the threads have been joined.
#[test]
fn counts_of_ended_threads() {
    Model {
        name: "thread_exit::counts_of_ended_threads",
        promise: "P8: nothing that was counted is lost",
        preemptions: Some(2),
        outcomes: &["one row after the other", "two rows"],
    }
    .check(|| {
        let bus = crate::support::ending::bus();
        let guard = bus.on("counted").unwrap().subscribe(|_| {});
        let threads = [(); 2].map(|()| {
            let bus = bus.clone();
            thread::spawn(move || {
                crate::support::ending::publish(&bus, "counted");
                __models::row().unwrap().0
            })
        });
        let rows = threads.map(|thread| thread.join().unwrap());
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.delivered, guard.info().delivered), (2, 2, 2));
        if rows[0] == rows[1] { "one row after the other" } else { "two rows" }
    });
}
