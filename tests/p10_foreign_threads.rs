//! P10: threads that Rust's library did not start, and destructors that run after all of Rust's own: both may publish,
//! and leave nothing behind (P9). In a process of its own, since the allocator counts for all of it.
#![cfg(all(unix, not(ringbus_loom)))]

#[path = "support/counting.rs"]
mod counting;

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use counting::grown;
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

/// Runs `main` on a thread that only the system knows.
fn foreign(main: extern "C" fn(*mut c_void) -> *mut c_void) {
    // SAFETY: all zeroes is a value of this type of numbers.
    let mut thread = unsafe { std::mem::zeroed() };
    // SAFETY: `main` lives for ever and ignores its argument; the thread is joined below.
    assert_eq!(unsafe { libc::pthread_create(&raw mut thread, ptr::null(), main, ptr::null_mut()) }, 0);
    // SAFETY: it was just created, and is joined once.
    assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
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
    extern "C" fn main(_: *mut c_void) -> *mut c_void {
        publish();
        ptr::null_mut()
    }
    let _alone = alone();
    many(|| foreign(main), 1);
}

#[test]
fn p10_a_destructor_of_the_systems_own_publishes_after_rusts() {
    extern "C" fn main(_: *mut c_void) -> *mut c_void {
        use_key();
        publish();
        ptr::null_mut()
    }
    let _alone = alone();
    many(|| foreign(main), 2);
    many(|| std::thread::spawn(|| _ = main(ptr::null_mut())).join().unwrap(), 2);
}
