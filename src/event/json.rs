//! The JSON form of events (feature `serde`), the same in every version.
//!
//! ```json
//! {"id":"0191e3c2-5c8a-8f00-9d2b-00000000002a","type":"terminal.error",
//!  "timestamp":"2026-11-21T03:32:44.123456Z","source":"daemon","project_path":null,"correlation_id":null,
//!  "priority":"normal","payload":{"error":"TypeError","line":42}}
//! ```
//!
//! Members stand in this order, on one line, and all are there; absent parts are null. When it is read
//! only `type` must be there; a missing id or timestamp is made anew. Id and time survive the way there
//! and back to the bit and the microsecond, values as far as JSON knows them (see [`value`]).
//!
//! It refuses, with a [`JsonError`] that names the member: wrong types, names given twice at any depth,
//! what [`EventBuilder`](super::EventBuilder) refuses, nesting beyond serde_json's 128 levels, and
//! unknown members unless [`Unknown::IntoPayload`] takes them.

mod error;
mod value;

use core::str::FromStr;
use std::error::Error;
use std::time::SystemTime;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use self::value::{Tree, duplicate};
use super::{BuildError, Event, Fields, Value};

pub use self::error::JsonError;

/// What becomes of members that no event has, when JSON is read.
///
/// ```
/// use ringbus::{Event, Unknown};
///
/// let json = r#"{"type": "db.error", "host": "db1"}"#;
/// assert!(Event::from_json(json, Unknown::Refuse).is_err());
/// assert_eq!(Event::from_json(json, Unknown::IntoPayload)?.get("host"), Some(&"db1".into()));
/// # Ok::<(), ringbus::JsonError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// They are an error.
    #[default]
    Refuse,
    /// They become fields of the payload; a name that is taken there is an error.
    IntoPayload,
}

/// The members of an event, in order.
const MEMBERS: [&str; 8] =
    ["id", "type", "timestamp", "source", "project_path", "correlation_id", "priority", "payload"];

// === impl Event ===

impl Event {
    /// The JSON form, on one line. [`Value`]'s `Serialize` says how values are written.
    ///
    /// ```
    /// use ringbus::Event;
    ///
    /// let json = Event::builder("db.error").field("code", 7).build()?.to_json();
    /// assert!(json.contains(r#""type":"db.error""#));
    /// assert!(json.ends_with(r#""priority":"normal","payload":{"code":7}}"#));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn to_json(&self) -> String {
        // serde_json fails on keys that are no text and on what a `Serialize` refuses; an event has neither.
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// The event in `json`. [`Value`]'s `Deserialize` says how values are read; an id or timestamp that is
    /// missing is made anew.
    ///
    /// ```
    /// use ringbus::{Event, Unknown};
    ///
    /// let event = Event::builder("db.error").field("code", 7).build()?;
    /// let same = Event::from_json(&event.to_json(), Unknown::Refuse)?;
    /// assert_eq!((same.id(), same.timestamp()), (event.id(), event.timestamp()));
    /// assert_eq!(same.payload(), event.payload());
    ///
    /// let error = Event::from_json(r#"{"type": "db.error", "source": 5}"#, Unknown::Refuse).unwrap_err();
    /// assert_eq!(error.to_string(), "`source` is 5; allowed is text or null");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`JsonError`] says which member is wrong, what was found there, and what is allowed.
    pub fn from_json(json: &str, unknown: Unknown) -> Result<Self, JsonError> {
        let Tree(tree) = serde_json::from_str(json).map_err(|error| JsonError::Syntax(error.into()))?;
        read(&tree, unknown)
    }
}

/// The JSON form.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [id, kind, timestamp, source, project_path, correlation_id, priority, payload] = MEMBERS;
        let mut members = serializer.serialize_struct("Event", MEMBERS.len())?;
        members.serialize_field(id, &self.id())?;
        members.serialize_field(kind, self.kind())?;
        members.serialize_field(timestamp, &Value::Time(self.timestamp()))?;
        members.serialize_field(source, &self.source())?;
        members.serialize_field(project_path, &self.project_path())?;
        members.serialize_field(correlation_id, &self.correlation_id())?;
        members.serialize_field(priority, &self.priority())?;
        members.serialize_field(payload, &self.payload())?;
        members.end()
    }
}

/// As [`Event::from_json`] with [`Unknown::Refuse`], from any self-describing format.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree(tree) = Tree::deserialize(deserializer)?;
        read(&tree, Unknown::Refuse).map_err(D::Error::custom)
    }
}

/// A map.
impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

// === reading ===

/// The event that `tree` describes.
fn read(tree: &Value, unknown: Unknown) -> Result<Event, JsonError> {
    let Some(members) = tree.as_map() else {
        return Err(JsonError::wrong("", tree, "an object, such as {\"type\": \"a.b\"}"));
    };
    if let Some(path) = duplicate(tree) {
        return Err(JsonError::Duplicate { path: path.into() });
    }
    let Some((_, kind)) = members.iter().find(|(name, _)| name == "type") else {
        return Err(JsonError::Missing { path: "type".into() });
    };
    let mut builder = Event::builder(text("type", kind, "text")?);
    for (name, value) in members {
        let name = name.as_str();
        if name == "type" || value.is_null() && MEMBERS.contains(&name) {
            continue;
        }
        builder = match name {
            "id" => builder.id(parse(name, value)?),
            "timestamp" => builder.timestamp(timestamp(name, value)?),
            "source" => builder.source(text(name, value, "text or null")?),
            "project_path" => builder.project_path(text(name, value, "text or null")?),
            "correlation_id" => builder.correlation_id(text(name, value, "text or null")?),
            "priority" => builder.priority(parse(name, value)?),
            "payload" => {
                let fields = value.as_map().ok_or_else(|| JsonError::wrong(name, value, "an object or null"))?;
                builder.fields(fields.iter().map(|(name, value)| (name, value)))
            }
            _ => match unknown {
                Unknown::Refuse => return Err(JsonError::unknown(name)),
                Unknown::IntoPayload => builder.field(name, value),
            },
        };
    }
    builder.build().map_err(|error| match error {
        BuildError::Kind(error) => JsonError::refused("type", error),
        BuildError::DuplicateField { name } => JsonError::Duplicate { path: format!("payload.{name}").into() },
        error @ BuildError::Timestamp { .. } => JsonError::refused("timestamp", error),
        error @ BuildError::TooManyFields { .. } => JsonError::refused("payload", error),
    })
}

fn text<'a>(path: &str, value: &'a Value, allowed: &'static str) -> Result<&'a str, JsonError> {
    value.as_str().ok_or_else(|| JsonError::wrong(path, value, allowed))
}

fn parse<T>(path: &str, value: &Value) -> Result<T, JsonError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text(path, value, "text or null")?.parse().map_err(|error| JsonError::refused(path, error))
}

fn timestamp(path: &str, value: &Value) -> Result<SystemTime, JsonError> {
    let time = value.as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
    time.ok_or_else(|| {
        JsonError::wrong(path, value, "an RFC 3339 time in UTC, such as \"2026-11-21T03:32:44.123456Z\", or null")
    })
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
