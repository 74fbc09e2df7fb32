//! The dotted name of what happened: [`Kind`], and the one place that knows what a good name is.
//!
//! A kind is 16 bytes and cheap to clone. One that a call site uses is interned (see
//! [`interner`](super::interner)) and has a small id; one made at run time shares its text, and becomes
//! interned when some call site already knows the same text. The difference never shows: kinds compare,
//! order and hash as their text.
//!
//! It refuses empty segments, `*` (that makes a [`Pattern`](super::pattern::Pattern)), white space,
//! control characters and more than 255 bytes, by one rule that the compiler checks for literal kinds
//! and [`Kind::new`] for all others.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use self::rule::{Stars, fault};
use super::interner::{Entry, KindId};
use super::text::Text;

mod claim;
mod error;
#[cfg_attr(ringbus_loom, path = "kind/none_interned.rs")]
mod interned;
pub(super) mod rule;

pub use self::claim::KindTaken;
pub use self::error::KindError;
#[doc(hidden)]
pub use self::rule::checked_kind;
pub(crate) use self::rule::shorten;

/// The dotted name of what happened, such as `terminal.command`.
///
/// 1 to 255 bytes; segments separated by `.`, none of them empty; no `*`, white space or control
/// characters. `:`, `/` and any other character are fine. Others call it topic, channel or subject.
///
/// ```
/// use ringbus::Kind;
///
/// let kind = Kind::new("terminal.command")?;
/// assert_eq!(kind, "terminal.command");
/// assert!(kind.segments().eq(["terminal", "command"]));
///
/// let error = Kind::new("terminal..command").unwrap_err();
/// assert!(error.to_string().contains("segment 2 is empty (at byte 9)"));
/// # Ok::<(), ringbus::KindError>(())
/// ```
#[doc(alias = "topic")]
#[doc(alias = "channel")]
#[doc(alias = "subject")]
#[derive(Clone)]
pub struct Kind(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static Entry),
    Dynamic(Arc<str>),
}

// === impl Kind ===

impl Kind {
    /// The kind named by `text`.
    ///
    /// ```
    /// use ringbus::Kind;
    ///
    /// let n = 7;
    /// let kind = Kind::new(format!("thread.{n}.event"))?;
    /// assert_eq!(kind.as_str(), "thread.7.event");
    /// # Ok::<(), ringbus::KindError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KindError`] when `text` breaks the rule given at [`Kind`].
    pub fn new(text: impl AsRef<str>) -> Result<Self, KindError> {
        let text = text.as_ref();
        match fault(text, Stars::Refused) {
            Some(fault) => Err(KindError::new(text, fault)),
            None => Ok(Self(interned::find(text).map_or_else(|| Repr::Dynamic(text.into()), Repr::Static))),
        }
    }

    /// The kind named by a text that lives as long as the process, interned: routing it is fastest.
    ///
    /// A process interns at most 65 536 kinds; those beyond are as good, only slower.
    ///
    /// ```
    /// use ringbus::Kind;
    ///
    /// assert_eq!(Kind::from_static("db.error")?, Kind::new("db.error")?);
    /// # Ok::<(), ringbus::KindError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KindError`] when `text` breaks the rule given at [`Kind`].
    pub fn from_static(text: &'static str) -> Result<Self, KindError> {
        match fault(text, Stars::Refused) {
            Some(fault) => Err(KindError::new(text, fault)),
            None => Ok(Self::from_checked(text)),
        }
    }

    /// Like [`from_static`](Self::from_static), for a text that [`checked_kind`] has passed.
    pub(crate) fn from_checked(text: &'static str) -> Self {
        debug_assert!(fault(text, Stars::Refused).is_none(), "{text:?}");
        Self(interned::intern(text).map_or_else(|| Repr::Dynamic(text.into()), Repr::Static))
    }

    /// The text.
    ///
    /// ```
    /// # use ringbus::Kind;
    /// assert_eq!(Kind::new("db.error")?.as_str(), "db.error");
    /// # Ok::<(), ringbus::KindError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(entry) => entry.name(),
            Repr::Dynamic(text) => text,
        }
    }

    /// What stands between the dots, from both ends if you like.
    ///
    /// ```
    /// # use ringbus::Kind;
    /// assert_eq!(Kind::new("db.pool.error")?.segments().next_back(), Some("error"));
    /// # Ok::<(), ringbus::KindError>(())
    /// ```
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.as_str().split('.')
    }

    /// The names and numbers of all kinds that are interned.
    pub(crate) fn interned() -> impl Iterator<Item = (&'static str, KindId)> {
        interned::all()
    }

    /// The small number of an interned kind.
    #[inline]
    pub(crate) fn id(&self) -> Option<KindId> {
        match &self.0 {
            Repr::Static(entry) => Some(entry.id()),
            Repr::Dynamic(_) => None,
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Kind {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Kind {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for Kind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Kind {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&Kind> for Kind {
    fn from(kind: &Kind) -> Self {
        kind.clone()
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::new(text)
    }
}

macro_rules! try_from {
    ($($text:ty),*) => {$(
        impl TryFrom<$text> for Kind {
            type Error = KindError;

            fn try_from(text: $text) -> Result<Self, KindError> {
                Self::new(text)
            }
        }
    )*};
}

try_from!(&str, String, &String, Text);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, HashMap};

    fn error(text: &str) -> KindError {
        Kind::new(text).unwrap_err()
    }

    #[test]
    fn good_names_are_taken_as_they_are() {
        let longest = "x".repeat(255);
        let wide = "é".repeat(127);
        for text in ["a", "a.b", "http://host/path:80", "größe.μ.日本", "🦀.🦀", "-", &longest, &wide] {
            let kind = Kind::new(text).unwrap();
            assert_eq!(kind, *text);
            assert_eq!(kind.segments().collect::<Vec<_>>().join("."), text);
            assert_eq!((kind.to_string(), format!("{kind:?}")), (text.to_owned(), format!("{text:?}")));
        }
        assert_eq!(format!("[{:>5}]", Kind::new("a.b").unwrap()), "[  a.b]");
    }

    #[test]
    fn the_length_is_counted_in_bytes() {
        assert_eq!(error(""), KindError::Empty);
        for text in ["x".repeat(256), "é".repeat(128)] {
            let value = shorten(&text);
            assert_eq!(error(&text), KindError::TooLong { value: value.clone(), bytes: 256 });
            assert_eq!(value.chars().count(), 81);
        }
    }

    #[test]
    fn empty_segments_are_found_where_they_are() {
        for (text, index, at) in [(".", 1, 0), (".a", 1, 0), ("a.", 2, 2), ("a..b", 2, 2), ("ü.b..", 3, 5)] {
            assert_eq!(error(text), KindError::EmptySegment { value: text.into(), index, at }, "{text}");
        }
    }

    #[test]
    fn refused_characters_are_named_with_their_segment() {
        for (text, segment, index, at, character) in [
            ("*", "*", 1, 0, '*'),
            ("a.b*c.d", "b*c", 2, 3, '*'),
            ("é.x y", "x y", 2, 4, ' '),
            ("a.\u{3000}", "\u{3000}", 2, 2, '\u{3000}'),
            ("日.\u{85}x.y", "\u{85}x", 2, 4, '\u{85}'),
            ("a\n", "a\n", 1, 1, '\n'),
            ("a\0b", "a\0b", 1, 1, '\0'),
        ] {
            let (value, segment) = (text.into(), segment.into());
            assert_eq!(error(text), KindError::Character { value, segment, index, at, character });
        }
    }

    #[test]
    fn every_conversion_leads_to_the_same_kind() {
        let (text, kind) = (String::from("a.b"), Kind::new("a.b").unwrap());
        assert_eq!("a.b".parse(), Ok(kind.clone()));
        assert_eq!(Kind::try_from("a.b"), Ok(kind.clone()));
        assert_eq!(Kind::try_from(&text), Ok(kind.clone()));
        assert_eq!(Kind::try_from(Text::from("a.b")), Ok(kind.clone()));
        assert_eq!(Kind::try_from(text), Ok(kind.clone()));
        assert_eq!(Kind::from(&kind), kind);
        assert_eq!(<&str as TryInto<Kind>>::try_into("a b"), Err(error("a b")));
    }

    #[test]
    fn kinds_compare_and_hash_as_text() {
        let (a, b) = (Kind::new("test.kind.text.a").unwrap(), Kind::from_static("test.kind.text.b").unwrap());
        assert!(
            a < b && a != b && a == "test.kind.text.a" && a != "test.kind.text.b" && *b.as_ref() == *"test.kind.text.b"
        );
        assert!(a == *"test.kind.text.a" && a != *"test.kind.text.b");
        let map = HashMap::from([(a.clone(), 1), (b.clone(), 2)]);
        assert_eq!((map.get("test.kind.text.a"), map.get("test.kind.text.b")), (Some(&1), Some(&2)));
        assert!(BTreeSet::from([b, a]).contains("test.kind.text.a"));
    }

    #[cfg(not(ringbus_loom))]
    #[test]
    fn a_dynamic_kind_joins_the_interned_one_of_its_text() {
        let before = Kind::new("test.kind.joins").unwrap();
        let interned = Kind::from_static("test.kind.joins").unwrap();
        let after = Kind::new(String::from("test.kind.joins")).unwrap();
        assert_eq!((before.id(), after.id()), (None, interned.id()));
        assert!(interned.id().is_some());
        assert!(std::ptr::eq(interned.as_str(), after.as_str()));
        assert!(before == interned && interned == after);
    }

    #[test]
    fn a_kind_is_two_words() {
        assert_eq!(size_of::<Kind>(), 2 * size_of::<usize>());
    }
}
