//! How urgent an event is: [`Priority`].
//!
//! It is a mark that travels with the event, for handlers, queues and filters to act upon.
//! It does not change the order in which the bus itself dispatches.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use super::kind::shorten;

/// How urgent an event is: [`Normal`](Self::Normal), unless somebody says otherwise.
///
/// It does not change the order in which a bus dispatches. A queue made [`by_priority`](crate::Queued::by_priority) obeys it;
/// filters and handlers can.
///
/// Written in lower case, and read in any.
///
/// ```
/// use ringbus::Priority;
///
/// assert!(Priority::Low < Priority::default() && Priority::High < Priority::Critical);
/// assert_eq!(Priority::High.to_string(), "high");
/// assert_eq!("CRITICAL".parse(), Ok(Priority::Critical));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Priority {
    /// Least urgent.
    Low,
    /// The default.
    #[default]
    Normal,
    /// More urgent.
    High,
    /// Most urgent.
    Critical,
}

/// A text that names no [`Priority`].
///
/// ```
/// use ringbus::Priority;
///
/// let error = "urgent".parse::<Priority>().unwrap_err();
/// assert_eq!(error.to_string(), "\"urgent\" is no priority; allowed are low, normal, high, critical");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsePriorityError {
    value: Box<str>,
}

// === impl Priority ===

impl Priority {
    /// All of them, the least urgent first.
    pub(crate) const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// The name, in lower case.
    ///
    /// ```
    /// assert_eq!(ringbus::Priority::Low.as_str(), "low");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, ParsePriorityError> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParsePriorityError { value: shorten(text) })
    }
}

impl TryFrom<&str> for Priority {
    type Error = ParsePriorityError;

    fn try_from(text: &str) -> Result<Self, ParsePriorityError> {
        text.parse()
    }
}

// === impl ParsePriorityError ===

impl ParsePriorityError {
    /// The text, shortened to 80 characters.
    ///
    /// ```
    /// # use ringbus::Priority;
    /// assert_eq!("urgent".parse::<Priority>().unwrap_err().value(), "urgent");
    /// ```
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for ParsePriorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no priority; allowed are ", self.value)?;
        for (n, priority) in Priority::ALL.iter().enumerate() {
            write!(f, "{}{priority}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Error for ParsePriorityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_lower_and_read_in_any_case() {
        for priority in Priority::ALL {
            let name = priority.to_string();
            assert_eq!(name, name.to_lowercase());
            assert_eq!(name.parse(), Ok(priority));
            assert_eq!(Priority::try_from(&*name.to_uppercase()), Ok(priority));
            assert_eq!(format!("{priority:>9}|"), format!("{name:>9}|"));
        }
    }

    #[test]
    fn they_are_in_order_and_normal_is_the_default() {
        assert!(Priority::ALL.is_sorted());
        assert_eq!(Priority::default(), Priority::Normal);
    }

    #[test]
    fn other_texts_are_refused_and_named() {
        for text in ["", "urgent", " high", "high ", "höch", "2"] {
            assert_eq!(text.parse::<Priority>().unwrap_err().value(), text);
        }
        let error = "é".repeat(1_000).parse::<Priority>().unwrap_err();
        assert_eq!(error.value(), format!("{}…", "é".repeat(80)));
        assert!(error.to_string().ends_with("allowed are low, normal, high, critical"));
    }
}
