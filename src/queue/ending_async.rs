//! Waiting for handlers without holding up a thread: the async forms of what [`Bus`] and [`Subscription`] do.

use core::future::Future;
use core::time::Duration;
use std::time::Instant;

use super::offload::offload;
use super::until::Until;
use crate::bus::{Bus, CloseError, Publishable, ShutdownReport, Subscription, WaitError, Waited};
use crate::sync::{duty, rows};

impl Bus {
    /// [`publish_and_wait`](Self::publish_and_wait) for async code (feature `async`): publishes when it is first polled, on
    /// the thread that polls it. Dropped, it waits no more; the handlers go on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, Event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let _bill = bus.try_subscribe_async(|order| async move {
    ///     tokio::task::yield_now().await;
    ///     order.get("to").map(drop).ok_or("no address".into())
    /// })?;
    /// let order = Event::builder("order.placed").build()?;
    /// let waited = bus.publish_and_wait_async(order, Duration::from_secs(10)).await?;
    /// assert!(waited.errors[0].to_string().contains("no address"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub async fn publish_and_wait_async(
        &self,
        event: impl Publishable,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Waited, WaitError> {
        let limit = limit.into();
        if limit.is_none() && duty::forbids_waiting() {
            return Err(WaitError::NoLimit);
        }
        let (completion, waited) = self.publish_awaited(event)?;
        let Some(completion) = completion else { return Ok(waited) };
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        Until::new(&completion.watch, deadline, || completion.is_complete()).await;
        Ok(waited.with(&completion))
    }

    /// [`shutdown`](Self::shutdown) for async code (feature `async`). It begins at once, and goes on where the future is
    /// dropped; inside a handler it is waited for too, except for the handler itself.
    ///
    /// # Cost
    /// A thread, while it lasts.
    pub fn shutdown_async(&self, limit: Duration) -> impl Future<Output = ShutdownReport> + Send + use<> {
        let deadline = Instant::now().checked_add(limit);
        let begun = self.begin_shutdown();
        let (bus, theirs) = (self.clone(), begun.clone());
        let shutting = offload(move || bus.end_shutdown(theirs, deadline)).map_err(|_| {
            // No thread to wait on: what can be done without waiting.
            rows::deeper(|| self.end_shutdown(begun, deadline))
        });
        async move {
            match shutting {
                Ok(shutting) => shutting.await,
                Err(report) => report,
            }
        }
    }
}

impl Subscription {
    /// Unsubscribes the handler, and is ready when everything that waits in its queue has been handled, no call of it runs
    /// and it has been dropped (feature `async`). It begins at once, and goes on where the future is dropped.
    ///
    /// # Errors
    /// [`CloseError::InsideHandler`] inside this very handler, which would wait for itself: what waits is still handled.
    /// [`CloseError::NoThread`] where the system has none to wait on; likewise.
    ///
    /// # Cost
    /// A thread, while it lasts.
    pub fn close_async(&self) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        let ending = self.ending();
        ending.remove();
        let closing = if ending.is_own_handler() {
            ending.begin();
            Err(CloseError::InsideHandler)
        } else {
            let theirs = ending.clone();
            offload(move || theirs.drain(None, Duration::ZERO)).map_err(|_| {
                ending.begin();
                CloseError::NoThread
            })
        };
        async move { closing?.await }
    }
}
