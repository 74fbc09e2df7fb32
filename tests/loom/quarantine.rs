//! Quarantine against publishers: it comes once, in the order of one counter, and ends by `resume`.

use std::num::NonZeroU32;
use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__models::Row;
use ringbus::FailurePolicy;

use crate::support::Model;
use crate::support::control::*;
use crate::support::watched::Watched;

/// The word alone: with a whole bus around it loom 0.7.2 fails by itself now and then (`rt/atomic.rs`, "this sometimes
/// fails").
fn row(after: u32) -> Arc<Row> {
    Arc::new(Row::new(NonZeroU32::new(after).unwrap()))
}

/// Calls if that is allowed, and fails; whether it was called, and whether that has brought the quarantine about.
fn fail(row: &Row) -> (bool, bool) {
    let called = row.may_be_called();
    (called, called && row.failed())
}

/// Two calls fail on two threads, two are allowed: neither is lost, and one brings the quarantine about.
#[test]
fn two_failures_on_two_threads() {
    Model {
        name: "quarantine::two_failures_on_two_threads",
        promise: "P4, P8: no failure of a row is lost",
        preemptions: None,
        outcomes: &["here", "there"],
    }
    .check(|| {
        let row = row(2);
        let there = {
            let row = Arc::clone(&row);
            thread::spawn(move || fail(&row))
        };
        let here = fail(&row);
        match (here, there.join().unwrap()) {
            ((true, true), (true, false)) => "here",
            ((true, false), (true, true)) => "there",
            other => panic!("called, brought it about: {other:?}"),
        }
    });
}

/// Two calls fail on two threads, one is allowed: the other is not made, or was under way; one brings the quarantine about.
#[test]
fn a_failure_beyond() {
    Model {
        name: "quarantine::a_failure_beyond",
        promise: "P4, P8: quarantine comes once",
        preemptions: None,
        outcomes: &["one call", "two calls, one of them under way"],
    }
    .check(|| {
        let row = row(1);
        let there = {
            let row = Arc::clone(&row);
            thread::spawn(move || fail(&row))
        };
        let here = fail(&row);
        match (here, there.join().unwrap()) {
            ((true, true), (false, false)) | ((false, false), (true, true)) => "one call",
            ((true, true), (true, false)) | ((true, false), (true, true)) => "two calls, one of them under way",
            other => panic!("called, brought it about: {other:?}"),
        }
    });
}

/// A success on one thread and the last failure on another: quarantined, unless the success came before.
#[test]
fn a_success_against_a_failure() {
    Model {
        name: "quarantine::a_success_against_a_failure",
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
        name: "quarantine::resuming_against_a_publish",
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
