//! [`Trace`]: what an event has in common with others, and which one led to it.
//!
//! An event that is made inside a handler carries on the trace of the event being handled: its correlation id, unless it
//! was given one, its id as the cause, and one hop more. So a chain of events is seen as one, whatever buses, queues and
//! threads it has gone through, and one that goes round in circles can be stopped.
//!
//! The box of a trace stays with the event's memory when the event is recycled: steady nested publishing allocates
//! nothing. An event without cause and correlation id has an empty box, or none.
//!
//! It refuses nothing: what is given explicitly is kept, but for hops, which an event made inside a handler cannot be
//! given less of than the chain has.

use super::inner::Inner;
use super::{Event, EventId, Text};
use crate::sync::{busy, frames};

/// See the [module](self). How many hops there were is with the event, where a publish finds it at once.
#[derive(Default)]
pub(super) struct Trace {
    correlation_id: Option<Text>,
    cause: Option<EventId>,
}

// === impl Inner ===

impl Inner {
    pub(super) fn correlation_id(&self) -> Option<&Text> {
        self.trace.as_ref()?.correlation_id.as_ref()
    }

    pub(super) fn cause(&self) -> Option<EventId> {
        self.trace.as_ref()?.cause
    }

    pub(super) fn set_correlation_id(&mut self, id: Text) {
        self.own_trace().correlation_id = Some(id);
    }

    /// It has this cause, `hops` (at least one) after the first of its chain.
    pub(super) fn set_cause(&mut self, cause: EventId, hops: u32) {
        self.own_trace().cause = Some(cause);
        self.hops = hops.max(1);
    }

    /// It has the trace of `other`, which is the same event.
    pub(super) fn set_trace_of(&mut self, other: &Self) {
        if let Some(id) = other.correlation_id() {
            self.set_correlation_id(id.clone());
        }
        if let Some(cause) = other.cause() {
            self.set_cause(cause, other.hops);
        }
    }

    /// Carries on the trace of the event that this thread is handling, if any.
    #[inline(always)]
    pub(super) fn inherit(&mut self) {
        if frames::any() {
            self.inherit_handled();
        }
    }

    #[cold]
    #[inline(never)]
    fn inherit_handled(&mut self) {
        // The innermost only.
        frames::find(|_, what| Some(what.downcast_ref().map(|handled| self.follow(handled))));
    }

    /// `handled` has led to this one.
    fn follow(&mut self, handled: &Event) {
        let handled: &Self = handled.arc();
        let hops = self.hops.max(handled.hops.saturating_add(1));
        let trace = self.own_trace();
        trace.cause = trace.cause.or(Some(handled.id));
        if trace.correlation_id.is_none() {
            trace.correlation_id = handled.correlation_id().cloned();
        }
        self.hops = hops;
    }

    /// Forgets it; its box stays. Runs no user code.
    pub(super) fn clear_trace(&mut self) {
        self.hops = 0;
        if let Some(trace) = self.trace.as_deref_mut() {
            *trace = Trace::default();
        }
    }

    /// Its trace, to be filled: what has one is looked through when it is recycled, as if it owned memory.
    fn own_trace(&mut self) -> &mut Trace {
        self.owns = true;
        self.trace.get_or_insert_with(new)
    }
}

/// An allocator that publishes from here must not come here again.
#[cold]
fn new() -> Box<Trace> {
    busy::during(Box::default)
}
