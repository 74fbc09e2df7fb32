//! Whether a publish can reach anybody: one word, so that a call site that is off costs one load (P11).
//!
//! The word is open while the bus is enabled and somebody could notice an event: the history, or a subscriber. The
//! global bus repeats its word in a static, where call sites find it without looking for the bus; until there is a
//! global bus the static says open, so that the first publish makes one. While some thread has a bus of its own in the
//! global one's place ([`default`](super::default)), the static says so, and call sites look closer.
//!
//! # Orderings
//! Relaxed. Changes are made one after the other under a lock, and before the call that makes them returns; a publish
//! that happens after that call sees its change, or a later one, by coherence (P5). A thread sees its own override.

use super::Bus;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::plain::{self, AtomicU32};
use crate::sync::{Mutex, busy, scoped};

/// The global bus's word:
///
/// ```text
/// | overrides in force, on all threads: 31 bits | OPEN |
/// ```
static GLOBAL: AtomicU32 = AtomicU32::new(OPEN);
const OPEN: u32 = 1;
const OVERRIDE: u32 = 2;

/// Whether a publish of a call site that names no bus can reach anybody.
#[doc(hidden)]
#[inline(always)]
#[must_use]
pub fn global_is_open() -> bool {
    let word = GLOBAL.load(plain::Ordering::Relaxed);
    word != 0 && (word == OPEN || look_closer(word))
}

#[cold]
fn look_closer(word: u32) -> bool {
    scoped::with(|bus: Option<&Bus>| bus.map_or(word & OPEN != 0, Bus::is_open))
}

/// Whether some thread has a bus in the global one's place.
#[inline]
pub(super) fn is_overridden() -> bool {
    GLOBAL.load(plain::Ordering::Relaxed) >= OVERRIDE
}

/// Counts an override for as long as it lives.
pub(super) struct Override(());

impl Override {
    pub(super) fn begin() -> Self {
        GLOBAL.fetch_add(OVERRIDE, plain::Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Override {
    fn drop(&mut self) {
        GLOBAL.fetch_sub(OVERRIDE, plain::Ordering::Relaxed);
    }
}

/// The gate of one bus.
#[derive(Debug)]
pub(crate) struct Gate {
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    enabled: bool,
    records: bool,
    subscribers: usize,
    global: bool,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(enabled: bool, records: bool) -> Self {
        let state = State { enabled, records, subscribers: 0, global: false };
        Self { open: AtomicBool::new(state.is_open()), state: Mutex::new(state) }
    }

    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn is_enabled(&self) -> bool {
        busy::during(|| self.state.lock().enabled)
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.change(|state| state.enabled = enabled);
    }

    pub(crate) fn set_subscribers(&self, subscribers: usize) {
        self.change(|state| state.subscribers = subscribers);
    }

    /// From now on this is the global bus's gate.
    pub(crate) fn become_global(&self) {
        self.change(|state| state.global = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        busy::during(|| self.change_locked(change));
    }

    fn change_locked(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let open = state.is_open();
        self.open.store(open, Ordering::Relaxed);
        match (state.global, open) {
            (false, _) => {}
            (true, true) => drop(GLOBAL.fetch_or(OPEN, plain::Ordering::Relaxed)),
            (true, false) => drop(GLOBAL.fetch_and(!OPEN, plain::Ordering::Relaxed)),
        }
    }
}

impl State {
    fn is_open(&self) -> bool {
        self.enabled && (self.records || self.subscribers > 0)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn open_means_enabled_and_noticed() {
        let gate = Gate::new(true, false);
        assert!(!gate.is_open(), "nobody would notice");
        gate.set_subscribers(1);
        assert!(gate.is_open());
        gate.set_enabled(false);
        assert!(!gate.is_open() && !gate.is_enabled());
        gate.set_enabled(true);
        gate.set_subscribers(0);
        assert!(!gate.is_open());
        assert!(Gate::new(true, true).is_open());
        assert!(!Gate::new(false, true).is_open());
    }
}
