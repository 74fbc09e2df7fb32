//! Whether a publish can reach anybody: one word, so that a call site that is off costs one load (P11).
//!
//! The word is open while the bus is enabled and somebody could notice an event: the history, or a subscriber. The
//! global bus repeats its word in a static, where call sites find it without looking for the bus; until there is a
//! global bus the static says open, so that the first publish makes one. While some thread has a bus of its own in the
//! global one's place ([`default`](super::default)), the static says so, and call sites look closer.
//!
//! What the word follows from is told first; then, under a lock, the word is made from it. Who subscribes, enables or
//! disables waits for that. A publisher does not (P1): one that has used up a subscription, or made the global bus,
//! tries the lock, and leaves it to whoever has it. A gate is open a moment too long then, never closed too early.
//!
//! # Orderings
//! - The word: Relaxed. It is made under a lock, and before the call that changes it returns; a publish that happens
//!   after that call sees its change, or a later one, by coherence (P5). A thread sees its own override.
//! - `unsettled` against the lock: who tells something fences and tries the lock; who unlocks fences and looks for word.
//!   One of the two finds the other (Dekker), as in the registry.

use super::{Bus, global};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use crate::sync::{QuietMutex, busy, scoped};

/// The global bus's word:
///
/// ```text
/// | overrides in force, on all threads: 31 bits | OPEN |
/// ```
#[cfg(not(ringbus_loom))]
static GLOBAL: AtomicU32 = AtomicU32::new(OPEN);
#[cfg(ringbus_loom)]
crate::sync::lazy_static! { static ref GLOBAL: AtomicU32 = AtomicU32::new(OPEN); }
const OPEN: u32 = 1;
const OVERRIDE: u32 = 2;

/// Whether a publish of a call site that names no bus can reach anybody.
#[doc(hidden)]
#[inline(always)]
#[must_use]
pub fn global_is_open() -> bool {
    let word = GLOBAL.load(Ordering::Relaxed);
    word != 0 && (word == OPEN || look_closer(word))
}

#[cold]
fn look_closer(word: u32) -> bool {
    scoped::with(|bus: Option<&Bus>| bus.map_or(word & OPEN != 0, Bus::is_open))
}

/// Whether some thread has a bus in the global one's place.
#[inline]
pub(super) fn is_overridden() -> bool {
    GLOBAL.load(Ordering::Relaxed) >= OVERRIDE
}

/// Counts an override for as long as it lives.
pub(super) struct Override(());

impl Override {
    pub(super) fn begin() -> Self {
        GLOBAL.fetch_add(OVERRIDE, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Override {
    fn drop(&mut self) {
        GLOBAL.fetch_sub(OVERRIDE, Ordering::Relaxed);
    }
}

/// The gate of one bus.
#[derive(Debug)]
pub(crate) struct Gate {
    open: AtomicBool,
    enabled: AtomicBool,
    records: bool,
    /// The bus has been shut down: what is published then is counted, so it must come through.
    shut: AtomicBool,
    /// Written under the registry's lock.
    subscribers: AtomicUsize,
    /// Something was told, and `open` may not follow from it yet.
    unsettled: AtomicBool,
    /// Whoever has it makes `open`.
    settling: QuietMutex<()>,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(enabled: bool, records: bool) -> Self {
        Self {
            open: AtomicBool::new(enabled && records),
            enabled: AtomicBool::new(enabled),
            records,
            shut: AtomicBool::new(false),
            subscribers: AtomicUsize::new(0),
            unsettled: AtomicBool::new(false),
            settling: QuietMutex::new(()),
        }
    }

    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Release);
        self.settle(true);
    }

    /// The bus is shut down.
    pub(crate) fn set_shut(&self) {
        self.shut.store(true, Ordering::Relaxed);
        self.settle(true);
    }

    /// There are so many subscribers now; `waits` where the caller is no publisher. Under the registry's lock.
    pub(crate) fn set_subscribers(&self, subscribers: usize, waits: bool) {
        self.subscribers.store(subscribers, Ordering::Relaxed);
        self.settle(waits);
    }

    /// This is the global bus's gate since a moment ago. Whoever has found the bus before, and changed it, has made the
    /// global word too.
    pub(crate) fn installed(&self) {
        self.settle(false);
    }

    /// Makes the word from what was told; where somebody else is at it, after them (`waits`), or has them do it.
    fn settle(&self, waits: bool) {
        busy::during(|| {
            // Release: what was told, for whoever takes back the word; an exchange, so that none hides another's.
            self.unsettled.swap(true, Ordering::AcqRel);
            // Pairs with the fence below.
            fence(Ordering::SeqCst);
            let mut settling = if waits { Some(self.settling.lock()) } else { self.settling.try_lock() };
            while let Some(lock) = settling {
                self.unsettled.swap(false, Ordering::AcqRel);
                self.make();
                drop(lock);
                fence(Ordering::SeqCst);
                // Whoever has the lock looks when it is done.
                settling = self.unsettled.load(Ordering::Relaxed).then(|| self.settling.try_lock()).flatten();
            }
        });
    }

    fn make(&self) {
        let noticed = self.records || self.subscribers.load(Ordering::Relaxed) > 0 || self.shut.load(Ordering::Relaxed);
        let open = noticed && self.enabled.load(Ordering::Relaxed);
        self.open.store(open, Ordering::Relaxed);
        if global::is_gated_by(self) {
            if open {
                GLOBAL.fetch_or(OPEN, Ordering::Relaxed)
            } else {
                GLOBAL.fetch_and(!OPEN, Ordering::Relaxed)
            };
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn open_means_enabled_and_noticed() {
        let gate = Gate::new(true, false);
        assert!(!gate.is_open(), "nobody would notice");
        gate.set_subscribers(1, true);
        assert!(gate.is_open());
        gate.set_enabled(false);
        assert!(!gate.is_open() && !gate.is_enabled());
        gate.set_enabled(true);
        gate.set_subscribers(0, true);
        assert!(!gate.is_open());
        assert!(Gate::new(true, true).is_open());
        assert!(!Gate::new(false, true).is_open());
    }
    #[test]
    fn a_publisher_leaves_the_word_to_whoever_has_the_lock() {
        let gate = Gate::new(true, false);
        gate.set_subscribers(1, true);
        let settling = gate.settling.lock();
        gate.set_subscribers(0, false);
        assert!(gate.is_open(), "it did not wait");
        drop(settling);
        gate.set_enabled(true);
        assert!(!gate.is_open());
        gate.set_subscribers(1, false);
        assert!(gate.is_open(), "the lock was free");
    }
}
