//! P9: threads that only take events out, and are never the last to hold one, leave nothing behind, in the system's own
//! allocator neither. In a process of its own, since the allocator counts for all of it.
#![cfg(all(target_os = "linux", target_env = "gnu", not(ringbus_loom)))]

use ringbus::{Bus, publish_event};

/// The harness may hold a few buffers more at any moment.
const SLACK: usize = 64 * 1024;

/// Bytes that are in use, those of the C library included.
fn in_use() -> usize {
    // SAFETY: it reads the allocator's counts.
    unsafe { libc::mallinfo2() }.uordblks
}

/// Each takes one event out. The history keeps that.
fn threads(bus: &Bus, count: u64) {
    for n in 0..count {
        let mut events = bus.on("p09.taken").unwrap().receiver().unwrap();
        publish_event!(bus: bus, "p09.taken", n);
        let taken = std::thread::spawn(move || events.recv().unwrap().get("n").cloned());
        assert_eq!(taken.join().unwrap(), Some(n.into()));
    }
}

#[test]
fn p09_threads_that_only_take_events_out_leave_nothing() {
    const THREADS: u64 = 4_000;
    let bus = Bus::builder().history(10).build().unwrap();
    threads(&bus, 2_000);
    let before = in_use();
    threads(&bus, THREADS);
    let more = in_use().saturating_sub(before);
    assert!(more < SLACK, "{more} bytes more after {THREADS} threads");
}
