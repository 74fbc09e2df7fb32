//! Reading on against writers: each event once and in order, or counted as missed.
#![cfg(ringbus_loom)]

mod loom_support;

use loom::thread;
use loom_support::Model;
use ringbus::__models::Ring;
use ringbus::{Bus, Cursor, Event};

fn bus(history: usize) -> Bus {
    Bus::builder().history(history).shards(1).build().unwrap()
}

/// Publishes the events `numbers` on a thread of its own.
fn writer(bus: &Bus, numbers: &'static [i64]) -> thread::JoinHandle<()> {
    let bus = bus.clone();
    thread::spawn(move || {
        for n in numbers {
            bus.publish(Event::builder("cursor.event").field("n", *n).build().unwrap());
        }
    })
}

/// What a cursor has come to.
#[derive(Debug, Default)]
struct Read {
    numbers: Vec<i64>,
    missed: u64,
}

impl Read {
    fn on(&mut self, cursor: &mut Cursor) {
        let batch = cursor.read();
        self.numbers.extend(batch.events.iter().filter_map(|event| event.get("n")?.as_i64()));
        self.missed += batch.missed;
    }

    /// Nothing is lost uncounted.
    fn has_all(&self, published: u64) {
        assert_eq!(self.numbers.len() as u64 + self.missed, published, "lost or twice: {self:?}");
    }
}

/// One slot, two events of one thread, two readings meanwhile and one at the end.
#[test]
fn reading_against_overwriting() {
    Model {
        name: "loom_cursor::reading_against_overwriting",
        promise: "P3, P8: cursor",
        preemptions: Some(4),
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
        name: "loom_cursor::reading_against_writing",
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
        name: "loom_cursor::reading_against_two_writers",
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

/// Who sees a thread's ticket drawn finds all that this thread has recorded before: nothing of it can come later.
#[test]
fn a_look_at_the_head() {
    Model {
        name: "loom_cursor::a_look_at_the_head",
        promise: "P3: tickets and records",
        preemptions: None,
        outcomes: &["nothing drawn", "the first one drawn", "both drawn"],
    }
    .check(|| {
        let ring = std::sync::Arc::new(Ring::new(2));
        let writer = {
            let ring = std::sync::Arc::clone(&ring);
            thread::spawn(move || (0..2).for_each(|n| drop(ring.put(ring.draw(), n))))
        };
        let drawn = ring.head();
        let first = ring.read(0, |n| *n == 0).0.is_some();
        writer.join().unwrap();
        assert!(first || drawn < 2, "the second one is begun, and the first one is not there");
        ["nothing drawn", "the first one drawn", "both drawn"][drawn as usize]
    });
}
