//! The global bus's methods as functions: `ringbus::recent(10)` is `ringbus::global().recent(10)`, or that of the bus
//! which a [`with_default`](crate::with_default) has put in its place.

use super::{Bus, Subscribe, Subscription, default};
use crate::dispatch::BoxError;
use crate::event::{Event, IntoSelector, PatternError};
use crate::history::{History, HistoryBusy};
use crate::stats::Stats;

/// [`Bus::subscribe`](crate::Bus::subscribe) on this thread's [default bus](crate::default_bus).
#[track_caller]
pub fn subscribe(handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
    default::default_bus().subscribe(handler)
}

/// [`Bus::try_subscribe`](crate::Bus::try_subscribe) on this thread's [default bus](crate::default_bus).
#[track_caller]
pub fn try_subscribe(handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static) -> Subscription {
    default::default_bus().try_subscribe(handler)
}

/// [`Bus::on`](crate::Bus::on) on this thread's [default bus](crate::default_bus).
///
/// ```
/// let errors = ringbus::on("**.error")?.subscribe(|event| println!("{event}"));
/// # drop(errors);
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Errors
/// [`PatternError`] as for [`Bus::on`](crate::Bus::on).
pub fn on(selector: impl IntoSelector) -> Result<Subscribe, PatternError> {
    default::with(|bus| bus.on(selector))
}

/// [`Bus::recent`](crate::Bus::recent) of this thread's [default bus](crate::default_bus).
///
/// ```
/// ringbus::publish_event!("db.open");
/// assert_eq!(ringbus::recent(1)[0].kind(), "db.open");
/// ```
#[must_use]
pub fn recent(limit: usize) -> Vec<Event> {
    default::with(|bus| bus.recent(limit))
}

/// [`Bus::try_recent`](crate::Bus::try_recent) of this thread's [default bus](crate::default_bus): for panic hooks and the
/// like.
///
/// ```
/// ringbus::publish_event!("db.open");
/// std::panic::set_hook(Box::new(|_| ringbus::try_recent(10).iter().flatten().for_each(|event| eprintln!("{event}"))));
/// assert_eq!(ringbus::try_recent(10)?.len(), 1);
/// # Ok::<(), ringbus::HistoryBusy>(())
/// ```
///
/// # Errors
/// [`HistoryBusy`] if another thread is reading at this moment.
pub fn try_recent(limit: usize) -> Result<Vec<Event>, HistoryBusy> {
    default::with(|bus| bus.try_recent(limit))
}

/// [`Bus::history`](crate::Bus::history) of this thread's [default bus](crate::default_bus).
pub fn history() -> History {
    default::with(Bus::history)
}

/// [`Bus::stats`](crate::Bus::stats) of this thread's [default bus](crate::default_bus).
#[must_use]
pub fn stats() -> Stats {
    default::with(Bus::stats)
}

/// [`Bus::enable`](crate::Bus::enable) on this thread's [default bus](crate::default_bus).
pub fn enable() {
    default::with(Bus::enable);
}

/// [`Bus::disable`](crate::Bus::disable) on this thread's [default bus](crate::default_bus).
pub fn disable() {
    default::with(Bus::disable);
}

/// [`Bus::is_enabled`](crate::Bus::is_enabled) of this thread's [default bus](crate::default_bus).
#[must_use]
pub fn is_enabled() -> bool {
    default::with(Bus::is_enabled)
}

/// [`Bus::reset`](crate::Bus::reset) on this thread's [default bus](crate::default_bus).
pub fn reset() {
    default::with(Bus::reset);
}
