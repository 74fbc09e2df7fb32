//! Dropping what a publish has evicted, one after the other.
//!
//! An event's payload may publish when it is dropped; that publish evicts the next event, whose payload publishes, and so
//! on: one inside the other, a full history would be as many calls deep as it has events. So what is evicted while a drop
//! is under way on the thread waits for that to end. An outermost drop works off at most [`MOST`]: payloads that publish
//! their own type when they are dropped would else go on for ever. The rest waits for the next one.
//!
//! A thread that ends leaves its rest to whichever thread evicts next, and so does, for what waits, a thread whose
//! thread-locals are gone.

use core::cell::Cell;

use crate::event::{Blanks, Event};
use crate::sync::{busy, thread_local};

/// So many are dropped at one time.
const MOST: usize = 4096;

/// What waits on one thread.
struct Waiting(Cell<Vec<Event>>);

thread_local! {
    static WAITING: Waiting = const { Waiting(Cell::new(Vec::new())) };
    static DROPPING: Cell<bool> = const { Cell::new(false) };
}

/// What ended threads have left. loom has no statics; no model drops payloads.
#[cfg(not(ringbus_loom))]
mod left {
    use crate::event::Event;
    use crate::sync::{Pile, busy};

    static LEFT: Pile<Event> = Pile::new();

    pub(super) fn put(event: Event) {
        busy::during(|| LEFT.put(event));
    }

    #[inline]
    pub(super) fn take_all() -> Vec<Event> {
        if LEFT.is_empty() { Vec::new() } else { busy::during(|| LEFT.take_all()) }
    }
}
#[cfg(ringbus_loom)]
mod left {
    use crate::event::Event;

    pub(super) fn put(event: Event) {
        drop(event);
    }

    pub(super) fn take_all() -> Vec<Event> {
        Vec::new()
    }
}

/// Drops what was evicted, or leaves it to the drop that is under way on this thread. May run user code.
pub(super) fn drop_flat(event: Event) {
    // What owns no user's value with a drop of its own runs no user code, and needs no list.
    if event.drops() {
        drop_typed(event, drop);
    }
}

/// The same for a batch, which keeps the memory.
#[inline]
pub(super) fn drop_into(event: Event, blanks: &mut Blanks) {
    if event.drops() {
        drop_typed(event, |event| blanks.give_back(event));
    } else {
        blanks.give_back(event);
    }
}

fn drop_typed(event: Event, first: impl FnOnce(Event)) {
    // The cell has no destructor, so it is there until the thread is gone; but loom drops every thread-local.
    if DROPPING.try_with(|dropping| dropping.replace(true)).unwrap_or(false) {
        return wait(event);
    }
    // What a payload's drop throws ends in the event's.
    first(event);
    let mut taken = Vec::new();
    for _ in 0..MOST {
        if taken.is_empty() {
            taken = left::take_all();
        }
        match next().or_else(|| taken.pop()) {
            Some(event) => drop(event),
            None => break,
        }
    }
    taken.drain(..).for_each(left::put);
    busy::during(|| drop(taken));
    let _ = DROPPING.try_with(|dropping| dropping.set(false));
}

/// On a thread whose thread-locals are gone it waits where others leave theirs.
fn wait(event: Event) {
    let mut event = Some(event);
    let _ = WAITING.try_with(|waiting| {
        busy::during(|| {
            let mut list = waiting.0.take();
            list.extend(event.take());
            waiting.0.set(list);
        });
    });
    event.into_iter().for_each(left::put);
}

fn next() -> Option<Event> {
    let pop = |waiting: &Waiting| {
        let mut list = waiting.0.take();
        let next = list.pop();
        if list.is_empty() {
            busy::during(|| drop(list));
        } else {
            waiting.0.set(list);
        }
        next
    };
    WAITING.try_with(pop).ok().flatten()
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut list = self.0.take();
        list.drain(..).for_each(left::put);
        // loom drops every thread-local, also the one that says busy; and no model has an allocator that publishes.
        if !cfg!(ringbus_loom) {
            busy::during(|| drop(list));
        }
    }
}
