//! Ending without holding up a thread: the async forms of what [`Bus`] and [`Subscription`] do.
//!
//! What they wait for blocks, and so does a thread that is [lent](super::offload) to it. They refuse to wait for a handler
//! that they are called in.

use core::future::Future;
use core::time::Duration;
use std::time::Instant;

use super::offload::offload;
use crate::bus::{Bus, CloseError, ShutdownReport, Subscription};
use crate::sync::rows;

impl Bus {
    /// [`shutdown`](Self::shutdown) for async code (feature `async`). It begins at once, the limit too, and goes on where the
    /// future is dropped.
    ///
    /// Inside a handler it waits for all others, but not for the handler itself, which may be what awaits it: that one, and
    /// what its call was called by, is told as [running](crate::HandlerEnd::running) in a report that is
    /// [`unfinished`](ShutdownReport::unfinished); what waits for it is handled all the same. A shutdown outside of it makes
    /// the report whole. Where another shutdown has begun before, it does not wait inside a handler: that one may be waiting
    /// for the handler.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.subscribe_async(|job| async move { drop(job.id()) })?.detach();
    /// publish_event!(bus: &bus, "job.todo");
    /// let report = bus.shutdown_async(Duration::from_secs(10)).await;
    /// assert!(report.is_complete());
    /// assert_eq!(report.drained(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cost
    /// A thread, while it lasts.
    pub fn shutdown_async(&self, limit: Duration) -> impl Future<Output = ShutdownReport> + Send + use<> {
        let deadline = Instant::now().checked_add(limit);
        let asked = self.begin_shutdown();
        let (bus, theirs) = (self.clone(), asked.clone());
        let shutting = offload(move || bus.end_shutdown(theirs, deadline)).map_err(|_| {
            // No thread to wait on: what can be done without waiting.
            rows::deeper(|| self.end_shutdown(asked, deadline))
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
    /// [`close_drained`](Self::close_drained) for async code, without a limit (feature `async`): unsubscribes the handler, and
    /// is ready when everything that waits in its queue has been handled, no call of it runs and it has been dropped. It begins
    /// at once, and goes on where the future is dropped. To discard what waits instead, [`close`](Self::close) it.
    ///
    /// Of a receiver or a stream it is ready when all that waits has been taken out, or discarded because it was dropped: do
    /// not await it in the task that takes from it, where what waits is then handled by nobody, and there is no limit; with
    /// one there is [`close_drained_async`](Self::close_drained_async).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.subscribe_async(|job| async move { drop(job.id()) })?;
    /// ringbus::publish_event!(bus: &bus, "job.todo");
    /// jobs.close_async().await?;
    /// assert_eq!(jobs.info().delivered, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CloseError::InsideHandler`] inside this very handler, with a queue or without, which would wait for itself: what
    /// waits is still handled. [`CloseError::NoThread`] where the system has none to wait on, and [`CloseError::OnExecutor`]
    /// where the executor's `is_current` is true of, or panics on, the thread that waits; likewise.
    /// [`CloseError::NotDrained`] where another thread has ended it at once meanwhile, quarantine has kept back what waited, or
    /// the receiver was dropped.
    ///
    /// # Cost
    /// A thread, while it lasts: it has no limit, so a call that never ends keeps the thread as long.
    pub fn close_async(&self) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        self.draining(None)
    }

    /// [`close_drained`](Self::close_drained) for async code (feature `async`). It begins at once, the limit too, and goes on
    /// where the future is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::CloseError;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.subscribe_async(|_| std::future::pending())?;
    /// ringbus::publish_event!(bus: &bus, "job.todo");
    /// let closed = jobs.close_drained_async(Duration::from_millis(1)).await;
    /// assert!(matches!(closed, Err(CloseError::NotDrained { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`close_async`](Self::close_async); and past the limit as for [`close_drained`](Self::close_drained).
    ///
    /// # Cost
    /// A thread, while it lasts.
    pub fn close_drained_async(&self, limit: Duration) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        self.draining(Some(limit))
    }

    fn draining(&self, limit: Option<Duration>) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        let ending = self.ending();
        ending.remove();
        let closing = if ending.is_own_handler() {
            ending.begin();
            Err(CloseError::InsideHandler)
        } else {
            let theirs = ending.clone();
            offload(move || theirs.drain(limit)).map_err(|_| {
                ending.begin();
                CloseError::NoThread
            })
        };
        async move { closing?.await }
    }
}
