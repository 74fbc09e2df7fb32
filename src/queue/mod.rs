//! Handlers that take their time: events wait for them, and the publisher does not.
//!
//! 1. [`subscribe`] makes a subscription whose handler has a queue, with [`options`]; what happens when it is full is its
//!    [`overflow`] policy. The handler is [`on_threads`], and may take what is [`mapped`] from the event.
//! 2. The publisher leaves the event in the [`mailbox`], which [`counts`] everything that becomes of it, and wakes a worker.
//! 3. A [`worker`] takes one event after the other and runs the handler's [`code`]: again after a failure, if it is to retry.
//!    It is driven from outside, by one of the [`threads`] or by an executor.
//! 4. The [`crew`] knows for each worker whether it is at work; so a close can take away what is not, and a forked child what
//!    has [`vanished`].
//! 5. Without a handler, a [`receiver`] gives the events to whoever takes them, as an [`event_of`] a type where that is
//!    wanted; [`expect`] waits for one.
//! 6. Handlers that are [`tasks`] of an executor, streams, and the async forms of waiting and ending have a folder.
//!
//! To dispatch, all this is a backlog that an event is offered to.

mod mapped;
mod on_threads;
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

#[cfg(all(feature = "async", not(ringbus_loom)))]
mod tasks;

pub use event_of::EventOf;
pub use expect::{ExpectError, Expectation};
pub use options::QueueError;
pub use overflow::Overflow;
pub use receiver::{Received, Receiver, RecvError};
pub use subscribe::{CalledByWorkers, InPool, InThread, Queued, TakenOut};
#[cfg(all(feature = "async", not(ringbus_loom)))]
pub use tasks::{AsyncError, EventStream, InTasks, Lagged, Spawn, Task, Tokio};
