//! What this thread is dispatching: one frame for each dispatch under way, innermost first.
//!
//! A handler may ask for "the bus that is calling me" and for the events whose handling led here. Holding counted
//! handles for that would put a reference count shared by all publishers on the way of every publish; frames are
//! borrowed, lie on the stack of whoever dispatches, and cost a few stores.

use core::any::Any;
use core::cell::Cell;
use core::ptr;

use super::thread_local;

/// One dispatch: who dispatches (a bus) and what (an event).
struct Frame {
    who: *const dyn Any,
    what: *const dyn Any,
    /// The dispatch around this one; null for the outermost.
    up: *const Frame,
}

thread_local! {
    static TOP: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// Runs `call` inside a frame of its own, which ends with it, also by unwinding.
#[inline(always)]
pub(crate) fn enter<R>(who: &dyn Any, what: &dyn Any, call: impl FnOnce() -> R) -> R {
    struct Leave(*const Frame);
    impl Drop for Leave {
        fn drop(&mut self) {
            TOP.with(|top| top.set(self.0));
        }
    }
    let frame = Frame { who: ptr::from_ref(who), what: ptr::from_ref(what), up: TOP.with(Cell::get) };
    let _leave = Leave(frame.up);
    TOP.with(|top| top.set(&raw const frame));
    call()
}

/// Whether a dispatch is under way on this thread.
#[inline]
pub(crate) fn any() -> bool {
    !TOP.with(Cell::get).is_null()
}

/// Shows `look` each dispatch under way on this thread, innermost first, until it answers.
pub(crate) fn find<R>(mut look: impl FnMut(&dyn Any, &dyn Any) -> Option<R>) -> Option<R> {
    let mut at = TOP.with(Cell::get);
    // SAFETY: a frame in the chain lies on this thread's stack below us: `enter` does not return, and so neither the
    // frame nor the borrows that it was made from end, before it has taken the frame out; no other thread sees it.
    while let Some(frame) = unsafe { at.as_ref() } {
        // SAFETY: as above: the borrows live.
        let (who, what) = unsafe { (&*frame.who, &*frame.what) };
        let answer = look(who, what);
        if answer.is_some() {
            return answer;
        }
        at = frame.up;
    }
    None
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn seen() -> Vec<(u32, char)> {
        let mut seen = Vec::new();
        let none = find(|who, what| {
            seen.push((*who.downcast_ref().unwrap(), *what.downcast_ref().unwrap()));
            None::<()>
        });
        assert!(none.is_none());
        seen
    }

    #[test]
    fn frames_nest_and_end_also_by_unwinding() {
        assert!(!any() && seen().is_empty());
        enter(&1_u32, &'a', || {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                enter(&2_u32, &'b', || {
                    assert_eq!(seen(), [(2, 'b'), (1, 'a')]);
                    panic!("ordered");
                });
            }));
            assert!(unwound.is_err());
            assert_eq!(seen(), [(1, 'a')]);
            assert_eq!(find(|who, _| who.downcast_ref::<u32>().copied()), Some(1));
        });
        assert!(!any());
    }
}
