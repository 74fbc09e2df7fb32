//! Events whose memory serves again while a reader may have them in hand: through the bus and the threads' spares.

use std::sync::Arc as Shared;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;
use ringbus::{Bus, FieldReader, FieldWriter, Payload};

use crate::support::Model;
use crate::support::watched::Watched;

/// A payload that loom watches: dropping it is a writing.
struct Held {
    number: u32,
    contents: Watched,
    /// How many there are; not loom's, it must order nothing.
    alive: Shared<AtomicUsize>,
}

impl Payload for Held {
    const KIND: &'static str = "recycle.event";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.contents.write(0);
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

fn publish(bus: &Bus, number: u32, alive: &Shared<AtomicUsize>) {
    alive.fetch_add(1, Ordering::Relaxed);
    bus.publish(Held { number, contents: Watched::new(number), alive: Shared::clone(alive) });
}

/// A publisher evicts the event that a reader takes, and uses memory of evicted events for its next one: the reader's
/// stays as it is until the reader lets go of it, and nothing of an evicted event waits in a spare.
#[test]
fn a_publisher_reuses_what_a_reader_reads() {
    Model {
        name: "recycle_bus::a_publisher_reuses_what_a_reader_reads",
        promise: "P2, P9: an event in a reader's hands is never recycled",
        preemptions: Some(3),
        outcomes: &["read nothing", "read the first", "read the second", "read the third"],
    }
    .check(|| {
        let alive = Shared::new(AtomicUsize::new(0));
        let bus = Bus::builder().history(1).shards(1).build().unwrap();
        publish(&bus, 1, &alive);
        let reader = {
            let bus = bus.clone();
            thread::spawn(move || {
                let event = bus.recent(1).pop()?;
                let held = event.payload_as::<Held>().expect("an event without what was put into it");
                // At the beginning and at the end: it does not change meanwhile.
                let first = held.contents.read();
                thread::yield_now();
                assert_eq!((first, held.contents.read()), (held.number, held.number), "changed in a reader's hands");
                Some(held.number)
            })
        };
        publish(&bus, 2, &alive);
        publish(&bus, 3, &alive);
        let read = reader.join().unwrap();
        assert_eq!(alive.load(Ordering::Relaxed), 1, "payloads wait in a spare, or have been dropped in the history");
        let newest = bus.recent(1).pop().expect("the newest event is gone");
        assert_eq!(newest.payload_as::<Held>().map(|held| held.contents.read()), Some(3));
        match read {
            None => "read nothing",
            Some(1) => "read the first",
            Some(2) => "read the second",
            Some(_) => "read the third",
        }
    });
}
