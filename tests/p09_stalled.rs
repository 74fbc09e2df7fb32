//! P9: a thread that is stalled at any step of the bus's own work does not make memory grow while others publish, nor
//! keep what others have unsubscribed. In a process of its own: the allocator counts for all of it, and the steps (of
//! the feature `inject`) are the process's one hook.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/stands.rs"]
mod stands;

use std::sync::Arc;

use counting::grown;
use ringbus::{Bus, publish_event};
use stands::{Step, stands_at};

/// Does `meanwhile` while another thread stands at a step of `work`.
fn stalled(step: &'static str, work: impl FnOnce() + Send, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        let _stands = stands_at(scope, Step::Named(step), work).expect("the step was not passed");
        meanwhile();
    });
}

/// The harness itself may hold a few buffers more at any moment.
const SLACK: i64 = 64 * 1024;

/// One test, since live bytes are the whole process's.
#[test]
fn p09_a_thread_stalled_at_any_step_makes_nothing_grow() {
    let bus = Bus::builder().history(100).build().unwrap();
    let _heard = bus.on("p09.**").unwrap().subscribe(|_| {});
    let publish = |count: u32| {
        for n in 0..count {
            publish_event!(bus: &bus, "p09.many", n, text = "a text that is not stored in place");
            publish_event!(bus: &bus, kind: format!("p09.dynamic.{n}"), n);
        }
    };
    publish(5000);
    let grows_nothing = |step| {
        publish(1000);
        let more = grown(|| publish(20_000));
        assert!(more < SLACK, "{more} bytes while another thread stood at {step}");
    };
    // Handlers come and go: what they captured goes with them, but for the one table that the stalled thread holds.
    let keeps_nothing = |step| {
        let captured = Arc::new(());
        for _ in 0..200 {
            let kept = Arc::clone(&captured);
            drop(bus.on("p09.*").unwrap().subscribe(move |_| _ = &kept));
        }
        assert_eq!(Arc::strong_count(&captured), 1, "while another thread stood at {step}");
    };

    let publishing =
        ["ring.ticket", "slot.check", "slot.exchange", "publish.recorded", "call.mark", "call.check", "call.leave"];
    for step in publishing {
        stalled(
            step,
            || drop(publish_event!(bus: &bus, "p09.stalled")),
            || {
                grows_nothing(step);
                keeps_nothing(step);
            },
        );
    }
    for step in ["slot.take", "slot.restore"] {
        stalled(
            step,
            || drop(bus.recent(100)),
            || {
                grows_nothing(step);
                keeps_nothing(step);
            },
        );
    }
    // Whoever stands under the lock of subscribers stops those, and no publisher.
    let leave = || drop(bus.on("p09.other").unwrap().subscribe(|_| {}));
    stalled("registry.swap", leave, || grows_nothing("registry.swap"));
}
