//! Where the rate of the raw counter is measured from: a reading of it and of the monotonic clock, long ago.
//!
//! Replaced when the two clocks have jumped against each other. A reader never waits: while somebody replaces it there
//! is nothing to measure by, and the clock asks the system each time.
//!
//! # Orderings
//! A sequence lock: odd while it is written. The writer's exchange to odd acquires the last writer's release; its fence
//! keeps the new values behind that mark. A reader's first look acquires the values, its fence keeps them before the
//! second look: the same even number twice means that what lies between belongs together.

use crate::sync::atomic::{AtomicU64, Ordering, fence};

/// See the [module](self).
pub(crate) struct Baseline {
    /// 0 = not set; odd = being written.
    version: AtomicU64,
    raw: AtomicU64,
    mono_ns: AtomicU64,
}

impl Baseline {
    #[cfg(not(ringbus_loom))]
    pub(crate) const fn new() -> Self {
        Self { version: AtomicU64::new(0), raw: AtomicU64::new(0), mono_ns: AtomicU64::new(0) }
    }

    #[cfg(ringbus_loom)]
    pub(crate) fn new() -> Self {
        Self { version: AtomicU64::new(0), raw: AtomicU64::new(0), mono_ns: AtomicU64::new(0) }
    }

    /// Ticks and nanoseconds since the baseline, which is set now if it never was; (0, 0) where nothing is known.
    pub(crate) fn elapsed(&self, raw: u64, mono_ns: u64) -> (u64, u64) {
        match self.get() {
            Some((first, since)) => (raw.saturating_sub(first), mono_ns.saturating_sub(since)),
            None => {
                if self.version.load(Ordering::Relaxed) == 0 {
                    self.set(0, raw, mono_ns);
                }
                (0, 0)
            }
        }
    }

    /// Begins anew here, unless the baseline is younger than `since` already.
    pub(crate) fn renew(&self, raw: u64, mono_ns: u64, since: u64) {
        let version = self.version.load(Ordering::Relaxed);
        if self.get().is_some_and(|(first, _)| first <= since) {
            self.set(version, raw, mono_ns);
        }
    }

    fn get(&self) -> Option<(u64, u64)> {
        let version = self.version.load(Ordering::Acquire);
        let found = (self.raw.load(Ordering::Relaxed), self.mono_ns.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let whole = version != 0 && version % 2 == 0 && self.version.load(Ordering::Relaxed) == version;
        whole.then_some(found)
    }

    /// Writes, unless somebody else does or has done so since `version`.
    fn set(&self, version: u64, raw: u64, mono_ns: u64) {
        let writing = version.wrapping_add(1);
        let won = version % 2 == 0
            && self.version.compare_exchange(version, writing, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if won {
            fence(Ordering::Release);
            self.raw.store(raw, Ordering::Relaxed);
            self.mono_ns.store(mono_ns, Ordering::Relaxed);
            self.version.store(version.wrapping_add(2), Ordering::Release);
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_is_set_once_and_replaced_once_for_each_jump() {
        let baseline = Baseline::new();
        assert_eq!(baseline.elapsed(100, 10), (0, 0));
        assert_eq!(baseline.elapsed(130, 11), (30, 1));
        assert_eq!(baseline.elapsed(50, 5), (0, 0), "both were set back");
        baseline.renew(1_000, 12, 120);
        assert_eq!(baseline.elapsed(1_030, 13), (30, 1));
        // Another thread, whose anchor is as old.
        baseline.renew(2_000, 14, 120);
        assert_eq!(baseline.elapsed(1_030, 13), (30, 1));
    }

    #[test]
    fn nobody_waits_for_one_who_stands_still_while_writing() {
        let baseline = Baseline::new();
        baseline.elapsed(100, 10);
        baseline.version.store(3, Ordering::Relaxed);
        baseline.renew(1_000, 12, 500);
        assert_eq!(baseline.elapsed(1_030, 13), (0, 0));
    }

    #[test]
    fn what_is_read_belongs_together() {
        let baseline = Baseline::new();
        baseline.elapsed(7, 7);
        std::thread::scope(|scope| {
            scope.spawn(|| (8..200_000).for_each(|n| baseline.renew(n, n, u64::MAX)));
            for _ in 0..200_000 {
                if let Some((raw, mono_ns)) = baseline.get() {
                    assert_eq!(raw, mono_ns);
                }
            }
        });
    }
}
