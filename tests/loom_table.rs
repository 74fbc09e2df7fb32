//! The table: a swap against a dispatch; who subscribed before sees the event, who was removed before does not.
#![cfg(ringbus_loom)]

mod loom_support;

use std::sync::Arc as Shared;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use loom_support::Model;
use ringbus::{Bus, Event, Subscription};

fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

fn event() -> Event {
    Event::builder("table.event").build().unwrap()
}

/// What a closure captures: loom reports it if a call is not ordered after the subscriber's writing.
struct Capture(UnsafeCell<u32>);

// SAFETY: loom reports every unsynchronised access; that is what the model is for.
unsafe impl Sync for Capture {}
// SAFETY: as above.
unsafe impl Send for Capture {}

fn count(bus: &Bus, order: i32) -> (Subscription, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let capture = Capture(UnsafeCell::new(0));
    capture.0.with_mut(|at| {
        // SAFETY: nobody else has it yet.
        unsafe { *at = 7 }
    });
    let guard = bus.on("table.event").unwrap().order(order).subscribe(move |_| {
        let capture = &capture;
        capture.0.with(|at| {
            // SAFETY: loom reports it if the writing above is not ordered before.
            assert_eq!(unsafe { *at }, 7)
        });
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (guard, calls)
}

/// Publishes once, and says whether it knew before that the other thread's change was done.
fn publish_knowing(bus: &Bus, done: &AtomicBool) -> (bool, u32) {
    let knew = done.load(Ordering::Acquire);
    (knew, bus.publish(event()).delivered)
}

/// A publish that happens after `subscribe` returned reaches the handler.
#[test]
fn subscribing_against_a_dispatch() {
    Model {
        name: "loom_table::subscribing_against_a_dispatch",
        promise: "P5",
        preemptions: Some(3),
        outcomes: &["before", "meanwhile, and seen", "after"],
    }
    .check(|| {
        let bus = bus();
        let done = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, done) = (bus.clone(), Arc::clone(&done));
            thread::spawn(move || publish_knowing(&bus, &done))
        };
        let (guard, calls) = count(&bus, 0);
        done.store(true, Ordering::Release);
        let (knew, delivered) = publisher.join().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), delivered as usize);
        drop(guard);
        match (knew, delivered) {
            (true, 1) => "after",
            (false, 1) => "meanwhile, and seen",
            (false, 0) => "before",
            other => panic!("subscribed, and not called: {other:?}"),
        }
    });
}

/// A publish that happens after the guard was dropped does not reach the handler.
#[test]
fn unsubscribing_against_a_dispatch() {
    Model {
        name: "loom_table::unsubscribing_against_a_dispatch",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["called before", "gone meanwhile", "gone"],
    }
    .check(|| {
        let bus = bus();
        let (guard, calls) = count(&bus, 0);
        let (_stays, _) = count(&bus, 0);
        let done = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, done) = (bus.clone(), Arc::clone(&done));
            thread::spawn(move || publish_knowing(&bus, &done).0)
        };
        drop(guard);
        done.store(true, Ordering::Release);
        let knew = publisher.join().unwrap();
        match (knew, calls.load(Ordering::Relaxed)) {
            (true, 0) => "gone",
            (false, 0) => "gone meanwhile",
            (false, 1) => "called before",
            other => panic!("called after it was unsubscribed: {other:?}"),
        }
    });
}

/// A handler removed while an event is dispatched is not called any more, if its turn had not come.
#[test]
fn removal_during_a_dispatch() {
    Model {
        name: "loom_table::removal_during_a_dispatch",
        promise: "P5",
        preemptions: Some(2),
        outcomes: &["called before the removal", "removed before its turn"],
    }
    .check(|| {
        let bus = bus();
        let removed = Shared::new(Arc::new(AtomicBool::new(false)));
        let knew = Arc::new(AtomicBool::new(false));
        // The first handler looks, in the middle of the dispatch, whether the second is gone.
        let first = {
            let (removed, knew) = (Shared::clone(&removed), Arc::clone(&knew));
            bus.on("table.event").unwrap().order(1).subscribe(move |_| {
                knew.store(removed.load(Ordering::Acquire), Ordering::Relaxed);
            })
        };
        let (second, calls) = count(&bus, 0);
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish(event()).delivered)
        };
        drop(second);
        removed.store(true, Ordering::Release);
        publisher.join().unwrap();
        drop(first);
        match (knew.load(Ordering::Relaxed), calls.load(Ordering::Relaxed)) {
            (true, 1) => panic!("called in its turn, though removed before that"),
            (_, 0) => "removed before its turn",
            _ => "called before the removal",
        }
    });
}

/// Two threads subscribe at once: both tables' changes are in the last one.
#[test]
fn swap_against_swap() {
    Model { name: "loom_table::swap_against_swap", promise: "P5, P8", preemptions: Some(3), outcomes: &["both"] }
        .check(|| {
            let bus = bus();
            let other = {
                let bus = bus.clone();
                thread::spawn(move || count(&bus, 0).0)
            };
            let (_here, _) = count(&bus, 0);
            let _there = other.join().unwrap();
            assert_eq!(bus.publish(event()).delivered, 2);
            "both"
        });
}
