//! Payload types whose methods panic, each in its own.

use std::error::Error;

use ringbus::{FieldReader, FieldWriter, Payload, ToValue, Value};

use crate::Bomb;

type Validity = Result<(), Box<dyn Error + Send + Sync>>;

macro_rules! payload {
    (
        $(#[$meta:meta])* $name:ident: $kind:literal, $names:expr,
        write: |$this:ident, $writer:ident| $write:expr, read: |$reader:ident| $read:expr, valid: |$valid:ident| $check:expr
    ) => {
        $(#[$meta])*
        impl Payload for $name {
            const KIND: &'static str = $kind;

            fn field_names() -> &'static [&'static str] {
                $names
            }

            fn write_fields(&self, $writer: &mut FieldWriter<'_>) {
                let $this = self;
                $write
            }

            fn read_fields($reader: &mut FieldReader<'_>) -> Option<Self> {
                $read
            }

            fn validate(&self) -> Validity {
                let $valid = self;
                $check
            }
        }
    };
}

/// A well-behaved one.
pub(crate) struct Fine(pub(crate) i64);

payload!(Fine: "p04.fine", &["n"], write: |this, fields| fields.write(&this.0), read: |fields| fields.read().map(Fine),
    valid: |_this| Ok(()));

/// Panics when its names are asked for.
pub(crate) struct Nameless;

payload!(Nameless: "p04.nameless", panic!("ordered: no names"), write: |_this, _fields| (), read: |_fields| Some(Nameless),
    valid: |_this| Ok(()));

/// Panics when its fields are made.
pub(crate) struct Unwritable;

payload!(Unwritable: "p04.unwritable", &["a", "b"],
    write: |_this, fields| { fields.write(&1); panic!("ordered: no fields") },
    read: |_fields| None, valid: |_this| Ok(()));

/// Has a field that panics when it is made a value.
pub(crate) struct Invaluable;

/// The field.
struct Worthless;

impl ToValue for Worthless {
    fn to_value(&self) -> Value {
        std::panic::panic_any(Bomb(3))
    }
}

payload!(Invaluable: "p04.invaluable", &["a"], write: |_this, fields| fields.write(&Worthless), read: |_fields| None,
    valid: |_this| Ok(()));

/// Panics when it is read from fields.
pub(crate) struct Unreadable;

payload!(Unreadable: "p04.unreadable", &["n"], write: |_this, fields| fields.write(&1),
    read: |_fields| panic!("ordered: no reading"), valid: |_this| Ok(()));

/// Panics when it is asked whether it is valid.
pub(crate) struct Doubtful(i64);

payload!(Doubtful: "p04.doubtful", &["n"], write: |this, fields| fields.write(&this.0),
    read: |fields| fields.read().map(Doubtful), valid: |_this| panic!("ordered: no opinion"));

/// Says that it is invalid, by an error that panics when it is displayed.
pub(crate) struct Invalid(i64);

payload!(Invalid: "p04.invalid", &["n"], write: |this, fields| fields.write(&this.0),
    read: |fields| fields.read().map(Invalid), valid: |_this| Err(Box::new(crate::calls::Unspeakable)));

/// Panics when it is dropped.
pub(crate) struct Explosive(#[allow(dead_code)] pub(crate) Bomb);

payload!(Explosive: "p04.explosive", &[], write: |_this, _fields| (), read: |_fields| None, valid: |_this| Ok(()));

/// Panics when it is dropped after it was decoded.
pub(crate) struct Decoded(#[allow(dead_code)] Bomb);

payload!(Decoded: "p04.decoded", &["n"], write: |_this, fields| fields.write(&1),
    read: |fields| fields.read::<i64>().map(|_| Decoded(Bomb(2))), valid: |_this| Ok(()));
