//! Reading on: a place in the history that moves along with it.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Source;
use super::tail::Tail;
use crate::event::{Event, IntoSelector, PatternError, Selector};

/// A place in a bus's history: each [`read`](Self::read) goes on where the last one stopped, and tells how many events it
/// has missed. Made by [`Bus::cursor`](crate::Bus::cursor).
///
/// For readers that come by now and then (a debugger's view, a file writer, a test) and need every event once, without
/// holding up publishers: a subscription sees each event at once, on the publisher's thread; a cursor sees it later, on
/// yours.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// let mut cursor = bus.cursor();
/// publish_event!(bus: &bus, "db.open");
/// publish_event!(bus: &bus, "db.error");
/// let batch = cursor.read();
/// assert_eq!((batch.events.len(), batch.missed), (2, 0));
/// assert_eq!(batch.events[0].kind(), "db.open"); // oldest first
///
/// publish_event!(bus: &bus, "db.close");
/// assert_eq!(cursor.read().events[0].kind(), "db.close");
/// assert!(cursor.read().events.is_empty());
/// ```
///
/// # Ordering
/// Each thread's events come in their order; across threads they are ordered by time within one batch. An event whose
/// publisher lost its processor in the middle of recording comes in a later batch.
///
/// # Bounds
/// The rings behind a history hold at least as many events as [`Bus::recent`](crate::Bus::recent) shows; what was
/// overwritten there before it was read is missed. An event whose publisher does not finish recording it is waited for
/// during [`PATIENCE`](Self::PATIENCE), then counted as missed. Nothing here blocks a publisher.
#[derive(Clone)]
pub struct Cursor {
    from: Arc<dyn Source + Send + Sync>,
    tail: Tail,
    matching: Option<Selector>,
}

/// What a [`Cursor`] has found since it was last asked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Batch {
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// Events that were overwritten or forgotten before they were read, whatever their kind.
    pub missed: u64,
}

// === impl Cursor ===

impl Cursor {
    /// How long an event is waited for that was begun to be recorded and is not there: one second.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    pub(crate) fn new(from: Arc<dyn Source + Send + Sync>) -> Self {
        let mut tail = from.tail();
        tail.set_patience(Self::PATIENCE);
        Self { from, tail, matching: None }
    }

    /// Only events whose kind matches a pattern, a kind or a list of them; the others are passed over.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let mut errors = bus.cursor().matching("**.error")?;
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// ringbus::publish_event!(bus: &bus, "db.error");
    /// let batch = errors.read();
    /// assert_eq!((batch.events.len(), batch.missed), (1, 0));
    /// assert_eq!(batch.events[0].kind(), "db.error");
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed.
    pub fn matching(mut self, selector: impl IntoSelector) -> Result<Self, PatternError> {
        self.matching = Some(selector.into_selector()?);
        Ok(self)
    }

    /// What has been recorded since the last reading; at first, since the oldest event that is still there.
    ///
    /// # Cost
    /// As reading so many events from the history; readers wait for each other.
    pub fn read(&mut self) -> Batch {
        let found = self.from.follow(&mut self.tail);
        let wanted =
            |event: &Event| self.matching.as_ref().is_none_or(|selector| selector.matches(event.kind().as_str()));
        let events = found.events.into_iter().map(|entry| entry.event).filter(wanted).collect();
        Batch { events, missed: found.missed }
    }

    /// Passes over all that is there now.
    pub fn skip_to_end(&mut self) {
        drop(self.from.follow(&mut self.tail));
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("matching", &self.matching.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}
