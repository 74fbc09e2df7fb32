//! [`Draft`]: the event that a call site is putting together.
//!
//! `publish_event!` makes one, pushes the values in the order of its call site's names, and finishes it.
//! It holds plain data, so fields may await between two pushes and the draft moves to another thread with
//! its task. Time and id are read in [`finish`](Draft::finish), when all arguments have been evaluated: what they
//! published is older.

use core::{fmt, mem};

use super::inner::{Inner, Source};
use super::{CallSite, Event, EventId, Kind, Priority, Text, ToValue, Value, recycle, time};
use crate::sync::{Arc, clock};

/// The event that `publish_event!` is putting together; no public interface.
#[doc(hidden)]
pub struct Draft(
    /// Held by nobody else.
    Arc<Inner>,
);

impl Draft {
    /// An event of `kind` whose values are named by `site`.
    #[inline]
    pub fn new(kind: Kind, site: Option<&'static CallSite>) -> Self {
        let mut draft = Self(recycle::take(kind));
        let inner = draft.inner();
        inner.site = site;
        inner.values.reserve(site.map_or(0, |site| site.fields().len()));
        draft
    }

    /// Sets the source, without a copy.
    #[inline]
    pub fn set_source_static(&mut self, source: &'static str) {
        drop(mem::replace(&mut self.inner().source, Source::Static(source)));
    }

    /// Sets the source.
    #[inline]
    pub fn set_source(&mut self, source: Text) {
        drop(mem::replace(&mut self.inner().source, Source::Shared(source)));
    }

    /// Sets the project path.
    #[inline]
    pub fn set_project_path(&mut self, path: Text) {
        drop(mem::replace(&mut self.inner().project_path, Some(path)));
    }

    /// Sets the correlation id.
    #[inline]
    pub fn set_correlation_id(&mut self, id: Text) {
        drop(mem::replace(&mut self.inner().correlation_id, Some(id)));
    }

    /// Sets the priority.
    #[inline]
    pub fn set_priority(&mut self, priority: Priority) {
        self.inner().priority = priority;
    }

    /// Adds the value of the call site's next name.
    #[inline]
    pub fn value(&mut self, value: &(impl ToValue + ?Sized)) {
        // The slot first: a value that waits for it would be moved through memory.
        let slot = self.inner().values.next();
        slot.fill(value.to_value());
    }

    /// Adds what `value` displays.
    #[inline]
    pub fn display(&mut self, value: &(impl fmt::Display + ?Sized)) {
        self.value(&format_args!("{value}"));
    }

    /// Adds what `value` looks like to a developer.
    #[inline]
    pub fn debug(&mut self, value: &(impl fmt::Debug + ?Sized)) {
        self.value(&format_args!("{value:?}"));
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: Value) {
        self.inner().values.next().fill(value);
    }

    /// The event, as of now.
    #[inline]
    pub fn finish(self) -> Event {
        let now = clock::read();
        self.place(EventId::next(), now.raw, now.wall_us)
    }

    /// The event with this identity.
    #[inline]
    pub(super) fn place(mut self, id: EventId, raw: u64, wall_us: u64) -> Event {
        let inner = self.inner();
        inner.id = id;
        inner.raw = raw;
        inner.wall_us = wall_us.min(time::MAX_MICROS);
        Event(Some(self.0))
    }

    #[inline]
    pub(super) fn inner(&mut self) -> &mut Inner {
        match Arc::get_mut(&mut self.0) {
            Some(inner) => inner,
            None => unreachable!("a draft is shared"),
        }
    }
}
