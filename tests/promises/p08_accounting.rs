//! P8: the numbers add up.

use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Bus, publish_event};

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
