//! Dropping what a publish has evicted, one after the other.
//!
//! An event's payload may publish when it is dropped; that publish evicts the next event, whose payload publishes, and so
//! on: one inside the other, a full history would be as many calls deep as it has events. So what is evicted while a drop
//! is under way on the thread waits for that to end. An outermost drop works off at most [`MOST`]: payloads that publish
//! their own type when they are dropped would else go on for ever. The rest waits for the next one.

use core::cell::Cell;

use crate::event::Event;
use crate::sync::{busy, thread_local};

/// So many are dropped at one time.
const MOST: usize = 4096;

thread_local! {
    static WAITING: Cell<Vec<Event>> = const { Cell::new(Vec::new()) };
    static DROPPING: Cell<bool> = const { Cell::new(false) };
}

/// Drops what was evicted, or leaves it to the drop that is under way on this thread. May run user code.
#[inline]
pub(super) fn drop_flat(evicted: Option<Event>) {
    // What is made of fields runs no user code when it is dropped, and needs no list.
    if let Some(event) = evicted.filter(Event::is_typed) {
        drop_typed(event);
    }
}

fn drop_typed(event: Event) {
    if DROPPING.with(|dropping| dropping.replace(true)) {
        return wait(event);
    }
    // What a payload's drop throws ends in the event's.
    drop(event);
    for event in (0..MOST).map_while(|_| next()) {
        drop(event);
    }
    DROPPING.with(|dropping| dropping.set(false));
}

/// On a thread whose thread-locals are gone it is dropped at once.
fn wait(event: Event) {
    let mut event = Some(event);
    let _ = WAITING.try_with(|waiting| {
        busy::during(|| {
            let mut list = waiting.take();
            list.extend(event.take());
            waiting.set(list);
        });
    });
}

fn next() -> Option<Event> {
    let pop = |waiting: &Cell<Vec<Event>>| {
        let mut list = waiting.take();
        let next = list.pop();
        if list.is_empty() {
            busy::during(|| drop(list));
        } else {
            waiting.set(list);
        }
        next
    };
    WAITING.try_with(pop).ok().flatten()
}
