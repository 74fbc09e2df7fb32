//! [`Expected`]: what one event must be, its kind by pattern and some of its fields by value.
//!
//! Fields that are not named may be there, and be anything. Values are equal as [`Value`]s are: an integer of any type
//! equals the same integer of another, but no float; NaN equals nothing.

use core::fmt;

use super::align::Likeness;
use crate::event::{Event, IntoSelector, PatternError, Selector, ToValue, Value};

/// What one event must be; made by `assert_events!`.
#[derive(Clone, Debug)]
pub struct Expected {
    selector: Result<Selector, PatternError>,
    fields: Vec<(&'static str, Value)>,
}

/// A field that is not as expected.
pub(super) struct Miss<'a> {
    name: &'static str,
    expected: &'a Value,
    came: Option<&'a Value>,
}

// === impl Expected ===

impl Expected {
    /// An event that `selector` selects.
    pub fn new(selector: impl IntoSelector) -> Self {
        Self { selector: selector.into_selector(), fields: Vec::new() }
    }

    /// One that has also this field.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: &(impl ToValue + ?Sized)) -> Self {
        self.fields.push((name, value.to_value()));
        self
    }

    /// Why it can match nothing, if so.
    pub(super) fn error(&self) -> Option<&PatternError> {
        self.selector.as_ref().err()
    }

    pub(super) fn likeness(&self, event: &Event) -> Likeness {
        match &self.selector {
            Ok(selector) if selector.matches(event.kind().as_str()) => {
                if self.misses(event).next().is_none() {
                    Likeness::Same
                } else {
                    Likeness::Near
                }
            }
            _ => Likeness::Other,
        }
    }

    /// The fields of an event that are not as expected.
    pub(super) fn misses<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = Miss<'a>> {
        self.fields.iter().filter_map(|(name, expected)| {
            let came = event.get(name);
            (came != Some(expected)).then_some(Miss { name, expected, came })
        })
    }

    /// Whether it says more of the event than its kind.
    pub(super) fn says_more(&self, event: &Event) -> bool {
        let exact = |selector: &Selector| selector.exact().any(|exact| event.kind() == exact);
        !(self.fields.is_empty() && self.selector.as_ref().is_ok_and(exact))
    }
}

/// A kind or a name: quoted and escaped where it would be more than one plain line.
pub(super) struct Word<'a>(pub(super) &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| !c.is_whitespace() && c.escape_debug().len() == 1;
        if self.0.chars().all(plain) { f.write_str(self.0) } else { write!(f, "{:?}", self.0) }
    }
}

/// As it is written in the macro.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Ok(selector) => write!(f, "{}", Word(&selector.to_string()))?,
            Err(error) => write!(f, "({error})")?,
        }
        for (index, (name, value)) in self.fields.iter().enumerate() {
            write!(f, "{}{} = {value}", if index == 0 { " {" } else { ", " }, Word(name))?;
        }
        f.write_str(if self.fields.is_empty() { "" } else { "}" })
    }
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expected, came } = self;
        let name = Word(name);
        match came {
            None => write!(f, "has no field {name}, expected {expected}"),
            // Different values may look the same to people: show them as developers see them.
            Some(came) if came.to_string() == expected.to_string() => {
                write!(f, "{name} is {came:?}, expected {expected:?}")
            }
            Some(came) => write!(f, "{name} is {came}, expected {expected}"),
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_near_or_another() {
        let event = Event::builder("db.error").field("code", 7_u8).field("text", "x").build().unwrap();
        for (expected, likeness) in [
            (Expected::new("db.error"), Likeness::Same),
            (Expected::new("db.*").field("code", &7_i64).field("text", "x"), Likeness::Same),
            (Expected::new("db.*").field("code", &7.0), Likeness::Near),
            (Expected::new("db.*").field("none", &()), Likeness::Near),
            (Expected::new(["a", "db"]), Likeness::Other),
            (Expected::new("db..error"), Likeness::Other),
        ] {
            assert_eq!(expected.likeness(&event), likeness, "{expected}");
        }
    }

    #[test]
    fn it_is_shown_as_it_is_written_and_a_miss_says_both_values() {
        let expected = Expected::new("db.*").field("code", &8).field("text", "y").field("nan", &f64::NAN);
        assert_eq!(expected.to_string(), r#"db.* {code = 8, text = "y", nan = NaN}"#);
        let event = Event::builder("db.error").field("code", 7).field("nan", f64::NAN).build().unwrap();
        let misses: Vec<String> = expected.misses(&event).map(|miss| miss.to_string()).collect();
        let told = ["code is 7, expected 8", r#"has no field text, expected "y""#];
        assert_eq!(misses, [told[0], told[1], "nan is Float(NaN), expected Float(NaN)"]);
    }
}
