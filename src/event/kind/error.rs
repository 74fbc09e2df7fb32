//! Why a text is not a kind: [`KindError`].

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use super::rule::{Fault, char_at, segment_at, shorten};

/// Why a text is not a [`Kind`](crate::Kind).
///
/// Values and segments are shortened to 80 characters. Segments count from 1, bytes from 0.
///
/// ```
/// use ringbus::{Kind, KindError};
///
/// match Kind::new("db.*") {
///     Err(KindError::Character { character, at, .. }) => assert_eq!((character, at), ('*', 3)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KindError {
    /// The text is empty.
    Empty,
    /// The text is longer than 255 bytes.
    #[non_exhaustive]
    TooLong {
        /// The text, shortened.
        value: Box<str>,
        /// Its length.
        bytes: usize,
    },
    /// Two dots meet, or the text begins or ends with one.
    #[non_exhaustive]
    EmptySegment {
        /// The text, shortened.
        value: Box<str>,
        /// Which segment, from 1.
        index: usize,
        /// The byte where it should begin.
        at: usize,
    },
    /// A segment contains `*`, white space or a control character.
    #[non_exhaustive]
    Character {
        /// The text, shortened.
        value: Box<str>,
        /// The segment, shortened.
        segment: Box<str>,
        /// Which segment, from 1.
        index: usize,
        /// The byte where the character begins.
        at: usize,
        /// The character.
        character: char,
    },
}

impl KindError {
    /// The error for `fault` in `text`.
    pub(super) fn new(text: &str, fault: Fault) -> Self {
        let value = shorten(text);
        match fault {
            Fault::Empty => Self::Empty,
            Fault::TooLong => Self::TooLong { value, bytes: text.len() },
            Fault::EmptySegment { at } => Self::EmptySegment { value, index: segment_at(text, at).0, at },
            Fault::Character { at } => {
                let (index, segment) = segment_at(text, at);
                Self::Character { value, segment: shorten(segment), index, at, character: char_at(text, at) }
            }
        }
    }
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a kind is empty")?,
            Self::TooLong { value, bytes } => write!(f, "kind {value:?} has {bytes} bytes")?,
            Self::EmptySegment { value, index, at } => {
                write!(f, "kind {value:?}: segment {index} is empty (at byte {at})")?;
            }
            Self::Character { value, segment, index, at, character } => {
                write!(f, "kind {value:?}: {character:?} in segment {index}, {segment:?} (at byte {at})")?;
            }
        }
        f.write_str(
            "; allowed are 1 to 255 bytes, segments separated by '.', none of them empty, without '*', \
             white space and control characters",
        )
    }
}

impl Error for KindError {}

/// Lets `TryInto<Kind>` take a [`Kind`](crate::Kind) itself.
impl From<Infallible> for KindError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use crate::event::kind::Kind;

    #[test]
    fn messages_say_what_where_and_what_is_allowed() {
        let rule = "; allowed are 1 to 255 bytes, segments separated by '.', none of them empty, without \
                    '*', white space and control characters";
        for (text, words) in [
            ("", "a kind is empty"),
            ("a..b", "kind \"a..b\": segment 2 is empty (at byte 2)"),
            ("db.x\ty", "kind \"db.x\\ty\": '\\t' in segment 2, \"x\\ty\" (at byte 4)"),
        ] {
            assert_eq!(Kind::new(text).unwrap_err().to_string(), format!("{words}{rule}"));
        }
        let long = Kind::new("é".repeat(300)).unwrap_err().to_string();
        assert!(long.starts_with(&format!("kind \"{}…\" has 600 bytes; ", "é".repeat(80))), "{long}");
    }
}
