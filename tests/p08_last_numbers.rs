//! P3, P8: numbers near their ends: the lap in a slot's word begins anew after 2^20 laps, which 2^30 events to one shard
//! reach; a shard's tickets are good up to 2^56; call sites' kinds are 65 536. The buses here begin close to that
//! (feature `inject`). In a process of its own: kinds are used up for good.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, Event, Kind, publish_event};

/// Laps of the smallest ring, of 1024 slots, after which a slot's word has had all its laps.
const ALL_LAPS: u64 = 1 << 30;
/// The last ticket but a few that a stamp has room for.
const LAST_TICKETS: u64 = (1 << 56) - 5_000;

fn number(event: &Event) -> i64 {
    event.get("n").unwrap().as_i64().unwrap()
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(number).collect()
}

#[test]
fn p08_laps_that_begin_anew_and_tickets_near_their_end_are_like_any_other() {
    for first in [ALL_LAPS - 2_500, 2 * ALL_LAPS - 1024, u64::from(u32::MAX) - 100, LAST_TICKETS] {
        for shards in [1, 4, 256] {
            let bus = Bus::builder().history(500).shards(shards).first_ticket(first).build().unwrap();
            let mut cursor = bus.cursor();
            let mut read = Vec::new();
            assert!(bus.recent(9).is_empty() && bus.stats().totals.published == 0);
            for n in 0..4_000_i64 {
                publish_event!(bus: &bus, "p08.last", n);
                if n % 500 == 499 {
                    let mut newest = numbers(&bus.recent(500));
                    newest.reverse();
                    assert_eq!(newest, (n - 499..=n).collect::<Vec<_>>(), "{first}, {shards} shards");
                    let batch = cursor.read();
                    assert_eq!(batch.missed, 0);
                    read.extend(numbers(&batch.events));
                }
            }
            assert_eq!(read, (0..4_000).collect::<Vec<_>>(), "{first}, {shards} shards");
            let totals = bus.stats().totals;
            assert_eq!((totals.published, totals.overwritten), (4_000, 3_500));
            bus.reset();
            publish_event!(bus: &bus, "p08.last", n = 7);
            assert_eq!((numbers(&bus.recent(9)), bus.stats().totals.published), (vec![7], 1));
        }
    }
}

#[test]
fn p03_replay_and_load_over_the_laps_end_miss_nothing() {
    const THREADS: u64 = 3;
    const EVENTS: i64 = 2_000;
    for first in [ALL_LAPS - 3_000, LAST_TICKETS - 2_000] {
        let bus = Bus::builder().history(8192).shards(2).first_ticket(first / 8 * 8).build().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let bus = &bus;
                scope.spawn(move || (0..EVENTS).for_each(|n| drop(publish_event!(bus: bus, "p03.load", thread, n))));
            }
            let list = Arc::clone(&told);
            let late = bus.on("p03.load").unwrap().replay(8192);
            let record = move |event: &Event| {
                let thread = event.get("thread").unwrap().as_u64().unwrap();
                list.lock().unwrap().push((thread, number(event)));
            };
            late.subscribe(record).detach();
        });
        let told = told.lock().unwrap();
        for thread in 0..THREADS {
            let own: Vec<i64> = told.iter().filter(|one| one.0 == thread).map(|one| one.1).collect();
            assert_eq!(own, (0..EVENTS).collect::<Vec<_>>(), "from {first}: each once, in order");
        }
    }
}

#[test]
fn p08_when_all_kinds_are_used_up_events_are_published_as_before() {
    let text = (0..65_600).map(|n| format!("p08.k{n}")).collect::<Vec<_>>().join(" ");
    let names: Vec<&'static str> = Box::leak(text.into_boxed_str()).split(' ').collect();
    for name in &names {
        Kind::from_static(name).unwrap();
    }
    let bus = Bus::builder().history(100).build().unwrap();
    let (all, one) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (all_count, one_count) = (Arc::clone(&all), Arc::clone(&one));
    let _all = bus.on("used.*").unwrap().subscribe(move |_| _ = all_count.fetch_add(1, Ordering::Relaxed));
    let _one = bus.on("used.up").unwrap().subscribe(move |_| _ = one_count.fetch_add(1, Ordering::Relaxed));
    for n in 0..10_i64 {
        publish_event!(bus: &bus, "used.up", n);
        publish_event!(bus: &bus, "used.other", n);
        bus.publish(Event::builder(Kind::from_static("used.late").unwrap()).field("n", n).build().unwrap());
    }
    assert_eq!((all.load(Ordering::Relaxed), one.load(Ordering::Relaxed)), (30, 10));
    assert_eq!(bus.recent(100).iter().filter(|event| event.kind() == "used.up").count(), 10);
    let stats = bus.stats();
    let by_kind: u64 = stats.published_by_kind.values().sum();
    assert_eq!((by_kind + stats.published_of_other_kinds, stats.totals.published), (30, 30));
}
