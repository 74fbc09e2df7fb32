//! P3, P4, P10: clocks that jump, go back and stand still. The test tells the library the time (feature `inject`). In a
//! process of its own: the clocks are the whole process's.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringbus::{Bus, Event, publish_event};

const HOUR_US: i64 = 3_600_000_000;
const HOUR_NS: i64 = HOUR_US * 1000;
/// 3 GHz.
const TICKS_A_US: i64 = 3_000;

/// Time passes by this, in microseconds, whatever the clocks make of it.
static PASSED_US: AtomicI64 = AtomicI64::new(0);
/// What each clock is off by, in its own unit.
static RAW: AtomicU64 = AtomicU64::new(0);
static MONOTONIC: AtomicI64 = AtomicI64::new(0);
static WALL: AtomicI64 = AtomicI64::new(0);

/// When it all begins: 2026.
const BEGIN_US: i64 = 1_795_000_000_000_000;

/// One test at a time, with clocks that are right again, or far enough from 0.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    ringbus::__inject::set_clock_hook(Box::new(|clock, _| {
        let passed = PASSED_US.load(Ordering::Relaxed);
        match clock {
            "raw" => ((passed * TICKS_A_US) as u64).wrapping_add(RAW.load(Ordering::Relaxed)),
            "monotonic" => (passed * 1000 + MONOTONIC.load(Ordering::Relaxed)).max(0) as u64,
            _ => (BEGIN_US + passed).saturating_add(WALL.load(Ordering::Relaxed)) as u64,
        }
    }));
    WALL.store(0, Ordering::Relaxed);
    MONOTONIC.store(1_000 * HOUR_NS, Ordering::Relaxed);
    alone
}

fn pass(us: i64) {
    PASSED_US.fetch_add(us, Ordering::Relaxed);
}

fn us(event: &Event) -> i64 {
    event.timestamp().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// What the wall clock says.
fn wall() -> i64 {
    BEGIN_US + PASSED_US.load(Ordering::Relaxed) + WALL.load(Ordering::Relaxed)
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.get("n").unwrap().as_i64().unwrap()).collect()
}

/// What befalls the clocks between two events.
const JUMPS: [fn(); 14] = [
    || {},
    || _ = WALL.fetch_add(HOUR_US, Ordering::Relaxed),
    || _ = WALL.fetch_sub(9 * HOUR_US, Ordering::Relaxed),
    || WALL.store(-BEGIN_US - 5 * HOUR_US, Ordering::Relaxed),
    || WALL.store(i64::MAX, Ordering::Relaxed),
    || WALL.store(0, Ordering::Relaxed),
    || _ = RAW.fetch_add((HOUR_US * TICKS_A_US) as u64, Ordering::Relaxed),
    || _ = RAW.fetch_sub((9 * HOUR_US * TICKS_A_US) as u64, Ordering::Relaxed),
    || RAW.store(u64::MAX - (PASSED_US.load(Ordering::Relaxed) * TICKS_A_US) as u64 - 20_000, Ordering::Relaxed),
    || RAW.store(0, Ordering::Relaxed),
    || _ = MONOTONIC.fetch_add(HOUR_NS, Ordering::Relaxed),
    || _ = MONOTONIC.fetch_sub(9 * HOUR_NS, Ordering::Relaxed),
    || pass(-1_000_000),
    || pass(HOUR_US),
];

#[test]
fn p03_whatever_clocks_do_the_history_has_each_threads_order_and_loses_nothing() {
    const THREADS: i64 = 3;
    const EVENTS: i64 = 300;
    let _alone = alone();
    let bus = Bus::builder().history(4096).shards(4).build().unwrap();
    let mut cursor = bus.cursor();
    let (barrier, read) = (Barrier::new(THREADS as usize), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (bus, barrier) = (&bus, &barrier);
            scope.spawn(move || {
                for n in 0..EVENTS {
                    // One of them has the clocks jump, while the others publish.
                    if n % THREADS == thread {
                        JUMPS[n as usize * 5 % JUMPS.len()]();
                    }
                    barrier.wait();
                    pass(1);
                    publish_event!(bus: bus, "p03.jump", thread, n);
                }
            });
        }
        scope.spawn(|| {
            let mut read = read.lock().unwrap();
            while read.len() < (THREADS * EVENTS) as usize {
                let batch = cursor.read();
                assert_eq!(batch.missed, 0);
                read.extend(batch.events);
                std::thread::yield_now();
            }
        });
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let replaying = bus.on("p03.*").unwrap().replay(4096);
    replaying.subscribe(move |event: &Event| list.lock().unwrap().push(event.clone())).detach();
    let mut newest_last = bus.recent(4096);
    newest_last.reverse();
    for (by, events) in
        [("recent", newest_last), ("cursor", read.into_inner().unwrap()), ("replay", told.lock().unwrap().clone())]
    {
        for thread in 0..THREADS {
            let of = |event: &&Event| event.get("thread").unwrap().as_i64() == Some(thread);
            let own: Vec<Event> = events.iter().filter(of).cloned().collect();
            assert_eq!(numbers(&own), (0..EVENTS).collect::<Vec<_>>(), "{by}, thread {thread}");
        }
    }
}

#[test]
fn p03_happens_before_orders_the_history_also_when_the_counter_was_set_back() {
    let _alone = alone();
    let bus = Bus::builder().history(1000).shards(4).build().unwrap();
    let turn = |n: i64| drop(publish_event!(bus: &bus, "p03.turn", n));
    let barrier = Barrier::new(3);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (barrier, turn) = (&barrier, &turn);
            scope.spawn(move || {
                for n in 0..300 {
                    barrier.wait();
                    if n % 3 == thread {
                        // A machine that slept: its counter begins anew, some time later.
                        if n % 50 == 49 {
                            RAW.fetch_sub((HOUR_US * TICKS_A_US) as u64, Ordering::Relaxed);
                        }
                        pass(10_000);
                        // A thread that has seen nothing of it knows it too.
                        if n % 7 == 0 { std::thread::scope(|scope| _ = scope.spawn(|| turn(n))) } else { turn(n) }
                    }
                }
            });
        }
    });
    let mut all = numbers(&bus.recent(1000));
    all.reverse();
    assert!(all.is_sorted(), "{all:?}");
    assert_eq!(all.len(), 300);
}

#[test]
fn p03_timestamps_follow_the_wall_clock_within_a_second_or_a_few_after_a_jump() {
    let _alone = alone();
    let bus = Bus::builder().history(10).build().unwrap();
    let publish = || us(&publish_event!(bus: &bus, "p03.time").event.unwrap());
    let settle = |why: &str| {
        for _ in 0..2_000 {
            pass(20_000);
            publish();
        }
        let off = publish() - wall().clamp(0, 253_402_300_799_999_999);
        assert!(off.abs() <= 1_000_000, "{why}: {off} µs off");
    };
    settle("at first");
    for round in 0..3 {
        for (n, jump) in JUMPS.iter().enumerate() {
            // A wall clock beyond all times overflows the test's own arithmetic.
            if n != 4 {
                jump();
                settle(&format!("round {round}, jump {n}"));
            }
        }
    }
    // Set back by less than a second it waits, by more it follows: what the clock's docs say.
    let last = publish();
    WALL.fetch_sub(900_000, Ordering::Relaxed);
    pass(1);
    assert!(publish() >= last);
    settle("a little");
    let last = publish();
    WALL.fetch_sub(HOUR_US, Ordering::Relaxed);
    pass(1_100_000);
    assert!(publish() < last);
    // Before 1970 is 1970, beyond the year 9999 its last microsecond.
    WALL.store(-2 * BEGIN_US, Ordering::Relaxed);
    settle("before 1970");
    assert!(publish() <= 1_000_000, "told on for a second from 1970");
    WALL.store(i64::MAX, Ordering::Relaxed);
    for _ in 0..20 {
        pass(500_000);
        assert!(publish() <= 253_402_300_799_999_999);
    }
    assert_eq!(publish(), 253_402_300_799_999_999);
}

#[test]
fn p03_what_since_and_until_select_is_what_the_timestamps_say() {
    let _alone = alone();
    let bus = Bus::builder().history(1000).build().unwrap();
    for n in 0..200_usize {
        JUMPS[n * 5 % JUMPS.len()]();
        pass(300_000);
        publish_event!(bus: &bus, "p03.query", n);
    }
    let all = bus.recent(1000);
    let times: Vec<SystemTime> = all.iter().map(Event::timestamp).collect();
    for time in times.iter().flat_map(|time| [*time, *time + Duration::from_nanos(1), *time + Duration::from_micros(1)])
    {
        let since = bus.history().since(time).all().len();
        let whole = times.iter().filter(|one| **one + Duration::from_nanos(999) >= time).count();
        assert_eq!(since, whole);
        let until = bus.history().until(time).all().len();
        assert_eq!(until, times.iter().filter(|one| **one < time).count());
    }
    assert_eq!(bus.history().since(UNIX_EPOCH - Duration::from_secs(7)).all().len(), 200);
    assert_eq!(bus.history().until(UNIX_EPOCH - Duration::from_secs(7)).all().len(), 0);
}

#[test]
fn p08_no_jump_of_one_clock_makes_a_call_of_hours() {
    let _alone = alone();
    let slow = Duration::from_secs(60);
    // Each clock alone; where both jump alike there is no telling.
    for jump in [6, 7, 8, 9, 10, 11] {
        let bus = Bus::builder().history(10).slow_after(slow).build().unwrap();
        let jumps = AtomicI64::new(-300);
        let _calls = bus.subscribe(move |_| {
            pass(50);
            if jumps.fetch_add(1, Ordering::Relaxed) == 0 {
                JUMPS[jump]();
            }
            pass(50);
        });
        for _ in 0..600 {
            publish_event!(bus: &bus, "p08.call");
            pass(10_000);
        }
        let took = bus.subscriptions()[0].latency.unwrap();
        assert!(took.max < slow, "jump {jump}: {took}");
        assert_eq!(bus.subscriptions()[0].slow, 0, "jump {jump}");
    }
}

#[test]
fn p04_reports_come_once_a_second_whatever_the_wall_clock_does() {
    let _alone = alone();
    let (reports, told) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, sum) = (Arc::clone(&reports), Arc::clone(&told));
    let hook = move |failure: &ringbus::Failure<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(1 + failure.suppressed, Ordering::Relaxed);
    };
    let bus = Bus::builder().history(10).on_failure(hook).build().unwrap();
    let _fails = bus.on("p04.*").unwrap().try_subscribe(|_| Err::<(), ringbus::BoxError>("as told".into()));
    // Ten seconds of a wall clock that goes to and fro, stands still, and is before 1970.
    for n in 0..10_000_usize {
        JUMPS[n % 6]();
        pass(1_000);
        publish_event!(bus: &bus, "p04.fails");
    }
    let seen = reports.load(Ordering::Relaxed);
    assert!((9..=11).contains(&seen), "{seen} reports in ten seconds");
    // The monotonic clock set back is no reason for silence.
    MONOTONIC.fetch_sub(HOUR_NS, Ordering::Relaxed);
    publish_event!(bus: &bus, "p04.fails");
    assert_eq!(reports.load(Ordering::Relaxed), seen + 1);
    assert_eq!(told.load(Ordering::Relaxed), 10_001, "each is reported, or counted with the next report");
}
