//! P2, P3 and P8 for batches: each event of `publish_all` is in the history before its handlers run, in order; what was
//! yielded is counted, whatever becomes of it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Bus, Event, FailurePolicy, FieldReader, FieldWriter, Payload, Reentrancy, current, publish_event};

use super::{Log, n, quietly, recorded};

sample!(Batched(u64), "p02.batched");

fn event(n: u64) -> Event {
    Event::builder("p02.batched").field("n", n).build().unwrap()
}

#[test]
fn p02_each_event_of_a_batch_is_in_the_history_before_its_handlers_run() {
    let bus = Bus::builder().history(1000).build().unwrap();
    let log = Log::default();
    let _guard = {
        let log = log.clone();
        bus.subscribe(move |event| {
            let found = current().unwrap().recent(usize::MAX).iter().any(|found| Event::same_instance(found, event));
            log.add(format!("{} {found}", n(event)));
        })
    };
    let all = bus.publish_all((0..100).map(Batched));
    assert_eq!((all.events, all.published, all.delivered, all.failed), (100, 100, 100, 0));
    assert_eq!(log.take(), (0..100).map(|n| format!("{n} true")).collect::<Vec<_>>());
    assert_eq!(recorded(&bus), (0..100).collect::<Vec<_>>());
    assert_eq!(bus.publish_all((100..107).map(event)).published, 7);
    assert_eq!(recorded(&bus), (0..107).collect::<Vec<_>>());
}

#[test]
fn p02_ids_of_a_batch_differ_and_times_do_not_go_back() {
    let bus = Bus::builder().history(1000).build().unwrap();
    let before = publish_event!(bus: &bus, "p02.batched", n = 0).event.unwrap();
    bus.publish_all((1..200).map(Batched));
    let after = publish_event!(bus: &bus, "p02.batched", n = 200).event.unwrap();
    let events = bus.recent(usize::MAX);
    assert_eq!(events.iter().map(Event::id).collect::<HashSet<_>>().len(), 201);
    assert!(events.windows(2).all(|pair| pair[0].timestamp() >= pair[1].timestamp()), "newest first");
    assert!(events[199].timestamp() >= before.timestamp() && after.timestamp() >= events[1].timestamp());
}

#[test]
fn p03_what_a_handler_publishes_is_younger_than_its_chunk_and_what_the_iterator_publishes_older() {
    let bus = Bus::builder().history(100).build().unwrap();
    let _guard = bus.on("p02.batched").unwrap().subscribe(|event| {
        publish_event!(bus: &current().unwrap(), "p02.nested", n = n(event) + 100);
    });
    bus.publish_all((0..3).map(|n| {
        publish_event!(bus: &bus, "p02.iterator", n = n + 200);
        Batched(n)
    }));
    assert_eq!(recorded(&bus), [200, 201, 202, 0, 1, 2, 100, 101, 102]);
}

#[test]
fn p02_what_an_iterator_has_yielded_before_it_panics_is_published() {
    quietly(|| {
        let bus = Bus::builder().history(100).build().unwrap();
        let mut tail = bus.cursor();
        let batch = (0..50).map(|n| if n < 40 { Batched(n) } else { panic!("ordered") });
        assert!(catch_unwind(AssertUnwindSafe(|| bus.publish_all(batch))).is_err());
        assert_eq!(recorded(&bus), (0..40).collect::<Vec<_>>());
        let read = tail.read();
        assert_eq!((read.events.len(), read.missed), (40, 0), "no gap");
        assert_eq!(bus.publish_all([Batched(40)]).published, 1);
    });
}

#[test]
fn p04_a_batch_goes_on_after_failures_and_unwinds_after_its_chunk() {
    quietly(|| {
        let bus = Bus::builder().history(100).build().unwrap();
        let failing = bus.try_subscribe(|event| if n(event) % 2 == 0 { Err("odd ones only".into()) } else { Ok(()) });
        let all = bus.publish_all((0..40).map(Batched));
        assert_eq!((all.published, all.delivered, all.failed), (40, 20, 20));
        drop(failing);

        let seen = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&seen);
        let _unwinding = bus.on("**").unwrap().failure_policy(FailurePolicy::Unwind).subscribe(move |event| {
            count.fetch_add(1, Ordering::Relaxed);
            assert!(n(event) != 3, "ordered");
        });
        let mut taken = 0;
        let batch = (0..100).map(|n| {
            taken += 1;
            Batched(n)
        });
        assert!(catch_unwind(AssertUnwindSafe(|| bus.publish_all(batch))).is_err());
        assert_eq!(seen.load(Ordering::Relaxed), taken, "all that was taken was dispatched");
        assert!(taken < 100);
    });
}

#[test]
fn p05_a_subscription_made_in_a_batch_sees_its_later_events() {
    let bus = Bus::builder().history(0).build().unwrap();
    let log = Log::default();
    let _first = {
        let (weak, log) = (bus.downgrade(), log.clone());
        bus.subscribe(move |event| {
            if n(event) == 2 {
                let log = log.clone();
                weak.upgrade().unwrap().subscribe(move |event| log.add(n(event).to_string())).detach();
            }
        })
    };
    bus.publish_all((0..5).map(Batched));
    assert_eq!(log.take(), ["3", "4"]);
}

#[test]
fn p08_each_outcome_of_a_batch_is_counted() {
    struct Thief;
    impl Payload for Thief {
        const KIND: &'static str = Batched::KIND;
        fn field_names() -> &'static [&'static str] {
            &[]
        }
        fn write_fields(&self, _: &mut FieldWriter<'_>) {}
        fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
            Some(Self)
        }
    }

    let bus = Bus::builder().history(10).reentrancy(Reentrancy::Deferred).deferred_limit(3).build().unwrap();
    let _guard = {
        let weak = bus.downgrade();
        bus.on("outer").unwrap().subscribe(move |_| {
            let all = weak.upgrade().unwrap().publish_all((0..5).map(Batched));
            assert_eq!((all.events, all.queued, all.queue_full), (5, 3, 2));
        })
    };
    assert_eq!(publish_event!(bus: &bus, "outer").failed, 0);
    let all = bus.publish_all([Thief, Thief]);
    assert_eq!((all.events, all.kind_taken, all.published), (2, 2, 0));
    let all = bus.publish_all((0..10).map(|n| {
        if n == 4 {
            bus.disable();
        }
        Batched(n)
    }));
    assert_eq!((all.events, all.published, all.disabled), (10, 4, 6));
    bus.enable();
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.taken_kinds, totals.deferred, totals.deferred_drops), (10, 2, 3, 2));
}

#[test]
fn p08_batches_of_many_threads_lose_nothing() {
    let bus = Bus::builder().history(500).build().unwrap();
    let guard = bus.subscribe_to(|_: &Batched| {}).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(bus.publish_all((0..77).map(Batched)).delivered, 77)));
        }
    });
    let stats = bus.stats();
    assert_eq!((stats.totals.published, stats.totals.delivered, guard.info().delivered), (15_400, 15_400, 15_400));
    assert_eq!((stats.buffer_len, stats.published_by_kind["p02.batched"]), (500, 15_400));
}
