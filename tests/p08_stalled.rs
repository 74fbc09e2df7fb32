//! While a thread stands still in the middle of an end, nobody is told that it is over; while one stands still in the middle
//! of a publish, what comes behind its event is handled, and what makes room for it costs no other; and what comes while
//! somebody counts is counted (P1, P8). Needs the feature `inject`, whose steps a thread may stop at.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

#[cfg(unix)]
#[path = "support/forked.rs"]
mod forked;
#[path = "support/held.rs"]
mod held;
#[path = "support/stands.rs"]
mod stands;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use held::{LONG, held, publish};
use ringbus::{Bus, Overflow, publish_event};
use stands::{Step, at, install, stands_at};

#[test]
fn an_end_is_not_over_before_what_waited_is_counted() {
    let bus = Bus::new();
    let jobs = bus.on("job").unwrap().receiver().unwrap();
    publish(&bus, 3);
    let report = std::thread::scope(|scope| {
        let _stands = stands_at(scope, Step::Named("mailbox.stop"), || drop(jobs)).unwrap();
        bus.shutdown(Duration::ZERO)
    });
    assert!(report.handlers[0].running && !report.is_complete(), "{report}");
}

/// The second publisher wakes one worker, which takes the event of the first.
#[test]
fn what_comes_behind_the_event_of_a_publisher_that_stands_still_finds_a_worker() {
    let bus = Bus::new();
    let (both, asleep) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let (tell, told) = channel();
    let sleeping = Arc::clone(&asleep);
    let handler = move |_: &ringbus::Event| {
        both.wait();
        let sleeping = Arc::clone(&sleeping);
        // Its last look before it sleeps.
        at(Step::Named("mailbox.look"), move || _ = sleeping.fetch_add(1, Ordering::SeqCst));
        tell.send(()).unwrap();
    };
    let _jobs = bus.on("job").unwrap().in_pool(2).subscribe(handler).unwrap();
    let both_handled = || (0..2).for_each(|_| told.recv_timeout(LONG).unwrap());
    publish(&bus, 2);
    both_handled();
    while asleep.load(Ordering::SeqCst) < 2 {
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        let _stands = stands_at(scope, Step::Named("mailbox.pushed"), || publish(&bus, 1)).unwrap();
        publish(&bus, 1);
        both_handled();
    });
}

#[test]
fn the_newest_event_is_kept_whatever_is_taken_out_while_its_publisher_makes_room() {
    for step in 0.. {
        let bus = Bus::new();
        let queue = bus.on("job").unwrap().queued().capacity(2).when_full(Overflow::DropOldest);
        let mut jobs = queue.receiver().unwrap();
        let publish = |n: i64| _ = publish_event!(bus: &bus, "job", n);
        (0..2).for_each(publish);
        let mut taken = Vec::new();
        let stood = std::thread::scope(|scope| {
            let stands = stands_at(scope, Step::After(step), || publish(2));
            taken.extend(jobs.try_iter());
            stands.is_some()
        });
        taken.extend(jobs.try_iter());
        let newest = taken.last().and_then(|event| event.get("n")?.as_i64());
        assert_eq!(newest, Some(2), "after {step} steps");
        let dropped = jobs.info().queue.unwrap().dropped;
        assert!(dropped <= 1 && dropped + taken.len() as u64 == 3, "{dropped} dropped after {step} steps");
        if !stood {
            assert!(step > 10, "{step} steps");
            break;
        }
    }
}

/// Its parent's worker was at the first of three events; the fourth comes while it counts what that one had at hand.
#[cfg(unix)]
#[test]
fn what_comes_while_a_child_counts_off_a_worker_is_accounted_for() {
    let bus = Bus::new();
    let (held, handler) = held();
    let jobs = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 3);
    held.begun.recv().unwrap();
    // A thread that is just installing it is not there in a child.
    install();
    let code = forked::forked(|| {
        let (own, (tell, told)) = (bus.clone(), channel());
        at(Step::Named("vanished.counts"), move || {
            publish(&own, 1);
            let _ = tell.send(());
        });
        // Before the child is killed.
        let idle = bus.wait_idle(LONG / 4).is_ok();
        let queue = jobs.info().queue.unwrap();
        let all_told = (queue.offered, queue.discarded, queue.waiting, queue.running) == (4, 4, 0, 0);
        i32::from(told.try_recv().is_err()) + 2 * i32::from(!idle) + 4 * i32::from(!all_told)
    });
    drop(held.go);
    assert_eq!(code, 0, "1: nothing came, 2: not idle, 4: not accounted for");
}
