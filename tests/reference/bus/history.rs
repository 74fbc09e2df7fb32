//! Looking back: the history is the end of a list.

use super::{Event, Reference, selects};

impl Reference {
    /// Newest first.
    pub(crate) fn recent(&self, limit: usize) -> Vec<Event> {
        let state = self.lock();
        state.events[state.base..].iter().rev().take(limit.min(self.options().history)).cloned().collect()
    }

    /// The newest of those that are wanted.
    pub(crate) fn query(
        &self,
        patterns: &[String],
        source: Option<&str>,
        since: Option<u64>,
        until: Option<u64>,
        limit: usize,
    ) -> Vec<Event> {
        let mut found = self.recent(usize::MAX);
        found.retain(|event| {
            selects(patterns, &event.kind)
                && (source.is_none() || event.source == source)
                && event.is_since(since)
                && (until.is_none() || !event.is_since(until))
        });
        found.truncate(limit);
        found
    }

    /// What has come since the last time, oldest first, and how many of those are forgotten.
    pub(crate) fn follow(&self) -> (Vec<Event>, u64) {
        let mut state = self.lock();
        let followed = state.followed;
        state.followed = state.events.len();
        let first = followed.max(state.base);
        (state.events[first..].to_vec(), (first - followed) as u64)
    }

    /// Forgets all events, and counts from zero.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.base = state.events.len();
        state.resets += 1;
        state.totals = Default::default();
    }
}

impl Event {
    /// Whether it is of this time or later; nobody's own time is now.
    pub(super) fn is_since(&self, time: Option<u64>) -> bool {
        time.is_none_or(|time| self.own.is_none_or(|own| own.time >= time))
    }
}
