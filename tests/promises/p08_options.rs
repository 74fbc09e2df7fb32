//! P8: what becomes of each event at each subscription, and who is told of the rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use ringbus::{Bus, EndedBy, Subscription, Verdict, Warning, current, publish_event};

use crate::n;

const THREADS: u64 = 4;
const EVENTS: u64 = 2000;

/// Publishes [`EVENTS`] numbered events on each of [`THREADS`] threads.
fn storm(bus: &Bus) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EVENTS).for_each(|n| drop(publish_event!(bus: bus, "p08.storm", n))));
        }
    });
}

fn sum(guard: &Subscription) -> u64 {
    let info = guard.info();
    info.delivered + info.failed + info.skipped + info.quarantined
}

#[test]
fn p08_each_event_is_in_one_count_of_each_subscription() {
    let bus = Bus::new();
    let on = || bus.on("p08.*").unwrap();
    let guards = [
        on().subscribe(|_| {}),
        on().filter(|event| n(event) % 3 == 0).subscribe(|_| {}),
        on().try_subscribe(|event| if n(event) % 2 == 0 { Ok(()) } else { Err("odd".into()) }),
        on().failure_policy(ringbus::FailurePolicy::Quarantine { after: 5.try_into().unwrap() })
            .try_subscribe(|_| Err("always".into())),
        on().replay(10).subscribe(|_| {}),
    ];
    let muted = on().subscribe(|_| {});
    assert!(muted.mute() && muted.is_muted());
    storm(&bus);
    assert_eq!(guards.each_ref().map(sum), [THREADS * EVENTS; 5]);
    assert_eq!((muted.info().skipped, sum(&muted)), (THREADS * EVENTS, THREADS * EVENTS));
    let info = guards.each_ref().map(Subscription::info);
    assert_eq!((info[1].delivered, info[2].failed), (THREADS * EVENTS.div_ceil(3), THREADS * EVENTS / 2));

    let totals = bus.stats().totals;
    assert_eq!(totals.delivered, info.iter().map(|one| one.delivered).sum::<u64>());
    assert_eq!(totals.failed, info.iter().map(|one| one.failed).sum::<u64>());
    let stats = bus.stats();
    assert_eq!(stats.published_by_kind["p08.storm"], THREADS * EVENTS);
    publish_event!(bus: &bus, kind: format!("p08.dynamic.{}", std::process::id()), n = 1);
    assert_eq!(bus.stats().published_of_other_kinds, 1);
    bus.reset();
    let stats = bus.stats();
    assert_eq!((stats.published_by_kind.len(), stats.published_of_other_kinds, stats.resets), (0, 0, 1));
    publish_event!(bus: &bus, "p08.storm", n = 1);
    assert_eq!(bus.stats().published_by_kind["p08.storm"], 1);
}

#[test]
fn p08_a_limit_is_kept_exactly_on_many_threads_and_the_closure_goes() {
    for limit in [1, 7, 1000] {
        let bus = Bus::new();
        let (calls, alive) = (Arc::new(AtomicU64::new(0)), Arc::new(()));
        let (counter, held) = (Arc::clone(&calls), Arc::clone(&alive));
        let guard = bus.on("p08.*").unwrap().limit(limit).subscribe(move |_| {
            let _held = &held;
            counter.fetch_add(1, Ordering::Relaxed);
        });
        storm(&bus);
        assert_eq!((calls.load(Ordering::Relaxed), guard.info().delivered), (limit, limit));
        assert!(!guard.is_active() && bus.subscriptions().is_empty());
        assert_eq!(bus.explain("p08.storm").gone[0].by, EndedBy::Limit);
        drop(guard);
        assert_eq!(Arc::strong_count(&alive), 1, "the closure is gone");
    }
    let bus = Bus::new();
    let never = bus.subscribe(|_| {});
    drop(never);
    let never = bus.on("p08.*").unwrap().limit(0).subscribe(|_| unreachable!("its limit is 0"));
    assert!(!never.is_active() && bus.subscriptions().is_empty());
}

#[test]
fn p08_muting_holds_for_every_later_publish() {
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let guard = bus.subscribe(move |event| list.lock().unwrap().push(n(event)));
    let (go, went) = (mpsc::channel::<i32>(), mpsc::channel());
    std::thread::scope(|scope| {
        let bus = &bus;
        scope.spawn(move || {
            for n in go.1 {
                publish_event!(bus: bus, "p08.mute", n);
                went.0.send(()).unwrap();
            }
        });
        for n in 0..1000 {
            let changed = if n % 2 == 0 { guard.unmute() } else { guard.mute() };
            assert_eq!(changed, n > 0);
            go.0.send(n).unwrap();
            went.1.recv().unwrap();
        }
        drop(go.0);
    });
    assert!(seen.lock().unwrap().iter().copied().eq((0..1000).step_by(2)));
    assert!(!bus.mute(guard.id()) && bus.unmute(guard.id()) && bus.mute(guard.id()));
    let id = guard.id();
    drop(guard);
    assert!(!bus.unmute(id) && !bus.resume(id) && !bus.unsubscribe(id));
}

#[test]
fn p08_unheard_events_and_guards_dropped_at_once_are_told() {
    let (send, warnings) = mpsc::channel();
    let bus = Bus::builder().on_warning(move |warning| send.send(warning.to_string()).unwrap()).build().unwrap();
    let line = line!() + 1;
    let _ = bus.on("p08.*").unwrap().named("lost").subscribe(|_| {});
    let told = warnings.try_recv().unwrap();
    assert!(told.starts_with("handler lost (subscribed at ") && told.contains(&format!(":{line}:")), "{told}");
    assert_eq!(bus.explain("p08.x").gone[0].by, EndedBy::DroppingAtOnce);

    publish_event!(bus: &bus, "p08.unheard");
    assert_eq!(warnings.try_recv().unwrap(), "nobody has subscribed to p08.unheard");
    assert_eq!(bus.stats().totals.unheard, 1);

    drop(bus.on("p08.*").unwrap().replay(1).subscribe(|_| {}));
    assert_eq!(warnings.try_iter().count(), 0, "it has seen the past, and that may be all it was for");

    let (guard, explicit) = (bus.on("p08.*").unwrap().subscribe(|_| {}), bus.on("p08.*").unwrap().subscribe(|_| {}));
    explicit.unsubscribe();
    publish_event!(bus: &bus, "p08.heard");
    drop(guard);
    bus.on("p08.*").unwrap().subscribe(|_| {}).detach();
    publish_event!(bus: &bus, "p08.heard");
    assert_eq!((warnings.try_iter().count(), bus.stats().totals.unheard), (0, 1));
    assert_eq!(bus.unsubscribe_all(), 1);
}

#[test]
fn p08_explain_tells_of_each_subscription_what_it_would_do() {
    let bus = Bus::new();
    let on = |name: &str| bus.on("p08.explained").unwrap().named(name);
    let muted = on("muted").subscribe(|_| {});
    muted.mute();
    let broken = on("broken").failure_policy(ringbus::FailurePolicy::Quarantine { after: 1.try_into().unwrap() });
    let _broken = broken.try_subscribe(|_| Err("always".into()));
    publish_event!(bus: &bus, "p08.explained");
    let _fine = on("fine").order(5).subscribe(|_| {});
    let _other = bus.on("p08.other").unwrap().named("other").subscribe(|_| {});
    let waits = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&waits);
    let _late = on("late").replay(1).subscribe(move |_| {
        let bus = current().unwrap();
        slot.lock().unwrap().get_or_insert_with(|| bus.explain("p08.explained").subscriptions.last().unwrap().verdict);
    });
    assert_eq!(*waits.lock().unwrap(), Some(Verdict::Waits));

    let explanation = bus.explain("p08.explained");
    let verdicts: Vec<_> =
        explanation.subscriptions.iter().map(|one| (one.info.name.as_deref().unwrap(), one.verdict)).collect();
    let expected = [
        ("fine", Verdict::Called),
        ("muted", Verdict::Muted),
        ("broken", Verdict::Quarantined),
        ("other", Verdict::Unmatched),
        ("late", Verdict::Called),
    ];
    assert_eq!(verdicts, expected);
    assert!(
        explanation.to_string().starts_with("p08.explained: 2 of 5 subscriptions would be called\n"),
        "{explanation}"
    );
    assert!(bus.explain("p08 explained").invalid.is_some());
    bus.disable();
    assert!(bus.explain("p08.explained").to_string().contains("the bus is disabled"));
}

#[test]
fn p08_a_warning_of_what_was_missed_tells_how_much() {
    // Too deep to be called: what it asked for of the past is counted.
    let (send, warnings) = mpsc::channel();
    let bus = Bus::builder()
        .depth_limit(1)
        .on_warning(move |warning| {
            if let Warning::Lagged { missed, .. } = warning {
                send.send(*missed).unwrap();
            }
        })
        .build()
        .unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p08.past", n)));
    let inner = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&inner);
    let _outer = bus.on("p08.outer").unwrap().subscribe(move |_| {
        let late = current().unwrap().on("p08.past").unwrap().replay(3).subscribe(|_| {});
        *slot.lock().unwrap() = Some(late);
    });
    publish_event!(bus: &bus, "p08.outer");
    let late = inner.lock().unwrap().take().unwrap();
    assert_eq!((late.info().lagged, late.info().delivered, warnings.try_recv()), (3, 0, Ok(3)));
    assert_eq!(publish_event!(bus: &bus, "p08.past", n = 5).delivered, 1, "it lives all the same");
}
