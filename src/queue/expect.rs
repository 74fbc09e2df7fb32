//! Waiting for one event that is about to come.

use core::fmt;
#[cfg(feature = "async")]
use core::future::Future;
use core::time::Duration;

use super::options::QueueError;
use super::overflow::Overflow;
use super::receiver::{Received, Receiver, RecvError};
use crate::bus::{Bus, Subscribe};
use crate::event::{Event, IntoSelector, KindTaken, PatternError, Payload};

use super::event_of::EventOf;

/// An event that is waited for, from the moment on in which this was made; see [`Bus::expecting`] and
/// [`Subscribe::expecting`].
#[must_use = "nothing is waited for before `within`"]
#[derive(Debug)]
pub struct Expectation<P = Event> {
    receiver: Receiver<P>,
}

/// Why there is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectError {
    /// None has come in this time.
    TimedOut {
        /// How long it was waited.
        after: Duration,
    },
    /// None will come: the bus has been shut down, or is gone; or the one that came could not be read as the payload.
    Ended,
    /// The pattern is none.
    Pattern(PatternError),
    /// Another payload type has the kind.
    KindTaken(KindTaken),
}

impl From<PatternError> for ExpectError {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error)
    }
}

impl From<KindTaken> for ExpectError {
    fn from(taken: KindTaken) -> Self {
        Self::KindTaken(taken)
    }
}

impl Bus {
    /// Waits for the next event that a pattern, a kind or a list of them selects, which another thread publishes after this
    /// was called. Where this thread is to do something that leads to it, begin with [`expecting`](Self::expecting).
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, ExpectError, publish_event};
    ///
    /// let bus = Bus::new();
    /// let clock = std::thread::spawn({
    ///     let bus = bus.clone();
    ///     move || while publish_event!(bus: &bus, "clock.tick").enqueued == 0 {} // until somebody waits for it
    /// });
    /// assert_eq!(bus.expect("clock.*", Duration::from_secs(10))?.kind(), "clock.tick");
    /// # clock.join().unwrap();
    /// let none = bus.expect("clock.*", Duration::ZERO);
    /// assert_eq!(none.unwrap_err(), ExpectError::TimedOut { after: Duration::ZERO });
    /// # Ok::<(), ExpectError>(())
    /// ```
    ///
    /// # Errors
    /// [`ExpectError`].
    #[track_caller]
    pub fn expect(&self, selector: impl IntoSelector, limit: Duration) -> Result<Event, ExpectError> {
        self.expecting(selector)?.within(limit)
    }

    /// Waits for the next payload of a type; see [`expect`](Self::expect).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use std::time::Duration;
    /// use ringbus::{Bus, Payload};
    ///
    /// #[derive(Payload)]
    /// #[payload(kind = "docs.expect_of.tick")]
    /// struct Tick {
    ///     second: u64,
    /// }
    ///
    /// let bus = Bus::new();
    /// let clock = std::thread::spawn({
    ///     let bus = bus.clone();
    ///     move || while bus.publish(Tick { second: 7 }).enqueued == 0 {} // until somebody waits for it
    /// });
    /// assert_eq!(bus.expect_of::<Tick>(Duration::from_secs(10)).unwrap().second, 7);
    /// # clock.join().unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ExpectError`].
    #[track_caller]
    pub fn expect_of<T: Payload>(&self, limit: Duration) -> Result<EventOf<T>, ExpectError> {
        self.expecting_of::<T>()?.within(limit)
    }

    /// Begins to wait for an event: the first that comes from now on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let ready = bus.expecting("server.ready")?;
    /// let server = std::thread::spawn({
    ///     let bus = bus.clone();
    ///     move || drop(publish_event!(bus: &bus, "server.ready", port = 8080))
    /// });
    /// assert_eq!(ready.within(Duration::from_secs(10))?.get("port"), Some(&8080.into()));
    /// # server.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ExpectError::Pattern`].
    #[track_caller]
    pub fn expecting(&self, selector: impl IntoSelector) -> Result<Expectation, ExpectError> {
        Ok(Expectation::plain(self.on(selector)?))
    }

    /// Begins to wait for a payload of a type.
    ///
    /// # Errors
    /// [`ExpectError::KindTaken`].
    #[track_caller]
    pub fn expecting_of<T: Payload>(&self) -> Result<Expectation<T>, ExpectError> {
        Ok(Expectation::plain(self.on_payload::<T>()?))
    }
}

// === impl Subscribe ===

impl<P: Received> Subscribe<P> {
    /// Begins to wait for an event that the options let through: the first that comes from now on, or, with
    /// [`replay`](Self::replay), that is told of the past. A [limit](Self::limit) is overridden: it is one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let failed = bus.on("job.done")?.filter(|done| done.get("code") != Some(&0.into())).expecting()?;
    /// [0, 7, 9].map(|code| drop(publish_event!(bus: &bus, "job.done", code)));
    /// assert_eq!(failed.within(Duration::from_secs(10))?.get("code"), Some(&7.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With [`decode`](Self::decode), the first event of the kind is the one, also where it cannot be read: then it counts
    /// as failed, and the wait ends with [`ExpectError::Ended`].
    ///
    /// # Errors
    /// [`QueueError::Unwind`]: the failure policy is to unwind. [`QueueError::NobodyCalled`]: there is a breaker.
    #[track_caller]
    pub fn expecting(self) -> Result<Expectation<P>, QueueError> {
        // The first that comes waits in the queue, and the subscription ends with it.
        let receiver = self.once().queued().capacity(1).when_full(Overflow::DropNewest).receiver()?;
        Ok(Expectation { receiver })
    }
}

// === impl Expectation ===

impl<P: Received> Expectation<P> {
    /// With the options that there are without any being chosen.
    #[track_caller]
    fn plain(request: Subscribe<P>) -> Self {
        request.expecting().unwrap_or_else(|error| unreachable!("these options are in range: {error}"))
    }

    /// Waits for it, at most so long.
    ///
    /// # Errors
    /// [`ExpectError::TimedOut`], [`ExpectError::Ended`].
    pub fn within(mut self, limit: Duration) -> Result<P::Item, ExpectError> {
        self.receiver.recv_timeout(limit).map_err(|error| none_came(error, limit))
    }

    /// The same for async code (feature `async`), whatever the executor. The limit counts from this call on, not from the
    /// first poll.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let ready = bus.expecting("server.ready")?;
    /// tokio::spawn({
    ///     let bus = bus.clone();
    ///     async move { publish_event!(bus: &bus, "server.ready", port = 8080) }
    /// });
    /// let event = ready.within_async(Duration::from_secs(10)).await?;
    /// assert_eq!(event.get("port"), Some(&8080.into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`within`](Self::within).
    #[cfg(feature = "async")]
    pub fn within_async(mut self, limit: Duration) -> impl Future<Output = Result<P::Item, ExpectError>> {
        let deadline = std::time::Instant::now().checked_add(limit);
        async move {
            let mut alarm = None;
            let next = core::future::poll_fn(|cx| self.receiver.poll_until(cx, deadline, &mut alarm));
            next.await.map_err(|error| none_came(error, limit))
        }
    }
}

/// Why none came within `limit`.
fn none_came(error: RecvError, limit: Duration) -> ExpectError {
    match error {
        RecvError::TimedOut | RecvError::Empty => ExpectError::TimedOut { after: limit },
        RecvError::Ended => ExpectError::Ended,
    }
}

impl fmt::Display for ExpectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { after } => write!(f, "no such event has come within {after:?}"),
            Self::Ended => {
                f.write_str("no such event will come: the bus has ended, or the one that came could not be read")
            }
            Self::Pattern(error) => error.fmt(f),
            Self::KindTaken(taken) => taken.fmt(f),
        }
    }
}

impl std::error::Error for ExpectError {}
