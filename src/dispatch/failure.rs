//! What a failure hook is told.

use core::fmt;
use core::panic::Location;

use super::handler::BoxError;
use super::info::{SubscriptionId, write_handler};
use crate::event::Event;

/// One failed call of a handler, as a failure hook sees it.
///
/// Reports are limited to one a second for each subscription; [`suppressed`](Self::suppressed) tells how many failures
/// went unreported since the last one. All are counted. The same report goes to the [`log`](https://docs.rs/log) facade
/// as a warning with the target `ringbus`, whether there is a hook or not.
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
    /// Failures of this subscription that were not reported since the last report. Those that no report has told of yet are in
    /// [`SubscriptionInfo::unreported`](crate::SubscriptionInfo::unreported).
    pub suppressed: u64,
    /// With this failure the subscription came into quarantine: it is not called any more, until it is resumed.
    pub quarantined: bool,
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
        write_handler(f, self.name, self.subscription)?;
        let how = if matches!(self.cause, FailureCause::Panic(_)) { "panicked" } else { "failed" };
        write!(f, " {how} on {}: ", self.event.kind())?;
        match self.cause {
            FailureCause::Error(error) => error.fmt(f)?,
            FailureCause::Panic(text) => f.write_str(text)?,
        }
        write!(f, " (subscribed at {}", self.place)?;
        if self.quarantined {
            f.write_str("; now in quarantine")?;
        }
        if self.suppressed > 0 {
            write!(f, "; {} more since the last report", self.suppressed)?;
        }
        f.write_str(")")
    }
}
