//! What `assert_events!` expands to; no public interface.

pub use core::format_args;

use core::fmt;

pub use super::expected::Expected;
use super::{EventSource, diff};

/// An expectation to which fields may be added.
pub fn expect(selector: impl crate::event::IntoSelector) -> Expected {
    Expected::new(selector)
}

/// Compares, and panics at the caller's line where something is different.
///
/// # Panics
/// With the difference.
#[track_caller]
pub fn check<S: EventSource + ?Sized>(source: &S, expected: &[Expected], message: Option<fmt::Arguments<'_>>) {
    let came = source.to_events();
    let faults = expected.iter().enumerate().filter_map(|(at, one)| Some((at + 1, one.error()?)));
    let what = match faults.map(|(at, error)| format!("entry {at} of those expected: {error}")).next() {
        Some(fault) => fault,
        None => {
            let Some(text) = diff::diff(expected, &came) else { return };
            match source.note() {
                Some(note) => format!("{text}\nnote: {note}"),
                None => text,
            }
        }
    };
    match message {
        Some(message) => panic!("assertion `assert_events!` failed: {message}\n{what}"),
        None => panic!("assertion `assert_events!` failed\n{what}"),
    }
}
