//! Muting against publishers and failures: it holds for every later publish, and nothing is lost.

use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::support::Model;
use crate::support::control::*;
use crate::support::watched::Watched;

/// A publish that happens after `mute` returned does not reach the handler.
#[test]
fn muting_against_a_publish() {
    Model {
        name: "mute::muting_against_a_publish",
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
        name: "mute::muting_against_a_failure",
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
        name: "mute::unmuting_against_a_publish",
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
