//! [`CaptureTimeout`]: a capture waited in vain, and what came meanwhile.

use core::fmt;
use std::time::Duration;

use crate::event::Kind;

/// Fewer events came than a test waited for; from [`Capture::wait_for`](super::Capture::wait_for).
///
/// ```
/// use std::time::Duration;
/// let bus = ringbus::Bus::new();
/// let jobs = bus.capture("job.*")?;
/// let error = jobs.wait_for(1, Duration::ZERO).unwrap_err();
/// assert_eq!((error.expected(), error.kinds().len(), error.timeout()), (1, 0, Duration::ZERO));
/// assert_eq!(error.to_string(), "1 event was expected within 0ns, none came");
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureTimeout {
    expected: usize,
    timeout: Duration,
    kinds: Vec<Kind>,
}

/// Kinds that the message names; the rest is counted.
const NAMED: usize = 20;

// === impl CaptureTimeout ===

impl CaptureTimeout {
    pub(super) fn new(expected: usize, timeout: Duration, kinds: Vec<Kind>) -> Self {
        Self { expected, timeout, kinds }
    }

    /// How many events were waited for.
    #[must_use]
    pub fn expected(&self) -> usize {
        self.expected
    }

    /// How long.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The kinds of those that came, the first one first.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }
}

impl fmt::Display for CaptureTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let were = if self.expected == 1 { "event was" } else { "events were" };
        write!(f, "{} {were} expected within {:?}, ", self.expected, self.timeout)?;
        if self.kinds.is_empty() {
            return f.write_str("none came");
        }
        write!(f, "{} came: ", self.kinds.len())?;
        for (index, kind) in self.kinds.iter().take(NAMED).enumerate() {
            write!(f, "{}{kind}", if index == 0 { "" } else { ", " })?;
        }
        match self.kinds.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for CaptureTimeout {}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn many_kinds_are_counted() {
        let kind = Kind::new("a.b").unwrap();
        let error = CaptureTimeout::new(30, Duration::from_millis(1500), vec![kind; 22]);
        let text = error.to_string();
        assert!(text.starts_with("30 events were expected within 1.5s, 22 came: a.b, a.b, "), "{text}");
        assert!(text.ends_with(", a.b and 2 more"), "{text}");
    }
}
