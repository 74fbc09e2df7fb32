//! [`Registry`]: the event factory, which makes typed events of what comes from elsewhere.
//!
//! Whoever receives events from a file or a socket has fields; handlers want the program's own types. A registry knows
//! those, checks what came against them, and tells all that is wrong with an input at once.

use core::fmt::{self, Display};
use std::collections::BTreeMap;
use std::error::Error;

use crate::event::{Event, Fault, FieldReader, Fields, Kind, KindTaken, Payload};
#[cfg(feature = "serde")]
use crate::event::{JsonError, Reading, Unknown, Value, parse};

/// Of names given twice in one input, so many are told: each path may be long, so that they take far more than the input.
#[cfg(feature = "serde")]
const REPEATS: usize = 1000;

/// Makes typed events of what comes from elsewhere.
///
/// ```
/// use ringbus::{Event, FieldReader, FieldWriter, Payload, Registry};
/// # #[derive(Debug)]
/// # struct Sampled { mean: f64, tags: Vec<String> }
/// # impl Payload for Sampled {
/// #     const KIND: &'static str = "docs.registry";
/// #     fn field_names() -> &'static [&'static str] { &["mean", "tags"] }
/// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.mean); fields.write(&self.tags); }
/// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
/// #         let (mean, tags) = (fields.read(), fields.read());
/// #         Some(Self { mean: mean?, tags: tags? })
/// #     }
/// # }
///
/// // `Sampled` has the fields `mean: f64` and `tags: Vec<String>`, and the kind `docs.registry`.
/// let registry = Registry::new().with::<Sampled>()?;
///
/// let came = Event::builder("docs.registry").field("mean", 21.5).field("tags", ["a"]).build()?;
/// let typed = registry.build(came.clone())?;
/// assert_eq!(typed.payload_as::<Sampled>().map(|sampled| sampled.mean), Some(21.5));
/// assert_eq!((typed.id(), typed.timestamp()), (came.id(), came.timestamp()));
///
/// let error = registry.build(Event::builder("docs.registry").field("tags", [7]).build()?).unwrap_err();
/// assert_eq!(error.to_string(), "\
/// the event is refused:
/// `payload.mean` is missing; expected is a number
/// `payload.tags[0]` is 7; expected is text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry {
    types: BTreeMap<Kind, Type>,
    unknown: UnknownKinds,
}

/// What becomes of events whose kind no type is registered for.
///
/// ```
/// use ringbus::{Event, Registry, UnknownKinds};
///
/// let event = Event::builder("docs.nobody").build()?;
/// assert!(Registry::new().build(event.clone()).is_err());
///
/// let registry = Registry::new().unknown_kinds(UnknownKinds::Pass);
/// assert!(Event::same_instance(&registry.build(event.clone()).unwrap(), &event));
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownKinds {
    /// They are an error.
    #[default]
    Refuse,
    /// They stay as they are.
    Pass,
}

/// Why a [`Registry`] makes no event of an input.
///
/// ```
/// use ringbus::{Event, Registry};
///
/// let error = Registry::new().build(Event::builder("docs.nobody").build()?).unwrap_err();
/// assert_eq!(error.faults()[0].path, "type");
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// The text is not JSON, or nested deeper than 127 levels; the reason tells line and column.
    Syntax(Box<dyn Error + Send + Sync>),
    /// The input is no such event: all that is wrong with it, which is at least one fault.
    Faults(Vec<Fault>),
}

/// What a registry knows of a payload type.
#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// The event again, holding what it reads from the fields; or `None`, and faults.
    build: fn(Build<'_>, &mut Vec<Fault>) -> Option<Event>,
}

/// What is to be built.
struct Build<'a> {
    fields: Fields<'a>,
    /// What has the other parts of the event; `None` if only the faults are asked for.
    envelope: Option<&'a Event>,
}

// === impl Registry ===

impl Registry {
    /// One that knows no type.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a payload type, and returns the registry.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn with<T: Payload>(mut self) -> Result<Self, KindTaken> {
        self.register::<T>()?;
        Ok(self)
    }

    /// Adds a payload type; one that it has already stays.
    ///
    /// # Errors
    /// [`KindTaken`] if another type has been used for the kind in this process. The registry is as before.
    pub fn register<T: Payload>(&mut self) -> Result<(), KindTaken> {
        self.types.insert(Kind::claim::<T>()?, Type { name: core::any::type_name::<T>(), build: build::<T> });
        Ok(())
    }

    /// Sets what becomes of events of other kinds: unless told, they are refused.
    #[must_use]
    pub fn unknown_kinds(mut self, unknown: UnknownKinds) -> Self {
        self.unknown = unknown;
        self
    }

    /// The kinds of the types it knows, in alphabetical order.
    ///
    /// ```
    /// assert_eq!(ringbus::Registry::new().kinds().count(), 0);
    /// ```
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &Kind> {
        self.types.keys()
    }

    /// The event, holding a payload of its kind's type: with the same id, time, source, project path, correlation id
    /// and priority. One that holds a payload already, or whose kind is passed, is returned as it is.
    ///
    /// # Errors
    /// [`RegistryError::Faults`]: an unknown kind, if these are refused, or all that [`Event::decode`] finds.
    ///
    /// # Panics
    /// If the payload type's own code does.
    pub fn build(&self, event: Event) -> Result<Event, RegistryError> {
        let mut faults = Vec::new();
        let built = match self.types.get(event.kind()) {
            Some(_) if event.is_typed() => return Ok(event),
            Some(known) => (known.build)(Build { fields: event.payload(), envelope: Some(&event) }, &mut faults),
            None if self.unknown == UnknownKinds::Pass => return Ok(event),
            None => {
                faults.push(self.unknown_kind(event.kind()));
                None
            }
        };
        built.ok_or(RegistryError::Faults(faults))
    }

    /// The event in `json`, as [`Event::from_json`] reads it, holding a payload of its kind's type.
    ///
    /// ```
    /// use ringbus::{Registry, UnknownKinds};
    ///
    /// let error = Registry::new().from_json(r#"{"type": "a..b", "id": 7, "colour": "red"}"#).unwrap_err();
    /// assert!(error.faults().iter().map(|fault| &*fault.path).eq(["id", "colour", "type"]));
    ///
    /// let registry = Registry::new().unknown_kinds(UnknownKinds::Pass);
    /// assert_eq!(registry.from_json(r#"{"type": "a.b", "payload": {"x": 1}}"#)?.get("x"), Some(&1.into()));
    /// # Ok::<(), ringbus::RegistryError>(())
    /// ```
    ///
    /// # Errors
    /// [`RegistryError::Syntax`] if it is no JSON; else [`RegistryError::Faults`]: all faults, of the envelope and of the
    /// payload (of names given twice at most the first 1000). What the payload of an unknown kind must be, nobody knows.
    ///
    /// # Panics
    /// If the payload type's own code does.
    #[cfg(feature = "serde")]
    pub fn from_json(&self, json: &str) -> Result<Event, RegistryError> {
        let tree = parse(json).map_err(|error| match error {
            JsonError::Syntax(reason) => RegistryError::Syntax(reason),
            other => RegistryError::Faults(vec![other.to_fault(&Value::Null)]),
        })?;
        let reading = Reading::of(&tree, Unknown::Refuse, REPEATS);
        let mut faults = reading.faults(&tree);
        let known = reading.kind().and_then(|kind| self.types.get(kind));
        if let (Some(kind), None, UnknownKinds::Refuse) = (reading.kind(), known, self.unknown) {
            faults.push(self.unknown_kind(kind));
        }
        if !faults.is_empty() {
            if let (Some(known), Some(fields)) = (known, reading.payload()) {
                let _: Option<Event> = (known.build)(Build { fields, envelope: None }, &mut faults);
            }
            return Err(RegistryError::Faults(faults));
        }
        let event = reading.event().map_err(|error| RegistryError::Faults(vec![error.to_fault(&tree)]))?;
        self.build(event)
    }

    #[cold]
    fn unknown_kind(&self, kind: &Kind) -> Fault {
        let known: Vec<&str> = self.types.keys().map(Kind::as_str).collect();
        let expected = if known.is_empty() { "no kind at all".into() } else { format!("one of {}", known.join(", ")) };
        Fault::new("type", expected, format!("{kind:?}"))
    }
}

fn build<T: Payload>(build: Build<'_>, faults: &mut Vec<Fault>) -> Option<Event> {
    let payload = FieldReader::payload::<T>(build.fields, faults)?;
    let envelope = build.envelope?;
    Some(envelope.retyped(envelope.kind().clone(), payload))
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// === impl RegistryError ===

impl RegistryError {
    /// The faults, in the order of the input's members and then of the type's fields; none if it is no JSON.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Syntax(_) => &[],
            Self::Faults(faults) => faults,
        }
    }
}

/// Each fault on a line of its own.
impl Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "not JSON: {reason}"),
            Self::Faults(faults) => {
                f.write_str("the event is refused:")?;
                faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
            }
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Syntax(reason) => Some(&**reason),
            Self::Faults(_) => None,
        }
    }
}
