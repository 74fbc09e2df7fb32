//! P10: forks in the middle of everything: other threads publish, subscribe, close, read, and hold the bus's locks at that
//! instant. The child publishes, and never waits where it must not. In a process of its own.
//!
//! Not for the feature `reference-table`: its table takes a lock that a thread of the parent may have, and a child would wait
//! for that for ever.
#![cfg(all(unix, not(ringbus_loom), not(feature = "reference-table")))]

#[path = "support/foreign.rs"]
mod foreign;
#[path = "support/forked.rs"]
mod forked;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use foreign::foreign;
use forked::forked;
use ringbus::{Bus, Event, Outcome, publish_event};

/// The part of an event's id that tells processes and threads apart.
fn prefix(event: &Event) -> u128 {
    event.id().as_u128() >> 64
}

/// Tells threads to stop when it goes, in a panic too: a scope waits for its threads before the panic goes on.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Work for a thread until it is told to stop.
fn until(stop: &AtomicBool, mut work: impl FnMut()) {
    while !stop.load(Ordering::Relaxed) {
        work();
    }
}

#[test]
fn p10_a_child_publishes_whatever_its_parents_threads_were_doing() {
    const FORKS: u64 = 60;
    let bus = Bus::builder().history(500).shards(2).build().unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let _mine = bus.on("p10.child").unwrap().subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    let mine = publish_event!(bus: &bus, "p10.child", n = 0).event.unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| until(&stop, || drop(publish_event!(bus: &bus, "p10.load", text = "a text that is longer"))));
        // The registry's lock, and tables that change.
        scope.spawn(|| until(&stop, || bus.on("p10.load").unwrap().subscribe(|_| {}).close().unwrap()));
        // The lock that readers share.
        scope.spawn(|| until(&stop, || drop((bus.recent(500), bus.history().matching("p10.*").unwrap().all()))));
        let (mut idle, mut busy) = (0, 0);
        for _ in 0..FORKS {
            let code = forked(|| {
                let delivery = publish_event!(bus: &bus, "p10.child", n = 1);
                let event = delivery.event.unwrap();
                if delivery.delivered != 1 || delivery.outcome != Outcome::Published || prefix(&event) == prefix(&mine)
                {
                    return 2;
                }
                // A kind that the table has not met: the publisher tries the lock and does not wait for it.
                if publish_event!(bus: &bus, "p10.unmet", n = 2).outcome != Outcome::Published {
                    return 3;
                }
                // A bus of the child's own does all, on threads of its own too.
                let own = Bus::new();
                let guard = own.subscribe(|_| {});
                let there = foreign(|| publish_event!(bus: &own, "p10.own").event.unwrap());
                if guard.info().delivered != 1 || guard.close().is_err() || own.recent(9).len() != 1 {
                    return 4;
                }
                if prefix(&there) == prefix(&event) || prefix(&there) == prefix(&mine) {
                    return 5;
                }
                // Somebody who is not here may have the readers' lock: then that is the answer, at once and always.
                match bus.try_recent(500) {
                    Ok(found) if found.iter().any(|one| one.id() == event.id()) => 0,
                    // Overtaken by nothing: only this thread publishes here.
                    Ok(_) => 6,
                    Err(_) => 7 * i32::from(bus.try_recent(1).is_ok()) + 1,
                }
            });
            match code {
                0 => idle += 1,
                1 => busy += 1,
                code => panic!("the child says {code}"),
            }
        }
        assert_eq!(idle + busy, FORKS);
    });
    assert_eq!(heard.load(Ordering::Relaxed), 1, "what children publish is theirs");
    assert_eq!(prefix(&publish_event!(bus: &bus, "p10.child", n = 3).event.unwrap()), prefix(&mine));
}

#[test]
fn p10_a_childs_child_is_a_third_process() {
    let bus = Bus::new();
    let guard = bus.subscribe(|_| {});
    let of = |bus: &Bus| prefix(&publish_event!(bus: bus, "p10.generation").event.unwrap());
    let first = of(&bus);
    let code = forked(|| {
        let second = of(&bus);
        let code = forked(|| {
            let third = of(&bus);
            let other = foreign(|| of(&bus));
            let mut all = vec![first, second, third, other];
            all.sort_unstable();
            all.dedup();
            // Single-threaded all the way: here everything works.
            let late = bus.subscribe(|_| {});
            publish_event!(bus: &bus, "p10.generation");
            let heard = (late.info().delivered, bus.recent(100).len()) == (1, 5);
            i32::from(all.len() != 4) + 2 * i32::from(!heard) + 4 * i32::from(late.close().is_err())
        });
        // Its own children do not change who it is.
        if of(&bus) == second { code } else { 32 }
    });
    assert_eq!(code, 0, "1: ids are not fresh, 2: not heard or recorded, 4: not closed");
    assert_eq!((of(&bus), guard.info().delivered), (first, 2));
}

#[test]
fn p10_a_filter_that_forks_goes_on_in_both() {
    let bus = Bus::new();
    let codes = Arc::new(Mutex::new(Vec::new()));
    let (list, inner) = (Arc::clone(&codes), bus.downgrade());
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let guard = bus
        .on("p10.forks")
        .unwrap()
        .filter(move |event| {
            let bus = inner.upgrade().unwrap();
            let code = forked(|| {
                // Inside the dispatch still: nested, and in the middle of a call.
                let delivery = publish_event!(bus: &bus, "p10.nested");
                let nested = delivery.event.unwrap();
                let inside = ringbus::current().is_some_and(|current| current.same_bus(&bus));
                i32::from(!inside)
                    + 2 * i32::from(prefix(&nested) == prefix(event))
                    + 4 * i32::from(bus.try_recent(1).map(|found| found[0].id()) != Ok(nested.id()))
            });
            list.lock().unwrap().push(code);
            true
        })
        .subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    assert_eq!(publish_event!(bus: &bus, "p10.forks").delivered, 1);
    assert_eq!((codes.lock().unwrap().clone(), heard.load(Ordering::Relaxed)), (vec![0], 1));
    guard.close().unwrap();
}
