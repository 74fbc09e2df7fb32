//! A reset against a publish: the equations of the accounts hold after it, and recycling stays safe.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Ring;
use ringbus::{Bus, Event};

use crate::support::Model;
use crate::support::record::*;

fn publish(bus: &Bus) {
    bus.publish(Event::builder("reset.event").build().unwrap());
}

/// With nothing in flight: readable = min(N, recorded since the reset), overwritten = the rest. `history` is N.
fn equations(bus: &Bus, history: u64) -> u64 {
    let stats = bus.stats();
    let published = stats.totals.published;
    assert_eq!(bus.recent(10).len() as u64, published.min(history), "readable: {stats}");
    assert_eq!(stats.buffer_len as u64, published.min(history), "{stats}");
    assert_eq!(stats.totals.overwritten, published.saturating_sub(history), "{stats}");
    assert_eq!(stats.resets, 1);
    published
}

/// One event before, one at the same time: that one is counted and readable, or forgotten and neither.
#[test]
fn a_reset_against_a_publish() {
    Model {
        name: "reset_publish::a_reset_against_a_publish",
        promise: "P8: the equations after a reset",
        preemptions: None,
        outcomes: &["forgotten", "counted"],
    }
    .check(|| {
        let bus = Bus::builder().history(2).shards(1).build().unwrap();
        publish(&bus);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus))
        };
        bus.reset();
        publisher.join().unwrap();
        let after = equations(&bus, 2);
        assert!(after <= 1);
        publish(&bus);
        publish(&bus);
        assert_eq!(equations(&bus, 2), after + 2);
        ["forgotten", "counted"][after as usize]
    });
}

/// Full slots: what the publish evicts, and what the reset takes out, are the same events.
#[test]
fn a_reset_against_an_overwriting() {
    Model {
        name: "reset_publish::a_reset_against_an_overwriting",
        promise: "P8: the equations after a reset of a full history",
        preemptions: None,
        outcomes: &["forgotten", "counted"],
    }
    .check(|| {
        let bus = Bus::builder().history(1).shards(1).build().unwrap();
        publish(&bus);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || publish(&bus))
        };
        bus.reset();
        publisher.join().unwrap();
        let after = equations(&bus, 1);
        publish(&bus);
        assert_eq!(equations(&bus, 1), after + 1);
        ["forgotten", "counted"][after as usize]
    });
}

/// A reset looks at a record that it leaves, a writer evicts that and has its memory anew: after the look.
#[test]
fn a_clearing_look_against_recycling() {
    Model {
        name: "reset_publish::a_clearing_look_against_recycling",
        promise: "P2: what a reset looks at is not recycled",
        preemptions: None,
        outcomes: &["evicted meanwhile", "left"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let first = ring.draw();
        assert!(ring.put(first, payload(first)).is_none());
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let ticket = ring.draw();
                ring.put(ticket, payload(ticket)).map(|out| recycle(out).expect("another one holds it"))
            })
        };
        let cleared = ring.clear(|record| {
            assert_eq!(u64::from(record.look()), record.ticket + 100, "torn");
            false
        });
        let out = writer.join().unwrap();
        let cleared: Vec<u64> = cleared.into_iter().filter_map(recycle).collect();
        match (&cleared[..], out) {
            ([0], None) => "evicted meanwhile",
            ([], Some(0)) => "left",
            other => panic!("cleared, evicted: {other:?}"),
        }
    });
}
