//! What is published: an envelope around named values, shared by everyone who sees it.
//!
//! 1. A call site fills a [`Draft`], a program an [`EventBuilder`]: [`kind`] says what happened, [`convert`] makes
//!    [`value`]s of arguments, [`place`] and [`id`] say where and which.
//! 2. It becomes an [`Event`], a handle to an [`inner`] that no longer changes.
//! 3. A history holds it in its [`record`] form; handlers are chosen for it by [`pattern`] and [`selector`].
//! 4. It is read through [`fields`], [`display`] and [`json`].
//! 5. A [`payload`] is a Rust type that a [`typed`] event holds; [`decode`] reads one from the fields.
//! 6. A [`trace`] says which event led to it.
//! 7. Its last handle gives the memory back to [`recycle`], for the next one; on a panicking thread its payload is dropped
//!    [`late`].
//!
//! The room knows no bus, no handler and no history.

pub(crate) mod interner;
mod kind;
mod pattern;
mod selector;
// What an event carries.
mod convert;
mod id;
mod place;
mod priority;
mod text;
mod time;
mod value;
// The event itself.
mod builder;
mod draft;
mod inner;
pub(crate) mod late;
mod record;
mod recycle;
mod trace;
mod values;
// Payloads that are Rust types.
mod decode;
mod payload;
mod typed;
// Reading it.
mod display;
mod fields;
mod given;
#[cfg(feature = "serde")]
mod json;

use std::collections::BTreeMap;
use std::time::SystemTime;

pub use self::builder::{BuildError, EventBuilder};
pub use self::convert::ToValue;
pub use self::decode::{DecodeError, Fault, Faults, FromValue};
pub use self::fields::{Fields, FieldsIter};
pub use self::id::{EventId, ParseIdError};
#[cfg(feature = "serde")]
pub use self::json::{JsonError, Unknown};
#[cfg(feature = "serde")]
pub(crate) use self::json::{Reading, parse};
#[doc(hidden)]
pub use self::kind::checked_kind;
pub use self::kind::{Kind, KindError, KindTaken};
pub use self::pattern::{Pattern, PatternError};
pub use self::payload::{FieldReader, FieldWriter, Payload};
pub use self::place::CallSite;
pub use self::priority::{ParsePriorityError, Priority};
pub use self::selector::{IntoSelector, Selector};
pub use self::text::Text;
pub use self::value::{Int128, UInt128, Value};

pub(crate) use self::draft::Draft;
pub(crate) use self::given::Given;
pub(crate) use self::inner::Inner;
pub(crate) use self::interner::KindId;
pub(crate) use self::recycle::Blanks;
pub(crate) use self::time::whole_micros;

use crate::sync::Arc;
use crate::sync::handle::Handle;

/// Something that happened: an envelope around named values.
///
/// A handle of one word to data that never changes. A clone is one reference count; handlers, history and
/// whoever else keeps an event share one instance, wherever it is.
///
/// ```
/// use ringbus::{Event, Value};
///
/// let event = Event::builder("terminal.error").source("daemon").field("line", 42).build()?;
/// assert_eq!(event.kind(), &"terminal.error");
/// assert_eq!(event.source(), Some("daemon"));
/// assert_eq!(event.get("line").and_then(Value::as_i64), Some(42));
///
/// let same = event.clone();
/// assert!(Event::same_instance(&event, &same));
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Event(Handle<Inner>);

// === impl Event ===

impl Event {
    /// Begins an event of `kind`, which [`EventBuilder::build`] checks.
    ///
    /// ```
    /// use ringbus::{Event, Kind};
    ///
    /// let by_text = Event::builder("db.error").build()?;
    /// let by_kind = Event::builder(Kind::new("db.error")?).build()?;
    /// assert_eq!(by_text.kind(), by_kind.kind());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder<K>(kind: K) -> EventBuilder
    where
        K: TryInto<Kind>,
        K::Error: Into<KindError>,
    {
        EventBuilder::new(kind.try_into().map_err(Into::into))
    }

    /// What happened.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert_eq!(event.kind().as_str(), "db.error");
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    #[inline]
    pub fn kind(&self) -> &Kind {
        &self.arc().kind
    }

    /// Which event this is, wherever it goes.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert_eq!(event.id(), event.clone().id());
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    #[inline]
    pub fn id(&self) -> EventId {
        self.arc().id
    }

    /// When the event was made, by the wall clock, in whole microseconds.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert!(event.timestamp() > std::time::UNIX_EPOCH);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn timestamp(&self) -> SystemTime {
        time::from_micros(self.arc().wall_us)
    }

    /// Who published it.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").source("pool").build()?;
    /// assert_eq!(event.source(), Some("pool"));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn source(&self) -> Option<&str> {
        self.arc().source()
    }

    /// The project it belongs to.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert_eq!(event.project_path(), None);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn project_path(&self) -> Option<&str> {
        self.arc().project_path.as_deref()
    }

    /// What it has in common with other events, such as the request that led to all of them.
    ///
    /// An event made inside a handler, and not given another one, has that of the event being handled.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").correlation_id("req-7").build()?;
    /// assert_eq!(event.correlation_id(), Some("req-7"));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn correlation_id(&self) -> Option<&str> {
        self.arc().correlation_id().map(Text::as_str)
    }

    /// Which event led to this one: that whose handler published (or built) it. `None` for one that was made outside of
    /// any handler.
    ///
    /// ```
    /// use ringbus::{Bus, publish_event};
    ///
    /// let bus = Bus::new();
    /// let _echo = bus.on("ping")?.subscribe(|_| {
    ///     let bus = ringbus::current().expect("a handler runs on a bus");
    ///     publish_event!(bus: &bus, "pong");
    /// });
    /// let ping = publish_event!(bus: &bus, "ping", correlation_id: "req-7").event.unwrap();
    ///
    /// let pong = &bus.recent(1)[0];
    /// assert_eq!((pong.cause(), pong.hops()), (Some(ping.id()), 1));
    /// assert_eq!(pong.correlation_id(), Some("req-7"));
    /// assert_eq!((ping.cause(), ping.hops()), (None, 0));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn cause(&self) -> Option<EventId> {
        self.arc().cause()
    }

    /// How long the chain of causes is that led to this event: 0 for one without a cause, else one more than its cause
    /// has, up to [`u32::MAX`].
    ///
    /// A bus dispatches no event that has come further than its [`hop_limit`](crate::BusBuilder::hop_limit).
    ///
    /// ```
    /// # use ringbus::Event;
    /// let first = Event::builder("db.error").build()?;
    /// let next = Event::builder("db.closed").cause(first.id()).build()?;
    /// assert_eq!((first.hops(), next.hops()), (0, 1));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    #[inline]
    pub fn hops(&self) -> u32 {
        self.arc().hops
    }

    /// How urgent it is.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert_eq!(event.priority(), ringbus::Priority::Normal);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    #[inline]
    pub fn priority(&self) -> Priority {
        self.arc().priority
    }

    /// Where in the source it was published; `None` for an event that was built or came from elsewhere.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").build()?;
    /// assert!(event.call_site().is_none());
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn call_site(&self) -> Option<&CallSite> {
        self.arc().site
    }

    /// The named values.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").field("code", 7).build()?;
    /// for (name, value) in event.payload() {
    ///     println!("{name} is {value}");
    /// }
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn payload(&self) -> Fields<'_> {
        self.arc().fields()
    }

    /// The value named `name`.
    ///
    /// ```
    /// # let event = ringbus::Event::builder("db.error").field("code", 7).build()?;
    /// assert_eq!(event.get("code"), Some(&7.into()));
    /// assert_eq!(event.get("line"), None);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.payload().get(name)
    }

    /// Whether two handles share one instance; two events with one id need not (one may have been sent and
    /// received again).
    ///
    /// ```
    /// # use ringbus::Event;
    /// let event = Event::builder("db.error").build()?;
    /// let double = Event::builder("db.error").id(event.id()).build()?;
    /// assert!(!Event::same_instance(&event, &double));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn same_instance(a: &Self, b: &Self) -> bool {
        Arc::ptr_eq(a.arc(), b.arc())
    }

    /// All parts by the names of the JSON form, `payload` as a map; absent parts are null, but `cause` and `hops`, which
    /// are there only where there is a cause.
    ///
    /// ```
    /// use ringbus::{Event, Value};
    ///
    /// let map = Event::builder("db.error").field("code", 7).build()?.to_map();
    /// assert_eq!(map["type"], Value::from("db.error"));
    /// assert_eq!(map["source"], Value::Null);
    /// assert_eq!(map["payload"].to_string(), "{code: 7}");
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn to_map(&self) -> BTreeMap<String, Value> {
        let payload = self.payload().iter().map(|(name, value)| (name, value.clone())).collect();
        let parts = [
            ("id", self.id().to_value()),
            ("type", self.kind().to_value()),
            ("timestamp", self.timestamp().to_value()),
            ("source", self.source().to_value()),
            ("project_path", self.project_path().to_value()),
            ("correlation_id", self.correlation_id().to_value()),
            ("priority", self.priority().to_value()),
            ("payload", payload),
        ];
        let cause = self.cause().map(|cause| [("cause", cause.to_value()), ("hops", self.hops().to_value())]);
        let parts = parts.into_iter().chain(cause.into_iter().flatten());
        parts.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The handle, for a queue that holds events as words.
    #[inline]
    pub(crate) fn into_handle(self) -> Handle<Inner> {
        self.0
    }

    /// The event of a handle that was one's.
    #[inline]
    pub(crate) fn from_handle(handle: Handle<Inner>) -> Self {
        Self(handle)
    }

    #[inline]
    fn arc(&self) -> &Arc<Inner> {
        &self.0
    }

    #[inline]
    fn arc_mut(&mut self) -> &mut Arc<Inner> {
        &mut self.0
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
