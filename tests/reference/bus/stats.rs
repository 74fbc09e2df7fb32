//! Statistics: counted when somebody asks, from what is there.

use ringbus::{Stats, Totals};

use super::Reference;
use crate::operations::SITES;

impl Reference {
    /// Kinds of no call site of this test are counted as others: which of them are interned nobody knows.
    pub(crate) fn stats(&self) -> Stats {
        let recent = self.recent(usize::MAX);
        let state = self.lock();
        let mut stats = Stats::default();
        stats.enabled = state.enabled;
        stats.handlers = state.listed().count();
        stats.buffer_len = recent.len();
        stats.buffer_capacity = self.options().history;
        for event in &recent {
            *stats.by_kind.entry(event.kind.clone()).or_default() += 1;
            if let Some(source) = event.source {
                *stats.by_source.entry(source.to_owned()).or_default() += 1;
            }
        }
        for event in &state.events[state.base..] {
            if SITES.contains(&&*event.kind) {
                *stats.published_by_kind.entry(event.kind.clone()).or_default() += 1;
            } else {
                stats.published_of_other_kinds += 1;
            }
        }
        stats.resets = state.resets;
        stats.totals = state.totals.clone();
        stats.totals.published = (state.events.len() - state.base) as u64;
        if self.options().history > 0 {
            stats.totals.overwritten = stats.totals.published - recent.len() as u64;
        }
        stats
    }
}

/// What was counted since `earlier`.
pub(crate) fn minus(later: &Totals, earlier: &Totals) -> Totals {
    let mut totals = Totals::default();
    totals.published = later.published - earlier.published;
    totals.delivered = later.delivered - earlier.delivered;
    totals.failed = later.failed - earlier.failed;
    totals.panicked = later.panicked - earlier.panicked;
    totals.overwritten = later.overwritten - earlier.overwritten;
    totals.depth_stops = later.depth_stops - earlier.depth_stops;
    totals.hop_stops = later.hop_stops - earlier.hop_stops;
    totals.while_panicking = later.while_panicking - earlier.while_panicking;
    totals.unheard = later.unheard - earlier.unheard;
    totals.deferred = later.deferred - earlier.deferred;
    totals.deferred_drops = later.deferred_drops - earlier.deferred_drops;
    totals.taken_kinds = later.taken_kinds - earlier.taken_kinds;
    totals.refused = later.refused - earlier.refused;
    totals.invalid_kinds = later.invalid_kinds - earlier.invalid_kinds;
    totals
}
