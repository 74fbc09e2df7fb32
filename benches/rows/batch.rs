//! Many events at once beside one after the other.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ringbus::{Bus, FieldReader, FieldWriter, Payload, Subscription};

use crate::common::payload::HISTORY;
use crate::common::row::{Row, RowMaker, Side};

pub const ROWS: &[RowMaker] = &[RowMaker { id: "batch", make: batch }];

/// What is published: two numbers.
struct Sample {
    id: u64,
    mean: f64,
}

impl Payload for Sample {
    const KIND: &'static str = "bench.sample";

    fn field_names() -> &'static [&'static str] {
        &["id", "mean"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.id);
        fields.write(&self.mean);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let (id, mean) = (fields.read(), fields.read());
        Some(Self { id: id?, mean: mean? })
    }
}

fn sample(n: u64) -> Sample {
    Sample { id: black_box(n), mean: black_box(0.5) }
}

/// A bus with a history and one handler that reads a field.
fn heard() -> (Bus, Subscription) {
    let bus = Bus::builder().history(HISTORY).build().expect("a bus");
    let guard = bus.subscribe_to(|sample: &Sample| {
        black_box(sample.id);
    });
    (bus, guard.expect("a kind of its own"))
}

/// Either side publishes the same values, on the calling thread.
fn batch() -> Row {
    let (together, _heard) = heard();
    let together = Side::new("publish_all", move |rounds| {
        let _ = &_heard;
        timed(|| {
            black_box(together.publish_all((0..rounds).map(sample)));
        })
    });
    let (single, _heard) = heard();
    let single = Side::new("a single publish", move |rounds| {
        let _ = &_heard;
        timed(|| (0..rounds).for_each(|n| drop(black_box(single.publish(sample(n))))))
    });
    Row::pair("batch", "an event of `publish_all` beside a single publish", together, single)
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
