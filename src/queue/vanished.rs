//! Workers that a forked child does not have: their threads are the parent's.
//!
//! A close, and whoever waits for a queue, must not wait for them (P6, P10). Nobody comes here at the fork itself: whoever
//! asks in the child how the queue stands, first counts off those workers. One that waited for its thread is let go; one that
//! was at work lies on a stack that nobody unwinds, and its event is discarded. Where no worker is left, so is what waits,
//! and what comes: nobody would ever handle it. The thread that has forked goes on with what it was at work with.
//!
//! Workers that wait for an executor stay: it may be one that the child goes on to run.

use core::mem;

use super::crew::{Crew, Place, Seat};
use super::mailbox::Mailbox;
use crate::dispatch::backlog::Backlog;
use crate::sync::plain::Ordering::Relaxed;
use crate::sync::{busy, process, step};

// === impl Crew ===

impl Crew {
    /// How many events workers have put down for the time being; `None` where one of this process is at work, who may have
    /// one between two counts.
    fn put_down(&self, process: u64) -> Option<u64> {
        let put_down = |seat: &Seat| match &*seat.place.lock() {
            Place::Free(worker) => Some(u64::from(worker.has_event())),
            _ => (seat.process.load(Relaxed) != process).then_some(0),
        };
        busy::during(|| self.seats.iter().map(put_down).sum())
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Counts off the workers that a fork has left behind in the parent, once in each child.
    #[inline]
    pub(super) fn follow_fork(&self) {
        let process = process::instance();
        if self.crew.process.load(Relaxed) != process && self.has_workers() {
            self.leave_behind(process);
        }
    }

    #[cold]
    fn leave_behind(&self, process: u64) {
        // It may be let go with the last worker.
        let subscriber = self.host.subscriber();
        let is_being_fed = || subscriber.as_ref().is_some_and(|subscriber| subscriber.handler.is_called());
        if is_being_fed() {
            return;
        }
        (0..self.crew.len()).for_each(|place| self.count_off_vanished(place, process));
        if self.crew.have_ended() {
            self.stop();
        }
        self.write_off(process, is_being_fed);
    }

    fn count_off_vanished(&self, place: usize, process: u64) {
        let seat = &self.crew.seats[place];
        let found = busy::during(|| {
            let mut own = seat.place.lock();
            let (of, waits) = (seat.process.load(Relaxed), matches!(*own, Place::Free(_)));
            if of == process || of == 0 || waits && !self.options.lingers {
                return None;
            }
            seat.process.store(if waits { process } else { 0 }, Relaxed);
            Some(mem::replace(&mut *own, Place::Gone))
        });
        match found {
            Some(Place::Free(worker)) => self.let_go(place, worker),
            Some(_) => self.count_off(),
            None => {}
        }
    }

    /// Discards what those had at hand who are not here, workers and publishers. While some of this process are at it too,
    /// nobody can tell them apart: then it is left to the next look, and workers look when they are done.
    fn write_off(&self, process: u64, is_being_fed: impl Fn() -> bool) {
        let before = self.crew.process.load(Relaxed);
        if before == process {
            return;
        }
        let (offered, settled) = self.offered_and_settled();
        step("vanished.counts");
        let waiting = self.waiting() as u64;
        let Some(put_down) = self.crew.put_down(process) else { return };
        let ended = self.counts.ended();
        let moves = is_being_fed() || self.offered_and_settled() != (offered, settled);
        if moves || self.crew.process.compare_exchange(before, process, Relaxed, Relaxed).is_err() {
            return;
        }
        let taken = offered.saturating_sub(waiting + put_down);
        let lost = taken.saturating_sub(ended);
        self.counts.discarded.add(lost);
        self.host.count(|counters| counters.discarded.add(lost));
        self.settle(taken.saturating_sub(settled));
    }
}
