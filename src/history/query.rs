//! Looking back: a selection from the history by pattern, source, time and number.

use core::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::tail::{Found, Tail};
use super::{HistoryBusy, Recorded};
use crate::event::{Event, IntoSelector, PatternError, Selector, whole_micros};

/// Where a query reads from: a bus, for one.
pub(crate) trait Source {
    /// The newest `limit` events, newest first.
    fn recent(&self, limit: usize) -> Vec<Recorded>;
    /// The same, or nothing if another reader is at it.
    fn try_recent(&self, limit: usize) -> Result<Vec<Recorded>, HistoryBusy>;
    /// A tail that begins with the oldest event.
    fn tail(&self) -> Tail;
    /// What has come since the tail was last read.
    fn follow(&self, tail: &mut Tail) -> Found;
}

/// A look into a bus's history, narrowed step by step and read at the end.
///
/// Nothing is read before [`take`](Self::take), [`all`](Self::all) or iteration; each of those reads what is there at
/// that moment, newest first, without stopping any publisher.
///
/// ```
/// use std::time::SystemTime;
/// let bus = ringbus::Bus::new();
/// ringbus::publish_event!(bus: &bus, "db.open", source: "pool");
/// let start = SystemTime::now();
/// ringbus::publish_event!(bus: &bus, "db.error", source: "pool", code = 7);
///
/// let errors = bus.history().matching("*.error")?.source("pool").take(10);
/// assert_eq!(errors[0].get("code").and_then(|code| code.as_i64()), Some(7));
/// assert_eq!(bus.history().all().len(), 2);
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Cost
/// [`take`](Self::take) reads up to `limit` events of each shard, sorts them and drops the surplus; with a pattern, a source
/// or a time it reads all that the shards hold. Publishers do not wait, but for a cache miss on a slot that is being read;
/// readers wait for each other.
#[must_use = "a query reads nothing before `take`, `all` or iteration"]
pub struct History {
    from: Arc<dyn Source + Send + Sync>,
    matching: Option<Selector>,
    source: Option<String>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
}

// === impl History ===

impl History {
    pub(crate) fn new(from: Arc<dyn Source + Send + Sync>) -> Self {
        Self { from, matching: None, source: None, since: None, until: None }
    }

    /// Only events whose kind matches a pattern, a kind or a list of them.
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed.
    pub fn matching(mut self, selector: impl IntoSelector) -> Result<Self, PatternError> {
        self.matching = Some(selector.into_selector()?);
        Ok(self)
    }

    /// Only events from this source.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Only events of this time or later. Event times are whole microseconds, so `time` is rounded down to one.
    pub fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(whole_micros(time));
        self
    }

    /// Only events before this time.
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }

    /// The newest `limit` of them, newest first.
    #[must_use]
    pub fn take(self, limit: usize) -> Vec<Event> {
        // With nothing to sort out, no more than `limit` need be read.
        let read = if self.selects() { usize::MAX } else { limit };
        self.narrow(self.from.recent(read), limit)
    }

    /// All of them, newest first.
    #[must_use]
    pub fn all(self) -> Vec<Event> {
        self.take(usize::MAX)
    }

    /// Like [`take`](Self::take), but never waits: for panic hooks and the like.
    ///
    /// # Errors
    /// [`HistoryBusy`] if another thread is reading at this moment.
    pub fn try_take(self, limit: usize) -> Result<Vec<Event>, HistoryBusy> {
        let read = if self.selects() { usize::MAX } else { limit };
        Ok(self.narrow(self.from.try_recent(read)?, limit))
    }

    fn selects(&self) -> bool {
        self.matching.is_some() || self.source.is_some() || self.since.is_some() || self.until.is_some()
    }

    fn narrow(&self, found: Vec<Recorded>, limit: usize) -> Vec<Event> {
        found.into_iter().map(|entry| entry.event).filter(|event| self.wants(event)).take(limit).collect()
    }

    fn wants(&self, event: &Event) -> bool {
        self.matching.as_ref().is_none_or(|selector| selector.matches(event.kind().as_str()))
            && self.source.as_deref().is_none_or(|source| event.source() == Some(source))
            && self.since.is_none_or(|since| event.timestamp() >= since)
            && self.until.is_none_or(|until| event.timestamp() < until)
    }
}

impl IntoIterator for History {
    type Item = Event;
    type IntoIter = std::vec::IntoIter<Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.all().into_iter()
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("matching", &self.matching.as_ref().map(ToString::to_string))
            .field("source", &self.source)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
