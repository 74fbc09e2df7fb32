//! P8: every event that a subscription was offered is in one of its counts, whatever options it has; and what a bus
//! tells of who gets an event, and who does not.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{
    Bus, BusBuilder, EndedBy, FailurePolicy, Subscription, SubscriptionInfo, SubscriptionState, Verdict, Warning,
    publish_event,
};

use crate::{n, quietly};

const THREADS: u64 = 4;
const EACH: u64 = 2000;
const TOTAL: u64 = THREADS * EACH;

fn publish_on_threads(bus: &Bus) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for n in 0..EACH {
                    publish_event!(bus: bus, "p08.call", n);
                    publish_event!(bus: bus, "p08.other", n);
                }
            });
        }
    });
}

fn answered(info: &SubscriptionInfo) -> u64 {
    info.delivered + info.failed + info.skipped + info.quarantined
}

/// A bus that sends the text of each warning.
fn warning(builder: BusBuilder) -> (Bus, Receiver<String>) {
    let (sender, warnings) = channel();
    let hook = move |warning: &Warning<'_>| drop(sender.send(warning.to_string()));
    (builder.on_warning(hook).build().unwrap(), warnings)
}

fn fail_at(every: i64) -> impl Fn(&ringbus::Event) -> Result<(), ringbus::BoxError> {
    move |event| if n(event) % every == 0 { Err("ordered".into()) } else { Ok(()) }
}

#[test]
fn p08_what_a_subscription_was_offered_is_what_its_counts_add_up_to() {
    let bus = Bus::builder().history(100).build().unwrap();
    let begin = || bus.on("p08.call").unwrap();
    let plain = begin().try_subscribe(fail_at(7));
    let filter = begin()
        .filter(|event| n(event) % 2 == 0 || n(event) == 1999 && quietly(|| panic!("ordered: no choice")))
        .filter(|event| n(event) % 3 == 0)
        .try_subscribe(fail_at(5));
    let muted = begin().subscribe(|_| panic!("it is muted"));
    muted.mute();
    let after = NonZeroU32::new(2).unwrap();
    let quarantined =
        begin().failure_policy(FailurePolicy::Quarantine { after }).try_subscribe(|_| Err("ordered".into()));
    let limited = begin().limit(100).filter(|event| n(event) % 2 == 0).try_subscribe(fail_at(4));
    let elsewhere = bus.on("p08.nowhere").unwrap().subscribe(|_| panic!("nobody publishes that"));
    publish_on_threads(&bus);

    let infos = [&plain, &filter, &muted, &quarantined].map(Subscription::info);
    for info in &infos {
        assert_eq!(answered(info), TOTAL, "{info}");
    }
    let [plain, filter, muted, quarantined] = infos;
    let multiples = |of: u64| THREADS * EACH.div_ceil(of);
    assert_eq!((plain.failed, plain.skipped, plain.quarantined), (multiples(7), 0, 0));
    assert_eq!((filter.failed, filter.panicked), (multiples(30) + THREADS, THREADS));
    assert_eq!(filter.delivered, multiples(6) - multiples(30));
    assert_eq!((muted.delivered + muted.failed, muted.skipped), (0, TOTAL));
    assert_eq!((quarantined.delivered, quarantined.skipped), (0, 0));
    assert!((2..2 + THREADS).contains(&quarantined.failed), "{quarantined}");
    // While it was there.
    let limited = limited.info();
    assert_eq!((limited.delivered + limited.failed, limited.quarantined), (100, 0));
    assert!(limited.skipped <= TOTAL - 100, "{limited}");
    assert_eq!(answered(&elsewhere.info()), 0);

    let totals = bus.stats().totals;
    let all = [&plain, &filter, &muted, &quarantined, &limited];
    assert_eq!(totals.delivered, all.iter().map(|info| info.delivered).sum::<u64>());
    assert_eq!(totals.failed, all.iter().map(|info| info.failed).sum::<u64>());
    assert_eq!(totals.panicked, THREADS);
    assert_eq!((totals.published, totals.unheard), (2 * TOTAL, TOTAL), "nobody heard the others");
}

#[test]
fn p08_of_a_limit_exactly_so_many_calls_are_made_then_it_is_gone() {
    for limit in [0, 1, 7, 1000] {
        let bus = Bus::builder().history(100).build().unwrap();
        let calls = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&calls);
        let begun = bus.on("p08.call").unwrap().limit(limit);
        let limited = begun.try_subscribe(move |event| {
            count.fetch_add(1, Ordering::Relaxed);
            // Failed calls count too.
            if n(event) % 2 == 0 { Err("ordered".into()) } else { Ok(()) }
        });
        let other = bus.on("p08.call").unwrap().subscribe(|_| {});
        publish_on_threads(&bus);
        assert_eq!(calls.load(Ordering::Relaxed), limit);
        let info = limited.info();
        assert_eq!((info.delivered + info.failed, info.quarantined, info.state), (limit, 0, SubscriptionState::Ended));
        assert!(!limited.is_active() && !bus.unsubscribe(limited.id()));
        let left: Vec<_> = bus.subscriptions().iter().map(|info| info.id).collect();
        assert_eq!((left, bus.subscriber_count("p08.call")), (vec![other.id()], 1));
        assert_eq!(other.info().delivered, TOTAL);
        let totals = bus.stats().totals;
        assert_eq!((totals.delivered, totals.failed), (TOTAL + info.delivered, info.failed));
        // Nothing of the bus holds the closure any more, only the guard.
        drop(limited);
        assert_eq!(Arc::strong_count(&calls), 1, "limit {limit}");
    }
}

#[test]
fn p08_of_an_ended_limit_no_later_event_is_skipped() {
    let bus = Bus::new();
    let begun = bus.on("p08.call").unwrap().limit(2).filter(|event| n(event) > 0);
    let limited = begun.subscribe(|_| {});
    (0..9).for_each(|n| drop(publish_event!(bus: &bus, "p08.call", n)));
    let info = limited.info();
    assert_eq!((info.delivered, info.skipped), (2, 1), "0 was not wanted, 3 and later never came to it");
    assert_eq!(bus.stats().totals.unheard, 6);
}

#[test]
fn p08_a_limit_that_is_reached_while_another_call_runs_lets_that_one_end() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let depths = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&depths);
    let limited = bus.on("p08.call").unwrap().limit(3).subscribe(move |event| {
        let delivery = publish_event!(bus: &weak.upgrade().unwrap(), "p08.call", n = n(event) + 1);
        list.lock().unwrap().push((n(event), delivery.delivered));
    });
    assert_eq!(publish_event!(bus: &bus, "p08.call", n = 1).delivered, 1);
    assert_eq!(*depths.lock().unwrap(), [(3, 0), (2, 1), (1, 1)]);
    let info = limited.info();
    assert_eq!((info.delivered, info.state), (3, SubscriptionState::Ended));
    assert!(bus.subscriptions().is_empty());
}

#[test]
fn p08_muting_holds_for_every_later_publish() {
    let bus = Bus::new();
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let guard = bus.subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
    let publish = || drop(publish_event!(bus: &bus, "p08.mute"));
    for round in 0..200 {
        assert!(if round % 2 == 0 { guard.mute() } else { bus.mute(guard.id()) });
        assert!(guard.is_muted() && !guard.mute() && !bus.mute(guard.id()));
        // On another thread, and on this one.
        std::thread::scope(|scope| drop(scope.spawn(publish)));
        publish();
        assert_eq!((calls.load(Ordering::Relaxed), guard.state()), (round, SubscriptionState::Muted));
        assert!(if round % 3 == 0 { guard.unmute() } else { bus.unmute(guard.id()) });
        assert!(!guard.is_muted() && !guard.unmute() && !bus.unmute(guard.id()));
        publish();
        assert_eq!((calls.load(Ordering::Relaxed), guard.state()), (round + 1, SubscriptionState::Active));
    }
    let info = guard.info();
    assert_eq!((info.delivered, info.skipped), (200, 400));
    assert_eq!(bus.stats().totals.unheard, 0, "a muted one has been offered it");
    // Of another bus, or ended: no such subscription.
    let other = Bus::new();
    let id = guard.id();
    assert!(!other.mute(id) && !other.unmute(id));
    guard.mute();
    drop(guard);
    assert!(!bus.mute(id) && !bus.unmute(id));
}

#[test]
fn p08_a_handler_may_mute_another_and_itself() {
    let bus = Bus::new();
    let other = bus.on("p08.mute").unwrap().order(-1).subscribe(|_| {});
    let (weak, id) = (bus.downgrade(), other.id());
    let first = bus.subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        assert!(bus.mute(id) && bus.subscriptions().iter().filter(|one| one.id != id).all(|one| bus.mute(one.id)));
    });
    let deliveries = [0; 2].map(|_| publish_event!(bus: &bus, "p08.mute").delivered);
    assert_eq!(deliveries, [1, 0]);
    assert_eq!((first.info().skipped, other.info().skipped), (1, 2), "the other's turn had not come");
}

#[test]
fn p08_what_nobody_hears_is_counted_and_told() {
    let (bus, warnings) = warning(Bus::builder().history(0));
    // Nobody at all: without a history it is not even made.
    assert!(publish_event!(bus: &bus, "p08.unheard").event.is_none());
    let _some = bus.on("p08.heard.*").unwrap().subscribe(|_| {});
    for _ in 0..3 {
        publish_event!(bus: &bus, "p08.unheard");
        publish_event!(bus: &bus, "p08.heard.well");
        publish_event!(bus: &bus, kind: "p08.unheard.told");
    }
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.unheard), (9, 3, 6));
    let warnings: Vec<_> = warnings.try_iter().collect();
    let pair = ["nobody has subscribed to p08.unheard", "nobody has subscribed to p08.unheard.told"];
    assert_eq!(warnings, [pair, pair, pair].concat());
    bus.reset();
    assert_eq!(bus.stats().totals.unheard, 0);
}

#[test]
fn p08_a_guard_that_was_not_kept_is_told() {
    let (bus, warnings) = warning(Bus::builder());
    let told = || warnings.try_iter().filter(|text| text.starts_with("handler ")).collect::<Vec<_>>();
    let _ = bus.on("p08.call").unwrap().named("lost").subscribe(|_| {});
    let text = told().concat();
    assert!(text.starts_with("handler lost (subscribed at "), "{text}");
    assert!(text.ends_with("was unsubscribed before anything was published: was its guard kept?"), "{text}");
    drop(bus.subscribe(|_| {}));
    assert_eq!(told().len(), 1);

    let seen = bus.subscribe(|_| {});
    publish_event!(bus: &bus, "p08.call");
    drop(seen);
    // Ended on purpose, kept for good, or by the limit.
    bus.subscribe(|_| {}).unsubscribe();
    bus.subscribe(|_| {}).close().unwrap();
    bus.subscribe(|_| {}).detach();
    drop(bus.on("p08.call").unwrap().limit(0).subscribe(|_| {}));
    let by_id = bus.subscribe(|_| {});
    assert!(bus.unsubscribe(by_id.id()));
    drop(by_id);
    let outlives = bus.subscribe(|_| {});
    drop(bus);
    drop(outlives);
    assert_eq!(told(), [""; 0]);
}

#[test]
fn p08_a_guard_whose_handler_was_told_of_the_past_is_not_called_lost() {
    let (bus, warnings) = warning(Bus::builder());
    let heard = bus.subscribe(|_| {});
    publish_event!(bus: &bus, "p08.call");
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    drop(bus.on("p08.call").unwrap().replay(5).subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed)));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(warnings.try_iter().collect::<Vec<_>>(), [""; 0]);
    assert_eq!(bus.explain("p08.call").gone[0].by, EndedBy::Unsubscribing);
    drop(bus.on("p08.other").unwrap().replay(5).subscribe(|_| {}));
    assert_eq!(warnings.try_iter().count(), 1, "nothing of the past was for this one");
    drop(heard);
}

#[test]
fn p08_explain_says_who_would_be_called_and_why_the_others_would_not() {
    let bus = Bus::new();
    let begin = |name: &str| bus.on("p08.*").unwrap().named(name);
    let _called = begin("called").order(-1).subscribe(|_| {});
    let muted = begin("muted").subscribe(|_| {});
    muted.mute();
    let after = NonZeroU32::MIN;
    let broken = begin("broken").failure_policy(FailurePolicy::Quarantine { after });
    let _broken = broken.try_subscribe(|_| Err("ordered".into()));
    let _other = bus.on("p08.other").unwrap().named("other").order(5).subscribe(|_| {});
    publish_event!(bus: &bus, "p08.call", n = 1);

    // Gone, each in its way; and one that would not have matched.
    begin("ended").subscribe(|_| {}).unsubscribe();
    let _ = begin("lost").subscribe(|_| {});
    let limited = begin("limited").limit(1).subscribe(|_| {});
    drop(bus.on("elsewhere").unwrap().subscribe(|_| {}));
    publish_event!(bus: &bus, "p08.call", n = 2);

    // One that is being told of the past asks from inside.
    let seen = Arc::new(Mutex::new(None));
    let (weak, inside) = (bus.downgrade(), Arc::clone(&seen));
    let replays = begin("replays").replay(1).subscribe(move |event| {
        let told = weak.upgrade().unwrap().explain(event.kind());
        inside.lock().unwrap().get_or_insert(told);
    });
    let verdicts = |told: &ringbus::Explanation| {
        let of = |one: &ringbus::Explained| (one.info.name.clone().unwrap(), one.verdict);
        told.subscriptions.iter().map(of).collect::<Vec<_>>()
    };
    let expected = |last| {
        let all = [
            ("other", Verdict::Unmatched),
            ("muted", Verdict::Muted),
            ("broken", Verdict::Quarantined),
            ("replays", last),
            ("called", Verdict::Called),
        ];
        all.map(|(name, verdict)| (name.to_owned(), verdict))
    };
    let inside = seen.lock().unwrap().take().unwrap();
    assert_eq!(verdicts(&inside), expected(Verdict::Waits), "in the order in which they are called");
    assert_eq!(inside.subscriptions[3].info.state, SubscriptionState::Replaying);
    let told = bus.explain("p08.call");
    assert_eq!(verdicts(&told), expected(Verdict::Called));
    assert_eq!((told.kind.as_str(), told.enabled, &told.invalid), ("p08.call", true, &None));
    let gone: Vec<_> = told.gone.iter().map(|gone| (gone.name.as_deref().unwrap(), gone.by)).collect();
    assert_eq!(
        gone,
        [("ended", EndedBy::Unsubscribing), ("lost", EndedBy::DroppingAtOnce), ("limited", EndedBy::Limit)]
    );
    assert_eq!(told.gone[2].id, limited.id());
    assert!(told.gone.iter().all(|gone| gone.selector == "p08.*" && gone.place.file().ends_with("p08_options.rs")));

    let text = told.to_string();
    assert!(text.starts_with("p08.call: 2 of 5 subscriptions would be called\n"), "{text}");
    for line in ["  no match     ", "  muted        ", "  quarantined  ", "  called       "] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    assert!(text.contains(&format!("  gone         {} limited on p08.*: its limit was reached\n", limited.id())));
    assert!(text.contains(" lost on p08.*: dropped at once: was its guard kept?\n"), "{text}");
    assert!(text.contains(" ended on p08.*: unsubscribed\n"), "{text}");

    // What it says of the one is what happens.
    replays.unsubscribe();
    let delivery = publish_event!(bus: &bus, "p08.call", n = 3);
    assert_eq!((delivery.delivered, delivery.failed), (1, 0));
    bus.disable();
    let told = bus.explain("p08.call");
    assert!(!told.enabled && told.to_string().contains("the bus is disabled: nobody is called"));
    assert!(!told.shut_down);
    bus.shutdown(Duration::ZERO);
    let told = bus.explain("p08.call");
    assert!(told.shut_down && told.to_string().contains("the bus has been shut down: nobody is called"));
    for bad in ["", "a..b", "a b", "p08.*"] {
        let told = bus.explain(bad);
        let error = told.invalid.clone().unwrap_or_else(|| panic!("{bad:?} is no kind"));
        assert_eq!(told.to_string(), format!("{bad}: no event can be of this kind: {error}\n"));
    }
}

#[test]
fn p08_of_the_ended_the_last_ones_are_remembered() {
    let bus = Bus::new();
    for n in 0..100 {
        bus.on("p08.call").unwrap().named(n.to_string()).subscribe(|_| {}).unsubscribe();
    }
    let gone = bus.explain("p08.call").gone;
    let names: Vec<i32> = gone.iter().map(|gone| gone.name.as_deref().unwrap().parse().unwrap()).collect();
    assert_eq!(names, (68..100).collect::<Vec<_>>());
}

#[test]
fn p08_the_counts_by_kind_add_up_to_what_was_published_also_after_a_reset() {
    let bus = Bus::builder().history(10).shards(4).build().unwrap();
    let _guard = bus.subscribe(|_| {});
    for round in 1..=3_u64 {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let bus = &bus;
                scope.spawn(move || {
                    for n in 0..round * 100 {
                        publish_event!(bus: bus, "p08.by_kind.one", n);
                        // Kinds told at run time: known and unknown ones.
                        publish_event!(bus: bus, kind: format!("p08.by_kind.{thread}.{n}"));
                    }
                    publish_event!(bus: bus, "p08.by_kind.other");
                });
            }
        });
        let stats = bus.stats();
        let by_kind = &stats.published_by_kind;
        assert_eq!((by_kind["p08.by_kind.one"], by_kind["p08.by_kind.other"]), (THREADS * round * 100, THREADS));
        assert_eq!(by_kind.values().sum::<u64>() + stats.published_of_other_kinds, stats.totals.published);
        assert_eq!(stats.published_of_other_kinds, THREADS * round * 100);
        assert_eq!((stats.totals.published, stats.resets), (THREADS * (round * 200 + 1), round - 1));
        bus.reset();
        let stats = bus.stats();
        assert!(stats.published_by_kind.is_empty(), "{:?}", stats.published_by_kind);
        assert_eq!((stats.published_of_other_kinds, stats.totals.published), (0, 0));
    }
}

#[test]
fn p08_one_that_was_removed_before_its_turn_counts_nothing_though_it_is_muted() {
    let bus = ringbus::Bus::new();
    let muted = bus.subscribe(|_| {});
    muted.mute();
    let id = muted.id();
    let _first = bus.on("**").unwrap().order(1).subscribe(move |_| {
        ringbus::current().unwrap().unsubscribe(id);
    });
    ringbus::publish_event!(bus: &bus, "p08.removed");
    assert_eq!((muted.info().skipped, muted.is_active()), (0, false));
}

#[test]
fn p08_a_guard_that_was_told_of_the_past_was_of_use_also_if_its_handler_failed() {
    let (told, warnings) = channel();
    let told = Mutex::new(told);
    let bus = Bus::builder()
        .on_warning(move |warning| {
            if matches!(warning, Warning::DroppedAtOnce { .. }) {
                told.lock().unwrap().send(()).unwrap();
            }
        })
        .build()
        .unwrap();
    drop(bus.on("p08.past").unwrap().subscribe(|_| {}));
    assert_eq!(warnings.try_iter().count(), 1, "nothing has come to it");
    publish_event!(bus: &bus, "p08.past");
    drop(bus.on("p08.past").unwrap().replay(1).subscribe(|_| {}));
    drop(bus.on("p08.past").unwrap().replay(1).try_subscribe(|_| Err("always".into())));
    let once = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    publish_event!(bus: &bus, "p08.past");
    drop(bus.on("p08.past").unwrap().replay(2).failure_policy(once).try_subscribe(|_| Err("always".into())));
    assert_eq!(warnings.try_iter().count(), 0);
    drop(bus.on("p08.other").unwrap().replay(1).subscribe(|_| {}));
    assert_eq!(warnings.try_iter().count(), 1, "there was no past for it");
}
