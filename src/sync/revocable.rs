//! A value that threads use by call, and that one of them can take away: it waits until no call of it runs, then drops
//! it (P6).
//!
//! Before a call the caller writes the value's address into its row of marks, fences, and looks whether the value is
//! still live. Taking away turns it to removed, fences, and looks at the marks of all threads. By the two fences at
//! least one of the two sees the other (Dekker): either the caller does not call, or the taker waits. It waits parked;
//! the waiting bit lies *in* the mark, and leaving the call exchanges the mark, so the wake-up cannot be lost (a flag
//! beside the mark loses it). Counting calls in the value instead would make every publisher write one shared line.
//!
//! One taker wins the value and drops it; the others wait for that to end.
//!
//! # Orderings
//! - `state` against marks: the two `fence(SeqCst)`, here and in [`Revocable::run`].
//! - the value: a taker that finds no mark has read each mark after its call's end (Release of the clearing exchange,
//!   Acquire of the look), so what the calls did happens before the drop.
//! - `TAKEN`: nobody reads it to learn of anything else, and one exchange would do in Relaxed order; it is AcqRel
//!   because it stands where the value changes hands, once in its life.
//! - `GONE`: stored before the list of waiters is taken; both ends of that are in `waiters`.

use std::time::Instant;

use super::atomic::{AtomicU8, Ordering, fence};
use super::cell::UnsafeCell;
use super::rows::{self, Visit};
use super::waiters::Waiters;
use super::{park, park_timeout, step};

/// May be called.
const LIVE: u8 = 0;
/// No call begins any more; those under way go on.
const REMOVED: u8 = 1;
/// No call runs; somebody is dropping the value.
const TAKEN: u8 = 2;
/// The value has been dropped.
const GONE: u8 = 3;

/// A value with calls in flight.
pub(crate) struct Revocable<T> {
    state: AtomicU8,
    waiters: Waiters,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value moves between threads (the taker drops it), so it must be Send.
unsafe impl<T: Send> Send for Revocable<T> {}
// SAFETY: calls on several threads share the value, so it must be Sync; the taker gets it whole, so it must be Send.
unsafe impl<T: Send + Sync> Sync for Revocable<T> {}

// === impl Revocable ===

impl<T> Revocable<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU8::new(LIVE), waiters: Waiters::new(), value: UnsafeCell::new(Some(value)) }
    }

    /// What marks call this value by. Bit 0 is free: the waiters' pointer aligns the struct.
    fn address(&self) -> usize {
        const { assert!(align_of::<Revocable<T>>() > 1) };
        core::ptr::from_ref(self).addr()
    }

    /// Whether calls may still begin.
    pub(crate) fn is_live(&self) -> bool {
        self.state.load(Ordering::Relaxed) == LIVE
    }

    /// Calls `call` with the value, unless it has been removed. The mark at the thread's depth must be free.
    #[inline]
    pub(crate) fn run<R>(&self, visit: &Visit, depth: usize, call: impl FnOnce(&T) -> R) -> Option<R> {
        struct Leave<'a, T>(&'a Revocable<T>, &'static rows::Mark);
        impl<T> Drop for Leave<'_, T> {
            #[inline]
            fn drop(&mut self) {
                step("call.leave");
                if self.1.clear() {
                    self.0.waiters.wake_all();
                }
            }
        }

        let mark = visit.row().mark(depth);
        step("call.mark");
        mark.set(self.address());
        let _leave = Leave(self, mark);
        // Pairs with the fence in `close`: the mark is seen there, or the removal here.
        fence(Ordering::SeqCst);
        step("call.check");
        if self.state.load(Ordering::Relaxed) != LIVE {
            return None;
        }
        // SAFETY: the value is written only by a taker, after it has seen the removal and then no mark that names it;
        // ours names it until `_leave` is dropped, and by the fences the taker sees it.
        self.value.with(|value| unsafe { &*value }.as_ref().map(call))
    }

    /// Lets no further call begin; `true` for the first to ask.
    pub(crate) fn remove(&self) -> bool {
        // Relaxed: whoever happens after sees it by coherence; whoever waits for calls fences first.
        self.state.compare_exchange(LIVE, REMOVED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Removes the value, waits until no other thread's call of it runs, and has it dropped by `dispose`, here or by
    /// whoever is at it already. Past the deadline: what is still running. Must not be called from within a call.
    pub(crate) fn close(&self, deadline: Option<Instant>, dispose: impl FnOnce(T)) -> Result<(), StillRunning> {
        self.remove();
        self.wait(deadline, || !rows::ask_all(self.address()))?;
        if self.take(dispose) {
            return Ok(());
        }
        self.wait(deadline, || self.state.load(Ordering::Acquire) == GONE)
    }

    /// Removes the value and has it dropped by `dispose`, if no call of it runs and nobody else took it.
    pub(crate) fn close_idle(&self, dispose: impl FnOnce(T)) {
        self.remove();
        // Pairs with the fence in `run`.
        fence(Ordering::SeqCst);
        if !rows::any_calls(self.address()) {
            self.take(dispose);
        }
    }

    /// The value, if it is still there, of a revocable that nobody else can see.
    pub(crate) fn take_mut(&mut self) -> Option<T> {
        // Moved out, not written: loom does not see the reference count that has made us the last holder.
        core::mem::replace(&mut self.value, UnsafeCell::new(None)).into_inner()
    }

    /// Takes the value if nobody else has; the caller has seen that it is removed and that no mark names it.
    fn take(&self, dispose: impl FnOnce(T)) -> bool {
        struct Gone<'a, T>(&'a Revocable<T>);
        impl<T> Drop for Gone<'_, T> {
            fn drop(&mut self) {
                self.0.state.store(GONE, Ordering::Release);
                self.0.waiters.wake_all();
            }
        }

        if self.state.compare_exchange(REMOVED, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        let _gone = Gone(self);
        // SAFETY: the exchange made us the only taker, and no call is under way or will begin: the value was removed,
        // and after a fence no mark named it.
        if let Some(value) = self.value.with_mut(|value| unsafe { &mut *value }.take()) {
            // As inside a call: a close in the value's own drop must not wait for that drop to end.
            rows::deeper(|| dispose(value));
        }
        true
    }

    /// Parks until `done`, on whose way to become true somebody wakes the waiters.
    fn wait(&self, deadline: Option<Instant>, done: impl Fn() -> bool) -> Result<(), StillRunning> {
        loop {
            self.waiters.push_current();
            // Pairs with the fence in `run`.
            fence(Ordering::SeqCst);
            step("close.look");
            if done() {
                return Ok(());
            }
            let Some(deadline) = deadline else {
                park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Takes our own entry off the list; whoever else was on it looks again.
                self.waiters.wake_all();
                return Err(StillRunning(rows::callers(self.address())));
            }
            park_timeout(left);
        }
    }
}

/// What a timed-out [`Revocable::close`] was waiting for: the names of the threads.
#[derive(Debug)]
pub(crate) struct StillRunning(pub(crate) Vec<String>);

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::{Arc, Barrier};
    use std::time::Duration;

    fn run<R>(value: &Revocable<Arc<AtomicUsize>>, call: impl FnOnce(&Arc<AtomicUsize>) -> R) -> Option<R> {
        let visit = rows::visit().unwrap();
        value.run(&visit, 0, call)
    }

    #[test]
    fn nothing_is_called_after_removal_and_the_value_is_dropped_once() {
        let drops = Arc::new(AtomicUsize::new(0));
        let value = Revocable::new(Arc::clone(&drops));
        assert_eq!(run(&value, |_| 7), Some(7));
        assert!(value.remove());
        assert!(!value.remove());
        assert_eq!(run(&value, |_| 7), None);
        for _ in 0..2 {
            let count =
                |taken: Arc<AtomicUsize>| assert_eq!(taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed), 0);
            value.close(None, count).unwrap();
        }
        assert_eq!(drops.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&drops), 1);
    }

    #[test]
    fn a_close_past_its_deadline_names_the_thread_and_a_later_one_succeeds() {
        let value = Arc::new(Revocable::new(Arc::new(AtomicUsize::new(0))));
        let (inside, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let caller = {
            let (value, inside, leave) = (Arc::clone(&value), Arc::clone(&inside), Arc::clone(&leave));
            std::thread::Builder::new().name("slow-caller".into()).spawn(move || {
                run(&value, |_| {
                    inside.wait();
                    leave.wait();
                });
            })
        };
        inside.wait();
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(value.close(Some(soon), drop).unwrap_err().0, ["slow-caller"]);
        value.close_idle(|_| unreachable!("a call is running"));
        leave.wait();
        value.close(None, drop).unwrap();
        caller.unwrap().join().unwrap();
    }
}
