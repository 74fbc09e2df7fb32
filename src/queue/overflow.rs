//! What becomes of an event when the queue of its handler is full.

use core::fmt;
use core::time::Duration;

/// What becomes of an event when the queue of its handler is full; each loss is counted
/// ([`QueueInfo::dropped`](crate::QueueInfo::dropped), [`Totals::queue_drops`](crate::Totals::queue_drops)).
///
/// ```
/// use ringbus::{Bus, Overflow, publish_event};
///
/// let bus = Bus::new();
/// let mut latest = bus.on("gauge.*")?.queued().capacity(1).when_full(Overflow::DropOldest).receiver()?;
/// (1..=3).for_each(|n| drop(publish_event!(bus: &bus, "gauge.level", n)));
/// assert_eq!(latest.try_recv().unwrap().get("n"), Some(&3.into()));
/// assert_eq!(latest.info().queue.unwrap().dropped, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The event that has waited longest is dropped for it. The default: what is newest matters most.
    #[default]
    DropOldest,
    /// The event that comes is dropped: what was accepted is handled.
    DropNewest,
    /// Only one event waits, the newest (of each priority, where the queue is ordered by those), whatever the capacity. For
    /// handlers that want to know how things stand now, and not how they came there.
    #[doc(alias = "conflate")]
    LatestOnly,
    /// The publisher waits for room, at most so long; then the event that comes is dropped.
    ///
    /// The one exception to the promise that a publisher is never held up (P1), for programs where to lose is worse than
    /// to wait. A handler that publishes to its own full queue does not wait: nobody else would make room. Nor does the bus
    /// with its own events (`ringbus.**`), such as that of a dead letter. What is not seen, so that only the limit ends the
    /// wait: handlers that wait for room in each other's queues, a thread that publishes to a queue which it alone empties,
    /// and a thread of the executor on which the handler is to run.
    ///
    /// ```
    /// use std::{thread::sleep, time::Duration};
    /// use ringbus::{Bus, Overflow, publish_event};
    ///
    /// let bus = Bus::new();
    /// let patient = Overflow::Block { up_to: Duration::from_secs(60) };
    /// let slow = bus.on("job.*")?.in_thread().capacity(1).when_full(patient).subscribe(|_| sleep(Duration::from_millis(1)))?;
    /// (0..20).for_each(|_| drop(publish_event!(bus: &bus, "job.todo"))); // as fast as the handler
    /// bus.wait_idle(Duration::from_secs(60))?;
    /// let queue = slow.info().queue.unwrap();
    /// assert_eq!((queue.delivered, queue.dropped), (20, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Block {
        /// How long, at most.
        up_to: Duration,
    },
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropOldest => f.write_str("drop oldest"),
            Self::DropNewest => f.write_str("drop newest"),
            Self::LatestOnly => f.write_str("latest only"),
            Self::Block { up_to } => write!(f, "block up to {up_to:?}"),
        }
    }
}
