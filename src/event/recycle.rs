//! The spare: each thread keeps the memory of the last event that it was the last to hold.
//!
//! In steady publishing a thread evicts an event for each one that it records, so it takes back here what
//! it has just given, and allocates nothing (P9: one event a thread, with room for at most 32 values; a thread that
//! publishes batches keeps as many more as a batch records together).
//! What a user has put into an event never waits in a spare: it is dropped before.
//!
//! Nothing here blocks, and no user code runs inside the thread-local's access. On a thread whose
//! thread-locals are gone events are allocated and freed as usual (P10).

use core::cell::Cell;
use core::mem;

use super::inner::Inner;
use super::{Draft, Event, Kind};
use crate::sync::handle::Recycle;
use crate::sync::{Sole, busy, sole, thread_local};

thread_local! {
    /// Blank.
    static SPARE: Cell<Option<Sole<Inner>>> = const { Cell::new(None) };
}

/// A blank one of `kind` that nobody else holds: the thread's spare, or a new one.
#[inline(always)]
pub(super) fn take(kind: Kind) -> Sole<Inner> {
    match SPARE.try_with(Cell::take) {
        Ok(Some(mut spare)) => {
            // Written first, dropped afterwards: a kind that waits for that would wait in memory.
            drop(mem::replace(&mut spare.kind, kind));
            spare
        }
        _ => fresh(kind),
    }
}

/// A new one. An allocator that publishes from here must not come here again.
#[cold]
fn fresh(kind: Kind) -> Sole<Inner> {
    #[cfg(all(unix, not(ringbus_loom)))]
    crate::sync::thread_end::set_tidy(|| {
        // On a thread whose thread-locals' destructors ran before it first came here.
        if let Some(spare) = SPARE.try_with(Cell::take).ok().flatten() {
            free(spare);
        }
    });
    busy::during(|| Sole::new(Inner::new(kind)))
}

/// Memory of events that a batch works with: as much as it records together. No public interface.
#[doc(hidden)]
pub struct Blanks {
    list: Vec<Sole<Inner>>,
    room: usize,
}

impl Blanks {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { list: Vec::with_capacity(room), room }
    }

    /// A draft in such memory, or in the thread's spare.
    pub(super) fn draft(&mut self, kind: Kind) -> Draft {
        match self.list.pop() {
            Some(mut blank) => {
                blank.kind = kind;
                Draft::of(blank)
            }
            None => Draft::new(kind, None),
        }
    }

    /// Drops a handle; the last one's memory is kept. May run user code.
    pub(crate) fn give_back(&mut self, event: Event) {
        if self.list.len() == self.room {
            return drop(event);
        }
        if let Ok(mut last) = sole(event.0.into_counted()) {
            last.blank();
            self.list.push(last);
        }
    }
}

impl Drop for Blanks {
    fn drop(&mut self) {
        let list = mem::take(&mut self.list);
        // loom drops every thread-local, also the one that says busy; and no model has an allocator that publishes.
        if !cfg!(ringbus_loom) {
            busy::during(|| drop(list));
        }
    }
}

impl Event {
    /// Drops a handle whose drop runs no user code: it may be the last one.
    #[inline]
    pub(crate) fn recycle(self) {
        if let Ok(last) = sole(self.0.into_counted()) {
            Inner::recycle(last);
        }
    }
}

/// The last handle's memory becomes the thread's spare.
impl Recycle for Inner {
    #[inline(always)]
    fn recycle(mut last: Sole<Self>) {
        last.blank();
        let mut blank = Some(last);
        let earlier = SPARE.try_with(|spare| spare.replace(blank.take())).ok().flatten();
        // An earlier spare, or this one on an ending thread.
        if let Some(needless) = earlier.or(blank) {
            free(needless);
        }
    }
}

/// Frees a blank one. An allocator that publishes what it frees must not come here again: each publish may evict one.
#[cold]
fn free(blank: Sole<Inner>) {
    busy::during(|| drop(blank));
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{CallSite, Draft, Event, Kind, Value};
    use crate::sync::Arc;
    use std::cell::RefCell;
    use std::sync::Barrier;
    use std::thread;

    static SITES: [CallSite; 3] = [
        CallSite::new("a.rs", 1, "a", &[]),
        CallSite::new("a.rs", 2, "a", &["0"]),
        CallSite::new("a.rs", 3, "a", &["0", "1", "2", "3", "4"]),
    ];

    /// An event with `values`, named by one of [`SITES`].
    fn event(values: impl ExactSizeIterator<Item = Value>) -> Event {
        let site = SITES.iter().find(|site| site.fields().len() == values.len());
        let mut draft = Draft::new(Kind::new("recycle.test").unwrap(), site);
        values.for_each(|value| draft.push(value));
        draft.finish()
    }

    /// Five values: too many to be stored in place.
    fn five() -> impl ExactSizeIterator<Item = Value> {
        (0..5).map(Value::from)
    }

    fn one(value: impl Into<Value>) -> Event {
        event([value.into()].into_iter())
    }

    fn address(event: &Event) -> *const Inner {
        Arc::as_ptr(event.arc())
    }

    #[test]
    fn the_same_memory_serves_again() {
        let mut first = event(five());
        let (memory, room) = (address(&first), first.arc().values.first(5).as_ptr());
        for _ in 0..3 {
            // The handle that a history evicts is the last one.
            let record = first.record_form();
            drop(first);
            drop(Event::from_evicted(record));
            first = event(five());
            assert_eq!((address(&first), first.arc().values.first(5).as_ptr()), (memory, room));
        }
        let second = event(five());
        assert_ne!(address(&second), memory);
    }

    #[test]
    fn what_served_one_event_does_not_show_in_the_next() {
        let mut draft = Draft::new(Kind::new("full").unwrap(), Some(&SITES[2]));
        draft.set_source("source".into());
        draft.set_project_path("path".into());
        draft.set_correlation_id("id".into());
        draft.inner().set_cause(crate::EventId::from_u128(7), 3);
        draft.set_priority(crate::Priority::High);
        five().for_each(|value| draft.push(value));
        let full = draft.finish();
        let (memory, id) = (address(&full), full.id());
        full.clone().record_form().mark(7);
        drop(full);

        let event = Draft::new(Kind::new("empty").unwrap(), None).finish();
        assert_eq!(address(&event), memory);
        assert_eq!((event.kind().as_str(), event.source(), event.project_path()), ("empty", None, None));
        assert_eq!((event.correlation_id(), event.cause(), event.hops()), (None, None, 0));
        assert_eq!(event.priority(), crate::Priority::Normal);
        assert!(event.id() != id && event.call_site().is_none() && event.payload().is_empty());
        assert_eq!(event.arc().stamp(), u64::MAX);
    }

    #[test]
    fn what_users_gave_is_dropped_with_the_event() {
        let bytes: std::sync::Arc<[u8]> = [1, 2, 3].into();
        drop(one(Value::Bytes(bytes.clone())));
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }

    #[test]
    fn two_threads_that_let_go_at_once_leak_nothing() {
        let bytes: std::sync::Arc<[u8]> = [1, 2, 3].into();
        let barrier = Barrier::new(2);
        let round = |event: Event| {
            barrier.wait();
            drop(event);
        };
        thread::scope(|scope| {
            for _ in 0..100 {
                let event = one(Value::Bytes(bytes.clone()));
                let other = event.clone();
                let there = scope.spawn(|| round(other));
                round(event);
                there.join().unwrap();
                assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
            }
        });
    }

    #[test]
    fn events_outlive_the_thread_locals() {
        thread_local! {
            static LATE: RefCell<Option<Event>> = const { RefCell::new(None) };
        }

        struct Publishes;
        impl Drop for Publishes {
            fn drop(&mut self) {
                let late = one(1);
                assert_eq!(late.get("0"), Some(&Value::Int(1)));
            }
        }

        thread_local! {
            static PUBLISHES: Publishes = const { Publishes };
        }

        thread::spawn(|| {
            // Destructors run in the order of first use or against it; both of these are seen.
            PUBLISHES.with(|_| {});
            LATE.set(Some(one(1)));
            drop(event([].into_iter()));
        })
        .join()
        .unwrap();
        thread::spawn(|| {
            drop(event([].into_iter()));
            LATE.set(Some(one(1)));
            PUBLISHES.with(|_| {});
        })
        .join()
        .unwrap();
    }
}
