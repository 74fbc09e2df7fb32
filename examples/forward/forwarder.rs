//! A forwarder as the program sees it: a subscription, and the account of what became of its events.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{BreakerInfo, CloseError, DeadLetter, Subscription};

/// A subscription that forwards.
pub(crate) struct Forwarder {
    pub(crate) name: &'static str,
    pub(crate) guard: Arc<Subscription>,
    /// Events that the handler has taken, and that have not come through all the same.
    pub(crate) lost: Arc<AtomicU64>,
    /// What is said of those.
    pub(crate) lost_as: &'static str,
}

/// What became of the events that one forwarder was offered. Each is in one of the counts.
pub(crate) struct Account {
    name: &'static str,
    delivered: u64,
    lost: u64,
    lost_as: &'static str,
    failed: u64,
    dropped: u64,
    /// Waited when the time for shutting down was over.
    discarded: u64,
    /// Those failed that are among the dead letters.
    dead: u64,
}

// === impl Forwarder ===

impl Forwarder {
    /// Waits for the call that runs, and for the handler to be dropped.
    pub(crate) fn end(&self) -> Result<(), CloseError> {
        self.guard.close()
    }

    /// The account, once it has ended.
    pub(crate) fn account(&self, letters: &[DeadLetter]) -> Account {
        let queue = self.guard.info().queue.unwrap_or_default();
        let lost = self.lost.load(Ordering::Relaxed);
        let dead = letters.iter().filter(|letter| letter.subscription == self.guard.id()).count() as u64;
        Account {
            name: self.name,
            delivered: queue.delivered - lost,
            lost,
            lost_as: self.lost_as,
            failed: queue.failed,
            dropped: queue.dropped,
            discarded: queue.discarded,
            dead,
        }
    }

    pub(crate) fn circuit(&self) -> Option<BreakerInfo> {
        self.guard.info().breaker
    }
}

// === impl Account ===

impl Account {
    /// Whether every one of these events is in it, and every failed one is a dead letter.
    pub(crate) fn adds_up_to(&self, events: u64) -> bool {
        let Self { delivered, lost, failed, dropped, discarded, dead, .. } = self;
        delivered + lost + failed + dropped + discarded == events && failed == dead
    }

    /// Whether all these events have come through.
    pub(crate) fn is_all_of(&self, events: u64) -> bool {
        self.delivered == events
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, delivered, lost, lost_as, failed, dropped, discarded, dead } = self;
        write!(f, "{name} {delivered} delivered, {lost} {lost_as}, {failed} failed ({dead} dead letters), ")?;
        write!(f, "{dropped} dropped, {discarded} discarded")
    }
}
