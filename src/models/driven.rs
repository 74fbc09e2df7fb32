//! Handlers with a queue, whose worker a model drives; and what becomes of an event that somebody waits for.

use core::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::bus::{Subscribe, Subscription};
use crate::dispatch::awaited;
use crate::dispatch::{BoxError, StillRunning, SubscriptionId};
use crate::event::{Event, Kind};
use crate::queue::models::{self, Code, SharedMailbox, Turnout};
use crate::sync::Parker;

/// Drives the one worker of a queue.
pub struct Driver(SharedMailbox);

/// A handler that is suspended once in each call.
struct Suspended<F> {
    handler: F,
    begun: Option<Event>,
}

impl<F: FnMut(&Event) + Send> Code for Suspended<F> {
    fn begin(&mut self, event: &Event) -> Option<Result<(), BoxError>> {
        self.begun = Some(event.clone());
        None
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.begun.take() {
            Some(event) => {
                (self.handler)(&event);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(Ok(())),
        }
    }

    fn abandon(&mut self) {
        self.begun = None;
    }
}

/// Subscribes a handler with room for so many events.
pub fn driven(
    request: Subscribe,
    capacity: usize,
    handler: impl FnMut(&Event) -> Result<(), BoxError> + Send + 'static,
) -> (Subscription, Driver) {
    let (guard, mailbox) = models::subscribe(request, capacity, models::alone(handler));
    (guard, Driver(mailbox))
}

/// The same, suspended in the middle of each call: after the handler has run, before the call has ended.
pub fn suspended(
    request: Subscribe,
    capacity: usize,
    handler: impl FnMut(&Event) + Send + 'static,
) -> (Subscription, Driver) {
    let code = Box::new(Suspended { handler, begun: None });
    let (guard, mailbox) = models::subscribe(request, capacity, code);
    (guard, Driver(mailbox))
}

impl Driver {
    /// Drives it until it is over, as a thread of its own does.
    pub fn run(&self) {
        let parker = Parker::new();
        let waker = parker.waker();
        let mut cx = Context::from_waker(&waker);
        loop {
            match self.0.drive(0, &mut cx) {
                Turnout::Busy => {}
                Turnout::Asleep(_) => parker.park(),
                Turnout::Over => return,
            }
        }
    }

    /// Drives it once.
    pub fn poll(&self) {
        let waker = Parker::new().waker();
        let _ = self.0.drive(0, &mut Context::from_waker(&waker));
    }

    /// Another hold on the same.
    pub fn again(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What becomes of one event with all its handlers; see `dispatch::awaited`.
#[derive(Default)]
pub struct Completion(Arc<awaited::Completion>);

/// One handler's part, to be settled.
pub struct Ticket(awaited::Ticket);

impl Completion {
    pub fn ticket(&self) -> Ticket {
        let who = StillRunning { subscription: SubscriptionId(1), name: None, place: Location::caller() };
        Ticket(self.0.ticket(who, Kind::new("awaited").expect("a kind")))
    }

    /// Parks until all are settled; how many looks it took.
    pub fn wait(&self) -> usize {
        let mut looks = 0;
        self.0.watch.wait_until(None, || {
            looks += 1;
            self.0.is_complete()
        });
        looks
    }

    pub fn is_complete(&self) -> bool {
        self.0.is_complete()
    }

    /// How many have handled it, lost it, and are at it.
    pub fn result(&self) -> (usize, usize, usize) {
        let result = self.0.result();
        (result.delivered as usize, result.errors.len(), result.running.len())
    }
}

impl Ticket {
    pub fn delivered(self) {
        self.0.delivered();
    }
}
