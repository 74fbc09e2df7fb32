//! The queue of one subscription: what publishers leave there, and what has become of all of it.
//!
//! It promises that nothing is lost silently (P8): each event that is offered is delivered, failed, skipped, kept back,
//! dropped or discarded, once, and counted then; and that a publisher is never held up (P1), unless its policy says so.
//! Taking an event in is an exchange in a lock-free queue, a count and a look for a worker that sleeps.
//!
//! # Orderings
//! - An event that is pushed and a mailbox that is stopped: who pushes fences (as a part of waking a worker) and looks at
//!   the mode; who stops sets the mode, fences, and takes out what waits. One of the two finds the event (Dekker).
//! - The mode: Release where it is set, Acquire where a worker that found nothing looks at it: `DRAINING` comes after the
//!   last push that had to be handled, so what a look at the queue after it does not find is not there.
//! - `offered` and `settled`: the one is counted before the push, the other when all is done, and where they are the same
//!   nothing waits or runs. Whoever looks reads `settled` first, by Acquire, which brings what the handlers did and all that
//!   was offered before the last of them ended. The two ends write lines of their own: a line that both write costs more
//!   than all else here.

use core::mem;
use core::ptr;
use core::task::Waker;
use std::sync::Arc;
use std::time::Instant;

use super::counts::Counts;
use super::crew::Crew;
use super::options::Options;
use super::overflow::Overflow;
use super::worker::Worker;
use crate::bus::dead::is_meta;
use crate::bus::host::Host;
use crate::contain;
use crate::dispatch::awaited::{self, Ticket};
use crate::dispatch::backlog::Backlog;
use crate::dispatch::watch::Watch;
use crate::dispatch::{QueueInfo, Subscriber};
use crate::event::{Event, Inner, Priority};
use crate::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use crate::sync::queue::{Boxed, Item, Queue};
use crate::sync::wakers::Wakers;
use crate::sync::{Backoff, CachePadded, duty, step};

/// Events are taken in and handled.
const OPEN: u8 = 0;
/// What waits is handled, and then the workers end.
const DRAINING: u8 = 1;
/// Nothing more is handled.
const STOPPED: u8 = 2;

/// A full queue in which there is nothing to be dropped, so often in a row: the event that comes is dropped.
const MOST_IN_VAIN: u32 = 64;

/// An event that somebody waits for: more than a word.
type Awaited = (Event, Ticket);

/// See the [module](self).
pub(crate) struct Mailbox {
    pub(super) host: Host,
    pub(super) options: Options,
    mode: AtomicU8,
    /// One, or one for each priority, the highest first.
    queues: Box<[Queue<Inner, Awaited>]>,
    /// The workers, or the one who receives.
    pub(super) wakers: Wakers,
    pub(super) crew: Crew,
    /// Told when all that was offered is settled, and when all workers have ended.
    watch: Watch,
    /// Told when there is room again, where publishers wait for that.
    room: Watch,
    drives: Drives,
    /// Whether a stream has taken an event out and not given it on: it tells of a loss first.
    held: AtomicU64,
    /// Written where events come in.
    offered: CachePadded<AtomicU64>,
    /// Written where they have been handled.
    pub(super) counts: CachePadded<Counts>,
}

/// Whether the calling thread must not wait for the workers, since they may need it.
pub(super) type Drives = Box<dyn Fn() -> bool + Send + Sync>;

/// What a worker finds.
pub(super) enum Next {
    Event(Event, Option<Ticket>),
    /// Nothing: it is to sleep, and will be woken.
    Nothing,
    /// Nothing, and nothing will come.
    Over,
}

// === impl Mailbox ===

impl Mailbox {
    pub(super) fn new(host: Host, options: Options, workers: Vec<Worker>, drives: Drives) -> Self {
        let queues = if options.by_priority { Priority::ALL.len() } else { 1 };
        Self {
            host,
            mode: AtomicU8::new(OPEN),
            queues: (0..queues).map(|_| Queue::new(options.room())).collect(),
            wakers: Wakers::new(workers.len().max(1)),
            crew: Crew::new(workers),
            watch: Watch::default(),
            room: Watch::default(),
            drives,
            held: AtomicU64::new(0),
            offered: CachePadded::new(AtomicU64::new(0)),
            counts: CachePadded::new(Counts::default()),
            options,
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        // Acquire: as in `next`.
        self.mode.load(Ordering::Acquire) == STOPPED
    }

    /// Takes out the next event, highest priority first; where there is none, the caller at `place` is to be woken when one
    /// comes, by `waker`.
    pub(super) fn next(&self, place: usize, waker: &Waker) -> Next {
        let soon = if self.options.lingers { self.pop_soon() } else { self.pop() };
        if let Some((event, ticket)) = soon {
            return Next::Event(event, ticket);
        }
        self.wakers.sleep(place, waker);
        step("mailbox.look");
        // Acquire: what was pushed before the mode was set.
        let mode = self.mode.load(Ordering::Acquire);
        match self.pop() {
            Some((event, ticket)) => {
                if self.wakers.rise(place) {
                    // Somebody has chosen this worker for another event, which came after the look.
                    self.wake_one();
                }
                Next::Event(event, ticket)
            }
            None if mode == OPEN => Next::Nothing,
            None => {
                self.wakers.rise(place);
                Next::Over
            }
        }
    }

    /// Takes out the next event, or the one that comes in a moment (some microseconds): to sleep and to be woken costs both
    /// sides more than that. For threads of our own, and threads that wait anyway.
    pub(super) fn pop_soon(&self) -> Option<(Event, Option<Ticket>)> {
        let backoff = Backoff::new();
        loop {
            let found = self.pop();
            if found.is_some() || backoff.is_completed() || self.is_closed() {
                return found;
            }
            backoff.snooze();
        }
    }

    /// Takes out the next event, without waiting.
    pub(super) fn pop(&self) -> Option<(Event, Option<Ticket>)> {
        let item = self.queues.iter().find_map(Queue::pop)?;
        if let Overflow::Block { .. } = self.options.overflow {
            self.room.tell_if(|| true);
        }
        if self.crew.len() > 1 && self.queues.iter().any(|queue| queue.len() > 0) {
            // Whoever was woken for that may be us.
            self.wake_one();
        }
        Some(open(item))
    }

    /// Whether the workers have ended; whoever takes events out has none.
    pub(super) fn has_no_worker_left(&self) -> bool {
        self.has_workers() && self.crew.have_ended()
    }

    /// An event was offered before, and this is its end.
    pub(super) fn settled(&self) {
        self.settle(1);
    }

    pub(super) fn settle(&self, events: u64) {
        // Release: what the handler did. Acquire: what was offered to the others.
        let settled = self.counts.settled.fetch_add(events, Ordering::AcqRel) + events;
        // Relaxed: the last one to settle sees all that was offered. Not read unless somebody waits: publishers write it.
        self.watch.tell_if(|| settled == self.offered.load(Ordering::Relaxed));
    }

    /// An event that was taken out, or whose call was suspended, is not handled any more.
    pub(super) fn discard(&self, event: Event, ticket: Option<Ticket>) {
        self.counts.discarded.bump();
        self.host.count(|counters| counters.discarded.add(1));
        self.at_work(|| contain::drop_contained((event, ticket)));
        self.settled();
    }

    fn drop_item(&self, item: Item<Inner, Awaited>) {
        self.counts.dropped.bump();
        self.host.count(|counters| counters.queue_drops.add(1));
        self.at_work(|| contain::drop_contained(open(item)));
        self.settled();
    }

    /// Discards all that waits.
    pub(super) fn sweep(&self) {
        while let Some((event, ticket)) = self.pop() {
            self.discard(event, ticket);
        }
    }

    /// The calling thread works for this mailbox while `work` runs.
    pub(super) fn at_work<R>(&self, work: impl FnOnce() -> R) -> R {
        duty::briefly(self.addr(), work)
    }

    pub(super) fn addr(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Whether no event comes any more.
    pub(super) fn is_closed(&self) -> bool {
        self.mode.load(Ordering::Acquire) != OPEN
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        self.queues.iter().map(Queue::len).sum()
    }

    /// How many events were lost because the queue was full.
    #[cfg(feature = "async")]
    pub(super) fn dropped(&self) -> u64 {
        self.counts.dropped.get()
    }

    /// Whoever takes events out has one that it does not give on yet; or has no longer.
    #[cfg(feature = "async")]
    pub(super) fn hold(&self, holds: bool) {
        self.held.store(holds.into(), Ordering::Release);
        if holds {
            // One who waits for the end may have looked just before.
            self.watch.tell();
        }
    }

    /// All workers have ended: nothing is handled any more.
    pub(super) fn all_have_ended(&self) {
        self.sweep();
        self.host.unbind();
        self.watch.tell();
    }

    fn put(
        &self,
        mut item: Item<Inner, Awaited>,
        queue: &Queue<Inner, Awaited>,
        event: &Event,
    ) -> Result<(), Item<Inner, Awaited>> {
        let mut in_vain = 0;
        loop {
            item = match queue.push(item) {
                Ok(()) => return Ok(()),
                Err(item) => item,
            };
            match self.options.overflow {
                Overflow::DropNewest => return Err(item),
                Overflow::DropOldest | Overflow::LatestOnly => {
                    // Each round somebody has taken one out: a publisher, or a worker.
                    match queue.pop() {
                        Some(oldest) => self.drop_item(oldest),
                        // Workers have been faster; or the item's address is none that the queue can hold.
                        None if in_vain < MOST_IN_VAIN => in_vain += 1,
                        None => return Err(item),
                    }
                }
                // The bus's own events come from workers, which others may be waiting for.
                Overflow::Block { .. } if self.is_at_work_here() || is_meta(event) => return Err(item),
                Overflow::Block { up_to } => return self.put_when_there_is_room(item, queue, up_to),
            }
        }
    }

    #[cold]
    fn put_when_there_is_room(
        &self,
        item: Item<Inner, Awaited>,
        queue: &Queue<Inner, Awaited>,
        up_to: core::time::Duration,
    ) -> Result<(), Item<Inner, Awaited>> {
        let mut item = Some(item);
        self.room.wait_until(Instant::now().checked_add(up_to), || {
            item = item.take().and_then(|item| queue.push(item).err());
            item.is_none() || self.is_stopped()
        });
        item.map_or(Ok(()), Err)
    }

    #[inline]
    fn wake_one(&self) {
        if self.wakers.anyone_sleeps() {
            self.wake(|| self.wakers.wake_one());
        }
    }

    /// How many of the offered events are not settled.
    fn pending(&self) -> u64 {
        let (offered, settled) = self.offered_and_settled();
        offered.saturating_sub(settled)
    }

    pub(super) fn offered_and_settled(&self) -> (u64, u64) {
        // In this order: where they are the same, they were so when the first was read. Acquire: see the module's head.
        let settled = self.counts.settled.load(Ordering::Acquire);
        (self.offered.load(Ordering::Relaxed), settled)
    }

    fn wake_all(&self) {
        self.wake(|| self.wakers.wake_all());
    }

    /// Wakes whom it is to wake. A waker is an executor's: where it panics, the others are woken all the same, since each
    /// round takes one out. Its own worker sleeps until its executor drives it.
    pub(super) fn wake(&self, wake: impl Fn()) {
        for _ in 0..=Wakers::MOST {
            match contain::call_apart(&wake) {
                Ok(()) => return,
                Err(payload) => contain::defuse(payload),
            }
        }
    }
}

impl Backlog for Mailbox {
    fn bind(&self, subscriber: Arc<Subscriber>) {
        self.host.bind(subscriber);
        // An executor may have dropped the last worker meanwhile. It is counted off before it lets go of the subscription,
        // which is under a lock: either it finds this one, or this finds it counted off.
        if self.has_no_worker_left() {
            self.host.unbind();
        }
    }

    fn offer(&self, event: &Event) -> bool {
        // Relaxed: nobody waits for an event whose publish is under way.
        self.offered.fetch_add(1, Ordering::Relaxed);
        let level = if self.options.by_priority { Priority::ALL.len() - 1 - event.priority() as usize } else { 0 };
        let item = match awaited::ticket(event, || self.host.who()) {
            None => Item::Plain(event.clone().into_handle()),
            Some(ticket) => Item::Boxed(Box::new(Boxed((event.clone(), ticket)))),
        };
        if let Err(item) = self.put(item, &self.queues[level], event) {
            self.drop_item(item);
            return false;
        }
        step("mailbox.pushed");
        // Fences.
        self.wake_one();
        if self.mode.load(Ordering::Relaxed) != OPEN && (self.is_stopped() || self.has_no_worker_left()) {
            self.sweep();
        }
        true
    }

    fn finish(&self) {
        // Release: see the module's head. Failure: it is over, or will be.
        if self.mode.compare_exchange(OPEN, DRAINING, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.wake_all();
            self.watch.tell();
        }
    }

    fn stop(&self) {
        if self.mode.swap(STOPPED, Ordering::AcqRel) == STOPPED {
            return;
        }
        fence(Ordering::SeqCst);
        step("mailbox.stop");
        self.sweep();
        self.room.tell();
        self.stop_crew();
        if !self.has_workers() {
            self.host.unbind();
        }
        self.wake_all();
        self.watch.tell();
    }

    fn is_idle(&self) -> bool {
        self.follow_fork();
        self.pending() == 0
    }

    fn is_over(&self) -> bool {
        self.follow_fork();
        let mode = self.mode.load(Ordering::Acquire);
        // Nobody waits for what a stream holds back.
        let held = || if mode == STOPPED { self.held.load(Ordering::Acquire) } else { 0 };
        mode != OPEN && self.crew.have_ended() && self.pending() <= held()
    }

    fn watch(&self) -> &Watch {
        &self.watch
    }

    fn running(&self) -> Vec<String> {
        self.follow_fork();
        self.crew.at_work()
    }

    fn is_at_work_here(&self) -> bool {
        duty::is_for(self.addr())
    }

    fn has_workers(&self) -> bool {
        self.crew.len() > 0
    }

    fn needs_this_thread(&self) -> bool {
        // An executor's code. Where it panics nobody knows: then nobody waits.
        contain::call_apart(|| (self.drives)()).unwrap_or_else(|payload| {
            contain::defuse(payload);
            true
        })
    }

    fn info(&self) -> QueueInfo {
        let Counts { settled: _, delivered, skipped, failed, retried, kept_back, dropped, discarded } = &*self.counts;
        let waiting = self.waiting();
        QueueInfo {
            capacity: self.options.room(),
            waiting,
            running: (self.pending() as usize).saturating_sub(waiting),
            delivered: delivered.get(),
            skipped: skipped.get(),
            failed: failed.get(),
            retried: retried.get(),
            kept_back: kept_back.get(),
            dropped: dropped.get(),
            discarded: discarded.get(),
            offered: self.offered.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // Users' drops, one by one: a queue that drops them would take them into one unwinding.
        self.sweep();
        // An executor's, both.
        contain::drop_contained(mem::replace(&mut self.drives, Box::new(|| false)));
        (0..self.crew.len().max(1)).for_each(|place| self.wake(|| self.wakers.forget(place)));
    }
}

fn open(item: Item<Inner, Awaited>) -> (Event, Option<Ticket>) {
    match item {
        Item::Plain(handle) => (Event::from_handle(handle), None),
        Item::Boxed(boxed) => {
            let Boxed((event, ticket)) = *boxed;
            (event, Some(ticket))
        }
    }
}

/// A mailbox is shared by its subscription and whoever drives its workers.
pub(crate) type SharedMailbox = Arc<Mailbox>;
