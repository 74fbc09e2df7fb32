//! Whether a subscription may be called: limits, quarantine and muting against publishers on two threads.
#![cfg(ringbus_loom)]

mod loom_support;

use std::num::NonZeroU32;
use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use loom_support::Model;
use loom_support::watched::Watched;
use ringbus::{Bus, Event, FailurePolicy, Subscribe, Subscription};

fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

/// A bus that counts what it reports: failures that brought a quarantine about.
fn reporting_bus() -> (Bus, Reports) {
    let reports = Reports::default();
    let counter = Shared::clone(&reports);
    let hook = move |failure: &ringbus::Failure<'_>| {
        counter.fetch_add(usize::from(failure.quarantined), std::sync::atomic::Ordering::Relaxed);
    };
    (Bus::builder().history(0).shards(1).on_failure(hook).build().unwrap(), reports)
}

/// A count that orders nothing; loom need not know it.
type Reports = Shared<std::sync::atomic::AtomicUsize>;

fn count(reports: &Reports) -> usize {
    reports.load(std::sync::atomic::Ordering::Relaxed)
}

/// Publishes once; how many handlers took it, and how many failed.
fn publish(bus: &Bus) -> (u32, u32) {
    let delivery = bus.publish(Event::builder("control.event").build().unwrap());
    (delivery.delivered, delivery.failed)
}

fn publisher(bus: &Bus) -> thread::JoinHandle<(u32, u32)> {
    let bus = bus.clone();
    thread::spawn(move || publish(&bus))
}

fn on(bus: &Bus) -> Subscribe {
    bus.on("control.event").unwrap()
}

/// A handler that always fails, and goes into quarantine after so many failures.
fn failing(bus: &Bus, after: u32) -> Subscription {
    let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(after).unwrap() };
    on(bus).failure_policy(policy).try_subscribe(|_| Err("always".into()))
}

// === limits ===

/// Two threads publish: one call is made, and the subscription is out of the list when both are done.
#[test]
fn one_call_for_two_publishers() {
    Model {
        name: "loom_control::one_call_for_two_publishers",
        promise: "P8: a limit is exact",
        preemptions: None,
        outcomes: &["called here", "called there"],
    }
    .check(|| {
        let bus = bus();
        let guard = on(&bus).once().subscribe(|_| {});
        let there = publisher(&bus);
        let (here, _) = publish(&bus);
        let (there, _) = there.join().unwrap();
        assert!(bus.subscriptions().is_empty() && !guard.is_active(), "spent, and still in the list");
        match (here, there) {
            (1, 0) => "called here",
            (0, 1) => "called there",
            other => panic!("not one call: {other:?}"),
        }
    });
}

/// A subscription is used up while another thread changes the table: one of the two takes it out.
#[test]
fn tidying_against_subscribing() {
    Model {
        name: "loom_control::tidying_against_subscribing",
        promise: "P9: a spent subscription does not stay",
        preemptions: None,
        outcomes: &["the other one called too", "only the spent one called"],
    }
    .check(|| {
        let bus = bus();
        let _spent = on(&bus).once().subscribe(|_| {});
        let there = publisher(&bus);
        let other = on(&bus).subscribe(|_| {});
        let (called, _) = there.join().unwrap();
        let list: Vec<_> = bus.subscriptions().iter().map(|info| info.id).collect();
        assert_eq!(list, [other.id()], "spent, and still in the list");
        if called == 2 { "the other one called too" } else { "only the spent one called" }
    });
}

// === quarantine ===

/// Three calls fail on two threads, two are allowed: one report says so, and no call is made after that.
#[test]
fn two_failures_on_two_threads() {
    Model {
        name: "loom_control::two_failures_on_two_threads",
        promise: "P4, P8: quarantine comes once",
        preemptions: Some(3),
        outcomes: &["two calls", "three calls, one of them under way"],
    }
    .check(|| {
        let (bus, reports) = reporting_bus();
        let guard = failing(&bus, 2);
        let there = publisher(&bus);
        let failed = publish(&bus).1 + publish(&bus).1 + there.join().unwrap().1;
        assert_eq!(count(&reports), 1, "one failure brings the quarantine about, and is reported");
        assert_eq!(publish(&bus), (0, 0), "called in quarantine");
        let info = guard.info();
        assert_eq!((info.failed, info.quarantined), (failed.into(), 4 - u64::from(failed)));
        match failed {
            2 => "two calls",
            3 => "three calls, one of them under way",
            other => panic!("{other} calls"),
        }
    });
}

/// A success on one thread and the last failure on another: quarantined, unless the success came before.
#[test]
fn a_success_against_a_failure() {
    Model {
        name: "loom_control::a_success_against_a_failure",
        promise: "P4: a success ends the row or comes too late",
        preemptions: None,
        outcomes: &["quarantined", "the row ended"],
    }
    .check(|| {
        let (bus, reports) = reporting_bus();
        let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(2).unwrap() };
        let here = thread::current().id();
        let works = Arc::new(AtomicBool::new(false));
        let guard = {
            let works = Arc::clone(&works);
            on(&bus).failure_policy(policy).try_subscribe(move |_| {
                let fails = thread::current().id() == here && !works.load(Ordering::Relaxed);
                if fails { Err("here".into()) } else { Ok(()) }
            })
        };
        assert_eq!(publish(&bus), (0, 1));
        let there = publisher(&bus);
        assert_eq!(publish(&bus).1, 1, "one failure alone is no reason");
        there.join().unwrap();
        works.store(true, Ordering::Relaxed);
        match (count(&reports), publish(&bus)) {
            (1, (0, 0)) => "quarantined",
            (0, (1, 0)) => "the row ended",
            other => panic!("half in quarantine: {other:?}, {:?}", guard.info()),
        }
    });
}

/// A handler that is called after `resume` sees what was done before it.
#[test]
fn resuming_against_a_publish() {
    Model {
        name: "loom_control::resuming_against_a_publish",
        promise: "P5: what came before `resume` is seen",
        preemptions: None,
        outcomes: &["called", "still in quarantine"],
    }
    .check(|| {
        let (bus, repaired) = (bus(), Shared::new(Watched::new(0)));
        let policy = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
        let guard = {
            let repaired = Shared::clone(&repaired);
            on(&bus).failure_policy(policy).try_subscribe(move |_| match repaired.read() {
                0 => Err("broken".into()),
                _ => Ok(()),
            })
        };
        assert_eq!(publish(&bus), (0, 1));
        let there = publisher(&bus);
        repaired.write(1);
        assert!(guard.resume());
        match there.join().unwrap() {
            (1, 0) => "called",
            (0, 0) => "still in quarantine",
            other => panic!("called before it was repaired: {other:?}"),
        }
    });
}

// === muting ===

/// A publish that happens after `mute` returned does not reach the handler.
#[test]
fn muting_against_a_publish() {
    Model {
        name: "loom_control::muting_against_a_publish",
        promise: "P5: `mute`",
        preemptions: None,
        outcomes: &["called before", "muted meanwhile", "muted"],
    }
    .check(|| {
        let bus = bus();
        let guard = on(&bus).subscribe(|_| {});
        let done = Arc::new(AtomicBool::new(false));
        let there = {
            let (bus, done) = (bus.clone(), Arc::clone(&done));
            thread::spawn(move || (done.load(Ordering::Acquire), publish(&bus).0))
        };
        assert!(guard.mute());
        done.store(true, Ordering::Release);
        match there.join().unwrap() {
            (true, 0) => "muted",
            (false, 0) => "muted meanwhile",
            (false, 1) => "called before",
            other => panic!("called after it was muted: {other:?}"),
        }
    });
}

/// Muting and a failure change one word at the same moment: neither is lost.
#[test]
fn muting_against_a_failure() {
    Model {
        name: "loom_control::muting_against_a_failure",
        promise: "P8: neither the mute nor the failure is lost",
        preemptions: None,
        outcomes: &["failed, then muted", "muted before"],
    }
    .check(|| {
        let bus = bus();
        let guard = failing(&bus, 1);
        let there = publisher(&bus);
        assert!(guard.mute());
        let (_, failed) = there.join().unwrap();
        assert_eq!(publish(&bus), (0, 0), "called though muted");
        assert!(guard.unmute(), "the mute was lost");
        match (failed, publish(&bus)) {
            (1, (0, 0)) => "failed, then muted",
            (0, (0, 1)) => "muted before",
            other => panic!("the failure was lost: {other:?}"),
        }
    });
}

/// A handler that is called after `unmute` sees what was done before it; one that was called before had its own.
#[test]
fn unmuting_against_a_publish() {
    Model {
        name: "loom_control::unmuting_against_a_publish",
        promise: "P5: what came before `unmute` is seen",
        preemptions: None,
        outcomes: &["called", "still muted"],
    }
    .check(|| {
        let (bus, ready) = (bus(), Shared::new(Watched::new(0)));
        let calls = Arc::new(AtomicUsize::new(0));
        let guard = {
            let (ready, calls) = (Shared::clone(&ready), Arc::clone(&calls));
            on(&bus).subscribe(move |_| {
                assert_eq!(ready.read(), 1, "called while muted");
                calls.fetch_add(1, Ordering::Relaxed);
            })
        };
        assert!(guard.mute());
        let there = publisher(&bus);
        ready.write(1);
        assert!(guard.unmute());
        let answer = there.join().unwrap();
        match (answer, calls.load(Ordering::Relaxed)) {
            ((1, 0), 1) => "called",
            ((0, 0), 0) => "still muted",
            other => panic!("called while muted: {other:?}"),
        }
    });
}
