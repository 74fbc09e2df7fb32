//! [`EventBuilder`]: events put together by hand, from wire data or for a test.
//!
//! Nothing is refused before [`build`](EventBuilder::build), which says in one [`BuildError`] what is
//! wrong, where, and what is allowed. What it returns has its own names for its values and no call site.

use core::fmt;
use std::error::Error;
use std::time::SystemTime;

use super::display::Bare;
use super::fields::repeated;
use super::inner::{Body, Inner, Source, UNREAD};
use super::kind::shorten;
use super::time::{self, Rfc3339};
use super::{Draft, Event, EventId, Kind, KindError, Priority, Text, ToValue, Value};
use crate::sync::clock;

/// The most fields of one event.
pub(super) const MAX_FIELDS: usize = 65_535;

/// Puts together an [`Event`]; from [`Event::builder`].
///
/// Defaults: a new id, the time of [`build`](Self::build), [`Priority::Normal`]; no source, project path,
/// correlation id, cause or fields. But what is built inside a handler has the event being handled as its cause, and that
/// one's correlation id.
///
/// ```
/// use ringbus::{Event, Priority};
///
/// let event = Event::builder("db.error")
///     .source("pool")
///     .priority(Priority::High)
///     .field("code", 7)
///     .fields([("host", "db1"), ("zone", "b")])
///     .build()?;
/// assert_eq!(event.payload().to_string(), r#"code=7 host="db1" zone="b""#);
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is built before `build`"]
pub struct EventBuilder {
    pub(super) kind: Result<Kind, KindError>,
    pub(super) id: Option<EventId>,
    pub(super) timestamp: Option<SystemTime>,
    pub(super) source: Option<Text>,
    pub(super) project_path: Option<Text>,
    pub(super) correlation_id: Option<Text>,
    pub(super) cause: Option<EventId>,
    /// Looked at where there is a cause, which is at least one hop away.
    pub(super) hops: u32,
    pub(super) priority: Priority,
    /// As many as there are values.
    pub(super) names: Vec<Text>,
    pub(super) values: Vec<Value>,
}

/// Why an [`EventBuilder`] builds no event.
///
/// ```
/// use ringbus::{BuildError, Event};
///
/// let error = Event::builder("a.b").field("x", 1).field("x", 2).build().unwrap_err();
/// assert!(matches!(&error, BuildError::DuplicateField { name, .. } if &**name == "x"));
/// assert_eq!(error.to_string(), "field x is given twice; allowed is each name once");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The kind is none.
    Kind(KindError),
    /// Two fields have one name.
    #[non_exhaustive]
    DuplicateField {
        /// The name, shortened to 80 characters.
        name: Box<str>,
    },
    /// The time is before 1970 or after 9999.
    #[non_exhaustive]
    Timestamp {
        /// The time.
        value: SystemTime,
    },
    /// There are more than 65 535 fields.
    #[non_exhaustive]
    TooManyFields {
        /// How many there are.
        count: usize,
    },
}

// === impl EventBuilder ===

impl EventBuilder {
    pub(super) fn new(kind: Result<Kind, KindError>) -> Self {
        Self {
            kind,
            id: None,
            timestamp: None,
            source: None,
            project_path: None,
            correlation_id: None,
            cause: None,
            hops: 0,
            priority: Priority::Normal,
            names: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Sets the id, in place of a new one.
    ///
    /// ```
    /// # use ringbus::{Event, EventId};
    /// let event = Event::builder("a.b").id(EventId::from_u128(42)).build()?;
    /// assert_eq!(event.id().as_u128(), 42);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the time, in place of now; microseconds are kept, what is finer is cut off.
    ///
    /// ```
    /// # use ringbus::Event;
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let event = Event::builder("a.b").timestamp(UNIX_EPOCH + Duration::from_nanos(1_999)).build()?;
    /// assert_eq!(event.timestamp(), UNIX_EPOCH + Duration::from_micros(1));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn timestamp(mut self, time: SystemTime) -> Self {
        self.timestamp = Some(time);
        self
    }

    /// Sets who publishes.
    ///
    /// ```
    /// # use ringbus::Event;
    /// assert_eq!(Event::builder("a.b").source("daemon").build()?.source(), Some("daemon"));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn source(mut self, source: impl Into<Text>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the project that the event belongs to.
    ///
    /// ```
    /// # use ringbus::Event;
    /// assert_eq!(Event::builder("a.b").project_path("/srv").build()?.project_path(), Some("/srv"));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn project_path(mut self, path: impl Into<Text>) -> Self {
        self.project_path = Some(path.into());
        self
    }

    /// Sets what the event has in common with others.
    ///
    /// ```
    /// # use ringbus::Event;
    /// assert_eq!(Event::builder("a.b").correlation_id("req-7").build()?.correlation_id(), Some("req-7"));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn correlation_id(mut self, id: impl Into<Text>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Sets which event led to it, in place of the one being handled.
    ///
    /// It is one [hop](Event::hops) away; inside a handler, one more than the event being handled has.
    ///
    /// ```
    /// # use ringbus::Event;
    /// let asked = Event::builder("a.asked").build()?;
    /// let answered = Event::builder("a.answered").cause(asked.id()).build()?;
    /// assert_eq!((answered.cause(), answered.hops()), (Some(asked.id()), 1));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn cause(mut self, id: EventId) -> Self {
        self.cause = Some(id);
        self
    }

    /// Sets how urgent it is.
    ///
    /// ```
    /// # use ringbus::{Event, Priority};
    /// assert_eq!(Event::builder("a.b").priority(Priority::Low).build()?.priority(), Priority::Low);
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Adds a field.
    ///
    /// ```
    /// # use ringbus::{Event, Value};
    /// let event = Event::builder("a.b").field("line", 42).build()?;
    /// assert_eq!(event.get("line"), Some(&Value::Int(42)));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn field(mut self, name: impl Into<Text>, value: impl ToValue) -> Self {
        self.push(name.into(), value.to_value());
        self
    }

    /// Adds fields, such as those of another event.
    ///
    /// ```
    /// # use ringbus::Event;
    /// let first = Event::builder("a.b").fields([("x", 1), ("y", 2)]).build()?;
    /// let second = Event::builder("a.c").fields(first.payload()).build()?;
    /// assert_eq!(first.payload(), second.payload());
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    pub fn fields<N: Into<Text>, V: ToValue>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        fields.into_iter().fold(self, |this, (name, value)| this.field(name, value))
    }

    pub(super) fn push(&mut self, name: Text, value: Value) {
        self.names.push(name);
        self.values.push(value);
    }

    /// The event. Inside a handler it carries on the trace of the event being handled, as far as it was given none.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when the kind is none, two fields have one name, there are more than 65 535, or the time is
    /// before 1970 or after 9999.
    pub fn build(self) -> Result<Event, BuildError> {
        self.make(Inner::inherit)
    }

    /// The event that was built elsewhere, with what it had there: nothing of it comes from the event being handled.
    #[cfg(feature = "serde")]
    pub(super) fn restore(self) -> Result<Event, BuildError> {
        self.make(|_| {})
    }

    fn make(self, trace: impl FnOnce(&mut Inner)) -> Result<Event, BuildError> {
        let kind = self.kind.map_err(BuildError::Kind)?;
        let wall_us = match self.timestamp {
            Some(value) => time::to_micros(value).ok_or(BuildError::Timestamp { value })?,
            None => clock::read().wall_us,
        };
        if self.names.len() > MAX_FIELDS {
            return Err(BuildError::TooManyFields { count: self.names.len() });
        }
        if let Some(name) = repeated(self.names.iter().map(Text::as_str)) {
            return Err(BuildError::DuplicateField { name: shorten(name) });
        }
        let mut draft = Draft::new(kind, None);
        let inner = draft.owner();
        inner.source = self.source.map_or(Source::None, Source::Shared);
        inner.project_path = self.project_path;
        if let Some(id) = self.correlation_id {
            inner.set_correlation_id(id);
        }
        if let Some(cause) = self.cause {
            inner.set_cause(cause, self.hops);
        }
        trace(inner);
        inner.priority = self.priority;
        // Without names, the place that waits for a payload may stay.
        if !self.names.is_empty() {
            inner.body = Some(Box::new(Body::Names(self.names)));
        }
        inner.values.reserve(self.values.len());
        self.values.into_iter().for_each(|value| draft.push(value));
        Ok(draft.finish_as(self.id.unwrap_or_else(EventId::next), UNREAD, wall_us))
    }
}

// === impl BuildError ===

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(error) => write!(f, "{error}"),
            Self::DuplicateField { name } => {
                write!(f, "field {} is given twice; allowed is each name once", Bare(name))
            }
            Self::Timestamp { value } => {
                write!(f, "timestamp {} is out of range; allowed is {}", Rfc3339(*value), time::ALLOWED)
            }
            Self::TooManyFields { count } => write!(f, "{count} fields are too many; allowed are {MAX_FIELDS}"),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Kind(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn what_is_given_is_what_the_event_has() {
        let event = Event::builder(String::from("a.b"))
            .id(EventId::from_u128(7))
            .timestamp(UNIX_EPOCH + Duration::from_micros(1_234_567))
            .source(Text::from("s"))
            .project_path('p')
            .correlation_id(String::from("c"))
            .priority(Priority::Critical)
            .field("", None::<u8>)
            .build()
            .unwrap();
        assert_eq!((event.kind().as_str(), event.id().as_u128()), ("a.b", 7));
        assert_eq!(event.timestamp(), UNIX_EPOCH + Duration::from_micros(1_234_567));
        assert_eq!((event.source(), event.project_path()), (Some("s"), Some("p")));
        assert_eq!((event.correlation_id(), event.priority()), (Some("c"), Priority::Critical));
        assert!(event.call_site().is_none() && event.get("").unwrap().is_null());
    }

    #[test]
    fn ids_are_new_and_the_time_is_now() {
        let before = SystemTime::now() - Duration::from_secs(2);
        let [a, b] = [(); 2].map(|()| Event::builder(Kind::new("a").unwrap()).build().unwrap());
        assert_ne!(a.id(), b.id());
        assert!(a.timestamp() > before && a.timestamp() < before + Duration::from_secs(60));
    }

    #[test]
    fn a_bad_kind_is_told_with_its_reason_and_chained() {
        let error = Event::builder("a..b").build().unwrap_err();
        assert_eq!(error, BuildError::Kind(Kind::new("a..b").unwrap_err()));
        assert!(error.to_string().contains("segment 2 is empty"), "{error}");
        assert!(error.source().unwrap().is::<KindError>());
    }

    #[test]
    fn times_outside_the_range_are_refused() {
        for value in [UNIX_EPOCH - Duration::from_nanos(1), UNIX_EPOCH + Duration::from_secs(253_402_300_800)] {
            assert_eq!(Event::builder("a").timestamp(value).build().unwrap_err(), BuildError::Timestamp { value });
        }
        let error = BuildError::Timestamp { value: UNIX_EPOCH - Duration::from_secs(1) }.to_string();
        assert_eq!(error, "timestamp @-1.000000 is out of range; allowed is a time in the years 1970 to 9999");
    }

    #[test]
    fn names_are_unique_and_bounded() {
        let fields = |count: usize| (0..count).map(|n| (n.to_string(), n));
        let most = Event::builder("a").fields(fields(MAX_FIELDS)).build().unwrap();
        assert_eq!(most.payload().len(), MAX_FIELDS);
        let error = Event::builder("a").fields(fields(MAX_FIELDS + 1)).build().unwrap_err();
        assert_eq!(error.to_string(), "65536 fields are too many; allowed are 65535");
        let name = "x\n".repeat(100);
        let error = Event::builder("a").field(&name, 1).field("y", 1).field(&name, 2).build().unwrap_err();
        assert_eq!(error, BuildError::DuplicateField { name: shorten(&name) });
        assert!(!error.to_string().contains('\n'));
    }
}
