//! Tickets at the ends of the numbers: the lap in a slot's word wraps after 20 bits, the ticket after 64.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Counted, Ring};

use crate::support::Model;
use crate::support::watched::Watched;

/// The lap's bits in a slot's word.
const LAPS: u64 = 1 << 20;

struct Numbered {
    ticket: u64,
    contents: Watched,
}

fn put(ring: &Ring<Numbered>, ticket: u64) -> Option<u64> {
    let record = Numbered { ticket, contents: Watched::new(ticket as u32) };
    ring.put(ticket, record).map(number)
}

/// Reads a record whole.
fn number(record: Counted<Numbered>) -> u64 {
    assert_eq!(record.0.contents.read(), record.0.ticket as u32, "torn");
    record.0.ticket
}

/// A late writer at `first`, a newer one in the same slot, and a reader. Whether the late one came in time, and whether
/// the reader found the newer one.
fn late_against_newer_and_reader(slots: usize, first: u64) -> (bool, bool) {
    let ring = Arc::new(Ring::starting_at(slots, first));
    let late = ring.draw();
    let newest = first.wrapping_add(slots as u64);
    let writer = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || put(&ring, late))
    };
    let reader = {
        let ring = Arc::clone(&ring);
        thread::spawn(move || {
            let (copy, displaced) = ring.read(newest, |record| record.ticket == newest);
            (copy.map(number), displaced.map(number))
        })
    };
    for _ in 1..slots {
        assert_eq!(put(&ring, ring.draw()), None);
    }
    let newer = ring.draw();
    assert_eq!((newer, ring.head()), (newest, newest.wrapping_add(1)));
    let out = put(&ring, newer);
    assert!(ring.read(newer, |record| record.ticket == newer).0.is_some(), "recorded, returned, and not to be seen");

    let slept = writer.join().unwrap();
    let (seen, displaced) = reader.join().unwrap();
    assert!(ring.read(newer, |record| record.ticket == newer).0.is_some(), "the newer record was pushed out");
    let gone: Vec<u64> = [slept, out, displaced].into_iter().flatten().collect();
    assert_eq!(gone, [late], "the older record comes out, once");
    assert!(seen.is_none_or(|seen| seen == newest));
    (slept.is_none(), seen.is_some())
}

fn outcome((in_time, seen): (bool, bool)) -> &'static str {
    match (in_time, seen) {
        (true, true) => "in time, the newer one seen",
        (true, false) => "in time, the newer one not seen",
        (false, true) => "late, the newer one seen",
        (false, false) => "late, the newer one not seen",
    }
}

const OUTCOMES: &[&str] = &[
    "in time, the newer one seen",
    "in time, the newer one not seen",
    "late, the newer one seen",
    "late, the newer one not seen",
];

/// The newer record's lap is 0 in the word, the older one's the largest that there is.
#[test]
fn the_lap_wraps_in_the_word() {
    Model {
        name: "ticket_wrap::the_lap_wraps_in_the_word",
        promise: "P2, P8: after 2^20 laps",
        preemptions: Some(3),
        outcomes: OUTCOMES,
    }
    .check(|| outcome(late_against_newer_and_reader(1, LAPS - 2)));
}

/// The ticket of the older record is the last one that there is, the newer one's is small again.
#[test]
fn the_ticket_wraps() {
    Model {
        name: "ticket_wrap::the_ticket_wraps",
        promise: "P2, P8: at the end of the tickets",
        preemptions: Some(3),
        outcomes: OUTCOMES,
    }
    .check(|| outcome(late_against_newer_and_reader(2, u64::MAX)));
}
