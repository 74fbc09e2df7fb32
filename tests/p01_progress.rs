//! P1: freeze a thread at any step of its publish, and others still publish.
//!
//! Needs the feature `inject`, whose steps a test may stop at. Not for the feature `reference-table`: its table takes a
//! lock, and does not keep this promise.
#![cfg(all(feature = "inject", not(feature = "reference-table")))]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, Kind, publish_event};

/// What a thread does at the steps that it passes.
enum Role {
    /// Notes them.
    Scout(Arc<Mutex<Vec<&'static str>>>),
    /// Stops at the so-many-th one, says so, and goes on when it is told to.
    Victim { left: usize, stopped: Sender<&'static str>, resume: Receiver<()> },
}

thread_local! {
    static ROLE: RefCell<Option<Role>> = const { RefCell::new(None) };
}

fn install() {
    ringbus::__inject::set_step_hook(Box::new(|step| {
        // Out of the cell while the thread is stopped: nothing is borrowed then.
        let stop = ROLE.with_borrow_mut(|role| match role {
            Some(Role::Scout(steps)) => {
                steps.lock().unwrap().push(step);
                None
            }
            Some(Role::Victim { left: 0, .. }) => role.take(),
            Some(Role::Victim { left, .. }) => {
                *left -= 1;
                None
            }
            None => None,
        });
        if let Some(Role::Victim { stopped, resume, .. }) = stop {
            stopped.send(step).unwrap();
            resume.recv().unwrap();
        }
    }));
}

/// Runs `work` on a new thread that plays `role`.
fn play(role: Role, work: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        ROLE.set(Some(role));
        work();
        ROLE.set(None);
    })
}

/// Stops a thread that does `work` at each step in turn; while it stands, others publish.
fn freeze_everywhere(bus: &Bus, work: impl Fn() + Clone + Send + 'static, needed: &[&str]) {
    let steps = Arc::default();
    play(Role::Scout(Arc::clone(&steps)), work.clone()).join().unwrap();
    let count = steps.lock().unwrap().len();
    let seen: BTreeSet<_> = steps.lock().unwrap().iter().copied().collect();
    for step in needed {
        assert!(seen.contains(step), "{step} is not among {seen:?}");
    }
    let mut reached = 0;
    // Later rounds may pass fewer steps: rows and kinds are there already.
    for at in 0..count {
        let (stopped, has_stopped) = channel();
        let (resume, may_resume) = channel();
        let victim = play(Role::Victim { left: at, stopped, resume: may_resume }, work.clone());
        if let Ok(step) = has_stopped.recv() {
            reached += 1;
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let bus = bus.clone();
                    std::thread::spawn(move || {
                        let before = publish_event!(bus: &bus, kind: format!("p01.new.{at}"), n = 0);
                        assert!(before.event.is_some());
                        for n in 0..10_000 {
                            let delivery = publish_event!(bus: &bus, "p01.other", n);
                            assert!(delivery.event.is_some() && delivery.delivered > 0, "{delivery:?} at {step}");
                        }
                    })
                })
                .collect();
            others.into_iter().for_each(|other| other.join().unwrap());
            resume.send(()).unwrap();
        }
        victim.join().unwrap();
    }
    assert!(reached >= needed.len(), "{reached} of {count}");
}

/// A kind as a call site's first use makes it.
fn first_sight() -> Kind {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("p01.first.{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Kind::from_static(String::leak(name)).unwrap()
}

#[test]
fn p01_others_publish_while_one_is_frozen_at_any_step() {
    install();
    let bus = Bus::builder().history(500).build().unwrap();
    bus.on("p01.**").unwrap().subscribe(|_| {}).detach();

    let publisher = bus.clone();
    let publish = move || {
        // On a new thread each time: a known kind, one that is interned now, as at a call site's first use, and a
        // dynamic one that nobody has seen.
        publish_event!(bus: &publisher, "p01.victim", n = 1);
        publish_event!(bus: &publisher, kind: first_sight(), n = 1);
        publish_event!(bus: &publisher, kind: format!("p01.dynamic.{:?}", std::thread::current().id()), n = 1);
    };
    let steps = [
        "interner.append",
        "registry.learn",
        "ring.ticket",
        "slot.check",
        "slot.exchange",
        "publish.recorded",
        "call.mark",
        "call.check",
        "call.leave",
    ];
    freeze_everywhere(&bus, publish, &steps);

    let subscriber = bus.clone();
    let subscribe = move || {
        let guard = subscriber.on("p01.other").unwrap().subscribe(|_| {});
        guard.close().unwrap();
    };
    freeze_everywhere(&bus, subscribe, &["registry.swap", "close.look"]);

    let reader = bus.clone();
    let read = move || drop(reader.recent(20));
    freeze_everywhere(&bus, read, &["slot.take", "slot.restore"]);
}
