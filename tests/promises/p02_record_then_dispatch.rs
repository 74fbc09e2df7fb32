//! P2: an event is in the history before its first handler runs, and readable once its publish has returned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ringbus::{Bus, Event, FieldReader, FieldWriter, Payload, current, publish_event};

#[test]
fn p02_a_handler_finds_its_event_in_the_history() {
    let bus = Bus::new();
    let found = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&found);
    let _guard = bus.subscribe(move |event| {
        let newest = current().expect("inside a handler").recent(1);
        assert!(Event::same_instance(&newest[0], event));
        count.fetch_add(1, Ordering::Relaxed);
    });
    for n in 0..2000 {
        assert_eq!(publish_event!(bus: &bus, "p02", n).delivered, 1);
    }
    assert_eq!(found.load(Ordering::Relaxed), 2000);
}

#[test]
fn p02_each_publisher_reads_what_it_published_while_others_publish() {
    let bus = Bus::builder().history(100_000).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..200 {
                    let id = publish_event!(bus: &bus, "p02", n).event.unwrap().id();
                    assert!(bus.recent(usize::MAX).iter().any(|event| event.id() == id));
                }
            });
        }
    });
}

#[test]
fn p02_an_event_published_again_is_readable_again_as_the_same_instance() {
    let bus = Bus::builder().history(3).build().unwrap();
    let event = Event::builder("p02.again").field("n", 1).build().unwrap();
    for _ in 0..5 {
        bus.publish(event.clone());
    }
    let all = bus.recent(10);
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|found| Event::same_instance(found, &event)));
}

#[test]
fn p02_what_one_thread_has_published_another_reads_once_it_is_told() {
    let bus = Bus::builder().history(10_000).shards(2).build().unwrap();
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (bus, told) = (&bus, told.clone());
            scope.spawn(move || {
                for n in 0..200 {
                    told.send(publish_event!(bus: bus, "p02", n).event.unwrap()).unwrap();
                }
            });
        }
        drop(told);
        for event in hear {
            assert!(bus.recent(10_000).iter().any(|found| Event::same_instance(found, &event)));
        }
    });
}

#[test]
fn p02_events_that_are_not_dispatched_are_recorded_all_the_same() {
    let bus = Bus::builder().depth_limit(1).build().unwrap();
    let nested = bus.downgrade();
    let _guard = bus.on("p02.outer").unwrap().subscribe(move |outer| {
        let bus = nested.upgrade().unwrap();
        let inner = publish_event!(bus: &bus, "p02.inner").event.unwrap();
        let recent = bus.recent(2);
        assert!(Event::same_instance(&recent[0], &inner) && Event::same_instance(&recent[1], outer));
    });
    assert_eq!(publish_event!(bus: &bus, "p02.outer").delivered, 1);
}

#[test]
fn p02_a_query_finds_what_it_asks_for_however_many_newer_ones_there_are() {
    let bus = Bus::builder().history(10).build().unwrap();
    let at = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(n);
    for n in 0..6 {
        bus.publish(Event::builder(format!("p02.query.{n}")).timestamp(at(n)).build().unwrap());
    }
    let kinds = |found: Vec<Event>| found.iter().map(|event| event.kind().to_string()).collect::<Vec<_>>();
    assert_eq!(kinds(bus.history().until(at(2)).take(1)), ["p02.query.1"]);
    assert_eq!(kinds(bus.history().until(at(2)).try_take(1).unwrap()), ["p02.query.1"]);
    assert_eq!(kinds(bus.history().since(at(4)).all()), ["p02.query.5", "p02.query.4"]);
    assert_eq!(kinds(bus.history().all()).len(), 6);
}

#[test]
fn p02_each_condition_alone_looks_behind_what_it_does_not_want() {
    let bus = Bus::builder().history(10).build().unwrap();
    let at = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(n);
    for (kind, source, time) in [("p02.old", "old", 5), ("p02.new", "new", 1), ("p02.new", "new", 9)] {
        bus.publish(Event::builder(kind).source(source).timestamp(at(time)).build().unwrap());
    }
    let old = |found: Vec<Event>| found.len() == 1 && found[0].kind() == "p02.old";
    let wanted: [&dyn Fn() -> ringbus::History; 4] = [
        &|| bus.history().matching("p02.old").unwrap(),
        &|| bus.history().source("old"),
        &|| bus.history().since(at(4)).until(at(6)),
        &|| bus.history().matching("p02.*").unwrap().source("old").since(at(1)).until(at(9)),
    ];
    for want in wanted {
        assert!(old(want().take(1)) && old(want().try_take(1).unwrap()));
    }
    assert_eq!(
        bus.history().into_iter().map(|event| event.kind().to_string()).collect::<Vec<_>>(),
        ["p02.new", "p02.new", "p02.old"]
    );
    let shown = format!("{:?}", bus.history().matching("p02.*").unwrap().source("s"));
    assert!(shown.starts_with("History {") && shown.contains("p02.*") && shown.contains("\"s\""), "{shown}");
    let shown = format!("{:?}", bus.cursor().matching("p02.*").unwrap());
    assert!(shown.starts_with("Cursor {") && shown.contains("p02.*"), "{shown}");
}

#[test]
fn p02_a_reset_lets_go_of_what_was_kept() {
    struct Counted(Arc<()>);
    impl Payload for Counted {
        const KIND: &'static str = "p02.counted";

        fn field_names() -> &'static [&'static str] {
            &[]
        }

        fn write_fields(&self, _: &mut FieldWriter<'_>) {}

        fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
            None
        }
    }
    let (bus, token) = (Bus::builder().history(10).build().unwrap(), Arc::new(()));
    for _ in 0..3 {
        bus.publish(Counted(Arc::clone(&token)));
    }
    assert_eq!(Arc::strong_count(&token), 4);
    assert_eq!(bus.recent(1)[0].payload_as::<Counted>().map(|counted| Arc::ptr_eq(&counted.0, &token)), Some(true));
    bus.reset();
    assert_eq!(Arc::strong_count(&token), 1, "kept for ever");
}
