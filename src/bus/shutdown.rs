//! Shutting a bus down: no new events, what waits is handled, and a report of what was not.
//!
//! 1. The bus is shut: a publish from now on is refused and counted. Its gate stays open for that.
//! 2. Every subscription is removed: a publisher that is under way calls no further handler. What was removed before, and
//!    still runs or has a queue to be drained (that of a limit, or of a close on another thread), comes along from here on.
//! 3. The calls under way are waited for, as `close` does; when they have ended, nothing comes to a queue any more.
//! 4. The queues are drained, and their workers end. What is left at the deadline is discarded and counted.
//!
//! # Orderings
//! `Mode`: Relaxed. A publish that happens after `shutdown` has begun sees it by coherence; one that does not may still be
//! recorded, and finds its handlers removed (P6 does the rest).

use core::fmt;
use core::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bus, Delivery, Inner, Outcome};
use crate::contain;
use crate::dispatch::watch::Watch;
use crate::dispatch::{EndedBy, QueueInfo, Subscriber, SubscriptionId, write_handler};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutex, busy, duty};

/// What a publish has to ask for that is not usual:
///
/// ```text
/// | SHUT | DEFERRED |
/// ```
pub(super) struct Mode {
    word: AtomicU32,
    /// Once it is there.
    report: Mutex<Option<ShutdownReport>>,
    /// Told when the report is there.
    reported: Watch,
}

/// Nested events wait.
const DEFERRED: u32 = 1;
/// The bus has been shut down.
const SHUT: u32 = 2;

/// A shutdown that has begun: whose handlers are removed, and to be ended.
#[derive(Clone)]
pub(crate) struct Begun {
    subscribers: Vec<Arc<Subscriber>>,
    /// Those of them that had ended before.
    ended_before: Vec<SubscriptionId>,
    /// What their queues had done.
    before: Vec<Option<QueueInfo>>,
}

/// What [`Bus::shutdown`] has come to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The subscriptions that there were, in the order in which they were made; also those that had ended and still had
    /// something to do.
    pub handlers: Vec<HandlerEnd>,
    /// It could not wait: it was called inside a handler, or another shutdown was still at it at the deadline. What waits is
    /// still drained.
    pub unfinished: bool,
}

/// How one handler came to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandlerEnd {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// Events that waited in its queue and were handled during the shutdown, failed ones included.
    pub drained: u64,
    /// Events that waited in its queue and were not handled: they are counted as discarded.
    pub abandoned: u64,
    /// A call of it was still running.
    pub running: bool,
}

// === impl Bus ===

impl Bus {
    /// Ends the bus: events are refused from now on ([`Outcome::ShutDown`]), all subscriptions end, calls under way are
    /// waited for, queues are drained. At the deadline what still waits is discarded and counted; what still runs is told.
    ///
    /// History and statistics can still be read. A second shutdown waits for the first, and has the same report.
    /// Handlers that are drained may publish; those events are refused too: where handlers work for each other, have
    /// [`wait_idle`](Self::wait_idle) come first. Inside a handler it does not wait, and its
    /// report is [`unfinished`](ShutdownReport::unfinished): what other threads are handing over at that moment may come
    /// after the end of a queue, and is discarded then, counted. Nor does it wait for async handlers on a thread of their
    /// runtime, where waiting would keep them from coming to their end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, Outcome, publish_event};
    ///
    /// let bus = Bus::new();
    /// bus.on("job.*")?.named("worker").in_thread().subscribe(|job| drop(job.id()))?.detach();
    /// (0..10).for_each(|n| drop(publish_event!(bus: &bus, "job.todo", n)));
    ///
    /// let report = bus.shutdown(Duration::from_secs(10));
    /// assert!(report.is_complete());
    /// assert_eq!(bus.stats().totals.delivered, 10);
    /// assert_eq!(publish_event!(bus: &bus, "job.todo").outcome, Outcome::ShutDown);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Ordering
    /// When it has returned a complete report, no handler of the bus runs or will ever run. A publish that was under way
    /// when it was called may still be recorded.
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        // A limit beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(limit);
        self.end_shutdown(self.begin_shutdown(), deadline)
    }

    /// The part that needs no waiting; then there is [`end_shutdown`](Self::end_shutdown).
    pub(crate) fn begin_shutdown(&self) -> Option<Begun> {
        self.inner.begin_to_shut()
    }

    /// The rest; it waits, except inside a handler.
    pub(crate) fn end_shutdown(&self, begun: Option<Begun>, deadline: Option<Instant>) -> ShutdownReport {
        self.inner.shut(begun, deadline)
    }

    /// Whether [`shutdown`](Self::shutdown) has been called.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.inner.mode.is_shut()
    }
}

// === impl Inner ===

impl Inner {
    /// Refuses events from now on, and removes the handlers; `None` where that was done before.
    fn begin_to_shut(&self) -> Option<Begun> {
        if !self.mode.shut() {
            return None;
        }
        self.gate.set_shut();
        let (subscribers, ended_before) = self.to_be_ended();
        let before = subscribers.iter().map(|one| one.backlog.as_ref().map(|backlog| backlog.info())).collect();
        subscribers.iter().for_each(|one| drop(self.registry.remove(one.id, EndedBy::Shutdown)));
        Some(Begun { subscribers, ended_before, before })
    }

    /// Ends the handlers; or waits for whoever does.
    fn shut(&self, begun: Option<Begun>, deadline: Option<Instant>) -> ShutdownReport {
        let waits = !duty::forbids_waiting();
        let Some(Begun { subscribers, ended_before, before }) = begun else { return self.mode.report(waits, deadline) };
        let mut unfinished = !waits;
        let running: Vec<bool> =
            subscribers.iter().map(|one| if waits { end_calls(one, deadline) } else { end_later(one) }).collect();
        let ends = subscribers.iter().zip(before).zip(running).filter_map(|((one, before), running)| {
            let (waited, end) = end_backlog(one, before, running, waits.then_some(deadline));
            unfinished |= !waited;
            // Of those that had ended before, only what they still had to do is told.
            (end.running || one.backlog.is_some() || !ended_before.contains(&one.id)).then_some(end)
        });
        let handlers = ends.collect();
        let report = ShutdownReport { handlers, unfinished };
        self.mode.done(report.clone());
        report
    }

    /// The subscriptions, and those that have ended before and may still be at work, with the ids of these: in the order in
    /// which they were made.
    fn to_be_ended(&self) -> (Vec<Arc<Subscriber>>, Vec<SubscriptionId>) {
        let (mut all, mut leaving) = self.registry.all_living();
        leaving.retain(|one| one.backlog.as_ref().is_none_or(|backlog| !backlog.is_over()));
        let ended_before = leaving.iter().map(|one| one.id).collect();
        all.append(&mut leaving);
        all.sort_by_key(|one| one.id);
        (all, ended_before)
    }

    /// A publish on a bus that has been shut down; its own are not counted.
    #[cold]
    pub(super) fn shut_down(&self, own: bool) -> Delivery {
        if !own {
            self.counters.shut_down.bump();
        }
        Delivery::none(Outcome::ShutDown)
    }
}

/// Waits until no call of a removed handler runs, and drops it; says whether one still does.
fn end_calls(subscriber: &Subscriber, deadline: Option<Instant>) -> bool {
    subscriber.handler.close(deadline, contain::drop_contained).is_err()
}

/// The same without waiting.
fn end_later(subscriber: &Subscriber) -> bool {
    subscriber.handler.close_idle(contain::drop_contained);
    false
}

/// Lets a queue come to its end, and waits for that where there is a deadline to wait for; says whether it could.
fn end_backlog(
    subscriber: &Subscriber,
    before: Option<QueueInfo>,
    mut running: bool,
    deadline: Option<Option<Instant>>,
) -> (bool, HandlerEnd) {
    let (mut waited, mut drained, mut abandoned) = (true, 0, 0);
    if let (Some(backlog), Some(before)) = (&subscriber.backlog, before) {
        backlog.finish();
        let deadline = if backlog.needs_this_thread() { None } else { deadline };
        waited = deadline.is_some();
        if let Some(deadline) = deadline {
            if !backlog.watch().wait_until(deadline, || backlog.is_over()) {
                backlog.stop();
            }
        }
        let after = backlog.info();
        drained = (after.delivered + after.failed) - (before.delivered + before.failed);
        abandoned = after.discarded - before.discarded;
        running |= !backlog.is_over();
    }
    let (subscription, name, place) = (subscriber.id, subscriber.name.clone(), subscriber.place);
    (waited, HandlerEnd { subscription, name, place, drained, abandoned, running })
}

// === impl Mode ===

impl Mode {
    pub(super) fn new(deferred: bool) -> Self {
        let word = AtomicU32::new(if deferred { DEFERRED } else { 0 });
        Self { word, report: Mutex::default(), reported: Watch::default() }
    }

    /// Whether there is nothing to ask for.
    #[inline(always)]
    pub(super) fn is_usual(&self) -> bool {
        self.word.load(Ordering::Relaxed) == 0
    }

    #[inline]
    pub(super) fn is_shut(&self) -> bool {
        self.word.load(Ordering::Relaxed) & SHUT != 0
    }

    /// Shuts; `true` for the first to do so.
    fn shut(&self) -> bool {
        // Relaxed: see the module's head.
        self.word.fetch_or(SHUT, Ordering::Relaxed) & SHUT == 0
    }

    fn done(&self, report: ShutdownReport) {
        busy::during(|| *self.report.lock() = Some(report));
        self.reported.tell();
    }

    /// The first one's report, when it is there.
    fn report(&self, waits: bool, deadline: Option<Instant>) -> ShutdownReport {
        let read = || busy::during(|| self.report.lock().clone());
        if waits {
            self.reported.wait_until(deadline, || busy::during(|| self.report.lock().is_some()));
        }
        read().unwrap_or_else(|| ShutdownReport { unfinished: true, ..ShutdownReport::default() })
    }
}

// === impl ShutdownReport ===

impl ShutdownReport {
    /// Whether no handler runs or will ever run, and no event that waited was left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.unfinished && self.handlers.iter().all(|end| end.abandoned == 0 && !end.running)
    }

    /// Events that waited and were handled, of all handlers.
    #[must_use]
    pub fn drained(&self) -> u64 {
        self.handlers.iter().map(|end| end.drained).sum()
    }

    /// Events that waited and were not handled, of all handlers.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.handlers.iter().map(|end| end.abandoned).sum()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} drained, {} abandoned", self.drained(), self.abandoned())?;
        if self.unfinished {
            f.write_str(", not finished")?;
        }
        self.handlers.iter().filter(|end| end.abandoned > 0 || end.running).try_for_each(|end| write!(f, "; {end}"))
    }
}

impl fmt::Display for HandlerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handler(f, self.name.as_deref(), self.subscription)?;
        write!(f, ": {} drained, {} abandoned", self.drained, self.abandoned)?;
        if self.running { f.write_str(", still running") } else { Ok(()) }
    }
}
