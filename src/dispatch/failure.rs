//! Reports of handlers that failed: what a failure hook is told, and how often.

use core::fmt;
use core::panic::Location;

use super::subscriber::{BoxError, Subscriber, SubscriptionId};
use crate::contain::{self, Caught};
use crate::event::Event;
use crate::sync::clock;
use crate::sync::plain::{AtomicU64, Ordering};

/// What a user installs to be told of failures.
pub(crate) type FailureHook = Box<dyn Fn(&Failure<'_>) + Send + Sync>;

/// One failed call of a handler, as a failure hook sees it.
///
/// Reports are limited to one a second for each subscription; [`suppressed`](Self::suppressed) tells how many failures
/// went unreported since the last one. All are counted.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&seen);
/// let bus = ringbus::Bus::builder().on_failure(move |failure| log.lock().unwrap().push(failure.to_string())).build()?;
/// let _guard = bus.on("db.*")?.named("alerts").try_subscribe(|_| Err("no route to host".into()));
/// ringbus::publish_event!(bus: &bus, "db.error");
/// let report = seen.lock().unwrap().remove(0);
/// assert!(report.starts_with("handler alerts failed on db.error: no route to host"), "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// The event that the handler was given.
    pub event: &'a Event,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<&'a str>,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// What happened.
    pub cause: FailureCause<'a>,
    /// Failures of this subscription that were not reported since the last report.
    pub suppressed: u64,
}

/// How a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureCause<'a> {
    /// The handler returned this error.
    Error(&'a BoxError),
    /// The handler panicked with this text.
    Panic(&'a str),
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "handler {name} ")?,
            None => write!(f, "handler {} ", self.subscription)?,
        }
        let how = if matches!(self.cause, FailureCause::Panic(_)) { "panicked" } else { "failed" };
        write!(f, "{how} on {}: ", self.event.kind())?;
        match self.cause {
            FailureCause::Error(error) => error.fmt(f)?,
            FailureCause::Panic(text) => f.write_str(text)?,
        }
        write!(f, " (subscribed at {}", self.place)?;
        if self.suppressed > 0 {
            write!(f, "; {} more since the last report", self.suppressed)?;
        }
        f.write_str(")")
    }
}

/// Lets one report a second through and counts the others.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// When the last report went out: microseconds of the wall clock, 0 = never.
    last_us: AtomicU64,
    suppressed: AtomicU64,
}

const INTERVAL_US: u64 = 1_000_000;

// === impl Limiter ===

impl Limiter {
    /// Whether to report now; with it the number suppressed since the last time.
    fn admit(&self, now_us: u64) -> Option<u64> {
        let last = self.last_us.load(Ordering::Relaxed);
        // A clock set back is no reason for silence.
        let due = last == 0 || now_us < last || now_us - last >= INTERVAL_US;
        let won = due && self.last_us.compare_exchange(last, now_us, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if won {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Where a bus's failures go.
#[derive(Default)]
pub(crate) struct Reporter {
    hook: Option<FailureHook>,
}

// === impl Reporter ===

impl Reporter {
    pub(crate) fn new(hook: Option<FailureHook>) -> Self {
        Self { hook }
    }

    #[cold]
    pub(super) fn error(&self, subscriber: &Subscriber, event: &Event, error: BoxError) {
        self.report(subscriber, event, FailureCause::Error(&error));
        contain::drop_contained(error);
    }

    #[cold]
    pub(super) fn panic(&self, subscriber: &Subscriber, event: &Event, payload: Caught) {
        let text = contain::message(&payload);
        self.report(subscriber, event, FailureCause::Panic(&text));
        contain::defuse(payload);
    }

    fn report(&self, subscriber: &Subscriber, event: &Event, cause: FailureCause<'_>) {
        let Some(hook) = &self.hook else { return };
        let Some(suppressed) = subscriber.limiter.admit(clock::read().wall_us) else { return };
        let failure = Failure {
            event,
            subscription: subscriber.id,
            name: subscriber.name.as_deref(),
            place: subscriber.place,
            cause,
            suppressed,
        };
        // The hook is user code like any other: its panic ends here.
        if let Err(payload) = contain::call(|| hook(&failure)) {
            contain::defuse(payload);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        // What the hook has captured is the user's.
        contain::drop_contained(self.hook.take());
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_report_a_second_and_the_others_are_told_with_the_next() {
        let limiter = Limiter::default();
        let now = 1_000_000_000;
        assert_eq!(limiter.admit(now), Some(0));
        assert_eq!(limiter.admit(now), None);
        assert_eq!(limiter.admit(now + INTERVAL_US - 1), None);
        assert_eq!(limiter.admit(now + INTERVAL_US), Some(2));
        assert_eq!(limiter.admit(now), Some(0), "the clock was set back");
    }
}
