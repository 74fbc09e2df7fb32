//! What users can rely on. Each promise has a number; tests are named after it (`p04_…`), models name it. What shows each
//! of them: [`proof`](super::proof).
//!
//! # P1 Progress
//! A publish is lock-free in its own steps, also a thread's first one, a call site's first use and a kind's first
//! sight: freeze any other thread at any instruction, and it still finishes. Not counted: the allocator, handlers, user
//! drops and hooks. Locks are for the cold side: readers of the history against each other, subscribing, and waiting in
//! [`close`](crate::Subscription::close).
//!
//! A subscription that is being told of the past makes no publisher wait either: events go to its inbox. Nor does a handler
//! with a [queue](crate::Queued), full or not: taking an event in is a lock-free push, and waking a worker is one exchange
//! and the system's call (or the executor's). The one exception is the policy
//! [`Block`](crate::Overflow::Block), where somebody has chosen it; and a publish that is
//! [waited for](crate::Bus::publish_and_wait) takes a lock of its own.
//!
//! The feature `reference-table` takes a lock and does not keep this promise.
//!
//! # P2 Record, then dispatch
//! An event is in the history before its first handler runs, and readable once its publish has returned.
//!
//! # P3 Order
//! One thread's events keep their order in the history, and at each handler (a publish nested in a handler comes
//! inside). Across threads the history is ordered by time: where A happens before B on another thread, A is older,
//! unless the two lie within the clock's read-ahead, well under 1 µs: the time-stamp counter is read without a fence.
//! With [`strict_order`](crate::BusBuilder::strict_order) there is no exception. A counter or a clock that jumps, stands
//! still or is set back changes nothing of that; timestamps follow the wall clock, within a second, or a few after such a
//! jump, and stay in the years 1970 to 9999. Handlers run by
//! [`order`](crate::Subscribe::order), higher first, then in the order of subscription.
//!
//! A subscription with [`replay`](crate::Subscribe::replay) is told of the past first, oldest first, then of what happens
//! from then on: no event twice, and none left out that is not counted. A [`Cursor`](crate::Cursor) reads each event once,
//! or counts it as missed.
//!
//! A handler with a queue and one worker sees each publisher's events in their order; with several, or
//! [by priority](crate::Queued::by_priority), it asked for another.
//!
//! # P4 Isolation
//! A panic or an `Err` of a handler is caught, counted, and reported to the
//! [failure hook](crate::BusBuilder::on_failure) with kind, handler and place of subscription; the others run. A panic
//! payload, a closure or an event value whose drop panics, a payload type that panics when its fields are made (the event
//! then has one field, `panicked`), and a failure hook that panics, are contained too; a payload
//! that keeps panicking is leaked after some rounds, and counted
//! ([`forgotten_panics`](crate::Totals::forgotten_panics)). The same report goes to the `log` facade; a logger that
//! publishes is not asked again on its thread. Reports are limited to one a second for each subscription; each tells how
//! many were left out before it, and the subscription's [`unreported`](crate::SubscriptionInfo::unreported) how many since.
//!
//! Each subscription says what becomes of it ([`FailurePolicy`](crate::FailurePolicy)): nothing; quarantine after a row of
//! failures, in the order of one counter, with one report, until it is resumed; or its panic goes on in the publisher,
//! after the other handlers have run.
//!
//! All this holds for handlers on threads and async ones too, in each poll. What one of them has failed after its retries
//! is a [dead letter](crate::Bus::dead_letters).
//!
//! # P5 Visibility
//! A subscription sees every event whose publish happens after `subscribe` returned, and none whose dispatch had begun
//! before. A handler removed during a dispatch is not called any more in it, if its turn had not come.
//!
//! # P6 Unsubscribing
//! After drop or `unsubscribe` no event published later is delivered. After [`close`](crate::Subscription::close) also
//! no call of the handler runs on any thread, its filter included, and the closure has been dropped. Inside any handler
//! `close` unsubscribes, does not wait, and returns [`InsideHandler`](crate::CloseError::InsideHandler).
//! [`close_timeout`](crate::Subscription::close_timeout) names the threads that it still waits for.
//!
//! With a queue, dropping the guard and `close` discard what waits, counted, and drop a call that is suspended; `close`
//! waits for the call, or the poll, that is running, and for the handler's drop.
//! [`close_drained`](crate::Subscription::close_drained) has everything handled first; a guard that is dropped meanwhile
//! changes nothing about it. After a complete [`shutdown`](crate::Bus::shutdown) no handler of the bus runs, or ever will;
//! events are refused from the moment on in which it began. One that could not wait, as inside a handler, is made complete by
//! the next that can.
//!
//! A [limit](crate::Subscribe::limit) is kept on however many threads events are published at once: exactly so many calls
//! are made. Of a handler with a queue, or a receiver, exactly so many events are handed to the queue; retries make more
//! calls of them, and a `filter_map` that makes nothing of an event, or a queue that loses it, fewer.
//! [Muting](crate::Subscription::mute) holds for every publish that happens after it.
//!
//! # P7 Re-entrancy
//! Handlers may publish, subscribe, unsubscribe, read history and statistics, enable, disable and reset. Nested
//! publishes are dispatched at once, depth first, or, where the bus is [`Deferred`](crate::Reentrancy::Deferred), when the
//! dispatch under way on the thread has ended, in the order of publishing. Depth counts per thread over all buses; an
//! event published beyond the [limit](crate::BusBuilder::depth_limit) is recorded, not dispatched, and counted; so is one
//! beyond the [bound](crate::BusBuilder::deferred_limit) of what may wait, and one whose chain of causes is longer than the
//! [hop limit](crate::BusBuilder::hop_limit). What is made inside a handler carries the id of the event being handled as
//! its [cause](crate::Event::cause), and its correlation id, unless given another.
//!
//! # P8 Accounting
//! Nothing is lost silently. Whenever no publish is in flight, exactly: readable = min(capacity, recorded since the last
//! reset), [overwritten](crate::Totals::overwritten) = the rest; deliveries = the sum over the handlers; every failure,
//! depth stop, hop stop, refusal, unheard event, and everything that a subscription was not called for or lagged behind has a
//! counter. Of each queue ([`QueueInfo`](crate::QueueInfo)): offered = delivered + failed + skipped + kept back + dropped +
//! discarded + waiting + running, also when it was closed, shut down, or its executor has gone. What is published while the
//! bus is off ([disabled](crate::Bus::disable), or without history and subscribers) is not an event, and is not counted. A
//! reset moves the base of the counts; it sets no live counter to zero.
//!
//! # P9 Bounds
//! Memory is bounded by configuration, plus a constant for each thread alive at the same time: a stalled handler or
//! reader, short-lived threads and distinct dynamic kinds do not grow it. A history holds at most shards × max(capacity
//! rounded up to a power of two, 1024) events. A list of handlers that was replaced is kept while a publisher reads it,
//! and where one has just ended, until the next change: at most two for each thread and depth. A queue holds as many events
//! as its capacity says (of each priority, where it is ordered by that), dead letters are bounded too. Kinds of call sites are
//! interned for good: they are as many as the program's text has. Known exceptions: a thread whose very first publish
//! comes from a destructor of a pthread key, after all of Rust's thread-local destructors, leaves 128 bytes behind
//! (arc-swap's, whose own such destructor comes too late); one where it comes in the last round of those destructors
//! (glibc: the fourth) leaves its row and an event too, about 2.5 KB.
//!
//! # P10 Life cycle
//! Publishing from thread-local destructors, from `Drop` while unwinding, from panic hooks, at exit, after a fork, and
//! from an allocator works or is a counted no-op; it is never undefined. While a thread is panicking its events are
//! recorded, not dispatched: a handler that panicked there would abort the process. A subscription that asks for it
//! ([`while_panicking`](crate::Subscribe::while_panicking)) is called all the same. Hooks read with
//! [`try_recent`](crate::Bus::try_recent), which never waits; the black box (`on_panic_dump`) waits for nobody and runs no
//! user code. Payloads of events that a panicking thread is the last to hold are dropped when it no longer panics (at
//! most 4096 wait on a thread; more are leaked and counted): a drop that panicked in a panic hook would abort the process.
//! A process may be ended from inside a handler. A bus can be dropped at any time. Two copies of the crate in one process
//! (a program and a library that it loads) do not disturb each other; a library with a copy inside cannot be unloaded
//! (`dlclose`), since thread-locals, a fork handler and a key's destructor stay behind. In a forked child everything works
//! on buses that no other thread of the parent was changing or reading at that instant; on those, publishing and
//! `try_recent` do, and whatever takes a lock may wait for a thread that is not there. Threads of handlers are not there
//! either, but for one that forks inside its handler: nobody waits for them, and what waits for them is discarded and counted
//! when somebody closes the handler, shuts the bus down or waits until it is idle. Alarms, for what async code waits for,
//! ring. (Rust's own `std::thread` takes a lock when a thread begins or ends: a child that was forked in such a moment may
//! wait for ever when it starts a thread, with or without a bus.) A thread whose very first publish or wait comes when std has
//! let go of it, in a later round of the system's own destructors, costs one contained panic, of which the process's panic
//! hook is told: std cannot be asked for the thread in another way. (Under `panic = "abort"` that is the end.)
//!
//! # P11 Free when off
//! Disabled, or nobody subscribed and no history: a call site on the global bus evaluates none of its arguments and
//! costs one relaxed load and a predicted branch. While some thread is inside [`with_default`](crate::with_default), call
//! sites of all threads look once more.
//!
//! # P12 Bad input
//! Malformed kinds, patterns, capacities, JSON: a typed error that says what is wrong, where, and what is allowed;
//! nothing changed, nothing lost.
