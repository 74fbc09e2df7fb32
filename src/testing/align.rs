//! Pairing what was expected with what came: a longest common subsequence, in which a pair that is only near still
//! beats no pair.
//!
//! It promises the largest number of equal pairs, among those pairings the largest number of near ones, and steps in
//! the order of both lists. What begins and ends alike is paired at once; where what is left would take a table of more
//! than a million places, only the beginning is compared, and the rest counts as different.

/// How an event compares with what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    Same,
    /// The kind is right, a field is not.
    Near,
    Other,
}

/// One step through both lists, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Match { expected: usize, came: usize },
    Changed { expected: usize, came: usize },
    Missing { expected: usize },
    Extra { came: usize },
}

/// Places of the largest table.
const PLACES: usize = 1 << 20;

/// How much of each list is compared where the table would be larger.
const BEGINNING: usize = 1 << 10;

/// What a pair is worth; a near one never outweighs an equal one.
const SAME: u64 = 1 << 32;
const NEAR: u64 = 1;

/// Pairs lists of these lengths, of whose members `like` tells how they compare: expected, then came.
pub(super) fn align(expected: usize, came: usize, like: impl Fn(usize, usize) -> Likeness) -> Vec<Step> {
    let same = |at: usize, other: usize| like(at, other) == Likeness::Same;
    let shorter = expected.min(came);
    // An equal pair at the very beginning, or end, is part of some best pairing.
    let front = (0..shorter).take_while(|&at| same(at, at)).count();
    let back = (1..=shorter - front).take_while(|&at| same(expected - at, came - at)).count();
    let mut steps: Vec<Step> = (0..front).map(|at| Step::Match { expected: at, came: at }).collect();

    let (left, right) = (expected - front - back, came - front - back);
    let small = left.checked_mul(right).is_some_and(|places| places <= PLACES);
    let (rows, columns) = if small { (left, right) } else { (left.min(BEGINNING), right.min(BEGINNING)) };
    steps.extend(walk(rows, columns, |row, column| like(front + row, front + column)).map(|step| step.shifted(front)));
    steps.extend((front + rows..front + left).map(|expected| Step::Missing { expected }));
    steps.extend((front + columns..front + right).map(|came| Step::Extra { came }));

    steps.extend((1..=back).rev().map(|at| Step::Match { expected: expected - at, came: came - at }));
    steps
}

/// The best way through a table of this size.
fn walk(rows: usize, columns: usize, like: impl Fn(usize, usize) -> Likeness) -> impl Iterator<Item = Step> {
    // `best[row][column]`: what the rest of both lists from there is worth.
    let width = columns + 1;
    let mut best = vec![0_u64; (rows + 1) * width];
    let worth = |row, column| match like(row, column) {
        Likeness::Same => SAME,
        Likeness::Near => NEAR,
        Likeness::Other => 0,
    };
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let at = row * width + column;
            let pair = match worth(row, column) {
                0 => 0,
                worth => best[at + width + 1] + worth,
            };
            best[at] = pair.max(best[at + width]).max(best[at + 1]);
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut steps = Vec::new();
    while row < rows || column < columns {
        let at = row * width + column;
        let pair = if row < rows && column < columns { worth(row, column) } else { 0 };
        if pair > 0 && best[at] == best[at + width + 1] + pair {
            let (expected, came) = (row, column);
            steps.push(if pair == SAME { Step::Match { expected, came } } else { Step::Changed { expected, came } });
            (row, column) = (row + 1, column + 1);
        } else if row < rows && best[at] == best[at + width] {
            steps.push(Step::Missing { expected: row });
            row += 1;
        } else {
            steps.push(Step::Extra { came: column });
            column += 1;
        }
    }
    steps.into_iter()
}

impl Step {
    /// The same step, so much further on in both lists.
    fn shifted(self, by: usize) -> Self {
        match self {
            Self::Match { expected, came } => Self::Match { expected: expected + by, came: came + by },
            Self::Changed { expected, came } => Self::Changed { expected: expected + by, came: came + by },
            Self::Missing { expected } => Self::Missing { expected: expected + by },
            Self::Extra { came } => Self::Extra { came: came + by },
        }
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Letters are near when they differ in case only.
    fn like(a: u8, b: u8) -> Likeness {
        match (a == b, a.eq_ignore_ascii_case(&b)) {
            (true, _) => Likeness::Same,
            (_, true) => Likeness::Near,
            _ => Likeness::Other,
        }
    }

    fn steps(expected: &[u8], came: &[u8]) -> Vec<Step> {
        align(expected.len(), came.len(), |a, b| like(expected[a], came[b]))
    }

    fn shown(expected: &str, came: &str) -> String {
        let (expected, came) = (expected.as_bytes(), came.as_bytes());
        let show = |step| match step {
            Step::Match { came: at, .. } => format!(" {}", came[at] as char),
            Step::Changed { expected: a, came: b } => format!(" {}>{}", expected[a] as char, came[b] as char),
            Step::Missing { expected: at } => format!(" -{}", expected[at] as char),
            Step::Extra { came: at } => format!(" +{}", came[at] as char),
        };
        steps(expected, came).into_iter().map(show).collect()
    }

    #[test]
    fn lists_are_paired_as_people_would() {
        for (expected, came, steps) in [
            ("", "", ""),
            ("abc", "abc", " a b c"),
            ("abc", "", " -a -b -c"),
            ("", "ab", " +a +b"),
            ("abc", "axc", " a -b +x c"),
            ("abc", "ac", " a -b c"),
            ("ac", "abxc", " a +b +x c"),
            ("abc", "aBc", " a b>B c"),
            ("aa", "a", " a -a"),
            ("abcd", "bcda", " -a b c d +a"),
            // Equal pairs before near ones.
            ("ab", "bA", " -a b +A"),
        ] {
            assert_eq!(shown(expected, came), steps, "{expected} and {came}");
        }
    }

    #[test]
    fn where_the_table_would_be_too_large_the_rest_is_different() {
        let (expected, came) = (vec![b'a'; 3000], vec![b'b'; 2000]);
        let steps = steps(&expected, &came);
        assert!((0..3000).eq(steps.iter().filter_map(|step| match step {
            Step::Missing { expected } => Some(*expected),
            _ => None,
        })));
        assert_eq!(steps.len(), 5000);
    }

    /// What the best pairing is worth, found by trying all.
    fn best(expected: &[u8], came: &[u8]) -> u64 {
        let ([a, rest @ ..], [b, others @ ..]) = (expected, came) else { return 0 };
        let pair = match like(*a, *b) {
            Likeness::Same => best(rest, others) + SAME,
            Likeness::Near => best(rest, others) + NEAR,
            Likeness::Other => 0,
        };
        pair.max(best(rest, came)).max(best(expected, others))
    }

    proptest! {
        #[test]
        fn a_pairing_is_whole_in_order_and_the_best(
            expected in prop::collection::vec(prop::sample::select(&b"aAbBc"[..]), 0..7),
            came in prop::collection::vec(prop::sample::select(&b"aAbBc"[..]), 0..7),
        ) {
            let (mut rows, mut columns, mut worth) = (Vec::new(), Vec::new(), 0);
            for step in steps(&expected, &came) {
                match step {
                    Step::Match { expected: row, came: column } | Step::Changed { expected: row, came: column } => {
                        let pair = like(expected[row], came[column]);
                        let said = if matches!(step, Step::Match { .. }) { Likeness::Same } else { Likeness::Near };
                        prop_assert_eq!(pair, said);
                        worth += if pair == Likeness::Same { SAME } else { NEAR };
                        rows.push(row);
                        columns.push(column);
                    }
                    Step::Missing { expected } => rows.push(expected),
                    Step::Extra { came } => columns.push(came),
                }
            }
            prop_assert!(rows.into_iter().eq(0..expected.len()) && columns.into_iter().eq(0..came.len()));
            prop_assert_eq!(worth, best(&expected, &came));
        }
    }
}
