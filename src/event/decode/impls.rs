//! [`FromValue`] for Rust's types: each reads what its [`ToValue`](crate::ToValue) writes, and the JSON form of that.

use core::fmt::Display;
use core::hash::BuildHasher;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Faults, FromValue};
use crate::event::{EventId, Kind, Priority, Text, Value};

// === numbers ===

fn between(low: impl Display, high: impl Display) -> Cow<'static, str> {
    format!("an integer of {low} to {high}").into()
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl FromValue for $type {
            fn expected() -> Cow<'static, str> {
                between(Self::MIN, Self::MAX)
            }

            fn from_value(value: &Value) -> Option<Self> {
                value.as_i128()?.try_into().ok()
            }
        }
    )*};
}

integer!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// The integer in a text, if it is one that JSON writes as text.
fn digits(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let wide = text.parse::<i128>().map(Value::from).or_else(|_| text.parse::<u128>().map(Value::from)).ok()?;
    matches!(wide, Value::BigInt(_) | Value::BigUInt(_)).then_some(wide)
}

impl FromValue for i128 {
    fn expected() -> Cow<'static, str> {
        between(Self::MIN, Self::MAX)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_i128().or_else(|| digits(value)?.as_i128())
    }
}

impl FromValue for u128 {
    fn expected() -> Cow<'static, str> {
        between(Self::MIN, Self::MAX)
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_u128().or_else(|| digits(value)?.as_u128())
    }
}

macro_rules! non_zero {
    ($($type:ty: $number:ty),*) => {$(
        impl FromValue for $type {
            fn expected() -> Cow<'static, str> {
                <$number>::expected() + ", not 0"
            }

            fn from_value(value: &Value) -> Option<Self> {
                Self::new(<$number>::from_value(value)?)
            }
        }
    )*};
}

non_zero!(NonZeroI8: i8, NonZeroI16: i16, NonZeroI32: i32, NonZeroI64: i64, NonZeroI128: i128, NonZeroIsize: isize);
non_zero!(NonZeroU8: u8, NonZeroU16: u16, NonZeroU32: u32, NonZeroU64: u64, NonZeroU128: u128, NonZeroUsize: usize);

/// Integers become the nearest float.
impl FromValue for f64 {
    fn expected() -> Cow<'static, str> {
        "a number".into()
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

/// Numbers become the nearest float; one beyond the range of `f32` is none.
impl FromValue for f32 {
    fn expected() -> Cow<'static, str> {
        format!("a number of {:e} to {:e}", Self::MIN, Self::MAX).into()
    }

    fn from_value(value: &Value) -> Option<Self> {
        let wide = value.as_f64()?;
        let near = wide as Self;
        (near.is_infinite() == wide.is_infinite()).then_some(near)
    }
}

// === what stands alone ===

macro_rules! single {
    ($($type:ty: $expected:literal, |$value:ident| $read:expr;)*) => {$(
        impl FromValue for $type {
            fn expected() -> Cow<'static, str> {
                $expected.into()
            }

            fn from_value($value: &Value) -> Option<Self> {
                $read
            }
        }
    )*};
}

single! {
    bool: "true or false", |value| value.as_bool();
    char: "text of one character", |value| {
        let mut characters = value.as_str()?.chars();
        characters.next().filter(|_| characters.next().is_none())
    };
    Text: "text", |value| match value {
        Value::Str(text) => Some(text.clone()),
        _ => None,
    };
    String: "text", |value| value.as_str().map(Self::from);
    Box<str>: "text", |value| value.as_str().map(Self::from);
    Arc<str>: "text", |value| value.as_str().map(Self::from);
    Cow<'static, str>: "text", |value| value.as_str().map(|text| Self::Owned(text.into()));
    PathBuf: "text", |value| value.as_str().map(Self::from);
    OsString: "text", |value| value.as_str().map(Self::from);
    Duration: "a span of time, or its seconds", |value| match value {
        Value::Duration(span) => Some(*span),
        _ => Self::try_from_secs_f64(value.as_f64()?).ok(),
    };
    SystemTime: "a time, or its RFC 3339 text in UTC", |value| match value {
        Value::Time(time) => Some(*time),
        _ => humantime::parse_rfc3339(value.as_str()?).ok(),
    };
}

macro_rules! parsed {
    ($($type:ty: $expected:literal;)*) => {
        single! { $($type: $expected, |value| value.as_str()?.parse().ok();)* }
    };
}

parsed! {
    EventId: "an event id: a UUID of 36 bytes";
    Kind: "a kind: segments joined by '.', without '*' and white space";
    Priority: "low, normal, high or critical";
    IpAddr: "an IP address";
    Ipv4Addr: "an IPv4 address";
    Ipv6Addr: "an IPv6 address";
    SocketAddr: "an IP address and a port";
    SocketAddrV4: "an IPv4 address and a port";
    SocketAddrV6: "an IPv6 address and a port";
}

/// Any value.
impl FromValue for Value {
    fn expected() -> Cow<'static, str> {
        "any value".into()
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

// === what holds others ===

/// What `decode` reads, its faults forgotten.
fn quietly<T: FromValue>(value: &Value) -> Option<T> {
    T::decode(value, &mut Faults::new("", &mut Vec::new()))
}

/// `None` if any is `None`, after all have been read.
fn every<T, C: Default + Extend<T>>(items: impl Iterator<Item = Option<T>>) -> Option<C> {
    let (mut found, mut whole) = (C::default(), true);
    for item in items {
        whole &= item.is_some();
        found.extend(item);
    }
    whole.then_some(found)
}

/// Null, or nothing, is `None`.
impl<T: FromValue> FromValue for Option<T> {
    fn expected() -> Cow<'static, str> {
        T::expected() + ", or null"
    }

    fn from_value(value: &Value) -> Option<Self> {
        quietly(value)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::decode(value, faults).map(Some) }
    }
}

macro_rules! pointer {
    ($($pointer:ident),*) => {$(
        impl<T: FromValue> FromValue for $pointer<T> {
            fn expected() -> Cow<'static, str> {
                T::expected()
            }

            fn from_value(value: &Value) -> Option<Self> {
                T::from_value(value).map(Self::new)
            }

            fn absent() -> Option<Self> {
                T::absent().map(Self::new)
            }

            fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
                T::decode(value, faults).map(Self::new)
            }
        }
    )*};
}

pointer!(Box, Arc);

/// Lists; bytes are a list of numbers.
impl<T: FromValue> FromValue for Vec<T> {
    fn expected() -> Cow<'static, str> {
        "a list".into()
    }

    fn from_value(value: &Value) -> Option<Self> {
        quietly(value)
    }

    fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
        match value {
            Value::List(values) => {
                every(values.iter().enumerate().map(|(at, value)| T::decode(value, &mut faults.item(at))))
            }
            Value::Bytes(bytes) => {
                every(bytes.iter().enumerate().map(|(at, &byte)| T::decode(&byte.into(), &mut faults.item(at))))
            }
            _ => {
                faults.add(Self::expected(), value);
                None
            }
        }
    }
}

impl<T: FromValue, const N: usize> FromValue for [T; N] {
    fn expected() -> Cow<'static, str> {
        format!("a list of {N}").into()
    }

    fn from_value(value: &Value) -> Option<Self> {
        quietly(value)
    }

    fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
        let len = value.as_list().map(<[Value]>::len).or(value.as_bytes().map(<[u8]>::len));
        if len != Some(N) {
            faults.add(Self::expected(), value);
            return None;
        }
        Vec::decode(value, faults)?.try_into().ok()
    }
}

/// The members of a map, each read at its place; where a name stands twice, the last one counts.
fn members<T: FromValue, C: Default + Extend<(String, T)>>(value: &Value, faults: &mut Faults<'_>) -> Option<C> {
    let Some(found) = value.as_map() else {
        faults.add("a map", value);
        return None;
    };
    every(found.iter().map(|(name, value)| Some((name.as_str().into(), T::decode(value, &mut faults.member(name))?))))
}

macro_rules! map {
    ($($map:ty, $($hasher:ident)?;)*) => {$(
        impl<T: FromValue $(, $hasher: BuildHasher + Default)?> FromValue for $map {
            fn expected() -> Cow<'static, str> {
                "a map".into()
            }

            fn from_value(value: &Value) -> Option<Self> {
                quietly(value)
            }

            fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
                members(value, faults)
            }
        }
    )*};
}

map! {
    BTreeMap<String, T>, ;
    HashMap<String, T, S>, S;
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
