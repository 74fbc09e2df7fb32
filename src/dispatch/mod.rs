//! From a recorded event to its handlers, on the publisher's thread.
//!
//! 1. The publisher loads the [`table`] from the [`registry`] and finds the [`route`] of the event's kind: the matching
//!    subscribers, in order.
//! 2. [`deliver`] offers the event to each [`subscriber`] in turn: its [`control`] says whether it may be called, its
//!    [`replay`] whether it is still being told of the past.
//! 3. It calls the [`handler`] outside every lock, behind a mark (so that `close` can wait for the call) and a
//!    `catch_unwind`.
//! 4. What fails becomes a [`failure`], what is odd a [`warning`]; the [`reporter`] passes both on, as often as the
//!    [`limiter`] allows. What it leads to is the subscription's [`policy`].
//! 5. A handler that takes its time has a [`backlog`], and each of its calls an [`aftermath`]; who waits for an event is told
//!    by [`awaited`], through a [`watch`].
//! 6. What may stand around a handler: a [`breaker`] and a [`throttle`] that keep calls back, and when to [`retry`] one that
//!    failed. They go by the [`clock`].
//! 7. [`info`] shows a subscription to users, [`ended`] those that are gone.
//!
//! Dispatch knows events and handlers; it never knows a history or a bus.

pub(crate) mod registry;
pub(crate) mod table;

mod route;

pub(crate) mod deliver;

mod control;
pub(crate) mod replay;
mod subscriber;

mod handler;

pub(crate) mod aftermath;
pub(crate) mod awaited;
pub(crate) mod backlog;
pub(crate) mod watch;

mod failure;
mod limiter;
mod policy;
mod reporter;
mod warning;

// What may stand around a handler.
mod breaker;
mod clock;
mod retry;
mod throttle;

mod ended;
mod info;

#[cfg(all(test, not(ringbus_loom)))]
mod tests;

pub use awaited::{HandlerError, HandlerErrorCause, StillRunning};
pub use backlog::QueueInfo;
pub use breaker::{Breaker, BreakerInfo, BreakerState};
pub(crate) use breaker::{Circuit, Permit};
#[cfg(ringbus_loom)]
pub(crate) use control::{Admission, Control};
pub use ended::EndedBy;
pub use failure::{Failure, FailureCause};
pub(crate) use handler::{Admit, Answer, Callback, Filters, Handle, Mapping, Skip};
pub use handler::{BoxError, Handler};
pub(crate) use info::write_handler;
pub use info::{SubscriptionId, SubscriptionInfo, SubscriptionState};
pub use policy::FailurePolicy;
pub(crate) use reporter::Reporter;
pub(crate) use retry::Jitter;
pub use retry::Retry;
pub(crate) use subscriber::{Draft as SubscriberDraft, Options, Subscriber};
#[cfg(ringbus_loom)]
pub(crate) use throttle::Throttled;
pub use warning::{Named, Warning};
