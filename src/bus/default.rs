//! Which bus a thread means when it names none: the global one, unless a scope has put another in its place.
//!
//! The override is a borrowed reference in a thread-local, so it ends with its scope, and costs other threads' call
//! sites one look more while it is in force.

use super::gate::{self, Override};
use super::{Bus, global};
use crate::sync::scoped;

/// Runs `call` with `bus` in the global bus's place, on this thread: `publish_event!` without `bus:`, and the functions
/// of this crate that stand for the global bus's methods, mean it.
///
/// For tests, which each want a bus of their own, and for programs that run parts apart. It nests; other threads are
/// not touched: [`propagate`] takes it along to one that is spawned inside.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// ringbus::with_default(&bus, || {
///     publish_event!("db.open");
///     assert_eq!(ringbus::recent(1)[0].kind(), "db.open");
/// });
/// assert_eq!(bus.recent(10).len(), 1);
/// assert!(ringbus::recent(10).is_empty());
/// ```
///
/// # Panics
/// Only if `call` does; the scope ends then too.
pub fn with_default<R>(bus: &Bus, call: impl FnOnce() -> R) -> R {
    let _counted = Override::begin();
    scoped::set(bus, call)
}

/// Carries this thread's [`with_default`] to wherever the closure it returns is called.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// ringbus::with_default(&bus, || {
///     let worker = std::thread::spawn(ringbus::propagate(|| publish_event!("worker.start")));
///     worker.join().unwrap();
/// });
/// assert_eq!(bus.recent(1)[0].kind(), "worker.start");
/// ```
pub fn propagate<R>(call: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let bus = scoped::with(|bus: Option<&Bus>| bus.cloned());
    move || match bus {
        Some(bus) => with_default(&bus, call),
        None => call(),
    }
}

/// The bus that this thread means when it names none: that of the innermost [`with_default`], else the
/// [`global`](crate::global) one.
///
/// ```
/// let bus = ringbus::Bus::new();
/// ringbus::with_default(&bus, || assert!(ringbus::default_bus().same_bus(&bus)));
/// assert!(ringbus::default_bus().same_bus(ringbus::global()));
/// ```
#[must_use]
pub fn default_bus() -> Bus {
    with(Bus::clone)
}

/// Hands `call` the bus that this thread means.
pub(super) fn with<R>(call: impl FnOnce(&Bus) -> R) -> R {
    scoped::with(|bus: Option<&Bus>| call(bus.unwrap_or_else(|| global::global())))
}

/// The global bus, if there is one and no thread has another in its place.
#[inline]
pub(super) fn global_if_meant<'a>() -> Option<&'a Bus> {
    if gate::is_overridden() { None } else { global::made() }
}

/// Hands `call` the bus that a call site means: `named`, or this thread's; `None` while this thread is making the global
/// one, when an allocator publishes.
#[inline]
pub(crate) fn with_bus_of_call_site<R>(named: Option<&Bus>, call: impl FnOnce(&Bus) -> R) -> Option<R> {
    match named {
        Some(bus) => Some(call(bus)),
        None if gate::is_overridden() => scoped::with(|bus: Option<&Bus>| match bus {
            Some(bus) => Some(call(bus)),
            None => global::of_call_site().map(call),
        }),
        None => global::of_call_site().map(call),
    }
}
