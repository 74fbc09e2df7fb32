//! The eight Nelson rules: which patterns on a control chart chance alone would seldom make.
//!
//! L. S. Nelson, "The Shewhart Control Chart – Tests for Special Causes", *Journal of Quality Technology* 16(4), 1984,
//! pp. 237–239. Each rule looks at standardized points (standard deviations from the centre line) one by one, and
//! remembers no more than its pattern needs.
//!
//! A rule fires at each point that completes its pattern: a pattern that goes on fires with every further point. A point
//! on the centre line is on neither side, one on the border of a zone is not beyond it, and two equal points are neither up
//! nor down.

use std::fmt;

/// One of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// A point beyond three standard deviations.
    Beyond,
    /// Nine points in a row on one side.
    OneSide,
    /// Six points in a row, each above the one before, or each below it.
    Trend,
    /// Fourteen points in a row, up and down in turn.
    Alternation,
    /// Two of three points in a row beyond two standard deviations on one side; the last one of them is.
    TwoOfThree,
    /// Four of five points in a row beyond one standard deviation on one side; the last one of them is.
    FourOfFive,
    /// Fifteen points in a row within one standard deviation.
    Stratification,
    /// Eight points in a row beyond one standard deviation, on both sides: one of them at least on each.
    Mixture,
}

/// All of them, for one chart.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    one_side: Run<Side>,
    /// Points that rise or fall: the run counts steps, one fewer than points.
    trend: Run<Side>,
    /// Steps that go the other way than the one before.
    alternation: Alternation,
    two_of_three: Window,
    four_of_five: Window,
    inside: Run<()>,
    mixture: Window,
    /// The point before.
    last: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// How many in a row have been alike.
#[derive(Debug)]
struct Run<T> {
    what: Option<T>,
    length: u32,
}

/// How many steps in a row went the other way than the one before, the first one counted too.
#[derive(Debug, Default)]
struct Alternation {
    last: Option<Side>,
    steps: u32,
}

/// Which of the last points, at most eight, lay above and below a zone: one bit each, the newest lowest.
#[derive(Debug, Default)]
struct Window {
    above: u8,
    below: u8,
}

// === impl Rules ===

impl Rules {
    /// The next point; the rules that it completes the pattern of, in their order.
    pub(crate) fn next(&mut self, point: f64) -> Vec<Rule> {
        let step = self.last.replace(point).and_then(|last| Side::of(point - last));
        let within = point.abs() <= 1.0;
        [
            (Rule::Beyond, point.abs() > 3.0),
            (Rule::OneSide, self.one_side.next(Side::of(point)) >= 9),
            (Rule::Trend, self.trend.next(step) >= 5),
            (Rule::Alternation, self.alternation.next(step) >= 13),
            (Rule::TwoOfThree, self.two_of_three.next(point, 2.0, 3).beside_newest() >= 2),
            (Rule::FourOfFive, self.four_of_five.next(point, 1.0, 5).beside_newest() >= 4),
            (Rule::Stratification, self.inside.next(within.then_some(())) >= 15),
            (Rule::Mixture, self.mixture.next(point, 1.0, 8).is_mixed(8)),
        ]
        .into_iter()
        .filter_map(|(rule, fires)| fires.then_some(rule))
        .collect()
    }
}

// === impl Side, Run, Alternation, Window ===

impl Side {
    fn of(difference: f64) -> Option<Self> {
        if difference > 0.0 {
            Some(Self::Above)
        } else if difference < 0.0 {
            Some(Self::Below)
        } else {
            None
        }
    }
}

impl<T: PartialEq> Run<T> {
    /// How many in a row are like this one, itself included; none where it is nothing.
    fn next(&mut self, what: Option<T>) -> u32 {
        self.length = match (&what, what == self.what) {
            (None, _) => 0,
            (Some(_), true) => self.length.saturating_add(1),
            (Some(_), false) => 1,
        };
        self.what = what;
        self.length
    }
}

impl<T> Default for Run<T> {
    fn default() -> Self {
        Self { what: None, length: 0 }
    }
}

impl Alternation {
    fn next(&mut self, step: Option<Side>) -> u32 {
        self.steps = match (step, self.last) {
            (None, _) => 0,
            (Some(step), Some(last)) if step != last => self.steps.saturating_add(1),
            (Some(_), _) => 1,
        };
        self.last = step;
        self.steps
    }
}

impl Window {
    /// The next point: of the last `size` ones, where each lies.
    fn next(&mut self, point: f64, zone: f64, size: u32) -> &Self {
        let kept = u8::MAX >> (u8::BITS - size);
        self.above = (self.above << 1 | u8::from(point > zone)) & kept;
        self.below = (self.below << 1 | u8::from(point < -zone)) & kept;
        self
    }

    /// How many are beyond the zone on the side where the newest is; none where it is not beyond.
    fn beside_newest(&self) -> u32 {
        let count = |side: u8| if side & 1 == 1 { side.count_ones() } else { 0 };
        count(self.above).max(count(self.below))
    }

    /// Whether all of `size` points are beyond the zone, and not all of them on one side.
    fn is_mixed(&self, size: u32) -> bool {
        (self.above | self.below).count_ones() == size && self.above != 0 && self.below != 0
    }
}

// === impl Rule ===

impl Rule {
    /// Nelson's number, 1 to 8.
    pub(crate) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What it sees, in a few words.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Beyond => "a point beyond 3 sigma",
            Self::OneSide => "9 points in a row on one side",
            Self::Trend => "6 points in a row rising or falling",
            Self::Alternation => "14 points in a row up and down in turn",
            Self::TwoOfThree => "2 of 3 points beyond 2 sigma on one side",
            Self::FourOfFive => "4 of 5 points beyond 1 sigma on one side",
            Self::Stratification => "15 points in a row within 1 sigma",
            Self::Mixture => "8 points in a row beyond 1 sigma on both sides",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.number(), self.pattern())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The points, counted from 1, at which a rule fires.
    fn fires(rule: Rule, points: &[f64]) -> Vec<usize> {
        let mut rules = Rules::default();
        let fired = points.iter().map(|point| rules.next(*point).contains(&rule));
        fired.enumerate().filter_map(|(at, fired)| fired.then_some(at + 1)).collect()
    }

    /// The same on the other side of the centre.
    fn mirrored(points: &[f64]) -> Vec<f64> {
        points.iter().map(|point| -point).collect()
    }

    #[track_caller]
    fn check(rule: Rule, cases: &[(&[f64], &[usize])]) {
        for (points, expected) in cases {
            assert_eq!(fires(rule, points), *expected, "{rule} on {points:?}");
            assert_eq!(fires(rule, &mirrored(points)), *expected, "{rule} on the mirror of {points:?}");
        }
    }

    #[test]
    fn rule_1_beyond_three_sigma() {
        check(Rule::Beyond, &[(&[0.0, 3.01, 2.9], &[2]), (&[3.0, -3.0], &[]), (&[f64::INFINITY], &[1])]);
    }

    #[test]
    fn rule_2_nine_on_one_side() {
        check(
            Rule::OneSide,
            &[
                (&[-0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.5, 0.2, 0.1, 0.4, 0.2], &[10, 11]),
                (&[0.2, 0.1, 0.3, 0.2, 0.1, 0.5, 0.2, 0.1, -0.1, 0.2], &[]),
                (&[0.2, 0.1, 0.3, 0.2, 0.0, 0.5, 0.2, 0.1, 0.1, 0.2], &[]),
            ],
        );
    }

    #[test]
    fn rule_3_six_rising() {
        check(
            Rule::Trend,
            &[
                (&[0.5, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.6], &[7, 8]),
                (&[0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.6], &[]),
                (&[0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7], &[]),
            ],
        );
    }

    #[test]
    fn rule_4_fourteen_up_and_down() {
        let mut points: Vec<f64> = (0..14).map(|at| f64::from(at % 2)).collect();
        check(Rule::Alternation, &[(&points, &[14]), (&points[..13], &[])]);
        // Three in one direction, in the middle.
        points[7] = 0.5;
        points[8] = 0.6;
        check(Rule::Alternation, &[(&points, &[])]);
        // Two alike: a run begins anew at the second.
        let mut again: Vec<f64> = vec![1.0, 0.0, 1.0, 1.0];
        again.extend((0..13).map(|at| f64::from(at % 2)));
        check(Rule::Alternation, &[(&again, &[17]), (&again[..16], &[])]);
    }

    #[test]
    fn rule_5_two_of_three_beyond_two_sigma() {
        check(
            Rule::TwoOfThree,
            &[
                (&[2.1, 0.0, 2.1], &[3]),
                (&[2.1, 2.2, 0.0, 2.5, 0.0], &[2, 4]),
                (&[2.1, 0.0, 0.0, 2.1], &[]),
                (&[2.1, 0.0, -2.1], &[]),
                (&[2.0, 2.0, 2.0], &[]),
            ],
        );
    }

    #[test]
    fn rule_6_four_of_five_beyond_one_sigma() {
        check(
            Rule::FourOfFive,
            &[
                (&[1.1, 1.2, 0.5, 1.1, 1.3], &[5]),
                (&[1.1, 1.2, 1.1, 1.3, 0.0, 1.1], &[4, 6]),
                (&[1.1, 1.2, 0.5, 1.1, 0.9, 1.1], &[]),
                (&[1.1, 1.2, -1.1, 1.1, -1.2], &[]),
                (&[1.0, 1.0, 1.0, 1.0, 1.0], &[]),
            ],
        );
    }

    #[test]
    fn rule_7_fifteen_within_one_sigma() {
        let mut points: Vec<f64> = [0.4, -0.9, 1.0, 0.0, -0.2].repeat(3);
        check(Rule::Stratification, &[(&points, &[15]), (&points[..14], &[])]);
        points[7] = 1.1;
        check(Rule::Stratification, &[(&points, &[])]);
    }

    #[test]
    fn rule_8_eight_beyond_one_sigma() {
        check(
            Rule::Mixture,
            &[
                (&[1.1, -1.2, 1.3, -1.1, 1.2, 2.0, -1.5, -1.1, 1.4], &[8, 9]),
                (&[1.1, -1.2, 1.3, -1.1, 1.2, 2.0, -1.5, 1.0, 1.4], &[]),
                // On one side: that is a shift, not a mixture.
                (&[1.1, 1.2, 1.3, 1.1, 1.2, 2.0, 1.5, 1.1, 1.4], &[]),
                // The newest, and the oldest, is the one on the other side.
                (&[1.1, 1.2, 1.3, 1.1, 1.2, 2.0, 1.5, -1.1, 1.4], &[8, 9]),
                (&[-1.1, 1.2, 1.3, 1.1, 1.2, 2.0, 1.5, 1.1, 1.4], &[8]),
            ],
        );
    }

    #[test]
    fn one_point_may_complete_several_patterns() {
        let mut rules = Rules::default();
        let fired: Vec<_> = [2.5, 3.5].map(|point| rules.next(point)).into();
        assert_eq!(fired, [vec![], vec![Rule::Beyond, Rule::TwoOfThree]]);
        assert_eq!((Rule::Beyond.number(), Rule::Mixture.number()), (1, 8));
        assert_eq!(Rule::Trend.to_string(), "rule 3: 6 points in a row rising or falling");
    }
}
