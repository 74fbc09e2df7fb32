//! One swap of the table against another: both changes are in the last one.

use loom::thread;

use crate::support::Model;
use crate::support::table::*;

/// Two threads subscribe at once: both tables' changes are in the last one.
#[test]
fn swap_against_swap() {
    Model { name: "table_swap::swap_against_swap", promise: "P5, P8", preemptions: None, outcomes: &["both"] }.check(
        || {
            let bus = bus();
            let other = {
                let bus = bus.clone();
                thread::spawn(move || count(&bus, 0).0)
            };
            let (_here, _) = count(&bus, 0);
            let _there = other.join().unwrap();
            assert_eq!(bus.publish(event()).delivered, 2);
            "both"
        },
    );
}
