//! The global bus's methods as functions: `ringbus::recent(10)` is `ringbus::global().recent(10)`.

use super::{Subscribe, Subscription, global};
use crate::dispatch::BoxError;
use crate::event::{Event, IntoSelector, PatternError};
use crate::history::History;
use crate::stats::Stats;

/// [`Bus::subscribe`](crate::Bus::subscribe) on the global bus.
#[track_caller]
pub fn subscribe(handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
    global().subscribe(handler)
}

/// [`Bus::try_subscribe`](crate::Bus::try_subscribe) on the global bus.
#[track_caller]
pub fn try_subscribe(handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static) -> Subscription {
    global().try_subscribe(handler)
}

/// [`Bus::on`](crate::Bus::on) on the global bus.
///
/// ```
/// let errors = ringbus::on("**.error")?.subscribe(|event| println!("{event}"));
/// # drop(errors);
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Errors
/// [`PatternError`] as there.
pub fn on(selector: impl IntoSelector) -> Result<Subscribe<'static>, PatternError> {
    global().on(selector)
}

/// [`Bus::recent`](crate::Bus::recent) of the global bus.
#[must_use]
pub fn recent(limit: usize) -> Vec<Event> {
    global().recent(limit)
}

/// [`Bus::history`](crate::Bus::history) of the global bus.
pub fn history() -> History<'static> {
    global().history()
}

/// [`Bus::stats`](crate::Bus::stats) of the global bus.
#[must_use]
pub fn stats() -> Stats {
    global().stats()
}

/// [`Bus::enable`](crate::Bus::enable) on the global bus.
pub fn enable() {
    global().enable();
}

/// [`Bus::disable`](crate::Bus::disable) on the global bus.
pub fn disable() {
    global().disable();
}

/// [`Bus::is_enabled`](crate::Bus::is_enabled) of the global bus.
#[must_use]
pub fn is_enabled() -> bool {
    global().is_enabled()
}

/// [`Bus::reset`](crate::Bus::reset) on the global bus.
pub fn reset() {
    global().reset();
}
