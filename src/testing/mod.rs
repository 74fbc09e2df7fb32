//! What tests of events need: catching them, waiting for them, and comparing them with what was expected.
//!
//! 1. A [`Capture`], begun by [`Bus::capture`](crate::Bus::capture), keeps every event that it is shown; one that waited
//!    in vain answers with a [`CaptureTimeout`].
//! 2. [`assert_events!`](crate::assert_events!) compares the events of an [`EventSource`] with those expected, and
//!    panics with the difference.
//! 3. `expected` says what an event must be, `align` pairs events with expectations, `diff` writes the difference.
//!
//! The chapter [Testing your events](crate::docs::testing) tells how they work together. Nothing here is meant for
//! production: a capture takes a lock for each event and is not bounded.
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//!
//! let bus = Bus::new();
//! publish_event!(bus: &bus, "db.open");
//! publish_event!(bus: &bus, "db.error", code = 7, text = "no route");
//! publish_event!(bus: &bus, "db.close");
//! assert_events!(bus, ["db.open", "db.error" {code = 7}, "db.*"]);
//! ```

mod capture;
mod timeout;

mod assert;
mod source;

mod align;
mod diff;
mod expected;

#[doc(hidden)]
pub mod private;

pub use capture::Capture;
pub use source::EventSource;
pub use timeout::CaptureTimeout;
