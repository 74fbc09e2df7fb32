//! P4, P10: payloads whose drop publishes, or panics, wherever the bus lets go of them.

use std::cell::Cell;
use std::panic::panic_any;

use ringbus::{Bus, FieldReader, FieldWriter, Outcome, Payload, publish_event};

use crate::p04_isolation::Bomb;
use crate::quietly;

macro_rules! payload {
    ($name:ident, $kind:literal) => {
        impl Payload for $name {
            const KIND: &'static str = $kind;

            fn field_names() -> &'static [&'static str] {
                &[]
            }

            fn write_fields(&self, _: &mut FieldWriter<'_>) {}

            fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
                None
            }
        }
    };
}

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
    static DEEPEST: Cell<u32> = const { Cell::new(0) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// Publishes when it is dropped, as a guard of a span does.
struct Span(Bus, bool);

payload!(Span, "p10.span");

impl Drop for Span {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() + 1);
        DEEPEST.set(DEEPEST.get().max(NESTED.get()));
        DROPPED.set(DROPPED.get() + 1);
        if self.1 && self.0.is_enabled() {
            self.0.publish(Span(self.0.clone(), true));
        } else {
            publish_event!(bus: &self.0, "p10.closed");
        }
        NESTED.set(NESTED.get() - 1);
    }
}

#[test]
fn p10_drops_that_publish_come_one_after_the_other_however_long_the_history_is() {
    const SPANS: u32 = 16_384;
    let bus = Bus::builder().history(SPANS as usize).shards(1).build().unwrap();
    (0..SPANS).for_each(|_| drop(bus.publish(Span(bus.clone(), false))));
    assert_eq!(DROPPED.get(), 0);
    for _ in 0..SPANS.div_ceil(4096) {
        publish_event!(bus: &bus, "p10.more");
    }
    assert_eq!((DEEPEST.get(), DROPPED.get()), (1, SPANS), "not one inside the other");
    bus.reset();
}

#[test]
fn p10_drops_that_publish_their_own_type_do_not_go_on_for_ever() {
    let bus = Bus::builder().history(10).shards(1).build().unwrap();
    (0..1024).for_each(|_| drop(bus.publish(Span(bus.clone(), true))));
    assert_eq!(DROPPED.get(), 0);
    publish_event!(bus: &bus, "p10.more");
    assert!((1..10_000).contains(&DROPPED.get()) && DEEPEST.get() == 1);
    // Their own bus would keep them, and they it.
    bus.disable();
    bus.reset();
}

/// Panics when it is dropped.
struct Armed;

payload!(Armed, "p10.armed");

impl Drop for Armed {
    fn drop(&mut self) {
        panic_any(Bomb(0));
    }
}

/// Another type of the same kind.
struct Rival;

payload!(Rival, "p10.armed");

impl Drop for Rival {
    fn drop(&mut self) {
        panic_any(Bomb(0));
    }
}

#[test]
fn p04_a_payload_whose_drop_panics_is_contained_also_where_it_is_not_published() {
    quietly(|| {
        let off = Bus::builder().enabled(false).build().unwrap();
        let topic = off.topic::<Armed>().unwrap();
        assert_eq!((off.publish(Armed).outcome, topic.publish(Armed).outcome), (Outcome::Disabled, Outcome::Disabled));
        let bus = Bus::new();
        assert_eq!(bus.publish(Rival).outcome, Outcome::KindTaken);
        assert_eq!(bus.publish(Armed).outcome, Outcome::Published);
        bus.reset();
    });
}
