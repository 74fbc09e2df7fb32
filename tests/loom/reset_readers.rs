//! A reset against readers: they see all that is forgotten or nothing of it, and a cursor counts what it misses.

use loom::thread;

use crate::support::Model;
use crate::support::cursor::*;

fn publish(bus: &ringbus::Bus, n: i64) {
    bus.publish(ringbus::Event::builder("cursor.event").field("n", n).build().unwrap());
}

/// Two events, and a reader of both.
#[test]
fn a_reset_against_a_look_back() {
    Model {
        name: "reset_readers::a_reset_against_a_look_back",
        promise: "P8: a history is forgotten whole",
        preemptions: None,
        outcomes: &["both", "none"],
    }
    .check(|| {
        let bus = bus(2);
        (1..=2).for_each(|n| publish(&bus, n));
        let reader = {
            let bus = bus.clone();
            thread::spawn(move || bus.recent(2).len())
        };
        bus.reset();
        assert!(bus.recent(2).is_empty(), "read after it was forgotten");
        match reader.join().unwrap() {
            2 => "both",
            0 => "none",
            part => panic!("{part} of two events, forgotten together"),
        }
    });
}

/// Two events before, one after; a cursor that reads meanwhile: each is read or missed, once.
#[test]
fn a_reset_against_a_cursor() {
    Model {
        name: "reset_readers::a_reset_against_a_cursor",
        promise: "P8: what a reset forgets is missed, and counted",
        preemptions: None,
        outcomes: &["read before", "missed"],
    }
    .check(|| {
        let bus = bus(2);
        let mut cursor = bus.cursor();
        (1..=2).for_each(|n| publish(&bus, n));
        let reader = thread::spawn(move || {
            let mut read = Read::default();
            read.on(&mut cursor);
            (cursor, read)
        });
        bus.reset();
        publish(&bus, 3);
        let (mut cursor, mut read) = reader.join().unwrap();
        read.on(&mut cursor);
        read.has_all(3);
        match (&read.numbers[..], read.missed) {
            ([1, 2, 3], 0) => "read before",
            ([3], 2) => "missed",
            _ => panic!("a part of what was forgotten together: {read:?}"),
        }
    });
}

/// A cursor made and a publish begun while a reset is under way: it begins before or behind what is forgotten, and
/// loses nothing of what comes.
#[test]
fn a_reset_against_a_new_cursor() {
    Model {
        name: "reset_readers::a_reset_against_a_new_cursor",
        promise: "P8: a cursor made during a reset",
        preemptions: Some(3),
        outcomes: &["the old one read", "the old one missed", "made after the reset"],
    }
    .check(|| {
        let bus = bus(2);
        publish(&bus, 1);
        let reader = {
            let bus = bus.clone();
            thread::spawn(move || {
                let (mut cursor, mut read) = (bus.cursor(), Read::default());
                read.on(&mut cursor);
                (cursor, read)
            })
        };
        bus.reset();
        publish(&bus, 2);
        let (mut cursor, mut read) = reader.join().unwrap();
        read.on(&mut cursor);
        match (&read.numbers[..], read.missed) {
            ([1, 2], 0) => "the old one read",
            ([2], 1) => "the old one missed",
            ([2], 0) => "made after the reset",
            _ => panic!("lost or twice: {read:?}"),
        }
    });
}
