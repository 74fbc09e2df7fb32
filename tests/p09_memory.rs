//! P9 and the rest of P11: memory stays bounded, and steady publishing allocates nothing. In a process of its own,
//! since the allocator counts for all of it.

#[path = "support/counting.rs"]
mod counting;

use std::sync::{Mutex, MutexGuard, PoisonError};

use counting::{allocations, grown};
use ringbus::{Bus, publish_event};

/// One test at a time: live bytes are the whole process's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The test harness itself may hold a few buffers more at any moment.
const SLACK: i64 = 64 * 1024;

#[test]
fn p09_a_million_kinds_leave_nothing_behind() {
    let _alone = alone();
    let bus = Bus::builder().history(100).build().unwrap();
    let _guard = bus.on("p09.*.x").unwrap().subscribe(|_| {});
    let publish = |numbers: std::ops::Range<u32>| {
        for n in numbers {
            publish_event!(bus: &bus, kind: format!("p09.k{n}.x"), n);
        }
    };
    publish(0..10_000);
    let more = grown(|| publish(10_000..1_000_000));
    assert!(more < SLACK, "{more} bytes");
}

#[test]
fn p09_subscribing_to_kinds_one_after_the_other_leaves_nothing_behind() {
    let _alone = alone();
    let bus = Bus::new();
    let subscribe = |numbers: std::ops::Range<u32>| {
        for n in numbers {
            drop(bus.on(format!("p09.kind{n}")).unwrap().subscribe(|_| {}));
        }
    };
    subscribe(0..1_000);
    let more = grown(|| subscribe(1_000..50_000));
    assert!(more < SLACK, "{more} bytes");
}

#[test]
fn p09_short_lived_threads_leave_nothing_behind() {
    let _alone = alone();
    let bus = Bus::builder().history(100).build().unwrap();
    let run = |count: u32| {
        for n in 0..count {
            let bus = bus.clone();
            std::thread::spawn(move || drop(publish_event!(bus: &bus, "p09.thread", n))).join().unwrap();
        }
    };
    run(1_000);
    let more = grown(|| run(10_000));
    assert!(more < SLACK, "{more} bytes");
}

#[test]
fn p09_a_stalled_handler_and_a_stalled_reader_hold_only_what_they_hold() {
    let _alone = alone();
    let bus = Bus::builder().history(100).build().unwrap();
    let (inside, leave) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    let stalled = std::sync::Arc::new((inside, leave));
    let _guard = {
        let stalled = std::sync::Arc::clone(&stalled);
        bus.on("p09.stall").unwrap().subscribe(move |_| {
            stalled.0.wait();
            stalled.1.wait();
        })
    };
    std::thread::scope(|scope| {
        scope.spawn(|| publish_event!(bus: &bus, "p09.stall"));
        stalled.0.wait();
        let held = bus.recent(100);
        let publish = |count| (0..count).for_each(|n: u32| drop(publish_event!(bus: &bus, "p09.many", n)));
        publish(10_000);
        let more = grown(|| publish(300_000));
        assert!(more < SLACK, "{more} bytes");
        drop(held);
        stalled.1.wait();
    });
}

#[test]
fn p09_a_full_default_bus_is_small() {
    let _alone = alone();
    let mut bus = None;
    let size = grown(|| {
        let full = Bus::builder().shards(2).build().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..5_000 {
                        publish_event!(bus: &full, "p09.full", source: "daemon", line = n, column = 7, fatal = true);
                    }
                });
            }
        });
        bus = Some(full);
    });
    assert!(size < 1_000_000, "{size} bytes");
}

/// S3's budget: a telemetry event of three fields, its texts included, with all that the history needs for it.
#[test]
fn p09_an_event_of_three_fields_takes_256_bytes_all_in() {
    // So many that what the harness holds is less than a byte of each.
    const EVENTS: i64 = 1 << 17;
    let _alone = alone();
    let bus = Bus::builder().history(EVENTS as usize).shards(1).build().unwrap();
    let publish = || {
        publish_event!(bus: &bus, "terminal.command", source: "terminal", project_path: "/srv/app",
                       command = "cargo test -q", exit = 0, duration_ms = 12.5);
    };
    // The thread's row, its spare event, counters of the kind.
    publish();
    let size = grown(|| (1..EVENTS).for_each(|_| publish()));
    assert!((EVENTS * 250..=EVENTS * 256 + SLACK).contains(&size), "{size} bytes for {EVENTS} events");
}

#[test]
fn p11_steady_publishing_allocates_nothing() {
    let _alone = alone();
    let bus = Bus::new();
    let _guard = bus.on("p11.*").unwrap().subscribe(|_| {});
    let publish = |count| {
        for n in 0..count {
            publish_event!(bus: &bus, "p11.steady", source: "daemon", project_path: "/srv/app", line = n, column = 7, fatal = true);
        }
    };
    publish(5_000);
    assert_eq!(allocations(|| publish(10_000)), 0);

    let quiet = Bus::builder().history(0).build().unwrap();
    let _guard = quiet.subscribe(|_| {});
    let publish = |count| (0..count).for_each(|n: u32| drop(publish_event!(bus: &quiet, "p11.quiet", n)));
    publish(10);
    assert_eq!(allocations(|| publish(10_000)), 0, "also where no history evicts");
}

#[test]
fn p11_a_call_site_that_is_off_allocates_nothing_the_first_time_neither() {
    let _alone = alone();
    let bus = Bus::builder().enabled(false).build().unwrap();
    let off = || drop(publish_event!(bus: &bus, "p11.off", text = "x".repeat(100)));
    assert_eq!(allocations(off), 0);
}
