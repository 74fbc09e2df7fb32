//! `publish_event!` and its function form.
//!
//! The macro expands to a static (the call site), a test of one word, and, behind it, the building of the event in the
//! caller's own function: no closure, so `?`, `return`, `break` and `.await` in a field act on the caller. Arguments
//! are borrowed, and evaluated only while the bus is open.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bus::{Delivery, global};
use crate::event::{BuildError, Event, Kind, KindError, Text, ToValue};

/// Publishes an event on the global bus and returns it; the form for programs that have their fields as data.
///
/// The event is made and returned also when the bus is disabled. Call sites that know their fields use
/// [`publish_event!`](crate::publish_event!), which makes nothing then.
///
/// ```
/// use ringbus::{publish_event, Value};
///
/// let event = publish_event("terminal.command", "daemon", Some("/srv/app"), [("line", Value::from("ls")), ("exit", Value::from(0))])?;
/// assert_eq!(event.get("line"), Some(&Value::from("ls")));
/// assert!(publish_event("no spaces", "daemon", None, [("n", 1)]).is_err());
/// # Ok::<(), ringbus::BuildError>(())
/// ```
///
/// # Errors
/// [`BuildError`] if the kind is malformed or a field occurs twice; nothing is published then.
pub fn publish_event<K, N, V>(
    kind: K,
    source: &str,
    project_path: Option<&str>,
    payload: impl IntoIterator<Item = (N, V)>,
) -> Result<Event, BuildError>
where
    K: TryInto<Kind>,
    K::Error: Into<KindError>,
    N: Into<Text>,
    V: ToValue,
{
    let mut builder = Event::builder(kind).source(source);
    if let Some(path) = project_path {
        builder = builder.project_path(path);
    }
    let event = builder.fields(payload).build()?;
    let _: Delivery = global().publish(event.clone());
    Ok(event)
}

/// Publishes an event; a call site that costs next to nothing while the bus is off.
///
/// ```
/// use ringbus::{publish_event, Bus, Priority};
/// # let (path, err, state, n, bus) = ("main.rs", std::fmt::Error, [1, 2], 7, Bus::new());
/// // kind, metadata (`key: value`), then fields (`name = value`)
/// publish_event!("terminal.error", source: "daemon", project_path: "/srv/app",
///                error = "TypeError", file = path, line = 42, cause = %err, state = ?state);
/// publish_event!("job.done", correlation_id: format!("job-{n}"), priority: Priority::High, n);
/// publish_event!(kind: format!("thread.{n}.event"), source: "test", thread_id = n); // a kind told at run time
/// publish_event!(bus: &bus, "db.error", waited_ms = 12.5, "any text" = true, pool.size = 3); // another bus
/// ```
///
/// # Syntax
/// `publish_event!([bus: BUS,] KIND [, METADATA]* [, FIELD]*)`, in this order.
///
/// - `BUS`: a [`Bus`](crate::Bus), or whatever is `AsRef<Bus>`; the global one if left out.
/// - `KIND`: a constant `&str`, checked when compiling; or `kind: TEXT`, told at run time: a string or a
///   [`Kind`](crate::Kind). A malformed one gives [`Outcome::InvalidKind`](crate::Outcome::InvalidKind).
/// - `METADATA`: `source:`, `project_path:`, `correlation_id:` (strings, paths, options of those) and `priority:` (a
///   [`Priority`](crate::Priority)), each at most once.
/// - `FIELD`: `name = value` for whatever is [`ToValue`](crate::ToValue), `name = %value` for its `Display`,
///   `name = ?value` for its `Debug`; `name`, `%name`, `?name` for a variable of that name. Names may be dotted, or
///   any text in quotes.
///
/// # Value
/// A [`Delivery`](crate::Delivery). Arguments are borrowed, as by `println!`. They are evaluated in the order written,
/// and not at all while the bus is off; `?`, `return`, `break` and `.await` in them act on the caller.
///
/// # Cost
/// Off: one relaxed load and a predicted branch on the global bus.
///
/// # Panics
/// Only if an argument's own evaluation, `Display` or `Debug` does; nothing is published then.
#[macro_export]
macro_rules! publish_event {
    () => {
        $crate::__private::compile_error!(
            "publish_event! wants a kind: publish_event!(\"terminal.error\", field = value)"
        )
    };
    (bus: $bus:expr) => {
        $crate::__private::compile_error!("publish_event! wants a kind after the bus")
    };
    (bus: $bus:expr, $($rest:tt)+) => { $crate::__publish_event!(@kind [own $bus] $($rest)+) };
    ($($rest:tt)+) => { $crate::__publish_event!(@kind [global] $($rest)+) };
}

/// The steps of `publish_event!`: kind, metadata, fields, expansion.
#[doc(hidden)]
#[macro_export]
macro_rules! __publish_event {
    // === the kind ===
    (@kind $bus:tt kind: $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus [dynamic $kind] {[] [] [] []} $($($rest)*)?)
    };
    (@kind $bus:tt bus: $($rest:tt)*) => {
        $crate::__private::compile_error!("`bus:` comes first, and once: publish_event!(bus: &bus, \"kind\", ...)")
    };
    (@kind $bus:tt $key:ident : $($rest:tt)*) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "the kind comes before `", $crate::__private::stringify!($key),
            ":`: publish_event!(\"terminal.error\", ", $crate::__private::stringify!($key), ": ...)"
        ))
    };
    (@kind $bus:tt $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus [constant $kind] {[] [] [] []} $($($rest)*)?)
    };

    // === metadata: {[source] [project_path] [correlation_id] [priority]} ===
    (@meta $bus:tt $kind:tt {[] $p:tt $c:tt $i:tt} source: $value:literal $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {[literal $value] $p $c $i} $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {[] $p:tt $c:tt $i:tt} source: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {[text $value] $p $c $i} $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt [] $c:tt $i:tt} project_path: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s [text $value] $c $i} $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt [] $i:tt} correlation_id: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s $p [text $value] $i} $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt $c:tt []} priority: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s $p $c [plain $value]} $($($rest)*)?)
    };
    // A known key again: its place is taken.
    (@meta $bus:tt $kind:tt $meta:tt source: $($rest:tt)*) => { $crate::__publish_event!(@again source) };
    (@meta $bus:tt $kind:tt $meta:tt project_path: $($rest:tt)*) => { $crate::__publish_event!(@again project_path) };
    (@meta $bus:tt $kind:tt $meta:tt correlation_id: $($rest:tt)*) => { $crate::__publish_event!(@again correlation_id) };
    (@meta $bus:tt $kind:tt $meta:tt priority: $($rest:tt)*) => { $crate::__publish_event!(@again priority) };
    (@again $key:ident) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "`", $crate::__private::stringify!($key), ":` is given twice"
        ))
    };
    (@meta $bus:tt $kind:tt $meta:tt $($rest:tt)*) => {
        $crate::__publish_event!(@field $bus $kind $meta () $($rest)*)
    };

    // === fields: ([conversion (name) value]*) ===
    // The mistakes that people make, in words.
    (@field $bus:tt $kind:tt $meta:tt $done:tt source = $($rest:tt)*) => { $crate::__publish_event!(@not_a_field source) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt project_path = $($rest:tt)*) => { $crate::__publish_event!(@not_a_field project_path) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt correlation_id = $($rest:tt)*) => { $crate::__publish_event!(@not_a_field correlation_id) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt priority = $($rest:tt)*) => { $crate::__publish_event!(@not_a_field priority) };
    (@not_a_field $key:ident) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "`", $crate::__private::stringify!($key), "` is metadata: write `", $crate::__private::stringify!($key),
            ": value` before the fields (a field of that name is written `\"", $crate::__private::stringify!($key),
            "\" = value`)"
        ))
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt source: $($rest:tt)*) => { $crate::__publish_event!(@late source) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt project_path: $($rest:tt)*) => { $crate::__publish_event!(@late project_path) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt correlation_id: $($rest:tt)*) => { $crate::__publish_event!(@late correlation_id) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt priority: $($rest:tt)*) => { $crate::__publish_event!(@late priority) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt bus: $($rest:tt)*) => {
        $crate::__private::compile_error!("`bus:` comes first: publish_event!(bus: &bus, \"kind\", ...)")
    };
    (@late $key:ident) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "`", $crate::__private::stringify!($key), ":` is metadata and comes before the fields"
        ))
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt $key:ident : $($rest:tt)*) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "`", $crate::__private::stringify!($key), ":` is no metadata key; those are source, project_path, ",
            "correlation_id and priority. A field is written `", $crate::__private::stringify!($key), " = value`"
        ))
    };
    // The fields themselves.
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = % $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [display ($name) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = ? $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [debug ($name) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [value ($name) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = % $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [display ($crate::__publish_event!(@dotted $($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = ? $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [debug ($crate::__publish_event!(@dotted $($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [value ($crate::__publish_event!(@dotted $($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) % $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [display ($crate::__publish_event!(@dotted $($name).+)) $($name).+]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) ? $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [debug ($crate::__publish_event!(@dotted $($name).+)) $($name).+]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [value ($crate::__publish_event!(@dotted $($name).+)) $($name).+]) $($($rest)*)?)
    };
    // `stringify!` alone would put spaces around the dots.
    (@dotted $first:ident $(. $more:ident)*) => {
        $crate::__private::concat!($crate::__private::stringify!($first) $(, ".", $crate::__private::stringify!($more))*)
    };

    // === all read: expand ===
    (@field [global] $kind:tt $meta:tt ($($field:tt)*)) => {
        if $crate::__private::global_is_open() {
            match $crate::__private::global_of_call_site() {
                $crate::__private::Some(bus) => $crate::__publish_event!(@publish bus $kind $meta $($field)*),
                $crate::__private::None => $crate::__private::refused(),
            }
        } else {
            $crate::__private::off()
        }
    };
    (@field [own $bus:expr] $kind:tt $meta:tt ($($field:tt)*)) => {
        match $crate::__private::as_bus(&$bus) { bus => {
            if bus.is_open() {
                $crate::__publish_event!(@publish bus $kind $meta $($field)*)
            } else {
                $crate::__private::off()
            }
        } }
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt $($rest:tt)+) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "cannot read this part of publish_event!: `", $crate::__private::stringify!($($rest)+),
            "`; a field is `name = value`, `name = %value`, `name = ?value`, `name`, `%name` or `?name`"
        ))
    };
    (@publish $bus:ident $kind:tt {$source:tt $path:tt $correlation:tt $priority:tt}
        $([$how:ident ($name:expr) $value:expr])*) => {{
        // Items are not hygienic: this one must be out of sight where the caller's expressions stand.
        let site = {
            // The compiler shows this name where the kind is none.
            #[allow(non_upper_case_globals)]
            const A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE: &$crate::__private::str =
                $crate::__publish_event!(@constant $kind);
            static __RINGBUS_CALLSITE: $crate::__private::Callsite = $crate::__private::Callsite::new(
                $crate::__private::checked_kind(A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE),
                $crate::__private::CallSite::new(
                    $crate::__private::file!(),
                    $crate::__private::line!(),
                    $crate::__private::module_path!(),
                    $crate::__private::distinct(&[$($name),*]),
                ),
            );
            &__RINGBUS_CALLSITE
        };
        match $crate::__publish_event!(@draft site $kind) {
            $crate::__private::Ok(mut draft) => {
                $crate::__publish_event!(@set draft set_source $source);
                $crate::__publish_event!(@set draft set_project_path $path);
                $crate::__publish_event!(@set draft set_correlation_id $correlation);
                $crate::__publish_event!(@set draft set_priority $priority);
                $(
                    draft.$how(&$value);
                )*
                $bus.publish_draft(draft)
            }
            $crate::__private::Err(refused) => $bus.refuse(refused),
        }
    }};
    (@constant [constant $kind:expr]) => { $kind };
    (@constant [dynamic $kind:expr]) => { "told.at.run.time" };
    (@draft $site:ident [constant $kind:expr]) => { $site.draft() };
    (@draft $site:ident [dynamic $kind:expr]) => { $site.draft_of($crate::__private::kind(&$kind)) };
    (@set $draft:ident $setter:ident []) => {};
    (@set $draft:ident $setter:ident [literal $value:expr]) => { $draft.set_source_static($value); };
    (@set $draft:ident $setter:ident [text $value:expr]) => {
        if let $crate::__private::Some(text) = $crate::__private::text(&$value) {
            $draft.$setter(text);
        }
    };
    (@set $draft:ident $setter:ident [plain $value:expr]) => { $draft.$setter($value); };
}

// === what the expansion calls ===

/// A text that metadata or a kind can be made of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no text for an event's metadata or kind",
    label = "not a text",
    note = "give a string, a path, an `Option` of one, or a `Text`; a kind can also be a `Kind`"
)]
#[doc(hidden)]
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
                Some($text)
            }
        })*
    };
}

texts! {
    str: |text| Text::from(text);
    String: |text| Text::from(text.as_str());
    Text: |text| text.clone();
    Box<str>: |text| Text::from(&**text);
    Arc<str>: |text| Text::from(&**text);
    Cow<'_, str>: |text| Text::from(&**text);
    Path: |path| Text::from(path.to_string_lossy());
    PathBuf: |path| Text::from(path.to_string_lossy());
}

impl<T: ToText + ?Sized> ToText for &T {
    #[inline]
    fn to_text(&self) -> Option<Text> {
        (**self).to_text()
    }
}

impl<T: ToText> ToText for Option<T> {
    #[inline]
    fn to_text(&self) -> Option<Text> {
        self.as_ref().and_then(ToText::to_text)
    }
}

/// What `publish_event!` expands to; no public interface.
#[doc(hidden)]
pub mod private {
    pub use core::option::Option::{None, Some};
    pub use core::primitive::str;
    pub use core::result::Result::{Err, Ok};
    pub use core::{compile_error, concat, file, line, module_path, stringify};

    pub use crate::bus::{global_is_open, global_of_call_site};
    pub use crate::callsite::Callsite;
    pub use crate::event::{CallSite, checked_kind};

    use super::ToText;
    use crate::bus::{Bus, Delivery, Outcome};
    use crate::event::{Kind, KindError, Text};

    /// The bus in an argument.
    #[inline(always)]
    pub fn as_bus<B: AsRef<Bus> + ?Sized>(bus: &B) -> &Bus {
        bus.as_ref()
    }

    /// The answer of a call site that is off.
    #[inline(always)]
    #[must_use]
    pub fn off() -> Delivery {
        Delivery::none(Outcome::Disabled)
    }

    /// The answer of a call site that publishes from inside the making of the global bus.
    #[cold]
    #[must_use]
    pub fn refused() -> Delivery {
        Delivery::none(Outcome::Refused)
    }

    /// A metadata text.
    #[inline]
    pub fn text<T: ToText + ?Sized>(text: &T) -> Option<Text> {
        text.to_text()
    }

    /// A kind told at run time.
    pub fn kind<K: ToKind + ?Sized>(kind: &K) -> Result<Kind, KindError> {
        kind.to_kind()
    }

    /// What a kind can be made of at run time.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is no event kind",
        label = "not a kind",
        note = "give a string or a `Kind`"
    )]
    pub trait ToKind {
        /// The kind, checked.
        fn to_kind(&self) -> Result<Kind, KindError>;
    }

    impl ToKind for Kind {
        fn to_kind(&self) -> Result<Kind, KindError> {
            Ok(self.clone())
        }
    }

    impl<T: ToKind + ?Sized> ToKind for &T {
        fn to_kind(&self) -> Result<Kind, KindError> {
            (**self).to_kind()
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

    kinds!(str, String, Text, Box<str>, std::sync::Arc<str>, std::borrow::Cow<'_, str>);

    /// The names of a call site's fields, of which no two are alike: checked when compiling.
    ///
    /// # Panics
    /// When compiling, if two are alike or there are too many.
    #[must_use]
    pub const fn distinct<const N: usize>(names: &'static [&'static str; N]) -> &'static [&'static str] {
        let mut at = 0;
        while at < N {
            let mut before = 0;
            while before < at {
                assert!(!same(names[before], names[at]), "a field name is given twice in this publish_event!");
                before += 1;
            }
            at += 1;
        }
        names
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
}
