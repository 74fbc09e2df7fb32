//! A lock-free, synchronous, in-process event bus for threads, with a flight recorder built in.
//!
//! A publisher calls its subscribers directly, on its own thread; it takes no lock and waits for nobody, and the last N
//! events can be read back at any time without stopping anyone.
//!
//! ```
//! use ringbus::{publish_event, Event};
//!
//! // anywhere: a handler, called on the publisher's thread until the guard is dropped
//! let audit = ringbus::subscribe(|event: &Event| println!("{event}"));
//!
//! // at call sites: static metadata, arguments evaluated only while the bus is on
//! publish_event!("terminal.error", source: "daemon", project_path: "/srv/app", error = "TypeError", line = 42);
//!
//! // what just happened?
//! for event in ringbus::recent(10) {
//!     println!("{} {}", event.kind(), event.payload());
//! }
//! drop(audit);
//! ```
//!
//! Start with [`publish_event!`], [`Bus`] and [`Bus::on`]. What users can rely on is in [`docs::promises`], how the
//! parts order their memory in [`docs::orderings`].
//!
//! # Features
//! All are off by default.
//! - `serde`: the JSON form of events (`Event::to_json`, `Event::from_json`), serde for values and statistics.
//! - `reference-table`: the lock-based table that the test-suite also runs on; slower, and not lock-free.
//! - `inject`: for this crate's own tests only.
#![deny(missing_docs, unsafe_code)]
#![warn(unreachable_pub)]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro, clippy::todo, clippy::unimplemented)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
#![cfg_attr(ringbus_loom, allow(dead_code, unused_imports))]

// The ground: atomics and locks behind one door, and user code contained.
mod sync;
// An event is made,
mod contain;
mod latency;
// of a kind, with values;
mod event;
// at a call site,
mod callsite;
// recorded,
mod history;
// handed to its handlers,
mod dispatch;
// counted;
mod stats;
// by a bus, which knows the order of all that.
mod bus;
// What users write at their call sites.
mod publish;

pub mod docs;

pub use bus::{
    AlreadySubscribed, Bus, BusBuilder, CloseError, ConfigError, Delivery, Explained, Explanation, GlobalAlreadySet,
    Gone, Outcome, Reentrancy, Subscribe, Subscription, Subscriptions, Verdict, WeakBus, current, default_bus, global,
    propagate, set_global, with_default,
};
#[cfg(feature = "serde")]
pub use bus::{DumpError, on_panic_dump};
pub use dispatch::{
    BoxError, EndedBy, Failure, FailureCause, FailurePolicy, Handler, Named, SubscriptionId, SubscriptionInfo,
    SubscriptionState, Warning,
};
pub use event::{
    BuildError, CallSite, Event, EventBuilder, EventId, Fields, FieldsIter, Int128, IntoSelector, Kind, KindError,
    ParseIdError, ParsePriorityError, Pattern, PatternError, Priority, Selector, Text, ToValue, UInt128, Value,
};
#[cfg(feature = "serde")]
pub use event::{JsonError, Unknown};
pub use history::{Batch, Cursor, History, HistoryBusy};
pub use latency::Latency;
pub use publish::publish_event;
pub use stats::{Stats, StatsDelta, StatsMismatch, Totals};

// The global bus's methods as functions.
pub use bus::on_global::{disable, enable, history, is_enabled, on, recent, reset, stats, subscribe, try_subscribe};

#[doc(hidden)]
pub use publish::private as __private;

/// Steps at which a test may stop or delay a thread; no public interface.
#[cfg(all(feature = "inject", not(ringbus_loom)))]
#[doc(hidden)]
pub mod __inject {
    pub use crate::sync::inject::hook::{StepHook, set_step_hook};
}

/// The protocols, for the models in `tests/loom_*.rs`.
#[cfg(ringbus_loom)]
#[doc(hidden)]
#[path = "models.rs"]
pub mod __models;
