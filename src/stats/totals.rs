//! [`Totals`]: what has happened on a bus, in plain numbers.
//!
//! It promises that each count is told apart from the others: nothing is in two of them but `panicked`, which is a part
//! of `failed`, and `overwritten`, `depth_stops`, `hop_stops` and `while_panicking`, which are parts of `published`,
//! as are `unheard`, `deferred` and `deferred_drops`.

/// What a bus has done since it was made, or since its last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Totals {
    /// Events accepted, whether or not anybody heard them.
    pub published: u64,
    /// Calls of handlers that succeeded.
    pub delivered: u64,
    /// Calls of handlers that returned an error or panicked.
    pub failed: u64,
    /// Those of the failed that panicked.
    pub panicked: u64,
    /// Events recorded and no longer in the history.
    pub overwritten: u64,
    /// Events recorded but not dispatched, since publishes were nested too deep.
    pub depth_stops: u64,
    /// Events recorded but not dispatched, since the chain of causes that led to them was too long.
    pub hop_stops: u64,
    /// Events recorded but not dispatched, since their thread was panicking.
    pub while_panicking: u64,
    /// Events that no subscription selected. Those that were not dispatched are not among them.
    pub unheard: u64,
    /// Events that waited for the dispatch under way on their thread.
    pub deferred: u64,
    /// Events recorded but not dispatched, since too many were waiting on their thread.
    pub deferred_drops: u64,
    /// Publishes refused because another payload type has their kind.
    pub taken_kinds: u64,
    /// Publishes refused because they came from inside the bus's own work (a publishing allocator).
    pub refused: u64,
    /// Publishes refused because their kind, told at run time, was malformed.
    pub invalid_kinds: u64,
    /// Payloads, of all buses in this process, that were leaked: of panics, because dropping them kept panicking; of
    /// events, because a panicking thread, which must not drop them, was the last to hold too many.
    pub forgotten_panics: u64,
    /// Black boxes, of all buses in this process, that could not be written.
    pub failed_dumps: u64,
}

// === impl Totals ===

impl Totals {
    /// What was counted since `earlier`, each count for itself.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            published: self.published.saturating_sub(earlier.published),
            delivered: self.delivered.saturating_sub(earlier.delivered),
            failed: self.failed.saturating_sub(earlier.failed),
            panicked: self.panicked.saturating_sub(earlier.panicked),
            overwritten: self.overwritten.saturating_sub(earlier.overwritten),
            depth_stops: self.depth_stops.saturating_sub(earlier.depth_stops),
            hop_stops: self.hop_stops.saturating_sub(earlier.hop_stops),
            while_panicking: self.while_panicking.saturating_sub(earlier.while_panicking),
            unheard: self.unheard.saturating_sub(earlier.unheard),
            deferred: self.deferred.saturating_sub(earlier.deferred),
            deferred_drops: self.deferred_drops.saturating_sub(earlier.deferred_drops),
            taken_kinds: self.taken_kinds.saturating_sub(earlier.taken_kinds),
            refused: self.refused.saturating_sub(earlier.refused),
            invalid_kinds: self.invalid_kinds.saturating_sub(earlier.invalid_kinds),
            forgotten_panics: self.forgotten_panics.saturating_sub(earlier.forgotten_panics),
            failed_dumps: self.failed_dumps.saturating_sub(earlier.failed_dumps),
        }
    }

    /// All counts with their names in tables, and whether they are shown also where they are 0.
    pub(super) fn named(&self) -> [(&'static str, u64, bool); 16] {
        let Self {
            published,
            delivered,
            failed,
            panicked,
            overwritten,
            depth_stops,
            hop_stops,
            while_panicking,
            unheard,
            deferred,
            deferred_drops,
            taken_kinds,
            refused,
            invalid_kinds,
            forgotten_panics,
            failed_dumps,
        } = *self;
        [
            ("published", published, true),
            ("delivered", delivered, true),
            ("failed", failed, true),
            ("panicked", panicked, false),
            ("overwritten", overwritten, true),
            ("too deep", depth_stops, false),
            ("too many hops", hop_stops, false),
            ("while panicking", while_panicking, false),
            ("unheard", unheard, false),
            ("deferred", deferred, false),
            ("deferred, dropped", deferred_drops, false),
            ("taken kinds", taken_kinds, false),
            ("refused", refused, false),
            ("invalid kinds", invalid_kinds, false),
            ("forgotten panics", forgotten_panics, false),
            ("failed dumps", failed_dumps, false),
        ]
    }
}
