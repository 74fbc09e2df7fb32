//! [`Value`]: what one field of an event holds.
//!
//! A closed set of data that every sink can write: no trait object, no user code, so reading, cloning and
//! dropping one never runs anybody else's. It is 24 bytes; a clone copies no heap data. An integer that
//! comes through a conversion is stored in the first of `Int`, `UInt`, `BigInt`, `BigUInt` that holds it,
//! so equal numbers are equal values whatever type they had.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::text::Text;

/// What one field of an event holds.
///
/// Made by [`From`], [`ToValue`](crate::ToValue) or `collect` (of values into a list, of pairs into a
/// map); read by matching, or by the `as_` methods. [`Display`](fmt::Display) writes one line.
///
/// ```
/// use ringbus::Value;
///
/// let line = Value::from(42_u8);
/// assert_eq!(line, Value::Int(42));
/// assert_eq!(line.as_u64(), Some(42));
/// assert_eq!(line.as_str(), None);
///
/// let list: Value = ["a", "b"].into_iter().collect();
/// assert_eq!(list.to_string(), r#"["a", "b"]"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing: `None`, `()`, null.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer above [`i64::MAX`], as conversions store it.
    UInt(u64),
    /// An integer beyond 64 bits.
    BigInt(Int128),
    /// An integer above [`i128::MAX`].
    BigUInt(UInt128),
    /// A floating-point number, finite or not.
    Float(f64),
    /// Text.
    Str(Text),
    /// Bytes, from [`Value::bytes`].
    Bytes(Arc<[u8]>),
    /// A point in time.
    Time(SystemTime),
    /// A span of time.
    Duration(Duration),
    /// Values in order.
    List(Arc<[Value]>),
    /// Named values in order.
    Map(Arc<[(Text, Value)]>),
}

/// A 128-bit integer within a [`Value`], outside the range of 64 bits.
///
/// It differs from `i128` in its alignment of 8, which keeps a `Value` at 24 bytes. Only conversions into
/// `Value` make one.
///
/// ```
/// use ringbus::Value;
///
/// let Value::BigInt(big) = Value::from(i128::MIN) else { panic!() };
/// assert_eq!(big.get(), i128::MIN);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(8))]
pub struct Int128(i128);

/// An unsigned 128-bit integer within a [`Value`], above [`i128::MAX`].
///
/// It differs from `u128` in its alignment of 8, which keeps a `Value` at 24 bytes. Only conversions into
/// `Value` make one.
///
/// ```
/// use ringbus::Value;
///
/// let Value::BigUInt(big) = Value::from(u128::MAX) else { panic!() };
/// assert_eq!(big.get(), u128::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(8))]
pub struct UInt128(u128);

// === impl Value ===

impl Value {
    /// `bytes` as bytes: through [`ToValue`](crate::ToValue) they would be a list of numbers.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::bytes([0xca, 0xfe]).to_string(), "0xcafe");
    /// ```
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().into())
    }

    /// What `shown` displays, as text.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::display(&'x').as_str(), Some("x"));
    /// ```
    pub fn display(shown: &(impl fmt::Display + ?Sized)) -> Self {
        Self::Str(format_args!("{shown}").into())
    }

    /// What `shown` looks like to a developer, as text.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::debug(&'x').as_str(), Some("'x'"));
    /// ```
    pub fn debug(shown: &(impl fmt::Debug + ?Sized)) -> Self {
        Self::Str(format_args!("{shown:?}").into())
    }

    /// Whether it owns nothing, so that dropping it does nothing.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self, Self::Str(_) | Self::Bytes(_) | Self::List(_) | Self::Map(_))
    }

    /// Whether this is [`Null`](Self::Null).
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert!(Value::from(None::<u8>).is_null());
    /// ```
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(true).as_bool(), Some(true));
    /// ```
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The integer, if it fits.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(-1).as_i64(), Some(-1));
    /// assert_eq!(Value::from(u64::MAX).as_i64(), None);
    /// ```
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128()?.try_into().ok()
    }

    /// The integer, if it fits.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    /// assert_eq!(Value::from(-1).as_u64(), None);
    /// ```
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i128()?.try_into().ok()
    }

    /// The integer, if it fits.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(u64::MAX).as_i128(), Some(u64::MAX.into()));
    /// ```
    pub fn as_i128(&self) -> Option<i128> {
        match *self {
            Self::Int(number) => Some(number.into()),
            Self::UInt(number) => Some(number.into()),
            Self::BigInt(number) => Some(number.get()),
            Self::BigUInt(number) => number.get().try_into().ok(),
            _ => None,
        }
    }

    /// The integer, if it fits.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(u128::MAX).as_u128(), Some(u128::MAX));
    /// ```
    pub fn as_u128(&self) -> Option<u128> {
        match *self {
            Self::BigUInt(number) => Some(number.get()),
            _ => self.as_i128()?.try_into().ok(),
        }
    }

    /// The number: a float as it is, an integer as the nearest float.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(12.5).as_f64(), Some(12.5));
    /// assert_eq!(Value::from(12).as_f64(), Some(12.0));
    /// ```
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Float(number) => Some(number),
            Self::BigUInt(number) => Some(number.get() as f64),
            _ => self.as_i128().map(|number| number as f64),
        }
    }

    /// The text.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from("daemon").as_str(), Some("daemon"));
    /// ```
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes; a list of numbers is none.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::bytes(b"ok").as_bytes(), Some(&b"ok"[..]));
    /// ```
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The point in time.
    ///
    /// ```
    /// # use ringbus::Value;
    /// # use std::time::UNIX_EPOCH;
    /// assert_eq!(Value::from(UNIX_EPOCH).as_time(), Some(UNIX_EPOCH));
    /// ```
    pub fn as_time(&self) -> Option<SystemTime> {
        match *self {
            Self::Time(time) => Some(time),
            _ => None,
        }
    }

    /// The span of time.
    ///
    /// ```
    /// # use ringbus::Value;
    /// # use std::time::Duration;
    /// assert_eq!(Value::from(Duration::ZERO).as_duration(), Some(Duration::ZERO));
    /// ```
    pub fn as_duration(&self) -> Option<Duration> {
        match *self {
            Self::Duration(span) => Some(span),
            _ => None,
        }
    }

    /// The values of a list.
    ///
    /// ```
    /// # use ringbus::Value;
    /// assert_eq!(Value::from(vec![1, 2]).as_list().map(<[Value]>::len), Some(2));
    /// ```
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The names and values of a map, in its order.
    ///
    /// ```
    /// # use ringbus::Value;
    /// let point: Value = [("x", 1), ("y", 2)].into_iter().collect();
    /// let [(name, value), _] = point.as_map().unwrap() else { panic!() };
    /// assert_eq!((name.as_str(), value.as_i64()), ("x", Some(1)));
    /// ```
    pub fn as_map(&self) -> Option<&[(Text, Value)]> {
        match self {
            Self::Map(members) => Some(members),
            _ => None,
        }
    }
}

impl From<i128> for Value {
    fn from(number: i128) -> Self {
        if let Ok(number) = i64::try_from(number) {
            Self::Int(number)
        } else if let Ok(number) = u64::try_from(number) {
            Self::UInt(number)
        } else {
            Self::BigInt(Int128(number))
        }
    }
}

impl From<u128> for Value {
    fn from(number: u128) -> Self {
        i128::try_from(number).map_or(Self::BigUInt(UInt128(number)), Self::from)
    }
}

// === impl Int128, UInt128 ===

macro_rules! wide {
    ($($wide:ident($number:ty)),*) => {$(
        impl $wide {
            /// The number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl From<$wide> for $number {
            fn from(wide: $wide) -> Self {
                wide.0
            }
        }

        impl fmt::Display for $wide {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.get(), f)
            }
        }

        impl fmt::Debug for $wide {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.get(), f)
            }
        }
    )*};
}

wide!(Int128(i128), UInt128(u128));

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Option<Value>>(), 24);
    }

    #[test]
    fn an_integer_takes_the_first_variant_that_holds_it() {
        let max = i128::from(u64::MAX);
        assert!(matches!(Value::from(i128::from(i64::MIN)), Value::Int(i64::MIN)));
        assert!(matches!(Value::from(i128::from(i64::MAX)), Value::Int(i64::MAX)));
        assert!(matches!(Value::from(i128::from(i64::MAX) + 1), Value::UInt(_)));
        assert!(matches!(Value::from(max), Value::UInt(u64::MAX)));
        assert!(matches!(Value::from(max + 1), Value::BigInt(n) if n.get() == max + 1));
        assert!(matches!(Value::from(i128::from(i64::MIN) - 1), Value::BigInt(_)));
        assert!(matches!(Value::from(i128::MAX as u128), Value::BigInt(n) if n.get() == i128::MAX));
        assert!(matches!(Value::from(u128::MAX), Value::BigUInt(n) if n.get() == u128::MAX));
        assert_eq!(Value::from(5_u128), Value::from(5_i8));
    }

    #[test]
    fn numbers_convert_only_where_they_fit() {
        let big = Value::from(u128::MAX);
        assert_eq!((big.as_i64(), big.as_u64(), big.as_i128()), (None, None, None));
        assert_eq!((big.as_u128(), big.as_f64()), (Some(u128::MAX), Some(u128::MAX as f64)));
        let low = Value::from(i128::MIN);
        assert_eq!((low.as_i64(), low.as_u128(), low.as_i128()), (None, None, Some(i128::MIN)));
        assert_eq!(low.as_f64(), Some(i128::MIN as f64));
        let minus = Value::from(-1);
        assert_eq!((minus.as_u64(), minus.as_u128(), minus.as_i64()), (None, None, Some(-1)));
        assert_eq!((Value::Float(1.0).as_i64(), Value::Bool(true).as_i64()), (None, None));
    }

    #[test]
    fn an_accessor_answers_for_its_variant_only() {
        let text = Value::from("x");
        assert!(text.as_bool().is_none() && text.as_f64().is_none() && text.as_bytes().is_none());
        assert!(text.as_time().is_none() && text.as_duration().is_none() && text.as_list().is_none());
        assert!(text.as_map().is_none() && text.as_u128().is_none() && !text.is_null());
        assert!(Value::default().is_null() && Value::Null.as_str().is_none());
    }
}
