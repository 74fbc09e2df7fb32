//! Payloads that their thread was the last to hold while it was panicking: they are dropped when it no longer is.
//!
//! A panic inside a panic hook aborts the process, and a hook may well be the last to let go of an event: it reads the
//! history, or what it publishes evicts one. Whether a panicking thread is in its hook or unwinding nobody can tell, so
//! neither of the two drops a payload. What was put off is dropped, contained, with the next payload that the thread
//! drops, after the next failed call that a bus counts on it, or when the thread ends (P10). At most [`MOST`] wait on a
//! thread (P9); what would be more is forgotten and counted, as is that of a thread whose thread-locals are gone.

use core::cell::Cell;

use super::inner::Body;
use crate::contain::{drop_contained, forget};
use crate::sync::{busy, thread_local};

/// So many wait on a thread.
const MOST: usize = 4096;

/// Those that wait, in the order in which they came.
struct Late(Cell<Vec<Body>>);

thread_local! {
    static LATE: Late = const { Late(Cell::new(Vec::new())) };
    /// How many there are; has no destructor, so it can be asked at any time, and for next to nothing. (But loom drops
    /// every thread-local: hence `try_with`.)
    static LENGTH: Cell<usize> = const { Cell::new(0) };
}

impl Drop for Late {
    fn drop(&mut self) {
        let _ = LENGTH.try_with(|length| length.set(0));
        let bodies = self.0.take();
        // A process may be ended from inside a panic hook.
        if std::thread::panicking() {
            bodies.into_iter().for_each(forget);
        } else {
            bodies.into_iter().for_each(drop_contained);
        }
    }
}

/// Leaves a payload, in its place, for later. Runs no user code.
#[cold]
pub(super) fn put_off(body: Option<Box<Body>>) {
    let mut body = body;
    let _ = LATE.try_with(|late| {
        busy::during(|| {
            let mut bodies = late.0.take();
            if bodies.len() < MOST {
                bodies.extend(body.take().map(|body| *body));
            }
            let _ = LENGTH.try_with(|length| length.set(bodies.len()));
            late.0.set(bodies);
        });
    });
    if let Some(body) = body {
        forget(body);
    }
}

/// Whether something was put off.
#[inline]
pub(super) fn is_due() -> bool {
    LENGTH.try_with(Cell::get).unwrap_or(0) > 0
}

/// Drops what was put off, unless the thread is still panicking. May run user code.
#[inline]
pub(crate) fn make_up() {
    if is_due() && !std::thread::panicking() {
        drop_all();
    }
}

#[cold]
fn drop_all() {
    let bodies = LATE.try_with(|late| late.0.take());
    let _ = LENGTH.try_with(|length| length.set(0));
    bodies.into_iter().flatten().for_each(drop_contained);
}
