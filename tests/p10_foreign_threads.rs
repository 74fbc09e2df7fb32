//! P10: threads that Rust's library did not start, and destructors that run after all of Rust's own: both may publish,
//! and leave nothing behind (P9). In a process of its own, since the allocator counts for all of it.
#![cfg(all(unix, not(ringbus_loom)))]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/foreign.rs"]
mod foreign;

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use counting::grown;
use foreign::foreign;
use ringbus::{Bus, publish_event};

/// The harness may hold a few buffers more at any moment; less than one row for each thread below.
const SLACK: i64 = 64 * 1024;
const THREADS: u64 = 400;

static DELIVERED: AtomicU64 = AtomicU64::new(0);

fn bus() -> &'static Bus {
    static BUS: OnceLock<Bus> = OnceLock::new();
    BUS.get_or_init(|| {
        let bus = Bus::builder().history(10).shards(1).build().unwrap();
        bus.on("p10.*").unwrap().subscribe(|_| {}).detach();
        bus
    })
}

fn publish() {
    let delivery = publish_event!(bus: bus(), "p10.foreign", n = 1, text = "a text that does not fit in place");
    DELIVERED.fetch_add(delivery.delivered.into(), Ordering::Relaxed);
}

/// One test at a time: live bytes are the whole process's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    DELIVERED.store(0, Ordering::Relaxed);
    alone
}

/// Runs `thread` so many times, one after the other, and demands `each` deliveries of each, and no memory.
fn many(thread: impl Fn(), each: u64) {
    for _ in 0..2000 {
        publish();
    }
    (0..20).for_each(|_| thread());
    DELIVERED.store(0, Ordering::Relaxed);
    let more = grown(|| (0..THREADS).for_each(|_| thread()));
    assert_eq!(DELIVERED.load(Ordering::Relaxed), THREADS * each);
    assert!(more < SLACK, "{more} bytes more after {THREADS} threads");
}

/// A key whose destructor publishes: it runs after the destructors of Rust's thread-locals.
fn key() -> libc::pthread_key_t {
    extern "C" fn late(_: *mut c_void) {
        publish();
    }
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: the destructor takes any value.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(late)) }, 0);
        key
    })
}

fn use_key() {
    // SAFETY: the key exists; the value is never followed.
    assert_eq!(unsafe { libc::pthread_setspecific(key(), ptr::without_provenance(1)) }, 0);
}

#[test]
fn p10_a_thread_of_the_systems_own_publishes() {
    let _alone = alone();
    many(|| foreign(publish), 1);
}

#[test]
fn p10_a_destructor_of_the_systems_own_publishes_after_rusts() {
    fn main() {
        use_key();
        publish();
    }
    let _alone = alone();
    many(|| foreign(main), 2);
    many(|| std::thread::spawn(main).join().unwrap(), 2);
}
