//! P8: the numbers add up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringbus::{Bus, Delivery, Overflow, RecvError, SubscriptionState, publish_event};

use crate::{n, recorded};

#[test]
fn p08_readable_and_overwritten_are_what_was_recorded() {
    for capacity in [1, 2, 3, 500, 1023, 1024, 1025, 3000] {
        let bus = Bus::builder().history(capacity).shards(4).build().unwrap();
        for published in 1..=2500_u64 {
            publish_event!(bus: &bus, "p08", n = published);
            if [1, 2, 500, 1024, 1025, 2500].contains(&published) {
                let kept = published.min(capacity as u64);
                let numbers: Vec<i64> = (published - kept + 1..=published).map(|n| n as i64).collect();
                assert_eq!(recorded(&bus), numbers, "capacity {capacity}, after {published}");
                let stats = bus.stats();
                assert_eq!((stats.buffer_len as u64, stats.totals.overwritten), (kept, published - kept));
                assert_eq!(stats.totals.published, published);
            }
        }
    }
}

#[test]
fn p08_without_a_history_events_are_counted_and_delivered() {
    let bus = Bus::builder().history(0).build().unwrap();
    let _guard = bus.subscribe(|_| {});
    for _ in 0..10 {
        publish_event!(bus: &bus, "p08");
    }
    let stats = bus.stats();
    assert_eq!((stats.totals.published, stats.totals.delivered, stats.totals.overwritten), (10, 10, 0));
    assert!(bus.recent(10).is_empty());
}

#[test]
fn p08_deliveries_are_the_sum_over_the_handlers_also_under_load() {
    const THREADS: u64 = 4;
    const EACH: u64 = 5000;
    let bus = Bus::builder().history(700).build().unwrap();
    let calls = AtomicU64::new(0);
    let patterns = ["p08.a", "p08.*", "**", "p08.b"];
    let guards: Vec<_> = patterns.map(|pattern| bus.on(pattern).unwrap().subscribe(|_| {})).into();
    let flaky =
        bus.on("p08.a").unwrap().try_subscribe(|event| if n(event) % 7 == 0 { Err("no".into()) } else { Ok(()) });
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for n in 0..EACH {
                    let a = publish_event!(bus: &bus, "p08.a", n);
                    let b = publish_event!(bus: &bus, "p08.b", n);
                    let called = a.delivered + a.failed + b.delivered + b.failed;
                    calls.fetch_add(called.into(), Ordering::Relaxed);
                }
            });
        }
        // A reader meanwhile takes nothing away.
        scope.spawn(|| (0..200).for_each(|_| drop(bus.recent(700))));
    });
    let stats = bus.stats();
    let total = THREADS * EACH * 2;
    assert_eq!((stats.totals.published, stats.totals.overwritten, stats.buffer_len), (total, total - 700, 700));
    let infos: Vec<_> = guards.iter().chain([&flaky]).map(|guard| guard.info()).collect();
    assert_eq!(infos.iter().map(|info| info.delivered).sum::<u64>(), stats.totals.delivered);
    assert_eq!(infos.iter().map(|info| info.failed).sum::<u64>(), stats.totals.failed);
    assert_eq!(stats.totals.delivered + stats.totals.failed, calls.load(Ordering::Relaxed));
    assert_eq!(stats.totals.failed, THREADS * EACH.div_ceil(7));
    assert_eq!(infos[2].delivered, total);
}

#[test]
fn p08_one_call_in_sixty_four_is_timed() {
    let bus = Bus::new();
    let guard = bus.subscribe(|_| {});
    let mut samples = Vec::new();
    for n in 0..130 {
        publish_event!(bus: &bus, "p08.timed", n);
        samples.push(guard.info().latency.unwrap().samples);
    }
    let shown = guard.info().to_string();
    assert!(shown.contains("130 delivered, 0 failed (0 by panic); ") && shown.ends_with("(3 samples)"), "{shown}");
    assert!(samples.iter().zip(0_u64..).all(|(samples, n)| *samples == n / 64 + 1), "{samples:?}");
}

#[test]
fn p08_a_reset_moves_the_base() {
    let bus = Bus::builder().history(5).build().unwrap();
    let guard = bus.subscribe(|_| {});
    (0..7).for_each(|n| drop(publish_event!(bus: &bus, "p08", n)));
    bus.reset();
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.overwritten), (0, 0, 0));
    assert_eq!(guard.info().delivered, 7, "a subscription's own counts go on");
    (10..13).for_each(|n| drop(publish_event!(bus: &bus, "p08", n)));
    assert_eq!(recorded(&bus), [10, 11, 12]);
    assert_eq!((bus.stats().totals.published, bus.stats().totals.overwritten), (3, 0));
}

#[test]
fn p08_resets_under_load_lose_no_count_made_after_the_last() {
    let bus = Bus::builder().history(64).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..3000).for_each(|n| drop(publish_event!(bus: &bus, "p08", n))));
        }
        scope.spawn(|| (0..200).for_each(|_| bus.reset()));
    });
    bus.reset();
    (0..100).for_each(|n| drop(publish_event!(bus: &bus, "p08", n)));
    let stats = bus.stats();
    assert_eq!((stats.totals.published, stats.totals.overwritten, stats.buffer_len), (100, 36, 64));
}

/// Every capacity at its edges, every number of shards, several threads, a handler that fails now and then, a reader:
/// when all have ended the numbers are exact.
#[test]
fn p08_the_numbers_are_exact_once_all_threads_have_ended() {
    const THREADS: i64 = 4;
    const EACH: i64 = 700;
    const TOTAL: u64 = (THREADS * EACH) as u64;
    for capacity in [0, 1, 500, 1024, 1025, 5000] {
        for shards in [1, 2, 8] {
            let bus = Bus::builder().history(capacity).shards(shards).build().unwrap();
            let fine = bus.subscribe(|_| {});
            let flaky = bus.on("p08.*").unwrap().try_subscribe(|event| match n(event) % 10 {
                0 => Err("ordered".into()),
                _ => Ok(()),
            });
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| (0..EACH).for_each(|n| drop(publish_event!(bus: &bus, "p08.exact", n))));
                }
                scope.spawn(|| (0..20).for_each(|_| drop(bus.recent(usize::MAX))));
            });
            let (stats, case) = (bus.stats(), format!("capacity {capacity}, {shards} shards"));
            let readable = TOTAL.min(capacity as u64);
            assert_eq!((stats.totals.published, stats.buffer_len as u64), (TOTAL, readable), "{case}");
            let overwritten = if capacity == 0 { 0 } else { TOTAL - readable };
            assert_eq!(stats.totals.overwritten, overwritten, "{case}");
            assert_eq!(stats.by_kind.values().sum::<u64>(), readable, "{case}");
            assert_eq!((fine.info().delivered, flaky.info().failed), (TOTAL, TOTAL / 10), "{case}");
            assert_eq!((stats.totals.delivered, stats.totals.failed), (2 * TOTAL - TOTAL / 10, TOTAL / 10), "{case}");
            assert_eq!(bus.recent(usize::MAX).len() as u64, readable, "{case}");
        }
    }
}

/// Resets while others publish: what is recorded after the last one is readable or overwritten, and nothing else is.
#[test]
fn p08_resets_under_load_keep_the_sum() {
    for _ in 0..20 {
        let bus = Bus::builder().history(64).shards(2).build().unwrap();
        let guard = bus.subscribe(|_| {});
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..500).for_each(|n| drop(publish_event!(bus: &bus, "p08", n))));
            }
            scope.spawn(|| (0..20).for_each(|_| bus.reset()));
        });
        let stats = bus.stats();
        assert!(stats.totals.published <= 1500);
        assert_eq!(stats.buffer_len as u64, stats.totals.published.min(64));
        assert_eq!(stats.buffer_len as u64 + stats.totals.overwritten, stats.totals.published);
        assert_eq!(guard.info().delivered, 1500);
        bus.reset();
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.delivered, totals.overwritten), (0, 0, 0));
    }
}

#[test]
fn p08_whatever_is_not_delivered_has_a_counter() {
    let bus = Bus::builder().depth_limit(1).build().unwrap();
    let weak = bus.downgrade();
    let guard = bus.subscribe(move |_| drop(publish_event!(bus: &weak.upgrade().unwrap(), "p08.nested")));
    assert_eq!(publish_event!(bus: &bus, "p08").delivered, 1);
    for bad in ["", "a..b", "a b"] {
        assert!(publish_event!(bus: &bus, kind: bad).event.is_none());
    }
    // Still in the totals when its handler is gone, and when its subscription is.
    guard.close().unwrap();
    drop(guard);
    let failing = bus.try_subscribe(|_| Err("ordered".into()));
    publish_event!(bus: &bus, "p08");
    drop(failing);
    bus.disable();
    assert!(publish_event!(bus: &bus, "p08").event.is_none());
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.delivered, totals.failed, totals.panicked), (3, 1, 1, 0));
    assert_eq!((totals.depth_stops, totals.invalid_kinds, totals.refused, totals.while_panicking), (1, 3, 0, 0));
    bus.reset();
    let totals = bus.stats().totals;
    assert_eq!((totals.depth_stops, totals.invalid_kinds, totals.failed), (0, 0, 0));
}

#[test]
fn p08_an_event_published_again_counts_again() {
    let bus = Bus::builder().history(4).build().unwrap();
    let guard = bus.subscribe(|_| {});
    let event = ringbus::Event::builder("p08.again").field("n", 7).build().unwrap();
    (0..10).for_each(|_| drop(bus.publish(event.clone())));
    let stats = bus.stats();
    assert_eq!((stats.totals.published, stats.totals.overwritten, stats.buffer_len), (10, 6, 4));
    assert_eq!((guard.info().delivered, stats.by_kind["p08.again"]), (10, 4));
    assert_eq!(recorded(&bus), [7; 4]);
}

sample!(Sample(u64), "p08.sample");

#[test]
fn p08_what_a_queue_takes_loses_or_passes_by_is_no_failure() {
    let bus = Bus::new();
    let queue = bus.on("p08.job").unwrap().queued().capacity(1).when_full(Overflow::DropNewest);
    let mut jobs = queue.receiver().unwrap();
    let mut samples = bus.on_payload::<Sample>().unwrap().receiver().unwrap();
    let odd = bus.on("p08.mapped").unwrap().filter_map(|event| (n(event) % 2 == 1).then_some(())).subscribe(|()| {});
    let told = |delivery: Delivery| (delivery.delivered, delivery.enqueued, delivery.failed);
    assert_eq!([1, 2].map(|n| told(publish_event!(bus: &bus, "p08.job", n))), [(0, 1, 0), (0, 0, 0)]);
    assert_eq!(told(publish_event!(bus: &bus, "p08.sample", n = 1)), (0, 0, 0), "it holds no value");
    assert_eq!(told(bus.publish(Sample(2))), (0, 1, 0));
    let mapped = [1, 2, 3, 4].map(|n| told(publish_event!(bus: &bus, "p08.mapped", n)));
    assert_eq!(mapped, [(1, 0, 0), (0, 0, 0), (1, 0, 0), (0, 0, 0)]);
    assert_eq!((n(&jobs.try_recv().unwrap()), samples.try_recv().unwrap().0), (1, 2));
    let counts = [jobs.info(), samples.info(), odd.info()].map(|info| (info.delivered, info.skipped, info.failed));
    assert_eq!(counts, [(1, 0, 0), (1, 1, 0), (2, 2, 0)]);
    let totals = bus.stats().totals;
    assert_eq!((totals.enqueued, totals.queue_drops, totals.delivered), (2, 1, 4));
    assert_eq!((totals.failed, totals.unheard), (0, 0));
}

#[test]
fn p08_a_limit_ends_with_the_last_event_that_was_offered_also_where_a_queue_loses_it() {
    let bus = Bus::new();
    let publish = || publish_event!(bus: &bus, "p08.job", n = 1).enqueued;
    let begin = || bus.on("p08.job").unwrap().limit(2).queued().capacity(1).when_full(Overflow::DropNewest);
    let mut jobs = begin().receiver().unwrap();
    for after_it in [RecvError::Empty, RecvError::Ended] {
        assert_eq!(publish(), 1);
        assert_eq!((jobs.try_recv().map(|event| n(&event)), jobs.try_recv().unwrap_err()), (Ok(1), after_it));
    }
    let mut jobs = begin().receiver().unwrap();
    assert_eq!([(); 3].map(|()| publish()), [1, 0, 0]);
    assert_eq!((jobs.info().state, jobs.info().skipped), (SubscriptionState::Ended, 0), "the third never came to it");
    assert_eq!((jobs.try_recv().map(|event| n(&event)), jobs.try_recv().unwrap_err()), (Ok(1), RecvError::Ended));
    // Of a handler of values.
    let once = bus.on_payload::<Sample>().unwrap().limit(1).subscribe(|_| {});
    assert_eq!([1, 2].map(|n| bus.publish(Sample(n)).delivered), [1, 0]);
    assert_eq!((once.info().delivered, once.info().skipped), (1, 0));
}

#[test]
fn p08_chains_that_are_too_long_dead_letters_and_what_comes_after_a_shutdown_are_counted() {
    let bus = Bus::builder().hop_limit(3).build().unwrap();
    let endless = bus.on("p08.hops").unwrap().subscribe(|_| {
        publish_event!(bus: &ringbus::current().unwrap(), "p08.hops");
    });
    assert_eq!(publish_event!(bus: &bus, "p08.hops").delivered, 1);
    assert_eq!(endless.info().delivered, 4);
    let mut samples = bus.on_payload::<Sample>().unwrap().decode().receiver().unwrap();
    assert_eq!(publish_event!(bus: &bus, "p08.sample", n = "many").enqueued, 1);
    assert_eq!(samples.try_recv().err(), Some(RecvError::Empty), "it cannot be read");
    bus.shutdown(Duration::ZERO);
    assert!(!publish_event!(bus: &bus, "p08.hops").outcome.is_accepted());
    let totals = bus.stats().totals;
    assert_eq!((totals.hop_stops, totals.dead_letters, totals.failed, totals.shut_down), (1, 1, 1, 1));
}
