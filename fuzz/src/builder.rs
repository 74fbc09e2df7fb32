//! Events put together from all that the builder takes, sent through JSON and back.
//!
//! A builder refuses what it says it refuses, and nothing else. What it builds looks the same when it comes back, but
//! for what JSON has no form for, and is shown on one line of bounded length.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringbus::{BuildError, Event, EventId, JsonError, Priority, Unknown, Value};

use crate::bytes::Bytes;
use crate::naive::is_kind;
use crate::wire::{DEEPEST, after_json, assert_same, depth, repeats, rfc3339};

/// Most values that are made of an input, those within others included.
const VALUES: usize = 400;

/// Most lists and maps within each other that come one by one; a [`tower`](value) is higher.
const LEVELS: usize = 6;

/// What a builder is told.
#[derive(Debug)]
struct Told {
    kind: String,
    id: Option<u128>,
    time: Option<SystemTime>,
    source: Option<String>,
    project_path: Option<String>,
    correlation_id: Option<String>,
    cause: Option<u128>,
    priority: Priority,
    fields: Vec<(String, Value)>,
}

/// Panics if the bus breaks its word.
pub fn run(input: &[u8]) {
    let told = told(&mut Bytes::new(input));
    match build(&told) {
        Ok(event) => {
            keeps_its_parts(&told, &event);
            shows_itself(&event);
            goes_through_json(&event);
        }
        Err(error) => is_right(&told, &error),
    }
}

// === from bytes ===

fn told(bytes: &mut Bytes<'_>) -> Told {
    let kind = match bytes.below(8) {
        0 => bytes.text(),
        _ => ["a", "db.error", "größe./a:b"][bytes.below(3)].to_owned(),
    };
    let (id, time) = (bytes.rarely(2).then(|| bytes.u128()), bytes.rarely(2).then(|| time(bytes)));
    let mut text = || bytes.rarely(2).then(|| bytes.text());
    let (source, project_path, correlation_id) = (text(), text(), text());
    let priority = bytes.pick(&[Priority::Low, Priority::Normal, Priority::High, Priority::Critical]);
    let (mut fields, mut left) = (Vec::new(), VALUES);
    while !bytes.is_empty() && left > 0 {
        fields.push((bytes.text(), value(bytes, LEVELS, &mut left)));
    }
    let cause = id.map(|id| !id).filter(|id| id % 2 == 0);
    Told { kind, id, time, source, project_path, correlation_id, cause, priority, fields }
}

/// Mostly a time that an event may have; those around the borders too.
fn time(bytes: &mut Bytes<'_>) -> SystemTime {
    const YEAR_10000: u64 = 253_402_300_800;
    let nanos = Duration::from_nanos(u64::from(bytes.u16()) * 1001);
    match bytes.below(6) {
        0 => UNIX_EPOCH + nanos,
        1 => UNIX_EPOCH - nanos,
        2 => UNIX_EPOCH + Duration::from_secs(YEAR_10000) - nanos,
        3 => UNIX_EPOCH + Duration::from_secs(YEAR_10000) + nanos,
        4 => UNIX_EPOCH + Duration::from_secs(bytes.u64() >> 12),
        _ => UNIX_EPOCH + Duration::from_secs(bytes.u64() % YEAR_10000) + nanos,
    }
}

fn value(bytes: &mut Bytes<'_>, levels: usize, left: &mut usize) -> Value {
    *left = left.saturating_sub(1);
    let several = |bytes: &mut Bytes<'_>| if levels > 0 { bytes.below(5) } else { 0 };
    match bytes.below(17) {
        0 => Value::Null,
        1 => bytes.rarely(2).into(),
        2 => bytes.byte().into(),
        3 => (bytes.u64() as i64).into(),
        4 => bytes.u64().into(),
        5 => (bytes.u128() as i128).into(),
        6 => bytes.u128().into(),
        7 => f64::from_bits(bytes.u64()).into(),
        8 => (f64::from(bytes.u16()) / 10.0).into(),
        9 => bytes.text().into(),
        10 => Value::bytes(bytes.text()),
        11 => time(bytes).into(),
        12 => Duration::new(bytes.u64(), bytes.u64() as u32 % 1_000_000_000).into(),
        13 => (0..several(bytes)).take(*left).map(|_| value(bytes, levels - 1, left)).collect(),
        14 => (0..several(bytes)).take(*left).map(|_| (bytes.text(), value(bytes, levels - 1, left))).collect(),
        15 => bytes.pick(&[f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX, 0.1]).into(),
        // A tower of lists and maps.
        _ => (0..bytes.byte()).fold(Value::Null, |inner, floor| {
            if floor % 3 == 0 { [("m", inner)].into_iter().collect() } else { [inner].into() }
        }),
    }
}

// === building ===

fn build(told: &Told) -> Result<Event, BuildError> {
    let mut builder = Event::builder(&*told.kind).priority(told.priority).fields(told.fields.clone());
    if let Some(id) = told.id {
        builder = builder.id(EventId::from_u128(id));
    }
    if let Some(time) = told.time {
        builder = builder.timestamp(time);
    }
    if let Some(source) = &told.source {
        builder = builder.source(source);
    }
    if let Some(path) = &told.project_path {
        builder = builder.project_path(path);
    }
    if let Some(id) = &told.correlation_id {
        builder = builder.correlation_id(id);
    }
    if let Some(id) = told.cause {
        builder = builder.cause(EventId::from_u128(id));
    }
    builder.build()
}

fn is_good_time(time: SystemTime) -> bool {
    !rfc3339(time).starts_with('@')
}

fn name_twice(told: &Told) -> Option<&str> {
    let names: Vec<&str> = told.fields.iter().map(|(name, _)| name.as_str()).collect();
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| *name)
}

fn is_right(told: &Told, error: &BuildError) {
    let right = match error {
        BuildError::Kind(_) => !is_kind(&told.kind),
        BuildError::Timestamp { value, .. } => Some(*value) == told.time && !is_good_time(*value),
        BuildError::DuplicateField { .. } => name_twice(told).is_some(),
        _ => false,
    };
    let message = error.to_string();
    assert!(right && message.lines().count() == 1, "{told:?}: {message}");
}

fn keeps_its_parts(told: &Told, event: &Event) {
    assert!(is_kind(&told.kind) && told.time.is_none_or(is_good_time) && name_twice(told).is_none(), "{told:?}");
    assert_eq!(event.kind(), &*told.kind);
    assert!(told.id.is_none_or(|id| event.id().as_u128() == id));
    if let Some(time) = told.time {
        let late = time.duration_since(event.timestamp()).expect("what is finer than microseconds is cut off");
        assert!(late < Duration::from_micros(1) && rfc3339(event.timestamp()) == rfc3339(time));
    }
    let texts = [event.source(), event.project_path(), event.correlation_id()];
    assert_eq!(texts, [&told.source, &told.project_path, &told.correlation_id].map(|text| text.as_deref()));
    assert_eq!((event.cause().map(EventId::as_u128), event.hops()), (told.cause, told.cause.is_some().into()));
    assert_eq!(event.priority(), told.priority);
    assert_eq!(event.payload().len(), told.fields.len());
    for ((name, value), (have, found)) in told.fields.iter().zip(event.payload()) {
        // Not by `==`: there may be floats that are not equal to themselves.
        assert_eq!((name.as_str(), format!("{value:?}")), (have, format!("{found:?}")));
        assert!(event.get(name).is_some_and(|found| std::ptr::eq(found, event.payload().get(name).unwrap())));
    }
    let map = event.to_map();
    let members = if told.cause.is_some() { 10 } else { 8 };
    assert_eq!((map.len(), map["type"].as_str()), (members, Some(&*told.kind)));
    assert_eq!(map["payload"].as_map().map(<[_]>::len), Some(told.fields.len()));
}

// === showing ===

fn shows_itself(event: &Event) {
    let bounded = |shown: String, most: usize| {
        assert!(!shown.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{shown:?}");
        assert!(shown.len() <= most, "{} bytes, of which {most} were expected: {shown}", shown.len());
    };
    let texts = [event.source(), event.project_path(), event.correlation_id(), Some(event.kind().as_str())];
    let texts: usize = texts.into_iter().flatten().map(text_length).sum();
    let fields = event.payload().iter();
    let fields: usize = fields.map(|(name, value)| 2 + text_length(name) + longest(value)).sum();
    bounded(event.to_string(), 60 + texts + fields);
    bounded(event.payload().to_string(), fields);
    event.payload().iter().for_each(|(_, value)| bounded(value.to_string(), longest(value)));
    assert!(!format!("{event:?}").contains(char::is_control));
}

/// Each character becomes an escape of 10 at most.
fn text_length(text: &str) -> usize {
    10 * text.chars().count() + 2
}

/// The longest that a value may be when it is shown.
fn longest(value: &Value) -> usize {
    match value {
        Value::Str(text) => text_length(text),
        // `0x`, 32 bytes, and how many there are.
        Value::Bytes(bytes) if bytes.len() > 32 => 2 + 64 + 3 + " ( bytes)".len() + bytes.len().to_string().len(),
        Value::Bytes(bytes) => 2 + 2 * bytes.len(),
        Value::List(values) => 2 + values.iter().map(|value| 2 + longest(value)).sum::<usize>(),
        Value::Map(members) => {
            2 + members.iter().map(|(name, value)| 4 + text_length(name) + longest(value)).sum::<usize>()
        }
        // A float may have 308 digits and a sign, were it not for the exponent; 128 bits have 39.
        Value::Float(_) => 30,
        _ => 42,
    }
}

// === JSON ===

fn goes_through_json(event: &Event) {
    let json = event.to_json();
    assert!(!json.contains('\n'));
    let read = Event::from_json(&json, Unknown::Refuse);
    let values = || event.payload().into_iter().map(|(_, value)| value);
    let deepest = 2 + values().map(depth).max().unwrap_or(0);
    let again = match read {
        Err(JsonError::Syntax(reason)) => return assert!(deepest > DEEPEST, "{reason}: {json}"),
        Err(JsonError::Duplicate { .. }) => return assert!(values().any(repeats), "{json}"),
        Err(other) => panic!("{other}: {json}"),
        Ok(again) => again,
    };
    assert!(deepest <= DEEPEST && !values().any(repeats), "{deepest} levels: {json}");
    let expected = build(&Told {
        kind: event.kind().to_string(),
        id: Some(event.id().as_u128()),
        time: Some(event.timestamp()),
        source: event.source().map(str::to_owned),
        project_path: event.project_path().map(str::to_owned),
        correlation_id: event.correlation_id().map(str::to_owned),
        cause: event.cause().map(EventId::as_u128),
        priority: event.priority(),
        fields: event.payload().into_iter().map(|(name, value)| (name.to_owned(), after_json(value))).collect(),
    });
    assert_same(&again, &expected.unwrap());
    // What has been there once, comes back as it is.
    let twice = Event::from_json(&again.to_json(), Unknown::Refuse).unwrap();
    assert_same(&twice, &again);
}
