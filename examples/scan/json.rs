//! An event as a JSON object: the form of `Event::to_json`, which the crate has behind its feature `serde`.

use ringbus::{Event, Value};

/// The event on one line.
pub(crate) fn line(event: &Event) -> String {
    let members = event.to_map().into_iter().map(|(name, value)| (name, json(&value)));
    serde_json::Value::Object(members.collect()).to_string()
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::UInt(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Str(text) => text.as_str().into(),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Map(members) => members.iter().map(|(name, value)| (name.as_str().to_owned(), json(value))).collect(),
        // Times and 128-bit integers; the scan publishes nothing else.
        other => other.to_string().into(),
    }
}
