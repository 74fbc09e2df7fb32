//! P4: what becomes of a subscription that fails: quarantine and unwinding; and of those that are slow.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ringbus::{
    Breaker, BreakerState, Bus, Delivery, Failure, FailurePolicy, Outcome, Reentrancy, Retry, SubscriptionState,
    Warning, publish_event,
};

use crate::{Log, n, quietly};

fn quarantine(after: u32) -> FailurePolicy {
    FailurePolicy::Quarantine { after: NonZeroU32::new(after).unwrap() }
}

/// A bus that sends what it reports of each failure.
fn reporting<T: Send + 'static>(tell: impl Fn(&Failure<'_>) -> T + Send + Sync + 'static) -> (Bus, Receiver<T>) {
    let (sender, reports) = channel();
    let bus = Bus::builder().on_failure(move |failure| drop(sender.send(tell(failure)))).build().unwrap();
    (bus, reports)
}

/// The text that a publish unwinds with, and the type that holds it.
fn unwound(publish: impl FnOnce() -> Delivery) -> (String, &'static str) {
    let payload = quietly(|| catch_unwind(AssertUnwindSafe(publish))).expect_err("the publish unwinds");
    match payload.downcast::<String>() {
        Ok(text) => (*text, "String"),
        Err(payload) => ((*payload.downcast::<&str>().expect("a text")).to_owned(), "&str"),
    }
}

fn call(bus: &Bus, n: i64) -> Delivery {
    publish_event!(bus: bus, "p04.call", n)
}

/// Fails with an error for negative numbers, panics for 0.
fn moody(event: &ringbus::Event) -> Result<(), ringbus::BoxError> {
    match n(event) {
        0 => quietly(|| panic!("ordered: nought")),
        n if n < 0 => Err(format!("ordered: {n}").into()),
        _ => Ok(()),
    }
}

// === quarantine ===

#[test]
fn p04_a_row_of_failures_leads_to_quarantine_and_a_success_ends_the_row() {
    let bus = Bus::new();
    let moods = bus.on("**").unwrap().failure_policy(quarantine(3)).try_subscribe(moody);
    let other = bus.subscribe(|_| {});
    // An error and a panic count the same.
    for n in [-1, 0, 1, 0, -1, 2, -1, -1] {
        call(&bus, n);
        assert_eq!(moods.state(), SubscriptionState::Active, "after {n}");
    }
    assert_eq!(call(&bus, 0).failed, 1);
    assert_eq!(moods.state(), SubscriptionState::Quarantined);
    assert!(moods.is_active(), "it can be resumed");
    for n in [1, -1, 0] {
        let delivery = call(&bus, n);
        assert_eq!((delivery.delivered, delivery.failed), (1, 0), "only the other one is called");
    }
    let info = moods.info();
    assert_eq!((info.delivered, info.failed, info.panicked, info.quarantined, info.skipped), (2, 7, 3, 3, 0));
    assert!(info.to_string().contains("quarantined, 2 delivered"), "{info}");
    assert!(info.to_string().contains(", 3 kept back in quarantine"), "{info}");
    assert_eq!((other.info().delivered, bus.stats().totals.failed, bus.stats().totals.unheard), (12, 7, 0));
}

#[test]
fn p04_what_a_filter_does_not_want_neither_ends_nor_lengthens_the_row() {
    let bus = Bus::new();
    let begun = bus.on("**").unwrap().failure_policy(quarantine(2)).filter(|event| n(event) < 9);
    let moods = begun.try_subscribe(moody);
    [-1, 9, 9, 9].into_iter().for_each(|n| drop(call(&bus, n)));
    assert_eq!(moods.state(), SubscriptionState::Active);
    call(&bus, -1);
    assert_eq!(moods.state(), SubscriptionState::Quarantined);
    // In quarantine nobody asks the filter.
    call(&bus, 9);
    let info = moods.info();
    assert_eq!((info.failed, info.skipped, info.quarantined), (2, 3, 1));
}

#[test]
fn p04_the_failure_that_leads_to_quarantine_is_reported_once_although_reports_are_limited() {
    let (bus, reports) = reporting(|failure| (failure.quarantined, failure.suppressed, failure.to_string()));
    let moods = bus.on("**").unwrap().named("moods").failure_policy(quarantine(5)).try_subscribe(moody);
    for round in 1..=3 {
        (0..20).for_each(|_| drop(call(&bus, -1)));
        let reports: Vec<_> = reports.try_iter().collect();
        let ends: Vec<_> = reports.iter().filter(|(quarantined, ..)| *quarantined).collect();
        assert_eq!(ends.len(), 1, "round {round}: {reports:?}");
        assert!(ends[0].2.contains("handler moods failed on p04.call: ordered: -1 (subscribed at "), "{ends:?}");
        assert!(ends[0].2.contains("; now in quarantine"), "{ends:?}");
        // It is the last of the round, and with it every failure of the round has been told of.
        assert!(reports.last().unwrap().0);
        let told: u64 = reports.iter().map(|(_, suppressed, _)| 1 + suppressed).sum();
        assert_eq!((told, moods.info().failed, moods.info().quarantined), (5, round * 5, round * 15));
        // By the guard and by the id.
        if round % 2 == 0 {
            assert!(bus.resume(moods.id()) && !bus.resume(moods.id()));
        } else {
            assert!(moods.resume() && !moods.resume());
        }
        assert_eq!(moods.state(), SubscriptionState::Active);
    }
    let id = moods.id();
    (0..5).for_each(|_| drop(call(&bus, -1)));
    assert_eq!(moods.state(), SubscriptionState::Quarantined);
    drop(moods);
    assert!(!bus.resume(id), "it has ended");
}

#[test]
fn p04_of_many_threads_one_failure_leads_to_quarantine() {
    let (bus, reports) = reporting(|failure| failure.quarantined);
    let broken = bus.on("**").unwrap().failure_policy(quarantine(100)).try_subscribe(|_| Err("ordered".into()));
    for round in 1..=5 {
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| (0..500).for_each(|n| drop(call(&bus, n))))));
        });
        let info = broken.info();
        assert_eq!(info.failed + info.quarantined, round * 2000);
        // Those under way when the last failure is counted go on: at most one on each other thread.
        assert!((round * 100..=round * 103).contains(&info.failed), "{info}");
        assert_eq!(reports.try_iter().filter(|quarantined| *quarantined).count(), 1);
        assert!(broken.resume());
    }
}

// === unwinding ===

#[test]
fn p04_a_panic_reaches_the_publisher_after_the_other_handlers_and_all_is_counted() {
    let bus = Bus::new();
    let log = Log::default();
    let (before, after) = (log.clone(), log.clone());
    let _before = bus.on("**").unwrap().order(2).subscribe(move |_| before.add("before"));
    let begun = bus.on("**").unwrap().order(1).failure_policy(FailurePolicy::Unwind);
    let fatal = begun.subscribe(|_| panic!("ordered: fatal"));
    let broken = bus.on("**").unwrap().try_subscribe(|_| Err("ordered".into()));
    let _after = bus.on("**").unwrap().order(-1).subscribe(move |_| after.add("after"));
    for round in 1..=3 {
        assert_eq!(unwound(|| call(&bus, 1)), ("ordered: fatal".to_owned(), "&str"));
        assert_eq!(log.take(), ["before", "after"]);
        let totals = bus.stats().totals;
        let counts = (totals.published, totals.delivered, totals.failed, totals.panicked);
        assert_eq!(counts, (round, 2 * round, 2 * round, round));
        assert_eq!((fatal.info().failed, fatal.info().panicked, broken.info().failed), (round, round, round));
    }
    // The thread is outside all handlers again.
    assert!(ringbus::current().is_none());
    fatal.close().unwrap();
    assert_eq!(call(&bus, 1).failed, 1);
    assert_eq!(bus.recent(10).len(), 4);
}

#[test]
fn p04_an_error_reaches_the_publisher_as_a_text_and_the_first_of_two_goes_on() {
    let (bus, reports) = reporting(|failure| failure.name.map(str::to_owned));
    let begin =
        |name: &str, order| bus.on("**").unwrap().named(name).order(order).failure_policy(FailurePolicy::Unwind);
    let second = begin("second", 1).subscribe(|_| panic!("ordered: the second one"));
    let first = begin("first", 2).try_subscribe(|_| Err("ordered: the first one".into()));
    let third = begin("third", 0).subscribe(|_| std::panic::panic_any(crate::p04_isolation::Bomb(2)));
    let (text, form) = unwound(|| call(&bus, 1));
    assert_eq!(form, "String");
    assert!(text.starts_with("handler first failed on p04.call: ordered: the first one (subscribed at "), "{text}");
    assert!(text.contains("p04_policies.rs"), "{text}");
    let all = ["first", "second", "third"].map(|name| Some(name.to_owned()));
    assert_eq!(reports.try_iter().collect::<Vec<_>>(), all, "each is reported all the same");
    assert_eq!(
        [&first, &second, &third].map(|guard| (guard.info().failed, guard.info().panicked)),
        [(1, 0), (1, 1), (1, 1)]
    );
    assert_eq!((bus.stats().totals.failed, bus.stats().totals.panicked), (3, 2));
    drop(first);
    assert_eq!(unwound(|| call(&bus, 1)), ("ordered: the second one".to_owned(), "&str"));
    drop(second);
    drop(third);
    assert_eq!(call(&bus, 1).failed, 0);
}

#[test]
fn p04_an_error_that_cannot_be_told_reaches_the_publisher_as_its_panic() {
    #[derive(Debug)]
    struct Untold;
    impl std::fmt::Display for Untold {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            quietly(|| panic!("ordered: untold"))
        }
    }
    impl std::error::Error for Untold {}
    let bus = Bus::new();
    let _fails = bus.on("**").unwrap().failure_policy(FailurePolicy::Unwind).try_subscribe(|_| Err(Untold.into()));
    assert_eq!(unwound(|| call(&bus, 1)), ("ordered: untold".to_owned(), "String"));
}

#[test]
fn p04_nested_unwinding_is_the_outer_handlers_failure() {
    let (bus, reports) = reporting(|failure| (failure.event.kind().to_string(), failure.to_string()));
    let log = Log::default();
    let (weak, lines, after) = (bus.downgrade(), log.clone(), log.clone());
    let outer = bus.on("p04.call").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "p04.inner");
        lines.add("not reached");
    });
    let _after = bus.on("p04.call").unwrap().subscribe(move |_| after.add("after"));
    let begun = bus.on("p04.inner").unwrap().failure_policy(FailurePolicy::Unwind);
    let inner = begun.subscribe(|_| quietly(|| panic!("ordered: inside")));
    let delivery = call(&bus, 1);
    assert_eq!((delivery.outcome, delivery.delivered, delivery.failed), (Outcome::Published, 1, 1));
    assert_eq!(log.take(), ["after"]);
    assert_eq!((outer.info().panicked, inner.info().panicked), (1, 1));
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.failed, totals.panicked), (2, 1, 2, 2));
    let reports: Vec<_> = reports.try_iter().collect();
    assert_eq!([&reports[0].0, &reports[1].0], ["p04.inner", "p04.call"]);
    assert!(reports.iter().all(|(_, text)| text.contains("panicked on") && text.contains("ordered: inside")));
}

#[test]
fn p04_where_nested_events_wait_all_are_dispatched_before_the_panic_goes_on() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).build().unwrap();
    let log = Log::default();
    let (weak, lines) = (bus.downgrade(), log.clone());
    let begun = bus.on("p04.call").unwrap().failure_policy(FailurePolicy::Unwind);
    let _outer = begun.subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        for n in 1..=3 {
            assert_eq!(publish_event!(bus: &bus, "p04.waits", n).outcome, Outcome::Queued);
        }
        panic!("ordered: outer");
    });
    let begun = bus.on("p04.waits").unwrap().order(1).failure_policy(FailurePolicy::Unwind);
    let waits = begun.subscribe(|event| {
        if n(event) < 3 {
            panic!("ordered: waited")
        }
    });
    let _lines = bus.on("p04.waits").unwrap().subscribe(move |event| lines.add(n(event).to_string()));
    for round in 1..=2 {
        assert_eq!(unwound(|| call(&bus, 1)).0, "ordered: outer", "the first one");
        assert_eq!(log.take(), ["1", "2", "3"]);
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.deferred, totals.deferred_drops), (4 * round, 3 * round, 0));
        assert_eq!((totals.delivered, totals.failed, totals.panicked), (4 * round, 3 * round, 3 * round));
        assert_eq!((waits.info().delivered, waits.info().failed), (round, 2 * round));
    }
    // What waits may be the one that unwinds.
    let weak = bus.downgrade();
    let _calm = bus.on("p04.calm").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "p04.waits", n = 2);
        publish_event!(bus: &weak.upgrade().unwrap(), "p04.waits", n = 7);
    });
    assert_eq!(unwound(|| publish_event!(bus: &bus, "p04.calm")).0, "ordered: waited");
    assert_eq!(log.take(), ["2", "7"]);
    // Nothing is left over for the next dispatch.
    drop(waits);
    assert_eq!(publish_event!(bus: &bus, "p04.waits", n = 8).delivered, 1);
    assert_eq!(log.take(), ["8"]);
}

#[test]
fn p04_a_replay_unwinds_out_of_subscribe_when_all_of_it_has_been_told() {
    let bus = Bus::new();
    (1..=3).for_each(|n| drop(call(&bus, n)));
    let log = Log::default();
    let lines = log.clone();
    let payload = quietly(|| {
        catch_unwind(AssertUnwindSafe(|| {
            let begun = bus.on("**").unwrap().failure_policy(FailurePolicy::Unwind).replay(3);
            begun.try_subscribe(move |event| {
                lines.add(n(event).to_string());
                if n(event) == 2 { Err("ordered: two".into()) } else { Ok(()) }
            })
        }))
    });
    let text = *payload.expect_err("it unwinds").downcast::<String>().unwrap();
    assert!(text.contains("failed on p04.call: ordered: two"), "{text}");
    assert_eq!(log.take(), ["1", "2", "3"]);
    assert!(bus.subscriptions().is_empty(), "nobody got the guard");
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.failed), (2, 1));
}

#[test]
fn p04_policies_and_failures_say_what_they_are() {
    let policies = [FailurePolicy::Isolate, quarantine(3), FailurePolicy::Unwind].map(|policy| policy.to_string());
    assert_eq!(policies, ["isolate", "quarantine after 3", "unwind"]);
    struct Unnamed;
    impl ringbus::Handler for Unnamed {
        fn handle(&self, _: &ringbus::Event) -> Result<(), ringbus::BoxError> {
            Err("ordered: unnamed".into())
        }
    }
    assert!(ringbus::Handler::name(&Unnamed).ends_with("::Unnamed"));
    let (bus, reports) = reporting(|failure| failure.to_string());
    let _unnamed = bus.subscribe_handler(Arc::new(Unnamed));
    call(&bus, 1);
    let report = reports.recv().unwrap();
    assert!(report.contains("::Unnamed failed on p04.call: ordered: unnamed (subscribed at "), "{report}");
    assert!(!report.contains("more since") && report.ends_with(')'), "{report}");
}

// === filters, warnings ===

#[test]
fn p04_a_filter_that_panics_is_a_failed_call_and_reported() {
    let (bus, reports) = reporting(|failure| failure.to_string());
    let called = Arc::new(AtomicBool::new(false));
    let calls = Arc::clone(&called);
    let begun = bus.on("**").unwrap().named("picky").filter(|_| quietly(|| panic!("ordered: no choice")));
    let picky = begun.subscribe(move |_| calls.store(true, Ordering::Relaxed));
    let delivery = call(&bus, 1);
    assert_eq!((delivery.delivered, delivery.failed), (0, 1));
    assert!(!called.load(Ordering::Relaxed));
    let info = picky.info();
    assert_eq!((info.delivered, info.failed, info.panicked, info.skipped), (0, 1, 1, 0));
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.failed, totals.panicked, totals.unheard), (0, 1, 1, 0));
    let reports: Vec<_> = reports.try_iter().collect();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].starts_with("handler picky panicked on p04.call: ordered: no choice"), "{reports:?}");
}

#[test]
fn p04_a_filter_that_panics_uses_up_no_call_and_leads_to_quarantine() {
    let bus = Bus::new();
    let begun = bus.on("**").unwrap().failure_policy(quarantine(2)).limit(1);
    let picky = begun.filter(|event| n(event) > 0 || quietly(|| panic!("ordered"))).subscribe(|_| {});
    (0..3).for_each(|_| drop(call(&bus, 0)));
    let info = picky.info();
    assert_eq!((info.failed, info.quarantined, info.state), (2, 1, SubscriptionState::Quarantined));
    assert!(picky.resume());
    assert_eq!(call(&bus, 1).delivered, 1, "the one call is left");
    assert_eq!(picky.state(), SubscriptionState::Ended);
}

#[test]
fn p04_a_warning_hook_that_panics_is_contained() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let hook = move |_: &Warning<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        quietly(|| std::panic::panic_any(crate::p04_isolation::Bomb(2)))
    };
    let bus = Bus::builder().on_warning(hook).slow_after(Duration::ZERO).build().unwrap();
    assert_eq!(call(&bus, 1).outcome, Outcome::Published, "unheard");
    drop(bus.subscribe(|_| {}));
    let (slow, other) = (bus.subscribe(|_| {}), bus.subscribe(|_| {}));
    let delivery = call(&bus, 1);
    assert_eq!((delivery.delivered, delivery.failed), (2, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 4, "unheard, dropped at once, slow, slow");
    assert_eq!((slow.info().delivered, other.info().slow), (1, 1));
    assert!(ringbus::current().is_none());
}

#[test]
fn p04_with_nothing_allowed_every_call_is_slow_and_one_a_second_is_told() {
    let (sender, warnings) = channel();
    let hook = move |warning: &Warning<'_>| {
        let Warning::Slow { subscription, event, took, allowed, suppressed, .. } = warning else {
            return drop(sender.send(Err(warning.to_string())));
        };
        assert_eq!((subscription.name, event.kind().as_str(), *allowed), (Some("slow"), "p04.call", Duration::ZERO));
        assert!(*took > Duration::ZERO);
        sender.send(Ok((*suppressed, warning.to_string()))).unwrap();
    };
    let bus = Bus::builder().on_warning(hook).slow_after(Duration::ZERO).build().unwrap();
    let slow = bus.on("**").unwrap().named("slow").try_subscribe(moody);
    let (mut told, mut count, mut published) = (0, 0, 0);
    while count < 3 {
        // A call that fails takes its time too.
        call(&bus, if published % 10 == 0 { -1 } else { 1 });
        published += 1;
        assert_eq!(slow.info().slow, published, "every call");
        for (suppressed, text) in warnings.try_iter().map(Result::unwrap) {
            told += 1 + suppressed;
            count += 1;
            assert_eq!(told, published, "warning {count} tells of all before it");
            assert!(text.starts_with("handler slow (subscribed at "), "{text}");
            assert_eq!(text.contains(" more since the last warning"), suppressed > 0, "{text}");
        }
        assert!(count > 0, "the first slow call is told of");
    }
    // A machine would have to take seconds for each publish to have all of them told.
    assert!(published > count, "{published}");
    let latency = slow.info().latency.unwrap();
    assert_eq!(latency.samples, published, "every one was timed");
}

/// A handler with a queue that fails, and one that is too late, are slow as others are.
#[test]
fn p04_failures_of_a_handler_with_a_queue_take_their_time_too() {
    let bus = Bus::builder().slow_after(Duration::ZERO).build().unwrap();
    let on = || bus.on("p04.call").unwrap().in_thread();
    let retry = Retry::times(NonZeroU32::MIN).base(Duration::ZERO);
    let failing = on().retry(retry).try_subscribe(|_| Err("no".into())).unwrap();
    let panicking = on().subscribe(|_| quietly(|| panic!("ordered"))).unwrap();
    let late = on().deadline(Duration::ZERO).subscribe(|_| std::thread::sleep(Duration::from_millis(1))).unwrap();
    call(&bus, 1);
    bus.wait_idle(Duration::from_secs(60)).unwrap();
    let slow = [failing, panicking, late].map(|guard| (guard.info().failed, guard.info().slow));
    assert_eq!(slow, [(1, 2), (1, 1), (1, 1)], "each attempt");
}

/// What an open circuit keeps back leaves the throttle as it is.
#[test]
fn p04_an_open_circuit_uses_up_no_call_of_a_throttle() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let breaker = Breaker::after(NonZeroU32::MIN)
        .open_for(Duration::from_secs(1))
        .clock(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
    let bus = Bus::new();
    let two = NonZeroU32::new(2).unwrap();
    let once = AtomicU64::new(0);
    let guard = bus.on("p04.call").unwrap().throttle(two, Duration::from_secs(86_400)).breaker(breaker);
    let guard = guard.try_subscribe(move |_| match once.fetch_add(1, Ordering::Relaxed) {
        0 => Err("no".into()),
        _ => Ok(()),
    });
    assert_eq!(call(&bus, 1).failed, 1);
    (0..5).for_each(|_| assert_eq!(call(&bus, 1).delivered, 0, "open"));
    now.store(2, Ordering::Relaxed);
    assert_eq!(call(&bus, 1).delivered, 1, "the probe is the second call");
    assert_eq!(call(&bus, 1).delivered, 0, "and there is no third");
    assert_eq!((guard.info().failed, guard.info().delivered), (1, 1));
}

#[test]
fn p04_a_warning_hook_that_publishes_what_nobody_hears_comes_to_an_end() {
    let (sender, receiver) = channel();
    let to: Arc<std::sync::OnceLock<ringbus::WeakBus>> = Arc::default();
    let weak = Arc::clone(&to);
    let bus = Bus::builder()
        .on_warning(move |warning| {
            let answer = publish_event!(bus: &weak.get().unwrap().upgrade().unwrap(), "p04.warning", text = %warning);
            sender.send(answer.outcome).unwrap();
        })
        .build()
        .unwrap();
    to.set(bus.downgrade()).unwrap();
    assert_eq!(call(&bus, 1).outcome, Outcome::Published);
    // What the hook causes itself is not told to it, only counted.
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Outcome::Published]);
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.unheard), (2, 2));
    assert_eq!(call(&bus, 1).outcome, Outcome::Published, "the thread is outside again");
}

/// A success ends the row that opens a circuit; what the throttle keeps back says nothing of the handler.
#[test]
fn p04_a_circuit_counts_failures_in_a_row_and_no_call_that_was_not_made() {
    let bus = Bus::new();
    let [two, three] = [2, 3].map(|count| NonZeroU32::new(count).unwrap());
    let begun = bus.on("p04.call").unwrap().breaker(Breaker::after(two)).throttle(three, Duration::from_secs(86_400));
    let guard = begun.try_subscribe(moody);
    let rows = [-1, 1, -1, -1, 1].map(|n| {
        call(&bus, n);
        let circuit = guard.info().breaker.unwrap();
        (circuit.state, circuit.failures_in_row)
    });
    assert_eq!(rows, [1, 0, 1, 1, 1].map(|row| (BreakerState::Closed, row)));
    assert_eq!((guard.info().failed, guard.info().delivered, guard.info().skipped), (2, 1, 2));
}
