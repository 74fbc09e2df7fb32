//! The workers of one mailbox, and which of them is at work: so that whoever ends it can take away those that are not.
//!
//! A worker stands in its place until somebody drives it: then the place says that it is at work, and whoever drives it puts
//! it back, or, when the mailbox was stopped meanwhile, lets it go. Whoever stops the mailbox takes away every worker that
//! stands in its place, with the call that it has suspended, and leaves the others to those who drive them; and it wakes the
//! driver of each that it takes, whatever that one sleeps for, so that no thread and no task stays behind. The places are
//! behind locks that are held for the exchange only: no handler runs under one, and publishers never come here.
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
use crate::sync::{Mutex, Thread, busy, current, rows, step};

/// See the [module](self).
pub(super) struct Crew {
    places: Box<[Mutex<Place>]>,
    /// How many workers have not been let go.
    left: AtomicUsize,
}

enum Place {
    /// The worker waits to be driven.
    Free(Worker),
    /// This thread is driving it.
    AtWork(Thread),
    Gone,
}

// === impl Crew ===

impl Crew {
    pub(super) fn new(workers: Vec<Worker>) -> Self {
        let left = AtomicUsize::new(workers.len());
        Self { places: workers.into_iter().map(|worker| Mutex::new(Place::Free(worker))).collect(), left }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The names of the threads that drive workers at the moment.
    pub(super) fn at_work(&self) -> Vec<String> {
        let at_work = |place: &Mutex<Place>| match &*place.lock() {
            Place::AtWork(thread) => Some(thread.clone()),
            _ => None,
        };
        let threads: Vec<Thread> = busy::during(|| self.places.iter().filter_map(at_work).collect());
        threads.iter().map(thread_name).collect()
    }

    /// Whether all workers have been let go, with what they have captured.
    pub(super) fn have_ended(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

#[cfg(not(ringbus_loom))]
fn thread_name(thread: &Thread) -> String {
    thread.name().unwrap_or("(unnamed)").to_owned()
}

/// Threads of models have no names.
#[cfg(ringbus_loom)]
fn thread_name(_: &Thread) -> String {
    String::new()
}

// === impl Mailbox ===

impl Mailbox {
    /// Drives the worker at a place, until it has nothing to do for the moment.
    pub(crate) fn drive(&self, place: usize, cx: &mut Context<'_>) -> Turnout {
        let seat = &self.crew.places[place];
        let thread = current();
        let taken = busy::during(|| {
            let mut seat = seat.lock();
            match mem::replace(&mut *seat, Place::AtWork(thread)) {
                Place::Free(worker) => Some(worker),
                other => {
                    *seat = other;
                    None
                }
            }
        });
        let Some(mut worker) = taken else { return Turnout::Over };
        step("crew.drive");
        let turnout = self.at_work(|| self.worked(&mut worker, place, cx));
        let mut worker = Some(worker);
        busy::during(|| {
            let mut seat = seat.lock();
            *seat = if matches!(turnout, Turnout::Over) || self.is_stopped() {
                Place::Gone
            } else {
                worker.take().map_or(Place::Gone, Place::Free)
            };
        });
        match worker {
            None => turnout,
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
        (0..self.crew.len()).for_each(|place| self.take_away(place));
    }

    fn take_away(&self, place: usize) {
        let taken = busy::during(|| {
            let mut seat = self.crew.places[place].lock();
            match mem::replace(&mut *seat, Place::Gone) {
                Place::Free(worker) => Some(worker),
                other => {
                    *seat = other;
                    None
                }
            }
        });
        step("crew.taken");
        if let Some(mut worker) = taken {
            let driver = worker.driver();
            self.let_go(place, worker);
            // It may be asleep for any reason, in a suspended call or before a retry: it has nothing to wait for any more.
            contain::run_contained(|| driver.into_iter().for_each(Waker::wake));
        }
    }

    /// Drops a worker, which nobody else has.
    fn let_go(&self, place: usize, mut worker: Worker) {
        // As inside a call: a close in the handler's own drop must not wait for that drop to end.
        rows::deeper(|| {
            worker.put_down(self);
            contain::drop_contained(worker);
            self.wake(|| self.wakers.forget(place));
        });
        // Release: the drop. Acquire: those of the others, for whoever is told.
        if self.crew.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            fence(Ordering::SeqCst);
            // What was pushed after the last look: the pusher fences too, and looks whether there is a worker left.
            self.all_have_ended();
        }
    }
}
