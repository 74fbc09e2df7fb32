//! Events to a webhook: each one's JSON is posted to a URL, by a handler on a thread of its own.
//!
//! - An attempt takes at most [`TIMEOUT`]. One that fails is made again, later and later, each time by chance within a
//!   limit that doubles; when none is left the event is a dead letter. No answer, 5xx, 408 (timeout), 429 (too many) and
//!   what is no final answer (below 200; it may have been cut short) are failures.
//! - Any other answer but 2xx is a verdict on the event: the next attempt would get the same. The handler has done its work
//!   then, neither [`Retry`] nor [`Breaker`] hears of it; the event is counted as refused ([`Forwarder::lost`]) and named on
//!   standard error. Redirections are refused likewise: nobody has said that the new place may know.
//! - When [`Breaker`] has seen too many failures in a row nobody is asked for a while; attempts fail at once.
//! - Events wait in a bounded queue; when it is full the oldest goes, and is counted.
//!
//! An event arrives at least once: one whose answer was lost is posted again. Its `id` stays the same. It refuses TLS,
//! which is an option of the client.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringbus::{BoxError, Breaker, Bus, Event, Overflow, Retry};

use crate::complain;
use crate::forwarder::Forwarder;

/// Seconds that one attempt may take, from looking up the name to the answer's head.
const TIMEOUT: u64 = 10;

/// Events that may wait.
const CAPACITY: usize = 1024;

/// Attempts after the first one.
const FURTHER: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Failures in a row after which nobody is asked for a while.
const TOO_MANY: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Forwards the bus's selected events to the URL.
pub(crate) fn forward(bus: &Bus, selector: &str, url: String) -> Result<Forwarder, BoxError> {
    let refused = Arc::<AtomicU64>::default();
    let count = Arc::clone(&refused);
    let guard = bus
        .on(selector)?
        .named("webhook")
        .breaker(Breaker::after(TOO_MANY).open_for(Duration::from_millis(250)))
        .in_thread()
        .capacity(CAPACITY)
        .when_full(Overflow::DropOldest)
        .retry(Retry::times(FURTHER).base(Duration::from_millis(20)).cap(Duration::from_secs(1)))
        .try_subscribe(move |event| match post(&url, event)? {
            200..=299 => Ok(()),
            status @ (..200 | 408 | 429 | 500..) => Err(format!("the server answered {status}").into()),
            status => {
                complain(&format!("the server refuses {event} with {status}"));
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })?;
    Ok(Forwarder { name: "webhook", guard: Arc::new(guard), lost: refused, lost_as: "refused" })
}

/// Posts the event; the status of the answer, whose body nobody reads.
fn post(url: &str, event: &Event) -> Result<u16, minreq::Error> {
    let request = minreq::post(url)
        .with_header("Content-Type", "application/json")
        .with_body(event.to_json())
        .with_timeout(TIMEOUT)
        .with_follow_redirects(false);
    Ok(request.send_lazy()?.status_code)
}
