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

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{CallSite, Draft, Kind};

    static SITE: CallSite = CallSite::new("trace.rs", 1, "trace", &[]);

    fn draft() -> Draft {
        Draft::new(Kind::new("trace.test").unwrap(), Some(&SITE))
    }

    /// What `make` makes while `event` is being handled.
    fn while_handled(event: &Event, make: impl FnOnce() -> Event) -> Event {
        frames::enter(&(), event, make)
    }

    fn trace(event: &Event) -> (Option<EventId>, u32, Option<&str>) {
        (event.cause(), event.hops(), event.correlation_id())
    }

    #[test]
    fn the_innermost_event_is_carried_on() {
        let outer = Event::builder("trace.outer").correlation_id("outer").build().unwrap();
        let inner = while_handled(&outer, || Event::builder("trace.inner").correlation_id("inner").build().unwrap());
        assert_eq!(trace(&inner), (Some(outer.id()), 1, Some("inner")));
        let both = while_handled(&outer, || while_handled(&inner, || draft().finish()));
        assert_eq!(trace(&both), (Some(inner.id()), 2, Some("inner")));
        assert_eq!(trace(&draft().finish()), (None, 0, None));
    }

    #[test]
    fn a_frame_without_an_event_is_none() {
        let outer = draft().finish();
        let event = while_handled(&outer, || frames::enter(&(), &7, || draft().finish()));
        assert_eq!(trace(&event), (None, 0, None));
    }

    #[test]
    fn hops_end_at_the_largest_number_and_are_never_fewer_than_those_of_the_chain() {
        let far = |hops| {
            let mut draft = draft();
            draft.inner().set_cause(EventId::from_u128(7), hops);
            draft
        };
        let most = far(u32::MAX).finish();
        assert_eq!(while_handled(&most, || draft().finish()).hops(), u32::MAX);
        let outer = far(4).finish();
        for (given, hops) in [(0, 5), (5, 5), (6, 6)] {
            let event = while_handled(&outer, || far(given).finish());
            assert_eq!(trace(&event), (Some(EventId::from_u128(7)), hops, None));
        }
        assert_eq!(far(0).finish().hops(), 1, "a cause is at least one hop away");
    }

    #[test]
    fn the_box_stays_with_the_memory_and_the_trace_does_not() {
        let mut inner = Inner::new(Kind::new("trace.test").unwrap());
        inner.set_correlation_id("id".into());
        inner.set_cause(EventId::from_u128(7), 3);
        let place: *const Trace = inner.trace.as_deref().unwrap();
        inner.blank();
        assert_eq!((inner.correlation_id(), inner.cause(), inner.hops, inner.owns), (None, None, 0, false));
        inner.set_cause(EventId::from_u128(8), 1);
        assert!(std::ptr::eq(place, inner.trace.as_deref().unwrap()));
    }
}
