//! A writer that comes late against a newer write and a reader: a record is never lost, torn, or invisible.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Ring;

use crate::support::Model;
use crate::support::record::*;

/// A writer that comes late must not push out the newer record, and that one is readable once its publish has returned.
#[test]
fn late_write_against_newer_write_and_reader() {
    Model {
        name: "slot_late_write::late_write_against_newer_write_and_reader",
        promise: "P2, P8",
        preemptions: Some(3),
        outcomes: &["the reader saw the older", "the reader saw the newer", "the reader saw nothing"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let late = ring.draw();
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.put(late, payload(late)).map(|out| out.0.ticket))
        };
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let (copy, displaced) = ring.read(0, |_| true);
                let seen = copy.as_ref().map(|copy| (copy.0.ticket, contents(copy)));
                let displaced = displaced.map(|record| record.0.ticket);
                (seen, displaced)
            })
        };

        let newer = ring.draw();
        let out = ring.put(newer, payload(newer)).map(|out| out.0.ticket);
        let (found, displaced_here) = ring.read(newer, |record| record.ticket == newer);
        assert_eq!(found.as_ref().map(contents), Some(101), "recorded, returned, and not to be seen");
        assert!(displaced_here.is_none());

        let late_out = writer.join().unwrap();
        let (seen, displaced) = reader.join().unwrap();
        // Each record comes out once or is in the slot; the newer one is in the slot.
        let mut gone: Vec<u64> = [out, late_out, displaced].into_iter().flatten().collect();
        gone.sort_unstable();
        assert_eq!(gone, [0], "one of two records was overwritten: the older, once");
        match seen {
            None => "the reader saw nothing",
            Some((0, 100)) => "the reader saw the older",
            Some((1, 101)) => "the reader saw the newer",
            Some(torn) => panic!("a torn record: {torn:?}"),
        }
    });
}
