//! [`Fields`]: an event's payload, read as names and values.
//!
//! A view that borrows the event: names come from its call site or are its own, values are always its
//! own. Order is that of publishing.

use core::fmt;
use core::iter::FusedIterator;
use core::ops::Range;

use super::display::Bare;
use super::text::Text;
use super::value::Value;

/// The named values of an event, in the order in which they were given.
///
/// ```
/// use ringbus::{Event, Value};
///
/// let event = Event::builder("file.saved").field("path", "/tmp/x").field("bytes", 12).build()?;
/// let fields = event.payload();
/// assert_eq!(fields.len(), 2);
/// assert_eq!(fields.get("bytes"), Some(&Value::Int(12)));
/// assert!(fields.iter().map(|(name, _)| name).eq(["path", "bytes"]));
/// assert_eq!(fields.to_string(), r#"path="/tmp/x" bytes=12"#);
/// # Ok::<(), ringbus::BuildError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    names: Names<'a>,
    values: &'a [Value],
}

/// Where the names are: with the call site, or with the event.
#[derive(Clone, Copy)]
pub(super) enum Names<'a> {
    Site(&'static [&'static str]),
    Own(&'a [Text]),
}

/// The iterator of [`Fields`].
#[derive(Clone)]
pub struct FieldsIter<'a> {
    fields: Fields<'a>,
    left: Range<usize>,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// `values` under `names`; what one has more than the other is not shown.
    pub(super) fn new(names: Names<'a>, values: &'a [Value]) -> Self {
        Self { names, values: &values[..values.len().min(names.len())] }
    }

    /// The value named `name`; the first, where a call site uses one name twice.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.iter().find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Names and values.
    pub fn iter(&self) -> FieldsIter<'a> {
        FieldsIter { fields: *self, left: 0..self.values.len() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn at(&self, index: usize) -> (&'a str, &'a Value) {
        let name = match self.names {
            Names::Site(names) => names[index],
            Names::Own(names) => &names[index],
        };
        (name, &self.values[index])
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = (&'a str, &'a Value);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Fields<'a> {
    type Item = (&'a str, &'a Value);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

/// Equal names and values, in equal order.
impl PartialEq for Fields<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{}={value}", Bare(name))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

// === impl Names ===

impl Names<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Site(names) => names.len(),
            Self::Own(names) => names.len(),
        }
    }
}

/// One of `names` that is there twice.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    all_repeated(names).first().copied()
}

/// Those of `names` that are there more than once, each once, in alphabetical order.
pub(super) fn all_repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let mut repeated: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    repeated.dedup();
    repeated
}

// === impl FieldsIter ===

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.left.next().map(|index| self.fields.at(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for FieldsIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left.next_back().map(|index| self.fields.at(index))
    }
}

impl ExactSizeIterator for FieldsIter<'_> {}

impl FusedIterator for FieldsIter<'_> {}

impl fmt::Debug for FieldsIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn names_from_either_place_read_the_same() {
        let values = [Value::Int(1), Value::from("x")];
        let own = [Text::from("a"), Text::from("b c")];
        let at_site = Fields::new(Names::Site(&["a", "b c"]), &values);
        let with_event = Fields::new(Names::Own(&own), &values);
        assert_eq!(at_site, with_event);
        for fields in [at_site, with_event] {
            assert_eq!((fields.len(), fields.is_empty()), (2, false));
            assert_eq!(fields.get("b c"), Some(&values[1]));
            assert_eq!(fields.get("c"), None);
            assert_eq!(fields.to_string(), r#"a=1 "b c"="x""#);
            assert_eq!(format!("{fields:?}"), r#"{"a": Int(1), "b c": Str("x")}"#);
            assert_eq!(fields.iter().rev().map(|(name, _)| name).collect::<Vec<_>>(), ["b c", "a"]);
        }
        assert_ne!(at_site, Fields::new(Names::Site(&["a", "b"]), &values));
    }

    #[test]
    fn the_first_of_equal_names_is_found() {
        let values = [Value::Int(1), Value::Int(2)];
        assert_eq!(Fields::new(Names::Site(&["a", "a"]), &values).get("a"), Some(&values[0]));
    }

    #[test]
    fn a_repeated_name_is_found_among_few_and_many() {
        assert_eq!(repeated(["b", "a", "b"].into_iter()), Some("b"));
        assert_eq!(repeated(["b", "a"].into_iter()), None);
        let many: Vec<String> = (0..1_000).map(|n| (n % 999).to_string()).collect();
        assert_eq!(repeated(many.iter().map(String::as_str)), Some("0"));
    }
}
