//! What of the parts cannot be seen from outside: routes that are learnt and forgotten, what a subscription counts, code
//! that is dropped.

use core::any::Any;
use core::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::awaited::{self, HandlerErrorCause, StillRunning};
use super::ended::EndedBy;
use super::handler::{Callback, Filters, Handle};
use super::info::SubscriptionId;
use super::registry::Registry;
use super::reporter::Reporter;
use super::subscriber::{Draft, Options, Subscriber};
use super::table::Table;
use super::warning::Warning;
use crate::event::{Event, IntoSelector, Kind};
use crate::sync::counter::Lane;
use crate::sync::{frames, rows};

fn draft(selector: impl IntoSelector) -> Draft {
    let handle = Handle::Event(Box::new(|_: &Event| Ok(())));
    let callback = Callback { filters: Filters::default(), handle, typed: false };
    let options = Options::new(selector.into_selector().unwrap());
    Draft { callback, place: Location::caller(), replays: false, stripes: 1, options, backlog: None }
}

fn subscriber(id: u64, selector: impl IntoSelector) -> Arc<Subscriber> {
    Arc::new(Subscriber::new(SubscriptionId(id), draft(selector)))
}

#[test]
fn a_table_learns_the_route_of_a_kind_that_has_an_id_once() {
    let kind = Kind::from_static("dispatch.learnt").unwrap();
    let table = Table::new().with(&subscriber(1, "dispatch.*"));
    assert!(table.find(&kind).learn);
    let learnt = table.learn(&kind);
    let found = learnt.find(&kind);
    assert_eq!((found.learn, found.walk.count()), (false, 1));
    let dynamic = Kind::new(String::from("dispatch.learnt.at_run_time")).unwrap();
    assert!(!table.find(&dynamic).learn, "it has no id");
}

#[test]
fn what_comes_to_a_registry_that_is_shut_was_never_there_for_publishers() {
    let changes = Cell::new(0);
    let registry = Registry::new(|_, _| changes.set(changes.get() + 1));
    let first = registry.add(draft("dispatch.*"));
    registry.shut();
    let late = registry.add(draft("dispatch.*"));
    let object = registry.add_object(1, draft("dispatch.*")).unwrap();
    assert_eq!((first.handler.is_live(), late.handler.is_live(), changes.get()), (true, false, 1));
    let ended: Vec<_> = registry.ended().iter().map(|ended| (ended.id, ended.by)).collect();
    assert_eq!(ended, [(late.id, EndedBy::Shutdown), (object, EndedBy::Shutdown)]);
    assert!(registry.id_of_object(1).is_none());
}

#[test]
fn a_registry_passes_on_what_is_to_be_learnt() {
    let registry = Registry::new(|_, _| {});
    let kind = Kind::from_static("dispatch.passed_on").unwrap();
    let level = rows::visit().unwrap().level(0);
    let is_new = || {
        let reading = registry.announce(level).unwrap().confirmed();
        let (learn, straight) = (reading.get().find(&kind).learn, reading.get().straight(&kind).is_some());
        registry.end(reading);
        assert_ne!(learn, straight);
        learn
    };
    assert!(is_new());
    registry.learn(&kind);
    assert!(!is_new());
}

#[test]
fn a_name_stays_in_the_table_as_long_as_somebody_names_it() {
    let [first, second] = [1, 2].map(|id| subscriber(id, ["dispatch.a", "dispatch.b"]));
    let wild = subscriber(3, "dispatch.*");
    let both = Table::new().with(&first).with(&wild).with(&second);
    assert_eq!(both.names(), 2);
    let one = both.without(&first);
    assert_eq!(one.names(), 2);
    assert_eq!(one.without(&second).names(), 0, "whoever is left takes it by a wildcard");
}

#[test]
fn whatever_comes_to_a_subscription_touches_it() {
    // Each alone, and all together in every way.
    for which in 0..16_u64 {
        let one = subscriber(1, "**");
        let counts = &one.counts;
        if which & 1 != 0 {
            counts.taken(Lane::of(0, 1)).count();
        }
        counts.failed.add(which >> 1 & 1);
        counts.skipped.add(which >> 2 & 1);
        counts.quarantined.add(which >> 3);
        assert_eq!(one.is_untouched(), which == 0, "{which}");
    }
}

#[test]
fn slow_is_what_takes_longer_than_allowed() {
    let reporter = Reporter { on_failure: None, on_warning: None, slow_after: Some(Duration::from_nanos(100)) };
    let (one, event) = (subscriber(1, "**"), Event::builder("dispatch.slow").build().unwrap());
    for (ns, slow) in [(99, 0), (100, 0), (101, 1)] {
        reporter.took(&one, &event, ns);
        assert_eq!(one.counts.slow.get(), slow, "{ns}");
    }
}

#[test]
fn filters_are_dropped_one_by_one_whatever_their_drops_do() {
    struct Bomb(Arc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("ordered: a filter's drop");
        }
    }
    let held = Arc::new(());
    let mut filters = Filters::default();
    assert!(filters.is_empty());
    for _ in 0..2 {
        let bomb = Bomb(Arc::clone(&held));
        filters.push(Box::new(move |_: &Event| Arc::strong_count(&bomb.0) > 0));
    }
    assert!(!filters.is_empty());
    assert_eq!(Arc::strong_count(&held), 3);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(filters))).is_ok());
    assert_eq!(Arc::strong_count(&held), 1);
}

/// What a bus does that has an event's handlers called.
fn dispatched<R>(bus: &dyn Any, call: impl FnOnce() -> R) -> R {
    frames::enter(bus, &(), || rows::deeper(call))
}

#[test]
fn only_the_dispatch_itself_is_waited_for() {
    let event = Event::builder("dispatch.awaited").build().unwrap();
    let ((bus, other), who) = ((1_u32, 2_u32), StillRunning::of(&subscriber(1, "dispatch.*")));
    let ticket = || awaited::ticket(&event, || Some(&who)).is_some();
    let publish = || {
        let its = dispatched(&bus, || (ticket(), dispatched(&bus, ticket), dispatched(&other, ticket)));
        (its, dispatched(&other, ticket))
    };
    let (got, completion) = awaited::during(&bus, event.id(), publish);
    assert_eq!(got, ((true, false, false), false));
    assert_eq!(completion.unwrap().result().errors.len(), 1);
}

#[test]
fn a_wait_leaves_nothing_behind_on_its_thread() {
    let event = Event::builder("dispatch.awaited").build().unwrap();
    let one = subscriber(1, "dispatch.*");
    let (bus, who) = (1_u32, StillRunning::of(&one));
    let ticket = || dispatched(&bus, || awaited::ticket(&event, || Some(&who)));
    assert!(ticket().is_none(), "nobody waits");
    let (got, completion) = awaited::during(&bus, event.id(), ticket);
    assert!(got.is_some() && completion.is_some_and(|completion| !completion.is_complete()));
    assert!(ticket().is_none());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        awaited::during(&bus, event.id(), || -> () { std::panic::resume_unwind(Box::new("ordered")) })
    }));
    assert!(unwound.is_err() && ticket().is_none() && !awaited::is_waiting());
}

#[test]
fn a_completion_knows_who_runs_who_took_it_and_who_failed() {
    let event = Event::builder("dispatch.awaited").build().unwrap();
    let all = [1, 2, 3, 4].map(|id| StillRunning::of(&subscriber(id, "dispatch.*")));
    let bus = 1_u32;
    let take = || dispatched(&bus, || all.each_ref().map(|one| awaited::ticket(&event, || Some(one)).unwrap()));
    let ([runs, took, lost, passed], completion) = awaited::during(&bus, event.id(), take);
    let completion = completion.unwrap();
    took.delivered();
    drop(lost);
    passed.skipped();
    let result = completion.result();
    assert_eq!((result.delivered, result.errors.len(), completion.is_complete()), (1, 1, false));
    assert_eq!(result.errors[0].cause, HandlerErrorCause::NotHandled);
    let running = result.running[0].to_string();
    assert!(running.starts_with("handler #1 (subscribed at src/dispatch/tests.rs"), "{running}");
    runs.failed(HandlerErrorCause::Error("no".to_owned()));
    let result = completion.result();
    assert_eq!((result.errors.len(), result.running.len(), completion.is_complete()), (2, 0, true));
}

#[test]
fn of_those_that_have_ended_a_registry_remembers_all_that_live_and_few_others() {
    let registry = Registry::new(|_, _| {});
    let end = || registry.remove(registry.add(draft("dispatch.*")).id, EndedBy::Unsubscribing).unwrap();
    let living: Vec<_> = (0..20).map(|_| end()).collect();
    (0..1000).for_each(|_| drop(end()));
    assert_eq!(registry.all_living().1.len(), living.len());
    assert!((living.len()..=2 * living.len()).contains(&registry.leaving()), "{}", registry.leaving());
}

#[test]
fn the_last_who_has_a_subscription_in_hand_or_its_guard_brings_the_end_about() {
    let subscriber = subscriber(1, "dispatch.*");
    subscriber.take_in_hand();
    assert!(!subscriber.let_out_of_hand(), "the guard is there");
    (0..2).for_each(|_| subscriber.take_in_hand());
    assert!(!subscriber.guard_is_gone());
    assert_eq!([subscriber.let_out_of_hand(), subscriber.let_out_of_hand()], [false, true]);
    let alone = self::subscriber(2, "dispatch.*");
    assert!(alone.guard_is_gone(), "nobody else does");
}

#[test]
fn a_slow_call_in_a_warning_hook_is_told_with_the_next() {
    let [called, inside] = [1, 2].map(|id| subscriber(id, "dispatch.*"));
    let event = Event::builder("dispatch.slow").build().unwrap();
    let reporter: Arc<OnceLock<Reporter>> = Arc::default();
    let (own, slow, hooked) = (Arc::downgrade(&reporter), event.clone(), Arc::clone(&inside));
    let hook = move |_: &Warning<'_>| own.upgrade().unwrap().get().unwrap().took(&hooked, &slow, 5);
    let slow_after = Some(Duration::ZERO);
    let made = Reporter { on_failure: None, on_warning: Some(Box::new(hook)), slow_after };
    assert!(reporter.set(made).is_ok());
    reporter.get().unwrap().took(&called, &event, 5);
    assert_eq!([&called, &inside].map(|one| one.slowness.unreported()), [0, 1]);
}
