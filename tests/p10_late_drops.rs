//! P10: payloads whose drop publishes, on a thread that is ending: one after the other, not one inside the other, although
//! the thread-local where they wait elsewhere is gone. In a process of its own: whoever evicts next drops what is left.
#![cfg(not(ringbus_loom))]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};

use ringbus::{Bus, FieldReader, FieldWriter, Payload, publish_event};

/// Publishes its own type when it is dropped, on and on.
struct Hydra(Bus);

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

static DEEPEST: AtomicU32 = AtomicU32::new(0);
static DROPPED: AtomicU32 = AtomicU32::new(0);

impl Payload for Hydra {
    const KIND: &'static str = "p10.hydra";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

impl Drop for Hydra {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() + 1);
        DEEPEST.fetch_max(NESTED.get(), Ordering::Relaxed);
        DROPPED.fetch_add(1, Ordering::Relaxed);
        if self.0.is_enabled() {
            drop(self.0.publish(Hydra(self.0.clone())));
        }
        NESTED.set(NESTED.get() - 1);
    }
}

/// Publishes when the thread's thread-locals end, those of the bus among them.
struct Late(RefCell<Option<Bus>>);

impl Drop for Late {
    fn drop(&mut self) {
        let bus = self.0.take().unwrap();
        (0..10).for_each(|_| drop(publish_event!(bus: &bus, "p10.late")));
    }
}

thread_local! {
    static BEFORE: Late = const { Late(RefCell::new(None)) };
}

#[test]
fn p10_drops_that_publish_are_flat_also_on_a_thread_that_is_ending() {
    // More than one drop works off: some are left when the thread has ended.
    let bus = Bus::builder().history(8192).shards(1).build().unwrap();
    (0..8192).for_each(|_| drop(bus.publish(Hydra(bus.clone()))));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
    let thread = || {
        // Registered first, so its destructor is the last.
        BEFORE.with(|late| late.0.replace(Some(bus.clone())));
        publish_event!(bus: &bus, "p10.now");
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, thread).unwrap().join().unwrap();
    });
    // Eleven evictions, each with at most 4096 after it.
    let dropped = DROPPED.load(Ordering::Relaxed);
    assert!((11..=11 * 4097).contains(&dropped), "{dropped}");
    assert_eq!(DEEPEST.load(Ordering::Relaxed), 1, "not one inside the other");
    // What the thread has left, somebody drops.
    bus.disable();
    bus.reset();
    let before = DROPPED.load(Ordering::Relaxed);
    let other = Bus::builder().history(10).shards(1).build().unwrap();
    let quiet = Bus::builder().enabled(false).build().unwrap();
    (0..1025).for_each(|_| drop(other.publish(Hydra(quiet.clone()))));
    assert_eq!(DROPPED.load(Ordering::Relaxed), before + 2, "what was left, and what the other bus has evicted");
}
