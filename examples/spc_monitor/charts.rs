//! X-bar and R charts: is a process in control, judged by subgroups of measurements taken together?
//!
//! The first subgroups, the baseline, say where the limits lie; from then on each subgroup is a point on both charts.
//! Constants: D. C. Montgomery, *Introduction to Statistical Quality Control*, 6th edition 2009, Appendix VI; the method is
//! that of its section 6.2 and of the NIST/SEMATECH e-Handbook of Statistical Methods, section 6.3.2.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

/// How many measurements a subgroup may have.
pub(crate) const SIZES: RangeInclusive<usize> = 2..=10;

/// How many subgroups a baseline may have.
pub(crate) const BASELINES: RangeInclusive<usize> = 2..=1000;

/// What limits are made with, for one size of subgroup.
#[derive(Clone, Copy)]
struct Constants {
    /// The mean range of so many normal measurements, in standard deviations.
    d2: f64,
    /// From the mean range to three standard deviations of a mean.
    a2: f64,
    /// From the mean range to the limits of a range.
    d3: f64,
    d4: f64,
}

/// For subgroups of 2 to 10.
const CONSTANTS: [Constants; 9] = [
    Constants { d2: 1.128, a2: 1.880, d3: 0.0, d4: 3.267 },
    Constants { d2: 1.693, a2: 1.023, d3: 0.0, d4: 2.574 },
    Constants { d2: 2.059, a2: 0.729, d3: 0.0, d4: 2.282 },
    Constants { d2: 2.326, a2: 0.577, d3: 0.0, d4: 2.114 },
    Constants { d2: 2.534, a2: 0.483, d3: 0.0, d4: 2.004 },
    Constants { d2: 2.704, a2: 0.419, d3: 0.076, d4: 1.924 },
    Constants { d2: 2.847, a2: 0.373, d3: 0.136, d4: 1.864 },
    Constants { d2: 2.970, a2: 0.337, d3: 0.184, d4: 1.816 },
    Constants { d2: 3.078, a2: 0.308, d3: 0.223, d4: 1.777 },
];

/// One characteristic's two charts.
#[derive(Debug)]
pub(crate) struct Chart {
    size: usize,
    baseline: usize,
    /// Subgroups so far.
    subgroups: usize,
    /// The first one's mean; and while the baseline is not complete, how far from it all means are together. So the mean of
    /// equal means is that mean, and no other that is near it.
    first: f64,
    off: f64,
    /// The sum of their ranges.
    ranges: f64,
    limits: Option<Limits>,
}

/// A centre line and what lies three standard deviations to either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Band {
    pub(crate) lower: f64,
    pub(crate) centre: f64,
    pub(crate) upper: f64,
}

/// The lines of both charts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) mean: Band,
    pub(crate) range: Band,
    /// The standard deviation of a mean: a third of the way from its centre to a limit, so that three of them are the limit.
    pub(crate) mean_deviation: f64,
    /// The standard deviation of a measurement, estimated by the mean range.
    pub(crate) deviation: f64,
}

/// A subgroup on the charts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) mean: f64,
    pub(crate) range: f64,
    /// Where the mean lies: standard deviations of a mean, from the centre. `None` in the baseline.
    pub(crate) standardized: Option<f64>,
    /// Whether the range lies outside of its limits.
    pub(crate) range_outside: bool,
    /// The limits, with the subgroup that completes the baseline.
    pub(crate) new_limits: Option<Limits>,
}

/// A chart was given what it cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChartError {
    /// No chart has subgroups of that size, or this one has others.
    Size {
        given: usize,
        least: usize,
        most: usize,
    },
    Baseline {
        given: usize,
    },
    /// One of the measurements is infinite or no number.
    NotFinite,
}

// === impl Chart ===

impl Chart {
    /// Charts of subgroups of `size` measurements, with limits by the first `baseline` of them.
    pub(crate) fn new(size: usize, baseline: usize) -> Result<Self, ChartError> {
        if !SIZES.contains(&size) {
            return Err(ChartError::Size { given: size, least: *SIZES.start(), most: *SIZES.end() });
        }
        if !BASELINES.contains(&baseline) {
            return Err(ChartError::Baseline { given: baseline });
        }
        Ok(Self { size, baseline, subgroups: 0, first: 0.0, off: 0.0, ranges: 0.0, limits: None })
    }

    /// The next subgroup.
    pub(crate) fn add(&mut self, values: &[f64]) -> Result<Point, ChartError> {
        if values.len() != self.size {
            return Err(ChartError::Size { given: values.len(), least: self.size, most: self.size });
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err(ChartError::NotFinite);
        }
        let (mean, range) = mean_and_range(values);
        self.subgroups += 1;
        let judged = self.limits.map(|limits| (limits.standardize(mean), !limits.range.contains(range)));
        let new_limits = if judged.is_none() { self.learn(mean, range) } else { None };
        let (standardized, range_outside) = judged.map_or((None, false), |(z, outside)| (Some(z), outside));
        Ok(Point { mean, range, standardized, range_outside, new_limits })
    }

    /// Subgroups so far.
    pub(crate) fn subgroups(&self) -> usize {
        self.subgroups
    }

    /// The limits, once the baseline is complete.
    pub(crate) fn limits(&self) -> Option<Limits> {
        self.limits
    }

    fn learn(&mut self, mean: f64, range: f64) -> Option<Limits> {
        if self.subgroups == 1 {
            self.first = mean;
        }
        self.off += mean - self.first;
        self.ranges += range;
        if self.subgroups == self.baseline {
            let count = self.baseline as f64;
            self.limits = Some(Limits::new(self.size, self.first + self.off / count, self.ranges / count));
        }
        self.limits
    }
}

/// Of measurements in whatever order. The mean is reckoned from the least of them: that of equal ones is exactly their value.
fn mean_and_range(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return (0.0, 0.0) };
    let off: f64 = sorted.iter().map(|value| value - least).sum();
    (least + off / sorted.len() as f64, most - least)
}

// === impl Limits ===

impl Limits {
    /// By the grand mean and the mean range.
    fn new(size: usize, mean: f64, range: f64) -> Self {
        let Constants { d2, a2, d3, d4 } = CONSTANTS[size - SIZES.start()];
        let off = a2 * range;
        Self {
            mean: Band { lower: mean - off, centre: mean, upper: mean + off },
            range: Band { lower: d3 * range, centre: range, upper: d4 * range },
            mean_deviation: off / 3.0,
            deviation: range / d2,
        }
    }

    /// Where a mean lies, in standard deviations from the centre. Where the baseline did not vary at all, whatever is not
    /// at its centre is infinitely far away.
    fn standardize(&self, mean: f64) -> f64 {
        let off = mean - self.mean.centre;
        if off == 0.0 { 0.0 } else { off / self.mean_deviation }
    }
}

impl Band {
    fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }
}

// === impl ChartError ===

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { given, least, most } if least == most => {
                write!(f, "a subgroup of {given} measurements: {least} are needed")
            }
            Self::Size { given, least, most } => {
                write!(f, "subgroups of {given} measurements: {least} to {most} are allowed")
            }
            Self::Baseline { given } => {
                write!(f, "a baseline of {given} subgroups: {} to {} are allowed", BASELINES.start(), BASELINES.end())
            }
            Self::NotFinite => f.write_str("a measurement that is infinite or no number: finite numbers are allowed"),
        }
    }
}

impl Error for ChartError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, within: f64) -> bool {
        (left - right).abs() <= within
    }

    /// The standard deviation of the range of so many normal measurements, in theirs: d3 of the same table.
    const OF_RANGES: [f64; 9] = [0.853, 0.888, 0.880, 0.864, 0.848, 0.833, 0.820, 0.808, 0.797];

    /// The columns of the table were rounded each for itself: A2 = 3 / (d2 √n), D4 = 1 + 3 d3 / d2, and D3 = 1 - 3 d3 / d2,
    /// where that is not below 0.
    #[test]
    fn the_constants_fit_each_other() {
        for (at, Constants { d2, a2, d3, d4 }) in CONSTANTS.into_iter().enumerate() {
            let size = (at + SIZES.start()) as f64;
            assert!(near(a2, 3.0 / (d2 * size.sqrt()), 0.001), "A2 of {size}");
            let off = 3.0 * OF_RANGES[at] / d2;
            assert!(near(d4, 1.0 + off, 0.002), "D4 of {size}");
            assert!(near(d3, (1.0 - off).max(0.0), 0.002), "D3 of {size}");
        }
        let columns =
            [|of: &Constants| of.d2, |of: &Constants| -of.a2, |of: &Constants| of.d3, |of: &Constants| -of.d4];
        for column in columns {
            assert!(CONSTANTS.windows(2).all(|pair| column(&pair[0]) <= column(&pair[1])), "a slip in a column");
        }
    }

    /// Limits by hand: means 10 and 12, ranges 2 and 4, subgroups of two.
    #[test]
    fn limits_come_with_the_last_subgroup_of_the_baseline() {
        let mut chart = Chart::new(2, 2).unwrap();
        let first = chart.add(&[9.0, 11.0]).unwrap();
        assert_eq!((first.mean, first.range, first.standardized, first.new_limits), (10.0, 2.0, None, None));
        let limits = chart.add(&[14.0, 10.0]).unwrap().new_limits.expect("complete");
        assert_eq!(chart.limits(), Some(limits));
        assert_eq!((limits.mean.centre, limits.range.centre, limits.range.lower), (11.0, 3.0, 0.0));
        assert!(near(limits.mean.upper, 16.64, 1e-9) && near(limits.mean.lower, 5.36, 1e-9));
        assert!(near(limits.range.upper, 9.801, 1e-9));
        assert!(near(limits.deviation, 2.6596, 1e-4) && near(limits.mean_deviation, 1.88, 1e-9));

        let next = chart.add(&[16.0, 17.0]).unwrap();
        assert!(next.new_limits.is_none() && !next.range_outside);
        assert!(near(next.standardized.unwrap(), 2.9255, 1e-4), "{next:?}");
        assert!(chart.add(&[0.0, 9.9]).unwrap().range_outside);
        assert_eq!((chart.subgroups(), chart.limits()), (4, Some(limits)), "judged, not learnt from");
    }

    #[test]
    fn three_deviations_from_the_centre_are_the_limits_that_are_told() {
        for size in SIZES {
            let spread: Vec<f64> = (0..size).map(|at| at as f64).collect();
            let mut chart = Chart::new(size, 2).unwrap();
            chart.add(&spread).unwrap();
            let limits = chart.add(&spread).unwrap().new_limits.expect("complete");
            for (limit, sign) in [(limits.mean.upper, 1.0), (limits.mean.lower, -1.0)] {
                let mut off = |by: f64| chart.add(&vec![limit + sign * by; size]).unwrap().standardized.unwrap() * sign;
                assert!(off(1e-9) > 3.0 && off(-1e-9) < 3.0, "subgroups of {size}");
            }
        }
    }

    #[test]
    fn a_range_may_be_too_small_too() {
        let mut chart = Chart::new(7, 2).unwrap();
        let spread = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        chart.add(&spread).unwrap();
        chart.add(&spread).unwrap();
        assert!(chart.add(&[4.0; 7]).unwrap().range_outside);
        assert!(!chart.add(&spread).unwrap().range_outside);
    }

    #[test]
    fn what_is_equal_is_not_told_apart_by_rounding() {
        for value in [0.1, 5.1, 8.15, 25.01, 100.1, -0.3] {
            let mut chart = Chart::new(5, 30).unwrap();
            let points: Vec<Point> = (0..60).map(|_| chart.add(&[value; 5]).unwrap()).collect();
            assert!(points.iter().all(|point| (point.mean, point.range) == (value, 0.0) && !point.range_outside));
            assert!(points[30..].iter().all(|point| point.standardized == Some(0.0)), "{value}");
        }
        assert_eq!(mean_and_range(&[0.1, 0.2, 0.3]), mean_and_range(&[0.3, 0.2, 0.1]));
    }

    #[test]
    fn a_baseline_that_does_not_vary_judges_everything_else_as_far_away() {
        let mut chart = Chart::new(2, 2).unwrap();
        chart.add(&[5.0, 5.0]).unwrap();
        chart.add(&[5.0, 5.0]).unwrap();
        let mut judge = |value| chart.add(&[value; 2]).unwrap().standardized.unwrap();
        assert_eq!([5.0, 5.1, 4.9].map(&mut judge), [0.0, f64::INFINITY, f64::NEG_INFINITY]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let refusal = |size, baseline| Chart::new(size, baseline).unwrap_err().to_string();
        assert_eq!(refusal(1, 9), "subgroups of 1 measurements: 2 to 10 are allowed");
        assert_eq!(refusal(11, 9), "subgroups of 11 measurements: 2 to 10 are allowed");
        assert_eq!(refusal(5, 1), "a baseline of 1 subgroups: 2 to 1000 are allowed");
        let mut chart = Chart::new(3, 2).unwrap();
        assert_eq!(chart.add(&[1.0]).unwrap_err().to_string(), "a subgroup of 1 measurements: 3 are needed");
        assert_eq!(chart.add(&[1.0, f64::NAN, 2.0]), Err(ChartError::NotFinite));
        assert_eq!(chart.subgroups(), 0);
    }
}
