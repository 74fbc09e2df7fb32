//! What becomes of a subscription whose handler fails.

use core::fmt;
use core::num::NonZeroU32;

/// What becomes of a subscription whose handler fails; each failure is counted and reported in any case.
///
/// ```
/// use std::num::NonZeroU32;
/// use ringbus::{Bus, FailurePolicy, publish_event};
///
/// let bus = Bus::new();
/// let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(2).unwrap() };
/// let flaky = bus.on("job.*")?.failure_policy(policy).try_subscribe(|_| Err("no route to host".into()));
/// for _ in 0..5 {
///     publish_event!(bus: &bus, "job.done");
/// }
/// assert_eq!((flaky.info().failed, flaky.info().quarantined), (2, 3));
/// assert!(flaky.resume());
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// Nothing: the handler is called with the next event. The default.
    #[default]
    Isolate,
    /// After so many failures in a row it is not called any more, until
    /// [`Subscription::resume`](crate::Subscription::resume).
    ///
    /// A success ends the row. Calls that run on several threads at once count in the order in which they end; those
    /// under way when the last failure is counted go on. The failure that brings it there is reported, whatever was
    /// reported before; events that it is not called for are counted.
    Quarantine {
        /// How many failures in a row.
        after: NonZeroU32,
    },
    /// The panic, or the error as a panic whose payload is a `String`, goes on in the publisher, after all other
    /// handlers have run: for tests, and for programs that would rather end. If several handlers ask for that, the
    /// first one's panic goes on. While a handler is told of the past it goes on in the one who subscribes, and the
    /// subscription ends. A handler with a queue cannot have this policy
    /// ([`QueueError::Unwind`](crate::QueueError::Unwind)).
    Unwind,
}

impl fmt::Display for FailurePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Isolate => f.write_str("isolate"),
            Self::Quarantine { after } => write!(f, "quarantine after {after}"),
            Self::Unwind => f.write_str("unwind"),
        }
    }
}
