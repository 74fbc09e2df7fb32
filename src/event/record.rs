//! The form in which a history holds an event.
//!
//! A history marks what it holds with a stamp of its own. An event that has just been made, and that
//! nobody else holds, is stamped in place; any other (published before, replayed, kept by its publisher)
//! gets a thin record of its own that points to it. So an event can be in many histories, and each tells its records
//! apart.
//!
//! The history orders by the raw clock of the record. An event from the macro has read it on its way
//! here; one that was built earlier reads it now.

use super::inner::{Body, Inner, UNREAD};
use super::{Draft, Event};
use crate::sync::atomic::{Ordering, fence};
use crate::sync::handle::Handle;
use crate::sync::{Arc, again, busy, clock};

impl Event {
    /// The record of this event, to be [marked](Inner::mark) at once, for [`Event::from_record`] and
    /// [`Event::from_evicted`].
    #[inline]
    pub(crate) fn record_form(&mut self) -> Arc<Inner> {
        let arc = self.arc_mut();
        // There are no weak handles: who holds the only one, and lends it to nobody, is alone.
        if Arc::strong_count(arc) == 1 && arc.stamp.is_free() {
            // Pairs with the release by which other handles were dropped: their reads came before. No model can show it:
            // loom's count acquires by itself.
            fence(Ordering::Acquire);
            if arc.raw == UNREAD {
                if let Some(inner) = Arc::get_mut(arc) {
                    inner.raw = clock::read().raw;
                }
            }
            return again(arc);
        }
        self.relay()
    }

    /// The event that `record` holds.
    #[inline]
    pub(crate) fn from_record(record: &Arc<Inner>) -> Self {
        match record.body.as_deref() {
            Some(Body::Relay(event)) => event.clone(),
            _ => Self(Handle::new(Arc::clone(record))),
        }
    }

    /// The event that `record`, which no history holds any more, held; mostly to drop it, which may run user
    /// code and may make its memory the thread's spare.
    #[inline]
    pub(crate) fn from_evicted(record: Arc<Inner>) -> Self {
        let event = Self(Handle::new(record));
        match event.arc().body.as_deref() {
            Some(Body::Relay(relayed)) => relayed.clone(),
            _ => event,
        }
    }

    #[cold]
    fn relay(&self) -> Arc<Inner> {
        let now = clock::read();
        let mut thin = Draft::new(self.kind().clone(), None);
        let inner = thin.inner();
        // In one step with what it replaces, the empty place of a payload.
        busy::during(|| inner.body = Some(Box::new(Body::Relay(self.clone()))));
        let thin = thin.finish_as(self.id(), now.raw, now.wall_us);
        Arc::clone(thin.arc())
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::event::{Kind, Value};

    fn record(event: &mut Event, stamp: u64) -> Arc<Inner> {
        let record = event.record_form();
        record.mark(stamp);
        record
    }

    fn fresh() -> Event {
        let mut draft = Draft::new(Kind::new("record.test").unwrap(), None);
        draft.set_source_static("test");
        draft.finish()
    }

    #[test]
    fn a_fresh_event_is_stamped_in_place() {
        let mut event = fresh();
        let raw = event.arc().raw();
        assert_eq!(event.arc().stamp(), u64::MAX);
        let record = record(&mut event, 7);
        assert!(Event::same_instance(&event, &Event::from_record(&record)));
        assert_eq!((event.arc().stamp(), record.stamp(), record.raw()), (7, 7, raw));
        drop(event);
        drop(Event::from_evicted(record));
    }

    #[test]
    fn an_event_that_others_hold_or_a_history_has_gets_a_record_of_its_own() {
        let mut event = fresh();
        let copy = event.clone();
        let shared = record(&mut event, 1);
        assert_eq!((event.arc().stamp(), shared.stamp()), (u64::MAX, 1));
        drop((copy, shared));

        let first = record(&mut event, 2);
        drop(Event::from_evicted(first));
        let second = record(&mut event, 3);
        assert_eq!((event.arc().stamp(), second.stamp()), (2, 3));
        assert!(second.raw() >= event.arc().raw());
        let found = Event::from_record(&second);
        assert!(Event::same_instance(&event, &found));
        assert_eq!(found.source(), Some("test"));
        drop(Event::from_evicted(second));
        assert_eq!(found.source(), Some("test"));
    }

    #[test]
    fn the_clock_of_a_built_event_is_read_when_it_is_recorded() {
        let mut early = Event::builder("early").field("n", 1).build().unwrap();
        assert_eq!(early.arc().raw(), UNREAD);
        let mut late = fresh();
        let time = early.timestamp();
        let (late, early_record) = (record(&mut late, 1), record(&mut early, 2));
        assert!(early_record.raw() >= late.raw());
        assert_eq!((early.timestamp(), early.get("n")), (time, Some(&Value::Int(1))));
    }
}
