//! [`JsonError`]: why a text is not the JSON form of an event.

use core::fmt;
use std::error::Error;

use super::MEMBERS;
use crate::event::Value;
use crate::event::display::{Bare, shown};
use crate::event::kind::shorten;

/// Why a text is not the JSON form of an event.
///
/// A path names members from the outside in: `timestamp`, `payload.x`, `payload.list[3].y`.
///
/// ```
/// use ringbus::{Event, JsonError, Unknown};
///
/// let error = Event::from_json(r#"{"type": "a", "payload": {"x": 1, "x": 2}}"#, Unknown::Refuse).unwrap_err();
/// assert!(matches!(error, JsonError::Duplicate { .. }));
/// assert_eq!(error.path(), Some("payload.x"));
/// assert_eq!(error.to_string(), "`payload.x` is given twice; allowed is each name once");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON, or nested deeper than 127 levels; the reason tells line and column.
    Syntax(Box<dyn Error + Send + Sync>),
    /// A member must be there and is not.
    #[non_exhaustive]
    Missing {
        /// The member.
        path: Box<str>,
    },
    /// A member has the wrong type or form.
    #[non_exhaustive]
    Wrong {
        /// The member; empty for the whole text.
        path: Box<str>,
        /// The value, shortened to 80 characters.
        found: Box<str>,
        /// What it may be.
        allowed: &'static str,
    },
    /// A member has the right type, but not a good value.
    #[non_exhaustive]
    Refused {
        /// The member.
        path: Box<str>,
        /// What is wrong with the value, and what is allowed.
        reason: Box<dyn Error + Send + Sync>,
    },
    /// Two members of one object have one name.
    #[non_exhaustive]
    Duplicate {
        /// The member.
        path: Box<str>,
    },
    /// No event has this member.
    #[non_exhaustive]
    Unknown {
        /// The member.
        path: Box<str>,
    },
}

// === impl JsonError ===

impl JsonError {
    /// The member that is wrong; `None` when the text is not JSON, or no object.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Syntax(_) => None,
            Self::Missing { path }
            | Self::Wrong { path, .. }
            | Self::Refused { path, .. }
            | Self::Duplicate { path }
            | Self::Unknown { path } => Some(&**path).filter(|path| !path.is_empty()),
        }
    }

    pub(super) fn wrong(path: &str, found: &Value, allowed: &'static str) -> Self {
        Self::Wrong { path: path.into(), found: shown(found), allowed }
    }

    pub(super) fn refused(path: &str, reason: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused { path: path.into(), reason: reason.into() }
    }

    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown { path: path_of(name).into() }
    }
}

/// Where a member stands whose name may be anything.
pub(super) fn path_of(name: &str) -> String {
    Bare(&shorten(name)).to_string()
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "not JSON: {reason}"),
            Self::Missing { path } => write!(f, "`{path}` is missing; an event must have it"),
            Self::Wrong { path, found, allowed } if path.is_empty() => {
                write!(f, "the JSON is {found}; allowed is {allowed}")
            }
            Self::Wrong { path, found, allowed } => write!(f, "`{path}` is {found}; allowed is {allowed}"),
            Self::Refused { path, reason } => write!(f, "`{path}`: {reason}"),
            Self::Duplicate { path } => write!(f, "`{path}` is given twice; allowed is each name once"),
            Self::Unknown { path } => {
                write!(f, "`{path}` is no member of an event; allowed are {}", MEMBERS.join(", "))
            }
        }
    }
}

impl Error for JsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Syntax(reason) | Self::Refused { reason, .. } => Some(&**reason),
            _ => None,
        }
    }
}
