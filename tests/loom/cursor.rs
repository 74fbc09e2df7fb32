//! Reading on against writers: each event once and in order, or counted as missed.

use crate::support::Model;
use crate::support::cursor::*;

/// One slot, two events of one thread, two readings meanwhile and one at the end.
#[test]
fn reading_against_overwriting() {
    Model {
        name: "cursor::reading_against_overwriting",
        promise: "P3, P8: cursor",
        preemptions: Some(3),
        outcomes: &["both found", "the first one missed"],
    }
    .check(|| {
        let bus = bus(1);
        let (mut cursor, mut read) = (bus.cursor(), Read::default());
        let writer = writer(&bus, &[1, 2]);
        read.on(&mut cursor);
        read.on(&mut cursor);
        writer.join().unwrap();
        read.on(&mut cursor);
        read.has_all(2);
        match read.numbers[..] {
            [1, 2] => "both found",
            [2] => "the first one missed",
            _ => panic!("out of order, or the last one missed: {read:?}"),
        }
    });
}

/// Room for all: both are found, the first one first, in however many readings.
#[test]
fn reading_against_writing() {
    Model {
        name: "cursor::reading_against_writing",
        promise: "P2, P3: cursor",
        preemptions: None,
        outcomes: &["both at the end", "one at the end", "none at the end"],
    }
    .check(|| {
        let bus = bus(2);
        let (mut cursor, mut read) = (bus.cursor(), Read::default());
        let writer = writer(&bus, &[1, 2]);
        read.on(&mut cursor);
        read.on(&mut cursor);
        let early = read.numbers.len();
        writer.join().unwrap();
        read.on(&mut cursor);
        assert_eq!((&read.numbers[..], read.missed), (&[1, 2][..], 0), "lost, twice or out of order");
        ["both at the end", "one at the end", "none at the end"][early]
    });
}

/// Two writers: a ticket that is drawn and not yet written is found later; where the slot has gone to the next lap, it
/// is missed.
#[test]
fn reading_against_two_writers() {
    Model {
        name: "cursor::reading_against_two_writers",
        promise: "P8: cursor",
        preemptions: Some(3),
        outcomes: &["both found", "one missed"],
    }
    .check(|| {
        let bus = bus(1);
        let (mut cursor, mut read) = (bus.cursor(), Read::default());
        let writers = [writer(&bus, &[1]), writer(&bus, &[2])];
        read.on(&mut cursor);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        read.on(&mut cursor);
        read.has_all(2);
        assert!(read.numbers.first() != read.numbers.get(1), "twice: {read:?}");
        if read.missed == 0 { "both found" } else { "one missed" }
    });
}
