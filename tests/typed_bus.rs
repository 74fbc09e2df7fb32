//! Typed events on a bus: handlers and topics for one type, and the same events for everyone else.
#![cfg(all(feature = "derive", not(ringbus_loom)))]

use std::sync::{Arc, Mutex};

use ringbus::{Bus, DecodeError, Event, Outcome, Payload, publish_event};

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_bus.sample")]
struct Sample {
    id: u64,
    mean: f64,
}

fn sample(id: u64) -> Sample {
    Sample { id, mean: 0.5 }
}

/// A list, and a handler that writes into it.
fn list<T: Clone + Send + 'static>() -> (Arc<Mutex<Vec<T>>>, impl Fn(&T) + Clone) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&list);
    (list, move |item: &T| write.lock().unwrap().push(item.clone()))
}

#[test]
fn a_typed_event_is_the_same_event_for_everyone() {
    let bus = Bus::new();
    let (samples, write_sample) = list::<Sample>();
    let (events, write_event) = list::<Event>();
    let typed = bus.subscribe_to(write_sample).unwrap();
    let pattern = bus.on("typed_bus.*").unwrap().subscribe(write_event.clone());
    let all = bus.subscribe(write_event);

    let delivery = bus.publish(sample(7));
    assert_eq!((delivery.outcome, delivery.delivered), (Outcome::Published, 3));
    assert_eq!(*samples.lock().unwrap(), [sample(7)]);
    let event = delivery.event.unwrap();
    let seen = std::mem::take(&mut *events.lock().unwrap());
    let recent = bus.recent(1);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().chain(&recent).all(|other| Event::same_instance(&event, other)), "one instance");
    assert_eq!((event.kind().as_str(), event.payload().to_string().as_str()), ("typed_bus.sample", "id=7 mean=0.5"));
    let stats = bus.stats();
    assert_eq!((stats.by_kind["typed_bus.sample"], stats.published_by_kind["typed_bus.sample"]), (1, 1));
    #[cfg(feature = "serde")]
    assert!(event.to_json().ends_with(r#""payload":{"id":7,"mean":0.5}}"#), "{}", event.to_json());
    drop((typed, pattern, all));
}

#[test]
fn a_typed_handler_sees_payloads_of_exactly_that_type() {
    let bus = Bus::new();
    let (samples, write) = list::<Sample>();
    let typed = bus.subscribe_to(write).unwrap();
    assert_eq!(publish_event!(bus: &bus, "typed_bus.sample", id = 1, mean = 0.5).delivered, 0);
    bus.publish(sample(2));
    assert_eq!(*samples.lock().unwrap(), [sample(2)]);
    assert_eq!((typed.info().delivered, typed.info().skipped, typed.info().failed), (1, 1, 0));
}

#[test]
fn dynamic_events_are_decoded_where_that_was_asked_for_and_failures_are_counted() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&reports);
    let bus = Bus::builder()
        .on_failure(move |failure| {
            let ringbus::FailureCause::Error(error) = failure.cause else { panic!("a panic") };
            let error = error.downcast_ref::<DecodeError>().expect("decoding failed");
            write.lock().unwrap().push(error.faults().len());
        })
        .build()
        .unwrap();
    let (samples, write) = list::<Sample>();
    let even = bus
        .on_payload::<Sample>()
        .unwrap()
        .named("even")
        .decode()
        .filter(|event| event.get("id").and_then(|id| id.as_i64()).is_none_or(|id| id % 2 == 0))
        .subscribe(write);
    bus.publish(sample(1));
    bus.publish(sample(2));
    publish_event!(bus: &bus, "typed_bus.sample", id = 4, mean = 0.5);
    let delivery = publish_event!(bus: &bus, "typed_bus.sample", id = "four", mean = "much");
    assert_eq!((delivery.delivered, delivery.failed), (0, 1));
    assert_eq!(*samples.lock().unwrap(), [sample(2), sample(4)]);
    assert_eq!((even.info().delivered, even.info().skipped, even.info().failed), (2, 1, 1));
    assert_eq!(*reports.lock().unwrap(), [2], "two faults in one report");
}

#[test]
fn errors_of_typed_handlers_are_counted_and_options_apply() {
    let bus = Bus::new();
    let picky = bus.try_subscribe_to(|sample: &Sample| if sample.id > 1 { Ok(()) } else { Err("too small".into()) });
    let picky = picky.unwrap();
    let once = bus.on_payload::<Sample>().unwrap().once().subscribe(|_| {});
    (0..3).for_each(|id| drop(bus.publish(sample(id))));
    assert_eq!((picky.info().delivered, picky.info().failed), (1, 2));
    assert_eq!((once.info().delivered, once.is_active()), (1, false));
}

#[test]
fn a_topic_publishes_on_its_bus_and_makes_nothing_while_that_is_off() {
    let bus = Bus::new();
    let topic = bus.topic::<Sample>().unwrap();
    assert!(topic.bus().same_bus(&bus) && topic.kind() == "typed_bus.sample");
    let (samples, write) = list::<Sample>();
    let _typed = bus.subscribe_to(write).unwrap();
    assert_eq!(topic.publish(sample(1)).delivered, 1);
    assert_eq!(topic.clone().publish_with(|| sample(2)).delivered, 1);
    bus.disable();
    assert_eq!(topic.publish_with(|| unreachable!("the bus is off")).outcome, Outcome::Disabled);
    assert_eq!(bus.publish(sample(3)).outcome, Outcome::Disabled);
    assert_eq!(*samples.lock().unwrap(), [sample(1), sample(2)]);
}

#[test]
fn p12_a_second_type_on_a_kind_is_refused_everywhere_and_nothing_changes() {
    #[derive(Payload, Debug)]
    #[payload(kind = "typed_bus.sample")]
    struct Impostor {
        id: u64,
    }
    let bus = Bus::new();
    // The first type that is used has the kind.
    assert!(bus.topic::<Sample>().is_ok());
    let errors = [
        bus.subscribe_to(|_: &Impostor| {}).unwrap_err(),
        bus.try_subscribe_to(|_: &Impostor| Ok(())).unwrap_err(),
        bus.on_payload::<Impostor>().unwrap_err(),
        bus.topic::<Impostor>().unwrap_err(),
        bus.publish(Impostor { id: 1 }).kind_taken().cloned().unwrap(),
    ];
    for error in errors {
        assert!(error.by.ends_with("Sample") && error.refused.ends_with("Impostor"), "{error}");
        assert_eq!(error.kind, "typed_bus.sample");
    }
    let delivery = bus.publish(Impostor { id: 2 });
    assert_eq!(
        (delivery.outcome, delivery.event.is_none(), delivery.outcome.is_accepted()),
        (Outcome::KindTaken, true, false)
    );
    let stats = bus.stats();
    assert_eq!((stats.handlers, stats.totals.published, stats.totals.taken_kinds), (0, 0, 2));
}

#[test]
fn the_past_is_told_to_typed_handlers_too() {
    let bus = Bus::new();
    (1..=3).for_each(|id| drop(bus.publish(sample(id))));
    let (samples, write) = list::<Sample>();
    let _late = bus.on_payload::<Sample>().unwrap().replay(2).subscribe(write);
    bus.publish(sample(4));
    assert_eq!(*samples.lock().unwrap(), [sample(2), sample(3), sample(4)]);
}
