//! Events that hold a value of a Rust type: [`Held`] is the value's place, the fields are made of it when asked for.
//!
//! The place stays with the event's memory when the event is recycled, so that the thread's next event of the same type
//! allocates nothing; the value itself is dropped before, as all that users give.
//!
//! # Orderings
//! The value is written while one thread has the event alone. The fields are made by whoever first reads them, maybe by
//! two at once: one's are kept, which `OnceBox` publishes whole.

use core::any::Any;
use core::mem;

use super::fields::{Fields, Names};
use super::inner::{Body, Inner, Source, UNREAD};
use super::payload::{FieldWriter, Payload};
use super::{DecodeError, Draft, Event, EventId, Kind, KindTaken, Value};
use crate::contain::{call_apart, defuse, drop_contained, message};
use crate::sync::{OnceBox, busy, clock};

/// The largest place, in bytes, that waits for the next value.
const KEPT: usize = 1024;

/// What stands for the fields of a payload whose own code panics.
const PANICKED: &[&str] = &["panicked"];

/// A place for a value of some type.
pub(super) trait Held: Send + Sync {
    /// The value; `None` if the place is empty.
    fn value(&self) -> Option<&dyn Any>;

    /// Its fields; `None` if the place is empty. May run user code.
    fn fields(&self) -> Option<Fields<'_>>;

    /// Whether [`fields`](Self::fields) runs no user code.
    #[cfg(any(feature = "serde", test))]
    fn is_ready(&self) -> bool;

    /// Drops the value, contained, and all that was made of it; says whether the place is worth keeping.
    fn clear(&mut self) -> bool;

    /// The [`Holder`].
    fn holder(&mut self) -> &mut dyn Any;
}

/// The place for a `T`.
struct Holder<T> {
    value: Option<T>,
    fields: OnceBox<Made>,
}

/// The fields that were made of a value.
struct Made {
    names: &'static [&'static str],
    values: Vec<Value>,
}

// === impl Holder ===

impl<T: Payload> Held for Holder<T> {
    fn value(&self) -> Option<&dyn Any> {
        self.value.as_ref().map(|value| value as &dyn Any)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        let value = self.value.as_ref()?;
        let made = match self.fields.get() {
            Some(made) => made,
            None => {
                // Who loses the race drops values, which run no user code.
                drop(self.fields.set(Box::new(Made::of(value))));
                self.fields.get()?
            }
        };
        Some(Fields::new(Names::Site(made.names), &made.values))
    }

    #[cfg(any(feature = "serde", test))]
    fn is_ready(&self) -> bool {
        self.fields.get().is_some() || self.value.as_ref().is_none_or(T::__plain)
    }

    fn clear(&mut self) -> bool {
        // What is made is forgotten first: user code comes last.
        if self.fields.get().is_some() {
            self.fields = OnceBox::new();
        }
        drop_contained(self.value.take());
        size_of::<Self>() <= KEPT
    }

    fn holder(&mut self) -> &mut dyn Any {
        self
    }
}

// === impl Made ===

impl Made {
    fn of<T: Payload>(value: &T) -> Self {
        let made = call_apart(|| {
            let names = T::field_names();
            let mut values = Vec::with_capacity(names.len());
            value.write_fields(&mut FieldWriter::new(&mut values, names.len()));
            Self { names, values }
        });
        made.unwrap_or_else(|payload| {
            let text = message(&payload);
            defuse(payload);
            Self { names: PANICKED, values: vec![text.into()] }
        })
    }
}

// === impl Inner ===

impl Inner {
    /// Puts `value` in, into the place that waits if it is one for a `T`.
    pub(super) fn hold<T: Payload>(&mut self, value: T) {
        self.armed = mem::needs_drop::<T>();
        match self.body.as_deref_mut() {
            Some(Body::Typed(held)) => match held.holder().downcast_mut::<Holder<T>>() {
                Some(holder) => holder.value = Some(value),
                None => {
                    let other = mem::replace(held, place(value));
                    busy::during(|| drop(other));
                }
            },
            _ => {
                let held = place(value);
                self.body = Some(busy::during(|| Box::new(Body::Typed(held))));
            }
        }
    }
}

/// A new place, which holds `value`.
#[cold]
fn place<T: Payload>(value: T) -> Box<dyn Held> {
    busy::during(|| Box::new(Holder { value: Some(value), fields: OnceBox::new() }))
}

// === impl Draft ===

impl Draft {
    /// What is to be an event of a kind that has been claimed for `T`.
    #[inline]
    pub(crate) fn typed<T: Payload>(kind: Kind, payload: T) -> Self {
        let mut draft = Self::new(kind, None);
        draft.inner().hold(payload);
        draft
    }
}

// === impl Event ===

impl Event {
    /// An event of `T`'s kind that holds `payload`.
    ///
    /// Handlers get it back by [`payload_as`](Self::payload_as), without a copy; the fields are made of it when somebody
    /// first asks for them. It has a new id and the time of now, no source, and no call site.
    ///
    /// ```
    /// use ringbus::{Bus, Event, FieldReader, FieldWriter, Payload};
    /// # struct Tick(u64);
    /// # impl Payload for Tick {
    /// #     const KIND: &'static str = "docs.tick";
    /// #     fn field_names() -> &'static [&'static str] { &["n"] }
    /// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.0); }
    /// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> { fields.read().map(Self) }
    /// # }
    ///
    /// // `Tick(u64)` is a payload of kind `docs.tick`.
    /// let bus = Bus::new();
    /// bus.publish(Event::from_payload(Tick(7))?);
    ///
    /// let event = &bus.recent(1)[0];
    /// assert_eq!(event.kind(), &"docs.tick");
    /// assert_eq!(event.payload_as::<Tick>().map(|tick| tick.0), Some(7));
    /// assert_eq!(event.get("n"), Some(&7.into()));
    /// # Ok::<(), ringbus::KindTaken>(())
    /// ```
    ///
    /// # Errors
    /// [`KindTaken`] if another type has been used for the kind in this process; the payload is dropped then.
    ///
    /// # Cost
    /// Finding the kind by its name. In steady publishing on one thread, of one type of at most about 1 KB, nothing is
    /// allocated until somebody asks for the fields.
    pub fn from_payload<T: Payload>(payload: T) -> Result<Self, KindTaken> {
        let (kind, payload) = Kind::claimed(payload)?;
        let mut draft = Draft::typed(kind, payload);
        draft.inner().inherit();
        Ok(draft.finish_as(EventId::next(), UNREAD, clock::read().wall_us))
    }

    /// This event again, with `payload` for its fields: its id, time, source, project path, trace and priority.
    pub(crate) fn retyped<T: Payload>(&self, kind: Kind, payload: T) -> Self {
        let mut draft = Draft::new(kind, None);
        let (this, inner) = (self.arc(), draft.owner());
        inner.source = match &this.source {
            Source::None => Source::None,
            Source::Static(text) => Source::Static(text),
            Source::Shared(text) => Source::Shared(text.clone()),
        };
        inner.project_path = this.project_path.clone();
        inner.set_trace_of(this);
        inner.priority = this.priority;
        inner.hold(payload);
        draft.finish_as(this.id, UNREAD, this.wall_us)
    }

    /// The payload that a typed event holds, if it is exactly a `T`; `None` for events made of fields, which
    /// [`decode`](Self::decode) reads.
    ///
    /// All handles of the event share the one value.
    ///
    /// ```
    /// use ringbus::Event;
    /// # use ringbus::{FieldReader, FieldWriter, Payload};
    /// # struct Tick(u64);
    /// # impl Payload for Tick {
    /// #     const KIND: &'static str = "docs.tick";
    /// #     fn field_names() -> &'static [&'static str] { &["n"] }
    /// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.0); }
    /// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> { fields.read().map(Self) }
    /// # }
    /// let event = Event::from_payload(Tick(7))?;
    /// let same = event.clone();
    /// assert!(std::ptr::eq(event.payload_as::<Tick>().unwrap(), same.payload_as::<Tick>().unwrap()));
    ///
    /// let dynamic = Event::builder("docs.tick").field("n", 7).build()?;
    /// assert!(dynamic.payload_as::<Tick>().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn payload_as<T: Payload>(&self) -> Option<&T> {
        match self.arc().body.as_deref() {
            Some(Body::Typed(held)) => held.value()?.downcast_ref(),
            _ => None,
        }
    }

    /// Calls `take` with the payload, or with what the fields are read as.
    pub(crate) fn with_payload<T: Payload, R>(&self, take: impl FnOnce(&T) -> R) -> Result<R, DecodeError> {
        match self.payload_as() {
            Some(payload) => Ok(take(payload)),
            None => self.decode().map(|payload| take(&payload)),
        }
    }

    /// The value of a Rust type that the event holds.
    #[inline]
    pub(crate) fn value(&self) -> Option<&dyn Any> {
        match self.arc().body.as_deref() {
            Some(Body::Typed(held)) => held.value(),
            _ => None,
        }
    }

    /// Whether the event holds a value of a Rust type.
    #[inline]
    pub(crate) fn is_typed(&self) -> bool {
        self.value().is_some()
    }

    /// Whether dropping the last handle may run user code.
    #[inline]
    pub(crate) fn drops(&self) -> bool {
        self.arc().armed
    }

    /// Whether reading the fields runs no user code: the event was made of fields, or they have been made already, or
    /// the crate's own code makes them.
    #[cfg(any(feature = "serde", test))]
    pub(crate) fn fields_ready(&self) -> bool {
        match self.arc().body.as_deref() {
            Some(Body::Typed(held)) => held.is_ready(),
            _ => true,
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
