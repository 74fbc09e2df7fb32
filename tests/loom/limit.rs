//! A limit against publishers: exactly so many calls, and a spent subscription does not stay.

use crate::support::Model;
use crate::support::control::*;

/// Two threads publish: one call is made, and the subscription is out of the list when both are done.
#[test]
fn one_call_for_two_publishers() {
    Model {
        name: "limit::one_call_for_two_publishers",
        promise: "P8: a limit is exact",
        preemptions: Some(3),
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
        name: "limit::tidying_against_subscribing",
        promise: "P9: a spent subscription does not stay",
        preemptions: Some(3),
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
