//! Waiting for handlers without holding up a thread: the async forms of what [`Bus`] does.

use core::future::{Future, poll_fn};
use core::task::Poll;
use core::time::Duration;
use std::time::Instant;

use super::until::Until;
use crate::bus::idle::{Step, Wait};
use crate::bus::{Bus, Publishable, StillBusy, WaitError, Waited};
use crate::contain;
use crate::sync::duty;

impl Bus {
    /// [`publish_and_wait`](Self::publish_and_wait) for async code (feature `async`): publishes when it is first polled, on
    /// the thread that polls it; from then on the limit counts. Dropped, it waits no more; the handlers go on.
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
    /// A receiver or a stream has finished with an event when it is taken out: without a limit, the task that waits must not
    /// be the one that takes it out.
    ///
    /// # Errors
    /// As there; but on the thread of an executor it may wait without a limit.
    ///
    /// # Panics
    /// If a handler does that was subscribed to [unwind](crate::FailurePolicy::Unwind): after the others have had the event.
    pub async fn publish_and_wait_async(
        &self,
        event: impl Publishable,
        limit: impl Into<Option<Duration>>,
    ) -> Result<Waited, WaitError> {
        let limit = limit.into();
        if limit.is_none() && duty::forbids_waiting() {
            contain::drop_contained(event);
            return Err(WaitError::NoLimit);
        }
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (completion, waited) = self.publish_awaited(event)?;
        let Some(completion) = completion else { return Ok(waited) };
        Until::new(&completion.watch, deadline, || completion.is_complete()).await;
        Ok(waited.with(&completion))
    }

    /// [`wait_idle`](Self::wait_idle) for async code (feature `async`), whatever the executor. The limit counts from this
    /// call on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringbus::{Bus, publish_event};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let jobs = bus.subscribe_async(|job| async move { drop(job.id()) })?;
    /// publish_event!(bus: &bus, "job.todo");
    /// bus.wait_idle_async(Duration::from_secs(10)).await?;
    /// assert_eq!(jobs.info().delivered, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StillBusy`] names those that have something to do at the end of the limit: inside an async handler also itself.
    pub fn wait_idle_async(&self, limit: Duration) -> impl Future<Output = Result<(), StillBusy>> + Send + '_ {
        let wait = Wait::new(limit, true);
        async move {
            loop {
                match wait.step(|| self.looked_at())? {
                    Step::Done => return Ok(()),
                    Step::Watch(backlog) => {
                        Until::new(backlog.watch(), wait.deadline, || backlog.is_idle()).await;
                    }
                    Step::Again => yield_now().await,
                }
            }
        }
    }
}

/// Lets other tasks have their turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
