//! A subscription that is told of the past first: what happens meanwhile waits in an inbox.
//!
//! The subscription is in the table from the beginning; while it is being told of the past, publishers leave their
//! events here and go on. Whoever tells takes them out, and opens the way when the last of them has been handled: from
//! then on publishers call the handler themselves.
//!
//! An event that was recorded before the subscriber looked at the history, but whose publisher comes here only
//! afterwards, has been told already: it is *settled*. Publishers ask for that as long as the subscription lives: one
//! of them may have been asleep in between for any time.

use crate::event::Event;
use crate::sync::inbox::{Inbox, Push, Taken};

/// Whether an event with this stamp has been told with the past.
pub(crate) type Settled = Box<dyn Fn(u64) -> bool + Send + Sync>;

/// See the [module](self).
pub(crate) struct Replay {
    inbox: Inbox<Offered, Settled>,
}

/// An event that a publisher has left here.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) event: Event,
    pub(crate) stamp: u64,
}

// === impl Replay ===

impl Replay {
    pub(crate) fn new() -> Self {
        Self { inbox: Inbox::new() }
    }

    /// A publisher's event; `true` where the publisher must call the handler.
    #[inline]
    pub(super) fn offer(&self, event: &Event, stamp: u64) -> bool {
        if !self.inbox.is_open() {
            match self.inbox.push(Offered { event: event.clone(), stamp }) {
                // Refused: it is in the history, where the one who tells looks again when he hears of that.
                Push::Waits | Push::Refused(_) => return false,
                Push::Open(_) => {}
            }
        }
        !self.inbox.left().is_some_and(|settled| settled(stamp))
    }

    /// Whether it is still being told of the past.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.inbox.is_open()
    }

    /// What has come meanwhile. Only the one who tells may call this.
    pub(crate) fn take(&self) -> Taken<Offered> {
        self.inbox.take()
    }

    /// Lets publishers call from now on, if nothing more has come. Only the one who tells may call this.
    pub(crate) fn try_finish(&self, settled: Settled) -> bool {
        self.inbox.try_open(settled)
    }

    /// Lets publishers call from now on, whatever has come: that is handed out, not to be told any more.
    pub(crate) fn finish(&self, settled: Settled) -> Taken<Offered> {
        self.inbox.open(settled)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::builder("replay.test").build().unwrap()
    }

    #[test]
    fn the_way_opens_when_nothing_waits_and_what_was_settled_is_not_called_for() {
        let replay = Replay::new();
        assert!(replay.is_under_way() && !replay.offer(&event(), 1));
        assert!(!replay.try_finish(Box::new(|_| false)), "something waits");
        assert_eq!(replay.take().values.iter().map(|offered| offered.stamp).collect::<Vec<_>>(), [1]);
        assert!(replay.try_finish(Box::new(|stamp| stamp == 2)));
        assert!(!replay.is_under_way());
        assert_eq!([2, 3].map(|stamp| replay.offer(&event(), stamp)), [false, true]);
    }

    #[test]
    fn opened_by_force_it_hands_out_what_waits() {
        let replay = Replay::new();
        assert!(!replay.offer(&event(), 7));
        assert_eq!(replay.finish(Box::new(|_| false)).values.len(), 1);
        assert!(!replay.is_under_way() && replay.offer(&event(), 8));
    }
}
