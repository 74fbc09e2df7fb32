//! P9 and P11 for events that hold Rust types: steady publishing allocates nothing. In a process of its own, since the
//! allocator counts for all of it.

#[path = "support/counting.rs"]
mod counting;

use std::sync::atomic::{AtomicU64, Ordering};

use counting::allocations;
use ringbus::{Bus, Event, FieldReader, FieldWriter, Payload, publish_event};

/// `BYTES` bytes, and a number.
struct Sample<const BYTES: usize> {
    n: u64,
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Payload for Sample<BYTES> {
    const KIND: &'static str = match BYTES {
        16 => "p09.typed.small",
        512 => "p09.typed.middle",
        _ => "p09.typed.large",
    };

    fn field_names() -> &'static [&'static str] {
        &["n"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.n);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        Some(Self { n: fields.read()?, bytes: [0; BYTES] })
    }
}

fn publish<const BYTES: usize>(bus: &Bus, count: u64) {
    for n in 0..count {
        bus.publish(Event::from_payload(Sample { n, bytes: [7; BYTES] }).unwrap());
    }
}

#[test]
fn p09_steady_batches_allocate_nothing() {
    let bus = Bus::builder().history(100).build().unwrap();
    let _guard = bus.subscribe_to(|sample: &Sample<16>| assert_eq!(sample.bytes[0], 7)).unwrap();
    let batch = |count| bus.publish_all((0..count).map(|n| Sample::<16> { n, bytes: [7; 16] }));
    assert_eq!(batch(5_000).delivered, 5_000);
    assert_eq!(allocations(|| (1..100).for_each(|count| _ = batch(count))), 0);
}

#[test]
fn p09_steady_typed_publishing_allocates_nothing() {
    let bus = Bus::builder().history(100).build().unwrap();
    let sum = std::sync::Arc::new(AtomicU64::new(0));
    let _guard = bus.on("p09.typed.*").unwrap().subscribe({
        let sum = std::sync::Arc::clone(&sum);
        move |event| {
            let sample = event.payload_as::<Sample<16>>().map(|sample| sample.n + u64::from(sample.bytes[0]));
            let sample = sample.or_else(|| event.payload_as::<Sample<512>>().map(|sample| sample.n));
            sum.fetch_add(sample.unwrap(), Ordering::Relaxed);
        }
    });
    publish::<16>(&bus, 5_000);
    assert_eq!(allocations(|| publish::<16>(&bus, 10_000)), 0);
    publish::<512>(&bus, 5_000);
    assert_eq!(allocations(|| publish::<512>(&bus, 10_000)), 0);
    assert_ne!(sum.load(Ordering::Relaxed), 0);
    let newest = &bus.recent(1)[0];
    assert_eq!(newest.get("n"), Some(&9_999.into()));
}

#[test]
fn p09_typed_and_other_events_in_turn_allocate_nothing() {
    let bus = Bus::builder().history(100).build().unwrap();
    let publish = |count: u64| {
        for n in 0..count {
            bus.publish(Event::from_payload(Sample { n, bytes: [0; 16] }).unwrap());
            publish_event!(bus: &bus, "p09.untyped", n);
        }
    };
    // Then each memory that goes round has served a typed event once.
    publish(5_000);
    assert_eq!(allocations(|| publish(10_000)), 0);
    assert_eq!(bus.recent(1)[0].payload().to_string(), "n=9999");
}

#[test]
fn p09_large_payloads_do_not_wait_in_the_memory_of_others() {
    let quiet = Bus::builder().history(0).build().unwrap();
    let _guard = quiet.subscribe(|_| {});
    publish::<4096>(&quiet, 10);
    // The place of each is freed with it, so the next needs another.
    assert_eq!(allocations(|| publish::<4096>(&quiet, 100)), 200);
}
