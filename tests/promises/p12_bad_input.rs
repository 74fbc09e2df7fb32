//! P12: bad input gets a typed error that names the value, the place and what is allowed; nothing changes.

use std::error::Error;

use ringbus::{Bus, ConfigError, Event, EventId, Kind, Pattern, Priority};

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
