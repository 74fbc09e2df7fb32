//! Which event it is: [`EventId`].
//!
//! A new id is put together from numbers at hand, without a system call or a random number, and unique
//! across threads, processes and forks. It has the form of a UUID of version 8 (RFC 9562, section 5.8),
//! and becomes text only when somebody asks.
//!
//! ```text
//!  127            80  79 76  75       64  63 62  61                    0
//! ┌─────────────────┬───────┬────────────┬──────┬───────────────────────┐
//! │ prefix, high 48 │ ver 8 │ prefix, 12 │  10  │ counter, 62           │
//! └─────────────────┴───────┴────────────┴──────┴───────────────────────┘
//! ```
//!
//! An id that is given, from the wire or a store, keeps all its 128 bits, whatever they mean.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use super::kind::rule::char_at;
use super::kind::shorten;
use crate::sync::ids;
use crate::sync::rows::Visit;

/// Which event it is: 128 bits, written as a UUID.
///
/// Ids say who is the same, not who came first: their order is that of their bits.
///
/// ```
/// use ringbus::EventId;
///
/// let id: EventId = "0191E3C2-5C8A-8F00-9D2B-00000000002A".parse()?;
/// assert_eq!(id.to_string(), "0191e3c2-5c8a-8f00-9d2b-00000000002a");
/// assert_eq!(EventId::from_u128(id.as_u128()), id);
/// # Ok::<(), ringbus::ParseIdError>(())
/// ```
// Two halves, not a `u128`: that would be aligned to 16 bytes and cost padding where it is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    high: u64,
    low: u64,
}

/// Why a text is no [`EventId`].
///
/// ```
/// use ringbus::{EventId, ParseIdError};
///
/// match "0191e3c2-5c8a-8f00-9d2b_00000000002a".parse::<EventId>() {
///     Err(ParseIdError::Character { character, at, .. }) => assert_eq!((character, at), ('_', 23)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text does not have 36 bytes.
    #[non_exhaustive]
    Length {
        /// The text, shortened to 80 characters.
        value: Box<str>,
        /// Its length.
        bytes: usize,
    },
    /// A character is not the hyphen or the hexadecimal digit that belongs in its place.
    #[non_exhaustive]
    Character {
        /// The text.
        value: Box<str>,
        /// The byte where the character begins, from 0.
        at: usize,
        /// The character.
        character: char,
    },
}

/// Bytes of the text: digits in groups of 8, 4, 4, 4 and 12.
const TEXT: usize = 36;

/// Where the hyphens are.
const fn is_hyphen(at: usize) -> bool {
    matches!(at, 8 | 13 | 18 | 23)
}

// === impl EventId ===

impl EventId {
    /// A new id, unlike any other.
    pub(crate) fn next() -> Self {
        let (prefix, counter) = ids::next();
        Self::from_parts(prefix, counter)
    }

    /// The same, on the calling thread's row.
    #[inline]
    pub(crate) fn next_on(visit: &Visit) -> Self {
        let (prefix, counter) = ids::of(visit.row());
        Self::from_parts(prefix, counter)
    }

    /// The id of version 8 with the lower 60 bits of `prefix` and the lower 62 of `counter`.
    #[inline]
    const fn from_parts(prefix: u64, counter: u64) -> Self {
        Self { high: (prefix >> 12) << 16 | 0x8 << 12 | prefix & 0xFFF, low: 0b10 << 62 | counter & (u64::MAX >> 2) }
    }

    /// The id with these bits.
    ///
    /// ```
    /// # use ringbus::EventId;
    /// assert_eq!(EventId::from_u128(42).as_u128(), 42);
    /// ```
    pub const fn from_u128(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// All bits.
    ///
    /// ```
    /// # use ringbus::EventId;
    /// assert_eq!(EventId::from_u128(u128::MAX).as_u128(), u128::MAX);
    /// ```
    pub const fn as_u128(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// The bytes in the order of the text, as UUID libraries take them.
    ///
    /// ```
    /// # use ringbus::EventId;
    /// assert_eq!(EventId::from_u128(42).to_bytes()[15], 42);
    /// ```
    pub const fn to_bytes(self) -> [u8; 16] {
        self.as_u128().to_be_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut text, mut bits) = ([b'-'; TEXT], self.as_u128());
        for at in (0..TEXT).rev().filter(|&at| !is_hyphen(at)) {
            text[at] = b"0123456789abcdef"[(bits & 0xF) as usize];
            bits >>= 4;
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = ParseIdError;

    /// Reads any UUID in its text form of 36 characters, digits of either case, and keeps all its bits.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != TEXT {
            return Err(ParseIdError::Length { value: shorten(text), bytes: text.len() });
        }
        let mut bits = 0;
        for (at, byte) in text.bytes().enumerate() {
            match char::from(byte).to_digit(16) {
                Some(digit) if !is_hyphen(at) => bits = bits << 4 | u128::from(digit),
                None if is_hyphen(at) && byte == b'-' => {}
                // All bytes before this one are ASCII, so it begins a character.
                _ => return Err(ParseIdError::Character { value: text.into(), at, character: char_at(text, at) }),
            }
        }
        Ok(Self::from_u128(bits))
    }
}

impl TryFrom<&str> for EventId {
    type Error = ParseIdError;

    fn try_from(text: &str) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

// === impl ParseIdError ===

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { value, bytes } => write!(f, "event id {value:?} has {bytes} bytes")?,
            Self::Character { value, at, character } => {
                write!(f, "event id {value:?}: {character:?} at byte {at}")?;
            }
        }
        f.write_str("; allowed is a UUID of 36 bytes: hexadecimal digits in groups of 8, 4, 4, 4 and 12, joined by '-'")
    }
}

impl Error for ParseIdError {}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    const TEXT: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const BITS: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

    #[test]
    fn text_and_bits_are_the_same_id() {
        for (text, bits) in [
            (TEXT, BITS),
            ("00000000-0000-0000-0000-000000000000", 0),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", u128::MAX),
        ] {
            let id = EventId::from_u128(bits);
            assert_eq!((id.to_string(), id.as_u128(), id.to_bytes()), (text.into(), bits, bits.to_be_bytes()));
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(EventId::try_from(&*text.to_uppercase()), Ok(id));
            assert_eq!(format!("{id:?} {id:>38}"), format!("EventId({text})   {text}"));
        }
    }

    #[test]
    fn a_new_id_is_a_uuid_of_version_8_that_keeps_prefix_and_counter() {
        for (prefix, counter, text) in [
            (0, 0, "00000000-0000-8000-8000-000000000000"),
            (0x0123_4567_89ab_cdef, 42, "12345678-9abc-8def-8000-00000000002a"),
            (u64::MAX >> 4, u64::MAX >> 2, "ffffffff-ffff-8fff-bfff-ffffffffffff"),
            (u64::MAX, u64::MAX, "ffffffff-ffff-8fff-bfff-ffffffffffff"),
        ] {
            assert_eq!(EventId::from_parts(prefix, counter).to_string(), text);
        }
    }

    #[test]
    fn new_ids_differ() {
        assert_ne!(EventId::next(), EventId::next());
        assert_eq!(EventId::next().to_string().as_bytes()[14], b'8');
    }

    #[test]
    fn ids_are_ordered_by_their_bits() {
        let ids = [0, 1, u128::from(u64::MAX), 1 << 64, u128::MAX].map(EventId::from_u128);
        assert!(ids.is_sorted());
    }

    #[test]
    fn other_lengths_are_refused() {
        for text in ["", &TEXT[1..], "0123456789abcdef0123456789abcdef", &format!("{{{TEXT}}}"), &"é".repeat(200)] {
            let (value, bytes) = (shorten(text), text.len());
            assert_eq!(text.parse::<EventId>(), Err(ParseIdError::Length { value, bytes }));
        }
    }

    #[test]
    fn a_character_out_of_place_is_named() {
        for (at, character) in [(0, 'g'), (0, '-'), (8, '0'), (13, '_'), (35, ' '), (2, 'é'), (33, '日')] {
            let mut text = String::from(TEXT);
            text.replace_range(at..at + character.len_utf8(), character.encode_utf8(&mut [0; 4]));
            let error = text.parse::<EventId>().unwrap_err();
            assert_eq!(error, ParseIdError::Character { value: (*text).into(), at, character });
            assert!(error.to_string().starts_with(&format!("event id {text:?}: {character:?} at byte {at}; allowed")));
        }
    }

    #[test]
    fn an_id_costs_no_padding() {
        assert_eq!((size_of::<EventId>(), align_of::<EventId>()), (16, align_of::<u64>()));
    }
}
