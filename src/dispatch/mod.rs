//! From a recorded event to its handlers, on the publisher's thread.
//!
//! 1. The publisher loads the [`table`] from the [`registry`] and finds the [`route`] of the event's kind: the matching
//!    subscribers, in order.
//! 2. [`deliver`] calls each [`subscriber`] in turn, outside every lock, each behind a mark (so that `close` can wait
//!    for the call) and a `catch_unwind`.
//! 3. What fails becomes a [`failure`] report.
//!
//! Dispatch knows events and handlers; it never knows a history or a bus.

pub(crate) mod registry;
mod table;

mod route;

pub(crate) mod deliver;

mod subscriber;

mod failure;

pub use failure::{Failure, FailureCause};
pub(crate) use failure::{FailureHook, Reporter};
pub use subscriber::{BoxError, Handler, SubscriptionId, SubscriptionInfo};
pub(crate) use subscriber::{Callback, Draft as SubscriberDraft, Subscriber};
