//! One reader against the writers of a slot: it finds a record whole, or not; never does it hide one.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__models::Ring;

use crate::support::Model;
use crate::support::record::*;

/// A reader of a slot that is written for the first time: once the put has returned, the record is there to see.
#[test]
fn a_first_write_against_a_reader() {
    Model {
        name: "slot_reader::a_first_write_against_a_reader",
        promise: "P2: readable once its publish has returned",
        preemptions: None,
        outcomes: &["not yet found", "found meanwhile", "found after its put"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let returned = Arc::new(AtomicBool::new(false));
        let reader = {
            let (ring, returned) = (Arc::clone(&ring), Arc::clone(&returned));
            thread::spawn(move || {
                let knew = returned.load(Ordering::Acquire);
                let (copy, displaced) = ring.read(0, |record: &Payload| record.ticket == 0);
                assert!(displaced.is_none());
                (knew, copy.as_ref().map(contents))
            })
        };
        let ticket = ring.draw();
        assert!(ring.put(ticket, payload(ticket)).is_none());
        returned.store(true, Ordering::Release);
        // The reader may have it in hand at this moment.
        assert!(ring.read(ticket, |_| true).0.is_some(), "recorded, returned, and not to be seen");
        match reader.join().unwrap() {
            (false, None) => "not yet found",
            (false, Some(100)) => "found meanwhile",
            (true, Some(100)) => "found after its put",
            other => panic!("hidden or torn: {other:?}"),
        }
    });
}

/// A reader of a slot that is overwritten: its restore never pushes out the newer record, and the older one comes out
/// once, at the writer's or at the reader's.
#[test]
fn an_overwriting_against_a_reader() {
    Model {
        name: "slot_reader::an_overwriting_against_a_reader",
        promise: "P2, P8: one reader",
        preemptions: None,
        outcomes: &["read before", "evicted in the reader's hands", "overwritten"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let first = ring.draw();
        assert!(ring.put(first, payload(first)).is_none());
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let (copy, displaced) = ring.read(first, |record| record.ticket == 0);
                assert!(copy.as_ref().is_none_or(|copy| contents(copy) == 100), "torn");
                (copy.is_some(), displaced.map(|record| record.0.ticket))
            })
        };
        let second = ring.draw();
        let out = ring.put(second, payload(second)).map(|out| out.0.ticket);
        let found = ring.read(second, |record| record.ticket == 1).0;
        assert_eq!(found.as_ref().map(contents), Some(101), "recorded, returned, and not to be seen");
        let (read, displaced) = reader.join().unwrap();
        assert!(ring.read(second, |record| record.ticket == 1).0.is_some(), "pushed out by the reader");
        match (read, out, displaced) {
            (true, Some(0), None) => "read before",
            (true, None, Some(0)) => "evicted in the reader's hands",
            (false, Some(0), None) => "overwritten",
            other => panic!("read, out, displaced: {other:?}"),
        }
    });
}
