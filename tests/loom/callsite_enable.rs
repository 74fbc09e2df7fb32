//! A call site's first use against switching the bus on and off: it never goes by a stale answer.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__models::{Callsite, callsite};
use ringbus::{Bus, Event, Outcome};

use crate::support::Model;

fn bus(enabled: bool) -> Bus {
    Bus::builder().history(1).shards(1).enabled(enabled).build().unwrap()
}

/// What a call site does: asks whether the bus is open, and only then finds its kind and publishes. Whether it did.
fn visit(bus: &Bus, site: &Callsite) -> bool {
    bus.is_open() && bus.publish(Event::builder(site.kind().as_str()).build().unwrap()).outcome == Outcome::Published
}

/// Two call sites' first use against one switch, made by `switch` and known by a flag; whether the other thread knew,
/// and whether it has published.
fn against(bus: &Bus, switch: impl FnOnce(&Bus)) -> (bool, bool) {
    let done = Arc::new(AtomicBool::new(false));
    let site = Arc::new(callsite("site.event"));
    let there = {
        let (bus, done, site) = (bus.clone(), Arc::clone(&done), Arc::clone(&site));
        thread::spawn(move || {
            let knew = done.load(Ordering::Acquire);
            (knew, visit(&bus, &site))
        })
    };
    switch(bus);
    done.store(true, Ordering::Release);
    let here = visit(bus, &site);
    assert_eq!(here, bus.is_enabled(), "a stale answer on the thread that made the switch");
    let (knew, published) = there.join().unwrap();
    assert_eq!(bus.recent(2).len() == 1, here || published, "recorded although off, or not recorded");
    (knew, published)
}

/// A publish that happens after `enable` has returned is recorded.
#[test]
fn a_first_use_against_enabling() {
    Model {
        name: "callsite_enable::a_first_use_against_enabling",
        promise: "P5, P11: no stale \"off\"",
        preemptions: Some(3),
        outcomes: &["off", "on meanwhile", "on"],
    }
    .check(|| match against(&bus(false), Bus::enable) {
        (false, false) => "off",
        (false, true) => "on meanwhile",
        (true, true) => "on",
        (true, false) => panic!("not recorded though the bus was enabled before"),
    });
}

/// One that happens after `disable` has returned is not.
#[test]
fn a_first_use_against_disabling() {
    Model {
        name: "callsite_enable::a_first_use_against_disabling",
        promise: "P11: no stale \"on\"",
        preemptions: Some(3),
        outcomes: &["on", "off meanwhile", "off"],
    }
    .check(|| match against(&bus(true), Bus::disable) {
        (false, true) => "on",
        (false, false) => "off meanwhile",
        (true, false) => "off",
        (true, true) => panic!("recorded though the bus was disabled before"),
    });
}

/// Two switches at once: what publishers are told is what the bus came to.
#[test]
fn enabling_against_disabling() {
    Model {
        name: "callsite_enable::enabling_against_disabling",
        promise: "P5, P11: the last switch holds",
        preemptions: None,
        outcomes: &["on", "off"],
    }
    .check(|| {
        let bus = bus(true);
        let other = {
            let bus = bus.clone();
            thread::spawn(move || bus.disable())
        };
        bus.enable();
        other.join().unwrap();
        assert_eq!(bus.is_open(), bus.is_enabled(), "publishers are told the older of two switches");
        if bus.is_enabled() { "on" } else { "off" }
    });
}

/// Nobody to notice but one subscriber, who leaves while the bus is enabled: off, whichever comes last; and on, when
/// another one comes.
#[test]
fn enabling_against_unsubscribing() {
    Model {
        name: "callsite_enable::enabling_against_unsubscribing",
        promise: "P5, P11: the gate knows the number of subscribers",
        preemptions: None,
        outcomes: &["off"],
    }
    .check(|| {
        let bus = Bus::builder().history(0).shards(1).enabled(false).build().unwrap();
        let guard = bus.on("site.event").unwrap().subscribe(|_| {});
        let other = {
            let bus = bus.clone();
            thread::spawn(move || bus.enable())
        };
        drop(guard);
        other.join().unwrap();
        let off = !bus.is_open();
        let _guard = bus.on("site.event").unwrap().subscribe(|_| {});
        assert!(off && bus.is_open(), "publishers are told the older of two changes");
        "off"
    });
}
