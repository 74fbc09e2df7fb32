//! Calling the handlers of one event, one after the other, on the publisher's thread.
//!
//! Promises: each handler that is subscribed and not removed when its turn comes is called once, in order (P3, P5); a
//! panic or an error ends with it (P4); no lock is held and nobody is waited for (P1).

use super::failure::Reporter;
use super::route::Walk;
use crate::contain;
use crate::event::Event;
use crate::sync::rows::{self, Visit};

/// What became of one dispatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Handlers that took the event.
    pub(crate) delivered: u32,
    /// Handlers that returned an error or panicked.
    pub(crate) failed: u32,
    /// Those of them that panicked.
    pub(crate) panicked: u32,
}

/// Calls the handlers of `walk` with `event`, at the thread's present depth.
#[inline]
pub(crate) fn deliver(walk: Walk<'_>, event: &Event, visit: &Visit, reporter: &Reporter) -> Tally {
    let mut tally = Tally::default();
    let depth = rows::depth();
    rows::deeper(|| {
        for subscriber in walk {
            let run = subscriber.handler.run(visit, depth, |call| contain::call(|| call(event)));
            // The mark is gone: what follows (counting, reporting, dropping what was thrown) is no part of the call
            // that a `close` waits for.
            match run {
                None => {}
                Some(Ok(Ok(()))) => {
                    tally.delivered += 1;
                    subscriber.count_delivered(visit.row().number());
                }
                Some(Ok(Err(error))) => {
                    tally.failed += 1;
                    subscriber.count_failed(false);
                    reporter.error(subscriber, event, error);
                }
                Some(Err(payload)) => {
                    tally.failed += 1;
                    tally.panicked += 1;
                    subscriber.count_failed(true);
                    reporter.panic(subscriber, event, payload);
                }
            }
        }
    });
    tally
}
