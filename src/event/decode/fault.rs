//! [`Fault`]: what is wrong at one place of an input; [`Faults`] collects all of them; [`DecodeError`] tells them.
//!
//! A place is known by its path from the outside in: `type`, `payload.mean`, `payload.tags[2]`. Paths are put together
//! only where there is a fault, so reading what is right costs nothing for them.

use core::fmt::{self, Display, Write};
use core::slice;
use std::error::Error;

use crate::event::display::{Bare, shown};
use crate::event::kind::shorten;
use crate::event::{Kind, Value};

/// What is found where something is missing.
pub(crate) const NOTHING: &str = "nothing";

/// What is wrong at one place of an input.
///
/// ```
/// use ringbus::{Event, EventId, Fault, FieldReader, FieldWriter, Payload};
/// # #[derive(Debug)]
/// # struct Sampled { mean: f64 }
/// # impl Payload for Sampled {
/// #     const KIND: &'static str = "docs.fault";
/// #     fn field_names() -> &'static [&'static str] { &["mean"] }
/// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.mean); }
/// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> { Some(Self { mean: fields.read()? }) }
/// # }
///
/// // `Sampled` is a payload with a field `mean: f64`.
/// let error = Event::builder("docs.fault").field("mean", "high").build()?.decode::<Sampled>().unwrap_err();
/// let fault: &Fault = &error.faults()[0];
/// assert_eq!((&*fault.path, &*fault.expected, &*fault.found), ("payload.mean", "a number", "\"high\""));
/// assert_eq!(fault.to_string(), "`payload.mean` is \"high\"; expected is a number");
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Fault {
    /// The place, such as `payload.tags[2]`; empty for the input as a whole.
    pub path: String,
    /// What may stand there.
    pub expected: String,
    /// What stands there, shortened to 80 characters; `nothing` where something is missing.
    pub found: String,
}

/// Collects the faults of an input; it knows at which place the reading is.
///
/// Handed to [`FromValue::decode`](crate::FromValue::decode), whose example shows it at work.
#[derive(Debug)]
pub struct Faults<'a> {
    all: &'a mut Vec<Fault>,
    path: Path<'a>,
}

/// A place, from the inside out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    /// A top-level member; empty for the whole.
    Top(&'static str),
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

/// Why an event cannot be decoded: all its faults, of which there is at least one.
///
/// ```
/// # use ringbus::{DecodeError, Event, FieldReader, FieldWriter, Payload};
/// # #[derive(Debug)]
/// # struct Sampled { mean: f64, tags: Vec<String> }
/// # impl Payload for Sampled {
/// #     const KIND: &'static str = "docs.sampled";
/// #     fn field_names() -> &'static [&'static str] { &["mean", "tags"] }
/// #     fn write_fields(&self, fields: &mut FieldWriter<'_>) { fields.write(&self.mean); fields.write(&self.tags); }
/// #     fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
/// #         let (mean, tags) = (fields.read(), fields.read());
/// #         Some(Self { mean: mean?, tags: tags? })
/// #     }
/// # }
/// // `Sampled` has the fields `mean: f64` and `tags: Vec<String>`.
/// let event = Event::builder("docs.sampled").field("tags", vec!["a".into(), 7.into(), ringbus::Value::Null]).build()?;
/// let error: DecodeError = event.decode::<Sampled>().unwrap_err();
/// assert_eq!(error.to_string(), "\
/// docs.sampled cannot be decoded:
/// `payload.mean` is missing; expected is a number
/// `payload.tags[1]` is 7; expected is text
/// `payload.tags[2]` is null; expected is text");
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    kind: Kind,
    faults: Vec<Fault>,
}

// === impl Fault ===

impl Fault {
    /// Shortens what is found, also where that is a kind, which may be long.
    pub(crate) fn new(path: impl Into<String>, expected: impl Into<String>, found: impl AsRef<str>) -> Self {
        Self { path: path.into(), expected: expected.into(), found: shorten(found.as_ref()).into() }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, expected, found } = self;
        match path.as_str() {
            "" => f.write_str("the input")?,
            path => write!(f, "`{path}`")?,
        }
        let found = if found == NOTHING { "missing" } else { found };
        write!(f, " is {found}; expected is {expected}")
    }
}

impl Error for Fault {}

// === impl Faults ===

impl<'a> Faults<'a> {
    /// Faults within the top-level member `member`.
    pub(crate) fn new(member: &'static str, all: &'a mut Vec<Fault>) -> Self {
        Self { all, path: Path::Top(member) }
    }

    /// Adds that `found` stands here, where something else is expected.
    pub fn add(&mut self, expected: impl Into<String>, found: &Value) {
        self.push(expected.into(), shown(found).into());
    }

    /// Adds that nothing stands here, where something is expected.
    pub fn add_missing(&mut self, expected: impl Into<String>) {
        self.push(expected.into(), NOTHING.into());
    }

    /// Adds a fault in the words of a reason, shortened to 80 characters.
    pub(crate) fn add_reason(&mut self, expected: impl Into<String>, reason: &str) {
        // Words of users stay on one line.
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let reason = if reason.contains(breaks) { reason.escape_debug().to_string() } else { reason.into() };
        self.push(expected.into(), shorten(&reason).into());
    }

    /// For what stands in the member `name` of what stands here.
    pub fn member<'b>(&'b mut self, name: &'b str) -> Faults<'b> {
        Faults { all: self.all, path: self.path.member(name) }
    }

    /// For what stands at `index`, from 0, in the list that stands here.
    pub fn item(&mut self, index: usize) -> Faults<'_> {
        Faults { all: self.all, path: self.path.item(index) }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    fn push(&mut self, expected: String, found: String) {
        self.all.push(Fault { path: self.path.to_string(), expected, found });
    }
}

// === impl Path ===

impl Path<'_> {
    /// The whole.
    #[cfg(feature = "serde")]
    pub(crate) const START: Path<'static> = Path::Top("");

    pub(crate) fn member<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Member(self, name)
    }

    pub(crate) fn item(&self, index: usize) -> Path<'_> {
        Path::Item(self, index)
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => f.write_str(name),
            Self::Member(outer, name) => {
                outer.fmt(f)?;
                if !matches!(outer, Path::Top("")) {
                    f.write_char('.')?;
                }
                Bare(&shorten(name)).fmt(f)
            }
            Self::Item(outer, index) => {
                outer.fmt(f)?;
                write!(f, "[{index}]")
            }
        }
    }
}

// === impl DecodeError ===

impl DecodeError {
    pub(super) fn new(kind: Kind, faults: Vec<Fault>) -> Self {
        Self { kind, faults }
    }

    /// The kind of the event.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The faults, in the order of the payload type's fields.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The faults, to keep.
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}

impl<'a> IntoIterator for &'a DecodeError {
    type Item = &'a Fault;
    type IntoIter = slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.faults.iter()
    }
}

/// The kind, then each fault on a line of its own.
impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be decoded:", Bare(self.kind.as_str()))?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl Error for DecodeError {}
