//! The guard of one handler: dropping it unsubscribes; closing it also waits.

use core::fmt;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Inner;
use crate::contain;
use crate::dispatch::{EndedBy, Named, Subscriber, SubscriptionId, SubscriptionInfo, SubscriptionState, Warning};
use crate::sync::duty;
use crate::sync::revocable::StillRunning;

/// The guard of one handler.
///
/// Dropping it unsubscribes the handler: no event published later reaches it. Calls that run on other threads at that
/// moment go on; [`close`](Self::close) waits for them. With a queue, dropping and [`unsubscribe`](Self::unsubscribe)
/// **discard what waits** (counted), unless a drain or a shutdown has begun before, which keeps its course;
/// [`close_drained`](Self::close_drained) has it handled first.
///
/// The guard does not keep the bus alive and outlives it without harm. One that is dropped before anything is published, as by
/// `let _ = …`, is told to the bus's warning hook, and shown by [`Bus::explain`](crate::Bus::explain).
///
/// ```
/// let bus = ringbus::Bus::new();
/// let guard = bus.subscribe(|event| println!("{event}"));
/// guard.close()?; // no call of it runs, or will ever run; the closure has been dropped
///
/// bus.on("db.**")?.subscribe(|event| println!("{event}")).detach(); // stays as long as the bus
/// assert_eq!(bus.subscriptions().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a subscription unsubscribes its handler at once; keep it, or `detach` it"]
pub struct Subscription {
    bus: Weak<Inner>,
    subscriber: Arc<Subscriber>,
    /// Tickets drawn when it was made.
    drawn: u64,
}

// As for the bus.
impl UnwindSafe for Subscription {}
impl RefUnwindSafe for Subscription {}

/// A close could not wait to the end. The handler is unsubscribed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// Called inside a handler, or by a hook or a drop on the thread of one with a queue: waiting there could be waiting
    /// for oneself. The closure is dropped when the last call of it has ended.
    InsideHandler,
    /// Calls of the handler still run after this time.
    TimedOut {
        /// How long the close has waited.
        after: Duration,
        /// The names of the threads that it still waits for.
        threads: Vec<String>,
    },
    /// The handler's queue was not drained in this time, or another thread has ended it at once meanwhile; the rest was
    /// discarded. Or what waited was not handled because the handler is in quarantine.
    NotDrained {
        /// How long the close has waited: the limit, or less where it came to the end before.
        after: Duration,
        /// How many events that waited were not handled: discarded, or kept back in quarantine.
        abandoned: u64,
        /// A call of the handler was still running.
        running: bool,
    },
    /// Called on a thread of the executor that runs the handler: waiting there would keep it from coming to its end. The
    /// handler is unsubscribed. What waits is discarded by `close` and `close_timeout`, and still handled after
    /// `close_drained`.
    OnExecutor,
    /// The system has no thread to wait on. The handler is unsubscribed; what waits is still handled.
    NoThread,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsideHandler => f.write_str(
                "close was called inside a handler, where it must not wait; the handler is unsubscribed, \
                 its calls may still be running",
            ),
            Self::TimedOut { after, threads } if threads.is_empty() => {
                write!(f, "after {after:?} the handler was still being dropped by another close")
            }
            Self::NotDrained { after, abandoned, running } => {
                write!(f, "after {after:?} {abandoned} events were left that waited for the handler")?;
                if *running { f.write_str(", which still runs") } else { Ok(()) }
            }
            Self::NoThread => f.write_str("the system has no thread to wait on; the handler is unsubscribed"),
            Self::OnExecutor => f.write_str(
                "close was called on a thread of the handler's executor, where it must not wait; await `close_async`",
            ),
            Self::TimedOut { after, threads } => {
                write!(f, "after {after:?} the handler still runs on: {}", threads.join(", "))
            }
        }
    }
}

impl std::error::Error for CloseError {}

/// A subscription whose end somebody brings about: a guard that is dropped leaves it to them. Where they could not, as on a
/// thread that must not wait, it comes when the last of them lets go.
pub(super) struct InHand(Arc<Subscriber>);

/// The end of a handler that is to handle first what waits for it.
#[derive(Clone)]
pub(crate) struct Ending {
    bus: Weak<Inner>,
    subscriber: InHand,
    began: Instant,
    /// What its queue had left undone then.
    left: u64,
}

// === impl InHand ===

impl InHand {
    pub(super) fn new(subscriber: Arc<Subscriber>) -> Self {
        subscriber.take_in_hand();
        Self(subscriber)
    }
}

impl Clone for InHand {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Deref for InHand {
    type Target = Arc<Subscriber>;

    fn deref(&self) -> &Arc<Subscriber> {
        &self.0
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if self.0.let_out_of_hand() {
            finish(&self.0);
        }
    }
}

// === impl Ending ===

impl Ending {
    /// Whether the calling thread is inside a call of the handler.
    #[cfg(feature = "async")]
    pub(crate) fn is_own_handler(&self) -> bool {
        self.subscriber.is_at_work_here()
    }

    /// Unsubscribes it, without waiting: what waits is handled, and what a publisher is just handing over. Where one is, the
    /// queue comes to its end with the guard.
    pub(crate) fn begin(&self) {
        self.remove();
        if let Some(backlog) = &self.subscriber.backlog {
            // What comes after the end can still be taken out of a queue without workers, and whoever takes is to learn of it.
            if self.subscriber.handler.close_idle(contain::drop_contained) || !backlog.has_workers() {
                backlog.finish();
            }
        }
    }

    /// Unsubscribes it: nothing that is published from now on comes.
    pub(crate) fn remove(&self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.registry.remove(self.subscriber.id, EndedBy::Unsubscribing);
        }
    }

    /// Unsubscribes it, and waits for all of that; without a limit, as long as it takes.
    pub(crate) fn drain(&self, limit: Option<Duration>) -> Result<(), CloseError> {
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| self.began.checked_add(limit));
        // Asked first: a publisher may be waiting for the room that only this thread can make.
        if self.subscriber.backlog.as_ref().is_some_and(|backlog| backlog.is_held_up_here()) {
            self.begin();
            return Err(CloseError::OnExecutor);
        }
        self.remove();
        let closed = self.subscriber.end_calls(deadline).map_err(timed_out(limit));
        let Some(backlog) = &self.subscriber.backlog else { return closed };
        if closed.is_err() {
            backlog.stop();
            return closed;
        }
        // Not before: what publishers under way hand over is handled too.
        backlog.finish();
        let over = backlog.watch().wait_until(deadline, || backlog.is_over());
        if !over {
            backlog.stop();
        }
        match left_by(&self.subscriber) - self.left {
            0 if over => Ok(()),
            abandoned => {
                let after = limit.filter(|_| !over).unwrap_or_else(|| self.began.elapsed());
                Err(CloseError::NotDrained { after, abandoned, running: backlog.has_work_left() })
            }
        }
    }
}

/// Lets its queue, if it has one, come to its end.
fn finish(subscriber: &Subscriber) {
    if let Some(backlog) = &subscriber.backlog {
        backlog.finish();
    }
}

fn left_by(subscriber: &Subscriber) -> u64 {
    subscriber.backlog.as_ref().map_or(0, |backlog| backlog.info().left())
}

/// A close that was to wait so long has not seen the end of these calls.
fn timed_out(limit: Option<Duration>) -> impl FnOnce(StillRunning) -> CloseError {
    move |running| CloseError::TimedOut { after: limit.unwrap_or_default(), threads: running.0 }
}

// === impl Subscription ===

impl Subscription {
    pub(super) fn new(bus: Weak<Inner>, subscriber: Arc<Subscriber>, drawn: u64) -> Self {
        subscriber.set_guarded(true);
        Self { bus, subscriber, drawn }
    }

    /// Its number in its bus.
    #[must_use]
    pub fn id(&self) -> SubscriptionId {
        self.subscriber.id
    }

    /// Its name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.subscriber.name.as_deref()
    }

    /// What there is to know about it, its counts included.
    #[must_use]
    pub fn info(&self) -> SubscriptionInfo {
        self.subscriber.info()
    }

    /// Whether events can still reach it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.subscriber.handler.is_live() && self.bus.strong_count() > 0
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> SubscriptionState {
        self.subscriber.state()
    }

    /// Stops calling the handler, until [`unmute`](Self::unmute): events that come meanwhile count as skipped. `false` where it
    /// was muted already.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let audit = bus.subscribe(|event| println!("{event}"));
    /// audit.mute();
    /// ringbus::publish_event!(bus: &bus, "db.open");
    /// audit.unmute();
    /// assert_eq!((audit.info().delivered, audit.info().skipped), (0, 1));
    /// ```
    ///
    /// # Ordering
    /// No event whose publish happens after this reaches it. Calls under way go on.
    pub fn mute(&self) -> bool {
        self.subscriber.control.set_muted(true)
    }

    /// Lets it be called again. `false` where it was not muted.
    pub fn unmute(&self) -> bool {
        self.subscriber.control.set_muted(false)
    }

    /// Whether it is muted.
    #[must_use]
    pub fn is_muted(&self) -> bool {
        self.subscriber.control.is_muted()
    }

    /// Ends its quarantine; the count of failures in a row starts again. `false` where it was in none. See
    /// [`FailurePolicy::Quarantine`](crate::FailurePolicy::Quarantine).
    pub fn resume(&self) -> bool {
        self.subscriber.control.resume()
    }

    /// Unsubscribes the handler, as dropping the guard does. With a queue, what waits is discarded (counted);
    /// [`close_drained`](Self::close_drained) has it handled first.
    ///
    /// # Ordering
    /// No event whose publish happens after this reaches it, nor one whose dispatch has not come to it yet. Calls that
    /// run on other threads may go on for a while.
    pub fn unsubscribe(self) {
        self.end(EndedBy::Unsubscribing);
    }

    /// Unsubscribes the handler and waits until no call of it runs on any thread and its closure has been dropped. What
    /// waits in its queue, if it has one, is discarded and counted, and a suspended call is dropped.
    ///
    /// # Errors
    /// [`CloseError::InsideHandler`] at once when called inside any handler, or in a hook on the thread of one with a queue:
    /// it is unsubscribed, not waited for. [`CloseError::OnExecutor`] on a thread of the executor that an async handler runs
    /// on, where it has not come to its end yet: there await `close_async` (feature `async`).
    ///
    /// # Cost
    /// A look at the marks of every thread that has published; where a call runs, the thread sleeps until it ends.
    #[doc(alias = "unsubscribe")]
    pub fn close(&self) -> Result<(), CloseError> {
        self.close_until(None)
    }

    /// Like [`close`](Self::close), for at most this long.
    ///
    /// # Errors
    /// [`CloseError::TimedOut`] names the threads that still run the handler; it may be called again.
    /// [`CloseError::InsideHandler`] and [`CloseError::OnExecutor`] as for `close`.
    pub fn close_timeout(&self, limit: Duration) -> Result<(), CloseError> {
        self.close_until(Some(limit))
    }

    /// Unsubscribes the handler, has it handle what waits in its queue, and waits until no call of it runs and it has been
    /// dropped; at most so long, then the rest is discarded and counted. Without a queue it is
    /// [`close_timeout`](Self::close_timeout). What waits for a receiver or a stream, somebody else has to take out meanwhile.
    ///
    /// ```
    /// use std::time::Duration;
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.on("job.*")?.in_thread().subscribe(|job| drop(job.id()))?;
    /// (0..100).for_each(|_| drop(ringbus::publish_event!(bus: &bus, "job.todo")));
    /// jobs.close_drained(Duration::from_secs(10))?;
    /// assert_eq!(jobs.info().delivered, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CloseError::NotDrained`] past the deadline, or where quarantine has kept back what waited; [`CloseError::TimedOut`]
    /// where a publisher was still handing an event over then: that one is discarded too. [`CloseError::InsideHandler`] and
    /// [`CloseError::OnExecutor`] where waiting could be waiting for oneself: what waits is handled, and not waited for. (Where a
    /// publisher was just handing an event over, that is handled too if the guard is still there, and the thread or task ends
    /// with the guard.)
    #[doc(alias = "drain")]
    pub fn close_drained(&self, limit: Duration) -> Result<(), CloseError> {
        let ending = self.ending();
        if duty::forbids_waiting() {
            ending.begin();
            return Err(CloseError::InsideHandler);
        }
        ending.drain(Some(limit))
    }

    /// What the guard holds.
    pub(crate) fn subscriber(&self) -> Arc<Subscriber> {
        Arc::clone(&self.subscriber)
    }

    /// A call went well that its bus did not make: an event was taken out.
    pub(crate) fn has_succeeded(&self) {
        self.subscriber.control.succeeded();
    }

    /// What it takes to end it from elsewhere, from now on.
    pub(crate) fn ending(&self) -> Ending {
        let (began, left) = (Instant::now(), left_by(&self.subscriber));
        Ending { bus: self.bus.clone(), subscriber: InHand::new(self.subscriber()), began, left }
    }

    /// Keeps the handler subscribed for as long as the bus lives.
    pub fn detach(mut self) {
        self.bus = Weak::new();
        self.subscriber.set_guarded(false);
    }

    fn close_until(&self, limit: Option<Duration>) -> Result<(), CloseError> {
        self.end(EndedBy::Unsubscribing);
        if let Some(backlog) = &self.subscriber.backlog {
            // Also where it has ended before, and what waits is being handled.
            backlog.stop();
        }
        if duty::forbids_waiting() {
            return Err(CloseError::InsideHandler);
        }
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.subscriber.end_calls(deadline).map_err(timed_out(limit))?;
        match &self.subscriber.backlog {
            Some(backlog) if backlog.is_held_up_here() => Err(CloseError::OnExecutor),
            Some(backlog) if !backlog.watch().wait_until(deadline, || backlog.is_over()) => {
                Err(CloseError::TimedOut { after: limit.unwrap_or_default(), threads: backlog.running() })
            }
            _ => Ok(()),
        }
    }

    /// Unsubscribes the handler, without waiting.
    pub(crate) fn end(&self, by: EndedBy) {
        if let Some(bus) = self.bus.upgrade() {
            let ended = bus.unsubscribe(self.subscriber.id, by);
            if ended && by == EndedBy::DroppingAtOnce {
                bus.reporter.warn(&Warning::DroppedAtOnce { subscription: Named::of(&self.subscriber) });
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let unused = |bus: Arc<Inner>| bus.recorder.drawn() == self.drawn && self.subscriber.is_untouched();
        let at_once = self.bus.upgrade().is_some_and(unused);
        self.end(if at_once { EndedBy::DroppingAtOnce } else { EndedBy::Unsubscribing });
        self.subscriber.set_guarded(false);
        if !self.subscriber.handler.is_live() {
            self.subscriber.let_go();
            // An end that was begun where nobody could wait comes now, also inside a handler, or while somebody hands over.
            // Whoever has it in hand waits for the latter first, where that is possible.
            if self.subscriber.guard_is_gone() {
                finish(&self.subscriber);
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("active", &self.is_active())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_how_long_who_waited_and_for_what() {
        let after = Duration::from_secs(2);
        let timed_out = |threads: &[&str]| CloseError::TimedOut {
            after,
            threads: threads.iter().map(|&thread| thread.to_owned()).collect(),
        };
        let left = |running| CloseError::NotDrained { after, abandoned: 3, running };
        let told = [
            (timed_out(&[]), "after 2s the handler was still being dropped by another close"),
            (timed_out(&["main", "rb:mail"]), "after 2s the handler still runs on: main, rb:mail"),
            (left(false), "after 2s 3 events were left that waited for the handler"),
            (left(true), "after 2s 3 events were left that waited for the handler, which still runs"),
        ];
        for (error, text) in told {
            assert_eq!(error.to_string(), text);
        }
    }
}
