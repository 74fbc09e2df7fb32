//! P3, P7, P8, P12 at the edges of what can be configured: a history of one event, or none, over one ring and several,
//! with a writer and with many; one level, one event that may wait, one call.
#![cfg(not(ringbus_loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use ringbus::{Bus, BusBuilder, Event, Outcome, Reentrancy, publish_event};

fn number(event: &Event) -> i64 {
    event.get("n").unwrap().as_i64().unwrap()
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(number).collect()
}

/// Says that all is done when it goes, in a panic too: a scope waits for its threads before the panic goes on.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Buses that remember one event, with one ring and several.
fn of_one() -> impl Iterator<Item = (Bus, String)> {
    let shards = [(1, false), (2, false), (4, false), (4, true), (256, false)];
    shards.into_iter().map(|(shards, strict)| {
        let bus = Bus::builder().history(1).shards(shards).strict_order(strict).build().unwrap();
        (bus, format!("{shards} shards, strict {strict}"))
    })
}

#[test]
fn p08_a_history_of_one_shows_the_newest_to_every_question() {
    for (bus, which) in of_one() {
        let mut cursor = bus.cursor();
        assert!(bus.recent(1).is_empty() && bus.history().all().is_empty(), "{which}");
        for n in 0..3000_i64 {
            publish_event!(bus: &bus, "p08.one", source: "test", n);
            if n % 100 == 0 || n > 2990 {
                let history = || bus.history();
                let asked = [
                    bus.recent(1),
                    bus.recent(usize::MAX),
                    bus.try_recent(7).unwrap(),
                    history().all(),
                    history().matching("p08.*").unwrap().all(),
                    history().source("test").take(3),
                    history().since(UNIX_EPOCH).take(1),
                ];
                assert!(asked.iter().all(|found| numbers(found) == [n]), "{which}, {n}: {asked:?}");
                assert!(bus.recent(0).is_empty() && history().matching("p09.*").unwrap().all().is_empty());
                assert!(history().source("other").all().is_empty() && history().until(UNIX_EPOCH).all().is_empty());
            }
        }
        let stats = bus.stats();
        assert_eq!((stats.buffer_len, stats.totals.published, stats.totals.overwritten), (1, 3000, 2999), "{which}");
        // The ring behind it has more, and a cursor reads what the ring has.
        let batch = cursor.read();
        assert_eq!((numbers(&batch.events), batch.missed), ((3000 - 1024..3000).collect(), 3000 - 1024), "{which}");
        bus.reset();
        assert!(bus.recent(9).is_empty() && cursor.read().events.is_empty(), "{which}");
        publish_event!(bus: &bus, "p08.one", n = 7);
        assert_eq!((numbers(&bus.recent(9)), numbers(&cursor.read().events)), (vec![7], vec![7]), "{which}");
    }
}

#[test]
fn p08_a_history_of_one_under_load_adds_up() {
    const THREADS: i64 = 3;
    const EVENTS: i64 = 3_000;
    for (bus, which) in of_one() {
        let done = AtomicBool::new(false);
        let (mut seen, mut missed) = (0, 0);
        let mut last = [-1; THREADS as usize];
        let mut cursor = bus.cursor();
        std::thread::scope(|scope| {
            let ending = Done(&done);
            let writers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let bus = &bus;
                    scope.spawn(move || (0..EVENTS).for_each(|n| drop(publish_event!(bus: bus, "p08.load", thread, n))))
                })
                .collect();
            let reader = scope.spawn(|| {
                let mut newest = [-1; THREADS as usize];
                while !done.load(Ordering::Acquire) {
                    let found = bus.recent(5);
                    assert!(found.len() <= 1, "{which}");
                    for event in &found {
                        // One thread's newest never gets older.
                        let thread = event.get("thread").unwrap().as_i64().unwrap() as usize;
                        assert!(number(event) >= newest[thread], "{which}");
                        newest[thread] = number(event);
                    }
                }
            });
            let mut read = || {
                let batch = cursor.read();
                missed += batch.missed;
                seen += batch.events.len() as u64;
                for event in &batch.events {
                    let thread = event.get("thread").unwrap().as_i64().unwrap() as usize;
                    assert!(number(event) > last[thread], "{which}: each once, in order");
                    last[thread] = number(event);
                }
            };
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                read();
            }
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            drop(ending);
            reader.join().unwrap();
            read();
        });
        assert_eq!(seen + missed, (THREADS * EVENTS) as u64, "{which}");
        let stats = bus.stats();
        let recorded = (THREADS * EVENTS) as u64;
        assert_eq!((stats.buffer_len, stats.totals.overwritten), (1, recorded - 1), "{which}");
        assert_eq!(number(&bus.recent(1)[0]), EVENTS - 1, "{which}: somebody's last");
    }
}

#[test]
fn p03_replay_of_one_tells_the_newest_and_then_all_that_comes() {
    for (bus, which) in of_one() {
        (0..2000_i64).for_each(|n| drop(publish_event!(bus: &bus, "p03.one", n)));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (list, weak) = (Arc::clone(&told), bus.downgrade());
        let _late = bus.on("p03.one").unwrap().replay(10).subscribe(move |event: &Event| {
            let n = number(event);
            list.lock().unwrap().push(n);
            // Comes to the inbox while it is told: up to the bound and beyond.
            if n == 1999 {
                let bus = weak.upgrade().unwrap();
                (2000..3100_i64).for_each(|n| drop(publish_event!(bus: &bus, "p03.one", n)));
            }
        });
        publish_event!(bus: &bus, "p03.one", n = 3100);
        let (told, lagged) = (told.lock().unwrap().clone(), bus.subscriptions()[0].lagged);
        assert!(told[0] == 1999 && told.is_sorted() && told.last() == Some(&3100), "{which}: {told:?}");
        assert_eq!(told.len() as u64 + lagged, 1 + 1100 + 1, "{which}: told or counted");
    }
}

#[test]
fn p03_the_inboxs_bound_is_exact() {
    // 1024 wait; one more is refused, and read from the history.
    for more in [1023, 1024, 1025] {
        for history in [0, 1, 4096] {
            let bus = Bus::builder().history(history).shards(1).build().unwrap();
            publish_event!(bus: &bus, "p03.bound", n = 0);
            let told = Arc::new(AtomicU64::new(0));
            let (count, weak) = (Arc::clone(&told), bus.downgrade());
            let first = AtomicBool::new(true);
            let _late = bus
                .on("p03.bound")
                .unwrap()
                .filter(move |_| {
                    if first.swap(false, Ordering::Relaxed) {
                        let bus = weak.upgrade().unwrap();
                        (1..=more).for_each(|n| drop(publish_event!(bus: &bus, "p03.bound", n)));
                    }
                    true
                })
                .replay(1)
                .subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
            let (heard, lagged) = (told.load(Ordering::Relaxed), bus.subscriptions()[0].lagged);
            if history == 0 {
                // Nothing of the past, so the filter is asked for the first time when it is live.
                assert_eq!((heard, lagged), (0, 0), "{more}");
            } else {
                assert_eq!((heard, lagged), (1 + more, 0), "{more} events over a history of {history}");
            }
        }
    }
}

#[test]
fn p08_without_a_history_every_question_has_no_answer() {
    for shards in [1, 2, 4] {
        let bus = Bus::builder().history(0).shards(shards).build().unwrap();
        let mut cursor = bus.cursor();
        let heard = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&heard);
        let _live = bus.subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..1_000).for_each(|n| drop(publish_event!(bus: &bus, "p08.none", n))));
            }
        });
        assert!(bus.recent(9).is_empty() && bus.history().matching("**").unwrap().all().is_empty());
        let batch = cursor.read();
        assert_eq!((batch.events.len(), batch.missed, heard.load(Ordering::Relaxed)), (0, 3_000, 3_000));
        let stats = bus.stats();
        assert_eq!((stats.totals.published, stats.totals.overwritten, stats.buffer_len), (3_000, 0, 0));
    }
}

/// A bus on which each event's handler publishes two more.
fn fork(builder: BusBuilder) -> (Bus, Arc<Mutex<Vec<Outcome>>>) {
    let bus = builder.history(100).build().unwrap();
    let (outcomes, weak) = (Arc::new(Mutex::new(Vec::new())), bus.downgrade());
    let list = Arc::clone(&outcomes);
    let handler = move |_: &Event| {
        let bus = weak.upgrade().unwrap();
        for _ in 0..2 {
            let outcome = publish_event!(bus: &bus, "p07.two").outcome;
            list.lock().unwrap().push(outcome);
        }
    };
    bus.on("p07.*").unwrap().subscribe(handler).detach();
    (bus, outcomes)
}

#[test]
fn p07_one_level_and_one_that_may_wait() {
    let (bus, outcomes) = fork(Bus::builder().depth_limit(1));
    assert_eq!(publish_event!(bus: &bus, "p07.first").delivered, 1);
    assert_eq!(*outcomes.lock().unwrap(), [Outcome::TooDeep, Outcome::TooDeep]);
    assert_eq!((bus.stats().totals.depth_stops, bus.recent(9).len()), (2, 3));

    let builder = || Bus::builder().reentrancy(Reentrancy::Deferred).deferred_limit(1);
    let (bus, outcomes) = fork(builder().depth_limit(2));
    publish_event!(bus: &bus, "p07.first");
    // One waits, one finds no room; the one that waited is dispatched, and its two are too deep.
    let all = [Outcome::Queued, Outcome::QueueFull, Outcome::TooDeep, Outcome::TooDeep];
    assert_eq!(*outcomes.lock().unwrap(), all);
    let totals = bus.stats().totals;
    assert_eq!((totals.deferred, totals.deferred_drops, totals.depth_stops), (1, 1, 2));
}

#[test]
fn p06_a_limit_of_none_and_of_one() {
    for limit in [0, 1] {
        let bus = Bus::builder().history(1).build().unwrap();
        let heard = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&heard);
        let guard = bus.on("p06.*").unwrap().limit(limit).subscribe(move |_| _ = count.fetch_add(1, Ordering::Relaxed));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..100).for_each(|_| drop(publish_event!(bus: &bus, "p06.limit"))));
            }
        });
        assert_eq!((heard.load(Ordering::Relaxed), bus.subscriptions().len()), (limit, 0));
        guard.close_timeout(Duration::from_secs(60)).unwrap();
    }
}
