//! Two readers and a writer: readers take a record out, but never from each other.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Ring;
use ringbus::{Bus, Event};

use crate::support::Model;
use crate::support::record::*;

/// Each reader finds a record in a slot that is never empty, and what a writer evicts comes out once.
#[test]
fn two_readers_against_a_writer() {
    Model {
        name: "slot_two_readers::two_readers_against_a_writer",
        promise: "P2, P8: two readers of a slot",
        preemptions: None,
        outcomes: &["evicted by the writer", "evicted in a reader's hands"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let first = ring.draw();
        assert!(ring.put(first, payload(first)).is_none());
        let readers = [(), ()].map(|()| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let (copy, displaced) = ring.read(first, |_| true);
                let copy = copy.expect("hidden by the other reader");
                assert_eq!(u64::from(contents(&copy)), copy.0.ticket + 100, "torn");
                displaced.map(|record| record.0.ticket)
            })
        });
        let second = ring.draw();
        let out = ring.put(second, payload(second)).map(|out| out.0.ticket);
        let displaced = readers.map(|reader| reader.join().unwrap());
        match (out, displaced) {
            (Some(0), [None, None]) => "evicted by the writer",
            (None, [Some(0), None] | [None, Some(0)]) => "evicted in a reader's hands",
            other => panic!("out, displaced: {other:?}"),
        }
    });
}

/// Two readers of a bus: the lock that they share keeps them from hiding an event from each other.
#[test]
fn two_readers_of_a_bus() {
    Model {
        name: "slot_two_readers::two_readers_of_a_bus",
        promise: "P2: readers of one history",
        preemptions: None,
        outcomes: &["found by both"],
    }
    .check(|| {
        let bus = Bus::builder().history(1).shards(1).build().unwrap();
        bus.publish(Event::builder("read.event").build().unwrap());
        let reader = {
            let bus = bus.clone();
            thread::spawn(move || bus.recent(1).len())
        };
        let here = bus.recent(1).len();
        assert_eq!((here, reader.join().unwrap()), (1, 1), "hidden by the other reader");
        "found by both"
    });
}
