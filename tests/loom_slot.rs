//! The slot: a write against a late write and a reader; a record is never lost, torn, or invisible.
#![cfg(ringbus_loom)]

mod loom_support;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_support::Model;
use ringbus::__models::{Counted, Ring};

/// A record whose contents loom watches, and which counts the clones made of it in its own, relaxed way.
struct Payload {
    ticket: u64,
    contents: UnsafeCell<u64>,
    clones: AtomicUsize,
}

// SAFETY: loom reports every unsynchronised access to `contents`; that is what the model is for.
unsafe impl Sync for Payload {}
// SAFETY: as above.
unsafe impl Send for Payload {}

fn payload(ticket: u64) -> Payload {
    let contents = UnsafeCell::new(0);
    contents.with_mut(|at| {
        // SAFETY: nobody else has it yet.
        unsafe { *at = ticket + 100 }
    });
    Payload { ticket, contents, clones: AtomicUsize::new(0) }
}

/// Reads a record as its handlers would.
fn contents(record: &Counted<Payload>) -> u64 {
    record.0.contents.with(|at| {
        // SAFETY: loom reports it if a writer is not ordered before.
        unsafe { *at }
    })
}

/// Does with an evicted record what recycling does: the last holder writes it anew.
fn recycle(mut record: Counted<Payload>) -> Option<u64> {
    let alone = loom::sync::Arc::get_mut(&mut record).map(|record| {
        record.0.contents.with_mut(|at| {
            // SAFETY: the last holder has it alone; loom reports a reader that is not ordered before.
            unsafe { *at = 0 }
        });
        record.0.ticket
    });
    alone
}

/// A writer that comes late must not push out the newer record, and that one is readable once its publish has returned.
#[test]
fn late_write_against_newer_write_and_reader() {
    Model {
        name: "loom_slot::late_write_against_newer_write_and_reader",
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

/// An evicted record is written anew only by its last holder: the reader's clone is counted before it is put back.
#[test]
fn recycling_against_a_reader() {
    Model {
        name: "loom_slot::recycling_against_a_reader",
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
