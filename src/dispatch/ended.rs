//! Subscriptions that have ended: the last few, so that somebody who wonders why nothing comes can see where they went.

use core::fmt;
use core::panic::Location;
use std::collections::VecDeque;

use super::info::SubscriptionId;
use super::subscriber::Subscriber;
use crate::event::Selector;

/// So many are remembered.
const REMEMBERED: usize = 32;

/// How a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndedBy {
    /// Its guard was dropped, or it was unsubscribed or closed.
    Unsubscribing,
    /// Its guard was dropped before anything was published that it could have seen, as `let _ = …` does.
    DroppingAtOnce,
    /// It had all the calls that its limit allows.
    Limit,
    /// Its bus was shut down.
    Shutdown,
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsubscribing => "unsubscribed",
            Self::DroppingAtOnce => "dropped at once: was its guard kept?",
            Self::Limit => "its limit was reached",
            Self::Shutdown => "the bus was shut down",
        })
    }
}

/// A subscription that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) id: SubscriptionId,
    pub(crate) name: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) place: &'static Location<'static>,
    pub(crate) by: EndedBy,
}

/// The last of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Graveyard(VecDeque<Ended>);

// === impl Graveyard ===

impl Graveyard {
    /// Remembers `one`, and forgets the oldest for it.
    pub(super) fn bury(&mut self, one: &Subscriber, by: EndedBy) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        let (id, name, selector, place) = (one.id, one.name.clone(), one.selector.clone(), one.place);
        self.0.push_back(Ended { id, name, selector, place, by });
    }

    pub(super) fn list(&self) -> Vec<Ended> {
        self.0.iter().cloned().collect()
    }
}
