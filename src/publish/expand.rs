//! [`publish_event!`](crate::publish_event!) itself.
//!
//! 1. The commonest form, a kind and `name = value`s, is read in one step; all others piece by piece, metadata and
//!    fields gathered in the order written.
//! 2. The call site's static is made of names and kind, which the compiler checks.
//! 3. The event is made in the caller's own function, field by field: no closure, so `?`, `return`, `break` and
//!    `.await` in a field act on the caller; each field's temporaries end with it.
//!
//! # Names
//! The macro's own variables carry its name: a variable's name in a pattern would mean the caller's constant or static
//! of that name. Items are not hygienic at all, so the static stands in a block that holds nothing of the caller's
//! but the kind.

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
/// - `BUS`: a [`Bus`](crate::Bus), or whatever is `AsRef<Bus>`; the one that this thread means if left out: the global one, unless
///   [`with_default`](crate::with_default) has put another in its place.
/// - `KIND`: a constant `&str`, checked when compiling; or `kind: TEXT`, told at run time (also where it is a constant
///   of a type parameter): a string or a [`Kind`](crate::Kind). A malformed one gives
///   [`Outcome::InvalidKind`](crate::Outcome::InvalidKind), and the rest is not evaluated.
/// - `METADATA`: `source:`, `project_path:`, `correlation_id:` (strings, paths, ids of events, options of those) and
///   `priority:` (a [`Priority`](crate::Priority), or an option of one), each at most once, in any order.
/// - `FIELD`: `name = value` for whatever is [`ToValue`](crate::ToValue), `name = %value` for its `Display`,
///   `name = ?value` for its `Debug`; `name`, `%name`, `?name` for a variable of that name. Names may be dotted (then
///   the short forms mean a member), or any text in quotes. About a hundred fit before the compiler's
///   `recursion_limit`; of plain `name = value`s any number.
///
/// # Value
/// A [`Delivery`](crate::Delivery). Arguments are borrowed, as by `println!`. They are evaluated in the order written,
/// and not at all while the bus is off (the `bus:` expression is evaluated in any case); `?`, `return`, `break` and `.await`
/// in them act on the caller, and nothing is published then.
///
/// # Cost
/// Off: one relaxed load and a predicted branch on the global bus.
///
/// # Panics
/// If an argument's own evaluation, `Display` or `Debug` does; nothing is published then. And if a handler does that was
/// subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
#[macro_export]
macro_rules! publish_event {
    ($kind:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::__publish_event!(@expand [global] [constant $kind] []
            $([value ($crate::__field_name!($name)) $value])*)
    };
    (bus: $bus:expr, $kind:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::__publish_event!(@expand [own $bus] [constant $kind] []
            $([value ($crate::__field_name!($name)) $value])*)
    };
    (bus: $bus:expr, $($rest:tt)+) => { $crate::__publish_event!(@kind [own $bus] $($rest)+) };
    (bus: $bus:expr $(,)?) => { $crate::__publish_event!(@kind [own $bus]) };
    ($($rest:tt)*) => { $crate::__publish_event!(@kind [global] $($rest)*) };
}

/// The steps of `publish_event!`: kind, metadata, fields, expansion.
#[doc(hidden)]
#[macro_export]
macro_rules! __publish_event {
    // === the kind ===
    (@kind $bus:tt $kind:literal $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus [constant $kind] {_ _ _ _} [] $($($rest)*)?)
    };
    (@kind $bus:tt kind: $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus [dynamic $kind] {_ _ _ _} [] $($($rest)*)?)
    };
    (@kind $bus:tt bus: $($rest:tt)*) => { $crate::__publish_event!(@no "`bus:` comes first, and once") };
    (@kind $bus:tt $key:ident: $($rest:tt)*) => {
        $crate::__publish_event!(@no "the kind comes before `", $crate::__private::stringify!($key), ":`")
    };
    (@kind $bus:tt $($name:ident).+ = $($rest:tt)*) => {
        $crate::__publish_event!(@no "the kind comes before the fields")
    };
    (@kind $bus:tt $name:literal = $($rest:tt)*) => {
        $crate::__publish_event!(@no "the kind comes before the fields")
    };
    (@kind $bus:tt $kind:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus [named $kind] {_ _ _ _} [] $($($rest)*)?)
    };
    (@kind $bus:tt) => { $crate::__publish_event!(@no "there is no kind") };
    (@kind $bus:tt $($rest:tt)+) => {
        $crate::__publish_event!(@no "this is no kind: `", $crate::__private::stringify!($($rest)+), "`")
    };

    // === metadata: {which are taken} [(how value)*] ===
    (@meta $bus:tt $kind:tt {_ $p:tt $c:tt $i:tt} [$($done:tt)*] source: $value:literal $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {+ $p $c $i} [$($done)* (source_literal $value)] $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {_ $p:tt $c:tt $i:tt} [$($done:tt)*] source: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {+ $p $c $i} [$($done)* (source $value)] $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt _ $c:tt $i:tt} [$($done:tt)*] project_path: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s + $c $i} [$($done)* (project_path $value)] $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt _ $i:tt} [$($done:tt)*] correlation_id: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s $p + $i} [$($done)* (correlation_id $value)] $($($rest)*)?)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt $c:tt _} [$($done:tt)*] priority: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@meta $bus $kind {$s $p $c +} [$($done)* (priority $value)] $($($rest)*)?)
    };
    // Often all that is left is plain.
    (@meta $bus:tt $kind:tt $taken:tt $meta:tt $($name:ident = $value:expr),* $(,)?) => {
        $crate::__publish_event!(@expand $bus $kind $meta $([value ($crate::__field_name!($name)) $value])*)
    };
    // A known key whose place is taken, or without a value that can be read.
    (@meta $bus:tt $kind:tt {+ $($t:tt)*} $meta:tt source: $($rest:tt)*) => { $crate::__publish_event!(@twice source) };
    (@meta $bus:tt $kind:tt {$s:tt + $($t:tt)*} $meta:tt project_path: $($rest:tt)*) => {
        $crate::__publish_event!(@twice project_path)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt + $i:tt} $meta:tt correlation_id: $($rest:tt)*) => {
        $crate::__publish_event!(@twice correlation_id)
    };
    (@meta $bus:tt $kind:tt {$s:tt $p:tt $c:tt +} $meta:tt priority: $($rest:tt)*) => {
        $crate::__publish_event!(@twice priority)
    };
    (@meta $bus:tt $kind:tt $taken:tt $meta:tt $($rest:tt)*) => {
        $crate::__publish_event!(@field $bus $kind $meta () $($rest)*)
    };

    // === fields: ([how (name) value]*) ===
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*)) => {
        $crate::__publish_event!(@expand $bus $kind $meta $($done)*)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [value ($crate::__field_name!($($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = % $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [display ($crate::__field_name!($($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ = ? $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [debug ($crate::__field_name!($($name).+)) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [value ($crate::__field_name!($($name).+)) $($name).+]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) % $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [display ($crate::__field_name!($($name).+)) $($name).+]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) ? $($name:ident).+ $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta
            ($($done)* [debug ($crate::__field_name!($($name).+)) $($name).+]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [value ($name) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = % $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [display ($name) $value]) $($($rest)*)?)
    };
    (@field $bus:tt $kind:tt $meta:tt ($($done:tt)*) $name:literal = ? $value:expr $(, $($rest:tt)*)?) => {
        $crate::__publish_event!(@field $bus $kind $meta ($($done)* [debug ($name) $value]) $($($rest)*)?)
    };
    // The mistakes that people make, in words.
    (@field $bus:tt $kind:tt $meta:tt $done:tt source: $($rest:tt)*) => { $crate::__publish_event!(@late source) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt project_path: $($rest:tt)*) => {
        $crate::__publish_event!(@late project_path)
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt correlation_id: $($rest:tt)*) => {
        $crate::__publish_event!(@late correlation_id)
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt priority: $($rest:tt)*) => { $crate::__publish_event!(@late priority) };
    (@field $bus:tt $kind:tt $meta:tt $done:tt bus: $($rest:tt)*) => {
        $crate::__publish_event!(@no "`bus:` comes first, and once")
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt kind: $($rest:tt)*) => {
        $crate::__publish_event!(@no "the kind comes before all else, and once")
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt $key:ident : $($rest:tt)*) => {
        $crate::__publish_event!(@no "`", $crate::__private::stringify!($key), ":` is no metadata key; those are \
            source, project_path, correlation_id and priority. A field is written `",
            $crate::__private::stringify!($key), " = value`")
    };
    (@field $bus:tt $kind:tt $meta:tt $done:tt $($rest:tt)+) => {
        $crate::__publish_event!(@no "this is no field: `", $crate::__private::stringify!($($rest)+), "`; a field is \
            `name = value`, `name = %value` or `name = ?value`, or for a variable `name`, `%name` or `?name`")
    };
    (@twice $key:ident) => {
        $crate::__publish_event!(@no "`", $crate::__private::stringify!($key), ":` is given twice")
    };
    (@late $key:ident) => {
        $crate::__publish_event!(@no
            "`", $crate::__private::stringify!($key), ":` is metadata and comes before the fields")
    };
    (@no $($words:expr),+) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            $($words,)+ "\npublish_event!([bus: &bus,] \"its.kind\" [, source: value] ... [, field = value] ...)"
        ))
    };

    // === all read ===
    (@expand [global] $($rest:tt)*) => {
        if $crate::__private::global_is_open() {
            $crate::__publish_event!(@publish ($crate::__private::None) $($rest)*)
        } else {
            $crate::__private::off()
        }
    };
    (@expand [own $bus:expr] $($rest:tt)*) => {
        match $crate::__private::as_bus(&$bus) { ringbus_bus => {
            if ringbus_bus.is_open() {
                $crate::__publish_event!(@publish ($crate::__private::Some(ringbus_bus)) $($rest)*)
            } else {
                $crate::__private::off()
            }
        } }
    };
    (@publish ($bus:expr) [dynamic $kind:expr] $meta:tt $([$how:ident ($name:expr) $value:expr])*) => {{
        let ringbus_begun = $crate::__private::begin_of(
            $crate::__publish_event!(@site constant "told.at.run.time" $(($name))*),
            $crate::__private::kind(&$kind),
        );
        match ringbus_begun {
            $crate::__private::Ok(mut ringbus_draft) => {
                $crate::__publish_event!(@fill ($bus) ringbus_draft $meta $([$how $value])*)
            }
            $crate::__private::Err(ringbus_refused) => $crate::__private::refuse($bus, ringbus_refused),
        }
    }};
    (@publish ($bus:expr) [$how_kind:ident $kind:expr] $meta:tt $([$how:ident ($name:expr) $value:expr])*) => {
        match $crate::__private::begin($crate::__publish_event!(@site $how_kind $kind $(($name))*)) {
            $crate::__private::Some(mut ringbus_draft) => {
                $crate::__publish_event!(@fill ($bus) ringbus_draft $meta $([$how $value])*)
            }
            $crate::__private::None => $crate::__private::refuse_inside($bus),
        }
    };
    (@site constant $kind:tt $(($name:expr))*) => {{
        static __RINGBUS_CALLSITE: $crate::__private::Callsite = $crate::__private::Callsite::new(
            $crate::__private::checked_kind($kind),
            $crate::__private::CallSite::new(
                $crate::__private::file!(),
                $crate::__private::line!(),
                $crate::__private::module_path!(),
                $crate::__private::distinct(&[$($name),*]),
            ),
        );
        &__RINGBUS_CALLSITE
    }};
    (@site named $kind:tt $($names:tt)*) => {{
        // The compiler shows this name where the kind is no constant.
        #[allow(non_upper_case_globals)]
        const A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE: &$crate::__private::str = $kind;
        $crate::__publish_event!(@site constant A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE $($names)*)
    }};
    (@fill ($bus:expr) $draft:ident [$(($set:ident $meta:expr))*] $([$how:ident $value:expr])*) => {{
        $($crate::__private::$set(&mut $draft, &$meta);)*
        $($crate::__private::$how(&mut $draft, &$value);)*
        $crate::__private::publish($bus, $draft)
    }};
}

/// The name of a field; metadata's are refused.
#[doc(hidden)]
#[macro_export]
macro_rules! __field_name {
    (source) => { $crate::__field_name!(@metadata "source") };
    (project_path) => { $crate::__field_name!(@metadata "project_path") };
    (correlation_id) => { $crate::__field_name!(@metadata "correlation_id") };
    (priority) => { $crate::__field_name!(@metadata "priority") };
    ($name:ident) => { $crate::__private::plain($crate::__private::stringify!($name)) };
    // `stringify!` alone would put spaces around the dots.
    ($first:ident $(. $more:ident)+) => {
        $crate::__private::concat!(
            $crate::__private::stringify!($first) $(, ".", $crate::__private::stringify!($more))+
        )
    };
    (@metadata $key:literal) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            "`", $key, "` is metadata: write `", $key, ": value` before the fields (a field of that name is written \
            `\"", $key, "\" = value`)"
        ))
    };
}
