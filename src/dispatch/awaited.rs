//! What a publisher waits for: that every handler has finished with its event.
//!
//! 1. The publisher publishes [`during`] a wait, which makes a [`Completion`] if there is anything to wait for, or to tell:
//!    handlers on its own thread that fail are noted there.
//! 2. A queue that takes the event takes a [`Ticket`] with it; what becomes of the event there settles the ticket, and a
//!    ticket that is dropped says that nobody handled it. So nothing is waited for in vain.
//! 3. The publisher waits until no ticket is open.
//!
//! Settling takes no lock: it may be done by another publisher, whose event takes the place of this one in a full queue.
//!
//! Only the dispatch that is waited for counts: it is known by the event's id, its bus and its depth. What handlers publish
//! meanwhile on the same thread is deeper, also where it is the same event, and what a hook forwards is on another bus; a
//! hook, or a payload's drop, that publishes this very event once more on this very bus is not told apart. Where nobody
//! waits, all this costs a look at a thread-local for each event that a queue takes.

use core::any::Any;
use core::cell::RefCell;
use core::fmt;
use core::mem::{self, ManuallyDrop};
use core::panic::Location;
use core::ptr;
use std::sync::Arc;

use super::info::{SubscriptionId, write_handler};
use super::subscriber::Subscriber;
use super::watch::Watch;
use crate::event::{Event, EventId, Kind};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, OnceBox, busy, frames, rows, thread_local};

thread_local! {
    /// What this thread publishes and waits for. Has no destructor, so that the latest of the thread's own can publish and wait
    /// too: where there is nothing, nothing is allocated.
    static AWAITED: RefCell<ManuallyDrop<Stack>> = const { RefCell::new(ManuallyDrop::new(Stack::new())) };
}

/// Publishes that are waited for, one inside the other.
struct Stack {
    outermost: Option<Awaited>,
    /// Innermost last.
    inner: Vec<Awaited>,
}

/// A publish that is waited for.
struct Awaited {
    id: EventId,
    /// The address of the bus.
    bus: usize,
    /// At which its handlers are called.
    depth: usize,
    /// Once a handler has to do with it that does not simply take it.
    completion: Option<Arc<Completion>>,
}

/// A handler that did not simply take the event that was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerError {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// The event's kind.
    pub kind: Kind,
    /// What happened.
    pub cause: HandlerErrorCause,
}

/// How a handler failed an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandlerErrorCause {
    /// It returned an error with this text; after its retries, if it has any.
    Error(String),
    /// It panicked with this text.
    Panic(String),
    /// It was never called, or not to its end: its queue was full, or it was closed, or in quarantine, where its filter is not
    /// asked either.
    NotHandled,
}

impl fmt::Display for HandlerErrorCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "failed: {text}"),
            Self::Panic(text) => write!(f, "panicked: {text}"),
            Self::NotHandled => f.write_str("did not handle it"),
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handler(f, self.name.as_deref(), self.subscription)?;
        write!(f, " {} on {} (subscribed at {})", self.cause, self.kind, self.place)
    }
}

impl std::error::Error for HandlerError {}

/// Who has taken an event and not finished with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillRunning {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handler(f, self.name.as_deref(), self.subscription)?;
        write!(f, " (subscribed at {})", self.place)
    }
}

/// What becomes of one event with all its handlers.
pub(crate) struct Completion {
    /// Tickets that are not settled.
    open: AtomicUsize,
    /// For the one who publishes and waits; who settles, maybe a publisher who needs the room, does not come here (P1).
    parts: Mutex<Parts>,
    /// Told when no ticket is open.
    pub(crate) watch: Watch,
}

#[derive(Default)]
struct Parts {
    queued: Vec<Arc<Part>>,
    /// Of handlers without a queue.
    errors: Vec<HandlerError>,
}

/// What becomes of the event with one handler that has a queue.
struct Part {
    who: StillRunning,
    kind: Kind,
    /// Once it is settled.
    end: OnceBox<End>,
}

/// How an event has ended with one handler.
enum End {
    Delivered,
    /// The handler made nothing of it.
    Skipped,
    Failed(HandlerErrorCause),
}

/// What a completion has come to.
#[derive(Debug, Default)]
pub(crate) struct Result {
    /// Handlers with a queue that took it to its end.
    pub(crate) delivered: u32,
    pub(crate) errors: Vec<HandlerError>,
    pub(crate) running: Vec<StillRunning>,
}

/// One handler's part of a completion, to be settled.
pub(crate) struct Ticket {
    of: Arc<Completion>,
    part: Arc<Part>,
}

// === impl StillRunning ===

impl StillRunning {
    pub(crate) fn of(subscriber: &Subscriber) -> Self {
        Self { subscription: subscriber.id, name: subscriber.name.clone(), place: subscriber.place }
    }
}

// === impl Stack ===

impl Stack {
    const fn new() -> Self {
        Self { outermost: None, inner: Vec::new() }
    }

    fn push(&mut self, awaited: Awaited) {
        match &self.outermost {
            None => self.outermost = Some(awaited),
            Some(_) => self.inner.push(awaited),
        }
    }

    /// Takes the innermost one off; where it was the only inner one, also the room for it.
    fn pop(&mut self) -> Option<Awaited> {
        let Some(last) = self.inner.pop() else { return self.outermost.take() };
        if self.inner.is_empty() {
            self.inner = Vec::new();
        }
        Some(last)
    }

    fn innermost_first(&mut self) -> impl Iterator<Item = &mut Awaited> {
        self.inner.iter_mut().rev().chain(&mut self.outermost)
    }
}

// === impl Completion ===

impl Default for Completion {
    fn default() -> Self {
        Self { open: AtomicUsize::new(0), parts: Mutex::default(), watch: Watch::default() }
    }
}

impl Completion {
    /// Whether every handler that took the event has finished with it.
    pub(crate) fn is_complete(&self) -> bool {
        // Acquire: what the handlers did, and how each has ended.
        self.open.load(Ordering::Acquire) == 0
    }

    /// What it has come to so far.
    pub(crate) fn result(&self) -> Result {
        busy::during(|| {
            let parts = self.parts.lock();
            let mut result = Result { errors: parts.errors.clone(), ..Result::default() };
            for part in &parts.queued {
                match part.end.get() {
                    None => result.running.push(part.who.clone()),
                    Some(End::Delivered) => result.delivered += 1,
                    Some(End::Skipped) => {}
                    Some(End::Failed(cause)) => result.errors.push(part.error(cause.clone())),
                }
            }
            result
        })
    }

    fn note(&self, error: HandlerError) {
        busy::during(|| self.parts.lock().errors.push(error));
    }

    pub(crate) fn ticket(self: &Arc<Self>, who: StillRunning, kind: Kind) -> Ticket {
        let part = Arc::new(Part { who, kind, end: OnceBox::new() });
        // Relaxed: nobody waits before all tickets are there.
        self.open.fetch_add(1, Ordering::Relaxed);
        busy::during(|| self.parts.lock().queued.push(Arc::clone(&part)));
        Ticket { of: Arc::clone(self), part }
    }
}

// === impl Part ===

impl Part {
    fn error(&self, cause: HandlerErrorCause) -> HandlerError {
        let StillRunning { subscription, name, place } = self.who.clone();
        HandlerError { subscription, name, place, kind: self.kind.clone(), cause }
    }
}

// === impl Ticket ===

impl Ticket {
    /// The handler has taken the event.
    pub(crate) fn delivered(self) {
        self.settle(End::Delivered);
    }

    /// The handler has made nothing of it.
    pub(crate) fn skipped(self) {
        self.settle(End::Skipped);
    }

    /// The handler has failed it, for good.
    pub(crate) fn failed(self, cause: HandlerErrorCause) {
        self.settle(End::Failed(cause));
    }

    /// The first end is what counts: dropping the ticket is the last.
    fn settle(&self, end: End) {
        let first = busy::during(|| self.part.end.set(Box::new(end)).is_ok());
        // Release: what the handler did, and its end, for whoever finds that all have settled.
        if first && self.of.open.fetch_sub(1, Ordering::Release) == 1 {
            self.of.watch.tell_if(|| true);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.part.who).finish()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.part.end.get().is_none() {
            self.settle(End::Failed(HandlerErrorCause::NotHandled));
        }
    }
}

// === the thread that publishes ===

/// Publishes the event with this id on `bus`: what queues take of that, and what fails it on this thread, belongs to the
/// completion that comes back; there is none where that is nothing.
pub(crate) fn during<R>(bus: &dyn Any, id: EventId, publish: impl FnOnce() -> R) -> (R, Option<Arc<Completion>>) {
    struct Over;
    impl Over {
        fn end(&self) -> Option<Arc<Completion>> {
            busy::during(|| AWAITED.with(|awaited| awaited.borrow_mut().pop()))?.completion
        }
    }
    impl Drop for Over {
        fn drop(&mut self) {
            drop(self.end());
        }
    }
    let awaits = Awaited { id, bus: ptr::from_ref(bus).addr(), depth: rows::depth() + 1, completion: None };
    AWAITED.with(|awaited| busy::during(|| awaited.borrow_mut().push(awaits)));
    let over = Over;
    let result = publish();
    let completion = over.end();
    mem::forget(over);
    (result, completion)
}

/// Whether this thread waits for anything that it publishes.
#[inline]
pub(super) fn is_waiting() -> bool {
    AWAITED.with(|awaited| awaited.try_borrow().is_ok_and(|awaited| awaited.outermost.is_some()))
}

/// A ticket for the queue of a subscription that is handed an event, if this thread waits for that.
#[inline]
pub(crate) fn ticket<'a>(event: &Event, who: impl FnOnce() -> Option<&'a StillRunning>) -> Option<Ticket> {
    if !is_waiting() {
        return None;
    }
    let completion = of(event)?;
    Some(completion.ticket(who()?.clone(), event.kind().clone()))
}

/// A handler on this thread has failed an event.
#[cold]
pub(super) fn failed(event: &Event, subscriber: &Subscriber, cause: impl FnOnce() -> HandlerErrorCause) {
    if !is_waiting() {
        return;
    }
    let Some(completion) = of(event) else { return };
    // Made outside the lock: an error's text is user code.
    let cause = cause();
    completion.note(HandlerError {
        subscription: subscriber.id,
        name: subscriber.name.clone(),
        place: subscriber.place,
        kind: event.kind().clone(),
        cause,
    });
}

/// The completion of an event whose dispatch on this thread, the innermost one, is waited for; made when it is first asked
/// for.
#[cold]
fn of(event: &Event) -> Option<Arc<Completion>> {
    let (id, depth) = (event.id(), rows::depth());
    let bus = frames::find(|bus, _| Some(ptr::from_ref(bus).addr()))?;
    AWAITED.with(|awaited| {
        busy::during(|| {
            let mut awaited = awaited.borrow_mut();
            let this = |one: &&mut Awaited| (one.id, one.bus, one.depth) == (id, bus, depth);
            let found = awaited.innermost_first().find(this)?;
            Some(Arc::clone(found.completion.get_or_insert_default()))
        })
    })
}
