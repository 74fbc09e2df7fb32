//! What a thread knows, over all buses: how deep it is, who is calling, what waits until it is done.
//!
//! Each thread has its own, so that nothing here needs a lock.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{Event, Reference};

thread_local! {
    pub(super) static THREAD: RefCell<Thread> = RefCell::default();
}

#[derive(Default)]
pub(super) struct Thread {
    pub(super) depth: usize,
    /// The buses that are calling handlers, and of which events, the innermost last.
    calling: Vec<(Reference, Event)>,
    /// The bus that it means when it names none.
    default: Option<Reference>,
    /// What waits for the outermost dispatch to end.
    waiting: VecDeque<Waiting>,
    working: bool,
}

struct Waiting {
    bus: Reference,
    event: Event,
    index: usize,
    depth: usize,
}

/// Calls handlers of `bus` for `event`: one deeper.
pub(super) fn deeper(bus: &Reference, event: &Event, call: impl FnOnce()) {
    THREAD.with_borrow_mut(|thread| {
        thread.depth += 1;
        thread.calling.push((bus.clone(), event.clone()));
    });
    call();
    let done = THREAD.with_borrow_mut(|thread| {
        thread.depth -= 1;
        thread.calling.pop()
    });
    drop(done);
}

/// The bus that is calling the present handler.
pub(crate) fn current() -> Option<Reference> {
    THREAD.with_borrow(|thread| thread.calling.last().map(|(bus, _)| bus.clone()))
}

/// The event that the present handler is called for.
pub(crate) fn handled() -> Option<Event> {
    THREAD.with_borrow(|thread| thread.calling.last().map(|(_, event)| event.clone()))
}

// === what waits ===

/// Whether something is dispatched, so that what is published now must wait.
pub(super) fn is_busy() -> bool {
    THREAD.with_borrow(|thread| !thread.calling.is_empty() || thread.working)
}

/// `false` where too many are waiting.
pub(super) fn wait(bus: &Reference, event: &Event, index: usize, limit: usize) -> bool {
    THREAD.with_borrow_mut(|thread| {
        let waits = thread.waiting.len() < limit;
        if waits {
            let depth = thread.depth;
            thread.waiting.push_back(Waiting { bus: bus.clone(), event: event.clone(), index, depth });
        }
        waits
    })
}

/// After the outermost dispatch: dispatches what waited, in order. Of what handlers let go on in the publisher, the
/// first.
pub(super) fn work_off(mut unwound: Option<String>) -> Option<String> {
    if is_busy() {
        return unwound;
    }
    THREAD.with_borrow_mut(|thread| thread.working = true);
    while let Some(next) = THREAD.with_borrow_mut(|thread| {
        let next = thread.waiting.pop_front()?;
        thread.depth = next.depth;
        Some(next)
    }) {
        let tally = next.bus.dispatch(&next.event, next.index, false);
        unwound = unwound.or(tally.unwound);
        THREAD.with_borrow_mut(|thread| thread.depth = 0);
    }
    THREAD.with_borrow_mut(|thread| thread.working = false);
    unwound
}

// === the bus that is meant ===

pub(crate) fn default() -> Option<Reference> {
    THREAD.with_borrow(|thread| thread.default.clone())
}

pub(crate) fn with_default(bus: &Reference, call: impl FnOnce()) {
    let before = THREAD.with_borrow_mut(|thread| thread.default.replace(bus.clone()));
    call();
    let ours = THREAD.with_borrow_mut(|thread| std::mem::replace(&mut thread.default, before));
    drop(ours);
}

/// `call`, to be run on another thread that means the same bus.
pub(crate) fn carried(call: impl FnOnce() + Send) -> impl FnOnce() + Send {
    let bus = default();
    move || match bus {
        Some(bus) => with_default(&bus, call),
        None => call(),
    }
}
