//! The global bus's methods as functions: `ringbus::recent(10)` is `ringbus::global().recent(10)`, or that of the bus
//! which a [`with_default`](crate::with_default) has put in its place.

use super::{Bus, Subscribe, Subscription, default};
use crate::dispatch::BoxError;
use crate::event::{Event, IntoSelector, PatternError};
use crate::history::History;
use crate::stats::Stats;

/// [`Bus::subscribe`](crate::Bus::subscribe) on the bus that this thread means.
#[track_caller]
pub fn subscribe(handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
    default::default_bus().subscribe(handler)
}

/// [`Bus::try_subscribe`](crate::Bus::try_subscribe) on the bus that this thread means.
#[track_caller]
pub fn try_subscribe(handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static) -> Subscription {
    default::default_bus().try_subscribe(handler)
}

/// [`Bus::on`](crate::Bus::on) on the bus that this thread means.
///
/// ```
/// let errors = ringbus::on("**.error")?.subscribe(|event| println!("{event}"));
/// # drop(errors);
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Errors
/// [`PatternError`] as there.
pub fn on(selector: impl IntoSelector) -> Result<Subscribe, PatternError> {
    default::with(|bus| bus.on(selector))
}

/// [`Bus::recent`](crate::Bus::recent) of the bus that this thread means.
#[must_use]
pub fn recent(limit: usize) -> Vec<Event> {
    default::with(|bus| bus.recent(limit))
}

/// [`Bus::history`](crate::Bus::history) of the bus that this thread means.
pub fn history() -> History {
    default::with(Bus::history)
}

/// [`Bus::stats`](crate::Bus::stats) of the bus that this thread means.
#[must_use]
pub fn stats() -> Stats {
    default::with(Bus::stats)
}

/// [`Bus::enable`](crate::Bus::enable) on the bus that this thread means.
pub fn enable() {
    default::with(Bus::enable);
}

/// [`Bus::disable`](crate::Bus::disable) on the bus that this thread means.
pub fn disable() {
    default::with(Bus::disable);
}

/// [`Bus::is_enabled`](crate::Bus::is_enabled) of the bus that this thread means.
#[must_use]
pub fn is_enabled() -> bool {
    default::with(Bus::is_enabled)
}

/// [`Bus::reset`](crate::Bus::reset) on the bus that this thread means.
pub fn reset() {
    default::with(Bus::reset);
}
