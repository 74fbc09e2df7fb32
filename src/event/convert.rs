//! How Rust's types become a [`Value`]: [`ToValue`] from a borrow, [`From`] from the thing itself.
//!
//! `publish_event!` borrows its arguments as `println!` does, so it goes through [`ToValue`]. No
//! conversion fails; the only lossy ones are paths and `OsStr`s that are not Unicode (the bad parts
//! become U+FFFD).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::draft::Draft;
use super::id::EventId;
use super::kind::Kind;
use super::priority::Priority;
use super::text::Text;
use super::value::Value;

/// What can stand as a field of an event.
///
/// Implemented for numbers, text, paths, times, addresses, options (`None` is null), slices and vectors
/// (a list; see [`Value::bytes`] for bytes), maps with text keys (a `HashMap`'s are sorted), and
/// references and smart pointers to all of these. In the macro, `%value` records what its `Display` writes and
/// `?value` its `Debug`, so those need no implementation.
///
/// ```
/// use ringbus::{ToValue, Value};
///
/// struct Celsius(f64);
///
/// impl ToValue for Celsius {
///     fn to_value(&self) -> Value {
///         self.0.into()
///     }
/// }
///
/// assert_eq!(Some(&Celsius(21.5)).to_value(), Value::Float(21.5));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an event field",
    label = "not a field value",
    note = "write `%value` to record its `Display`, `?value` its `Debug`, or implement `ringbus::ToValue`"
)]
pub trait ToValue {
    /// The value that an event keeps.
    fn to_value(&self) -> Value;

    /// Whether [`to_value`](Self::to_value) surely runs no code of users'.
    #[doc(hidden)]
    fn __plain(&self) -> bool {
        false
    }

    /// Gives a call site's draft the value, by a call of little code.
    #[doc(hidden)]
    #[inline(never)]
    fn __give(&self, draft: &mut Draft) {
        draft.value(self);
    }
}

// === what is copied ===

macro_rules! copied {
    ($($type:ty: $into:expr $(, by $give:ident)?;)*) => {$(
        impl From<$type> for Value {
            #[inline]
            fn from(value: $type) -> Self {
                $into(value)
            }
        }

        impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Value {
                Value::from(*self)
            }

            fn __plain(&self) -> bool {
                true
            }

            $(
                // In a register, to a function that all types of that kind share.
                #[inline(always)]
                fn __give(&self, draft: &mut Draft) {
                    draft.$give((*self).into());
                }
            )?
        }
    )*};
}

copied! {
    (): |()| Value::Null;
    bool: Value::Bool, by give_bool;
    i8: |n| Value::Int(i64::from(n)), by give_int;
    i16: |n| Value::Int(i64::from(n)), by give_int;
    i32: |n| Value::Int(i64::from(n)), by give_int;
    i64: Value::Int, by give_int;
    isize: |n| Value::from(n as i128);
    u8: |n| Value::Int(i64::from(n)), by give_int;
    u16: |n| Value::Int(i64::from(n)), by give_int;
    u32: |n| Value::Int(i64::from(n)), by give_int;
    u64: |n| i64::try_from(n).map_or(Value::UInt(n), Value::Int), by give_uint;
    usize: |n| Value::from(n as u128);
    NonZeroI8: |n: NonZeroI8| n.get().into();
    NonZeroI16: |n: NonZeroI16| n.get().into();
    NonZeroI32: |n: NonZeroI32| n.get().into();
    NonZeroI64: |n: NonZeroI64| n.get().into();
    NonZeroI128: |n: NonZeroI128| n.get().into();
    NonZeroIsize: |n: NonZeroIsize| n.get().into();
    NonZeroU8: |n: NonZeroU8| n.get().into();
    NonZeroU16: |n: NonZeroU16| n.get().into();
    NonZeroU32: |n: NonZeroU32| n.get().into();
    NonZeroU64: |n: NonZeroU64| n.get().into();
    NonZeroU128: |n: NonZeroU128| n.get().into();
    NonZeroUsize: |n: NonZeroUsize| n.get().into();
    f32: |x| Value::Float(f64::from(x)), by give_float;
    f64: Value::Float, by give_float;
    char: |c| Value::Str(Text::from(c));
    Duration: Value::Duration;
    SystemTime: Value::Time;
}

// 128-bit integers choose their variant in `value`, which alone can make the wide ones.
impl ToValue for i128 {
    #[inline]
    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn __plain(&self) -> bool {
        true
    }
}

impl ToValue for u128 {
    #[inline]
    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn __plain(&self) -> bool {
        true
    }
}

impl ToValue for Value {
    #[inline]
    fn to_value(&self) -> Value {
        self.clone()
    }

    fn __plain(&self) -> bool {
        true
    }
}

// === what is text ===

macro_rules! text {
    ($($type:ty),*) => {$(
        impl From<$type> for Value {
            fn from(text: $type) -> Self {
                Self::Str(text.into())
            }
        }
    )*};
}

text!(&str, String, &String, Cow<'_, str>, Box<str>, Text, &Text, fmt::Arguments<'_>);

macro_rules! to_text {
    ($($type:ty: |$this:ident| $text:expr;)*) => {$(
        impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Value {
                let $this = self;
                Value::from($text)
            }

            fn __plain(&self) -> bool {
                true
            }
        }
    )*};
}

to_text! {
    str: |text| text;
    String: |text| text;
    Text: |text| text;
    Cow<'_, str>: |text| &**text;
    Path: |path| path.to_string_lossy();
    PathBuf: |path| path.to_string_lossy();
    OsStr: |text| text.to_string_lossy();
    OsString: |text| text.to_string_lossy();
    IpAddr: |address| format_args!("{address}");
    Ipv4Addr: |address| format_args!("{address}");
    Ipv6Addr: |address| format_args!("{address}");
    SocketAddr: |address| format_args!("{address}");
    SocketAddrV4: |address| format_args!("{address}");
    SocketAddrV6: |address| format_args!("{address}");
    Kind: |kind| kind.as_str();
    EventId: |id| format_args!("{id}");
    Priority: |priority| format_args!("{priority}");
}

/// What is displayed may be users'.
impl ToValue for fmt::Arguments<'_> {
    #[inline]
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

// === what holds or points to another ===

macro_rules! pointer {
    ($($type:ty),*) => {$(
        impl<T: ToValue + ?Sized> ToValue for $type {
            #[inline]
            fn to_value(&self) -> Value {
                (**self).to_value()
            }

            fn __plain(&self) -> bool {
                (**self).__plain()
            }

            #[inline(always)]
            fn __give(&self, draft: &mut Draft) {
                (**self).__give(draft);
            }
        }
    )*};
}

pointer!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<T: ToValue> ToValue for Option<T> {
    #[inline]
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn __plain(&self) -> bool {
        self.as_ref().is_none_or(T::__plain)
    }
}

impl<T: ToValue> ToValue for [T] {
    #[inline]
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn __plain(&self) -> bool {
        self.iter().all(T::__plain)
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    #[inline]
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }

    fn __plain(&self) -> bool {
        self.as_slice().__plain()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    #[inline]
    fn to_value(&self) -> Value {
        self.as_slice().to_value()
    }

    fn __plain(&self) -> bool {
        self.as_slice().__plain()
    }
}

impl<K: AsRef<str>, V: ToValue> ToValue for BTreeMap<K, V> {
    #[inline]
    fn to_value(&self) -> Value {
        Value::Map(self.iter().map(member).collect())
    }
}

impl<K: AsRef<str>, V: ToValue, S> ToValue for HashMap<K, V, S> {
    #[inline]
    fn to_value(&self) -> Value {
        let mut members: Vec<_> = self.iter().map(member).collect();
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Value::Map(members.into())
    }
}

fn member<K: AsRef<str>, V: ToValue>((name, value): (&K, &V)) -> (Text, Value) {
    (name.as_ref().into(), value.to_value())
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

/// A list.
impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(T::into).collect())
    }
}

/// A map, in the order of the iterator.
impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn int(value: impl ToValue) -> i128 {
        value.to_value().as_i128().unwrap()
    }

    fn text(value: &(impl ToValue + ?Sized)) -> String {
        value.to_value().as_str().unwrap().to_owned()
    }

    #[test]
    fn integers_of_every_width_keep_their_number() {
        assert_eq!((int(i8::MIN), int(i16::MIN), int(i32::MIN)), (-128, -32_768, -2_147_483_648));
        assert_eq!((int(i64::MIN), int(isize::MIN)), (i64::MIN.into(), isize::MIN as i128));
        assert_eq!((int(u8::MAX), int(u16::MAX), int(u32::MAX)), (255, 65_535, 4_294_967_295));
        assert_eq!((int(u64::MAX), int(usize::MAX)), (u64::MAX.into(), usize::MAX as i128));
        assert_eq!((int(i128::MIN), u128::MAX.to_value()), (i128::MIN, Value::from(u128::MAX)));
        assert_eq!(int(NonZeroU128::MAX.get() >> 1), i128::MAX);
        assert_eq!((int(NonZeroI8::MIN), int(NonZeroUsize::MIN)), (-128, 1));
    }

    #[test]
    fn the_type_does_not_show() {
        assert_eq!(5_u32.to_value(), 5_i64.to_value());
        assert_eq!(5_u128.to_value(), Value::Int(5));
        assert_eq!(Value::from(1.5_f32), Value::Float(1.5));
    }

    #[test]
    fn texts_of_every_form() {
        for value in [text("a"), text(&String::from("a")), text(&Text::from("a")), text(&'a'), text(&Cow::from("a"))] {
            assert_eq!(value, "a");
        }
        assert_eq!(text(Path::new("/srv/app")), "/srv/app");
        assert_eq!(text(&PathBuf::from("/srv/app")), "/srv/app");
        assert_eq!((text(OsStr::new("x")), text(&OsString::from("x"))), ("x".into(), "x".into()));
        assert_eq!(text(&format_args!("{}-{}", 1, 2)), "1-2");
        assert_eq!(text(&IpAddr::from([127, 0, 0, 1])), "127.0.0.1");
        assert_eq!(text(&SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 80))), "[::1]:80");
        assert_eq!(text(&Kind::new("db.error").unwrap()), "db.error");
        assert_eq!(text(&Priority::High), "high");
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_is_no_unicode_is_mended() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(text(Path::new(OsStr::from_bytes(b"a\xff"))), "a\u{fffd}");
    }

    #[test]
    fn pointers_show_what_they_point_to() {
        let mut number = 7;
        let expected = Value::Int(7);
        assert_eq!((&&number).to_value(), expected);
        assert_eq!(<&mut i32>::to_value(&&mut number), expected);
        assert_eq!(Box::new(7).to_value(), expected);
        assert_eq!((Rc::new(7).to_value(), Arc::new(7).to_value()), (expected.clone(), expected));
        assert_eq!(text(&Arc::<str>::from("a")), "a");
        assert_eq!(Box::<[u8]>::from([1]).to_value(), Value::from([1]));
        let any: &dyn ToValue = &1;
        assert_eq!(any.to_value(), Value::Int(1));
    }

    #[test]
    fn collections_keep_their_order() {
        assert_eq!(vec![Some(1), None].to_value(), Value::from([Value::Int(1), Value::Null]));
        assert_eq!(Value::from(vec!["a"]), ["a"].to_value());
        assert_eq!(b"ab"[..].to_value(), Value::from([97, 98]));
        let expected: Value = [("a", 1), ("b", 2), ("c", 3)].into_iter().collect();
        let hash: HashMap<_, _> = [("c", 3), ("a", 1), ("b", 2)].into();
        assert_eq!(hash.to_value(), expected);
        assert_eq!(BTreeMap::from([(String::from("b"), 2), ("a".into(), 1), ("c".into(), 3)]).to_value(), expected);
        assert_eq!(((), None::<u8>).1.to_value(), ().to_value());
    }
}
