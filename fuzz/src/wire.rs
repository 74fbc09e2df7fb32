//! What JSON does to values, said naively, and when events are equal: for the targets [`json`](crate::json) and
//! [`builder`](crate::builder).

use std::time::{SystemTime, UNIX_EPOCH};

use ringbus::{Event, Value};

/// The deepest that JSON may be nested, the event and its payload included.
pub const DEEPEST: usize = 127;

/// Panics if two events differ in what JSON holds.
pub fn assert_same(one: &Event, other: &Event) {
    let envelope = |event: &Event| {
        let texts = [event.source(), event.project_path(), event.correlation_id()].map(|text| text.map(str::to_owned));
        let chain = (event.id(), event.cause(), event.hops());
        (chain, event.kind().clone(), event.timestamp(), event.priority(), texts)
    };
    assert_eq!(envelope(one), envelope(other));
    assert_eq!(one.payload(), other.payload());
}

/// What is read where `value` was written.
pub fn after_json(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Str(_) => value.clone(),
        Value::Float(number) if number.is_finite() => value.clone(),
        Value::Float(_) => Value::Null,
        Value::BigInt(number) => number.get().to_string().into(),
        Value::BigUInt(number) => number.get().to_string().into(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| Value::Int((*byte).into())).collect(),
        Value::Time(time) => rfc3339(*time).into(),
        Value::Duration(span) => span.as_secs_f64().into(),
        Value::List(values) => values.iter().map(after_json).collect(),
        Value::Map(members) => members.iter().map(|(name, value)| (name.clone(), after_json(value))).collect(),
        other => unreachable!("{other:?}"),
    }
}

/// How deep lists and maps lie in each other; 0 for a value that is neither.
pub fn depth(value: &Value) -> usize {
    match value {
        // JSON has them as lists.
        Value::Bytes(_) => 1,
        Value::List(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Map(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether a map, somewhere in `value`, has a name twice.
pub fn repeats(value: &Value) -> bool {
    match value {
        Value::List(values) => values.iter().any(repeats),
        Value::Map(members) => members.iter().enumerate().any(|(at, (name, value))| {
            repeats(value) || members[..at].iter().any(|(other, _)| other.as_str() == name.as_str())
        }),
        _ => false,
    }
}

/// A time in UTC to the microsecond; `@` and seconds where the year is not of 1970 to 9999.
pub fn rfc3339(time: SystemTime) -> String {
    let (sign, distance) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => ("", after),
        Err(before) => ("-", before.duration()),
    };
    let (seconds, micros) = (distance.as_secs(), distance.subsec_micros());
    if !sign.is_empty() || seconds >= 253_402_300_800 {
        return format!("@{sign}{seconds}.{micros:06}");
    }
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut month, mut days) = (1970, 0, seconds / 86_400);
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", month + 1, days + 1)
}
