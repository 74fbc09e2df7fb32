//! P7, P10: on small stacks. What the bus itself takes for each level of nesting is bounded, recursion ends at the depth
//! limit, and whatever is long (a history, a table, a queue, a chain of drops) is no depth. In a process of its own: an
//! overflow ends it.
#![cfg(not(ringbus_loom))]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ringbus::{Bus, BusBuilder, Event, FieldReader, FieldWriter, Outcome, Payload, Reentrancy, publish_event};

/// What `BusBuilder::depth_limit` says of a level: a publish with a few fields, down to the next handler's frame.
const LEVEL: usize = if cfg!(debug_assertions) { 6 * 1024 } else { 2 * 1024 };

/// What it says of all that comes once.
const BASE: usize = 16 * 1024;

/// The least that a thread can be asked to have; the system adds what it needs itself.
const SMALLEST: usize = 16 * 1024;

fn on_stack<R: Send>(bytes: usize, work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

thread_local! {
    /// Where the handlers' frames were, from the outermost on.
    static FRAMES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

fn mark() {
    let here = 0_u8;
    let here = std::ptr::from_ref(std::hint::black_box(&here)).addr();
    FRAMES.with_borrow_mut(|frames| frames.push(here));
}

fn frames() -> Vec<usize> {
    FRAMES.take()
}

/// How far apart two frames in a row are at most.
fn level(frames: &[usize]) -> usize {
    frames.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
}

struct Step(u32);

impl Payload for Step {
    const KIND: &'static str = "p10.step";

    fn field_names() -> &'static [&'static str] {
        &["n"]
    }

    fn write_fields(&self, to: &mut FieldWriter<'_>) {
        to.write(&self.0);
    }

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

/// A bus on which a handler publishes what it handles, for ever.
fn by_call_site(builder: BusBuilder) -> Bus {
    let bus = builder.history(10).shards(1).build().unwrap();
    let weak = bus.downgrade();
    bus.on("p10.*")
        .unwrap()
        .subscribe(move |_| {
            mark();
            let bus = weak.upgrade().unwrap();
            publish_event!(bus: &bus, "p10.again", source: "stack", n = 1, text = "a text");
        })
        .detach();
    bus
}

fn by_topic(builder: BusBuilder) -> Bus {
    let bus = builder.history(10).shards(1).build().unwrap();
    let weak = bus.downgrade();
    bus.subscribe_to(move |step: &Step| {
        mark();
        let bus = weak.upgrade().unwrap();
        drop(bus.topic::<Step>().unwrap().publish(Step(step.0 + 1)));
    })
    .unwrap()
    .detach();
    bus
}

fn by_filter(builder: BusBuilder) -> Bus {
    let bus = builder.history(10).shards(1).build().unwrap();
    let weak = bus.downgrade();
    bus.on("p10.*")
        .unwrap()
        .filter(move |_| {
            mark();
            let bus = weak.upgrade().unwrap();
            publish_event!(bus: &bus, "p10.again", n = 1);
            true
        })
        .subscribe(|_| {})
        .detach();
    bus
}

#[test]
fn p10_a_level_of_nesting_takes_no_more_stack_than_promised() {
    for (form, make) in [("call site", by_call_site as fn(_) -> _), ("topic", by_topic), ("filter", by_filter)] {
        let bus = make(Bus::builder().depth_limit(64));
        let frames = on_stack(4 << 20, || {
            bus.publish(Step(0));
            frames()
        });
        assert_eq!(frames.len(), 64, "{form}");
        assert!(level(&frames) <= LEVEL, "{form}: {} bytes", level(&frames));
    }
}

#[test]
fn p10_all_levels_fit_into_what_is_promised_for_each() {
    for (limit, stack) in [(None, BASE + 16 * LEVEL), (Some(64), BASE + 64 * LEVEL)] {
        for make in [by_call_site as fn(_) -> _, by_topic, by_filter] {
            let builder = Bus::builder();
            let bus = make(limit.map_or(builder, |limit| Bus::builder().depth_limit(limit)));
            let levels = on_stack(stack, || {
                // With and without an event that is held: it is then recorded by a record of its own.
                let held = bus.publish(Step(0)).event.unwrap();
                let levels = frames().len();
                bus.publish(held);
                (levels, frames().len())
            });
            let limit = limit.unwrap_or(16);
            assert_eq!(levels, (limit, limit));
            assert_eq!(bus.stats().totals.depth_stops, 2);
        }
    }
}

#[test]
fn p10_what_waits_takes_no_stack() {
    let bus = by_call_site(Bus::builder().reentrancy(Reentrancy::Deferred).depth_limit(64));
    let many = Bus::builder().reentrancy(Reentrancy::Deferred).deferred_limit(100_000).build().unwrap();
    let weak = many.downgrade();
    many.on("p10.many")
        .unwrap()
        .subscribe(move |_| {
            let bus = weak.upgrade().unwrap();
            (0..100_000).for_each(|_| drop(publish_event!(bus: &bus, "p10.one")));
        })
        .detach();
    let heard = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&heard);
    many.on("p10.one").unwrap().subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed)).detach();
    let frames = on_stack(32 * 1024, || {
        publish_event!(bus: &bus, "p10.first");
        publish_event!(bus: &many, "p10.many");
        frames()
    });
    // The second one has a kind that the table has just learnt: it comes by another way.
    assert_eq!((frames.len(), level(&frames[2..])), (64, 0), "all of them at one place of the stack");
    assert_eq!(heard.load(Ordering::Relaxed), 100_000);
}

#[test]
fn p10_the_smallest_stack_is_enough_for_a_publish() {
    let bus = Bus::builder().history(10).build().unwrap();
    let _guard = bus.subscribe(|_| {});
    on_stack(SMALLEST, || {
        assert_eq!(publish_event!(bus: &bus, "p10.small", n = 1, text = "a text").outcome, Outcome::Published);
        assert_eq!(bus.recent(10).len(), 1);
    });
}

#[test]
fn p10_what_is_long_is_dropped_flat() {
    const MANY: usize = 10_000;
    let all = Bus::builder().history(1 << 17).shards(1).build().unwrap();
    let guards: Vec<_> = (0..MANY).map(|n| all.on(format!("p10.k{n}")).unwrap().subscribe(|_| {})).collect();
    let detached = Bus::new();
    (0..MANY).for_each(|n| detached.on(format!("p10.k{n}")).unwrap().subscribe(|_| {}).detach());
    (0..1_u32 << 17).for_each(|n| drop(all.publish(Step(n))));
    let mut guards = guards.into_iter();
    let some: Vec<_> = guards.by_ref().take(1_000).collect();
    on_stack(32 * 1024, move || {
        drop(some);
        drop(all);
        drop(guards);
        drop(detached);
    });
}

#[test]
fn p10_events_of_one_thread_that_hold_events_do_not_nest() {
    // An event published again is a record that points to it: however often, never to another record.
    let bus = Bus::builder().history(4096).shards(1).build().unwrap();
    let mut event: Event = bus.publish(Step(7)).event.unwrap();
    for _ in 0..100_000 {
        drop(bus.publish(event));
        event = bus.recent(1).remove(0);
    }
    on_stack(SMALLEST, move || {
        drop(bus);
        drop(event);
    });
}
