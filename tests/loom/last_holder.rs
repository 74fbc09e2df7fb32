//! The last holder of a closure drops it, once, under no lock: whoever unsubscribes, a publisher that still has an old
//! table, or the one who drops the last handle of the bus.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::{AcqRel, Release};
use loom::thread::{self, ThreadId};
use ringbus::{Bus, WeakBus};

use crate::support::Model;
use crate::support::ending::*;

/// What a handler captures: user code that asks the bus something when it is dropped, which it cannot under a lock. Its
/// count is not loom's, which does not see the reference counts that order the drop after the calls.
struct Asks {
    bus: WeakBus,
    drops: Arc<AtomicUsize>,
    dropped_by: Arc<std::sync::Mutex<Option<ThreadId>>>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(bus) = self.bus.upgrade() {
            assert!(bus.subscriptions().is_empty(), "dropped, and still in the list");
        }
        self.drops.fetch_add(1, Ordering::Relaxed);
        *self.dropped_by.lock().unwrap() = Some(thread::current().id());
    }
}

impl Asks {
    fn new(bus: &Bus) -> Self {
        Self { bus: bus.downgrade(), drops: Arc::default(), dropped_by: Arc::default() }
    }
}

/// A publisher has the table while the subscription is taken out: one of the two holds the closure last, and drops it.
#[test]
fn an_old_table_against_unsubscribing() {
    Model {
        name: "last_holder::an_old_table_against_unsubscribing",
        promise: "P6, P7: a closure is dropped once, under no lock",
        preemptions: Some(3),
        outcomes: &["dropped by the publisher", "dropped by who unsubscribed"],
    }
    .check(|| {
        let bus = bus();
        let capture = Asks::new(&bus);
        let (drops, dropped_by) = (Arc::clone(&capture.drops), Arc::clone(&capture.dropped_by));
        let guard = bus.on("held").unwrap().subscribe(move |_| assert_eq!(capture.drops.load(Ordering::Relaxed), 0));
        let id = guard.id();
        guard.detach();
        let there = publisher(&bus, "held");
        assert!(bus.unsubscribe(id));
        there.join().unwrap();
        // The publisher's thread-locals and its handle are gone, or will be without another dispatch.
        assert_eq!(drops.load(Ordering::Relaxed), 1, "not dropped once");
        let here = *dropped_by.lock().unwrap() == Some(thread::current().id());
        if here { "dropped by who unsubscribed" } else { "dropped by the publisher" }
    });
}

/// A subscription has used up its calls, and two publishers are at it: who takes it out drops it outside the lock, or
/// leaves it to the other one's table.
#[test]
fn an_old_table_against_tidying() {
    Model {
        name: "last_holder::an_old_table_against_tidying",
        promise: "P7, P9: a spent subscription's closure is dropped once, under no lock",
        preemptions: Some(3),
        outcomes: &["dropped here", "dropped there"],
    }
    .check(|| {
        let bus = bus();
        let capture = Asks::new(&bus);
        let (drops, dropped_by) = (Arc::clone(&capture.drops), Arc::clone(&capture.dropped_by));
        let handler = move |_: &ringbus::Event| assert_eq!(capture.drops.load(Ordering::Relaxed), 0);
        bus.on("held").unwrap().once().subscribe(handler).detach();
        let there = publisher(&bus, "held");
        let called = publish(&bus, "held") + there.join().unwrap();
        assert_eq!((called, drops.load(Ordering::Relaxed)), (1, 1), "not called once, or not dropped once");
        let here = *dropped_by.lock().unwrap() == Some(thread::current().id());
        if here { "dropped here" } else { "dropped there" }
    });
}

/// Publishes on a thread of its own, says that it is done, and drops its handle: the last one, unless the other thread
/// comes after it.
fn publish_and_drop(bus: &Bus, done: &Arc<AtomicBool>) -> thread::JoinHandle<u32> {
    let (bus, done) = (bus.clone(), Arc::clone(done));
    thread::spawn(move || {
        let delivered = publish(&bus, "held");
        done.store(true, Release);
        drop(bus);
        delivered
    })
}

/// Whether the publisher is done; loom does not see what the handles' own count orders, so this does.
fn is_done(done: &AtomicBool) -> bool {
    done.fetch_or(false, AcqRel)
}

/// The last handle of a bus goes while another thread publishes on it: who drops the last one drops what is subscribed,
/// also where the guard lives on.
#[test]
fn the_last_handle_against_a_publish() {
    Model {
        name: "last_holder::the_last_handle_against_a_publish",
        promise: "P10: a bus can be dropped at any time",
        preemptions: None,
        outcomes: &["the publisher was done", "the publisher was not done"],
    }
    .check(|| {
        let (bus, life, done) = (bus(), Life::new(), Arc::new(AtomicBool::new(false)));
        let guard = life.subscribe(&bus, "held");
        let there = publish_and_drop(&bus, &done);
        let knew = is_done(&done);
        drop(bus);
        assert_eq!(there.join().unwrap(), 1, "the publisher's handle keeps the bus");
        assert_eq!((life.calls(), life.drops(), guard.is_active()), (1, 1, false), "the closure goes with the bus");
        if knew { "the publisher was done" } else { "the publisher was not done" }
    });
}

/// The handle is dropped inside a handler of another bus, while its own bus is published on by another thread.
#[test]
fn the_last_handle_inside_a_handler() {
    Model {
        name: "last_holder::the_last_handle_inside_a_handler",
        promise: "P7, P10: a bus can be dropped at any time",
        preemptions: Some(3),
        outcomes: &["the publisher was done", "the publisher was not done"],
    }
    .check(|| {
        let (held, around, life, done) = (bus(), bus(), Life::new(), Arc::new(AtomicBool::new(false)));
        let guard = life.subscribe(&held, "held");
        let there = publish_and_drop(&held, &done);
        let (slot, knew) = (std::sync::Mutex::new(Some(held)), Arc::new(std::sync::OnceLock::new()));
        let _around = {
            let knew = Arc::clone(&knew);
            around.on("around").unwrap().subscribe(move |_| {
                knew.set(is_done(&done)).unwrap();
                let held = slot.lock().unwrap().take();
                drop(held);
            })
        };
        assert_eq!(publish(&around, "around"), 1);
        assert_eq!(there.join().unwrap(), 1, "the publisher's handle keeps the bus");
        assert_eq!((life.calls(), life.drops(), guard.is_active()), (1, 1, false), "the closure goes with the bus");
        if *knew.get().unwrap() { "the publisher was done" } else { "the publisher was not done" }
    });
}
