//! What handlers have published on a bus that lets nested events wait ([`Reentrancy::Deferred`](super::Reentrancy)):
//! one queue for each thread, worked off when the thread's outermost dispatch has ended.
//!
//! An event that waits holds its bus. It is dispatched at the depth at which it was published, so that the depth limit
//! ends what would go on for ever. A thread whose thread-locals are gone has no queue: its nested events do not wait, but
//! are dispatched at once.

use core::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use super::Inner;
use crate::event::Event;
use crate::sync::rows::Visit;
use crate::sync::{busy, frames, thread_local};

/// An event that waits.
pub(super) struct Waiting {
    pub(super) bus: Arc<Inner>,
    pub(super) event: Event,
    /// The history's mark on it.
    pub(super) stamp: u64,
    depth: usize,
}

struct Queue {
    waiting: RefCell<VecDeque<Waiting>>,
}

thread_local! {
    static QUEUE: Queue = const { Queue { waiting: RefCell::new(VecDeque::new()) } };
    /// How many wait; has no destructor, so it can be asked at any time.
    static LENGTH: Cell<usize> = const { Cell::new(0) };
    static WORKING: Cell<bool> = const { Cell::new(false) };
}

// === impl Waiting ===

impl Waiting {
    /// An event published at this depth.
    pub(super) fn new(bus: Arc<Inner>, event: Event, stamp: u64, depth: usize) -> Self {
        Self { bus, event, stamp, depth }
    }
}

/// Whether an event that is published now has to wait for another's dispatch.
pub(super) fn must_wait() -> bool {
    (frames::any() || WORKING.with(Cell::get)) && QUEUE.try_with(|_| ()).is_ok()
}

/// Lets an event wait, unless `limit` are waiting already.
pub(super) fn wait(waiting: Waiting, limit: usize) -> bool {
    let mut waiting = Some(waiting);
    let waits = QUEUE.try_with(|queue| {
        busy::during(|| {
            let mut queue = queue.waiting.borrow_mut();
            if queue.len() < limit {
                queue.extend(waiting.take());
                LENGTH.with(|length| length.set(queue.len()));
            }
        });
    });
    // One that cannot wait is dropped here, outside the queue: the event's drop is user code.
    waits.is_ok() && waiting.is_none()
}

/// Whether it is time to work off what waits: there is something, and no dispatch is under way.
#[inline(always)]
pub(super) fn is_due() -> bool {
    LENGTH.with(Cell::get) > 0 && is_idle()
}

#[cold]
fn is_idle() -> bool {
    !frames::any() && !WORKING.with(Cell::get)
}

/// Has everything that waits dispatched, each at its depth, and what comes to wait meanwhile.
#[cold]
pub(super) fn work_off(visit: &Visit, mut dispatch: impl FnMut(&Waiting)) {
    struct Rest;
    impl Drop for Rest {
        fn drop(&mut self) {
            WORKING.with(|working| working.set(false));
        }
    }
    WORKING.with(|working| working.set(true));
    let _rest = Rest;
    while let Some(waiting) = next() {
        visit.at_depth(waiting.depth, || dispatch(&waiting));
    }
}

fn next() -> Option<Waiting> {
    QUEUE
        .try_with(|queue| {
            busy::during(|| {
                let mut queue = queue.waiting.borrow_mut();
                let next = queue.pop_front();
                LENGTH.with(|length| length.set(queue.len()));
                next
            })
        })
        .ok()
        .flatten()
}
