//! One thread's bus in the global one's place, against call sites of other threads: they are not touched.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__private::global_is_open;
use ringbus::{Bus, default_bus, set_global, with_default};

use crate::support::Model;

/// Keeps nothing, and is heard: open while it is enabled.
fn heard() -> Bus {
    let bus = Bus::builder().history(0).shards(1).build().unwrap();
    bus.on("gate.event").unwrap().subscribe(|_| {}).detach();
    bus
}

/// Inside the override its bus counts, outside the global one, which is disabled meanwhile.
#[test]
fn an_override_against_disabling_the_global_bus() {
    Model {
        name: "gate_override::an_override_against_disabling_the_global_bus",
        promise: "P11: an override is its own thread's",
        preemptions: None,
        outcomes: &["began before", "began after"],
    }
    .check(|| {
        let (global, own) = (heard(), heard());
        set_global(global.clone()).unwrap();
        let disabled = Arc::new(AtomicBool::new(false));
        let there = {
            let disabled = Arc::clone(&disabled);
            thread::spawn(move || {
                let knew = with_default(&own, || {
                    assert!(global_is_open(), "the thread's own bus is open");
                    assert!(default_bus().same_bus(&own));
                    own.disable();
                    assert!(!global_is_open(), "the thread's own bus is off");
                    disabled.load(Ordering::Acquire)
                });
                assert!(!(knew && global_is_open()), "a stale \"on\" after the override");
                knew
            })
        };
        assert!(global_is_open(), "shut by another thread's override");
        global.disable();
        disabled.store(true, Ordering::Release);
        assert!(!global_is_open(), "opened by another thread's override");
        assert!(default_bus().same_bus(&global));
        let after = there.join().unwrap();
        assert!(!global_is_open(), "the global bus's change was lost");
        global.enable();
        assert!(global_is_open(), "the global bus's change was lost");
        if after { "began after" } else { "began before" }
    });
}

/// Two overrides that begin and end at once, both buses off: none ends the other's, and the word is as before.
#[test]
fn two_overrides() {
    Model {
        name: "gate_override::two_overrides",
        promise: "P11: overrides are counted",
        preemptions: None,
        outcomes: &["each its own"],
    }
    .check(|| {
        let (global, own) = (heard(), [heard(), heard()]);
        set_global(global.clone()).unwrap();
        let [mine, theirs] = own;
        let inside = |bus: &Bus| {
            bus.disable();
            with_default(bus, || assert!(!global_is_open() && default_bus().same_bus(bus), "not its own bus"));
            assert!(global_is_open(), "still overridden, or shut");
        };
        let there = thread::spawn(move || inside(&theirs));
        inside(&mine);
        there.join().unwrap();
        global.disable();
        assert!(!global_is_open());
        "each its own"
    });
}
