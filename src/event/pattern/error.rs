//! Why a text is not a pattern: [`PatternError`].

use std::error::Error;
use std::fmt;

use crate::event::kind::rule::{Fault, char_at, segment_at, shorten};

/// Why a text is not a [`Pattern`](crate::Pattern), or a list of them not a [`Selector`](crate::Selector).
///
/// Values and segments are shortened to 80 characters. Segments count from 1, bytes from 0.
///
/// ```
/// use ringbus::{Pattern, PatternError};
///
/// match Pattern::new("a.**.b.**") {
///     Err(PatternError::SecondDoubleStar { index, at, .. }) => assert_eq!((index, at), (4, 7)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// A list without a pattern.
    NoPattern,
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
    /// A segment contains white space, a control character, or a `*` without being `*` or `**`.
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
    /// `**` stands there a second time.
    #[non_exhaustive]
    SecondDoubleStar {
        /// The text, shortened.
        value: Box<str>,
        /// Which segment, from 1.
        index: usize,
        /// The byte where the segment begins.
        at: usize,
    },
}

impl PatternError {
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

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPattern => return f.write_str("a list of patterns is empty; it takes at least one"),
            Self::Empty => write!(f, "a pattern is empty")?,
            Self::TooLong { value, bytes } => write!(f, "pattern {value:?} has {bytes} bytes")?,
            Self::EmptySegment { value, index, at } => {
                write!(f, "pattern {value:?}: segment {index} is empty (at byte {at})")?;
            }
            Self::Character { value, segment, index, at, character } => {
                write!(f, "pattern {value:?}: {character:?} in segment {index}, {segment:?} (at byte {at})")?;
            }
            Self::SecondDoubleStar { value, index, at } => {
                write!(f, "pattern {value:?}: a second '**' as segment {index} (at byte {at})")?;
            }
        }
        f.write_str(
            "; allowed are 1 to 255 bytes, segments separated by '.', each '*' (one segment), '**' (any \
             number of segments, at most once), or text without '*', white space and control characters",
        )
    }
}

impl Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::pattern::Pattern;

    fn error(text: &str) -> PatternError {
        Pattern::new(text).unwrap_err()
    }

    #[test]
    fn what_kinds_refuse_is_refused() {
        assert_eq!(error(""), PatternError::Empty);
        let long = format!("**.{}", "é".repeat(127));
        assert_eq!(error(&long), PatternError::TooLong { value: shorten(&long), bytes: 257 });
        assert!(Pattern::new(long.trim_start_matches("**.")).is_ok(), "254 bytes");
        for (text, index, at) in [(".", 1, 0), (".**", 1, 0), ("*.", 2, 2), ("é..*", 2, 3)] {
            assert_eq!(error(text), PatternError::EmptySegment { value: text.into(), index, at }, "{text}");
        }
    }

    #[test]
    fn refused_characters_are_named_with_their_segment() {
        for (text, segment, index, at, character) in [
            ("a*b", "a*b", 1, 1, '*'),
            ("é.**.b*", "b*", 3, 7, '*'),
            ("***", "***", 1, 0, '*'),
            ("*.**日", "**日", 2, 2, '*'),
            ("*.x y", "x y", 2, 3, ' '),
            ("**.\u{a0}", "\u{a0}", 2, 3, '\u{a0}'),
        ] {
            let (value, segment) = (text.into(), segment.into());
            assert_eq!(error(text), PatternError::Character { value, segment, index, at, character });
        }
    }

    #[test]
    fn a_second_double_star_is_found_where_it_is() {
        for (text, index, at) in [("**.**", 2, 3), ("a.**.é.**", 4, 8), ("**.*.**.**", 3, 5)] {
            assert_eq!(error(text), PatternError::SecondDoubleStar { value: text.into(), index, at });
        }
    }

    #[test]
    fn messages_say_what_where_and_what_is_allowed() {
        for (text, words) in [
            ("", "a pattern is empty; allowed are 1 to 255 bytes"),
            ("a..b", "pattern \"a..b\": segment 2 is empty (at byte 2); allowed"),
            ("a.b*", "pattern \"a.b*\": '*' in segment 2, \"b*\" (at byte 3); allowed"),
            ("**.**", "pattern \"**.**\": a second '**' as segment 2 (at byte 3); allowed"),
        ] {
            let message = error(text).to_string();
            assert!(message.starts_with(words), "{message}");
        }
        assert!(PatternError::NoPattern.to_string().contains("at least one"));
    }
}
