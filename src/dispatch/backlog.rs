//! What dispatch knows of handlers that take their time: somebody takes the event in, and is done.
//!
//! The queue, its workers and how it ends are in a room of their own, further on.

use core::fmt;
use std::sync::Arc;

use super::subscriber::Subscriber;
use super::watch::Watch;
use crate::event::Event;

/// The queue of one subscription, and whoever works on it.
pub(crate) trait Backlog: Send + Sync {
    /// Tells it whose it is: once, before the first event. It lets go of the subscription when it is over.
    fn bind(&self, subscriber: Arc<Subscriber>);

    /// Takes an event in; `false` where the queue has no room for it. It is counted in any case.
    fn offer(&self, event: &Event) -> bool;

    /// No event comes any more: what waits is still handled.
    fn finish(&self);

    /// Handles no more: what waits is discarded and counted, suspended calls are dropped; a call that is running goes on.
    fn stop(&self);

    /// Whether nothing waits, and nothing is being handled.
    fn is_idle(&self) -> bool;

    /// Whether no call runs, or will ever run, and the handler has been dropped.
    fn is_over(&self) -> bool;

    /// Told when it has become idle, and when it is over.
    fn watch(&self) -> &Watch;

    /// Whether workers handle its events, and are gone when it is over. Otherwise they are taken out, also those that come after
    /// its end.
    fn has_workers(&self) -> bool;

    /// Whether its handlers would not come to their end while the calling thread waits.
    fn needs_this_thread(&self) -> bool;

    /// Whether to wait for its end on the calling thread would keep it from that.
    fn is_held_up_here(&self) -> bool {
        !self.is_over() && self.needs_this_thread()
    }

    /// Whether a call runs, or somebody still holds an event: what a stream holds back outlives its end.
    fn has_work_left(&self) -> bool {
        !self.is_over() || self.info().running > 0
    }

    /// The names of the threads on which its handler runs.
    fn running(&self) -> Vec<String>;

    /// Whether the calling thread is running its handler.
    fn is_at_work_here(&self) -> bool;

    /// What there is to know about it.
    fn info(&self) -> QueueInfo;
}

/// What a bus tells of the queue of a subscription.
///
/// Whenever no publish is in flight, and nothing is being counted at the moment: each event that was `offered` is waiting,
/// running, `delivered`, `failed`, `skipped`, `kept_back`, `dropped` or `discarded`.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// let mut jobs = bus.on("job.*")?.queued().capacity(2).receiver()?;
/// (1..=5).for_each(|n| drop(publish_event!(bus: &bus, "job.todo", n)));
/// jobs.recv()?;
/// let queue = jobs.info().queue.unwrap();
/// assert_eq!((queue.offered, queue.delivered, queue.dropped, queue.waiting), (5, 1, 3, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueInfo {
    /// How many events may wait; of each priority, where it is ordered by priority.
    pub capacity: usize,
    /// How many wait.
    pub waiting: usize,
    /// How many are being handled, those that wait for a retry included.
    pub running: usize,
    /// Events that publishers have handed over.
    pub offered: u64,
    /// Events that were handled.
    pub delivered: u64,
    /// Events of which a [`filter_map`](crate::Queued::filter_map) has made nothing.
    pub skipped: u64,
    /// Events that the handler has failed, after its retries.
    pub failed: u64,
    /// Attempts that failed and were followed by another one.
    pub retried: u64,
    /// Events that came to their turn while the subscription was in quarantine.
    pub kept_back: u64,
    /// Events lost because the queue was full.
    pub dropped: u64,
    /// Events that waited, or whose call was suspended, when the subscription was ended.
    pub discarded: u64,
}

impl QueueInfo {
    /// Events that waited and were not handled, but for those that made room for others.
    pub(crate) fn left(&self) -> u64 {
        self.discarded + self.kept_back
    }
}

impl fmt::Display for QueueInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {}/{}", self.waiting, self.capacity)?;
        let more = [
            (self.running as u64, "running"),
            (self.skipped, "skipped"),
            (self.retried, "retried"),
            (self.kept_back, "kept back"),
            (self.dropped, "dropped"),
            (self.discarded, "discarded"),
        ];
        more.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

/// A subscription's hold on its queue: when it is let go, no publisher is handing anything over, and none will.
pub(crate) struct Feed(pub(crate) Arc<dyn Backlog>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.finish();
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_there_is_and_leaves_out_what_there_is_not() {
        let queue = QueueInfo { capacity: 8, waiting: 3, dropped: 2, ..QueueInfo::default() };
        assert_eq!(queue.to_string(), "queue 3/8, 2 dropped");
        let queue = QueueInfo { running: 1, skipped: 1, retried: 4, kept_back: 5, discarded: 6, ..queue };
        assert_eq!(
            queue.to_string(),
            "queue 3/8, 1 running, 1 skipped, 4 retried, 5 kept back, 2 dropped, 6 discarded"
        );
    }
}
