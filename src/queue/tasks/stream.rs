//! Events as a stream, for `while let Some(event) = stream.next().await`.

use core::fmt;
use core::future::poll_fn;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use crate::bus::{Bus, Subscription};
use crate::dispatch::SubscriptionInfo;
use crate::dispatch::awaited::Ticket;
use crate::event::{Event, IntoSelector, KindTaken, PatternError, Payload};
use crate::queue::mailbox::Next;
use crate::queue::options::QueueError;
use crate::queue::receiver::{MOST_REFUSED, Received, Receiver};
use crate::queue::subscribe::{Queued, TakenOut};

/// So many events were lost since the last one, because the stream's queue was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events were lost because the stream's queue was full", self.0)
    }
}

impl std::error::Error for Lagged {}

/// An event that was taken out, and who waits for it.
type Taken = (Event, Option<Ticket>);

/// The events of a subscription as a stream (feature `async`); made by [`Bus::stream`], or by [`Bus::stream_of`] for those
/// that hold a payload of one type.
///
/// Events wait in its queue until they are taken. Where the queue is full, its [policy](crate::Overflow) says what is lost,
/// by default the oldest, and the next item says how many ([`Lagged`]). A loss is told once, and before whatever comes out
/// after it was counted, the end too. One that a publisher is just causing may be told an item later; where the end comes
/// first, it is in the counts alone ([`info`](Self::info)). It ends with the bus. Dropping it unsubscribes.
///
/// With [`decode`](crate::Subscribe::decode), an event that cannot be read as the payload does not come out: it counts as
/// failed, is reported, and is a [dead letter](crate::Bus::dead_letters).
///
/// # Cancellation
/// An event counts as delivered with the poll that returns it, so a `next()` that is dropped loses none.
#[must_use = "dropping a stream unsubscribes it"]
#[derive(Debug)]
pub struct EventStream<P = Event> {
    receiver: Receiver<P>,
    /// Losses that were told.
    told: u64,
    /// Taken out, and found to come after a loss that was not told.
    held: Option<Taken>,
}

// === impl Bus ===

impl Bus {
    /// What a pattern, a kind or a list of them selects, as a stream of [`Event`]s, from now on. It needs no runtime.
    ///
    /// ```
    /// use ringbus::{Bus, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mut errors = bus.stream("**.error")?;
    /// publish_event!(bus: &bus, "db.error", code = 7);
    /// let event = errors.next().await.unwrap()?;
    /// assert_eq!(event.kind(), "db.error");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed.
    #[track_caller]
    pub fn stream(&self, selector: impl IntoSelector) -> Result<EventStream, PatternError> {
        Ok(defaults(self.on(selector)?.queued().stream()))
    }

    /// The payloads of type `T`, as a stream, from now on.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use ringbus::{Bus, Payload};
    ///
    /// #[derive(Payload)]
    /// #[payload(kind = "docs.stream_of.sample")]
    /// struct Sample {
    ///     mean: f64,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let bus = Bus::new();
    /// let mut samples = bus.stream_of::<Sample>().unwrap();
    /// bus.publish(Sample { mean: 0.3 });
    /// let sample = samples.next().await.unwrap().unwrap();
    /// assert_eq!(sample.mean, 0.3);
    /// # }
    /// # main();
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`KindTaken`] if another type has `T`'s kind in this process.
    #[track_caller]
    pub fn stream_of<T: Payload>(&self) -> Result<EventStream<T>, KindTaken> {
        Ok(defaults(self.on_payload::<T>()?.queued().stream()))
    }
}

impl<P: Received> Queued<P, TakenOut> {
    /// Takes the events out as a stream.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or there is a breaker. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn stream(self) -> Result<EventStream<P>, QueueError> {
        Ok(EventStream { receiver: self.receiver()?, told: 0, held: None })
    }
}

/// The default options are in range.
fn defaults<P>(stream: Result<EventStream<P>, QueueError>) -> EventStream<P> {
    stream.unwrap_or_else(|error| unreachable!("{error}"))
}

// === impl EventStream ===

impl<P> EventStream<P> {
    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receiver.len() + usize::from(self.held.is_some())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What there is to know about the subscription, its losses included.
    #[must_use]
    pub fn info(&self) -> SubscriptionInfo {
        self.receiver.info()
    }

    /// The subscription.
    pub fn subscription(&self) -> &Subscription {
        self.receiver.subscription()
    }

    /// The next event, or how many were lost before it; `None` when it has ended. Cancel safe: dropped before it is ready, it
    /// has taken nothing.
    ///
    /// ```
    /// use ringbus::{Bus, Lagged, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let mut jobs = bus.on("job.*")?.queued().capacity(2).stream()?;
    /// (1..=3).for_each(|n| drop(publish_event!(bus: &bus, "job.todo", n)));
    /// assert_eq!(jobs.next().await.unwrap().unwrap_err(), Lagged(1));
    /// for n in 2..=3 {
    ///     assert_eq!(jobs.next().await.unwrap()?.get("n").unwrap().as_i64(), Some(n));
    /// }
    /// drop(bus);
    /// assert!(jobs.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<P::Item, Lagged>>
    where
        P: Received,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<P: Received> Stream for EventStream<P> {
    type Item = Result<P::Item, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..MOST_REFUSED {
            let next = match this.held.take() {
                Some((event, ticket)) => {
                    this.receiver.mailbox.hold(false);
                    Next::Event(event, ticket)
                }
                None => this.receiver.mailbox.next(0, cx.waker()),
            };
            // After the look: what was lost before an event came to its turn is told before it, if it is counted by now.
            let lost = this.receiver.mailbox.dropped();
            if lost > this.told {
                let lagged = Lagged(lost - this.told);
                this.told = lost;
                if let Next::Event(event, ticket) = next {
                    this.held = Some((event, ticket));
                    this.receiver.mailbox.hold(true);
                }
                return Poll::Ready(Some(Err(lagged)));
            }
            match next {
                Next::Event(event, ticket) => {
                    if let Some(item) = this.receiver.taken(&event, ticket) {
                        return Poll::Ready(Some(Ok(item)));
                    }
                }
                Next::Over => return Poll::Ready(None),
                Next::Nothing => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

// As for the bus.
impl<P> UnwindSafe for EventStream<P> {}
impl<P> RefUnwindSafe for EventStream<P> {}

impl<P> Drop for EventStream<P> {
    fn drop(&mut self) {
        if let Some((event, ticket)) = self.held.take() {
            self.receiver.mailbox.hold(false);
            self.receiver.mailbox.discard(event, ticket);
        }
    }
}
