//! Measurements, gathered into subgroups: those of one characteristic and one number, which stand together.
//!
//! A subgroup is complete with its last measurement. One that another number follows before that is left out, and so is a
//! measurement more than there should be; both are told, and neither ends anything.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::mem;

use crate::series::Row;

/// Gathers rows.
#[derive(Debug)]
pub(crate) struct Subgroups {
    size: usize,
    open: HashMap<String, Open>,
}

/// A complete subgroup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subgroup {
    pub(crate) characteristic: String,
    pub(crate) number: u64,
    pub(crate) values: Vec<f64>,
}

/// What a row has led to that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubgroupError {
    /// A subgroup ended before it was complete.
    Incomplete { characteristic: String, number: u64, found: usize, size: usize, line: u64 },
    /// A complete subgroup was given one more measurement.
    Surplus { characteristic: String, number: u64, size: usize, line: u64 },
}

/// The last subgroup of a characteristic; without values, it is complete.
#[derive(Debug)]
struct Open {
    number: u64,
    values: Vec<f64>,
}

// === impl Subgroups ===

impl Subgroups {
    /// Of `size` measurements each, at least 2.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, open: HashMap::new() }
    }

    /// The next row: the subgroup that it completes, and what is wrong.
    pub(crate) fn add(&mut self, row: Row) -> (Option<Subgroup>, Option<SubgroupError>) {
        let Row { line, characteristic, subgroup: number, value } = row;
        let Some(open) = self.open.get_mut(&characteristic) else {
            self.open.insert(characteristic, Open { number, values: vec![value] });
            return (None, None);
        };
        let size = self.size;
        if open.number != number {
            let before = mem::replace(open, Open { number, values: vec![value] });
            return (None, before.error(&characteristic, size, line));
        }
        if open.values.is_empty() {
            return (None, Some(SubgroupError::Surplus { characteristic, number, size, line }));
        }
        open.values.push(value);
        if open.values.len() < size {
            return (None, None);
        }
        let values = mem::take(&mut open.values);
        (Some(Subgroup { characteristic, number, values }), None)
    }

    /// What is incomplete when the last row, in this line, has been read: by name.
    pub(crate) fn finish(self, line: u64) -> Vec<SubgroupError> {
        let mut open: Vec<_> = self.open.into_iter().collect();
        open.sort_by(|(left, _), (right, _)| left.cmp(right));
        open.iter().filter_map(|(name, open)| open.error(name, self.size, line)).collect()
    }
}

impl Open {
    /// That it ended here, if it was not complete.
    fn error(&self, characteristic: &str, size: usize, line: u64) -> Option<SubgroupError> {
        (!self.values.is_empty()).then(|| SubgroupError::Incomplete {
            characteristic: characteristic.to_owned(),
            number: self.number,
            found: self.values.len(),
            size,
            line,
        })
    }
}

// === impl SubgroupError ===

impl fmt::Display for SubgroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { characteristic, number, found, size, line } => {
                write!(
                    f,
                    "line {line}: subgroup {number} of {characteristic} ended with {found} values; {size} are needed"
                )
            }
            Self::Surplus { characteristic, number, size, line } => {
                write!(f, "line {line}: one value too many in subgroup {number} of {characteristic}; {size} are needed")
            }
        }
    }
}

impl Error for SubgroupError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, name: &str, subgroup: u64) -> Row {
        Row { line, characteristic: name.to_owned(), subgroup, value: line as f64 }
    }

    #[test]
    fn subgroups_of_several_characteristics_may_be_mixed() {
        let mut subgroups = Subgroups::new(2);
        let rows = [row(1, "a", 7), row(2, "b", 7), row(3, "a", 7), row(4, "b", 7), row(5, "a", 8), row(6, "a", 8)];
        let complete = rows.map(|row| {
            let (subgroup, error) = subgroups.add(row);
            assert_eq!(error, None);
            subgroup.map(|subgroup| (subgroup.characteristic, subgroup.number, subgroup.values))
        });
        let expected = [("a", 7, [1.0, 3.0]), ("b", 7, [2.0, 4.0]), ("a", 8, [5.0, 6.0])];
        let expected = expected.map(|(name, number, values)| (name.to_owned(), number, values.to_vec()));
        assert_eq!(complete.into_iter().flatten().collect::<Vec<_>>(), expected);
        assert!(subgroups.finish(6).is_empty());
    }

    #[test]
    fn too_few_and_too_many_are_told_and_left_out() {
        let mut subgroups = Subgroups::new(2);
        let rows = [row(1, "a", 1), row(2, "a", 2), row(3, "a", 2), row(4, "a", 2), row(5, "a", 3), row(6, "b", 1)];
        let told = rows.map(|row| {
            let (subgroup, error) = subgroups.add(row);
            (subgroup.map(|subgroup| subgroup.values), error.map(|error| error.to_string()))
        });
        let error = |text: &str| (None, Some(text.to_owned()));
        assert_eq!(told[1], error("line 2: subgroup 1 of a ended with 1 values; 2 are needed"));
        assert_eq!(told[2], (Some(vec![2.0, 3.0]), None));
        assert_eq!(told[3], error("line 4: one value too many in subgroup 2 of a; 2 are needed"));
        assert_eq!([0, 4, 5].map(|at| told[at].clone()), [(None, None), (None, None), (None, None)]);
        let left: Vec<_> = subgroups.finish(6).iter().map(ToString::to_string).collect();
        let ended = |name, number| format!("line 6: subgroup {number} of {name} ended with 1 values; 2 are needed");
        assert_eq!(left, [ended("a", 3), ended("b", 1)]);
    }
}
