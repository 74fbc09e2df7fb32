//! What a cursor has read, beside what was published.

use loom::thread;
use ringbus::{Bus, Cursor, Event};

pub(crate) fn bus(history: usize) -> Bus {
    Bus::builder().history(history).shards(1).build().unwrap()
}

/// Publishes the events `numbers` on a thread of its own.
pub(crate) fn writer(bus: &Bus, numbers: &'static [i64]) -> thread::JoinHandle<()> {
    let bus = bus.clone();
    thread::spawn(move || {
        for n in numbers {
            bus.publish(Event::builder("cursor.event").field("n", *n).build().unwrap());
        }
    })
}

/// What a cursor has come to.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) numbers: Vec<i64>,
    pub(crate) missed: u64,
}

impl Read {
    pub(crate) fn on(&mut self, cursor: &mut Cursor) {
        let batch = cursor.read();
        self.numbers.extend(batch.events.iter().filter_map(|event| event.get("n")?.as_i64()));
        self.missed += batch.missed;
    }

    /// Nothing is lost uncounted.
    pub(crate) fn has_all(&self, published: u64) {
        assert_eq!(self.numbers.len() as u64 + self.missed, published, "lost or twice: {self:?}");
    }
}
