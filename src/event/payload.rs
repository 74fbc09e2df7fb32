//! [`Payload`]: a Rust type that is the content of one kind of event.
//!
//! A type says its kind, its fields' names, and how it becomes values and is read from them. `#[derive(Payload)]`
//! (feature `derive`) writes that; by hand it is a few lines.

use core::slice;
use std::error::Error;

use super::decode::{Fault, Faults, FromValue};
use super::fields::Fields;
use super::{ToValue, Value};

/// A type that is the content of one kind of event.
///
/// Events that hold one ([`Event::from_payload`](crate::Event::from_payload)) hand it to handlers as it is, by
/// [`payload_as`](crate::Event::payload_as); everybody else sees its fields like those of any event. One type per kind:
/// the first that is used for a kind in this process has it ([`KindTaken`](crate::KindTaken)). A kind that breaks the
/// rule given at [`Kind`](crate::Kind) does not compile.
///
/// With the feature `derive` the macro of the same name implements it. By hand:
///
/// ```
/// use ringbus::{Event, FieldReader, FieldWriter, Payload};
///
/// #[derive(Debug, PartialEq)]
/// struct FileSaved {
///     path: String,
///     bytes: u64,
/// }
///
/// impl Payload for FileSaved {
///     const KIND: &'static str = "file.saved";
///
///     fn field_names() -> &'static [&'static str] {
///         &["path", "bytes"]
///     }
///
///     fn write_fields(&self, fields: &mut FieldWriter<'_>) {
///         fields.write(&self.path);
///         fields.write(&self.bytes);
///     }
///
///     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
///         // All are read before any is asked for: so all faults are found.
///         let (path, bytes) = (fields.read(), fields.read());
///         Some(Self { path: path?, bytes: bytes? })
///     }
/// }
///
/// let event = Event::from_payload(FileSaved { path: "/tmp/x".into(), bytes: 12 })?;
/// assert_eq!(event.payload().to_string(), r#"path="/tmp/x" bytes=12"#);
/// assert_eq!(event.payload_as::<FileSaved>().map(|saved| saved.bytes), Some(12));
///
/// let from_elsewhere = Event::builder("file.saved").fields(event.payload()).build()?;
/// assert_eq!(from_elsewhere.decode::<FileSaved>()?, FileSaved { path: "/tmp/x".into(), bytes: 12 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no payload",
    label = "not a payload",
    note = "write `#[derive(ringbus::Payload)]` and `#[payload(kind = \"...\")]` on it (feature `derive`), or implement \
            `ringbus::Payload`"
)]
pub trait Payload: Send + Sync + Sized + 'static {
    /// The kind of the events that hold it.
    const KIND: &'static str;

    /// The names of the fields, in order, no two alike.
    fn field_names() -> &'static [&'static str];

    /// Writes one value for each name, in order.
    ///
    /// Called when somebody first asks for the fields of an event, on that thread. A panic in it is contained: the
    /// event then has one field, `panicked`, with the panic's text.
    fn write_fields(&self, fields: &mut FieldWriter<'_>);

    /// Reads one value for each name, in order; `None` if and only if there were faults, which `fields` collects.
    ///
    /// Read all fields before asking for any with `?`, so that all faults are found.
    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self>;

    /// What the fields alone do not tell; asked after reading them without a fault, not when publishing.
    ///
    /// # Errors
    /// The reason why it is not valid.
    fn validate(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }

    /// Whether [`write_fields`](Self::write_fields) runs no code of users' but this type's derived one.
    #[doc(hidden)]
    fn __plain(&self) -> bool {
        false
    }
}

/// Takes the values of a payload's fields, in the order of their names; see [`Payload`].
#[derive(Debug)]
pub struct FieldWriter<'a> {
    values: &'a mut Vec<Value>,
    /// How many names have no value yet.
    left: usize,
}

/// Gives the values of a payload's fields, in the order of their names, and collects faults; see [`Payload`].
#[derive(Debug)]
pub struct FieldReader<'a> {
    fields: Fields<'a>,
    /// Those not read yet.
    names: slice::Iter<'static, &'static str>,
    faults: Faults<'a>,
}

// === impl FieldWriter ===

impl<'a> FieldWriter<'a> {
    /// For a payload with `count` fields.
    pub(super) fn new(values: &'a mut Vec<Value>, count: usize) -> Self {
        Self { values, left: count }
    }

    /// The value of the next field; values beyond the last name are dropped.
    pub fn write<T: ToValue + ?Sized>(&mut self, value: &T) {
        if self.left > 0 {
            let value = value.to_value();
            self.left -= 1;
            self.values.push(value);
        }
    }
}

// === impl FieldReader ===

impl<'a> FieldReader<'a> {
    /// The `T` in `fields`; `None` if and only if faults have been added.
    pub(crate) fn payload<T: Payload>(fields: Fields<'a>, faults: &'a mut Vec<Fault>) -> Option<T> {
        let names = T::field_names();
        let before = faults.len();
        let mut reader = Self { fields, names: names.iter(), faults: Faults::new("payload", faults) };
        let read = T::read_fields(&mut reader);
        for (name, value) in fields.iter().filter(|(name, _)| !names.contains(name)) {
            let known = if names.is_empty() { "none".into() } else { names.join(", ") };
            reader.faults.member(name).add(format!("no such field ({} has {known})", T::KIND), value);
        }
        if reader.faults.len() > before {
            return None;
        }
        let Some(payload) = read else {
            reader.faults.add_reason("what its type reads", "refused without a reason");
            return None;
        };
        match payload.validate() {
            Ok(()) => Some(payload),
            Err(reason) => {
                reader.faults.add_reason(format!("a valid {}", T::KIND), &format!("invalid: {reason}"));
                None
            }
        }
    }

    /// The value of the next field; `None` if it is missing or wrong, which is a fault then.
    pub fn read<T: FromValue>(&mut self) -> Option<T> {
        let Some(name) = self.names.next() else {
            self.faults.add_reason("a name for each field that is read", "read beyond its last name");
            return None;
        };
        let mut faults = self.faults.member(name);
        match self.fields.get(name) {
            Some(value) => T::decode(value, &mut faults),
            None => {
                let absent = T::absent();
                if absent.is_none() {
                    faults.add_missing(T::expected());
                }
                absent
            }
        }
    }

    /// Adds that the field `name` has a value that its type allows and this payload does not.
    ///
    /// ```
    /// # use ringbus::{Event, FieldReader, FieldWriter, Payload};
    /// struct Dice(u8);
    ///
    /// impl Payload for Dice {
    ///     // ...
    /// #   const KIND: &'static str = "docs.dice";
    /// #   fn field_names() -> &'static [&'static str] { &["eyes"] }
    /// #   fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.0); }
    ///     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
    ///         let eyes = fields.read()?;
    ///         if !(1..=6).contains(&eyes) {
    ///             fields.refuse("eyes", "an integer of 1 to 6");
    ///             return None;
    ///         }
    ///         Some(Self(eyes))
    ///     }
    /// }
    ///
    /// let error = Event::builder("docs.dice").field("eyes", 7).build()?.decode::<Dice>().err().unwrap();
    /// assert_eq!(error.faults()[0].to_string(), "`payload.eyes` is 7; expected is an integer of 1 to 6");
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn refuse(&mut self, name: &str, expected: impl Into<String>) {
        let mut faults = self.faults.member(name);
        match self.fields.get(name) {
            Some(value) => faults.add(expected, value),
            None => faults.add_missing(expected),
        }
    }
}
