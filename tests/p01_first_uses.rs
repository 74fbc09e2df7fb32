//! P1: freeze a thread at any step *or allocation* of what it does, and others still publish.
//!
//! Each frozen thread does all for the first time: a row of its own is appended, a call site registers, a kind is
//! interned, the table learns it. Steps are those that protocols name (`p01_progress` stops at each operation on an
//! atomic). The allocator is the finer of the two seams: it stops a thread in the middle of its work under a lock, too.
//! Needs the feature `inject`, whose steps a test may stop at. Not for `reference-table`: its
//! table takes a lock, and does not keep this promise.
#![cfg(all(feature = "inject", not(feature = "reference-table"), not(ringbus_loom)))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::thread::JoinHandle;

use ringbus::{Bus, Event, publish_event};

/// The system's allocator, in which a thread may be stopped.
struct Stopping;

#[global_allocator]
static ALLOCATOR: Stopping = Stopping;

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Stopping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        pass("an allocation");
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        pass("a free");
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

// === where a thread stops ===

/// Opens once.
#[derive(Default)]
struct Latch(Mutex<bool>, Condvar);

impl Latch {
    fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.1.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}

/// A step, and which of its kind, from 0: other numberings shift where a thread finds something done already.
type Place = (&'static str, usize);

/// What one thread does at the steps that it passes: it stops at one, or notes them all.
struct Plan {
    stop: Option<Place>,
    /// Steps passed of the kind to stop at.
    passed: AtomicUsize,
    stopped: AtomicBool,
    noted: Mutex<Vec<&'static str>>,
    /// It has stopped, or ended without.
    reached: Latch,
    resume: Latch,
    /// It may end, and give its row back.
    retire: Latch,
}

thread_local! {
    static PLAN: Cell<Option<&'static Plan>> = const { Cell::new(None) };
}

fn pass(step: &'static str) {
    let Some(plan) = PLAN.get() else { return };
    // What is done here allocates, too.
    PLAN.set(None);
    match plan.stop {
        None => plan.noted.lock().unwrap().push(step),
        Some((name, number)) if name == step && plan.passed.fetch_add(1, Ordering::Relaxed) == number => {
            plan.stopped.store(true, Ordering::Relaxed);
            plan.reached.open();
            plan.resume.wait();
            return;
        }
        Some(_) => {}
    }
    PLAN.set(Some(plan));
}

impl Plan {
    fn new(stop: Option<Place>) -> &'static Self {
        Box::leak(Box::new(Self {
            stop,
            passed: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            noted: Mutex::default(),
            reached: Latch::default(),
            resume: Latch::default(),
            retire: Latch::default(),
        }))
    }

    /// Runs `work` on a new thread by this plan.
    fn run(&'static self, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
        std::thread::spawn(move || {
            PLAN.set(Some(self));
            let result = catch_unwind(AssertUnwindSafe(work));
            PLAN.set(None);
            self.reached.open();
            self.retire.wait();
            result.unwrap_or_else(|panic| resume_unwind(panic));
        })
    }
}

// === the scenes ===

/// A thread is stopped at one step at most so many times: a reader passes some a thousand times.
const MOST: usize = 24;

/// What others do while one is frozen.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    /// They publish.
    Publish,
    /// A publisher is frozen, for which no reader waits: they also read.
    PublishAndRead,
}

/// Freezes a thread at each step of `work(round)` in turn; each round must be a first time.
fn freeze_everywhere(
    bus: &Bus,
    others: Others,
    needed: &[&str],
    work: impl Fn(&Bus, usize) + Clone + Send + Sync + 'static,
) {
    static INSTALL: Once = Once::new();
    let named = |step| {
        if !ringbus::__inject::is_operation(step) {
            pass(step);
        }
    };
    INSTALL.call_once(|| assert!(ringbus::__inject::set_step_hook(Box::new(named))));
    let start = |plan: &'static Plan, round: usize| {
        let (bus, work) = (bus.clone(), work.clone());
        plan.run(move || work(&bus, round))
    };

    let scout = Plan::new(None);
    let mut threads = vec![(scout, start(scout, 0))];
    scout.reached.wait();
    let mut places = BTreeMap::new();
    scout.noted.lock().unwrap().iter().for_each(|step| *places.entry(*step).or_insert(0) += 1);

    let mut stopped = BTreeSet::new();
    let spread = |count: usize| (0..count).step_by(count.div_ceil(MOST));
    let places = places.into_iter().flat_map(|(step, count)| spread(count).map(move |number| (step, number)));
    for (round, place) in (1..).zip(places) {
        let victim = Plan::new(Some(place));
        threads.push((victim, start(victim, round)));
        victim.reached.wait();
        if victim.stopped.load(Ordering::Relaxed) {
            stopped.insert(place.0);
        }
        let rival = Plan::new(Some(("nowhere", 0)));
        let bus = bus.clone();
        threads.push((rival, rival.run(move || go_on(&bus, others, round, place))));
        // A publisher that waits for the victim would hang this test here.
        rival.reached.wait();
        victim.resume.open();
    }
    assert!(needed.iter().all(|step| stopped.contains(step)), "{needed:?} are not all in {stopped:?}");
    for (plan, thread) in threads {
        plan.retire.open();
        thread.join().unwrap();
    }
}

/// A new thread's work while another is frozen.
fn go_on(bus: &Bus, others: Others, round: usize, frozen: Place) {
    let first = publish_event!(bus: bus, kind: format!("p01.rival.{round}"), n = round);
    assert!(first.delivered > 0, "{first:?}, frozen at {frozen:?}");
    for n in 0..1000 {
        let delivery = publish_event!(bus: bus, "p01.rival", n);
        assert!(delivery.delivered > 0, "{delivery:?}, frozen at {frozen:?}");
    }
    if others == Others::PublishAndRead {
        let last = publish_event!(bus: bus, kind: format!("p01.rival.{round}"), n = round).event.unwrap();
        let recent = bus.recent(500);
        assert!(Event::same_instance(&recent[0], &last), "frozen at {frozen:?}");
        // At most the frozen one's ticket has no event yet.
        assert!(recent.len() >= 499, "frozen at {frozen:?}");
    }
}

/// A hundred call sites, none of which has published.
macro_rules! sites {
    ($($n:literal)*) => {
        [$(|bus: &Bus| drop(publish_event!(
            bus: bus, concat!("p01.site.", $n), source: "victim", n = 1, text = "text that is not stored in place",
            a = 2, b = 3, c = 4
        ))),*]
    };
}

static SITES: [fn(&Bus); 100] = sites![
    00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
    34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67
    68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99
];

/// A bus with a full history and a handler for all that is published here.
fn bus() -> (Bus, Arc<AtomicU64>) {
    let bus = Bus::builder().history(500).build().unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let counter = bus.on("p01.**").unwrap().subscribe(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    counter.detach();
    (0..3000).for_each(|n| drop(publish_event!(bus: &bus, "p01.before", n)));
    (bus, calls)
}

/// One test: the frozen threads of two would find each other's rows.
#[test]
fn p01_others_publish_while_one_is_frozen_at_any_step_or_allocation_of_a_first_use() {
    let (published, calls) = bus();
    let publish = ["ring.ticket", "slot.check", "slot.exchange", "publish.recorded", "call.mark", "call.check"];
    let first = ["rows.append", "interner.append", "registry.learn", "call.leave", "an allocation"];
    freeze_everywhere(&published, Others::PublishAndRead, &[&publish[..], &first[..]].concat(), |bus, round| {
        SITES[round](bus)
    });
    freeze_everywhere(&published, Others::PublishAndRead, &publish, |bus, round| {
        publish_event!(bus: bus, kind: format!("p01.dynamic.{round}"), n = round);
    });
    let built = Event::builder("p01.built").field("n", 1).build().unwrap();
    freeze_everywhere(&published, Others::PublishAndRead, &publish, move |bus, _| drop(bus.publish(built.clone())));
    // Nobody's event was lost on the way: each of them is counted, recorded and delivered.
    let totals = published.stats().totals;
    assert_eq!((totals.published, totals.failed), (calls.load(Ordering::Relaxed), 0));
    assert_eq!(totals.overwritten, totals.published - 500);

    let (changed, _) = bus();
    freeze_everywhere(&changed, Others::Publish, &["registry.swap", "close.look", "an allocation"], |bus, round| {
        let guard = bus.on(["p01.rival", "p01.*"]).unwrap().named("victim").order(1).subscribe(|_| {});
        let other = bus.on(format!("p01.rival.{round}")).unwrap().subscribe(|_| {});
        drop(other);
        guard.close().unwrap();
    });
    let (read, _) = bus();
    freeze_everywhere(&read, Others::Publish, &["slot.take", "slot.restore", "an allocation"], |bus, _| {
        assert_eq!(bus.recent(7).len(), 7);
        assert_eq!(bus.stats().buffer_capacity, 500);
    });
    let (reset, _) = bus();
    freeze_everywhere(&reset, Others::Publish, &["slot.take", "an allocation"], |bus, _| bus.reset());
}
