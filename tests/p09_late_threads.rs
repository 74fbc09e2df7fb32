//! P9: threads whose very first publish comes from a destructor of the system's own, after all of Rust's thread-locals
//! have ended, leave nothing of the bus's own behind: arc-swap's node stays, 128 bytes. In a process of its own, since
//! the allocator counts for all of it.
#![cfg(all(unix, not(ringbus_loom)))]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/foreign.rs"]
mod foreign;

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use counting::grown;
use foreign::foreign;
use ringbus::{Bus, publish_event};

static DELIVERED: AtomicU64 = AtomicU64::new(0);

fn bus() -> &'static Bus {
    static BUS: OnceLock<Bus> = OnceLock::new();
    BUS.get_or_init(|| {
        let bus = Bus::builder().history(10).shards(1).build().unwrap();
        bus.on("p09.*").unwrap().subscribe(|_| {}).detach();
        bus
    })
}

extern "C" fn late(_: *mut c_void) {
    let delivery = publish_event!(bus: bus(), "p09.late", n = 1, text = "a text that does not fit in place");
    DELIVERED.fetch_add(delivery.delivered.into(), Ordering::Relaxed);
}

static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();

/// A thread that only the system knows, and that publishes for the first time when it is all over.
fn ends_late() {
    // SAFETY: the key exists; the value is never followed.
    assert_eq!(unsafe { libc::pthread_setspecific(*KEY.get().unwrap(), ptr::without_provenance(1)) }, 0);
}

fn threads(count: u64) {
    (0..count).for_each(|_| foreign(ends_late));
}

/// What arc-swap leaves; the table with a lock has no such thing.
const NODE: i64 = if cfg!(feature = "reference-table") { 0 } else { 128 };
/// The harness may hold a few buffers more at any moment.
const SLACK: i64 = 64 * 1024;

#[test]
fn p09_threads_that_publish_only_at_their_very_end_leave_no_more_than_a_node() {
    // Each walks the nodes of those before: not more of them.
    const THREADS: u64 = 1_000;
    let mut key = 0;
    // SAFETY: the destructor takes any value.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(late)) }, 0);
    KEY.set(key).unwrap();
    // So the bus, its counters and a full ring are all there.
    (0..2_000).for_each(|_| late(ptr::null_mut()));
    threads(20);
    DELIVERED.store(0, Ordering::Relaxed);
    let more = grown(|| threads(THREADS));
    assert_eq!(DELIVERED.load(Ordering::Relaxed), THREADS);
    assert!(more < THREADS as i64 * NODE + SLACK, "{more} bytes more after {THREADS} threads");
}
