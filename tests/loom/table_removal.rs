//! Removal in the middle of a dispatch: a handler whose turn had not come is not called any more.

use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::support::Model;
use crate::support::table::*;

/// A handler removed while an event is dispatched is not called any more, if its turn had not come.
#[test]
fn removal_during_a_dispatch() {
    Model {
        name: "table_removal::removal_during_a_dispatch",
        promise: "P5",
        preemptions: Some(3),
        outcomes: &["called before the removal", "removed before its turn"],
    }
    .check(|| {
        let bus = bus();
        let removed = Shared::new(Arc::new(AtomicBool::new(false)));
        let knew = Arc::new(AtomicBool::new(false));
        // The first handler looks, in the middle of the dispatch, whether the second is gone.
        let first = {
            let (removed, knew) = (Shared::clone(&removed), Arc::clone(&knew));
            bus.on("table.event").unwrap().order(1).subscribe(move |_| {
                knew.store(removed.load(Ordering::Acquire), Ordering::Relaxed);
            })
        };
        let (second, calls) = count(&bus, 0);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish(event()).delivered)
        };
        drop(second);
        removed.store(true, Ordering::Release);
        publisher.join().unwrap();
        drop(first);
        match (knew.load(Ordering::Relaxed), calls.load(Ordering::Relaxed)) {
            (true, 1) => panic!("called in its turn, though removed before that"),
            (_, 0) => "removed before its turn",
            _ => "called before the removal",
        }
    });
}
