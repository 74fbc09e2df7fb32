//! [`Text`]: the crate's own string type, cheap to clone.
//!
//! Up to 15 bytes are stored in place; longer text is shared and counted, so a clone never copies it. It
//! is immutable, 16 bytes, and compares, orders and hashes as the `str` it holds. Which crate stores it
//! is no part of the interface.

use core::borrow::Borrow;
use core::convert::Infallible;
use core::fmt::{self, Write};
use core::ops::Deref;
use core::str::FromStr;
use std::borrow::Cow;

use ecow::EcoString;

use crate::sync::busy;

/// Immutable text that is cheap to clone: up to 15 bytes in place, longer text shared.
///
/// ```
/// use ringbus::Text;
///
/// let text = Text::from("a text of more than fifteen bytes");
/// let same = text.clone(); // one reference count, no copy
/// assert_eq!(same, "a text of more than fifteen bytes");
/// assert!(same.starts_with("a text"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(EcoString);

// === impl Text ===

impl Text {
    /// The text as a `str`.
    ///
    /// ```
    /// # use ringbus::Text;
    /// assert_eq!(Text::from("daemon").as_str(), "daemon");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        // Short text is stored in place; what allocates is a step of our own.
        if text.len() <= EcoString::INLINE_LIMIT { Self(text.into()) } else { Self(busy::during(|| text.into())) }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(text.into())
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        Self(text.into())
    }
}

impl From<Box<str>> for Text {
    fn from(text: Box<str>) -> Self {
        Self(text.into_string().into())
    }
}

impl From<char> for Text {
    fn from(character: char) -> Self {
        Self(character.into())
    }
}

/// Formats in place, without a `String` between.
///
/// A `Display` that returns an error ends the text where it failed; nothing panics.
impl From<fmt::Arguments<'_>> for Text {
    fn from(arguments: fmt::Arguments<'_>) -> Self {
        if let Some(text) = arguments.as_str() {
            return text.into();
        }
        let mut text = Growing(EcoString::new());
        // The only error is one of the user's own making; what was written before it stands.
        let _ = text.write_fmt(arguments);
        Self(text.0)
    }
}

/// Text that grows while users' code formats; only its growth is a step of our own.
struct Growing(EcoString);

impl Write for Growing {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        busy::during(|| self.0.push_str(part));
        Ok(())
    }
}

impl FromStr for Text {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_source_gives_the_same_text() {
        for text in ["", "x", "fifteen  bytes.", "sixteen   bytes.", "Grüße aus einem langen Text\n"] {
            let expected = Text::from(text);
            assert_eq!(expected, text);
            assert_eq!(expected, *text);
            assert_eq!(Text::from(String::from(text)), expected);
            assert_eq!(Text::from(&String::from(text)), expected);
            assert_eq!(Text::from(Cow::Borrowed(text)), expected);
            assert_eq!(Text::from(Box::<str>::from(text)), expected);
            assert_eq!(Text::from(format_args!("{text}")), expected);
            assert_eq!(Text::from(&expected), expected);
            assert_eq!(String::from(expected.clone()), text);
            assert_eq!(format!("{expected} {expected:?}"), format!("{text} {text:?}"));
        }
        assert_eq!(Text::from('ß'), "ß");
        assert_eq!(Text::default(), "");
    }

    #[test]
    fn a_clone_of_long_text_shares_it() {
        let text = Text::from("a text of more than fifteen bytes");
        assert_eq!(text.clone().as_ptr(), text.as_ptr());
        assert_eq!(size_of::<Text>(), 16);
    }

    #[test]
    fn a_set_of_text_is_asked_with_str() {
        let set = HashSet::from([Text::from("a"), Text::from("b")]);
        assert!(set.contains("a") && !set.contains("c"));
    }

    #[test]
    fn a_failing_display_keeps_what_it_wrote() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(Text::from(format_args!("{Fails} done")), "half");
    }
}
