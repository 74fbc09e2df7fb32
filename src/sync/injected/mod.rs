//! The platform's atomics, locks and cells as they are under the feature `inject`: each operation on them is a step, at
//! which a test may stop or delay the thread.
//!
//! 1. [`atomics`]: core's atomics and `fence`; the steps before an operation are `atomic.load`, `atomic.store`,
//!    `atomic.swap`, `atomic.exchange`, `atomic.fetch` and `atomic.fence`, the one after it is `atomic.done`.
//! 2. [`once`]: once_cell's `OnceBox`: `once.get` and `once.set`, then `once.done`.
//! 3. [`lock`]: parking_lot's mutex: `lock.take`, `lock.taken`, `lock.leave`, `lock.left`.
//!
//! Two steps an operation: between the one after it and the one before the next stands all that no step sees (reading
//! what a pointer names, counting references), so that a thread delayed there has one half of a protocol behind it.
//!
//! Without the feature none of this exists: `sync` names the platform's own types.

pub(super) mod atomics;
pub(super) mod lock;
pub(super) mod once;

use super::step;

/// Does `operation` between the step `before` and the step `after`.
#[inline]
fn between<R>(before: &'static str, after: &'static str, operation: impl FnOnce() -> R) -> R {
    step(before);
    let result = operation();
    step(after);
    result
}
