//! A value that threads use by call, and that one of them can take away: it waits until no call of it runs, then drops
//! it (P6).
//!
//! Before a call the caller exchanges the value's address into its row of marks, and looks whether the value is
//! still live; that exchange is a full fence, and ends the caller's call before this one ([`Calls`]). Taking away turns
//! it to removed, fences, and looks at the marks of all threads. By the two fences at least one of the two sees the other
//! (Dekker): either the caller does not call, or the taker waits. It waits parked, on a list beside the value, and the
//! same fences see to it that the wake-up is not lost: the taker looks at the marks after it is on the list, the caller
//! at the list after its mark names the value no more. Counting calls in the value instead would make every publisher
//! write one shared line.
//!
//! One taker wins the value and drops it; the others wait for that to end. A forked child does not wait for a taker that is
//! a thread of its parent's.
//!
//! # Orderings
//! - `state`, and the list of waiters, against marks: the heavy fence of takers, and the fence of `Mark::pass` (the pair
//!   is explained in `asymmetric`).
//! - `REMOVED`: released to whoever asks `is_live`, and finds that it is not, what its remover did before.
//! - the value: a taker that finds no mark has read each mark after its call's end (Release of the exchange,
//!   Acquire of the look), so what the calls did happens before the drop.
//! - `TAKEN`: nobody reads it to learn of anything else, and one exchange would do in Relaxed order; it is AcqRel
//!   because it stands where the value changes hands, once in its life.
//! - `GONE`: stored before the list of waiters is taken; both ends of that are in `waiters`.

use std::time::Instant;

use super::asymmetric::heavy_fence;
use super::atomic::{AtomicU8, Ordering};
use super::cell::UnsafeCell;
use super::plain::AtomicU64;
use super::rows::{self, Level, Mark};
use super::waiters::Waiters;
use super::{Parker, duty, process, step};

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
    /// The process of the thread that took the value, as soon as somebody did.
    process: AtomicU64,
    waiters: Waiters,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value moves between threads (the taker drops it), so it must be Send.
unsafe impl<T: Send> Send for Revocable<T> {}
// SAFETY: calls on several threads share the value, so it must be Sync; the taker gets it whole, so it must be Send.
unsafe impl<T: Send + Sync> Sync for Revocable<T> {}

/// One thread's calls at one depth, one after the other.
///
/// A call is under way, as others see it, until the next one begins or [`leave`](Self::leave) says that it has ended:
/// between the two runs no user code.
pub(crate) struct Calls<'a> {
    mark: &'static Mark,
    /// Whoever waits for the call that the mark names.
    waiters: Option<&'a Waiters>,
}

// === impl Calls ===

impl<'a> Calls<'a> {
    /// The calls of the thread at a depth, whose mark must be free.
    #[inline]
    pub(crate) fn new(level: &'static Level) -> Self {
        Self { mark: &level.call, waiters: None }
    }

    /// Calls `call` with a value, unless that has been removed; the last call has ended then.
    #[inline]
    pub(crate) fn call<T, R>(&mut self, of: &'a Revocable<T>, call: impl FnOnce(&T) -> R) -> Option<R> {
        step("call.mark");
        // Fences, which pairs with the fence in `close`: the mark is seen there, or the removal here.
        self.pass(of.address(), Some(&of.waiters));
        step("call.check");
        if of.state.load(Ordering::Relaxed) != LIVE {
            return None;
        }
        // SAFETY: the value is written only by a taker, after it has seen the removal and then no mark that names it;
        // ours names it until it is passed on, which nobody does before `call` has ended, and by the fences the taker
        // sees it.
        of.value.with(|value| unsafe { &*value }.as_ref().map(call))
    }

    /// Ends the last call, if it has not ended yet.
    #[inline]
    pub(crate) fn leave(&mut self) {
        if self.waiters.is_some() {
            step("call.leave");
            self.pass(0, None);
        }
    }

    #[inline]
    fn pass(&mut self, target: usize, waiters: Option<&'a Waiters>) {
        // Fences, which pairs with the fence in `wait`: who waits for the last call is seen here, or its end there.
        self.mark.pass(target);
        if let Some(last) = core::mem::replace(&mut self.waiters, waiters) {
            step("call.left");
            if last.any() {
                last.wake_all();
            }
        }
    }
}

impl Drop for Calls<'_> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

// === impl Revocable ===

impl<T> Revocable<T> {
    pub(crate) fn new(value: T) -> Self {
        let (state, process) = (AtomicU8::new(LIVE), AtomicU64::new(process::instance()));
        Self { state, process, waiters: Waiters::new(), value: UnsafeCell::new(Some(value)) }
    }

    /// What marks call this value by.
    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Whether calls may still begin. Where not, what its remover did before is seen.
    pub(crate) fn is_live(&self) -> bool {
        self.state.load(Ordering::Acquire) == LIVE
    }

    /// Lets no further call begin; `true` for the first to ask.
    pub(crate) fn remove(&self) -> bool {
        // Release: see `is_live`. Nothing else hangs on it: whoever waits for calls fences first.
        self.state.compare_exchange(LIVE, REMOVED, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Removes the value, waits until no other thread's call of it runs, and has it dropped by `dispose`, here or by
    /// whoever is at it already. Past the deadline: what is still running. Must not be called from within a call.
    pub(crate) fn close(&self, deadline: Option<Instant>, dispose: impl FnOnce(T)) -> Result<(), StillRunning> {
        self.remove();
        // Acquire: the drop, which came after all calls.
        if self.state.load(Ordering::Acquire) == GONE {
            return Ok(());
        }
        self.wait(deadline, || !rows::any_calls(self.address()))?;
        if self.take(dispose) {
            return Ok(());
        }
        self.wait(deadline, || self.state.load(Ordering::Acquire) == GONE || !self.is_of(process::instance()))
    }

    /// Removes the value and has it dropped by `dispose`, if no call of it runs and nobody else took it; says whether none
    /// runs.
    pub(crate) fn close_idle(&self, dispose: impl FnOnce(T)) -> bool {
        self.remove();
        let idle = !self.is_called();
        if idle {
            self.take(dispose);
        }
        idle
    }

    /// Whether a call of it runs on any thread.
    pub(crate) fn is_called(&self) -> bool {
        // Pairs with the fence in `call`.
        heavy_fence();
        rows::any_calls(self.address())
    }

    /// Whether the calling thread is inside a call of it, or is dropping it.
    pub(crate) fn is_called_here(&self) -> bool {
        rows::calls_here(self.address()) || duty::is_for(self.address())
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

        let process = process::instance();
        // In a forked child, but not where it was taken before the fork by a thread that is not here.
        if !self.is_of(process) && self.state.load(Ordering::Relaxed) == REMOVED {
            self.process.store(process, Ordering::Relaxed);
        }
        if self.state.compare_exchange(REMOVED, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        let _gone = Gone(self);
        // SAFETY: the exchange made us the only taker, and no call is under way or will begin: the value was removed,
        // and after a fence no mark named it.
        if let Some(value) = self.value.with_mut(|value| unsafe { &mut *value }.take()) {
            // As inside a call: a close in the value's own drop must not wait for that drop to end.
            duty::during(self.address(), &self.process, || rows::deeper(|| dispose(value)));
        }
        true
    }

    /// Whether a thread of this process took it, or may take it.
    fn is_of(&self, process: u64) -> bool {
        self.process.load(Ordering::Relaxed) == process
    }

    /// Parks until `done`, on whose way to become true somebody wakes the waiters.
    fn wait(&self, deadline: Option<Instant>, done: impl Fn() -> bool) -> Result<(), StillRunning> {
        let parker = Parker::new();
        loop {
            self.waiters.push(parker.unparker().clone());
            // Pairs with the fence in `call`.
            heavy_fence();
            step("close.look");
            if done() {
                return Ok(());
            }
            let Some(deadline) = deadline else {
                parker.park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Takes our own entry off the list; whoever else was on it looks again.
                self.waiters.wake_all();
                return Err(StillRunning(rows::callers(self.address())));
            }
            parker.park_timeout(left);
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
        Calls::new(visit.level(0)).call(value, call)
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
    fn one_call_ends_when_the_next_one_begins_or_all_are_left() {
        let visit = rows::visit().unwrap();
        let values = [(); 2].map(|()| Revocable::new(()));
        let named = || values.each_ref().map(|value| rows::any_calls(value.address()));
        let mut calls = Calls::new(visit.level(0));
        assert_eq!(named(), [false, false]);
        let here = || values.each_ref().map(Revocable::is_called_here);
        let elsewhere = || std::thread::scope(|scope| scope.spawn(here).join().unwrap());
        assert_eq!(calls.call(&values[0], |()| (here(), elsewhere())), Some(([true, false], [false, false])));
        assert_eq!(calls.call(&values[0], |()| named()), Some([true, false]));
        assert_eq!(calls.call(&values[1], |()| named()), Some([false, true]));
        calls.leave();
        assert_eq!(named(), [false, false]);
        assert!(values[0].remove() && calls.call(&values[0], |()| ()).is_none());
        drop(calls);
        assert_eq!(named(), [false, false]);
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
        assert!(!value.close_idle(|_| unreachable!("a call is running")));
        leave.wait();
        value.close(None, drop).unwrap();
        caller.unwrap().join().unwrap();
    }
}
