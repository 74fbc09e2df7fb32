//! Handlers that are tasks of an executor, and what else async code does with a bus (feature `async`).
//!
//! 1. [`subscribe`] is the face of async handlers; they may take what is [`mapped`] from the event. Each is a [`task`], whatever
//!    the executor.
//! 2. A [`stream`] gives the events to whoever takes them.
//! 3. [`waiting`] and [`ending`] are the async forms of what blocks elsewhere: a [`timer`] wakes whoever waits for a time,
//!    [`until`] waits for a thing, and [`offload`] for a thread.

mod mapped;
mod subscribe;
mod task;

mod stream;

mod ending;
mod offload;
pub(super) mod timer;
mod until;
mod waiting;

pub use stream::{EventStream, Lagged};
pub use subscribe::{AsyncError, InTasks};
pub use task::{Spawn, Task, Tokio};
