//! Tasks that drive the workers of a mailbox on an executor, and the executors that there are.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::panic::resume_unwind;
use std::sync::Arc;

use super::timer::Alarm;
use crate::contain;
use crate::dispatch::BoxError;
use crate::dispatch::backlog::Backlog;
use crate::event::Event;
use crate::queue::code::Code;
use crate::queue::mailbox::SharedMailbox;
use crate::queue::options::QueueError;
use crate::queue::worker::Turnout;

/// An executor that async handlers run on; [`Tokio`] is one.
///
/// ```
/// use std::future::Future;
/// use std::pin::Pin;
/// use std::sync::mpsc::{Sender, channel};
/// use ringbus::{Bus, Spawn, Task};
///
/// /// Hands tasks to whoever runs them.
/// struct Spawner(Sender<Pin<Box<dyn Future<Output = ()> + Send>>>);
///
/// impl Spawn for Spawner {
///     fn spawn(&self, task: Task) {
///         let _ = self.0.send(Box::pin(task));
///     }
/// }
///
/// let bus = Bus::new();
/// let (send, tasks) = channel();
/// let handler = bus.on("job.*")?.on_executor(Spawner(send)).subscribe(|job| async move { drop(job.id()) })?;
/// assert_eq!(tasks.try_iter().count(), 1);
/// # drop(handler);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Spawn: Send + Sync + 'static {
    /// Runs a task until it is ready, or drops it. Where all tasks of a subscription are dropped, it handles nothing any
    /// more, and counts that; where that is at once, subscribing is an error ([`QueueError::NotRun`]). A panic goes on to
    /// who subscribes, and nothing is subscribed.
    ///
    /// A task whose waker panics when it is cloned cannot sleep: it wakes itself after each poll.
    fn spawn(&self, task: Task);

    /// Whether the calling thread is one that tasks may need in order to get on: there a blocking wait for a handler is
    /// refused, which could be waiting for itself. Unless it is told otherwise, no thread is; where it panics, the one that asks is.
    fn is_current(&self) -> bool {
        false
    }
}

/// One executor for many subscriptions.
impl<S: Spawn + ?Sized> Spawn for Arc<S> {
    fn spawn(&self, task: Task) {
        (**self).spawn(task);
    }

    fn is_current(&self) -> bool {
        (**self).is_current()
    }
}

/// The tokio runtime (feature `async`) that async handlers run on.
#[derive(Clone, Debug)]
pub struct Tokio(tokio::runtime::Handle);

impl Tokio {
    /// The runtime that the calling thread is in.
    ///
    /// # Errors
    /// [`QueueError::NoExecutor`] outside of a runtime.
    pub fn current() -> Result<Self, QueueError> {
        tokio::runtime::Handle::try_current().map(Self).map_err(|_| QueueError::NoExecutor)
    }
}

impl Spawn for Tokio {
    fn spawn(&self, task: Task) {
        // A runtime that has been shut down drops it.
        drop(self.0.spawn(task));
    }

    /// Any thread inside of a runtime, that of `spawn_blocking` too: nobody can tell them apart.
    fn is_current(&self) -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }
}

/// What runs the handler of a subscription, one event after the other; for an executor to [`spawn`](Spawn::spawn).
///
/// It is ready when the subscription has ended.
#[must_use = "a task does nothing unless it is polled; dropped, its subscription handles nothing"]
pub struct Task {
    mailbox: SharedMailbox,
    place: usize,
    alarm: Option<Alarm>,
}

/// A handler whose work may be suspended. The place of its future serves for all events.
pub(super) struct Async<F, Fut> {
    make: Arc<F>,
    running: Pin<Box<Option<Fut>>>,
}

// === impl Task ===

/// Hands an executor a task for each worker. A panic of it goes on when nothing is left behind.
pub(super) fn start(mailbox: &SharedMailbox, executor: &dyn Spawn) {
    for place in 0..mailbox.crew.len() {
        let task = Task { mailbox: Arc::clone(mailbox), place, alarm: None };
        if let Err(payload) = contain::call(|| executor.spawn(task)) {
            // Those that it has taken come to their end.
            mailbox.stop();
            resume_unwind(payload);
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let turnout = self.mailbox.drive(self.place, cx);
        let due = match turnout {
            Turnout::Over => return Poll::Ready(()),
            Turnout::Busy => {
                cx.waker().wake_by_ref();
                None
            }
            Turnout::Asleep(due) => due,
        };
        // Set anew each time: the task may have another waker now.
        self.alarm = due.and_then(|due| match contain::call_apart(|| Alarm::at(due, cx.waker())) {
            Ok(alarm) => Some(alarm),
            Err(payload) => {
                contain::defuse(payload);
                cx.waker().wake_by_ref();
                None
            }
        });
        Poll::Pending
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.mailbox.abandon(self.place);
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("place", &self.place).finish_non_exhaustive()
    }
}

// === impl Async ===

impl<F, Fut> Async<F, Fut> {
    pub(super) fn new(make: Arc<F>) -> Self {
        Self { make, running: Box::pin(None) }
    }
}

impl<F, Fut> Code for Async<F, Fut>
where
    F: Fn(&Event) -> Result<Fut, BoxError> + Send + Sync,
    Fut: Future<Output = Result<(), BoxError>> + Send,
{
    fn begin(&mut self, event: &Event) -> Option<Result<(), BoxError>> {
        match (self.make)(event) {
            Ok(future) => {
                self.running.set(Some(future));
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.running.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn abandon(&mut self) {
        self.running.set(None);
    }
}
