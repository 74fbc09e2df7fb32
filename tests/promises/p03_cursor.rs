//! P3, P8: a cursor: each event once, in its thread's order, or counted as missed. And strict order.

use std::collections::BTreeMap;
use std::sync::mpsc;

use ringbus::{Bus, Event, publish_event};

use crate::{n, recorded};

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(n).collect()
}

#[test]
fn p03_a_cursor_goes_on_where_it_stopped() {
    let bus = Bus::new();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "p03.one", n)));
    let mut cursor = bus.cursor();
    let mut ones = bus.cursor().matching("p03.one").unwrap();
    assert_eq!(numbers(&cursor.read().events), [0, 1, 2]);
    assert!(cursor.read().events.is_empty());
    publish_event!(bus: &bus, "p03.other", n = 3);
    publish_event!(bus: &bus, "p03.one", n = 4);
    let mut copy = cursor.clone();
    assert_eq!((numbers(&cursor.read().events), numbers(&copy.read().events)), (vec![3, 4], vec![3, 4]));
    assert_eq!(numbers(&ones.read().events), [0, 1, 2, 4]);
    publish_event!(bus: &bus, "p03.one", n = 5);
    cursor.skip_to_end();
    bus.reset();
    publish_event!(bus: &bus, "p03.one", n = 6);
    let batch = cursor.read();
    assert_eq!((numbers(&batch.events), batch.missed), (vec![6], 0), "what was skipped is not missed");
    let batch = copy.read();
    assert_eq!((numbers(&batch.events), batch.missed), (vec![6], 1), "a reset's events are missed");
    assert!(bus.cursor().matching("p03..one").is_err());
}

#[test]
fn p08_what_a_cursor_reads_and_what_it_misses_is_all_there_was() {
    const EACH: i64 = 40_000;
    let bus = Bus::builder().history(100).shards(2).build().unwrap();
    let mut cursor = bus.cursor();
    let (mut missed, mut by_source) = (0, BTreeMap::<String, Vec<i64>>::new());
    std::thread::scope(|scope| {
        let (done, all_done) = mpsc::channel::<()>();
        for source in ["a", "b", "c"] {
            let (bus, done) = (&bus, done.clone());
            scope.spawn(move || {
                (0..EACH).for_each(|n| drop(publish_event!(bus: bus, "p08.followed", source: source, n)));
                drop(done);
            });
        }
        drop(done);
        let mut read = || {
            let batch = cursor.read();
            missed += batch.missed;
            for event in batch.events {
                by_source.entry(event.source().unwrap().to_owned()).or_default().push(n(&event));
            }
        };
        while all_done.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
            read();
        }
        read();
    });
    let found: usize = by_source.values().map(Vec::len).sum();
    assert_eq!(found as u64 + missed, 3 * EACH as u64);
    assert!(by_source.values().all(|all| all.is_sorted_by(|one, next| one < next)), "in order, none twice");
}

/// Two threads that hand the turn to each other: each event happens before the next one.
#[test]
fn p03_strict_order_has_no_exception() {
    const TURNS: i64 = 20_000;
    let bus = Bus::builder().history(TURNS as usize).shards(8).strict_order(true).build().unwrap();
    assert!(format!("{:?}", Bus::builder().shards(8).build().unwrap()).contains("shards: 8,"));
    assert!(format!("{bus:?}").contains("shards: 1,"), "{bus:?}");
    let (ping, pong) = (mpsc::channel(), mpsc::channel());
    let turns = |from: mpsc::Receiver<i64>, to: mpsc::Sender<i64>| {
        for n in from {
            publish_event!(bus: &bus, "p03.turn", n);
            if n + 1 == TURNS || to.send(n + 1).is_err() {
                break;
            }
        }
    };
    ping.0.send(0).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| turns(ping.1, pong.0));
        scope.spawn(|| turns(pong.1, ping.0));
    });
    assert!(recorded(&bus).into_iter().eq(0..TURNS));
}

#[test]
fn p08_without_a_history_a_cursor_misses_everything_and_says_so() {
    let bus = Bus::builder().history(0).build().unwrap();
    let _open = bus.subscribe(|_| {});
    publish_event!(bus: &bus, "p08.before", n = 0);
    let mut cursor = bus.cursor();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "p08.unkept", n)));
    let batch = cursor.read();
    assert_eq!((batch.events.len(), batch.missed, cursor.read().missed), (0, 3, 0));
}
