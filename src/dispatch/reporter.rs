//! Where a bus's failures and warnings go: hooks, and the `log` facade for failures.
//!
//! Hooks and loggers are user code like any other: their panics end here. A logger that publishes, and whose event's
//! handler fails again, is not asked a second time on the same thread; nor is a warning hook told of what it does itself.

use core::cell::Cell;
use core::time::Duration;

use super::failure::{Failure, FailureCause};
use super::handler::BoxError;
use super::subscriber::Subscriber;
use super::warning::{Named, Warning};
use crate::contain::{self, Caught};
use crate::event::Event;
use crate::sync::{clock, thread_local};

/// What a user installs to be told of failures.
pub(crate) type FailureHook = Box<dyn Fn(&Failure<'_>) + Send + Sync>;

/// What a user installs to be told of warnings.
pub(crate) type WarningHook = Box<dyn Fn(&Warning<'_>) + Send + Sync>;

/// The target under which failures are logged.
const TARGET: &str = "ringbus";

thread_local! {
    /// A logger is at work on this thread, for us.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
    /// A warning hook is at work on this thread.
    static WARNING: Cell<bool> = const { Cell::new(false) };
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Reporter {
    pub(crate) on_failure: Option<FailureHook>,
    pub(crate) on_warning: Option<WarningHook>,
    /// Calls that take longer are slow.
    pub(crate) slow_after: Option<Duration>,
}

// === impl Reporter ===

impl Reporter {
    /// Whether every call is to be timed.
    #[inline]
    pub(super) fn times_all(&self) -> bool {
        self.slow_after.is_some()
    }

    /// A handler returned an error; the report's text, if `wanted`.
    #[cold]
    pub(super) fn error(
        &self,
        subscriber: &Subscriber,
        event: &Event,
        error: &BoxError,
        quarantined: bool,
        wanted: bool,
    ) -> Option<String> {
        let failure = failure(subscriber, event, FailureCause::Error(error), quarantined);
        // The error's own `Display` is user code.
        let text = wanted.then(|| contain::call(|| failure.to_string()).unwrap_or_else(told_by_panic));
        self.failed(subscriber, failure);
        text
    }

    /// A handler panicked.
    #[cold]
    pub(super) fn panic(&self, subscriber: &Subscriber, event: &Event, payload: &Caught, quarantined: bool) {
        let text = contain::message(payload);
        self.failed(subscriber, failure(subscriber, event, FailureCause::Panic(&text), quarantined));
    }

    fn failed(&self, subscriber: &Subscriber, mut failure: Failure<'_>) {
        let logs = logging(|| log::log_enabled!(target: TARGET, log::Level::Warn)).unwrap_or(false);
        if self.on_failure.is_none() && !logs {
            return subscriber.failures.suppress();
        }
        let now = clock::monotonic_us();
        let Some(suppressed) = subscriber.failures.admit(now, failure.quarantined) else { return };
        failure.suppressed = suppressed;
        if let Some(hook) = &self.on_failure {
            contain::run_contained(|| hook(&failure));
        }
        if logs {
            logging(|| log::warn!(target: TARGET, "{failure}"));
        }
    }

    /// A call took so long; every one is told where all are timed, else one of many.
    pub(crate) fn took(&self, subscriber: &Subscriber, event: &Event, ns: u64) {
        subscriber.counts.took.record(ns);
        let took = Duration::from_nanos(ns);
        let Some(allowed) = self.slow_after.filter(|allowed| took > *allowed) else { return };
        subscriber.counts.slow.bump();
        if self.on_warning.is_none() {
            return;
        }
        if WARNING.with(Cell::get) {
            // It would not be told.
            return subscriber.slowness.suppress();
        }
        if let Some(suppressed) = subscriber.slowness.admit(clock::monotonic_us(), false) {
            self.warn(&Warning::Slow { subscription: Named::of(subscriber), event, took, allowed, suppressed });
        }
    }

    pub(crate) fn warn(&self, warning: &Warning<'_>) {
        let Some(hook) = &self.on_warning else { return };
        if !WARNING.with(|at_work| at_work.replace(true)) {
            contain::run_contained(|| hook(warning));
            WARNING.with(|at_work| at_work.set(false));
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        // What the hooks have captured is the user's.
        contain::drop_contained(self.on_failure.take());
        contain::drop_contained(self.on_warning.take());
    }
}

fn failure<'a>(
    subscriber: &'a Subscriber,
    event: &'a Event,
    cause: FailureCause<'a>,
    quarantined: bool,
) -> Failure<'a> {
    let (subscription, name, place) = (subscriber.id, subscriber.name.as_deref(), subscriber.place);
    Failure { event, subscription, name, place, cause, suppressed: 0, quarantined }
}

/// Runs what asks or tells the logger, whose panic ends here; `None` where it panics, or is at work on this thread.
fn logging<R>(call: impl FnOnce() -> R) -> Option<R> {
    if LOGGING.with(|logging| logging.replace(true)) {
        return None;
    }
    let result = contain::call(call).map_err(contain::defuse).ok();
    LOGGING.with(|logging| logging.set(false));
    result
}

fn told_by_panic(payload: Caught) -> String {
    let text = contain::message(&payload);
    contain::defuse(payload);
    text
}
