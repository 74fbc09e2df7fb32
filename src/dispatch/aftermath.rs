//! The aftermath of a call that was made later than its dispatch, on another thread: it is counted and reported as one on
//! the publisher's thread would be.

use core::fmt;

use super::awaited::HandlerErrorCause;
use super::handler::BoxError;
use super::reporter::Reporter;
use super::subscriber::{SAMPLED, Subscriber};
use crate::contain::{self, Caught};
use crate::event::Event;

/// Whether the call after so many is to be timed: as those on publishers' threads are.
pub(crate) fn is_timed(reporter: &Reporter, calls: u64) -> bool {
    calls % SAMPLED == 0 || reporter.times_all()
}

/// A call went well, and took so long, if it was timed.
pub(crate) fn delivered(reporter: &Reporter, subscriber: &Subscriber, event: &Event, took_ns: Option<u64>) {
    subscriber.control.succeeded();
    if let Some(ns) = took_ns {
        reporter.took(subscriber, event, ns);
    }
}

/// Why an event has failed for which no call was made: the circuit is open.
#[derive(Debug)]
pub(crate) struct Rejected;

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not called: its circuit is open")
    }
}

impl std::error::Error for Rejected {}

/// An event failed for good, by a panic or an error, which end here. One that was [`Rejected`] says nothing new of the
/// handler, and leaves the row of failures that leads to quarantine as it is.
#[cold]
pub(crate) fn failed(
    reporter: &Reporter,
    subscriber: &Subscriber,
    event: &Event,
    how: Result<Caught, BoxError>,
) -> HandlerErrorCause {
    subscriber.counts.failed.bump();
    if how.is_ok() {
        subscriber.counts.panicked.bump();
    }
    let called = !matches!(&how, Err(error) if error.is::<Rejected>());
    let quarantined = called && subscriber.control.failed();
    match how {
        Ok(payload) => {
            reporter.panic(subscriber, event, &payload, quarantined);
            let text = contain::message(&payload);
            contain::defuse(payload);
            HandlerErrorCause::Panic(text)
        }
        Err(error) => {
            reporter.error(subscriber, event, &error, quarantined, false);
            let text = text_of(&error);
            contain::drop_contained(error);
            HandlerErrorCause::Error(text)
        }
    }
}

/// An error's text, which is user code.
pub(super) fn text_of(error: &BoxError) -> String {
    contain::call_apart(|| error.to_string()).unwrap_or_else(|payload| {
        let text = contain::message(&payload);
        contain::defuse(payload);
        text
    })
}
