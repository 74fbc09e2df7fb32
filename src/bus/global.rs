//! The bus that call sites mean when they name none, and the bus that is calling the present handler.

use core::fmt;

use super::gate::Gate;
use super::{Bus, Inner};
use crate::sync::{busy, frames};

#[cfg(not(ringbus_loom))]
static GLOBAL: crate::sync::OnceBox<Bus> = crate::sync::OnceBox::new();
#[cfg(ringbus_loom)]
crate::sync::lazy_static! { static ref GLOBAL: crate::sync::OnceBox<Bus> = crate::sync::OnceBox::new(); }

/// There is a global bus already: one was set, or a first use has made it. Hands back the bus that was given.
pub struct GlobalAlreadySet(pub Bus);

impl fmt::Debug for GlobalAlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GlobalAlreadySet").field(&self.0).finish()
    }
}

impl fmt::Display for GlobalAlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there is a global bus already, set before or made by its first use; \
             it can be set once, before anything is published, subscribed or read",
        )
    }
}

impl std::error::Error for GlobalAlreadySet {}

/// The global bus. Unless [`set_global`] came first, its first use makes it with the defaults.
///
/// This is the process's own one also inside [`with_default`](crate::with_default); what call sites mean there is
/// [`default_bus`](crate::default_bus).
///
/// ```
/// let _guard = ringbus::global().subscribe(|event| println!("{event}"));
/// ringbus::publish_event!("app.start", version = "1.2");
/// ```
#[must_use]
pub fn global() -> &'static Bus {
    loop {
        if let Some(bus) = GLOBAL.get() {
            return bus;
        }
        // Threads that race here all build one and keep the first; none waits.
        let _ = busy::during(|| set_global(Bus::new()));
    }
}

/// The global bus, if there is one.
#[inline]
pub(super) fn made() -> Option<&'static Bus> {
    GLOBAL.get()
}

/// The global bus as a call site finds it; `None` while this thread is making it, when an allocator publishes.
#[inline]
pub(super) fn of_call_site() -> Option<&'static Bus> {
    match GLOBAL.get() {
        Some(bus) => Some(bus),
        None if busy::is_busy() => None,
        None => Some(global()),
    }
}

/// Whether the global bus is the one of this gate.
pub(super) fn is_gated_by(gate: &Gate) -> bool {
    GLOBAL.get().is_some_and(|bus| core::ptr::eq(&raw const bus.inner.gate, gate))
}

/// Makes `bus` the global one. Once, before the first use.
///
/// ```
/// let bus = ringbus::Bus::builder().history(10_000).enabled(false).build()?;
/// ringbus::set_global(bus)?;
/// assert!(!ringbus::global().is_enabled());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`GlobalAlreadySet`] hands the bus back; nothing has changed.
pub fn set_global(bus: Bus) -> Result<(), GlobalAlreadySet> {
    let inner = bus.inner.clone();
    let bus = Box::new(bus);
    busy::during(|| GLOBAL.set(bus)).map_err(|bus| GlobalAlreadySet(*bus))?;
    inner.gate.installed();
    Ok(())
}

/// Inside a handler: the bus that is calling it. Elsewhere: `None`.
///
/// A handler that publishes on its own bus uses this rather than a [`Bus`] of its own, which would keep the bus alive
/// for ever.
///
/// ```
/// let bus = ringbus::Bus::new();
/// let _count = bus.on("job.done")?.subscribe(|_| {
///     let bus = ringbus::current().expect("a handler runs on a bus");
///     ringbus::publish_event!(bus: &bus, "job.counted");
/// });
/// ringbus::publish_event!(bus: &bus, "job.done");
/// assert_eq!(bus.recent(1)[0].kind(), "job.counted");
/// assert!(ringbus::current().is_none());
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[must_use]
pub fn current() -> Option<Bus> {
    frames::find(|who, _| Some(who.downcast_ref::<Inner>().and_then(|inner| inner.me.upgrade())))
        .flatten()
        .map(|inner| Bus { inner })
}
