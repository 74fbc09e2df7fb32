//! Running and dropping what users wrote, so that a panic in it stays inside.
//!
//! A panic is caught where user code is called, and so is the panic that dropping the caught payload may raise, round
//! by round. A payload that panics in every round is forgotten (leaked) and counted; so is nothing else here. Callers
//! mend their own structure before they come here, and hold no lock.

use core::any::Any;
use core::cell::Cell;
use core::ops::Deref;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use crate::sync::counter::Tally;
use crate::sync::thread_local;

/// A caught panic's payload.
pub(crate) type Caught = Box<dyn Any + Send + 'static>;

/// After so many panics in a row, dropping a payload is given up.
const ROUNDS: usize = 8;

/// Payloads and values given up, in this process.
static FORGOTTEN: Tally = Tally::new();

thread_local! {
    /// Something that is dropped, a hook, or what makes a payload's fields is at work on this thread, and its panic will
    /// end here.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Whether something of that kind is at work on this thread: a panic now will be contained.
#[cfg(feature = "serde")]
pub(crate) fn is_at_work() -> bool {
    AT_WORK.with(Cell::get)
}

/// How many payloads this process has leaked: of panics, because dropping them kept panicking; of events, because a
/// thread that panicked was the last to hold too many of them.
pub(crate) fn forgotten() -> u64 {
    FORGOTTEN.get()
}

/// Calls `call`; a panic in it is returned.
///
/// The closure's captures may be seen half-changed afterwards: callers pass only what users already share between
/// threads (handlers are `Fn + Sync`), or what is dropped next.
#[inline]
pub(crate) fn call<R>(call: impl FnOnce() -> R) -> Result<R, Caught> {
    catch_unwind(AssertUnwindSafe(call))
}

/// Drops `value`; a panic in its `Drop` goes no further.
#[inline]
pub(crate) fn drop_contained<T>(value: T) {
    if core::mem::needs_drop::<T>() {
        run_contained(|| drop(value));
    }
}

/// A value whose drop goes no further by itself: it may stand beside another one whose drop panics too.
pub(crate) struct Apart<T>(Option<T>);

impl<T> Apart<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T> Deref for Apart<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().unwrap_or_else(|| unreachable!("taken out by the drop only"))
    }
}

impl<T> Drop for Apart<T> {
    fn drop(&mut self) {
        drop_contained(self.0.take());
    }
}

/// Runs what nobody waits for an answer of, such as a hook; a panic in it goes no further.
pub(crate) fn run_contained(run: impl FnOnce()) {
    if let Err(payload) = call_apart(run) {
        defuse(payload);
    }
}

/// Like [`call`], for what may run outside of any dispatch: a black box can tell that its panic ends here.
pub(crate) fn call_apart<R>(run: impl FnOnce() -> R) -> Result<R, Caught> {
    // The cell has no destructor, so it is there until the thread is gone; but loom drops every thread-local.
    let outer = AT_WORK.try_with(|at_work| at_work.replace(true)).unwrap_or(true);
    let result = call(run);
    let _ = AT_WORK.try_with(|at_work| at_work.set(outer));
    result
}

/// Leaks `value`, whose drop must not run, and counts that.
#[cold]
pub(crate) fn forget<T>(value: T) {
    core::mem::forget(value);
    FORGOTTEN.bump();
}

/// Drops a panic payload whose own `Drop` may panic with another, and so on.
#[cold]
pub(crate) fn defuse(payload: Caught) {
    let mut armed = payload;
    for _ in 0..ROUNDS {
        match call(|| drop(armed)) {
            Ok(()) => return,
            Err(next) => armed = next,
        }
    }
    forget(armed);
}

/// The text of a panic, as far as it has one.
pub(crate) fn message(payload: &Caught) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic whose payload is no text".to_owned()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::panic::panic_any;

    /// Panics when dropped, with one that is armed `left - 1` times.
    struct Bomb(usize);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Bomb(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_chain_of_panicking_drops_is_defused_and_an_endless_one_given_up_and_counted() {
        let before = forgotten();
        drop_contained(Bomb(5));
        assert_eq!(forgotten(), before);
        drop_contained(Bomb(usize::MAX));
        assert_eq!(forgotten(), before + 1);
    }

    #[test]
    fn text_is_found_in_both_forms() {
        let text = |result: Result<(), Caught>| message(&result.unwrap_err());
        assert_eq!(text(call(|| panic!("plain"))), "plain");
        assert_eq!(text(call(|| panic!("{}", 7))), "7");
        assert_eq!(text(call(|| panic_any(7_u8))), "a panic whose payload is no text");
    }
}
