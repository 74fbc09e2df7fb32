//! P3: the past first, then live: nothing twice, nothing left out that is not counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use ringbus::{Bus, Event, Outcome, Overflow, Reentrancy, Warning, current, publish_event};

use crate::{n, recorded};

type Seen = Arc<Mutex<Vec<(String, i64)>>>;

/// Source and number of what a handler was called with.
fn list() -> (Seen, impl Fn(&Event)) {
    let seen = Seen::default();
    let write = Arc::clone(&seen);
    (seen, move |event: &Event| write.lock().unwrap().push((event.source().unwrap_or("").to_owned(), n(event))))
}

fn numbers(seen: &Seen) -> Vec<i64> {
    seen.lock().unwrap().iter().map(|(_, n)| *n).collect()
}

/// While three threads publish, a subscription with the past: each thread's numbers come without gap from the first
/// one on, to the last.
#[test]
fn p03_replay_meets_publishers_without_gap_and_without_doubles() {
    for round in 0..300 {
        let bus = Bus::builder().history(1000).shards(if round % 2 == 0 { 1 } else { 4 }).build().unwrap();
        let start = Barrier::new(4);
        let (seen, write) = list();
        let guard = std::thread::scope(|scope| {
            for source in ["a", "b", "c"] {
                let (bus, start) = (&bus, &start);
                scope.spawn(move || {
                    start.wait();
                    (0..60).for_each(|n| drop(publish_event!(bus: bus, "p03.race", source: source, n)));
                });
            }
            start.wait();
            (0..round % 50).for_each(|_| std::hint::spin_loop());
            bus.on("p03.race").unwrap().replay(1000).subscribe(write)
        });
        let mut by_source = BTreeMap::<String, Vec<i64>>::new();
        for (source, n) in seen.lock().unwrap().drain(..) {
            by_source.entry(source).or_default().push(n);
        }
        assert_eq!(guard.info().lagged, 0);
        for source in ["a", "b", "c"] {
            assert!(by_source[source].iter().copied().eq(0..60), "round {round}, {source}: {:?}", by_source[source]);
        }
    }
}

#[test]
fn p03_replay_tells_as_much_of_the_past_as_was_asked_for() {
    let bus = Bus::builder().history(5).build().unwrap();
    let publish = |n: i64| drop(publish_event!(bus: &bus, "p03.past", source: "s", n));
    (0..4).for_each(publish);
    publish_event!(bus: &bus, "p03.other", n = 99);
    let middle = bus.recent(3)[2].timestamp();
    (4..6).for_each(publish);
    // The history shows five: 2, 3, the other one, 4, 5.
    let told = |request: ringbus::Subscribe| {
        let (seen, write) = list();
        let guard = request.subscribe(write);
        let past = numbers(&seen);
        publish_event!(bus: &bus, "p03.live", n = -1);
        drop(guard);
        past
    };
    let on = || bus.on("p03.past").unwrap();
    assert_eq!(told(on().replay(2)), [4, 5]);
    assert_eq!(told(on().replay(0)), [0_i64; 0]);
    let bus = Bus::builder().history(500).build().unwrap();
    let publish = |n: i64| drop(publish_event!(bus: &bus, "p03.past", source: "s", n));
    (0..6).for_each(publish);
    let on = || bus.on("p03.past").unwrap();
    let told = |request: ringbus::Subscribe| {
        let (seen, write) = list();
        drop(request.subscribe(write));
        numbers(&seen)
    };
    assert_eq!(told(on().replay(usize::MAX)), [0, 1, 2, 3, 4, 5]);
    assert_eq!(told(on().replay_since(middle)), [0, 1, 2, 3, 4, 5]);
    let third = bus.recent(6)[3].timestamp();
    let since = bus.history().since(third).take(10).len() as i64;
    assert_eq!(told(on().replay_since(third)), Vec::from_iter(6 - since..6));
    assert_eq!(told(on().replay_since(third).replay(1)), [5]);
    assert_eq!(told(on().replay_since(SystemTime::now() + std::time::Duration::from_secs(60))), [0_i64; 0]);
    assert_eq!(told(on().filter(|event| n(event) % 2 == 0).replay(4)), [2, 4]);
    assert_eq!(told(on().limit(2).replay(4)), [2, 3]);
    let silent = Bus::builder().history(0).build().unwrap();
    let (seen, write) = list();
    let _guard = silent.on("p03.*").unwrap().replay(10).subscribe(write);
    publish_event!(bus: &silent, "p03.past", n = 7);
    assert_eq!(numbers(&seen), [7]);
}

#[test]
fn p03_what_a_handler_publishes_while_it_is_told_of_the_past_comes_after_it() {
    let bus = Bus::new();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "p03.echo", n)));
    let (seen, write) = list();
    let _echo = bus.on("p03.echo").unwrap().replay(10).subscribe(move |event| {
        write(event);
        if n(event) < 5 {
            publish_event!(bus: &current().unwrap(), "p03.echo", n = n(event) + 10);
        }
    });
    assert_eq!(numbers(&seen), [0, 1, 2, 10, 11, 12]);
    assert_eq!(recorded(&bus), [0, 1, 2, 10, 11, 12]);
}

#[test]
fn p03_a_subscription_may_end_itself_while_it_is_told_of_the_past() {
    let bus = Bus::new();
    (0..9).for_each(|n| drop(publish_event!(bus: &bus, "p03.ends", n)));
    let (seen, write) = list();
    let guard = bus.on("p03.ends").unwrap().replay(9).subscribe(move |event| {
        write(event);
        let bus = current().unwrap();
        if n(event) == 3 {
            assert!(bus.unsubscribe(bus.subscriptions()[0].id));
        }
    });
    publish_event!(bus: &bus, "p03.ends", n = 9);
    assert_eq!((numbers(&seen), guard.is_active(), guard.info().lagged), (vec![0, 1, 2, 3], false, 0));
}

/// A handler that holds on until far more has been published than its inbox and the rings can keep: what was
/// overwritten is counted, the rest told, in order, and the subscription lives.
#[test]
fn p03_a_handler_that_cannot_keep_up_lags_by_a_number() {
    const BURST: i64 = 5000;
    let (send, warnings) = mpsc::channel();
    let bus = Bus::builder()
        .history(10)
        .shards(1)
        .on_warning(move |warning| {
            if let Warning::Lagged { missed, .. } = warning {
                send.send(*missed).unwrap();
            }
        })
        .build()
        .unwrap();
    publish_event!(bus: &bus, "p03.slow", n = 0);
    let (inside, is_inside) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let (may_go_on, first) = (Mutex::new(may_go_on), AtomicBool::new(true));
    let (seen, write) = list();
    let guard = std::thread::scope(|scope| {
        let publisher = &bus;
        scope.spawn(move || {
            is_inside.recv().unwrap();
            (1..=BURST).for_each(|n| drop(publish_event!(bus: publisher, "p03.slow", n)));
            go_on.send(()).unwrap();
        });
        bus.on("p03.slow").unwrap().replay(1).subscribe(move |event| {
            write(event);
            if first.swap(false, Ordering::Relaxed) {
                inside.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
        })
    });
    let told = numbers(&seen);
    let lagged = guard.info().lagged;
    assert!(told.is_sorted_by(|one, next| one < next), "in order, none twice");
    assert_eq!((told[0], *told.last().unwrap()), (0, BURST));
    assert_eq!(told.len() as u64 + lagged, 1 + BURST as u64);
    assert_eq!((lagged > 0, warnings.try_recv().unwrap()), (true, lagged));
    assert_eq!(publish_event!(bus: &bus, "p03.slow", n = BURST + 1).delivered, 1);
}

/// Event 3 is recorded and never dispatched: it comes in its place, before what its thread published later. Of the last
/// ones some do not fit into the inbox, and some are overwritten before the history is read on.
#[test]
fn p03_what_nobody_dispatches_comes_in_its_place() {
    const END: i64 = 1500;
    let bus = Bus::builder().shards(1).reentrancy(Reentrancy::Deferred).deferred_limit(1).build().unwrap();
    let _nests = bus.on("p03.top").unwrap().subscribe(|event| {
        if n(event) == 1 {
            (2..=3).for_each(|n| drop(publish_event!(bus: &current().unwrap(), "p03.nested", n)));
        }
    });
    publish_event!(bus: &bus, "p03.top", n = 0);
    let (seen, write) = list();
    let guard = bus.on("p03.*").unwrap().replay(1).subscribe(move |event| {
        write(event);
        let next = match n(event) {
            0 => vec![1, 4],
            4 => Vec::from_iter(5..END),
            _ => return,
        };
        let bus = current().unwrap();
        let elsewhere = move || next.into_iter().for_each(|n| drop(publish_event!(bus: &bus, "p03.top", n)));
        std::thread::spawn(elsewhere).join().unwrap();
    });
    assert_eq!((bus.stats().totals.deferred_drops, guard.info().lagged), (1, 0));
    assert!(numbers(&seen).into_iter().eq(0..END), "{:?}", numbers(&seen));
}

#[test]
fn p03_close_on_another_thread_ends_what_is_told_of_the_past() {
    let bus = Bus::new();
    (0..100).for_each(|n| drop(publish_event!(bus: &bus, "p03.closed", n)));
    let (inside, is_inside) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel();
    let has_ended = Mutex::new(has_ended);
    let (seen, write) = list();
    std::thread::scope(|scope| {
        let closer = &bus;
        scope.spawn(move || {
            is_inside.recv().unwrap();
            assert!(closer.unsubscribe(closer.subscriptions()[0].id));
            ended.send(()).unwrap();
        });
        let guard = bus.on("p03.closed").unwrap().replay(100).subscribe(move |event| {
            write(event);
            inside.send(()).unwrap();
            has_ended.lock().unwrap().recv().unwrap();
        });
        assert!(!guard.is_active() && guard.close().is_ok());
    });
    assert_eq!(numbers(&seen), [0]);
}

/// Told at depth 1, as any handler is called by a publish of the top.
#[test]
fn p03_a_handler_that_is_told_of_the_past_is_as_deep_as_in_any_call() {
    let bus = Bus::builder().depth_limit(1).build().unwrap();
    publish_event!(bus: &bus, "p03.told", n = 0);
    let (outcome, outcomes) = mpsc::channel();
    let guard = bus.on("p03.told").unwrap().replay(1).subscribe(move |_| {
        outcome.send(publish_event!(bus: &current().unwrap(), "p03.deeper", n = 1).outcome).unwrap();
    });
    assert_eq!(outcomes.try_iter().collect::<Vec<_>>(), [Outcome::TooDeep]);
    assert_eq!((guard.info().delivered, bus.stats().totals.depth_stops), (1, 1));
}

#[test]
fn p03_a_receiver_that_is_told_more_than_has_room_is_not_waited_for() {
    let bus = Bus::new();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p03.past", n)));
    let queue = bus.on("p03.past").unwrap().replay(5).queued().capacity(3);
    let mut receiver = queue.when_full(Overflow::Block { up_to: Duration::MAX }).receiver().unwrap();
    assert_eq!(receiver.info().queue.unwrap().dropped, 2);
    assert_eq!(receiver.try_iter().map(|event| n(&event)).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn p03_what_is_published_of_the_past_waits_for_one_call_and_not_for_all() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).deferred_limit(1).build().unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p03.past", n)));
    let (seen, write) = list();
    let _seen = bus.on("p03.caused").unwrap().subscribe(write);
    let _told = bus.on("p03.past").unwrap().replay(5).subscribe(|event| {
        let delivery = publish_event!(bus: &current().unwrap(), "p03.caused", n = n(event));
        assert_eq!(delivery.outcome, Outcome::Queued);
    });
    assert_eq!((numbers(&seen), bus.stats().totals.deferred_drops), (vec![0, 1, 2, 3, 4], 0));
}
