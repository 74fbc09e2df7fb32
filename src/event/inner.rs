//! [`Inner`]: what all handles of one event share.
//!
//! 240 bytes: 256 with the counts of its `Arc`, four lines of cache. It is written while one thread has
//! it alone; shared, it never changes.
//!
//! # Orderings
//!
//! The stamp is the one part written after the event was made: by a thread that holds the only handle
//! (see [`record`](super::record)), which then hands further handles on. Whatever hands them on orders
//! the write before every read, so the stamp itself is relaxed.

use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::fields::{Fields, Names};
use super::late;
use super::trace::Trace;
use super::typed::Held;
use super::values::Values;
use super::{CallSite, Event, EventId, Kind, Priority, Text};
use crate::contain::drop_contained;
use crate::sync::atomic::{AtomicU64, Ordering};

/// See the [module](self). Aligned so that a pointer to it has four bits to spare.
#[repr(align(16))]
pub(crate) struct Inner {
    pub(super) kind: Kind,
    pub(super) id: EventId,
    /// The clock's raw reading, or [`UNREAD`].
    pub(super) raw: u64,
    /// At most [`MAX_MICROS`](super::time::MAX_MICROS).
    pub(super) wall_us: u64,
    pub(super) stamp: Stamp,
    pub(super) source: Source,
    pub(super) project_path: Option<Text>,
    /// What was left of an earlier event's is empty.
    pub(super) trace: Option<Box<Trace>>,
    pub(super) site: Option<&'static CallSite>,
    pub(super) values: Values,
    /// How many values there are.
    pub(super) len: u32,
    /// How many events led to this one, each inside a handler of the one before; not 0 if and only if it has a cause.
    pub(super) hops: u32,
    pub(super) body: Option<Box<Body>>,
    pub(super) priority: Priority,
    /// A text or a value may own memory, or there is a trace; else there is nothing to drop, and nothing to look for.
    pub(super) owns: bool,
    /// It holds a payload whose drop may run user code.
    pub(super) armed: bool,
}

/// The raw clock of an event that is to be read when it is recorded.
pub(super) const UNREAD: u64 = 0;

/// Who published.
#[derive(Default)]
pub(super) enum Source {
    #[default]
    None,
    Static(&'static str),
    Shared(Text),
}

/// What only some events have.
pub(super) enum Body {
    /// Names of the values, where there is no call site.
    Names(Vec<Text>),
    /// This is only the record of another event, which a history could not stamp.
    Relay(Event),
    /// The place of a payload; empty where it only waits for the next one.
    Typed(Box<dyn Held>),
}

/// A payload is shared between threads, and seen by handlers after others have panicked: what a panic may leave
/// half-changed in it is its own type's care, wherever it is.
impl UnwindSafe for Body {}
impl RefUnwindSafe for Body {}

/// Where a history has recorded this instance.
///
/// ```text
/// | all bits set: nowhere yet | else: the history's own numbering |
/// ```
pub(super) struct Stamp(AtomicU64);

// === impl Inner ===

impl Inner {
    /// A blank one.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            id: EventId::from_u128(0),
            raw: UNREAD,
            wall_us: 0,
            stamp: Stamp::free(),
            source: Source::None,
            project_path: None,
            trace: None,
            site: None,
            values: Values::default(),
            len: 0,
            hops: 0,
            body: None,
            priority: Priority::Normal,
            owns: false,
            armed: false,
        }
    }

    /// The clock's raw reading; [`UNREAD`] if the event was built but not recorded.
    #[inline]
    pub(crate) fn raw(&self) -> u64 {
        self.raw
    }

    /// The stamp of the history that recorded this instance; [`u64::MAX`] before.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.get()
    }

    /// Stamps the record that [`Event::record_form`] has just made: nobody else has seen it.
    ///
    /// `stamp` is any number but [`u64::MAX`].
    #[inline]
    pub(crate) fn mark(&self, stamp: u64) {
        self.stamp.set(stamp);
    }

    pub(super) fn source(&self) -> Option<&str> {
        match &self.source {
            Source::None => None,
            Source::Static(text) => Some(text),
            Source::Shared(text) => Some(text),
        }
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        let names = match (self.body.as_deref(), self.site) {
            (Some(Body::Names(names)), _) => Names::Own(names),
            (Some(Body::Typed(held)), site) => match (held.fields(), site) {
                (Some(fields), _) => return fields,
                (None, Some(site)) => Names::Site(site.fields()),
                (None, None) => Names::Own(&[]),
            },
            (_, Some(site)) => Names::Site(site.fields()),
            _ => Names::Own(&[]),
        };
        Fields::new(names, self.values.first(self.len as usize))
    }

    /// Drops all that the user has given, and keeps what makes the next event cheap: the memory, with the place of a
    /// payload and the box of a trace, and the kind, which most often stays the same. While the thread is panicking a payload is [put off](late).
    #[inline]
    pub(super) fn blank(&mut self) {
        if self.owns || self.values.are_many() {
            self.blank_owned();
        }
        // What owns nothing needs no drop.
        mem::forget(mem::replace(&mut self.source, Source::None));
        self.site = None;
        self.priority = Priority::Normal;
        self.stamp = Stamp::free();
        self.len = 0;
        if self.body.is_some() {
            self.blank_body();
        }
    }

    /// Drops texts and values. They run no user code; what may is in the body.
    #[inline(never)]
    fn blank_owned(&mut self) {
        self.owns = false;
        self.source = Source::None;
        self.project_path = None;
        self.clear_trace();
        self.values.clear(self.len as usize);
    }

    /// The same for what only some events have.
    fn blank_body(&mut self) {
        // An event without a payload runs no user code when it is dropped, and callers rely on that: it is none that
        // anything is made up with.
        let typed = matches!(self.body.as_deref(), Some(Body::Typed(_)));
        let panicking = typed && std::thread::panicking();
        let held_payload = mem::take(&mut self.armed) && (panicking || late::is_due());
        if panicking && held_payload {
            late::put_off(self.body.take());
        }
        let kept = match self.body.as_deref_mut() {
            None => true,
            Some(Body::Typed(held)) => held.clear(),
            Some(_) => false,
        };
        if !kept {
            drop_contained(self.body.take());
        }
        if held_payload {
            late::make_up();
        }
    }
}

/// Also where two threads let go of the last two handles at once, and neither of them sees itself as the
/// last before `Arc` does.
impl Drop for Inner {
    fn drop(&mut self) {
        self.blank();
    }
}

// === impl Stamp ===

impl Stamp {
    const FREE: u64 = u64::MAX;

    fn free() -> Self {
        Self(AtomicU64::new(Self::FREE))
    }

    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.get() == Self::FREE
    }

    /// Stamps; the caller holds all handles.
    #[inline]
    pub(super) fn set(&self, stamp: u64) {
        debug_assert!(self.is_free() && stamp != Self::FREE);
        self.0.store(stamp, Ordering::Relaxed);
    }

    #[inline]
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_four_lines_of_cache() {
        assert!(size_of::<Inner>() <= 240, "{}", size_of::<Inner>());
        assert_eq!(align_of::<Inner>(), 16);
        assert_eq!(size_of::<Event>(), size_of::<usize>());
    }
}
