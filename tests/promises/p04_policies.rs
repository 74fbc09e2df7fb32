//! P4: what a subscription says that becomes of it when it fails.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ringbus::{Bus, FailurePolicy, Reentrancy, Subscription, SubscriptionState, Warning, current, publish_event};

use crate::{Log, n, quietly};

fn quarantine(after: u32) -> FailurePolicy {
    FailurePolicy::Quarantine { after: NonZeroU32::new(after).unwrap() }
}

/// Fails while the switch is on.
fn flaky(bus: &Bus, after: u32) -> (Subscription, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&fails);
    let guard = bus
        .on("p04.*")
        .unwrap()
        .named("flaky")
        .failure_policy(quarantine(after))
        .try_subscribe(move |_| if switch.load(Ordering::Relaxed) { Err("ordered".into()) } else { Ok(()) });
    (guard, fails)
}

fn publish(bus: &Bus) -> u32 {
    publish_event!(bus: bus, "p04.policy").delivered
}

#[test]
fn p04_a_row_of_failures_leads_to_quarantine_with_one_report_until_it_is_resumed() {
    let (send, reports) = mpsc::channel();
    let bus = Bus::builder().on_failure(move |failure| send.send(failure.quarantined).unwrap()).build().unwrap();
    let (flaky, fails) = flaky(&bus, 3);
    // Two failures, a success, two failures: no row of three.
    for fail in [true, true, false, true, true] {
        fails.store(fail, Ordering::Relaxed);
        publish(&bus);
    }
    assert_eq!(flaky.state(), SubscriptionState::Active);
    publish(&bus);
    assert_eq!(flaky.state(), SubscriptionState::Quarantined);
    fails.store(false, Ordering::Relaxed);
    assert_eq!((0..4).map(|_| publish(&bus)).sum::<u32>(), 0, "not called any more");
    let info = flaky.info();
    assert_eq!((info.delivered, info.failed, info.quarantined), (1, 5, 4));
    // Only the first failure was due for a report, but this one is told whatever came before.
    assert_eq!(reports.try_iter().filter(|quarantined| *quarantined).count(), 1);

    assert!(flaky.resume() && !flaky.resume());
    assert_eq!(publish(&bus), 1);
    fails.store(true, Ordering::Relaxed);
    (0..3).for_each(|_| _ = publish(&bus));
    assert_eq!((flaky.state(), reports.try_iter().filter(|it| *it).count()), (SubscriptionState::Quarantined, 1));
    assert!(bus.resume(flaky.id()) && !bus.resume(flaky.id()));
}

#[test]
fn p04_concurrent_failures_bring_about_one_quarantine() {
    for _ in 0..50 {
        let (send, reports) = mpsc::channel();
        let bus = Bus::builder().on_failure(move |failure| send.send(failure.quarantined).unwrap()).build().unwrap();
        let (flaky, _) = flaky(&bus, 5);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| _ = publish(&bus)));
            }
        });
        let info = flaky.info();
        assert!((5..5 + 4).contains(&info.failed), "calls in flight go on, no more: {}", info.failed);
        assert_eq!(info.failed + info.quarantined, 80);
        assert_eq!(reports.try_iter().filter(|quarantined| *quarantined).count(), 1);
    }
}

#[test]
fn p04_unwinding_reaches_the_publisher_after_all_others_have_run() {
    let bus = Bus::new();
    let log = Log::default();
    let on = |order| bus.on("p04.unwind").unwrap().order(order);
    let _first = on(3).failure_policy(FailurePolicy::Unwind).subscribe(|_| quietly(|| panic!("ordered: first")));
    let _second = on(2).failure_policy(FailurePolicy::Unwind).try_subscribe(|_| Err("second".into()));
    let last = log.clone();
    let _last = on(1).subscribe(move |_| last.add("last"));
    let unwound = catch_unwind(AssertUnwindSafe(|| publish_event!(bus: &bus, "p04.unwind"))).unwrap_err();
    assert_eq!(unwound.downcast_ref::<&str>(), Some(&"ordered: first"), "the first one's");
    assert_eq!(log.take(), ["last"]);
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.failed, totals.panicked), (1, 2, 1));
    assert_eq!(bus.recent(1)[0].kind(), "p04.unwind");
}

#[test]
fn p04_an_error_that_unwinds_is_told_as_text_and_nested_it_is_the_outer_handlers() {
    let bus = Bus::new();
    let strict = bus.on("p04.inner").unwrap().named("strict").failure_policy(FailurePolicy::Unwind);
    let _strict = strict.try_subscribe(|_| Err("ordered".into()));
    let unwound = catch_unwind(AssertUnwindSafe(|| publish_event!(bus: &bus, "p04.inner"))).unwrap_err();
    let text = unwound.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("handler strict failed on p04.inner: ordered"), "{text}");

    let outer = bus.on("p04.outer").unwrap().subscribe(|_| drop(publish_event!(bus: &current().unwrap(), "p04.inner")));
    let delivery = publish_event!(bus: &bus, "p04.outer");
    assert_eq!((delivery.delivered, delivery.failed, outer.info().panicked), (0, 1, 1));
}

#[test]
fn p04_unwinding_waits_for_what_was_deferred() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).build().unwrap();
    let log = Log::default();
    let _strict = bus.on("p04.outer").unwrap().failure_policy(FailurePolicy::Unwind).subscribe(|_| {
        publish_event!(bus: &current().unwrap(), "p04.later");
        quietly(|| panic!("ordered"));
    });
    let later = log.clone();
    let _later = bus.on("p04.later").unwrap().subscribe(move |_| later.add("later"));
    assert!(catch_unwind(AssertUnwindSafe(|| publish_event!(bus: &bus, "p04.outer"))).is_err());
    assert_eq!(log.take(), ["later"]);
    assert_eq!(publish_event!(bus: &bus, "p04.later").delivered, 1, "the thread goes on as before");
}

#[test]
fn p04_a_filter_that_panics_is_a_failed_call() {
    let (send, reports) = mpsc::channel();
    let bus = Bus::builder().on_failure(move |failure| send.send(failure.to_string()).unwrap()).build().unwrap();
    let guard = bus.on("p04.filter").unwrap().named("picky").filter(|event| {
        if n(event) == 0 {
            quietly(|| panic!("ordered"));
        }
        n(event) == 1
    });
    let guard = guard.subscribe(|_| {});
    let publish = |n: i32| publish_event!(bus: &bus, "p04.filter", n);
    assert_eq!([0, 1, 2].map(|n| (publish(n).delivered, guard.info().failed)), [(0, 1), (1, 1), (0, 1)]);
    assert_eq!((guard.info().panicked, guard.info().skipped), (1, 1));
    assert!(reports.recv().unwrap().starts_with("handler picky panicked on p04.filter: ordered"));
}

#[test]
fn p04_slow_calls_are_counted_and_told_once_a_second_and_a_warning_hook_may_panic() {
    let (send, warnings) = mpsc::channel();
    let bus = Bus::builder()
        .slow_after(Duration::ZERO)
        .on_warning(move |warning| {
            if let Warning::Slow { subscription, took, suppressed, .. } = warning {
                send.send((subscription.name.map(str::to_owned), *took > Duration::ZERO, *suppressed)).unwrap();
            }
            quietly(|| panic!("ordered"));
        })
        .build()
        .unwrap();
    let guard = bus.on("p04.slow").unwrap().named("slow").subscribe(|_| {});
    let mut told = Vec::new();
    // The second warning comes when a second has passed, with what came between.
    let calls = (1_u64..)
        .find(|_| {
            assert_eq!(publish_event!(bus: &bus, "p04.slow").delivered, 1);
            told.extend(warnings.try_iter());
            told.len() == 2
        })
        .unwrap();
    assert_eq!((guard.info().slow, guard.info().delivered), (calls, calls));
    assert_eq!(told, [(Some("slow".to_owned()), true, 0), (Some("slow".to_owned()), true, calls - 2)]);
    assert_eq!(guard.info().latency.unwrap().samples, calls, "each is timed");
}
