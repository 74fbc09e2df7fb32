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
use core::mem;
use core::panic::Location;
use std::time::{Duration, Instant};

use super::leaving::Leaving;
use super::{Bus, Inner};
use crate::dispatch::watch::Watch;
use crate::dispatch::{EndedBy, SubscriptionId, write_handler};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutex, busy, duty};

/// What a publish has to ask for that is not usual:
///
/// ```text
/// | SHUT | DEFERRED |
/// ```
pub(super) struct Mode {
    word: AtomicU32,
    stage: Mutex<Stage>,
    /// Told when a shutdown is no longer under way.
    reported: Watch,
}

/// How far a shutdown is.
enum Stage {
    /// Not begun, or somebody is at it; with the report of who was before, or none of it.
    UnderWay(ShutdownReport),
    /// Whoever was at it could not wait: for one who can.
    Left(Vec<Leaving>, ShutdownReport),
    Done(ShutdownReport),
}

/// Nested events wait.
const DEFERRED: u32 = 1;
/// The bus has been shut down.
const SHUT: u32 = 2;

/// A shutdown that was asked for.
#[derive(Clone)]
pub(crate) enum Asked {
    /// For the first time: those whose handlers are removed, and to be ended.
    First(Vec<Leaving>),
    Again {
        /// In a call of one of the bus's handlers: who is at it may be waiting for that.
        inside: bool,
    },
}

/// What [`Bus::shutdown`] has come to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The subscriptions that there were, in the order in which they were made; also those that had ended and still had
    /// something to do.
    pub handlers: Vec<HandlerEnd>,
    /// It could not wait for all: it was called inside a handler, or on a thread that async handlers need, or another shutdown
    /// was still at it at the deadline. What waits is still drained; a later shutdown that can wait makes the report whole.
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
    /// Events that waited in its queue and were handled during the shutdown: those that failed, and those of which a
    /// [`filter_map`](crate::Queued::filter_map) made nothing, included.
    pub drained: u64,
    /// Events that waited in its queue and were not handled: they are counted as discarded, or, where they came to their turn
    /// in quarantine, as [kept back](crate::QueueInfo::kept_back). What the last publishers under way found full, and its
    /// [policy](crate::Overflow) dropped, is [`dropped`](crate::QueueInfo::dropped), as ever.
    pub abandoned: u64,
    /// A call of it was still running.
    pub running: bool,
}

// === impl Bus ===

impl Bus {
    /// Ends the bus: events are refused from now on ([`Outcome::ShutDown`](crate::Outcome::ShutDown)), all subscriptions end,
    /// calls under way are waited for, queues are drained. At the deadline what still waits is discarded and counted; what
    /// still runs is named in the report.
    ///
    /// History and statistics can still be read. A subscription that is made later has ended at once
    /// ([`EndedBy::Shutdown`](crate::EndedBy::Shutdown)). A second shutdown waits for the first, and has the same report.
    /// Handlers that are drained may publish; those events are refused too: where handlers work for each other, have
    /// [`wait_idle`](Self::wait_idle) come first.
    ///
    /// Inside a handler it does not wait, and its report is [`unfinished`](ShutdownReport::unfinished); nor does it wait for
    /// async handlers on a thread of their runtime, where waiting would keep them from coming to their end. What waits is
    /// handled all the same. The next shutdown that can wait waits for what was left, and reports all of it from the
    /// beginning; until then, or until its guard is dropped, a queue that somebody was just handing an event to keeps its
    /// threads. A receiver learns of the end at once; an event that was on its way there can still be taken out, and is not
    /// waited for: the report says [`running`](HandlerEnd::running) where it is there. What waits for a receiver or a stream
    /// somebody else has to take out meanwhile: nobody knows which thread will, and where it is the calling one it waits for
    /// itself until the limit. In async code there is `shutdown_async` (feature `async`).
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
    pub(crate) fn begin_shutdown(&self) -> Asked {
        self.inner.begin_to_shut()
    }

    /// The rest; it waits, except inside a handler and for the one that has asked.
    pub(crate) fn end_shutdown(&self, asked: Asked, deadline: Option<Instant>) -> ShutdownReport {
        self.inner.shut(asked, deadline)
    }

    /// Whether [`shutdown`](Self::shutdown) has been called.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.inner.mode.is_shut()
    }
}

// === impl Inner ===

impl Inner {
    /// Refuses events from now on, and removes the handlers, where that was not done before.
    fn begin_to_shut(&self) -> Asked {
        if !self.mode.shut() {
            let (all, leaving) = self.registry.all_living();
            return Asked::Again { inside: all.iter().chain(&leaving).any(|one| one.is_at_work_here()) };
        }
        self.gate.set_shut();
        // Whoever subscribes is on the list before, and ends with the others; or comes too late, and is never called.
        self.registry.shut();
        let leaving = self.to_be_ended();
        leaving.iter().for_each(|one| drop(self.registry.remove(one.id, EndedBy::Shutdown)));
        Asked::First(leaving)
    }

    /// Ends the handlers; or waits for whoever does, and goes on with what that one has left.
    fn shut(&self, asked: Asked, deadline: Option<Instant>) -> ShutdownReport {
        let waits = !duty::forbids_waiting();
        let mut leaving = match asked {
            Asked::First(leaving) => leaving,
            Asked::Again { inside } => {
                let needed = || self.has_tasks_here();
                match self.mode.take_up(waits && !inside, deadline, needed) {
                    Ok(leaving) => leaving,
                    Err(report) => return report,
                }
            }
        };
        leaving.iter_mut().for_each(|one| one.end_calls(waits, deadline));
        let mut unfinished = !waits;
        let ends = leaving.iter().filter_map(|one| {
            let (waited, end) = one.end_backlog(waits, deadline);
            unfinished |= !waited;
            one.is_told(&end).then_some(end)
        });
        let handlers = ends.collect();
        let report = ShutdownReport { handlers, unfinished };
        leaving.iter_mut().for_each(Leaving::put_down);
        let (stage, done) = if unfinished {
            (Stage::Left(leaving, report.clone()), Vec::new())
        } else {
            (Stage::Done(report.clone()), leaving)
        };
        self.mode.set(stage);
        drop(done);
        report
    }

    /// The subscriptions, and those that have ended before and may still be at work: in the order in which they were made.
    fn to_be_ended(&self) -> Vec<Leaving> {
        let (all, mut left) = self.registry.all_living();
        left.retain(|one| one.backlog.as_ref().is_none_or(|backlog| !backlog.is_over()));
        let all = all.into_iter().map(|one| Leaving::new(one, false));
        let mut leaving: Vec<_> = all.chain(left.into_iter().map(|one| Leaving::new(one, true))).collect();
        leaving.sort_by_key(|one| one.id);
        leaving
    }
}

// === impl Mode ===

impl Mode {
    pub(super) fn new(deferred: bool) -> Self {
        let word = AtomicU32::new(if deferred { DEFERRED } else { 0 });
        let nothing = ShutdownReport { unfinished: true, ..ShutdownReport::default() };
        Self { word, stage: Mutex::new(Stage::UnderWay(nothing)), reported: Watch::default() }
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

    fn set(&self, stage: Stage) {
        // What was there before holds no handlers: whoever was at it has taken them.
        busy::during(|| *self.stage.lock() = stage);
        self.reported.tell();
    }

    /// What whoever was at it has left to one who can wait, when that one is through; otherwise the report, as far as it is
    /// there. Where the calling thread is `needed` for that one to come to its end, it is not waited for.
    fn take_up(
        &self,
        waits: bool,
        deadline: Option<Instant>,
        needed: impl FnOnce() -> bool,
    ) -> Result<Vec<Leaving>, ShutdownReport> {
        // Looking and taking are one: of several who wait, one finds what was left, and the others wait for that one.
        let mut found = self.look(waits);
        if waits && found.is_none() && !needed() {
            self.reported.wait_until(deadline, || {
                found = self.look(waits);
                found.is_some()
            });
        }
        let mut leaving = found.unwrap_or_else(|| Err(self.report_so_far()))?;
        leaving.iter_mut().for_each(Leaving::take_up);
        Ok(leaving)
    }

    /// What was left, for one who waits; or the report of who was at it. `None` while somebody is.
    fn look(&self, waits: bool) -> Option<Result<Vec<Leaving>, ShutdownReport>> {
        busy::during(|| {
            let mut stage = self.stage.lock();
            match &mut *stage {
                Stage::UnderWay(_) => None,
                Stage::Left(leaving, report) if waits => {
                    let (leaving, report) = (mem::take(leaving), mem::take(report));
                    *stage = Stage::UnderWay(report);
                    Some(Ok(leaving))
                }
                Stage::Left(_, report) | Stage::Done(report) => Some(Err(report.clone())),
            }
        })
    }

    fn report_so_far(&self) -> ShutdownReport {
        busy::during(|| match &*self.stage.lock() {
            Stage::UnderWay(report) | Stage::Left(_, report) | Stage::Done(report) => report.clone(),
        })
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

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_handlers_that_have_left_something_or_still_run() {
        let end = |id, drained, abandoned, running| HandlerEnd {
            subscription: SubscriptionId(id),
            name: (id == 3).then(|| "mail".to_owned()),
            place: Location::caller(),
            drained,
            abandoned,
            running,
        };
        let handlers = vec![end(1, 5, 0, false), end(2, 1, 2, false), end(3, 0, 0, true), end(4, 0, 0, false)];
        let report = ShutdownReport { handlers, unfinished: false };
        let left = "handler #2: 1 drained, 2 abandoned; handler mail: 0 drained, 0 abandoned, still running";
        assert_eq!(report.to_string(), format!("6 drained, 2 abandoned; {left}"));
        let report = ShutdownReport { handlers: vec![end(1, 5, 0, false)], unfinished: true };
        assert_eq!(report.to_string(), "5 drained, 0 abandoned, not finished");
    }
}
