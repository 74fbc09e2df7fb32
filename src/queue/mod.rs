//! Handlers that take their time: events wait for them, and the publisher does not.
//!
//! 1. [`subscribe`] makes a subscription whose handler has a queue, with [`options`]; what happens when it is full is its
//!    [`overflow`] policy. It may take what is [`mapped`] from the event.
//! 2. The publisher leaves the event in the [`mailbox`], which [`counts`] everything that becomes of it, and wakes a worker.
//! 3. A [`worker`] takes one event after the other and runs the handler's [`code`]: again after a failure, if it is to retry.
//!    It is driven from outside, by one of the [`threads`] or by a [`task`] of an executor.
//! 4. The [`crew`] knows for each worker whether it is at work; so a close can take away what is not, and a forked child what
//!    has [`vanished`].
//! 5. Without a handler, a [`receiver`] or a [`stream`] takes the events, as an [`event_of`] a type where that is wanted;
//!    [`expect`] waits for one.
//! 6. [`subscribe_async`] and [`mapped_async`] are the face of async handlers, [`waiting_async`] of waiting for them,
//!    [`ending_async`] of their ends; a [`timer`] wakes whoever waits for a time, [`until`] waits for a thing, and [`offload`]
//!    for a thread.
//!
//! To dispatch, all this is a backlog that an event is offered to.

mod mapped;
mod options;
mod overflow;
mod subscribe;

mod counts;
mod mailbox;

mod code;
mod worker;

mod crew;
mod threads;
mod vanished;

mod event_of;
mod expect;
mod receiver;

#[cfg(ringbus_loom)]
pub(crate) mod models;

// On executors.
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod ending_async;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod mapped_async;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod offload;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod stream;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod subscribe_async;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod task;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod timer;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod until;
#[cfg(all(feature = "async", not(ringbus_loom)))]
mod waiting_async;

pub use event_of::EventOf;
pub use expect::{ExpectError, Expectation};
pub use options::QueueError;
pub use overflow::Overflow;
pub use receiver::{Received, Receiver, RecvError};
#[cfg(all(feature = "async", not(ringbus_loom)))]
pub use stream::{EventStream, Lagged};
pub use subscribe::{CalledByWorkers, InPool, InThread, Queued, TakenOut};
#[cfg(all(feature = "async", not(ringbus_loom)))]
pub use subscribe_async::{AsyncError, InTasks};
#[cfg(all(feature = "async", not(ringbus_loom)))]
pub use task::{Spawn, Task, Tokio};
