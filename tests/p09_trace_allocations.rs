//! P9 for events that are published inside handlers: in steady publishing their traces allocate nothing. In a process of
//! its own, since the allocator counts for all of it.

#[path = "support/counting.rs"]
mod counting;

use counting::allocations;
use ringbus::{Bus, publish_event};

#[test]
fn p09_steady_nested_publishing_allocates_nothing() {
    let bus = Bus::builder().history(100).build().unwrap();
    let echo = bus.clone();
    let _nested = bus.on("p09.outer").unwrap().subscribe(move |event| {
        publish_event!(bus: &echo, "p09.inner", n = event.hops());
    });
    let publish = |count: u64| {
        for n in 0..count {
            publish_event!(bus: &bus, "p09.outer", correlation_id: "short", n);
            publish_event!(bus: &bus, "p09.plain", n);
        }
    };
    // Then each memory that goes round has served a nested event once.
    publish(5_000);
    assert_eq!(allocations(|| publish(10_000)), 0);
    let newest = bus.recent(3);
    assert_eq!((newest[1].hops(), newest[1].cause()), (1, Some(newest[2].id())));
    assert_eq!(newest[1].correlation_id(), Some("short"));
    assert_eq!((newest[0].hops(), newest[0].cause(), newest[0].correlation_id()), (0, None, None));
    bus.unsubscribe_all();
}

#[test]
fn p09_plain_publishing_has_no_traces() {
    let bus = Bus::builder().history(0).build().unwrap();
    let _all = bus.subscribe(|event| assert_eq!(event.hops(), 0));
    let publish = |id: Option<&str>| drop(publish_event!(bus: &bus, "p09.plain", correlation_id: id, n = 1));
    // The thread's row, the kind, the first memory.
    publish(None);
    publish(None);
    let counts = [None, Some("short"), Some("short"), None].map(|id| allocations(|| publish(id)));
    assert_eq!(counts, [0, 1, 0, 0]);
}
