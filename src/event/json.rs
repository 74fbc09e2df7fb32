//! The JSON form of events (feature `serde`), the same in every version.
//!
//! ```json
//! {"id":"0191e3c2-5c8a-8f00-9d2b-00000000002a","type":"terminal.error",
//!  "timestamp":"2026-11-21T03:32:44.123456Z","source":"daemon","project_path":null,"correlation_id":null,
//!  "priority":"normal","payload":{"error":"TypeError","line":42}}
//! ```
//!
//! Members stand in this order, on one line, and all are there; absent parts are null. Only an event that has a cause
//! has two members more, between `correlation_id` and `priority`: the cause's id and the number of hops.
//!
//! ```json
//!  "cause":"0191e3c2-5c8a-8f00-9d2b-000000000029","hops":1
//! ```
//!
//! When it is read only `type` must be there; a missing id or timestamp is made anew, and a cause without hops is one hop
//! away. What is read has the cause that it says, also inside a handler. Id and time survive the way there
//! and back to the bit and the microsecond, values as far as JSON knows them (see [`value`]).
//!
//! It refuses, with a [`JsonError`] that names the member: wrong types, names given twice at any depth,
//! what [`EventBuilder`](super::EventBuilder) refuses, nesting beyond 127 levels (serde_json's limit), and
//! unknown members unless [`Unknown::IntoPayload`] takes them.

mod error;
mod reading;
mod value;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use self::value::Tree;
use super::{Event, Fields, Value};

pub use self::error::JsonError;
pub(crate) use self::reading::{Reading, parse};

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
const MEMBERS: [&str; 10] =
    ["id", "type", "timestamp", "source", "project_path", "correlation_id", "cause", "hops", "priority", "payload"];

/// How many of them only an event with a cause has.
const OF_CAUSE: usize = 2;

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
        Reading::of(&parse(json)?, unknown, 1).event()
    }
}

/// The JSON form.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [id, kind, timestamp, source, project_path, correlation_id, cause, hops, priority, payload] = MEMBERS;
        let absent = if self.cause().is_some() { 0 } else { OF_CAUSE };
        let mut members = serializer.serialize_struct("Event", MEMBERS.len() - absent)?;
        members.serialize_field(id, &self.id())?;
        members.serialize_field(kind, self.kind())?;
        members.serialize_field(timestamp, &Value::Time(self.timestamp()))?;
        members.serialize_field(source, &self.source())?;
        members.serialize_field(project_path, &self.project_path())?;
        members.serialize_field(correlation_id, &self.correlation_id())?;
        if let Some(id) = self.cause() {
            members.serialize_field(cause, &id)?;
            members.serialize_field(hops, &self.hops())?;
        }
        members.serialize_field(priority, &self.priority())?;
        members.serialize_field(payload, &self.payload())?;
        members.end()
    }
}

/// As [`Event::from_json`] with [`Unknown::Refuse`], from any self-describing format.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree(tree) = Tree::deserialize(deserializer)?;
        Reading::of(&tree, Unknown::Refuse, 1).event().map_err(D::Error::custom)
    }
}

/// A map.
impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
