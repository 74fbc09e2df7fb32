//! The whole API on one page.
//!
#![cfg_attr(all(feature = "derive", feature = "serde"), doc = "```")]
#![cfg_attr(not(all(feature = "derive", feature = "serde")), doc = "```ignore")]
//! use ringbus::{Bus, Event, Payload, assert_events, publish_event};
//! # let folder = std::env::temp_dir();
//! # let (path, n) = ("main.rs", 7);
//! # let (err, state) = (std::fmt::Error, [1, 2]);
//!
//! // the global bus, any event
//! let audit = ringbus::subscribe(|event: &Event| println!("{event}"));
//!
//! // a call site: static metadata, lazily evaluated payload, nothing paid while the bus is off
//! publish_event!("terminal.error", source: "daemon", project_path: "/srv/app",
//!                error = "TypeError", file = path, line = 42, cause = %err, state = ?state);
//! publish_event!(kind: format!("thread.{n}.event"), source: "test", thread_id = n); // dynamic kind
//!
//! // an own bus, with options
//! let bus = Bus::builder().history(10_000).build()?;
//! publish_event!(bus: &bus, "db.error", waited_ms = 12.5); // another bus
//! let errors = bus.on("**.error")?           // a pattern, a Kind, or a list of patterns
//!     .named("alerts")
//!     .order(10)                             // higher first; equal: in subscription order
//!     .replay(100)                           // the past first, then live
//!     .try_subscribe(|event| {
//!         event.get("waited_ms").ok_or("it does not say how long")?;
//!         Ok(())
//!     });                                    // Result<(), BoxError>; `subscribe` for handlers returning ()
//! assert_eq!(errors.info().delivered, 1);
//!
//! // typed
//! #[derive(Payload, Debug)]
//! #[payload(kind = "sample.processed")]
//! struct SampleProcessed { sample_id: u64, mean: f64 }
//!
//! let spc = bus.subscribe_to(|sample: &SampleProcessed| assert!(sample.mean < 1.0))?;
//! bus.publish(SampleProcessed { sample_id: 7, mean: 0.3 });
//! let samples = bus.topic::<SampleProcessed>()?; // resolved once, the fastest way to publish
//! samples.publish(SampleProcessed { sample_id: 8, mean: 0.4 });
//!
//! // looking back
//! let t = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
//! bus.recent(10);                                // newest first
//! bus.history().matching("terminal.**")?.since(t).take(50);
//! let cause = &bus.recent(1)[0];
//! bus.history().chain(cause.id());               // the tree of what led to it, and what it led to
//! bus.stats();                                   // kinds, sources, handlers, buffer, totals, failures
//! bus.explain("db.error");                       // each subscription: matches, muted, quarantined, gone (and where made)
//! # std::env::set_current_dir(folder)?;
//! ringbus::on_panic_dump("crash.jsonl")?;        // black box: the last N events when the process panics
//! assert_events!(bus, ["db.error", "sample.*", "sample.processed"]); // in tests: a diff with call sites when it fails
//!
//! // ending
//! errors.close()?;      // returns when no call of this handler runs or will ever run
//! drop(spc);            // no event published after this reaches it
//! # drop(audit);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Handlers as objects, and by handle:
//!
//! ```
//! use std::sync::Arc;
//! use ringbus::{BoxError, Bus, Event, Handler};
//!
//! struct Audit;
//!
//! impl Handler for Audit {
//!     fn handle(&self, event: &Event) -> Result<(), BoxError> {
//!         event.source().map(drop).ok_or_else(|| "nobody's event".into())
//!     }
//! }
//!
//! let bus = Bus::new();
//! let audit: Arc<Audit> = Arc::new(Audit);
//! let id = bus.subscribe_handler(audit.clone())?;
//! assert_eq!(bus.subscribe_handler(audit.clone()).unwrap_err().id(), id); // the same `Arc` twice
//! assert!(bus.unsubscribe_handler(&audit));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Handlers that take their time, on threads; for async ones see [`Bus::subscribe_async`](crate::Bus):
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//! use ringbus::{Breaker, Bus, Event, Overflow, Retry, publish_event};
//!
//! let bus = Bus::new();
//! let limit = Duration::from_secs(10);
//! let thrice = NonZeroU32::new(3).unwrap();
//! let mail = bus.on("order.*")?
//!     .named("mail")
//!     .throttle(thrice, Duration::from_secs(1))          // at most so many come to it
//!     .breaker(Breaker::after(thrice))                   // spared while it fails
//!     .in_thread()                                       // or in_pool(4), on_executor(..)
//!     .capacity(100)
//!     .when_full(Overflow::DropNewest)
//!     .retry(Retry::times(thrice).base(Duration::from_millis(1)))
//!     .deadline(limit)
//!     .try_subscribe(|order| order.get("to").map(drop).ok_or("no address".into()))?;
//!
//! let ready = bus.expecting("shop.open")?;               // an event that is about to come
//! publish_event!(bus: &bus, "shop.open");
//! ready.within(limit)?;
//!
//! let order = Event::builder("order.placed").field("to", "Ada").build()?;
//! let waited = bus.publish_and_wait(order, limit)?;
//! assert!(waited.is_complete());                         // else: errors and panics by handler, and who is still at it
//!
//! let mut audit = bus.on("order.*")?.receiver()?;        // taken out by oneself
//! publish_event!(bus: &bus, "order.paid", to = "Ada");
//! assert_eq!(audit.recv()?.kind(), "order.paid");
//!
//! bus.wait_idle(limit)?;
//! assert!(bus.dead_letters().is_empty());                // what failed for good
//! mail.close_drained(limit)?;                            // what waits is handled first
//! assert!(bus.shutdown(limit).is_complete());            // drained, abandoned, still running: by handler
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In tests, and where a part of a program is to be apart:
//!
//! ```
//! use ringbus::{Bus, publish_event};
//!
//! let bus = Bus::new();
//! let all = bus.capture("**")?;
//! ringbus::with_default(&bus, || {
//!     publish_event!("app.start");
//!     let worker = std::thread::spawn(ringbus::propagate(|| publish_event!("worker.start")));
//!     worker.join().unwrap();
//! });
//! assert_eq!(all.kinds(), ["app.start", "worker.start"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
