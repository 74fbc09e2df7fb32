//! [`Totals`]: what has happened on a bus, in plain numbers.
//!
//! It promises that each count is told apart from the others, and that what is in two of them is so by its nature:
//!
//! - `panicked` and `dead_letters` are parts of `failed`.
//! - `overwritten`, `depth_stops`, `hop_stops`, `while_panicking`, `unheard`, `deferred` and `deferred_drops` are parts of
//!   `published`. An event that was stopped, or published while panicking, is in one of those; what was `overwritten` may be
//!   in any other part, and what was `deferred` may be `unheard` too.
//! - What was `enqueued` is, when it has come to its end, in `delivered`, `failed`, `queue_drops` or `discarded` too, unless it
//!   was passed by or kept back. `queue_drops` has besides what full queues have not taken in.

/// What a bus has done since it was made, or since its last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Totals {
    /// Events accepted, whether or not anybody heard them. What is published while the bus is off (disabled, or without
    /// history and subscribers) is not an event, and is not counted.
    pub published: u64,
    /// Calls of handlers that succeeded.
    pub delivered: u64,
    /// Times that the queue of a handler took an event: each is delivered, failed, lost or discarded later, or passed by or
    /// kept back, which the [queue](crate::QueueInfo) counts.
    pub enqueued: u64,
    /// Calls of handlers that returned an error or panicked; of a handler with a queue, events that it has failed after all
    /// its attempts.
    pub failed: u64,
    /// Those of the failed that panicked.
    pub panicked: u64,
    /// Events recorded and no longer in the history.
    pub overwritten: u64,
    /// Events recorded but not dispatched, since publishes were nested too deep.
    pub depth_stops: u64,
    /// Events recorded but not dispatched, since the chain of causes that led to them was too long.
    pub hop_stops: u64,
    /// Events that a panicking thread has published: recorded, and dispatched only to handlers that
    /// [asked for that](crate::Subscribe::while_panicking). Where they were nested too deep, or too many hops away, to none;
    /// they are counted here alone.
    pub while_panicking: u64,
    /// Events that no subscription selected. Those that were not dispatched, or published while panicking, are not among
    /// them.
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
    /// Publishes refused because the bus has been shut down.
    pub shut_down: u64,
    /// Times that a handler's queue lost an event because it was full: one that was enqueued, or was not.
    pub queue_drops: u64,
    /// Times that an event which was enqueued was discarded, because its subscription was ended.
    pub discarded: u64,
    /// Events that a handler with a queue has failed after all its attempts; each is counted as failed too.
    pub dead_letters: u64,
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
            enqueued: self.enqueued.saturating_sub(earlier.enqueued),
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
            shut_down: self.shut_down.saturating_sub(earlier.shut_down),
            queue_drops: self.queue_drops.saturating_sub(earlier.queue_drops),
            discarded: self.discarded.saturating_sub(earlier.discarded),
            dead_letters: self.dead_letters.saturating_sub(earlier.dead_letters),
            forgotten_panics: self.forgotten_panics.saturating_sub(earlier.forgotten_panics),
            failed_dumps: self.failed_dumps.saturating_sub(earlier.failed_dumps),
        }
    }

    /// All counts with their names in tables, and whether they are shown also where they are 0.
    pub(super) fn named(&self) -> [(&'static str, u64, bool); 21] {
        let Self {
            published,
            delivered,
            enqueued,
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
            shut_down,
            queue_drops,
            discarded,
            dead_letters,
            forgotten_panics,
            failed_dumps,
        } = *self;
        [
            ("published", published, true),
            ("delivered", delivered, true),
            ("enqueued", enqueued, false),
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
            ("shut down", shut_down, false),
            ("lost by full queues", queue_drops, false),
            ("discarded", discarded, false),
            ("dead letters", dead_letters, false),
            ("forgotten panics", forgotten_panics, false),
            ("failed dumps", failed_dumps, false),
        ]
    }
}
