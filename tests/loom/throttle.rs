//! A throttle against publishers: exactly so many calls are let through.

use std::num::NonZeroU32;

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Throttled;

use crate::support::Model;

/// Two threads, three calls, two are allowed at once: two are let through.
#[test]
fn a_burst_on_two_threads() {
    Model {
        name: "throttle::a_burst_on_two_threads",
        promise: "P8: a rate is exact",
        preemptions: None,
        outcomes: &["both of one thread", "one of each"],
    }
    .check(|| {
        let throttled = Arc::new(Throttled::new(NonZeroU32::new(2).unwrap()));
        let there = {
            let throttled = Arc::clone(&throttled);
            thread::spawn(move || throttled.admit())
        };
        let here = [throttled.admit(), throttled.admit()];
        match (here, there.join().unwrap()) {
            ([true, true], false) => "both of one thread",
            ([true, false], true) => "one of each",
            other => panic!("not two calls: {other:?}"),
        }
    });
}
