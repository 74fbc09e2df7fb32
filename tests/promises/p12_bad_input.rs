//! P12: bad input gets a typed error that names the value, the place and what is allowed; nothing changes.

use std::error::Error;

use ringbus::{Bus, ConfigError, Event, EventId, Kind, Pattern, Priority, publish_event};

/// The message of an error, which must be one.
fn message<T: std::fmt::Debug>(result: Result<T, impl Error>) -> String {
    result.expect_err("bad input was taken").to_string()
}

fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn p12_malformed_kinds() {
    says(&message(Kind::new("db..open")), &["db..open", "2"]);
    says(&message(Kind::new("")), &["empty"]);
    says(&message(Kind::new("db open")), &["db open", "' '"]);
    says(&message(Kind::new("k".repeat(256))), &["256", "255"]);
    let error = Event::builder("db.*").build().unwrap_err();
    says(&error.source().expect("the kind's error").to_string(), &["db.*", "'*'"]);
}

#[test]
fn p12_malformed_patterns_change_nothing() {
    let bus = Bus::new();
    says(&message(bus.on("db.er*r")), &["db.er*r", "er*r"]);
    says(&message(bus.on("a.**.b.**")), &["**"]);
    says(&message(bus.on(["fine", "not fine"])), &["not fine"]);
    let none: [&str; 0] = [];
    says(&message(bus.on(none)), &["pattern"]);
    says(&message("a..b".parse::<Pattern>()), &["a..b"]);
    assert!(bus.subscriptions().is_empty());
    assert!(bus.history().matching("x y").is_err());
}

#[test]
fn p12_options_out_of_range() {
    let error = Bus::builder().history((1 << 24) + 1).build().unwrap_err();
    says(&error.to_string(), &["history", "16777217", "0 to 16777216"]);
    assert!(matches!(error, ConfigError::OutOfRange { value: 16_777_217, .. }));
    says(&message(Bus::builder().shards(3).build()), &["3", "power of two"]);
    says(&message(Bus::builder().shards(0).build()), &["shards 0", "1 to 256"]);
    says(&message(Bus::builder().shards(512).build()), &["512", "256"]);
    says(&message(Bus::builder().depth_limit(0).build()), &["depth limit 0", "1 to 64"]);
    says(&message(Bus::builder().depth_limit(65).build()), &["65", "64"]);
}

#[test]
fn p12_malformed_events() {
    says(&message(Event::builder("db").field("a", 1).field("a", 2).build()), &["a"]);
    says(&message("not-a-uuid".parse::<EventId>()), &["not-a-uuid"]);
    says(&message("urgent".parse::<Priority>()), &["urgent", "low", "critical"]);
    let year_10000 = std::time::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_800);
    says(&message(Event::builder("db").timestamp(year_10000).build()), &["9999"]);
}

#[cfg(feature = "serde")]
#[test]
fn p12_json_that_is_no_event() {
    use ringbus::Unknown;
    let read = |json: &str| message(Event::from_json(json, Unknown::Refuse));
    says(&read("{"), &["line 1"]);
    says(&read("[]"), &[]);
    says(&read(r#"{"payload":{}}"#), &["type"]);
    says(&read(r#"{"type":"a..b"}"#), &["type", "a..b"]);
    says(&read(r#"{"type":"a","timestamp":"yesterday"}"#), &["timestamp", "yesterday"]);
    says(&read(r#"{"type":"a","priority":"urgent"}"#), &["priority", "urgent"]);
    says(&read(r#"{"type":"a","colour":"red"}"#), &["colour"]);
    let deep = format!(r#"{{"type":"a","payload":{{"x":{}}}}}"#, "[".repeat(100_000));
    says(&read(&deep), &["recursion"]);
}

/// All that can be seen of a bus.
fn seen(bus: &Bus) -> (ringbus::Stats, usize, usize) {
    let mut stats = bus.stats();
    stats.uptime = std::time::Duration::ZERO;
    (stats, bus.recent(usize::MAX).len(), bus.subscriptions().len())
}

#[test]
fn p12_bad_input_changes_nothing() {
    let bus = Bus::builder().history(10).build().unwrap();
    let _guard = bus.on("p12.*").unwrap().subscribe(|_| {});
    publish_event!(bus: &bus, "p12.fine");
    let before = seen(&bus);
    assert!(bus.on("p12..*").is_err() && bus.on(["fine", "**.**"]).is_err() && bus.on(Vec::<Kind>::new()).is_err());
    assert!(bus.history().matching("*x").is_err());
    assert!(Event::builder("p12 no").build().is_err() && Kind::new("*").is_err());
    assert_eq!((bus.subscriber_count("p12..no"), bus.subscriber_count("")), (0, 0));
    assert_eq!(seen(&bus), before);
    let _all = bus.subscribe(|_| {});
    assert_eq!((bus.subscriber_count("p12..no"), bus.subscriber_count("")), (0, 0), "there can be no such event");
}

#[test]
fn p12_a_bad_kind_at_run_time_is_told_in_the_answer_and_its_arguments_are_not_evaluated() {
    let bus = Bus::new();
    let guard = bus.subscribe(|_| {});
    let delivery = publish_event!(bus: &bus, kind: format!("p12.{}", "x y"), n = if true { unreachable!() } else { 1 });
    assert_eq!(delivery.outcome, ringbus::Outcome::InvalidKind);
    assert!(!delivery.outcome.is_accepted() && delivery.event.is_none());
    let error = delivery.invalid_kind().expect("the reason");
    says(&error.to_string(), &["p12.x y", "' '", "segment 2", "at byte 5", "allowed"]);
    let totals = bus.stats().totals;
    assert_eq!((totals.invalid_kinds, totals.published, guard.info().delivered), (1, 0, 0));
    assert!(bus.recent(1).is_empty());
}

#[test]
fn p12_each_error_names_the_value_the_place_and_what_is_allowed() {
    let long = "k".repeat(300);
    let cases: [(String, &[&str]); 13] = [
        (message(Kind::new("")), &["a kind is empty", "1 to 255 bytes"]),
        (message(Kind::new(".a")), &["\".a\"", "segment 1 is empty", "at byte 0"]),
        (message(Kind::new("a.")), &["\"a.\"", "segment 2 is empty", "at byte 2"]),
        (message(Kind::new("a.b\tc")), &["'\\t'", "segment 2", "at byte 3", "control characters"]),
        (message(Kind::new(&long)), &["300 bytes", "1 to 255"]),
        (message(Pattern::new("a.b*")), &["\"a.b*\"", "'*'", "segment 2", "at byte 3", "'**'"]),
        (message(Pattern::new("**.a.**")), &["second '**'", "segment 3", "at byte 5", "at most once"]),
        (message(Pattern::new(&long)), &["300 bytes", "1 to 255"]),
        (message(Bus::builder().history(usize::MAX).build()), &["history capacity", "0 to 16777216"]),
        (message(Bus::builder().shards(48).build()), &["48 shards", "1, 2, 4"]),
        (message("0191e3c2".parse::<EventId>()), &["0191e3c2", "8 bytes", "36"]),
        (message("0191e3c2-5c8a-8f00-9d2b-0000000000zz".parse::<EventId>()), &["'z'", "at byte 34"]),
        (message("Loud".parse::<Priority>()), &["Loud", "low", "normal", "high", "critical"]),
    ];
    for (message, words) in &cases {
        says(message, words);
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn p12_a_handler_object_is_subscribed_once_also_when_two_threads_try() {
    use std::sync::{Arc, Barrier};
    struct Object;
    impl ringbus::Handler for Object {
        fn handle(&self, _: &Event) -> Result<(), ringbus::BoxError> {
            Ok(())
        }
    }
    for _ in 0..100 {
        let (bus, start, object) = (Bus::new(), Barrier::new(2), Arc::new(Object));
        let subscribe = || {
            start.wait();
            bus.subscribe_handler(object.clone())
        };
        let results =
            std::thread::scope(|scope| [scope.spawn(subscribe), scope.spawn(subscribe)].map(|one| one.join().unwrap()));
        let [won, lost] = if results[0].is_ok() { results } else { [results[1], results[0]] };
        let (id, error) = (won.unwrap(), lost.unwrap_err());
        assert_eq!((error.id(), bus.subscriptions().len()), (id, 1));
        says(&error.to_string(), &["subscribed already", &id.to_string()]);
        assert_eq!(publish_event!(bus: &bus, "p12.object").delivered, 1);
        assert!(bus.unsubscribe_handler(&object) && !bus.unsubscribe_handler(&object));
        assert_eq!(Arc::strong_count(&object), 1);
    }
}

#[cfg(feature = "serde")]
#[test]
fn p12_json_errors_name_the_member_and_what_it_may_be() {
    use ringbus::Unknown;
    for (json, path, words) in [
        ("", None, &["not JSON", "line 1"][..]),
        ("7", None, &["7", "an object"]),
        (r#"{"type":7}"#, Some("type"), &["7", "text"]),
        (r#"{"type":"a b"}"#, Some("type"), &["a b", "allowed"]),
        (r#"{"type":"a","id":"x"}"#, Some("id"), &["\"x\"", "36"]),
        (r#"{"type":"a","source":1}"#, Some("source"), &["1", "text or null"]),
        (r#"{"type":"a","timestamp":5}"#, Some("timestamp"), &["5", "RFC 3339"]),
        (r#"{"type":"a","priority":"loud"}"#, Some("priority"), &["loud", "critical"]),
        (r#"{"type":"a","payload":[]}"#, Some("payload"), &["an object or null"]),
        (r#"{"type":"a","payload":{"x":{"y":1,"y":2}}}"#, Some("payload.x.y"), &["twice", "once"]),
        (r#"{"type":"a","type":"a"}"#, Some("type"), &["twice"]),
        (r#"{"type":"a","extra":1}"#, Some("extra"), &["no member", "payload"]),
        (r#"{}"#, Some("type"), &["missing"]),
    ] {
        let error = Event::from_json(json, Unknown::Refuse).unwrap_err();
        assert_eq!(error.path(), path, "{json}");
        says(&error.to_string(), words);
    }
    let kept = Event::from_json(r#"{"type":"a","extra":1,"payload":{"x":2}}"#, Unknown::IntoPayload).unwrap();
    assert_eq!((kept.get("extra"), kept.get("x")), (Some(&1.into()), Some(&2.into())));
    assert!(Event::from_json(r#"{"type":"a","x":1,"payload":{"x":2}}"#, Unknown::IntoPayload).is_err());
}
