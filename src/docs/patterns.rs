//! Patterns of use: which tool for what, and when to use none of them.
//!
//! # Name kinds from the general to the particular
//! `terminal.error`, `terminal.command`, `db.pool.exhausted`: the first segment is the part of the program, the last one
//! what happened. Then `terminal.**` is one part's diary, and `**.error` everything that went wrong, wherever. Put what
//! varies into fields, not into the kind: `user.login` with `user = 7`, not `user.7.login`; call sites with a constant
//! kind are the fast ones, and counts by kind stay readable.
//!
//! # A library publishes, its program decides
//! `publish_event!` without `bus:` means the global bus, which costs a library's users nothing while it is off. The
//! program decides once, at its start:
//!
//! ```
//! let bus = ringbus::Bus::builder().history(5_000).enabled(std::env::var_os("QUIET").is_none()).build()?;
//! ringbus::set_global(bus)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A part that must be apart from the rest (a plug-in, a tenant, a test) gets a bus of its own: pass it down and name it
//! (`bus: &bus`), or put it in the global one's place for a stretch of code with
//! [`with_default`](crate::with_default).
//!
//! # Keep guards where the work lives
//! A [`Subscription`](crate::Subscription) ends when it is dropped: keep it in the struct whose work it is, and it ends
//! with it. `let _ = bus.subscribe(..)` ends at once ([`Bus::explain`](crate::Bus::explain) shows where). A handler for
//! the life of the bus is [`detach`](crate::Subscription::detach)ed. Before something is torn down that a handler uses,
//! [`close`](crate::Subscription::close) it: after that no call runs.
//!
//! ```
//! use ringbus::{Bus, Subscription, publish_event};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! struct ErrorCount {
//!     count: Arc<AtomicU64>,
//!     _guard: Subscription,
//! }
//!
//! impl ErrorCount {
//!     fn on(bus: &Bus) -> Result<Self, ringbus::PatternError> {
//!         let count = Arc::new(AtomicU64::new(0));
//!         let counter = Arc::clone(&count);
//!         let guard = bus.on("**.error")?.named("error count").subscribe(move |_| {
//!             counter.fetch_add(1, Ordering::Relaxed);
//!         });
//!         Ok(Self { count, _guard: guard })
//!     }
//! }
//!
//! let bus = Bus::new();
//! let errors = ErrorCount::on(&bus)?;
//! publish_event!(bus: &bus, "db.error", code = 7);
//! assert_eq!(errors.count.load(Ordering::Relaxed), 1);
//! # Ok::<(), ringbus::PatternError>(())
//! ```
//!
//! # Handlers are short
//! A handler runs on its publisher's thread, and the publisher goes on when the last one has returned. What takes time
//! gets a queue, and a thread or a task of its own: say how much may wait, and what is dropped when that is full. What may
//! fail for a while is tried again; what fails for good is kept.
//!
//! ```
//! use std::{num::NonZeroU32, time::Duration};
//! use ringbus::{Bus, Overflow, Retry, publish_event};
//!
//! let bus = Bus::new();
//! let mut sent = 0;
//! let letters = bus
//!     .on("order.placed")?
//!     .named("mailer")
//!     .in_thread()
//!     .capacity(1000)
//!     .when_full(Overflow::DropNewest) // counted in `info().queue`
//!     .retry(Retry::times(NonZeroU32::new(5).unwrap()))
//!     .try_subscribe(move |order| {
//!         order.get("order").ok_or("an order without a number")?;
//!         sent += 1; // a thread of its own: it may change what it has captured
//!         Ok(())
//!     })?;
//! publish_event!(bus: &bus, "order.placed", order = 7);
//! letters.close_drained(Duration::from_secs(10))?; // what waits is handled first
//! assert_eq!(letters.info().delivered, 1);
//! assert!(bus.dead_letters().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Whoever must know waits
//! A publish tells nothing of what handlers do later. [`publish_and_wait`](crate::Bus::publish_and_wait) does: it returns
//! when every handler has finished with the event, with the list of those that failed. Inside a handler give it a limit:
//! two that wait for each other would wait for ever. And whoever takes the event out of a receiver must not be who waits.
//!
//! # A program ends in order
//! [`shutdown`](crate::Bus::shutdown) refuses what comes, drains every queue, and reports what it could not: call it where
//! the program ends, with the time that there is. A bus that is dropped without it stops its threads, and discards what
//! waits.
//!
//! # Who is told when
//! - At once, on the publisher's thread: a subscription. With the past first:
//!   [`replay`](crate::Subscribe::replay).
//! - Soon, on a thread or a task of its own: a handler with a queue ([`in_thread`](crate::Subscribe::in_thread)). Taken out
//!   by oneself: from a [`Receiver`](crate::Receiver), or a stream.
//! - Later, each event once, on your own thread: a [`Cursor`](crate::Cursor).
//! - Only when somebody asks what has just happened: [`recent`](crate::Bus::recent) and
//!   [`history`](crate::Bus::history).
//! - When the process dies: `on_panic_dump`.
//!
//! # A handler that keeps failing
//! Failures are counted, reported to the [hook](crate::BusBuilder::on_failure) and logged, and go no further. A handler
//! whose failures cost something (a connection that is tried each time) is put into
//! [quarantine](crate::FailurePolicy::Quarantine) after a row of them, and resumed by whoever has mended it. In tests
//! [`Unwind`](crate::FailurePolicy::Unwind) makes a handler's panic the publisher's.
//!
//! # Handlers that publish
//! A nested event is dispatched at once, inside: the other handlers of the outer event see the inner one first. Where
//! that order matters, make the bus [`Deferred`](crate::Reentrancy::Deferred). Circles end at the depth limit, or, from
//! thread to thread, at the [hop limit](crate::BusBuilder::hop_limit), and are counted;
//! [`History::chain`](crate::History::chain) shows the tree of what led to what. Inside a handler,
//! [`current`](crate::current) is its bus; a handler that holds its own [`Bus`](crate::Bus) would keep it alive for ever.
//!
//! The hop limit sees events that are made. The very same event, published once more, has no hop more: a handler on a thread
//! that publishes `event.clone()` to itself goes round for ever. So does one of `ringbus.dead_letter` that
//! [republishes](crate::DeadLetter::republish) what fails again at once: republish later, from elsewhere.
//!
//! # Nothing comes
//! `println!("{}", bus.explain("db.error"))` lists every subscription with its verdict, and the last ones that have
//! ended. The [warning hook](crate::BusBuilder::on_warning) tells of events that nobody has subscribed to.
//!
//! # When not to use it
//! - **One producer, one consumer, each item handled once**: a channel. It is simpler, faster for that, and has
//!   back-pressure.
//! - **Work that must not be lost**: a queue on disk, a database. A bus is one process's memory; its history forgets.
//! - **A function call**: if there is always exactly one handler and the publisher needs its answer, call it.
//! - **Spans, levels, filters by module, log files**: `tracing` or `log`. An event here is data for code.
//! - **Consistency between parts of a program**: handlers run after the fact, and may fail without the publisher's
//!   knowing. What has to happen together belongs into one function.
//! - **Handlers that wait** for each other or for the publisher: they would hold up its thread.
