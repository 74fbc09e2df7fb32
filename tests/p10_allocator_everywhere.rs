//! P10: a global allocator that publishes. Every allocation and every free of a watched thread is an event; what comes
//! from the bus's own work is refused and counted, and nothing recurses, waits for itself or aborts.
#![cfg(not(ringbus_loom))]

#[cfg(unix)]
#[path = "support/foreign.rs"]
mod foreign;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringbus::{Event, Outcome, Subscription, publish_event};

/// The system's allocator, telling what it does.
struct Telling;

#[global_allocator]
static ALLOCATOR: Telling = Telling;

/// What a watched thread's allocator did. Thread-locals without destructors, which an allocator may use.
struct Watch {
    what: Cell<Option<What>>,
    calls: Cell<u64>,
    accepted: Cell<u64>,
    refused: Cell<u64>,
    depth: Cell<usize>,
    deepest: Cell<usize>,
}

/// What the allocator publishes.
#[derive(Clone, Copy, PartialEq)]
enum What {
    /// Three numbers.
    Few,
    /// More values than an event has room for in place.
    Many,
    /// A text too long to be stored in place.
    Text,
    /// An event that was built before, and that others hold.
    Built,
}

thread_local! {
    static WATCH: Watch = const {
        Watch {
            what: Cell::new(None),
            calls: Cell::new(0),
            accepted: Cell::new(0),
            refused: Cell::new(0),
            depth: Cell::new(0),
            deepest: Cell::new(0),
        }
    };
}

/// Publishes nested deeper than this are endless: the allocator stops then, so that the test can say so.
const ENDLESS: usize = 100;

static BUILT: Mutex<Option<Event>> = Mutex::new(None);

impl Telling {
    fn tell(layout: Layout, freed: bool) {
        WATCH.with(|watch| {
            // Once it was endless nothing is published any more: the number of calls doubles with each level.
            let Some(what) = watch.what.get().filter(|_| watch.deepest.get() < ENDLESS) else { return };
            watch.depth.set(watch.depth.get() + 1);
            watch.deepest.set(watch.deepest.get().max(watch.depth.get()));
            watch.calls.set(watch.calls.get() + 1);
            let delivery = match what {
                What::Few => publish_event!("allocator.few", size = layout.size(), align = layout.align(), freed),
                What::Many => publish_event!("allocator.many", size = layout.size(), a = 1, b = 2, c = 3, d = 4, e = 5),
                What::Text => publish_event!("allocator.text", text = "longer than the fifteen bytes that fit"),
                What::Built => match BUILT.try_lock().ok().and_then(|built| built.clone()) {
                    Some(event) => ringbus::global().publish(event),
                    None => publish_event!("allocator.few"),
                },
            };
            match delivery.outcome {
                Outcome::Refused => watch.refused.set(watch.refused.get() + 1),
                outcome if outcome.is_accepted() => watch.accepted.set(watch.accepted.get() + 1),
                _ => {}
            }
            drop(delivery);
            watch.depth.set(watch.depth.get() - 1);
        });
    }
}

// SAFETY: all is the system's; what is told beside it does not touch the memory.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::tell(layout, false);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) };
        Self::tell(layout, true);
    }
}

/// What a watched thread saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    calls: u64,
    accepted: u64,
    refused: u64,
    deepest: usize,
}

/// Runs `work` on a new thread whose allocator publishes.
fn watched(what: What, work: impl FnOnce() + Send + 'static) -> Seen {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        let seen = WATCH.with(|watch| {
            watch.what.set(Some(what));
            work();
            watch.what.set(None);
            Seen {
                calls: watch.calls.get(),
                accepted: watch.accepted.get(),
                refused: watch.refused.get(),
                deepest: watch.deepest.get(),
            }
        });
        done.send(seen).unwrap();
    });
    // The limit turns a thread that waits for itself into a message.
    let seen = wait.recv_timeout(Duration::from_secs(10)).expect("the thread waits for itself, or has panicked");
    thread.join().unwrap();
    seen
}

fn allocate() {
    for size in 1..100 {
        drop(black_box(vec![0_u8; size]));
    }
}

/// One test at a time, since all share the global bus; the first of all is the global bus's first use, from inside the
/// allocator.
fn alone() -> (MutexGuard<'static, ()>, Seen) {
    static ALONE: Mutex<Option<Seen>> = Mutex::new(None);
    static SERIAL: Mutex<()> = Mutex::new(());
    let serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let first =
        *ALONE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| watched(What::Few, allocate));
    ringbus::reset();
    (serial, first)
}

/// Counts the events of kinds `allocator.**`, allocating nothing.
fn count() -> (Subscription, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let guard = ringbus::on("allocator.**").unwrap().subscribe(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (guard, count)
}

fn is_sane(seen: Seen) {
    assert!(seen.deepest < ENDLESS, "publishes recursed without end: {seen:?}");
    assert_eq!(seen.calls, seen.accepted + seen.refused, "{seen:?}");
    assert!(seen.accepted > 0, "{seen:?}");
}

#[test]
fn p10_the_first_use_of_the_global_bus_may_come_from_an_allocator() {
    let (_alone, first) = alone();
    is_sane(first);
}

#[test]
fn p10_an_allocator_may_publish_what_fits_an_event() {
    let (_alone, _) = alone();
    let (_guard, count) = count();
    let seen = watched(What::Few, || (0..20).for_each(|_| allocate()));
    is_sane(seen);
    assert_eq!(count.load(Ordering::Relaxed), seen.accepted);
    let totals = ringbus::stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.refused), (seen.accepted, seen.accepted, seen.refused));
}

#[test]
fn p10_an_allocator_may_publish_more_values_than_fit() {
    let (_alone, _) = alone();
    is_sane(watched(What::Many, allocate));
}

#[test]
fn p10_an_allocator_may_publish_a_long_text() {
    let (_alone, _) = alone();
    is_sane(watched(What::Text, allocate));
}

#[test]
fn p10_an_allocator_may_publish_an_event_that_others_hold() {
    let (_alone, _) = alone();
    *BUILT.lock().unwrap() = Some(Event::builder("allocator.built").field("n", 1).build().unwrap());
    let seen = watched(What::Built, allocate);
    *BUILT.lock().unwrap() = None;
    is_sane(seen);
}

#[test]
fn p10_every_call_of_the_bus_may_allocate_from_an_allocator_that_publishes() {
    let (_alone, _) = alone();
    let (_guard, _) = count();
    let seen = watched(What::Few, || {
        for round in 0..3 {
            let guard = ringbus::on(["some.*", "other.kind"]).unwrap().named("some").order(round).subscribe(|_| {});
            publish_event!("some.kind", text = "a text that is too long to fit in place", round);
            publish_event!(kind: format!("some.kind{round}"), a = 1, b = 2, c = 3, d = 4, e = format!("{round}"));
            ringbus::publish_event("some.function", "source", None, [("n", round)]).unwrap();
            black_box((ringbus::recent(10), ringbus::stats().to_string(), ringbus::global().subscriptions()));
            black_box((ringbus::global().kinds(), ringbus::history().matching("some.*").unwrap().all()));
            assert!(publish_event!(kind: "no kind").invalid_kind().is_some());
            guard.close().unwrap();
            ringbus::reset();
        }
    });
    is_sane(seen);
}

/// What allocates under a lock of the bus must not call handlers there: they may come back for the lock.
#[test]
fn p10_handlers_of_an_allocators_events_may_read_and_subscribe() {
    let (_alone, _) = alone();
    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }
    static CALLED: AtomicBool = AtomicBool::new(false);
    let _reader = ringbus::on("allocator.**").unwrap().subscribe(|_| {
        // Its own allocations are events too; it must not call itself for ever.
        if !INSIDE.replace(true) {
            black_box((ringbus::recent(2), ringbus::global().subscriber_count("some.kind")));
            // Once: each change of the table frees the old one, which is an event again.
            if !CALLED.swap(true, Ordering::Relaxed) {
                drop(ringbus::on("some.kind").unwrap().subscribe(|_| {}));
            }
            INSIDE.set(false);
        }
    });
    let seen = watched(What::Few, || {
        publish_event!("some.kind");
        black_box((ringbus::recent(1000), ringbus::stats()));
        drop(ringbus::on("some.*").unwrap().subscribe(|_| {}));
        ringbus::reset();
    });
    is_sane(seen);
    assert!(CALLED.load(Ordering::Relaxed));
}

#[test]
fn p10_a_thread_may_end_while_its_allocator_publishes() {
    let (_alone, _) = alone();
    struct AllocatesLate;
    impl Drop for AllocatesLate {
        fn drop(&mut self) {
            WATCH.with(|watch| watch.what.set(Some(What::Few)));
            allocate();
            WATCH.with(|watch| {
                watch.what.set(None);
                DEEPEST.fetch_max(watch.deepest.get() as u64, Ordering::Relaxed);
                ENDED.fetch_add(watch.accepted.take(), Ordering::Relaxed);
            });
        }
    }
    static ENDED: AtomicU64 = AtomicU64::new(0);
    static DEEPEST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static EARLY: AllocatesLate = const { AllocatesLate };
        static LATE: AllocatesLate = const { AllocatesLate };
    }
    let (_guard, count) = count();
    for _ in 0..20 {
        std::thread::spawn(|| {
            // One is dropped after the bus's own thread-locals, one before them.
            EARLY.with(|_| {});
            publish_event!("some.kind");
            LATE.with(|_| {});
        })
        .join()
        .unwrap();
    }
    assert!(ENDED.load(Ordering::Relaxed) > 0);
    assert!(DEEPEST.load(Ordering::Relaxed) < ENDLESS as u64, "publishes recursed without end");
    assert_eq!(count.load(Ordering::Relaxed), ENDED.load(Ordering::Relaxed));
}

#[cfg(unix)]
#[test]
fn p10_a_thread_that_only_the_system_knows_may_publish_from_its_allocator() {
    let (_alone, _) = alone();
    foreign::foreign(|| {
        WATCH.with(|watch| watch.what.set(Some(What::Few)));
        // Rust's library makes its handle of the thread now, and allocates for it.
        black_box(std::thread::current());
        allocate();
        WATCH.with(|watch| watch.what.set(None));
    });
}

/// The thread that rings alarms frees some of what holds them, while others set more.
#[cfg(feature = "async")]
#[test]
fn p10_handlers_of_an_allocators_events_may_set_alarms_on_the_thread_that_rings_them() {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Wake, Waker};

    /// From its first ring on, the thread that rings it is watched.
    struct Ring(std::sync::mpsc::Sender<()>);
    impl Wake for Ring {
        fn wake(self: Arc<Self>) {
            WATCH.with(|watch| watch.what.set(Some(What::Few)));
            let _ = self.0.send(());
        }
    }
    const ALARMS: usize = 40;
    let (_alone, _) = alone();
    // Each poll sets its alarm anew; it changes no subscriptions, since what that frees would be told without end.
    let never = ringbus::global().expecting("never").unwrap();
    let waits = Mutex::new(Box::pin(never.within_async(Duration::from_secs(60))));
    let _sets = ringbus::on("allocator.**").unwrap().subscribe(move |_| {
        // What it does itself is not told.
        let what = WATCH.with(|watch| watch.what.take());
        let mut waits = waits.lock().unwrap();
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        WATCH.with(|watch| watch.what.set(what));
    });
    let (rung, rings) = channel();
    let waker = Waker::from(Arc::new(Ring(rung)));
    let limit = Duration::from_millis(100);
    let mut waiting: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    for _ in 0..ALARMS {
        let never = ringbus::global().expecting("never").unwrap();
        waiting.push(Box::pin(never.within_async(limit)));
    }
    // Those that a slow machine has not come to in time are not set.
    let is_set = |waits: &mut Pin<Box<dyn Future<Output = _>>>| {
        waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
    };
    waiting.retain_mut(is_set);
    for n in 0..waiting.len() {
        rings
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|_| panic!("{n} have rung: the thread waits for itself"));
    }
    for mut waits in waiting {
        let ended = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ended, Poll::Ready(Err(ringbus::ExpectError::TimedOut { .. }))), "{ended:?}");
    }
}
