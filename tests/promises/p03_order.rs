//! P3: order, in the history and at the handlers.

use std::sync::mpsc;

use ringbus::{Bus, Event, publish_event};

use crate::{Log, n, recorded};

#[test]
fn p03_one_threads_events_keep_their_order_in_the_history() {
    let bus = Bus::builder().history(5000).build().unwrap();
    for n in 0..3000 {
        publish_event!(bus: &bus, "p03", n);
    }
    assert_eq!(recorded(&bus), (0..3000).collect::<Vec<_>>());
}

#[test]
fn p03_events_stand_in_the_order_of_publishing_not_of_building() {
    let bus = Bus::new();
    let early = Event::builder("p03").field("n", 1).build().unwrap();
    let late = Event::builder("p03").field("n", 2).build().unwrap();
    bus.publish(late);
    bus.publish(early);
    assert_eq!(recorded(&bus), [2, 1]);
}

#[test]
fn p03_what_an_argument_publishes_is_older() {
    let bus = Bus::new();
    publish_event!(bus: &bus, "p03.outer", n = {
        publish_event!(bus: &bus, "p03.inner", n = 1);
        2
    });
    assert_eq!(recorded(&bus), [1, 2]);
}

#[test]
fn p03_each_publishers_order_holds_at_a_handler_and_in_the_history() {
    let bus = Bus::builder().history(4 * 500).build().unwrap();
    let (sender, receiver) = mpsc::channel();
    let _guard = bus.subscribe(move |event| sender.send(event.clone()).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            let bus = &bus;
            scope.spawn(move || (0..500).for_each(|n| drop(publish_event!(bus: bus, "p03", thread, n))));
        }
    });
    let seen: Vec<Event> = receiver.try_iter().collect();
    let history: Vec<Event> = bus.recent(usize::MAX).into_iter().rev().collect();
    for events in [&seen, &history] {
        for thread in 0..4_i64 {
            let of_thread = events.iter().filter(|event| event.get("thread") == Some(&thread.into()));
            assert_eq!(of_thread.map(n).collect::<Vec<_>>(), (0..500).collect::<Vec<_>>());
        }
    }
}

#[test]
fn p03_what_happens_before_on_another_thread_is_older() {
    let bus = Bus::builder().history(10_000).build().unwrap();
    // A relay: each thread publishes after it has heard of the other's publish, far apart as clocks read ahead.
    let (to_first, first) = mpsc::channel();
    let (to_second, second) = mpsc::channel();
    std::thread::scope(|scope| {
        let relay = |own: mpsc::Receiver<i64>, other: mpsc::Sender<i64>| {
            let bus = &bus;
            move || {
                while let Ok(n) = own.recv() {
                    if n == 1000 {
                        break;
                    }
                    publish_event!(bus: bus, "p03", n);
                    if other.send(n + 1).is_err() {
                        break;
                    }
                }
            }
        };
        scope.spawn(relay(first, to_second));
        to_first.send(0).unwrap();
        scope.spawn(relay(second, to_first));
    });
    assert_eq!(recorded(&bus), (0..1000).collect::<Vec<_>>());
}

#[test]
fn p03_handlers_run_by_order_and_then_as_they_subscribed() {
    let bus = Bus::new();
    let log = Log::default();
    let guards: Vec<_> =
        [("a", 0, "p03"), ("b", 5, "**"), ("c", 0, "**"), ("d", -1, "p03"), ("e", 5, "p*"), ("f", 5, "p03")]
            .into_iter()
            .filter_map(|(name, order, pattern)| {
                let log = log.clone();
                // `p*` is no pattern: a star is a whole segment.
                let request = bus.on(pattern).or_else(|_| bus.on("*")).ok()?;
                Some(request.named(name).order(order).subscribe(move |_| log.add(name)))
            })
            .collect();
    publish_event!(bus: &bus, "p03");
    assert_eq!(log.take(), ["b", "e", "f", "a", "c", "d"]);
    publish_event!(bus: &bus, kind: "p03".to_owned() + ".x");
    assert_eq!(log.take(), ["b", "c"]);
    drop(guards);
}

#[test]
fn p03_handlers_keep_their_order_however_they_are_found() {
    let bus = Bus::new();
    let log = Log::default();
    let subscribe = |name: &'static str, order: i32, patterns: &[&str]| {
        let log = log.clone();
        bus.on(patterns).unwrap().order(order).subscribe(move |_| log.add(name))
    };
    let _last = subscribe("last", i32::MIN, &["**"]);
    let _exact = subscribe("exact", 0, &["p03.order.a"]);
    let _wild = subscribe("wild", 0, &["*.order.*", "p03.**"]);
    let early = subscribe("early", 0, &["**"]);
    let _list = subscribe("list", 0, &["p03.order.b", "p03.*.a", "p03.order.a"]);
    let _first = subscribe("first", i32::MAX, &["p03.order.**"]);

    // By a call site's id, by a name told at run time, and by matching alone.
    let published = || publish_event!(bus: &bus, "p03.order.a").delivered;
    let named = || publish_event!(bus: &bus, kind: String::from("p03.order.a")).delivered;
    for publish in [&published as &dyn Fn() -> u32, &named, &published] {
        assert_eq!(publish(), 6);
        assert_eq!(log.take(), ["first", "exact", "wild", "early", "list", "last"]);
    }
    assert_eq!(publish_event!(bus: &bus, kind: format!("p03.order.{}", "unknown")).delivered, 4);
    assert_eq!(log.take(), ["first", "wild", "early", "last"]);

    // Who comes again comes later.
    drop(early);
    let _again = subscribe("again", 0, &["**"]);
    assert_eq!(published(), 6);
    assert_eq!(log.take(), ["first", "exact", "wild", "list", "again", "last"]);
}

#[test]
fn p03_a_thread_that_changes_nothing_but_its_kinds_keeps_its_order() {
    let bus = Bus::builder().history(3000).shards(4).build().unwrap();
    for n in (0..3000).step_by(3) {
        publish_event!(bus: &bus, "p03.constant", n);
        publish_event!(bus: &bus, kind: format!("p03.dynamic.{n}"), n = n + 1);
        bus.publish(Event::builder("p03.built").field("n", n + 2).build().unwrap());
    }
    assert_eq!(recorded(&bus), (0..3000).collect::<Vec<_>>());
}
