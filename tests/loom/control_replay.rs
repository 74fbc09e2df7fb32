//! What may be called now, against being told of the past: one word and one count serve both, so a limit, a row of
//! failures and a mute hold over the seam.

use std::num::NonZeroU32;

use loom::thread;
use ringbus::{Bus, FailurePolicy};

use crate::support::Model;
use crate::support::control::{Reports, count};
use crate::support::replay::*;

fn publisher(bus: &Bus, n: i64) -> thread::JoinHandle<u32> {
    let bus = bus.clone();
    thread::spawn(move || publish(&bus, n))
}

/// A handler that may be called once is told of the past, or called by a publisher: once, and then it is gone.
#[test]
fn one_call_for_the_past_and_a_publisher() {
    Model {
        name: "control_replay::one_call_for_the_past_and_a_publisher",
        promise: "P8: a limit is exact",
        preemptions: Some(3),
        outcomes: &["told", "called by the publisher"],
    }
    .check(|| {
        let bus = bus(2);
        let there = publisher(&bus, 1);
        let guard = bus.on("replay.event").unwrap().once().replay(10).subscribe(|_| {});
        let called = there.join().unwrap();
        assert!(bus.subscriptions().is_empty() && !guard.is_active(), "spent, and still in the list");
        assert_eq!((guard.info().delivered, publish(&bus, 2)), (1, 0), "not one call");
        if called == 1 { "called by the publisher" } else { "told" }
    });
}

/// Two failures are allowed, one is told of the past and one published meanwhile: they are one row, whoever made the
/// calls, and one of them reports the quarantine.
#[test]
fn a_row_of_failures_over_the_seam() {
    Model {
        name: "control_replay::a_row_of_failures_over_the_seam",
        promise: "P4, P8: quarantine comes once",
        preemptions: Some(3),
        outcomes: &["both told", "one told"],
    }
    .check(|| {
        let reports = Reports::default();
        let counter = std::sync::Arc::clone(&reports);
        let hook = move |failure: &ringbus::Failure<'_>| {
            counter.fetch_add(usize::from(failure.quarantined), std::sync::atomic::Ordering::Relaxed);
        };
        let bus = Bus::builder().history(2).shards(1).on_failure(hook).build().unwrap();
        publish(&bus, 1);
        let there = {
            let bus = bus.clone();
            let event = ringbus::Event::builder("replay.event").field("n", 2).build().unwrap();
            thread::spawn(move || bus.publish(event).failed)
        };
        let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(2).unwrap() };
        let fails = |_: &ringbus::Event| Err("always".into());
        let guard = bus.on("replay.event").unwrap().failure_policy(policy).replay(10).try_subscribe(fails);
        let failed = there.join().unwrap();
        assert_eq!(count(&reports), 1, "one failure brings the quarantine about");
        let info = guard.info();
        assert_eq!((info.failed, info.lagged, guard.resume()), (2, 0, true));
        if failed == 0 { "both told" } else { "one told" }
    });
}

/// It is muted while it is told, and then an event is published: that one does not reach it, neither by its publisher
/// nor out of the inbox, and counts as skipped.
#[test]
fn muting_what_is_told() {
    Model {
        name: "control_replay::muting_what_is_told",
        promise: "P5: `mute`",
        preemptions: Some(3),
        outcomes: &["told before", "muted before it was told", "muted too early"],
    }
    .check(|| {
        let bus = bus(2);
        publish(&bus, 1);
        let other = {
            let bus = bus.clone();
            thread::spawn(move || {
                let muted = bus.subscriptions().first().is_some_and(|one| bus.mute(one.id));
                publish(&bus, 2);
                muted
            })
        };
        let seen = Seen::default();
        let guard = seen.subscribe(&bus);
        let muted = other.join().unwrap();
        let skipped = guard.info().skipped;
        match (muted, &seen.numbers()[..], skipped) {
            (true, [1], 1) => "told before",
            (true, [], 2) => "muted before it was told",
            (false, [1, 2], 0) => "muted too early",
            other => panic!("called after it was muted, or not counted: {other:?}"),
        }
    });
}
