//! The budgets, as data, and what becomes of each.
//!
//! A row's ratio is how many times faster ours is than the yardstick. A budget of cost (`at most 1.2 ×`) is judged by
//! the reciprocal. Judged is the median; the spread is for the reader. Promises that a row which was not measured is
//! not met.

use super::lines::Lines;

/// Where a budget's figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The pair's ratio: how many times faster.
    Faster,
    /// Its reciprocal: how many times the yardstick's time.
    Cost,
    /// The time of a row without yardstick, in µs.
    Micros,
    /// One fact over another.
    Facts(&'static str, &'static str),
    /// A fact.
    Fact(&'static str),
}

/// Which side of the limit is the good one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A row that has a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Budget {
    pub(super) id: &'static str,
    pub(super) work: &'static str,
    pub(super) beside: &'static str,
    pub(super) from: Source,
    pub(super) limit: Bound,
    pub(super) goal: Option<f64>,
    pub(super) unit: &'static str,
}

const fn row(
    id: &'static str,
    work: &'static str,
    beside: &'static str,
    from: Source,
    limit: Bound,
    goal: Option<f64>,
) -> Budget {
    Budget { id, work, beside, from, limit, goal, unit: " ×" }
}

use Bound::{AtLeast, AtMost};
use Source::{Cost, Fact, Facts, Faster, Micros};

const OFF: Source = Facts("instructions-off", "instructions-off-tracing");
const OTHERS: &str = "without them";

pub(super) const BUDGETS: &[Budget] = &[
    row("off-tracing", "call site, bus disabled (instructions)", "`tracing` disabled", OFF, AtMost(1.0), None),
    row(
        "enabled-tracing",
        "call site enabled, history off, no subscriber",
        "`tracing`, no-op subscriber",
        Cost,
        AtMost(1.0),
        Some(0.3),
    ),
    row("full-1", "full telemetry event, 1 thread", "locked port", Faster, AtLeast(2.5), Some(4.0)),
    row("full-2", "full telemetry event, 2 threads", "locked port", Faster, AtLeast(8.0), Some(12.0)),
    row("scaling-2", "full event, from 1 to 2 threads", "a thread-private control", Faster, AtLeast(0.95), Some(1.0)),
    row("full-64", "full event, 64 threads on these cores", "itself, 2 threads", Faster, AtLeast(0.9), None),
    row("topic-1", "typed topic, 1 handler", "`signals2`", Cost, AtMost(1.0), Some(0.5)),
    row("topic-8", "typed topic, 8 handlers", "`signals2`", Cost, AtMost(1.2), Some(0.5)),
    row("topic-2x1", "typed topic, 2 threads, 1 handler", "`signals2`", Faster, AtLeast(5.0), Some(10.0)),
    row("topic-2x8", "typed topic, 2 threads, 8 handlers", "`signals2`", Faster, AtLeast(5.0), Some(10.0)),
    row("ten-thousand-others", "10 000 subscriptions on other kinds", OTHERS, Cost, AtMost(1.05), None),
    row("reader-ms", "a reader of 500 each millisecond", "no reader", Cost, AtMost(1.15), Some(1.05)),
    row("reader-tight", "a reader of 500 in a tight loop", "no reader", Cost, AtMost(6.0), Some(2.0)),
    Budget {
        unit: "",
        ..row("allocations", "steady publishing: allocations", "–", Fact("allocations"), AtMost(0.0), None)
    },
    Budget {
        unit: " µs",
        ..row("subscribe-held", "subscribe and drop, 10 000 subscriptions held", "–", Micros, AtMost(200.0), Some(20.0))
    },
    row("parts", "full telemetry event", "the sum of its parts alone", Cost, AtMost(1.3), Some(1.1)),
    row("batch", "`publish_all`, an event of it", "a single publish", Cost, AtMost(0.6), None),
    row("in-thread", "an event handled `in_thread`", "`crossbeam-channel` to a thread", Cost, AtMost(1.2), None),
    row("async", "an event handled by an async handler", "`tokio::sync::mpsc` and a task", Cost, AtMost(1.2), None),
    row("and-wait", "`publish_and_wait`, handlers without queues", "`publish`", Cost, AtMost(1.3), None),
    row("compile-1000", "building 1000 call sites, debug", "`tracing`, the same fields", Cost, AtMost(0.7), None),
    row("compile-1000-release", "building 1000 call sites, release", "`tracing`", Cost, AtMost(0.7), None),
];

/// What became of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Met, and its goal reached.
    Reached,
    Met,
    Missed,
    NotMeasured,
}

/// A figure with its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) spread: Option<(f64, f64)>,
}

// === impl Budget ===

impl Budget {
    /// What was measured, in the budget's own measure.
    pub(super) fn figure(&self, lines: &Lines) -> Option<Figure> {
        let pair = || lines.pair(self.id);
        match self.from {
            Faster => pair().map(|pair| Figure { value: pair.ratio, spread: Some((pair.lowest, pair.highest)) }),
            Cost => pair()
                .filter(|pair| pair.lowest > 0.0 && pair.ratio > 0.0)
                .map(|pair| Figure { value: 1.0 / pair.ratio, spread: Some((1.0 / pair.highest, 1.0 / pair.lowest)) }),
            Micros => lines.alone(self.id).map(|row| Figure {
                value: row.ns / 1000.0,
                spread: Some((row.lowest / 1000.0, row.highest / 1000.0)),
            }),
            Facts(ours, its) => {
                let (ours, its) = (lines.fact(ours)?, lines.fact(its)?);
                (its > 0.0).then(|| Figure { value: ours / its, spread: None })
            }
            Fact(id) => lines.fact(id).map(|value| Figure { value, spread: None }),
        }
    }

    pub(super) fn verdict(&self, lines: &Lines) -> Verdict {
        let Some(Figure { value, .. }) = self.figure(lines) else {
            return Verdict::NotMeasured;
        };
        let keeps = |limit: f64| match self.limit {
            AtLeast(_) => value >= limit,
            AtMost(_) => value <= limit,
        };
        let (AtLeast(limit) | AtMost(limit)) = self.limit;
        match (keeps(limit), self.goal.map(keeps)) {
            (false, _) => Verdict::Missed,
            (true, Some(true)) => Verdict::Reached,
            (true, _) => Verdict::Met,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    pub(super) fn is_met(self) -> bool {
        matches!(self, Verdict::Reached | Verdict::Met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str, ratio: f64) -> Lines {
        let (low, high) = (ratio * 0.8, ratio * 1.25);
        Lines::parse(&format!("pair\t{id}\tw\tours\tits\t10\t20\t{ratio}\t{low}\t{high}\t15\n")).expect("a pair")
    }

    fn budget(id: &str) -> &'static Budget {
        BUDGETS.iter().find(|budget| budget.id == id).expect("a row")
    }

    #[test]
    fn faster_is_judged_by_the_ratio() {
        let verdict = |ratio| budget("full-1").verdict(&pair("full-1", ratio));
        assert_eq!(
            [2.49, 2.5, 3.99, 4.0].map(verdict),
            [Verdict::Missed, Verdict::Met, Verdict::Met, Verdict::Reached]
        );
    }

    #[test]
    fn cost_is_judged_by_its_reciprocal_and_so_is_its_spread() {
        let verdict = |ratio| budget("topic-8").verdict(&pair("topic-8", ratio));
        assert_eq!([0.8, 0.84, 2.0].map(verdict), [Verdict::Missed, Verdict::Met, Verdict::Reached]);
        let figure = budget("topic-8").figure(&pair("topic-8", 0.5)).expect("measured");
        assert_eq!((figure.value, figure.spread), (2.0, Some((1.6, 2.5))));
    }

    #[test]
    fn facts_and_times_have_their_own_measure() {
        let lines = Lines::parse(
            "fact\tallocations\t0\tx\nfact\tinstructions-off\t5\tx\nfact\tinstructions-off-tracing\t4\tx\n\
             alone\tsubscribe-held\tw\tn\t15000\t9000\t30000\t15\n",
        );
        let lines = lines.expect("well formed");
        assert_eq!(budget("allocations").verdict(&lines), Verdict::Met);
        assert_eq!(budget("off-tracing").verdict(&lines), Verdict::Missed);
        assert_eq!(budget("subscribe-held").verdict(&lines), Verdict::Reached);
        assert_eq!(budget("subscribe-held").figure(&lines).expect("told").spread, Some((9.0, 30.0)));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        for budget in BUDGETS {
            assert_eq!(budget.verdict(&Lines::default()), Verdict::NotMeasured, "{}", budget.id);
            assert!(!budget.verdict(&Lines::default()).is_met());
        }
        let lines = Lines::parse("fact\tallocations\t1\tx\n").expect("a fact");
        assert_eq!(budget("allocations").verdict(&lines), Verdict::Missed);
    }

    #[test]
    fn goals_are_beyond_their_budgets_and_ids_differ() {
        for budget in BUDGETS {
            let beyond = match (budget.limit, budget.goal) {
                (_, None) => true,
                (AtLeast(limit), Some(goal)) => goal > limit,
                (AtMost(limit), Some(goal)) => goal < limit,
            };
            assert!(beyond, "{}", budget.id);
            assert_eq!(BUDGETS.iter().filter(|other| other.id == budget.id).count(), 1);
        }
    }
}
