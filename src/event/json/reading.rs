//! [`Reading`]: what JSON says about an event, and all that is wrong with it.
//!
//! [`Event::from_json`] tells the first fault, a [registry](crate::Registry) all of them. They stand in this order:
//! names given twice, then the kind, then the other members as they come, then what only the whole shows.

use core::str::FromStr;
use std::collections::HashSet;
use std::error::Error;
use std::time::SystemTime;

use super::error::path_of;
use super::value::{Tree, duplicates};
use super::{JsonError, MEMBERS, Unknown};
use crate::event::builder::MAX_FIELDS;
use crate::event::decode::{FromValue, NOTHING};
use crate::event::display::{Bare, shown};
use crate::event::fields::{Fields, Names};
use crate::event::time::ALLOWED;
use crate::event::{BuildError, Event, EventBuilder, EventId, Fault, Kind, KindError, Priority, Text, Value};

/// See the [module](self).
pub(crate) struct Reading {
    /// All that could be read. Its kind is an error where none could.
    builder: EventBuilder,
    faults: Vec<JsonError>,
    /// Whether the payload could be read, or is missing.
    has_payload: bool,
}

/// The value that `json` is, where maps may have a name twice.
pub(crate) fn parse(json: &str) -> Result<Value, JsonError> {
    let Tree(tree) = serde_json::from_str(json).map_err(|error| JsonError::Syntax(error.into()))?;
    Ok(tree)
}

// === impl Reading ===

impl Reading {
    /// Reads `tree`; tells at most `repeats` names that are given twice. Of such a name, the first member counts.
    pub(crate) fn of(tree: &Value, unknown: Unknown, repeats: usize) -> Self {
        let unnamed = EventBuilder::new(Err(KindError::Empty));
        let mut this = Self { builder: unnamed, faults: Vec::new(), has_payload: true };
        let Some(members) = tree.as_map() else {
            this.faults.push(JsonError::wrong("", tree, "an object, such as {\"type\": \"a.b\"}"));
            return this;
        };
        this.faults
            .extend(duplicates(tree, repeats).into_iter().map(|path| JsonError::Duplicate { path: path.into() }));
        match members.iter().find(|(name, _)| name == "type") {
            None => this.faults.push(JsonError::Missing { path: "type".into() }),
            Some((_, kind)) => match text("type", kind, "text") {
                Ok(text) => this.builder = EventBuilder::new(Kind::new(text)),
                Err(fault) => this.faults.push(fault),
            },
        }
        let mut seen = (!this.faults.is_empty()).then(HashSet::new);
        for (name, value) in members {
            let name = name.as_str();
            let again = seen.as_mut().is_some_and(|seen| !seen.insert(name));
            if again || name == "type" || value.is_null() && MEMBERS.contains(&name) {
                continue;
            }
            if let Err(fault) = member(&mut this.builder, members, name, value, unknown) {
                this.has_payload &= name != "payload";
                this.faults.push(fault);
            }
        }
        this
    }

    /// The event, or the first fault.
    pub(crate) fn event(self) -> Result<Event, JsonError> {
        match self.faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => self.builder.restore().map_err(whole),
        }
    }

    /// The kind, if there is one.
    pub(crate) fn kind(&self) -> Option<&Kind> {
        self.builder.kind.as_ref().ok()
    }

    /// The payload, as far as there is one.
    pub(crate) fn payload(&self) -> Option<Fields<'_>> {
        self.has_payload.then(|| Fields::new(Names::Own(&self.builder.names), &self.builder.values))
    }

    /// All faults of the envelope.
    pub(crate) fn faults(&self, tree: &Value) -> Vec<Fault> {
        let named = self.faults.iter().all(|fault| fault.path() != Some("type") && fault.path().is_some());
        let kind = self.builder.kind.as_ref().err().filter(|_| named);
        let kind = kind.map(|error| JsonError::refused("type", error.clone()));
        self.faults.iter().chain(&kind).map(|fault| fault.to_fault(tree)).collect()
    }
}

/// Gives `builder` what the member `name` says, one of `members`.
fn member(
    builder: &mut EventBuilder,
    members: &[(Text, Value)],
    name: &str,
    value: &Value,
    unknown: Unknown,
) -> Result<(), JsonError> {
    match name {
        "id" => builder.id = Some(parsed(name, value)?),
        "timestamp" => builder.timestamp = Some(timestamp(name, value)?),
        "source" => builder.source = Some(text(name, value, "text or null")?.into()),
        "project_path" => builder.project_path = Some(text(name, value, "text or null")?.into()),
        "correlation_id" => builder.correlation_id = Some(text(name, value, "text or null")?.into()),
        "cause" => builder.cause = Some(parsed(name, value)?),
        "hops" => builder.hops = hops(name, value, members)?,
        "priority" => builder.priority = parsed(name, value)?,
        "payload" => {
            let fields = value.as_map().ok_or_else(|| JsonError::wrong(name, value, "an object or null"))?;
            fields.iter().for_each(|(name, value)| builder.push(name.clone(), value.clone()));
        }
        _ => match unknown {
            Unknown::Refuse => return Err(JsonError::unknown(name)),
            // In the payload it lies one level deeper: what is written must be readable again.
            Unknown::IntoPayload if levels(value) > MOST_LEVELS => {
                return Err(JsonError::wrong(&path_of(name), value, "a value of at most 125 levels"));
            }
            Unknown::IntoPayload => builder.push(name.into(), value.clone()),
        },
    }
    Ok(())
}

/// How deep a value in the payload may be nested: serde_json reads 127 levels, of which the event and its payload are two.
const MOST_LEVELS: usize = 125;

/// How deep lists and maps are nested in a value that was read, which limits that.
fn levels(value: &Value) -> usize {
    let deepest = match value {
        Value::List(items) => items.iter().map(levels).max(),
        Value::Map(members) => members.iter().map(|(_, value)| levels(value)).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// What is wrong with a whole whose members are right.
fn whole(error: BuildError) -> JsonError {
    match error {
        BuildError::Kind(error) => JsonError::refused("type", error),
        BuildError::DuplicateField { name } => JsonError::Duplicate { path: format!("payload.{}", Bare(&name)).into() },
        error @ BuildError::Timestamp { .. } => JsonError::refused("timestamp", error),
        error @ BuildError::TooManyFields { .. } => JsonError::refused("payload", error),
    }
}

fn text<'a>(path: &str, value: &'a Value, allowed: &'static str) -> Result<&'a str, JsonError> {
    value.as_str().ok_or_else(|| JsonError::wrong(path, value, allowed))
}

fn parsed<T>(path: &str, value: &Value) -> Result<T, JsonError>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    text(path, value, "text or null")?.parse().map_err(|error| JsonError::refused(path, error))
}

/// The number of hops, which only an event with a cause has.
fn hops(path: &str, value: &Value, members: &[(Text, Value)]) -> Result<u32, JsonError> {
    let has_cause = members.iter().any(|(name, value)| name == "cause" && !value.is_null());
    let hops = value.as_u64().and_then(|hops| u32::try_from(hops).ok());
    let hops = hops.filter(|&hops| hops > 0 && has_cause);
    hops.ok_or_else(|| JsonError::wrong(path, value, "an integer of 1 to 4294967295 beside a cause, or null"))
}

fn timestamp(path: &str, value: &Value) -> Result<SystemTime, JsonError> {
    let time = value.as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
    time.ok_or_else(|| {
        JsonError::wrong(path, value, "an RFC 3339 time in UTC, such as \"2026-11-21T03:32:44.123456Z\", or null")
    })
}

// === impl JsonError ===

impl JsonError {
    /// The same as a fault of `tree`.
    pub(crate) fn to_fault(&self, tree: &Value) -> Fault {
        match self {
            Self::Syntax(reason) => Fault::new("", "JSON", format!("not JSON: {reason}")),
            Self::Missing { path } => Fault::new(&**path, Kind::expected(), NOTHING),
            Self::Wrong { path, found, allowed } => Fault::new(&**path, *allowed, &**found),
            Self::Refused { path, reason } => {
                let found = tree.as_map().and_then(|members| members.iter().find(|(name, _)| *name == **path));
                let found = found.map_or_else(|| reason.to_string(), |(_, value)| shown(value).into());
                Fault::new(&**path, expected(path), found)
            }
            Self::Duplicate { path } => Fault::new(&**path, "each name once", "given twice"),
            Self::Unknown { path } => {
                Fault::new(&**path, format!("one of {}", MEMBERS.join(", ")), "no member of an event")
            }
        }
    }
}

/// What a member must be that has been refused.
fn expected(path: &str) -> String {
    match path {
        "id" | "cause" => Option::<EventId>::expected().into(),
        "type" => Kind::expected().into(),
        "priority" => Option::<Priority>::expected().into(),
        "timestamp" => ALLOWED.into(),
        _ => format!("at most {MAX_FIELDS} fields"),
    }
}
