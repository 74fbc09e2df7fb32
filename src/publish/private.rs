//! What `publish_event!` and `#[derive(Payload)]` expand to; no public interface.
//!
//! # Cost
//! Everything here but the test of the bus is a call, not a copy at each call site: what does not depend on a type is
//! compiled once, in this crate, the rest once for each type. So a call site of three fields takes 240 bytes of code,
//! not 900, and a release build of a thousand of them a third of the time, for some 3 % of a publish.

pub use core::default::Default;
pub use core::marker::{Send, Sync};
pub use core::option::Option::{self, None, Some};
pub use core::primitive::{bool, str};
pub use core::result::Result::{self, Err, Ok};
pub use core::{compile_error, concat, file, line, module_path, stringify};

pub use crate::bus::{global_is_open, publish_draft as publish};
pub use crate::callsite::Callsite;
pub use crate::event::{CallSite, checked_kind};

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::bus::{Bus, Delivery, Outcome, with_bus_of_call_site};
use crate::callsite::Refused;
use crate::dispatch::BoxError;
use crate::event::{Draft, EventId, Kind, KindError, Priority, Text, ToValue};

// === the way of a call site ===

/// The bus in an argument.
#[inline(always)]
pub fn as_bus<B: IsBus + ?Sized>(bus: &B) -> &Bus {
    bus.bus()
}

/// What a bus can be given as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no bus",
    label = "not a bus",
    note = "give a `ringbus::Bus`, a reference or an `Arc` of one, or what is `AsRef<ringbus::Bus>`"
)]
pub trait IsBus {
    /// The bus.
    fn bus(&self) -> &Bus;
}

#[diagnostic::do_not_recommend]
impl<B: AsRef<Bus> + ?Sized> IsBus for B {
    #[inline(always)]
    fn bus(&self) -> &Bus {
        self.as_ref()
    }
}

/// The answer of a call site that is off.
#[inline(always)]
#[must_use]
pub fn off() -> Delivery {
    Delivery::none(Outcome::Disabled)
}

/// Begins the event of a call site, unless the thread is in the middle of the bus's own work.
#[inline(never)]
#[must_use]
pub fn begin(site: &'static Callsite) -> Option<Draft> {
    site.draft().ok()
}

/// Begins an event of a kind told at run time.
///
/// # Errors
/// Says why there is none.
pub fn begin_of(site: &'static Callsite, kind: Result<Kind, KindError>) -> Result<Draft, Refused> {
    site.draft_of(kind)
}

/// The answer where there is no event. There may be no bus: an allocator publishes from inside the global one's making.
#[cold]
pub fn refuse(bus: Option<&Bus>, why: Refused) -> Delivery {
    with_bus_of_call_site(bus, |bus| bus.refuse(why)).unwrap_or_else(|| Delivery::none(Outcome::Refused))
}

/// The same, where the thread is in the middle of the bus's own work.
#[cold]
#[must_use]
pub fn refuse_inside(bus: Option<&Bus>) -> Delivery {
    refuse(bus, Refused::InsideBus)
}

/// The names of a call site's fields, of which no two are alike: checked when compiling.
///
/// # Panics
/// When compiling, if two are alike.
#[must_use]
pub const fn distinct(names: &'static [&'static str]) -> &'static [&'static str] {
    let mut at = 0;
    while at < names.len() {
        let mut before = 0;
        while before < at {
            assert!(!same(names[before], names[at]), "a field name is given twice in this publish_event!");
            before += 1;
        }
        at += 1;
    }
    names
}

/// An identifier without the mark of a raw one: `type` for `r#type`.
#[must_use]
pub const fn plain(name: &'static str) -> &'static str {
    if let [b'r', b'#', rest @ ..] = name.as_bytes() {
        if let Ok(rest) = core::str::from_utf8(rest) {
            return rest;
        }
    }
    name
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

// === derived payloads ===

/// What a payload's function for `validate` answers.
///
/// # Errors
/// The function's.
pub fn validated<E: Into<BoxError>>(answer: Result<(), E>) -> Result<(), BoxError> {
    answer.map_err(E::into)
}

// === fields ===

/// Gives the draft the value of its next field.
#[inline(always)]
pub fn value<V: ToValue + ?Sized>(draft: &mut Draft, value: &V) {
    value.__give(draft);
}

/// The same, as its `Display`.
#[inline(never)]
pub fn display<V: fmt::Display + ?Sized>(draft: &mut Draft, value: &V) {
    draft.display(value);
}

/// The same, as its `Debug`.
#[inline(never)]
pub fn debug<V: fmt::Debug + ?Sized>(draft: &mut Draft, value: &V) {
    draft.debug(value);
}

// === metadata ===

/// Sets the source, if there is one.
#[inline(never)]
pub fn source<T: ToText + ?Sized>(draft: &mut Draft, text: &T) {
    if let Some(text) = text.to_text() {
        draft.set_source(text);
    }
}

/// Sets the source, without a copy.
#[inline(always)]
pub fn source_literal<T: Literal>(draft: &mut Draft, text: &T) {
    draft.set_source_static(text.text());
}

/// Sets the project path, if there is one.
#[inline(never)]
pub fn project_path<T: ToText + ?Sized>(draft: &mut Draft, text: &T) {
    if let Some(text) = text.to_text() {
        draft.set_project_path(text);
    }
}

/// Sets the correlation id, if there is one.
#[inline(never)]
pub fn correlation_id<T: ToText + ?Sized>(draft: &mut Draft, text: &T) {
    if let Some(text) = text.to_text() {
        draft.set_correlation_id(text);
    }
}

/// Sets the priority, if there is one.
#[inline]
pub fn priority<T: ToPriority + ?Sized>(draft: &mut Draft, priority: &T) {
    if let Some(priority) = priority.to_priority() {
        draft.set_priority(priority);
    }
}

/// A text that metadata can be made of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no text for an event's metadata",
    label = "not a text",
    note = "give a string, a path, an `EventId`, a `Text`, or an `Option` of one"
)]
pub trait ToText {
    /// The text, if there is one.
    fn to_text(&self) -> Option<Text>;
}

macro_rules! texts {
    ($($type:ty: |$this:ident| $text:expr;)*) => {
        $(impl ToText for $type {
            #[inline]
            fn to_text(&self) -> Option<Text> {
                let $this = self;
                Some(Text::from($text))
            }
        })*
    };
}

texts! {
    str: |text| text;
    String: |text| text.as_str();
    Text: |text| text;
    Path: |path| path.to_string_lossy();
    PathBuf: |path| path.to_string_lossy();
    fmt::Arguments<'_>: |arguments| *arguments;
    EventId: |id| format_args!("{id}");
}

impl<T: ToText> ToText for Option<T> {
    #[inline]
    fn to_text(&self) -> Option<Text> {
        self.as_ref().and_then(ToText::to_text)
    }
}

/// A literal that a source can be.
#[diagnostic::on_unimplemented(message = "`{Self}` is no text for an event's metadata", label = "not a text")]
pub trait Literal {
    /// The text.
    fn text(&self) -> &'static str;
}

impl Literal for &'static str {
    #[inline]
    fn text(&self) -> &'static str {
        self
    }
}

/// What a priority can be made of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no priority",
    label = "not a priority",
    note = "give a `ringbus::Priority`, or an `Option` of one"
)]
pub trait ToPriority {
    /// The priority, if there is one.
    fn to_priority(&self) -> Option<Priority>;
}

impl ToPriority for Priority {
    #[inline]
    fn to_priority(&self) -> Option<Priority> {
        Some(*self)
    }
}

impl<T: ToPriority> ToPriority for Option<T> {
    #[inline]
    fn to_priority(&self) -> Option<Priority> {
        self.as_ref().and_then(ToPriority::to_priority)
    }
}

// === kinds told at run time ===

/// A kind told at run time.
///
/// # Errors
/// Says what is wrong with it.
pub fn kind<K: ToKind + ?Sized>(kind: &K) -> Result<Kind, KindError> {
    kind.to_kind()
}

/// What a kind can be made of at run time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event kind",
    label = "not a kind",
    note = "give a string or a `ringbus::Kind`"
)]
pub trait ToKind {
    /// The kind, checked.
    ///
    /// # Errors
    /// Says what is wrong with it.
    fn to_kind(&self) -> Result<Kind, KindError>;
}

impl ToKind for Kind {
    fn to_kind(&self) -> Result<Kind, KindError> {
        Ok(self.clone())
    }
}

impl ToKind for fmt::Arguments<'_> {
    fn to_kind(&self) -> Result<Kind, KindError> {
        Kind::new(Text::from(*self))
    }
}

macro_rules! kinds {
    ($($type:ty),*) => {
        $(impl ToKind for $type {
            fn to_kind(&self) -> Result<Kind, KindError> {
                Kind::new(self)
            }
        })*
    };
}

kinds!(str, String, Text);

// === what points to another ===

macro_rules! pointers {
    ($($type:ty),*) => {$(
        impl<T: ToText + ?Sized> ToText for $type {
            #[inline]
            fn to_text(&self) -> Option<Text> {
                (**self).to_text()
            }
        }

        impl<T: ToKind + ?Sized> ToKind for $type {
            fn to_kind(&self) -> Result<Kind, KindError> {
                (**self).to_kind()
            }
        }
    )*};
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<T: ToPriority + ?Sized> ToPriority for &T {
    #[inline]
    fn to_priority(&self) -> Option<Priority> {
        (**self).to_priority()
    }
}

impl<T: ToText + ToOwned<Owned: Borrow<T>> + ?Sized> ToText for Cow<'_, T> {
    #[inline]
    fn to_text(&self) -> Option<Text> {
        (**self).to_text()
    }
}

impl<T: ToKind + ToOwned<Owned: Borrow<T>> + ?Sized> ToKind for Cow<'_, T> {
    fn to_kind(&self) -> Result<Kind, KindError> {
        (**self).to_kind()
    }
}
