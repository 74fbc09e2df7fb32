//! [`Draft`]: the event that a call site is putting together, in the memory where it will stay.
//!
//! `publish_event!` makes one, gives it the values in the order of its call site's names, and finishes it.
//! It is a counted pointer and a number, so fields may await between two values, and the draft moves to
//! another thread with its task. Time and id are read when it is finished, after all arguments have been
//! evaluated: what they published is older.

use core::{fmt, mem};

use super::inner::{Inner, Source};
use super::{CallSite, Event, EventId, Kind, Priority, Text, ToValue, Value, recycle, time};
use crate::sync::handle::Handle;
use crate::sync::rows::Visit;
use crate::sync::{Sole, clock};

/// The event that `publish_event!` is putting together; no public interface.
#[doc(hidden)]
pub struct Draft {
    inner: Sole<Inner>,
    /// How many values it has been given.
    len: usize,
}

impl Draft {
    /// An event of `kind` whose values are named by `site`.
    #[inline(always)]
    pub fn new(kind: Kind, site: Option<&'static CallSite>) -> Self {
        let mut draft = Self { inner: recycle::take(kind), len: 0 };
        let inner = draft.inner();
        inner.site = site;
        inner.values.reserve(site.map_or(0, |site| site.fields().len()));
        draft
    }

    /// One of no call site, in `blank`.
    #[inline]
    pub(super) fn of(blank: Sole<Inner>) -> Self {
        Self { inner: blank, len: 0 }
    }

    /// Sets the source, without a copy.
    #[inline(never)]
    pub fn set_source_static(&mut self, source: &'static str) {
        set(&mut self.inner().source, Source::Static(source));
    }

    /// Sets the source.
    #[inline]
    pub fn set_source(&mut self, source: Text) {
        let inner = self.owner();
        set(&mut inner.source, Source::Shared(source));
    }

    /// Sets the project path.
    #[inline]
    pub fn set_project_path(&mut self, path: Text) {
        set(&mut self.owner().project_path, Some(path));
    }

    /// Sets the correlation id.
    #[inline]
    pub fn set_correlation_id(&mut self, id: Text) {
        self.inner().set_correlation_id(id);
    }

    /// Sets the priority.
    #[inline]
    pub fn set_priority(&mut self, priority: Priority) {
        self.inner().priority = priority;
    }

    /// Gives it the value of the call site's next name.
    #[inline(always)]
    pub fn value(&mut self, value: &(impl ToValue + ?Sized)) {
        let at = self.len;
        self.len += 1;
        let inner = self.inner();
        // The slot first: see `values`.
        let slot = inner.values.slot(at);
        let value = value.to_value();
        inner.owns |= !value.is_plain();
        slot.fill(value);
    }

    /// The same, of what a truth value is.
    #[inline(never)]
    pub fn give_bool(&mut self, truth: bool) {
        self.value(&truth);
    }

    /// The same, of what an integer is.
    #[inline(never)]
    pub fn give_int(&mut self, number: i64) {
        self.value(&number);
    }

    /// The same, of what a large integer is.
    #[inline(never)]
    pub fn give_uint(&mut self, number: u64) {
        self.value(&number);
    }

    /// The same, of what a floating-point number is.
    #[inline(never)]
    pub fn give_float(&mut self, number: f64) {
        self.value(&number);
    }

    /// The same, as what `value` displays.
    #[inline]
    pub fn display(&mut self, value: &(impl fmt::Display + ?Sized)) {
        self.value(&format_args!("{value}"));
    }

    /// The same, as what `value` looks like to a developer.
    #[inline]
    pub fn debug(&mut self, value: &(impl fmt::Debug + ?Sized)) {
        self.value(&format_args!("{value:?}"));
    }

    /// The same, as it is.
    #[inline]
    pub fn push(&mut self, value: Value) {
        let at = self.len;
        self.len += 1;
        let inner = self.owner();
        inner.values.slot(at).fill(value);
    }

    /// The event, as of now; inside a handler, with the trace of the event being handled.
    #[inline]
    pub fn finish(mut self) -> Event {
        debug_assert_eq!(self.inner.site.map_or(0, |site| site.fields().len()), self.len, "each value has a name");
        self.inner().inherit();
        let now = clock::read();
        self.finish_as(EventId::next(), now.raw, now.wall_us)
    }

    /// The same, for a thread that is on its row.
    #[inline]
    pub(crate) fn finish_on(mut self, visit: &Visit) -> Event {
        debug_assert_eq!(self.inner.site.map_or(0, |site| site.fields().len()), self.len, "each value has a name");
        self.inner().inherit();
        let now = clock::read();
        self.finish_as(EventId::next_on(visit), now.raw, now.wall_us)
    }

    /// The event with this identity.
    #[inline]
    pub(super) fn finish_as(mut self, id: EventId, raw: u64, wall_us: u64) -> Event {
        let len = self.len;
        let inner = self.inner();
        inner.len = len as u32;
        inner.id = id;
        inner.raw = raw;
        inner.wall_us = wall_us.min(time::MAX_MICROS);
        Event(Handle::new(self.inner.share()))
    }

    #[inline]
    pub(super) fn inner(&mut self) -> &mut Inner {
        &mut self.inner
    }

    /// The same, for what is to own something from here on.
    #[inline]
    pub(super) fn owner(&mut self) -> &mut Inner {
        let inner = self.inner();
        inner.owns = true;
        inner
    }
}

/// Writes first and drops what was there afterwards, so that `value` need not wait in memory.
#[inline(always)]
fn set<T>(place: &mut T, value: T) {
    drop(mem::replace(place, value));
}
