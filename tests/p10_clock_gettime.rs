//! P3, P10: the system's own clocks jump: `clock_gettime` is this file's. In a process of its own, whose every clock is
//! that, std's too.
#![cfg(all(target_os = "linux", not(ringbus_loom)))]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringbus::{Bus, Event, publish_event};

/// Seconds that the clocks are off by.
static WALL: AtomicI64 = AtomicI64::new(0);
static MONOTONIC: AtomicI64 = AtomicI64::new(0);
/// A clock stands still here, unless it is 0.
static STANDS: AtomicI64 = AtomicI64::new(0);
static ASKED: AtomicU64 = AtomicU64::new(0);

/// In the place of the C library's, for everything in this program.
///
/// # Safety
/// As that: `time` can be written to.
// SAFETY: it does what the C library's function of this name does, with another answer.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    ASKED.fetch_add(1, Ordering::Relaxed);
    let off = match clock {
        libc::CLOCK_REALTIME => WALL.load(Ordering::Relaxed),
        libc::CLOCK_MONOTONIC => MONOTONIC.load(Ordering::Relaxed),
        _ => 0,
    };
    // SAFETY: the caller's promise, and the system has just written it.
    let time = unsafe { &mut *time };
    time.tv_sec = time.tv_sec.saturating_add(off).max(if clock == libc::CLOCK_MONOTONIC { 0 } else { i64::MIN });
    let stands = STANDS.load(Ordering::Relaxed);
    if stands != 0 {
        (time.tv_sec, time.tv_nsec) = (stands, 0);
    }
    result
}

#[test]
fn p10_the_systems_clocks_may_do_anything() {
    let failed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&failed);
    let hook = move |failure: &ringbus::Failure<'_>| _ = count.fetch_add(1 + failure.suppressed, Ordering::Relaxed);
    let slow = Duration::from_secs(60);
    let bus = Bus::builder().history(4096).shards(2).slow_after(slow).on_failure(hook).build().unwrap();
    let _heard = bus.subscribe(|_| {});
    let _fails = bus.on("p10.*").unwrap().try_subscribe(|_| Err::<(), ringbus::BoxError>("as told".into()));
    let mut cursor = bus.cursor();
    let asked = ASKED.load(Ordering::Relaxed);

    let set = |wall: i64, monotonic: i64, stands: i64| {
        WALL.store(wall, Ordering::Relaxed);
        MONOTONIC.store(monotonic, Ordering::Relaxed);
        STANDS.store(stands, Ordering::Relaxed);
    };
    let states = [
        (0, 0, 0),
        (3_600, 0, 0),
        (-9 * 3_600, 0, 0),
        (i64::MIN / 2, 0, 0),
        (i64::MAX, 0, 0),
        (0, 1_000_000, 0),
        (0, -1_000_000_000, 0),
        (0, 0, 1),
        (0, 0, 1 << 40),
        (0, 0, 0),
    ];
    let mut n = 0_i64;
    for (wall, monotonic, stands) in states {
        set(wall, monotonic, stands);
        for _ in 0..20 {
            // Anchors of threads that are new are made now; the other's lasts, for up to a second.
            std::thread::scope(|scope| _ = scope.spawn(|| publish_event!(bus: &bus, "p10.clock", n)));
            n += 1;
            let event = publish_event!(bus: &bus, "p10.clock", n).event.unwrap();
            n += 1;
            assert!(event.timestamp() >= UNIX_EPOCH && event.to_string().contains("p10.clock"));
            assert!(bus.stats().uptime <= Duration::from_secs(1 << 41));
            let _ = (bus.history().since(SystemTime::now()).all(), bus.history().until(SystemTime::now()).take(1));
        }
    }
    set(0, 0, 0);
    assert!(ASKED.load(Ordering::Relaxed) > asked, "the test is asked for the time");
    let number = |event: &Event| event.get("n").unwrap().as_i64().unwrap();
    let mut all: Vec<i64> = bus.recent(4096).iter().map(number).collect();
    all.reverse();
    // Each happened before the next.
    assert_eq!(all, (0..n).collect::<Vec<_>>());
    let batch = cursor.read();
    assert_eq!((batch.events.iter().map(number).collect::<Vec<_>>(), batch.missed), (all, 0));
    let info = bus.subscriptions();
    assert!(info.iter().all(|one| one.slow == 0 && one.latency.unwrap().max < slow), "{info:?}");
    assert!((1..=n as u64).contains(&failed.load(Ordering::Relaxed)));
}
