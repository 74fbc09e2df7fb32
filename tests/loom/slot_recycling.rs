//! Recycling an evicted record against a reader that has just taken it: what a reader holds does not change.

use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;
use ringbus::__models::Ring;

use crate::support::Model;
use crate::support::record::*;

/// An evicted record is written anew only by its last holder: the reader's clone is counted before it is put back.
#[test]
fn recycling_against_a_reader() {
    Model {
        name: "slot_recycling::recycling_against_a_reader",
        promise: "P2: what a reader holds does not change",
        preemptions: None,
        outcomes: &["evicted while read", "evicted after reading", "read too late"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let first = ring.draw();
        assert!(ring.put(first, payload(first)).is_none());
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let count = |record: &Payload| {
                    record.clones.fetch_add(1, Ordering::Relaxed);
                    record.ticket == 0
                };
                let (copy, displaced) = ring.read(first, count);
                if let Some(copy) = &copy {
                    assert_eq!(contents(copy), 100, "a record changed in a reader's hands");
                }
                let read = copy.is_some();
                drop(copy);
                let displaced = displaced.map(|record| recycle(record).is_some());
                (read, displaced)
            })
        };
        let second = ring.draw();
        let evicted = ring.put(second, payload(second));
        let clones = evicted.as_ref().map(|record| record.0.clones.load(Ordering::Relaxed));
        let evicted = evicted.map(recycle);
        let (read, displaced) = reader.join().unwrap();
        match (evicted.is_some(), read, displaced) {
            (true, true, None) => {
                assert_eq!(clones, Some(1), "evicted after the reader had put it back, its count not yet seen");
                "evicted after reading"
            }
            (false, true, Some(_)) => "evicted while read",
            (true, false, None) => "read too late",
            other => panic!("evicted here, read, displaced there: {other:?}"),
        }
    });
}
