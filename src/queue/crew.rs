//! The workers of one mailbox, and which of them is at work: so that whoever ends it can take away those that are not.
//!
//! A worker stands in its place until somebody drives it: then the place says that it is at work, and whoever drives it puts
//! it back, or, when the mailbox was stopped meanwhile, lets it go. Whoever stops the mailbox takes away every worker that
//! stands in its place, with the call that it has suspended, and leaves the others to those who drive them; and it wakes the
//! driver of each that it takes, whatever that one sleeps for, so that no thread and no task stays behind. The places are
//! behind locks that are held for the exchange only: no handler runs under one, and publishers never come here. Beside each
//! stands the process of its driver: whom a forked child does not have is not waited for there ([`vanished`](super::vanished)).
//!
//! # Orderings
//! - A worker at work and a mailbox that is stopped: the mode is set before the places are looked at, and whoever drives a
//!   worker looks at the mode while it has the place's lock. By the lock one of the two lets the worker go.
//! - `left`: Release when a worker has been dropped, Acquire for whoever waits for all of them: the handler's own drop
//!   came before (P6).

use core::mem;
use core::task::{Context, Waker};

use super::mailbox::Mailbox;
use super::worker::{Turnout, Worker};
use crate::contain;
#[cfg(feature = "async")]
use crate::dispatch::backlog::Backlog;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};
use crate::sync::plain::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Mutex, Thread, busy, duty, name_of, process, rows, step, this_thread};

/// See the [module](self).
pub(super) struct Crew {
    pub(super) seats: Box<[Seat]>,
    /// How many workers have not been let go.
    left: AtomicUsize,
    /// The process that all of this was last found to be of: see `vanished`.
    pub(super) process: AtomicU64,
}

pub(super) struct Seat {
    pub(super) place: Mutex<Place>,
    /// The process of the thread that drives the worker or lets it go, or that was the last to drive it; 0 when it has been
    /// let go. It changes with the place, under its lock; on the thread that is at work with the worker also without, after
    /// a fork or as the last of all.
    pub(super) process: AtomicU64,
}

pub(super) enum Place {
    /// The worker waits to be driven.
    Free(Worker),
    /// This thread is driving it; `None` where std cannot be asked for it.
    AtWork(Option<Thread>),
    /// It has been let go, or is being let go.
    Gone,
}

// === impl Crew ===

impl Crew {
    pub(super) fn new(workers: Vec<Worker>) -> Self {
        let (left, process) = (AtomicUsize::new(workers.len()), process::instance());
        let seat = |worker| Seat { place: Mutex::new(Place::Free(worker)), process: AtomicU64::new(process) };
        Self { seats: workers.into_iter().map(seat).collect(), left, process: AtomicU64::new(process) }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// The names of the threads that drive workers at the moment.
    pub(super) fn at_work(&self) -> Vec<String> {
        let at_work = |seat: &Seat| match &*seat.place.lock() {
            Place::AtWork(thread) => Some(thread.clone()),
            _ => None,
        };
        let threads: Vec<Option<Thread>> = busy::during(|| self.seats.iter().filter_map(at_work).collect());
        let name = |thread: &Option<Thread>| thread.as_ref().and_then(name_of).unwrap_or("(unnamed)").to_owned();
        threads.iter().map(name).collect()
    }

    /// Whether all workers have been let go, with what they have captured.
    pub(super) fn have_ended(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

// === impl Seat ===

impl Seat {
    /// Takes the worker, if it waits, and leaves `place` there, of the calling thread's process.
    fn take(&self, place: Place) -> Option<Worker> {
        busy::during(|| {
            let mut own = self.place.lock();
            match mem::replace(&mut *own, place) {
                Place::Free(worker) => {
                    self.process.store(process::instance(), Relaxed);
                    Some(worker)
                }
                other => {
                    *own = other;
                    None
                }
            }
        })
    }
}

// === impl Mailbox ===

impl Mailbox {
    /// Drives the worker at a place, until it has nothing to do for the moment.
    pub(crate) fn drive(&self, place: usize, cx: &mut Context<'_>) -> Turnout {
        let seat = &self.crew.seats[place];
        let taken = seat.take(Place::AtWork(this_thread()));
        let Some(mut worker) = taken else { return Turnout::Over };
        step("crew.drive");
        let turnout = self.as_worker(place, || self.worked(&mut worker, place, cx));
        let mut worker = Some(worker);
        busy::during(|| {
            let mut own = seat.place.lock();
            *own = if matches!(turnout, Turnout::Over) || self.is_stopped() {
                Place::Gone
            } else {
                worker.take().map_or(Place::Gone, Place::Free)
            };
        });
        match worker {
            None => {
                self.follow_fork();
                turnout
            }
            Some(worker) => {
                self.let_go(place, worker);
                Turnout::Over
            }
        }
    }

    /// Has a worker work; nothing unwinds out of that which would take it along.
    fn worked(&self, worker: &mut Worker, place: usize, cx: &mut Context<'_>) -> Turnout {
        contain::run_contained(|| worker.driven_by(cx.waker()));
        contain::call(|| worker.work(self, place, cx)).unwrap_or_else(|payload| {
            if cfg!(ringbus_loom) {
                // A model has failed.
                std::panic::resume_unwind(payload);
            }
            // The waker, which cannot be cloned: this worker cannot sleep, and is to be driven again.
            contain::defuse(payload);
            worker.put_down(self);
            Turnout::Busy
        })
    }

    /// Lets go of a worker whose driver is gone, as when an executor drops its task. Without any worker nothing would be
    /// handled any more: what waits is discarded then, and what comes.
    #[cfg(feature = "async")]
    pub(super) fn abandon(&self, place: usize) {
        self.take_away(place);
        if self.crew.have_ended() {
            self.stop();
        }
    }

    /// Lets go of all workers that are not at work.
    pub(super) fn stop_crew(&self) {
        self.follow_fork();
        (0..self.crew.len()).for_each(|place| self.take_away(place));
    }

    fn take_away(&self, place: usize) {
        let taken = self.crew.seats[place].take(Place::Gone);
        step("crew.taken");
        if let Some(mut worker) = taken {
            let driver = worker.driver();
            self.let_go(place, worker);
            // It may be asleep for any reason, in a suspended call or before a retry: it has nothing to wait for any more.
            contain::run_contained(|| driver.into_iter().for_each(Waker::wake));
        }
    }

    /// The calling thread works for this mailbox while `work` runs, as the worker of a place.
    fn as_worker<R>(&self, place: usize, work: impl FnOnce() -> R) -> R {
        duty::during(self.addr(), &self.crew.seats[place].process, work)
    }

    /// Drops a worker, which nobody else has.
    pub(super) fn let_go(&self, place: usize, mut worker: Worker) {
        // As inside a call: a close in the handler's own drop must not wait for that drop to end.
        let drop_it = || {
            worker.put_down(self);
            // An executor's, and the handler's: each by itself.
            contain::drop_contained(worker.driver());
            contain::drop_contained(worker);
            self.wake(|| self.wakers.forget(place));
        };
        self.as_worker(place, || rows::deeper(drop_it));
        self.crew.seats[place].process.store(0, Relaxed);
        self.count_off();
        self.follow_fork();
    }

    /// One worker less.
    pub(super) fn count_off(&self) {
        // Release: its drop. Acquire: those of the others, for whoever is told.
        if self.crew.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            fence(Ordering::SeqCst);
            // What was pushed after the last look: the pusher fences too, and looks whether there is a worker left.
            self.all_have_ended();
        }
    }
}
