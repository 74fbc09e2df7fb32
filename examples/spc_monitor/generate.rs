//! Measurements of a process that does not stay in control: made by a seed, always the same for the same one.
//!
//! Normal noise by the polar method (G. Marsaglia, T. A. Bray, "A Convenient Method for Generating Normal Variables", *SIAM
//! Review* 6(3), 1964) over SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014). The first [`QUIET`] subgroups of each
//! characteristic are in control, so that limits can be made of them; what happens later is each characteristic's
//! [`Disturbance`], such that each Nelson rule has something to see.

use std::io::{self, Write};

use crate::series::{HEADER, Row};

/// How many subgroups, from the first on, are in control.
pub(crate) const QUIET: u64 = 30;

/// How much to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) characteristics: usize,
    pub(crate) subgroups: u64,
    pub(crate) size: usize,
}

/// As much as `examples/data/spc_series.csv` holds.
pub(crate) const EXTENT: Extent = Extent { characteristics: 4, subgroups: 120, size: 5 };

/// A characteristic: what it should be, how much it varies, what happens to it.
#[derive(Clone, Copy, Debug)]
struct Process {
    name: &'static str,
    centre: f64,
    deviation: f64,
    disturbance: Disturbance,
}

/// What a process goes through, again and again every [`PERIOD`] subgroups.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// A new batch of material lies a little off: rules 2, 5 and 6.
    Shift,
    /// A tool wears until it is changed: rule 3.
    Trend,
    /// Single subgroups are far off, and in one a single measurement: rule 1, and the chart of ranges.
    Spikes,
    /// Somebody corrects each subgroup by too much (rules 4 and 8); later the samples come from a sorted lot (rule 7).
    Tampering,
}

const PROCESSES: [Process; 4] = [
    Process { name: "bore", centre: 25.0, deviation: 0.01, disturbance: Disturbance::Shift },
    Process { name: "shaft", centre: 180.0, deviation: 0.05, disturbance: Disturbance::Trend },
    Process { name: "coating", centre: 12.5, deviation: 0.4, disturbance: Disturbance::Spikes },
    Process { name: "torque", centre: 8.0, deviation: 0.15, disturbance: Disturbance::Tampering },
];

/// After the quiet subgroups, disturbances come again after so many.
const PERIOD: u64 = 90;

/// SplitMix64.
struct Random(u64);

// === making ===

/// Makes the rows, subgroup by subgroup.
pub(crate) fn rows(seed: u64, extent: Extent, mut each: impl FnMut(Row) -> io::Result<()>) -> io::Result<()> {
    let mut random = Random(seed);
    let mut line = 0;
    for subgroup in 1..=extent.subgroups {
        for number in 0..extent.characteristics {
            let process = PROCESSES[number % PROCESSES.len()];
            let (shift, spread, outlier) = process.disturbance.at(subgroup);
            for at in 0..extent.size {
                let extra = if at == 0 { outlier } else { 0.0 };
                let noise = shift + extra + spread * random.normal();
                line += 1;
                let value = process.centre + process.deviation * noise;
                each(Row { line, characteristic: name(process.name, number), subgroup, value })?;
            }
        }
    }
    Ok(())
}

/// Writes them as a file.
pub(crate) fn write(seed: u64, extent: Extent, to: &mut impl Write) -> io::Result<()> {
    let Extent { characteristics, subgroups, size } = extent;
    writeln!(
        to,
        "# {characteristics} characteristics, {subgroups} subgroups of {size}; shifts, trends and spikes injected."
    )?;
    writeln!(to, "# Made by: cargo run --features async,derive --example spc_monitor -- --generate={seed}")?;
    writeln!(to, "{HEADER}")?;
    rows(seed, extent, |Row { characteristic, subgroup, value, .. }| {
        writeln!(to, "{characteristic},{subgroup},{value:.4}")
    })
}

/// Further characteristics of a process bear a number.
fn name(process: &str, number: usize) -> String {
    match number / PROCESSES.len() {
        0 => process.to_owned(),
        round => format!("{process}-{}", round + 1),
    }
}

// === impl Disturbance, Random ===

impl Disturbance {
    /// How far off a subgroup is, how much it varies, and how far off its first measurement is besides: in standard
    /// deviations of a measurement.
    fn at(self, subgroup: u64) -> (f64, f64, f64) {
        let Some(since) = subgroup.checked_sub(QUIET + 1) else { return (0.0, 1.0, 0.0) };
        match (self, since % PERIOD) {
            (Self::Shift, 30..50) => (1.2, 1.0, 0.0),
            (Self::Trend, since @ 40..50) => ((since - 39) as f64, 1.0, 0.0),
            (Self::Spikes, 10 | 60) => (3.0, 1.0, 0.0),
            (Self::Spikes, 35) => (0.0, 1.0, 8.0),
            (Self::Tampering, since @ 20..40) => (if since % 2 == 0 { 1.3 } else { -1.3 }, 1.0, 0.0),
            (Self::Tampering, 55..75) => (0.0, 0.2, 0.0),
            _ => (0.0, 1.0, 0.0),
        }
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from -1 to 1, in steps of 2^-52.
    fn even(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Of the standard normal distribution. The method makes two at a time; the second is not kept.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.even(), self.even());
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::Chart;
    use crate::rules::Rules;
    use crate::series::Series;
    use crate::subgroups::Subgroups;
    use std::collections::{BTreeMap, BTreeSet};

    /// Which rules fire for which characteristic (0: the chart of ranges), and at which subgroups.
    fn signals(text: &[u8]) -> BTreeMap<String, BTreeMap<u8, Vec<u64>>> {
        let mut subgroups = Subgroups::new(EXTENT.size);
        let mut charts = BTreeMap::new();
        let mut signals: BTreeMap<String, BTreeMap<u8, Vec<u64>>> = BTreeMap::new();
        for row in Series::new(text) {
            let (subgroup, error) = subgroups.add(row.expect("a good line"));
            assert_eq!(error, None);
            let Some(subgroup) = subgroup else { continue };
            let fresh = || (Chart::new(EXTENT.size, QUIET as usize).unwrap(), Rules::default());
            let (chart, rules) = charts.entry(subgroup.characteristic.clone()).or_insert_with(fresh);
            let point = chart.add(&subgroup.values).expect("a good subgroup");
            let fired = point.standardized.map(|z| rules.next(z)).unwrap_or_default();
            let numbers = fired.iter().map(|rule| rule.number()).chain(point.range_outside.then_some(0));
            for number in numbers {
                let fired = signals.entry(subgroup.characteristic.clone()).or_default();
                fired.entry(number).or_default().push(subgroup.number);
            }
        }
        assert!(charts.values().all(|(chart, _)| chart.subgroups() == EXTENT.subgroups as usize));
        signals
    }

    const FILE: &[u8] = include_bytes!("../data/spc_series.csv");

    #[test]
    fn the_file_is_what_the_generator_makes() {
        let mut made = Vec::new();
        write(1, EXTENT, &mut made).unwrap();
        assert!(made == FILE, "made anew by the command in its second line");
        assert!(made.len() < 60_000);
        let mut other = Vec::new();
        write(2, EXTENT, &mut other).unwrap();
        assert_ne!(made, other);
    }

    #[test]
    fn every_rule_has_something_to_see_where_it_was_injected() {
        let signals = signals(FILE);
        // Where the disturbance has lasted for as long as the rule's pattern is, and does still.
        let expected = [
            ("bore", 2, 69..=80),
            ("bore", 5, 62..=80),
            ("bore", 6, 64..=80),
            ("shaft", 3, 76..=80),
            ("coating", 1, 41..=41),
            ("coating", 1, 91..=91),
            ("coating", 0, 66..=66),
            ("torque", 4, 64..=70),
            ("torque", 8, 58..=70),
            ("torque", 7, 100..=105),
        ];
        for (name, rule, mut subgroups) in expected {
            let seen = |subgroup: u64| signals[name].get(&rule).is_some_and(|fired| fired.contains(&subgroup));
            assert!(subgroups.any(seen), "rule {rule} for {name}: {signals:?}");
        }
        let all: BTreeSet<u8> = signals.values().flat_map(|fired| fired.keys().copied()).collect();
        assert_eq!(all, (0..=8).collect(), "{signals:?}");
    }

    #[test]
    fn noise_is_normal() {
        let mut random = Random(7);
        let count = 100_000;
        let (mut sum, mut squares, mut beyond) = (0.0, 0.0, 0);
        for _ in 0..count {
            let value = random.normal();
            (sum, squares) = (sum + value, squares + value * value);
            beyond += u32::from(value.abs() > 2.0);
        }
        let (mean, variance) = (sum / f64::from(count), squares / f64::from(count));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        // 4.55 % of a normal distribution.
        assert!((4_200..4_900).contains(&beyond), "{beyond}");
    }

    #[test]
    fn further_characteristics_have_names_of_their_own() {
        let mut names = BTreeSet::new();
        let extent = Extent { characteristics: 9, subgroups: 1, size: 2 };
        rows(1, extent, |row| {
            names.insert(row.characteristic);
            Ok(())
        })
        .unwrap();
        assert_eq!(names.len(), 9);
        assert!(names.contains("bore-3") && names.contains("torque-2"));
    }
}
