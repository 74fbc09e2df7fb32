//! Testing your events: a bus for each test, captures, `assert_events!`, the global bus, and time.
//!
//! # A bus for each test
//! Tests run side by side on threads of one process. What is published on the global bus by one of them is seen by all:
//! give each test a bus of its own. Code that takes its bus as an argument is tested with a new one:
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//!
//! fn connect(bus: &Bus, host: &str) {
//!     publish_event!(bus: bus, "net.connect", host);
//! }
//!
//! let bus = Bus::new();
//! connect(&bus, "db.local");
//! assert_events!(bus, ["net.connect" {host = "db.local"}]);
//! ```
//!
//! Code that publishes on the global bus, by naming none, is run with another one in its place. `with_default` replaces
//! it for the calling thread, until the closure returns:
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//!
//! fn connect(host: &str) {
//!     publish_event!("net.connect", host);
//! }
//!
//! let bus = Bus::new();
//! ringbus::with_default(&bus, || connect("db.local"));
//! assert_events!(bus, ["net.connect"]);
//! ```
//!
//! A thread that the code spawns means the global bus again, unless it is given its parent's default: wrap what it runs
//! in `propagate`.
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//!
//! let bus = Bus::new();
//! ringbus::with_default(&bus, || {
//!     let job = ringbus::propagate(|| publish_event!("job.done"));
//!     std::thread::spawn(job).join().unwrap();
//! });
//! assert_events!(bus, ["job.done"]);
//! ```
//!
//! # Capturing
//! The history of a bus holds the last 500 events, of all kinds. A [`Capture`](crate::testing::Capture) holds what was
//! published from [`Bus::capture`](crate::Bus::capture) on, of the kinds that the test is about, however many come:
//!
//! ```
//! use ringbus::{Bus, publish_event};
//!
//! let bus = Bus::builder().history(0).build()?;
//! let errors = bus.capture(["**.error", "disk.full"])?;
//! publish_event!(bus: &bus, "db.open");
//! publish_event!(bus: &bus, "db.error", code = 7);
//! assert_eq!(errors.kinds(), ["db.error"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A publish calls its handlers before it returns, so what a thread has published is in the capture. For what other
//! threads are still to publish, wait; nobody needs to sleep and hope:
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//! use std::time::Duration;
//!
//! let bus = Bus::new();
//! let jobs = bus.capture("job.**")?;
//! let worker = |n| {
//!     let bus = bus.clone();
//!     std::thread::spawn(move || publish_event!(bus: &bus, "job.done", n))
//! };
//! let workers = [1, 2, 3].map(worker);
//! let events = jobs.wait_for(3, Duration::from_secs(60))?;
//! assert_events!(events, ["job.done", "job.done", "job.done"]);
//! # for worker in workers { worker.join().unwrap(); }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If they do not come, the error says how many came, and of which kinds. A capture is called before all other
//! handlers, so what a handler publishes in answer to an event stands behind it.
//!
//! # Asserting
//! [`assert_events!`](crate::assert_events!) takes a bus, a capture or a list of events and says in one line what must
//! have happened, in order. A pattern stands for one event: `*` for exactly one segment of its kind, `**` for any
//! number. Fields in braces must have these values; those that are not named may be anything.
//!
//! ```
//! use ringbus::{Bus, assert_events, publish_event};
//!
//! let bus = Bus::new();
//! publish_event!(bus: &bus, "db.open", pool.size = 3);
//! publish_event!(bus: &bus, "db.query", text = "select 1", rows = 1_u8);
//! publish_event!(bus: &bus, "db.close");
//! assert_events!(bus, ["db.open" {pool.size = 3}, "db.*" {rows = 1}, "db.close"]);
//!
//! // Only some of them, or in another order: pick what you compare. `all` is newest first, as readings of the history
//! // are; a bus or a capture is compared oldest first.
//! let ends = bus.history().matching(["db.open", "db.close"])?.all();
//! assert_events!(ends, ["db.close", "db.open"], "opened and closed, whatever was asked between");
//! # Ok::<(), ringbus::PatternError>(())
//! ```
//!
//! When it fails it shows both sides as one list, missing events with `-`, those that nobody expected with `+`, and the
//! place in the source where they were published:
//!
//! ```text
//! assertion `assert_events!` failed
//! 3 events expected, 3 came (- missing, + not expected):
//!   db.open  (db.open {pool.size = 3})
//! - db.* {rows = 2}
//! + db.query text="select 1" rows=1  (src/db.rs:71)
//!       rows is 1, expected 2
//!   db.close
//! ```
//!
//! # The global bus
//! A test that must use the global bus itself wants a process of its own: a file in `tests/` with one test function.
//! Where several share it, one after the other, [`reset`](crate::reset()) takes the bus back to the start: it forgets
//! the history and counts from zero. Subscriptions stay; they end with their guards, so a test that keeps its guards and
//! captures in variables leaves none behind. What somebody has detached ends with
//! [`unsubscribe_all`](crate::Bus::unsubscribe_all).
//!
//! ```
//! use ringbus::{assert_events, global, publish_event, reset};
//!
//! publish_event!("left.behind");
//! reset();
//! publish_event!("app.start");
//! assert_events!(global(), ["app.start"]);
//! ```
//!
//! # Time
//! `publish_event!` stamps events with the present. A test of what depends on time builds its events with the
//! [builder](crate::Event::builder) instead, which takes time and id as given; nothing then depends on when it runs:
//!
//! ```
//! use ringbus::{Bus, Event, EventId, assert_events};
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! let at = |second| UNIX_EPOCH + Duration::from_secs(second);
//! let bus = Bus::new();
//! for second in [10, 20, 30] {
//!     let event = Event::builder("tick").timestamp(at(second)).id(EventId::from_u128(second.into())).build()?;
//!     bus.publish(event);
//! }
//! assert_events!(bus.history().since(at(15)).until(at(30)).all(), ["tick"]);
//! assert_eq!(bus.recent(1)[0].to_string(), "1970-01-01T00:00:30.000000Z tick");
//! # Ok::<(), ringbus::BuildError>(())
//! ```
