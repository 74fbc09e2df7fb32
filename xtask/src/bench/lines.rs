//! What the programs that measure print: one line a finding, its parts separated by tabs.
//!
//! ```text
//! pair      id  what  ours  yardstick  our ns  its ns  ratio  lowest  highest  pairs
//! alone     id  what  name  ns  lowest  highest  samples
//! latency   id  what  p50  p99  p99.9  max  samples       (ns)
//! series    plot  name  x  y
//! does-not  rival  what it does less
//! part      name  inside, or -  alone                     (ns)
//! fact      id  value  unit, or what it is
//! machine   what  value
//! ```
//!
//! Promises that a line which begins like one of these, and is none, is an error that shows it. Lines with another
//! first word are not for the report.

use std::collections::BTreeMap;

/// Two sides measured in turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) what: String,
    pub(super) ours: String,
    pub(super) yardstick: String,
    /// Medians, ns a round.
    pub(super) our_ns: f64,
    pub(super) its_ns: f64,
    /// Of the pairs' ratios, yardstick / ours: how many times faster we are.
    pub(super) ratio: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
    pub(super) pairs: u64,
}

/// One side, alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alone {
    pub(super) what: String,
    pub(super) name: String,
    pub(super) ns: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
    pub(super) samples: u64,
}

/// How long single publishes took, ns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Latency {
    pub(super) what: String,
    /// p50, p99, p99.9, maximum.
    pub(super) at: [f64; 4],
    pub(super) samples: u64,
}

/// A part of a publish, ns: its share in there, and measured alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    /// A difference of two times, so it may be negative; none, where it cannot be told.
    pub(super) inside: Option<f64>,
    pub(super) alone: f64,
}

/// Everything that was told, in the order told. A row told twice: the later counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lines {
    pub(super) pairs: Vec<(String, Pair)>,
    pub(super) alone: Vec<(String, Alone)>,
    pub(super) latencies: Vec<(String, Latency)>,
    /// By plot, then in the order told: series, x, y.
    pub(super) series: BTreeMap<String, Vec<(String, f64, f64)>>,
    /// Rival and what it does less; several of one.
    pub(super) lacks: Vec<(String, String)>,
    pub(super) parts: Vec<Part>,
    pub(super) facts: Vec<(String, f64, String)>,
    pub(super) machine: Vec<(String, String)>,
}

// === impl Lines ===

impl Lines {
    /// Reads all lines.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Self::default();
        for line in text.lines() {
            lines.add(line).map_err(|why| format!("{why}: `{}`", line.replace('\t', " | ")))?;
        }
        Ok(lines)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split('\t').collect();
        let text = |at: usize| words[at].to_owned();
        let number = |at: usize| number(words[at]);
        let count = |at: usize| words[at].parse::<u64>().map_err(|_| format!("`{}` is no count", words[at]));
        let has = |expected: usize| match words.len() == expected {
            true => Ok(()),
            false => Err(format!("{} parts, where {expected} are expected", words.len())),
        };
        match words[0] {
            "pair" => {
                has(11)?;
                let pair = Pair {
                    what: text(2),
                    ours: text(3),
                    yardstick: text(4),
                    our_ns: number(5)?,
                    its_ns: number(6)?,
                    ratio: number(7)?,
                    lowest: number(8)?,
                    highest: number(9)?,
                    pairs: count(10)?,
                };
                put(&mut self.pairs, text(1), pair);
            }
            "alone" => {
                has(8)?;
                let alone = Alone {
                    what: text(2),
                    name: text(3),
                    ns: number(4)?,
                    lowest: number(5)?,
                    highest: number(6)?,
                    samples: count(7)?,
                };
                put(&mut self.alone, text(1), alone);
            }
            "latency" => {
                has(8)?;
                let at = [number(3)?, number(4)?, number(5)?, number(6)?];
                put(&mut self.latencies, text(1), Latency { what: text(2), at, samples: count(7)? });
            }
            "series" => {
                has(5)?;
                self.series.entry(text(1)).or_default().push((text(2), number(3)?, number(4)?));
            }
            "does-not" => {
                has(3)?;
                self.lacks.push((text(1), text(2)));
            }
            "part" => {
                has(4)?;
                let inside = if words[2] == "-" { None } else { Some(signed(words[2])?) };
                self.parts.push(Part { name: text(1), inside, alone: number(3)? });
            }
            "fact" => {
                has(4)?;
                self.facts.retain(|(id, ..)| *id != words[1]);
                self.facts.push((text(1), number(2)?, text(3)));
            }
            "machine" => {
                has(3)?;
                put(&mut self.machine, text(1), text(2));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn pair(&self, id: &str) -> Option<&Pair> {
        self.pairs.iter().find(|(of, _)| of == id).map(|(_, pair)| pair)
    }

    pub(super) fn alone(&self, id: &str) -> Option<&Alone> {
        self.alone.iter().find(|(of, _)| of == id).map(|(_, alone)| alone)
    }

    pub(super) fn fact(&self, id: &str) -> Option<f64> {
        self.facts.iter().find(|(of, ..)| of == id).map(|&(_, value, _)| value)
    }
}

/// Puts it in its predecessor's place, or at the end.
fn put<T>(all: &mut Vec<(String, T)>, id: String, new: T) {
    match all.iter_mut().find(|(of, _)| *of == id) {
        Some((_, old)) => *old = new,
        None => all.push((id, new)),
    }
}

fn number(word: &str) -> Result<f64, String> {
    signed(word).ok().filter(|number| *number >= 0.0).ok_or_else(|| format!("`{word}` is no figure"))
}

fn signed(word: &str) -> Result<f64, String> {
    word.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("`{word}` is no figure"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_read() {
        let lines = Lines::parse(
            "running 3 benches\n\
             pair\tfull-1\ta full publish\tringbus\tlocked port\t50.5\t150\t2.97\t2.5\t3.25\t15\n\
             alone\tchurn\tchurn\tringbus\t7\t6\t9.5\t15\n\
             latency\tload\tunder load\t40\t90\t900\t12000\t100000\n\
             series\tthreads\tringbus\t2\t1.5e7\n\
             does-not\tbus\tno history\n\
             part\tclock\t-\t11.5\npart\tfields\t-0.5\t3\n\
             fact\tbytes\t31\tbytes\n",
        )
        .expect("all is well");
        let pair = lines.pair("full-1").expect("told");
        assert_eq!((pair.our_ns, pair.its_ns, pair.ratio), (50.5, 150.0, 2.97));
        assert_eq!((pair.lowest, pair.highest, pair.pairs), (2.5, 3.25, 15));
        assert_eq!(lines.alone("churn").map(|row| row.highest), Some(9.5));
        assert_eq!(lines.latencies[0].1.at, [40.0, 90.0, 900.0, 12_000.0]);
        assert_eq!(lines.series["threads"], [("ringbus".to_owned(), 2.0, 1.5e7)]);
        assert_eq!(lines.lacks, [("bus".to_owned(), "no history".to_owned())]);
        assert_eq!([lines.parts[0].inside, lines.parts[1].inside], [None, Some(-0.5)]);
        assert_eq!((lines.fact("bytes"), lines.fact("no")), (Some(31.0), None));
    }

    #[test]
    fn a_row_told_again_takes_its_place() {
        let lines =
            Lines::parse("fact\ta\t1\tns\nfact\ta\t2\tns\nalone\tx\tw\tn\t1\t1\t1\t1\nalone\tx\tw\tn\t3\t1\t3\t1\n");
        let lines = lines.expect("well formed");
        assert_eq!((lines.fact("a"), lines.alone.len()), (Some(2.0), 1));
        assert_eq!(lines.alone("x").map(|row| row.ns), Some(3.0));
    }

    #[test]
    fn a_line_that_is_none_is_shown() {
        for (line, why) in [
            ("pair\tfull-1\tx", "3 parts, where 11"),
            ("fact\ta\tNaN\tns", "`NaN` is no figure"),
            ("fact\ta\t-1\tns", "`-1` is no figure"),
            ("alone\tx\tw\tn\t1\t1\t1\t1.5", "`1.5` is no count"),
        ] {
            let said = Lines::parse(line).expect_err(line);
            assert!(said.contains(why) && said.contains(" | "), "{said}");
        }
    }
}
