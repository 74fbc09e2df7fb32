//! What a bus tells of a subscription: who it is, how it stands, what it has done.

use core::fmt;
use core::panic::Location;

use super::backlog::QueueInfo;
use super::breaker::BreakerInfo;
use crate::latency::Latency;

/// A subscription's number: unique in its bus, growing in the order of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(crate) u64);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Names a handler in a report: by its name, or by its number where it has none.
pub(crate) fn write_handler(f: &mut fmt::Formatter<'_>, name: Option<&str>, id: SubscriptionId) -> fmt::Result {
    match name {
        Some(name) => write!(f, "handler {name}"),
        None => write!(f, "handler {id}"),
    }
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// It is called.
    Active,
    /// It is being told of the past; what happens meanwhile waits for it.
    Replaying,
    /// Not called, until it is unmuted.
    Muted,
    /// Not called: it has failed too often in a row. Until it is resumed.
    Quarantined,
    /// It has ended.
    Ended,
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Replaying => "replaying",
            Self::Muted => "muted",
            Self::Quarantined => "quarantined",
            Self::Ended => "ended",
        })
    }
}

/// What a bus tells of one subscription.
///
/// Each event that is dispatched while the subscription stands, and whose kind it selects, is in one of `delivered`,
/// `failed`, `skipped` and `quarantined`; what it was told of the past too. Where it has a queue, `delivered` and `failed` come
/// later, and what has not come so far is in [`queue`](Self::queue).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its number.
    pub id: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The patterns that it selects by.
    pub selector: String,
    /// Its order: higher is called first.
    pub order: i32,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// How it stands.
    pub state: SubscriptionState,
    /// Calls that succeeded, since it was made.
    pub delivered: u64,
    /// Calls that failed, by an error or a panic, of the filter too.
    pub failed: u64,
    /// Those of them that panicked.
    pub panicked: u64,
    /// Those of the failed that no report has told of: their second had one already, or nobody was there to be told. The
    /// next report, if one comes, tells their number ([`Failure::suppressed`](crate::Failure::suppressed)).
    pub unreported: u64,
    /// Events that it was not called for: its filter did not want them, it was muted, its limit was reached, its throttle or
    /// its open circuit kept them back, a `filter_map` made nothing of them, or they hold no payload and it takes payloads.
    pub skipped: u64,
    /// Events that it was not called for because it was in quarantine.
    pub quarantined: u64,
    /// Events that were overwritten, or came too many, before it could be told of them with the past: at most so many of
    /// those that it selects, since of what was overwritten nobody knows the kind.
    pub lagged: u64,
    /// Calls that took longer than the bus's `slow_after`.
    pub slow: u64,
    /// How long calls took: the first one on each group of threads, and then one in 64 (a reading of the clock costs as
    /// much as a good part of a publish); every one where the bus has a [`slow_after`](crate::BusBuilder::slow_after).
    /// Of a handler with a queue: the first one and then one in 64, or every one where it has a
    /// [`deadline`](crate::Queued::deadline). `None` before the first.
    pub latency: Option<Latency>,
    /// Its queue, where it takes its time.
    pub queue: Option<QueueInfo>,
    /// Its circuit breaker, where it has one.
    pub breaker: Option<BreakerInfo>,
}

impl fmt::Display for SubscriptionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("(unnamed)");
        write!(f, "{} {name} on {} at {}: ", self.id, self.selector, self.place)?;
        if self.state != SubscriptionState::Active {
            write!(f, "{}, ", self.state)?;
        }
        write!(f, "{} delivered, {} failed ({} by panic)", self.delivered, self.failed, self.panicked)?;
        let more = [
            (self.skipped, "skipped"),
            (self.quarantined, "kept back in quarantine"),
            (self.lagged, "lagged"),
            (self.slow, "slow"),
        ];
        more.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))?;
        self.queue.map_or(Ok(()), |queue| write!(f, "; {queue}"))?;
        self.breaker.map_or(Ok(()), |breaker| write!(f, "; {breaker}"))?;
        self.latency.map_or(Ok(()), |latency| write!(f, "; {latency}"))
    }
}
