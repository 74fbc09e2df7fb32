//! Telling a new subscription of the past, so that nothing is missed and nothing told twice where the past ends.
//!
//! 1. The subscription is in the table: publishers leave their events in its inbox.
//! 2. The history is read through a tail, which knows for each event whether it was there; what is wanted of it is told.
//! 3. The inbox is taken, and then the history read on: it has all that was taken or refused, in order, and counts what
//!    it has lost; of that the inbox may have some still. So on until nothing new is there.
//! 4. The way is opened: publishers call the handler from then on, unless the tail has had their event. A publisher may
//!    have recorded it long ago, and come to the handler only now.
//!
//! Telling straight from the inbox would be wrong: the history has events that nobody brings (too deep, or beyond the
//! limit of those that wait), and these would come after younger ones of their thread.
//!
//! A handler that is slower than the publishers would be told for ever: after [`MOST`] events that came meanwhile the way
//! is opened in any case, and what waits then is counted as lagged. So it is where it cannot be called: too deep, or
//! while panicking.
//!
//! # Orderings
//! The subscriber: table, fence, slots. A publisher: slot, fence, table. One of the two sees the other (Dekker). The
//! registry happens to fence too when it has changed the table; this does not lean on that. The history is read on after
//! the inbox was taken: that acquires what a publisher that was there, or was refused, has recorded.

use std::collections::HashMap;
use std::time::SystemTime;

use super::Inner;
use crate::dispatch::deliver::Tally;
use crate::dispatch::replay::{Offered, Replay};
use crate::dispatch::{Named, Subscriber, Warning};
use crate::event::Event;
use crate::history::{Recorded, Tail};
use crate::sync::atomic::{Ordering, fence};
use crate::sync::counter::Lane;
use crate::sync::frames;
use crate::sync::inbox::Taken;
use crate::sync::rows::{self, Visit};

/// After so many events that came meanwhile (a look that finds none counts as one) the way is opened.
const MOST: usize = if cfg!(ringbus_loom) { 2 } else { 1 << 16 };

/// What a subscription wants to be told of the past.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    pub(super) newest: Option<usize>,
    pub(super) since: Option<SystemTime>,
}

/// One subscription that is being told.
struct Telling<'a> {
    bus: &'a Inner,
    subscriber: &'a Subscriber,
    replay: &'a Replay,
    visit: &'a Visit,
    lane: Lane,
    tail: Tail,
    lagged: u64,
    tally: Tally,
}

impl Inner {
    /// Tells a subscription, which is in the table, of the past, and lets it live from there on.
    pub(super) fn tell(&self, subscriber: &Subscriber, past: Past) {
        let Some(replay) = &subscriber.replay else { return };
        let Some(visit) = rows::visit() else {
            // An allocator subscribes from inside the thread's first use: nothing can be called here.
            drop(replay.finish(Box::new(|_| false)));
            return;
        };
        let mut telling = Telling {
            bus: self,
            subscriber,
            replay,
            visit: &visit,
            lane: self.lane(&visit),
            tail: self.recorder.tail(),
            lagged: 0,
            tally: Tally::default(),
        };
        // Pairs with the fence between record and table.
        fence(Ordering::SeqCst);
        let events = telling.past(past);
        if rows::depth() >= self.depth_limit || std::thread::panicking() {
            telling.lagged += events.len() as u64;
            telling.finish();
        } else {
            events.iter().for_each(|recorded| telling.one(&recorded.event, recorded.stamp()));
            telling.catch_up();
        }
        let Telling { lagged, mut tally, .. } = telling;
        if lagged > 0 {
            subscriber.lagged(lagged);
            self.reporter.warn(&Warning::Lagged { subscription: Named::of(subscriber), missed: lagged });
        }
        self.count(&tally, self.lane(&visit));
        Self::end(&visit, tally.unwind.take());
    }
}

// === impl Telling ===

impl Telling<'_> {
    /// What is to be told of the past, oldest first.
    fn past(&mut self, past: Past) -> Vec<Recorded> {
        let found = self.bus.recorder.follow(&mut self.tail);
        // What was overwritten before the first one is no part of the past any more; what lay behind it is missed.
        self.lagged += found.holes;
        let mut events = found.events;
        // The rings hold more than the history shows.
        drop(events.drain(..events.len().saturating_sub(self.bus.recorder.capacity())));
        events.retain(|recorded| {
            self.subscriber.selector.matches(recorded.event.kind().as_str())
                && past.since.is_none_or(|since| recorded.event.timestamp() >= since)
        });
        drop(events.drain(..events.len().saturating_sub(past.newest.unwrap_or(usize::MAX))));
        events
    }

    /// Tells what comes meanwhile, until nothing is left.
    fn catch_up(&mut self) {
        let mut left = MOST;
        while left > 0 && self.subscriber.handler.is_live() {
            let due = self.due();
            if due.is_empty() && self.try_finish() {
                return;
            }
            left = left.saturating_sub(due.len().max(1));
            due.iter().for_each(|recorded| self.one(&recorded.event, recorded.stamp()));
        }
        self.finish();
    }

    /// What has come since the history was last read, oldest first.
    fn due(&mut self) -> Vec<Recorded> {
        let Taken { values, refused } = self.replay.take();
        if self.bus.recorder.capacity() == 0 {
            // There is no history that has what was refused.
            self.lagged += refused as u64;
            return values.into_iter().map(|Offered { event, stamp }| Recorded::brought(event, stamp)).collect();
        }
        let brought = values.into_iter().map(|Offered { event, stamp }| (stamp, event));
        let mut brought: HashMap<_, _> = brought.filter(|(stamp, _)| !self.tail.has_settled(*stamp)).collect();
        // Those who came had recorded before, and their pushes, refused or not, have released that to the taker.
        let mut found = self.bus.recorder.follow(&mut self.tail);
        found.events.iter().for_each(|recorded| drop(brought.remove(&recorded.stamp())));
        found.restore(brought);
        self.lagged += found.missed;
        found.events.retain(|recorded| self.subscriber.selector.matches(recorded.event.kind().as_str()));
        found.events
    }

    fn one(&mut self, event: &Event, stamp: u64) {
        let delivering = self.bus.delivering(event, stamp, self.visit, self.lane, false);
        frames::enter(self.bus, event, || delivering.tell(self.subscriber, &mut self.tally));
        // As after a publish: what was put off has waited for this call.
        self.tally.unwind = Inner::work_off(self.visit, self.tally.unwind.take());
    }

    fn try_finish(&self) -> bool {
        let tail = self.tail.clone();
        self.replay.try_finish(Box::new(move |stamp| tail.has_settled(stamp)))
    }

    /// Opens the way; what waits is not told any more.
    fn finish(&mut self) {
        let tail = self.tail.clone();
        let Taken { values, refused } = self.replay.finish(Box::new(move |stamp| tail.has_settled(stamp)));
        if self.subscriber.handler.is_live() {
            let waiting = values.iter().filter(|offered| !self.tail.has_settled(offered.stamp)).count();
            self.lagged += (waiting + refused) as u64;
        }
    }
}
