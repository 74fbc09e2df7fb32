//! P1: freeze a thread at any step of what it does, each operation on an atomic or a lock among them, and others still
//! publish.
//!
//! Needs the feature `inject`, whose steps a test may stop at. Not for the feature `reference-table`: its table takes a
//! lock, and does not keep this promise.
#![cfg(all(feature = "inject", not(feature = "reference-table"), not(ringbus_loom)))]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, Once};
use std::thread::JoinHandle;
use std::time::Duration;

use ringbus::{Bus, Event, Kind, Outcome, Overflow, Subscription, publish_event};

/// What a thread does at the steps that it passes, those of its end among them. Never freed: a thread's last steps come
/// when all else is gone.
struct Role {
    passed: AtomicUsize,
    stop: Stop,
    noted: Mutex<Vec<&'static str>>,
    /// Told the step at which the thread has stopped, and when it has ended.
    told: Sender<Option<&'static str>>,
    resume: Mutex<Receiver<()>>,
}

/// Where a thread stops, once.
#[derive(Clone, Copy)]
enum Stop {
    /// Nowhere: it is a scout, who notes all steps.
    Nowhere,
    /// At the so-many-th one.
    At(usize),
    /// At the first one of this name.
    Named(&'static str),
}

thread_local! {
    static ROLE: Cell<Option<&'static Role>> = const { Cell::new(None) };
    /// Whether this thread is the worker of [`sleeper`].
    static SLEEPER: Cell<bool> = const { Cell::new(false) };
}

/// Whether that worker has not looked for another event since its last call, or has not been called.
static IS_AWAKE: AtomicBool = AtomicBool::new(true);

fn pass(step: &'static str) {
    // Its last look before it sleeps: whoever brings an event from now on has to wake it.
    if step == "mailbox.look" && SLEEPER.get() {
        IS_AWAKE.store(false, Ordering::SeqCst);
    }
    let Some(role) = ROLE.get() else { return };
    let is_there = match role.stop {
        Stop::Nowhere => return role.noted.lock().unwrap().push(step),
        Stop::At(at) => role.passed.fetch_add(1, Ordering::Relaxed) == at,
        Stop::Named(name) => name == step && role.passed.fetch_add(1, Ordering::Relaxed) == 0,
    };
    if is_there {
        role.told.send(Some(step)).unwrap();
        role.resume.lock().unwrap().recv().unwrap();
    }
}

/// Runs `work` on a new thread that stops there.
fn play(
    stop: Stop,
    work: impl FnOnce() + Send + 'static,
) -> (&'static Role, Receiver<Option<&'static str>>, Sender<()>, JoinHandle<()>) {
    let ((told, is_told), (resume, may_resume)) = (channel(), channel());
    let role = Role { passed: AtomicUsize::new(0), stop, noted: Mutex::default(), told, resume: may_resume.into() };
    let role: &'static Role = Box::leak(Box::new(role));
    let thread = std::thread::spawn(move || {
        let player = std::thread::spawn(move || {
            ROLE.set(Some(role));
            work();
        });
        let result = player.join();
        // A scout is not asked.
        let _ = role.told.send(None);
        result.unwrap();
    });
    (role, is_told, resume, thread)
}

/// Stops a thread that does `work` at each step in turn; while it stands, others publish.
fn freeze_everywhere(bus: &Bus, needed: &[&'static str], work: impl Fn(&Bus) + Copy + Send + 'static) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| assert!(ringbus::__inject::set_step_hook(Box::new(pass))));
    let start = |stop| {
        let bus = bus.clone();
        play(stop, move || work(&bus))
    };
    let (scout, _, _, thread) = start(Stop::Nowhere);
    thread.join().unwrap();
    let steps = std::mem::take(&mut *scout.noted.lock().unwrap());
    let mut stopped = BTreeSet::new();
    // Later rounds may pass fewer steps, or others: rows and kinds are there already.
    let mut passed = BTreeMap::<&str, usize>::new();
    let mut chosen = |at: &usize| {
        let before = passed.entry(steps[*at]).or_default();
        *before += 1;
        *before <= 10 || is_chosen(*at, steps.len())
    };
    let mut freeze = |stop, round| {
        let spent = spent(bus, round);
        let (_, told, resume, victim) = start(stop);
        if let Some(step) = told.recv().unwrap() {
            stopped.insert(step);
            let others = [0, 1].map(|other| {
                let bus = bus.clone();
                std::thread::spawn(move || go_on(&bus, round, other, step))
            });
            others.into_iter().for_each(|other| other.join().unwrap());
            resume.send(()).unwrap();
        }
        victim.join().unwrap();
        drop(spent);
    };
    (0..steps.len()).filter(|at| chosen(at)).for_each(|at| freeze(Stop::At(at), at));
    // What is passed once may have been the step before or behind, whenever its turn came.
    needed.iter().zip(steps.len()..).for_each(|(name, round)| freeze(Stop::Named(name), round));
    assert!(needed.iter().all(|step| stopped.contains(step)), "{needed:?} are not all in {stopped:?}");
}

/// All steps are; of more than a thousand (a reader's, slot by slot) those of the beginning and of the end, and some;
/// beside the first ones of each name.
fn is_chosen(at: usize, count: usize) -> bool {
    const ENDS: usize = 150;
    count <= 1000 || at < ENDS || at + ENDS >= count || at % (count / (2 * ENDS)).max(1) == 0
}

/// Subscriptions that the others will use up in this round.
fn spent(bus: &Bus, round: usize) -> [Subscription; 2] {
    [0, 1].map(|other| bus.on(format!("p01.once.{round}.{other}")).unwrap().once().subscribe(|_| {}))
}

/// What others do while a thread stands at `step`.
fn go_on(bus: &Bus, round: usize, other: usize, step: &str) {
    let first = publish_event!(bus: bus, kind: format!("p01.new.{round}"), n = 0);
    assert!(first.event.is_some(), "{first:?} at {step}, the {round}th");
    let last = publish_event!(bus: bus, kind: format!("p01.once.{round}.{other}"), n = 0);
    assert_eq!(last.delivered, 2, "{last:?} at {step}, the {round}th");
    for n in 0..200 {
        let delivery = publish_event!(bus: bus, "p01.other", n);
        assert!(delivery.event.is_some() && delivery.delivered > 0, "{delivery:?} at {step}, the {round}th");
    }
}

/// A kind as a call site's first use makes it.
fn first_sight() -> Kind {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("p01.first.{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Kind::from_static(String::leak(name)).unwrap()
}

/// What every work passes, and every reader.
const OPERATIONS: [&str; 3] = ["atomic.load", "atomic.done", "once.get"];

/// Stops a thread in [`Bus::enable`] at each step in turn, while the bus's only subscription is used up: its publisher
/// does not wait to say so, and yet the bus is off in the end.
fn close_a_gate_that_is_held() {
    let mut at = 0;
    loop {
        let bus = Bus::builder().history(0).build().unwrap();
        let _once = bus.on("p01.last").unwrap().once().subscribe(|_| {});
        let owner = bus.clone();
        let (_, told, resume, victim) = play(Stop::At(at), move || owner.enable());
        let stopped = told.recv().unwrap();
        let last = publish_event!(bus: &bus, "p01.last");
        assert_eq!(last.delivered, 1, "{last:?} at {stopped:?}, the {at}th");
        let _ = resume.send(());
        victim.join().unwrap();
        assert_eq!(publish_event!(bus: &bus, "p01.last").outcome, Outcome::Disabled, "at {stopped:?}, the {at}th");
        if stopped.is_none() {
            break;
        }
        at += 1;
    }
    assert!(at > 10, "{at} steps");
}

/// A handler whose worker falls asleep after each event.
fn sleeper(bus: &Bus) -> Subscription {
    let handler = |_: &Event| {
        SLEEPER.set(true);
        IS_AWAKE.store(true, Ordering::SeqCst);
    };
    let guard = bus.on(["p01.sleeper", "p01.other"]).unwrap().in_thread().subscribe(handler).unwrap();
    publish_event!(bus: bus, "p01.sleeper");
    guard
}

/// Waits until that worker sleeps; no step of this counts.
fn wait_for_sleep(bus: &Bus) {
    let role = ROLE.take();
    // Its last call has been then.
    bus.wait_idle(Duration::from_secs(60)).unwrap();
    while IS_AWAKE.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    ROLE.set(role);
}

/// One test: frozen threads of two would find each other's rows, and there is one hook.
#[test]
fn p01_others_publish_while_one_is_frozen_at_any_step() {
    let bus = Bus::builder().history(500).build().unwrap();
    bus.on("p01.**").unwrap().subscribe(|_| {}).detach();
    bus.on("p01.new.*").unwrap().try_subscribe(|_| Err("planned".into())).detach();

    // On a new thread each time: a known kind, one that is interned now, as at a call site's first use, and a dynamic
    // one that nobody has seen.
    let named = [
        "interner.append",
        "registry.learn",
        "ring.ticket",
        "slot.check",
        "slot.exchange",
        "publish.recorded",
        "versioned.announce",
        "versioned.confirm",
        "versioned.replace",
        "call.mark",
        "call.check",
        "call.leave",
        "versioned.end",
    ];
    let operations = ["atomic.exchange", "atomic.fetch", "atomic.fence", "once.set", "snapshot.swap"];
    freeze_everywhere(&bus, &[&named[..], &operations, &OPERATIONS].concat(), |bus| {
        publish_event!(bus: bus, "p01.victim", n = 1);
        publish_event!(bus: bus, kind: first_sight(), n = 1);
        publish_event!(bus: bus, kind: format!("p01.dynamic.{:?}", std::thread::current().id()), n = 1);
    });
    // A subscription's last call.
    freeze_everywhere(&bus, &["registry.tidy", "control.claim", "lock.taken", "lock.leave"], |bus| {
        let _once = bus.on("p01.victim.once").unwrap().once().subscribe(|_| {});
        publish_event!(bus: bus, "p01.victim.once", n = 1);
    });
    freeze_everywhere(&bus, &["registry.swap", "close.look", "lock.taken", "lock.leave", "lock.left"], |bus| {
        bus.on("p01.other").unwrap().subscribe(|_| {}).close().unwrap();
    });
    freeze_everywhere(&bus, &["inbox.take", "inbox.open", "slot.take"], |bus| {
        drop(bus.on("p01.other").unwrap().replay(5).subscribe(|_| {}));
    });
    freeze_everywhere(&bus, &["slot.take", "slot.restore", "lock.taken", "lock.leave"], |bus| {
        drop((bus.recent(12), bus.try_recent(3)));
    });
    freeze_everywhere(&bus, &["slot.take", "slot.restore"], |bus| drop(bus.cursor().read()));
    freeze_everywhere(&bus, &["lock.take", "lock.taken", "lock.leave", "lock.left"], |bus| {
        bus.enable();
        assert!(bus.is_enabled() && bus.stats().enabled);
        drop(bus.subscriptions());
        bus.reset();
    });
    close_a_gate_that_is_held();

    // Who wakes a worker, for whose queue others have events too.
    let sleeper = sleeper(&bus);
    freeze_everywhere(&bus, &["queue.push", "wakers.take", "wakers.wake"], |bus| {
        wait_for_sleep(bus);
        publish_event!(bus: bus, "p01.sleeper", n = 1);
    });
    sleeper.close().unwrap();

    // Queues of handlers, full ones, by policy: who stands in the middle of a push, of a pop, or of an end.
    let _full = [Overflow::DropOldest, Overflow::DropNewest, Overflow::LatestOnly]
        .map(|policy| bus.on("p01.**").unwrap().queued().capacity(2).when_full(policy).receiver().unwrap());
    freeze_everywhere(&bus, &["queue.push", "mailbox.pushed"], |bus| {
        publish_event!(bus: bus, "p01.victim.queued", n = 1);
    });
    freeze_everywhere(&bus, &["queue.pop", "mailbox.look", "mailbox.stop"], |bus| {
        let mut own = bus.on("p01.**").unwrap().queued().capacity(2).receiver().unwrap();
        publish_event!(bus: bus, "p01.victim.queued", n = 1);
        while own.try_recv().is_ok() {}
        let _ = own.recv_timeout(Duration::ZERO);
    });
    // Who waits for an event that others push out of those queues, and so settle.
    freeze_everywhere(&bus, &["watch.told", "lock.taken", "lock.leave"], |bus| {
        let event = Event::builder("p01.victim.awaited").build().unwrap();
        bus.publish_and_wait(event, Duration::ZERO).unwrap();
    });
}
