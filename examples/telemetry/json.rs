//! An event as a JSON line.
//!
//! The crate has that form behind its feature `serde` (`Event::to_json`); this example runs without features and goes
//! through the getters. `Event::from_json` reads it.

use ringbus::{Event, Value};
use serde_json::{Map, json};

/// The event, without the end of the line.
pub(crate) fn line(event: &Event) -> String {
    let payload = object(event.payload().iter());
    let mut line = json!({
        "id": event.id().to_string(),
        "type": event.kind().as_str(),
        "timestamp": Value::Time(event.timestamp()).to_string(),
        "source": event.source(),
        "project_path": event.project_path(),
        "correlation_id": event.correlation_id(),
        "priority": event.priority().to_string(),
        "payload": payload,
    });
    if let Some(cause) = event.cause() {
        line["cause"] = json!(cause.to_string());
        line["hops"] = json!(event.hops());
    }
    line.to_string()
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(is) => json!(is),
        Value::Int(number) => json!(number),
        Value::UInt(number) => json!(number),
        // Not finite: null.
        Value::Float(number) => json!(number),
        Value::Duration(span) => json!(span.as_secs_f64()),
        Value::Bytes(bytes) => json!(&**bytes),
        Value::Str(text) => json!(text.as_str()),
        Value::List(values) => values.iter().map(self::value).collect(),
        Value::Map(members) => object(members.iter().map(|(name, value)| (name.as_str(), value))),
        // Times, and integers beyond 64 bits.
        other => json!(other.to_string()),
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>) -> serde_json::Value {
    members.map(|(name, member)| (name.to_owned(), value(member))).collect::<Map<_, _>>().into()
}
