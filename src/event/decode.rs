//! How values become Rust's types again: [`FromValue`], the other direction of [`ToValue`](super::ToValue).
//!
//! Reading collects all faults of an input, never only the first, each with its place. What [`ToValue`](super::ToValue)
//! wrote comes back as it was; what has been through JSON does as far as JSON knows it (a time comes back from its
//! text, a span from its seconds, an integer beyond 64 bits from its digits).

use std::borrow::Cow;

use super::payload::{FieldReader, Payload};
use super::{Event, Value};

mod fault;
mod impls;

pub use self::fault::{DecodeError, Fault, Faults};
#[cfg(feature = "serde")]
pub(crate) use self::fault::{NOTHING, Path};

/// What a field of an event can become again.
///
/// Implemented for booleans, numbers, text, paths, times, addresses, options, lists and maps with text keys: for all
/// that [`ToValue`](crate::ToValue) is implemented for and that owns what it holds.
///
/// A type of one's own needs [`expected`](Self::expected) and [`from_value`](Self::from_value):
///
/// ```
/// use ringbus::{FromValue, ToValue, Value};
/// use std::borrow::Cow;
///
/// #[derive(Debug, PartialEq)]
/// struct Percent(u8);
///
/// impl ToValue for Percent {
///     fn to_value(&self) -> Value {
///         self.0.into()
///     }
/// }
///
/// impl FromValue for Percent {
///     fn expected() -> Cow<'static, str> {
///         "an integer of 0 to 100".into()
///     }
///
///     fn from_value(value: &Value) -> Option<Self> {
///         u8::from_value(value).filter(|&n| n <= 100).map(Self)
///     }
/// }
///
/// assert_eq!(Percent::from_value(&Percent(7).to_value()), Some(Percent(7)));
/// assert_eq!(Vec::<Percent>::from_value(&[7, 101].to_value()), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from an event field",
    label = "cannot be decoded",
    note = "implement `ringbus::FromValue`, or leave the field out of the payload with `#[payload(skip)]`"
)]
pub trait FromValue: Sized {
    /// What may stand there, in words: `text`, `an integer of 0 to 255`.
    fn expected() -> Cow<'static, str>;

    /// The value's content; `None` if it is anything but [`expected`](Self::expected).
    fn from_value(value: &Value) -> Option<Self>;

    /// What stands for a field that is missing; `None` if it must be there, as most must. Options need not.
    fn absent() -> Option<Self> {
        None
    }

    /// Like [`from_value`](Self::from_value), telling all that is wrong: `None` if and only if it adds faults.
    ///
    /// To be overridden by types that hold other values, so that each fault has its place:
    ///
    /// ```
    /// use ringbus::{Faults, FromValue, Value};
    /// use std::borrow::Cow;
    ///
    /// struct Pair<T>(T, T);
    ///
    /// impl<T: FromValue> FromValue for Pair<T> {
    ///     fn expected() -> Cow<'static, str> {
    ///         "a list of two".into()
    ///     }
    ///
    ///     fn from_value(value: &Value) -> Option<Self> {
    ///         match value.as_list()? {
    ///             [a, b] => Some(Self(T::from_value(a)?, T::from_value(b)?)),
    ///             _ => None,
    ///         }
    ///     }
    ///
    ///     fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
    ///         let Some([a, b]) = value.as_list() else {
    ///             faults.add(Self::expected(), value);
    ///             return None;
    ///         };
    ///         // Both are read before either is asked for.
    ///         let (a, b) = (T::decode(a, &mut faults.item(0)), T::decode(b, &mut faults.item(1)));
    ///         Some(Self(a?, b?))
    ///     }
    /// }
    /// assert!(Pair::<u8>::from_value(&Value::from([1, 2])).is_some());
    /// ```
    fn decode(value: &Value, faults: &mut Faults<'_>) -> Option<Self> {
        let read = Self::from_value(value);
        if read.is_none() {
            faults.add(Self::expected(), value);
        }
        read
    }
}

// === impl Event ===

impl Event {
    /// The payload, read from the fields into a `T` of its own; [`payload_as`](Self::payload_as) borrows the one that a
    /// typed event holds.
    ///
    /// ```
    /// use ringbus::{Event, FieldReader, FieldWriter, Payload};
    /// # #[derive(Debug, PartialEq)]
    /// # struct Saved { path: String, bytes: u64 }
    /// # impl Payload for Saved {
    /// #     const KIND: &'static str = "docs.decode";
    /// #     fn field_names() -> &'static [&'static str] { &["path", "bytes"] }
    /// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.path); fields.write(&self.bytes); }
    /// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
    /// #         let (path, bytes) = (fields.read(), fields.read());
    /// #         Some(Self { path: path?, bytes: bytes? })
    /// #     }
    /// # }
    ///
    /// // `Saved` has the fields `path: String` and `bytes: u64`.
    /// let event = Event::builder("docs.decode").field("path", "/tmp/x").field("bytes", 12).build()?;
    /// assert_eq!(event.decode::<Saved>()?, Saved { path: "/tmp/x".into(), bytes: 12 });
    ///
    /// let error = Event::builder("docs.decode").field("bytes", -1).build()?.decode::<Saved>().unwrap_err();
    /// assert_eq!(error.faults().len(), 2); // there is no path, and a size is not negative
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong: another kind than `T`'s (at `type`; the fields are not looked at then), fields of the wrong
    /// form, missing fields, fields that `T` does not have, so that none is lost silently; if there is nothing else, what
    /// [`Payload::validate`] says (at `payload`).
    ///
    /// # Panics
    /// If `T`'s own code does.
    pub fn decode<T: Payload>(&self) -> Result<T, DecodeError> {
        let mut faults = Vec::new();
        let read = if *self.kind() == *T::KIND {
            FieldReader::payload(self.payload(), &mut faults)
        } else {
            let expected = format!("{:?}", T::KIND);
            faults.push(Fault::new("type", expected, format!("{:?}", self.kind())));
            None
        };
        read.ok_or_else(|| DecodeError::new(self.kind().clone(), faults))
    }
}
