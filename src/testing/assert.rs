//! [`assert_events!`](crate::assert_events!) itself.
//!
//! 1. The commonest form, a list whose patterns are literals, is read in one step; any other entry by entry.
//! 2. Each entry becomes an expectation, its fields added one by one: no closure and no variable, so `?` in a value
//!    acts on the caller, and nothing can clash with the caller's names.
//! 3. A function compares, and panics at the line of the caller.

/// Asserts which events came, in order, by their kinds and some of their fields; panics with the difference.
///
/// ```
/// use ringbus::{Bus, assert_events, publish_event};
///
/// let bus = Bus::new();
/// let errors = bus.capture("**.error")?;
/// publish_event!(bus: &bus, "db.open");
/// publish_event!(bus: &bus, "db.error", code = 7, text = "no route");
///
/// assert_events!(bus, ["db.open", "db.*"]); // its whole history, oldest first
/// assert_events!(errors, ["db.error" {code = 7, text = "no route"}]);
/// assert_events!(bus.recent(1), ["**"], "of {} events the newest", bus.recent(9).len());
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// A failure shows what is missing, what was not expected, and which fields are wrong. If the bus above had been expected
/// to show `["db.open", "db.error" {code = 8}, "db.close"]`:
///
/// ```text
/// assertion `assert_events!` failed
/// 3 events expected, 2 came (- missing, + not expected):
///   db.open
/// - db.error {code = 8}
/// + db.error code=7 text="no route"  (tests/db.rs:12)
///       code is 7, expected 8
/// - db.close
/// ```
///
/// # Syntax
/// `assert_events!(SOURCE, [ENTRY, ...] [, MESSAGE, ARGUMENTS...])`
///
/// - `SOURCE`: an [`EventSource`](crate::testing::EventSource): a [`Bus`](crate::Bus), a
///   [`Capture`](crate::testing::Capture), or a list of events; it is borrowed.
/// - `ENTRY`: `PATTERN` or `PATTERN {FIELD, ...}`. The pattern is a text, a constant or, in parentheses where fields
///   follow it, any expression that [selects](crate::IntoSelector) kinds; `*` stands for one segment, `**` for any
///   number of them.
/// - `FIELD`: `name = value` for whatever is [`ToValue`](crate::ToValue); names as in `publish_event!`: dotted, or any
///   text in quotes. The event must have this value under that name; fields that are not named may be anything.
/// - `MESSAGE`: as for `assert!`.
///
/// # Cost
/// The events are compared as by `diff`: their number times that expected, where they differ.
///
/// # Panics
/// If the events are not those expected, or an entry's pattern is none; at the line of the assertion.
#[macro_export]
macro_rules! assert_events {
    ($source:expr, [$($pattern:literal $({$($fields:tt)*})?),* $(,)?] $(, $($message:tt)*)?) => {
        $crate::__assert_events!(@check ($source) ($($($message)*)?) $([($pattern) $($($fields)*)?])*)
    };
    ($source:expr, [$($entries:tt)*] $(, $($message:tt)*)?) => {
        $crate::__assert_events!(@entries ($source) ($($($message)*)?) [] $($entries)*)
    };
    ($($rest:tt)*) => {
        $crate::__assert_events!(@no "this is no assertion: `", $crate::__private::stringify!($($rest)*), "`")
    };
}

/// The steps of `assert_events!`: entries, fields, comparison.
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_events {
    // === entries: [[(pattern) fields]*] ===
    (@entries $source:tt $message:tt [$($done:tt)*]) => {
        $crate::__assert_events!(@check $source $message $($done)*)
    };
    (@entries $source:tt $message:tt [$($done:tt)*] $pattern:literal {$($fields:tt)*} $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@entries $source $message [$($done)* [($pattern) $($fields)*]] $($($rest)*)?)
    };
    (@entries $source:tt $message:tt [$($done:tt)*] ($pattern:expr) {$($fields:tt)*} $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@entries $source $message [$($done)* [($pattern) $($fields)*]] $($($rest)*)?)
    };
    (@entries $source:tt $message:tt [$($done:tt)*] $($name:ident)::+ {$($fields:tt)*} $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@entries $source $message [$($done)* [($($name)::+) $($fields)*]] $($($rest)*)?)
    };
    (@entries $source:tt $message:tt [$($done:tt)*] $pattern:expr $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@entries $source $message [$($done)* [($pattern)]] $($($rest)*)?)
    };
    (@entries $source:tt $message:tt $done:tt $($rest:tt)+) => {
        $crate::__assert_events!(@no "this is no event expected: `", $crate::__private::stringify!($($rest)+), "`")
    };

    // === fields, added to an expectation ===
    (@fields ($expected:expr)) => { $expected };
    (@fields ($expected:expr) $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@fields
            ($expected.field($crate::__private::plain($crate::__private::stringify!($name)), &$value)) $($($rest)*)?)
    };
    (@fields ($expected:expr) $first:ident $(. $more:ident)+ = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@fields
            ($expected.field(
                $crate::__private::concat!(
                    $crate::__private::stringify!($first) $(, ".", $crate::__private::stringify!($more))+
                ),
                &$value,
            )) $($($rest)*)?)
    };
    (@fields ($expected:expr) $name:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__assert_events!(@fields ($expected.field($name, &$value)) $($($rest)*)?)
    };
    (@fields $expected:tt $($rest:tt)+) => {
        $crate::__assert_events!(@no "this is no field: `", $crate::__private::stringify!($($rest)+), "`; a field is \
            `name = value`")
    };
    (@no $($words:expr),+) => {
        $crate::__private::compile_error!($crate::__private::concat!(
            $($words,)+ "\nassert_events!(source, [\"a.kind\", \"a.*\" {field = value}, ...] [, \"message\", ...])"
        ))
    };

    // === all read ===
    (@check ($source:expr) ($($message:tt)*) $([($pattern:expr) $($fields:tt)*])*) => {
        $crate::testing::private::check(
            &$source,
            &[$($crate::__assert_events!(@fields ($crate::testing::private::expect($pattern)) $($fields)*)),*],
            $crate::__assert_events!(@message $($message)*),
        )
    };
    (@message) => { $crate::__private::None };
    (@message $($message:tt)+) => {
        $crate::__private::Some($crate::testing::private::format_args!($($message)+))
    };
}
