//! Values, kinds, ids, priorities and texts in JSON and serde's other formats.
//!
//! What JSON has no form for is written in the nearest one, and does not come back as what it was:
//!
//! | value | written | read back |
//! |---|---|---|
//! | integer beyond 64 bits | its digits as text | text |
//! | float not finite | null | null |
//! | bytes | list of numbers | list |
//! | time | RFC 3339 text, µs | text |
//! | duration | seconds | float |

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::event::decode::Path;
use crate::event::fields::all_repeated;
use crate::event::time::Rfc3339;
use crate::event::{EventId, Kind, Priority, Text, Value};

/// The key by which serde_json passes a number on where some crate has turned on its `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// The most elements that room is made for on the word of the input.
const ROOM: usize = 1024;

/// Null, booleans, numbers of up to 64 bits, text, lists and maps as such; integers beyond 64 bits as the
/// text of their digits, floats that are not finite as null, bytes as bytes (in JSON a list of numbers),
/// times as RFC 3339 text to the microsecond, durations as seconds.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::UInt(number) => serializer.serialize_u64(*number),
            Self::BigInt(number) => serializer.collect_str(number),
            Self::BigUInt(number) => serializer.collect_str(number),
            Self::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Null | Self::Float(_) => serializer.serialize_unit(),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Time(time) => serializer.collect_str(&Rfc3339(*time)),
            Self::Duration(span) => serializer.serialize_f64(span.as_secs_f64()),
            Self::List(values) => serializer.collect_seq(&**values),
            Self::Map(members) => serializer.collect_map(members.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// From any self-describing format. Numbers become integers where they fit (in JSON: into 64 bits), floats
/// otherwise; a map that has a name twice is refused.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree(value) = Tree::deserialize(deserializer)?;
        match duplicates(&value, 1).first() {
            Some(path) => Err(D::Error::custom(format_args!("`{path}` is given twice; allowed is each name once"))),
            None => Ok(value),
        }
    }
}

/// A value in which maps may have a name twice.
pub(super) struct Tree(pub(super) Value);

/// The paths of members that stand twice in a map, somewhere in `value`; at most `most`.
pub(super) fn duplicates(value: &Value, most: usize) -> Vec<String> {
    fn below(value: &Value, here: &Path<'_>, most: usize, found: &mut Vec<String>) {
        match value {
            Value::List(values) => {
                for (at, value) in values.iter().enumerate() {
                    below(value, &here.item(at), most, found);
                }
            }
            Value::Map(members) => {
                let repeated = all_repeated(members.iter().map(|(name, _)| name.as_str()));
                let left = most - found.len();
                found.extend(repeated.into_iter().take(left).map(|name| here.member(name).to_string()));
                for (name, value) in members.iter() {
                    below(value, &here.member(name), most, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    below(value, &Path::START, most, &mut found);
    found
}

// === impl Tree ===

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::bytes(bytes))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(ROOM));
        while let Some(Tree(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0).min(ROOM));
        while let Some((name, Tree(value))) = map.next_entry::<Text, Tree>()? {
            members.push((name, value));
        }
        match members.as_slice() {
            [(name, Value::Str(digits))] if name == NUMBER && passes_numbers_on() => Ok(number(digits)),
            _ => Ok(Value::Map(members.into())),
        }
    }
}

/// Whether serde_json passes numbers on by that key, in this build. If not, a map with it is a map like any other.
pub(super) fn passes_numbers_on() -> bool {
    // Where digits are kept as they stand, there are two zeros.
    serde_json::from_str::<serde_json::Number>("1.00").is_ok_and(|number| number.to_string() != "1.0")
}

/// The number in `digits`, as [`AnyValue`] would have got it without `arbitrary_precision`.
pub(super) fn number(digits: &Text) -> Value {
    let integer = || digits.parse::<i64>().map(Value::from).or_else(|_| digits.parse::<u64>().map(Value::from));
    let float = || digits.parse::<f64>().map(Value::from);
    integer().or_else(|_| float()).unwrap_or_else(|_| digits.into())
}

// === what is text ===

struct Parsed<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! text {
    ($($type:ty),*) => {$(
        /// Text.
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        /// Text.
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed(PhantomData))
            }
        }
    )*};
}

text!(Kind, EventId, Priority, Text);
