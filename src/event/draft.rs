//! [`Draft`]: the event that a call site is putting together.
//!
//! `publish_event!` makes one, pushes the values in the order of its call site's names, and finishes it.
//! It holds plain data, so fields may await between two pushes and the draft moves to another thread with
//! its task. Time and id are read in [`finish`](Draft::finish), when all arguments have been evaluated: what they
//! published is older.

use super::inner::{Body, Inner, Source, Stamp, Values};
use super::{CallSite, Event, EventId, Kind, Priority, Text, Value, recycle, time};
use crate::sync::{Arc, clock};

/// The event that `publish_event!` is putting together; no public interface.
#[doc(hidden)]
pub struct Draft {
    kind: Kind,
    site: Option<&'static CallSite>,
    pub(super) source: Source,
    pub(super) project_path: Option<Text>,
    pub(super) correlation_id: Option<Text>,
    pub(super) priority: Priority,
    pub(super) values: Values,
    spare: Option<Arc<Inner>>,
}

impl Draft {
    /// An event of `kind` whose values are named by `site`.
    #[inline]
    pub fn new(kind: Kind, site: Option<&'static CallSite>) -> Self {
        let mut spare = recycle::take();
        Self {
            kind,
            site,
            source: Source::None,
            project_path: None,
            correlation_id: None,
            priority: Priority::Normal,
            values: recycle::room(&mut spare),
            spare,
        }
    }

    /// Sets the source, without a copy.
    #[inline]
    pub fn set_source_static(&mut self, source: &'static str) {
        self.source = Source::Static(source);
    }

    /// Sets the source.
    #[inline]
    pub fn set_source(&mut self, source: Text) {
        self.source = Source::Shared(source);
    }

    /// Sets the project path.
    #[inline]
    pub fn set_project_path(&mut self, path: Text) {
        self.project_path = Some(path);
    }

    /// Sets the correlation id.
    #[inline]
    pub fn set_correlation_id(&mut self, id: Text) {
        self.correlation_id = Some(id);
    }

    /// Sets the priority.
    #[inline]
    pub fn set_priority(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// Adds the value of the call site's next name.
    #[inline]
    pub fn push(&mut self, value: Value) {
        self.values.push(value);
    }

    /// The event, as of now.
    #[inline]
    pub fn finish(self) -> Event {
        debug_assert_eq!(self.site.map_or(0, |site| site.fields().len()), self.values.len(), "each value has a name");
        let now = clock::read();
        self.place(EventId::next(), now.raw, now.wall_us, None)
    }

    #[inline]
    pub(super) fn place(self, id: EventId, raw: u64, wall_us: u64, body: Option<Box<Body>>) -> Event {
        let Self { kind, site, source, project_path, correlation_id, priority, values, spare } = self;
        let inner = Inner {
            kind,
            id,
            raw,
            wall_us: wall_us.min(time::MAX_MICROS),
            stamp: Stamp::free(),
            source,
            project_path,
            correlation_id,
            site,
            values,
            body,
            priority,
        };
        Event(Some(recycle::place(inner, spare)))
    }
}
