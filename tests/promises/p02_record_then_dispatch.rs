//! P2: an event is in the history before its first handler runs, and readable once its publish has returned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Bus, Event, current, publish_event};

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
