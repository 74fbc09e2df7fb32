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
//! Start with [`publish_event!`], [`Bus`] and [`Bus::on`]; [`docs::tour`] shows the whole API on one page. What users can
//! rely on is in [`docs::promises`], how the parts order their memory in [`docs::orderings`]; [`docs::patterns`] says which
//! tool is for what, [`docs::testing`] how to test code that publishes.
//!
//! # Features
//! All are off by default.
//! - `serde`: the JSON form of events (`Event::to_json`, `Event::from_json`), serde for values and statistics,
//!   `Bus::dump`, and the black box `on_panic_dump`.
//! - `derive`: the macro `#[derive(Payload)]`, for events that hold a Rust type.
//! - `async`: async handlers, on tokio or any other executor, streams, and async forms of what waits.
//! - `membarrier`: on Linux for x86-64, handlers are called without a fence of their own, and whoever ends a subscription has the
//!   kernel fence for all threads; faster, and outside of what models can show.
//! - `arc-swap-table`: the list of handlers behind an `ArcSwap` instead of hazard pointers, for comparison; slower.
//! - `reference-table`: the lock-based table that the test-suite also runs on; slower, and not lock-free.
//! - `inject`: for this crate's own tests only.
// Each item says which feature it wants, where the compiler can tell.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(ringbus_loom))))]
#![deny(missing_docs, unsafe_code)]
#![warn(unreachable_pub)]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro, clippy::todo, clippy::unimplemented)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
#![cfg_attr(ringbus_loom, allow(dead_code, unused_imports))]

// The ground: atomics and locks behind one door,
mod sync;
// user code called so that a panic stays inside,
mod contain;
// and how long something took.
mod latency;
// An event is made, of a kind, with values,
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
// Handlers that take their time,
mod queue;
// what users write at their call sites,
mod publish;
// What receivers of other programs' events need,
mod typed;
// and what tests need.
pub mod testing;

pub mod docs;

pub use bus::{
    AlreadySubscribed, Bus, BusBuilder, CloseError, ConfigError, DeadLetter, Deliveries, Delivery, Explained,
    Explanation, GlobalAlreadySet, Gone, HandlerEnd, Mapped, Outcome, Publishable, Reentrancy, ShutdownReport,
    StillBusy, Subscribe, Subscription, Subscriptions, Topic, TrySubscribe, Verdict, WaitError, Waited, WeakBus,
    current, default_bus, global, propagate, set_global, with_default,
};
#[cfg(feature = "serde")]
pub use bus::{DumpError, on_panic_dump};
pub use dispatch::{
    BoxError, Breaker, BreakerInfo, BreakerState, EndedBy, Failure, FailureCause, FailurePolicy, Handler, HandlerError,
    HandlerErrorCause, Named, QueueInfo, Retry, StillRunning, SubscriptionId, SubscriptionInfo, SubscriptionState,
    Warning,
};
pub use event::{
    BuildError, CallSite, DecodeError, Event, EventBuilder, EventId, Fault, Faults, FieldReader, FieldWriter, Fields,
    FieldsIter, FromValue, Int128, IntoSelector, Kind, KindError, KindTaken, ParseIdError, ParsePriorityError, Pattern,
    PatternError, Payload, Priority, Selector, Text, ToValue, UInt128, Value,
};
#[cfg(feature = "serde")]
pub use event::{JsonError, Unknown};
pub use history::{Batch, Chain, Cursor, History, HistoryBusy};
pub use latency::Latency;
pub use publish::publish_event;
#[cfg(all(feature = "async", not(ringbus_loom)))]
pub use queue::{AsyncError, EventStream, InTasks, Lagged, Spawn, Task, Tokio};
pub use queue::{
    CalledByWorkers, EventOf, ExpectError, Expectation, InPool, InThread, Queued, Received, Receiver, RecvError,
    TakenOut,
};
pub use queue::{Overflow, QueueError};
/// Implements [`trait@Payload`] for a struct with named fields, or without fields (feature `derive`).
///
/// Each field must be [`ToValue`] and [`FromValue`], and bears its name, unless told otherwise:
///
/// | on the struct | |
/// |---|---|
/// | `#[payload(kind = "a.b")]` | the [kind](Kind), text or a constant; must be there, and is checked when compiling |
/// | `#[payload(validate = path)]` | a `fn(&Self) -> Result<(), E>`, where `E` becomes a [`BoxError`] (text does), asked after decoding |
/// | `#[payload(crate = path)]` | where ringbus is, if not at `::ringbus` |
///
/// | on a field | |
/// |---|---|
/// | `#[payload(rename = "x")]` | its name in the event |
/// | `#[payload(skip)]` | no field of the event; decoding gives it its `Default` |
///
/// ```
/// use ringbus::{Event, Payload};
///
/// #[derive(Debug, PartialEq, Payload)]
/// #[payload(kind = "sample.processed", validate = Processed::check)]
/// struct Processed {
///     mean: f64,
///     #[payload(rename = "type")]
///     form: String,
///     tags: Vec<String>,
///     /// Publishers know more than receivers.
///     #[payload(skip)]
///     raw: Vec<u8>,
/// }
///
/// impl Processed {
///     fn check(&self) -> Result<(), &'static str> {
///         if self.mean.is_finite() { Ok(()) } else { Err("the mean is not finite") }
///     }
/// }
///
/// let event = Event::from_payload(Processed { mean: 1.5, form: "f".into(), tags: vec![], raw: vec![1] })?;
/// assert_eq!(event.to_map()["payload"].to_string(), r#"{mean: 1.5, type: "f", tags: []}"#);
/// assert_eq!(event.payload_as::<Processed>().unwrap().raw, [1]);
/// assert!(event.decode::<Processed>()?.raw.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "derive")]
pub use ringbus_macros::Payload;
pub use stats::{Stats, StatsDelta, StatsMismatch, Totals};
pub use typed::{Registry, RegistryError, UnknownKinds};

// The global bus's methods as functions.
pub use bus::on_global::{
    disable, enable, history, is_enabled, on, recent, reset, stats, subscribe, try_recent, try_subscribe,
};

#[doc(hidden)]
pub use publish::private as __private;

/// Steps at which a test may stop or delay a thread; no public interface.
#[cfg(all(feature = "inject", not(ringbus_loom)))]
#[doc(hidden)]
pub mod __inject {
    pub use crate::sync::inject::hook::{ClockHook, StepHook, is_operation, set_clock_hook, set_step_hook};
}

/// The protocols, for the models in `tests/loom`.
#[cfg(ringbus_loom)]
#[doc(hidden)]
#[path = "models.rs"]
pub mod __models;
