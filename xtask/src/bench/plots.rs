//! Which plots the report has, and what is drawn in them.
//!
//! A plot is drawn of the lines `series` that name it; where there are none, of the rows that are numbered by its x: the
//! rows `threads-1`, `threads-2` … are the plot of threads. Latencies are drawn of the lines `latency`.

use std::collections::BTreeSet;

use super::lines::Lines;
use super::plot::{Axis, Plot, Scale, Series};

/// The plots, by the names of their files.
pub(super) fn all(lines: &Lines) -> Vec<(String, Plot)> {
    let mut plots = vec![
        ("threads".to_owned(), threads(lines)),
        ("latency".to_owned(), latency(lines)),
        ("fan-out".to_owned(), handlers(lines)),
    ];
    let known: BTreeSet<&str> = ["threads", "latency", "fan-out"].into();
    for (id, points) in lines.series.iter().filter(|(id, _)| !known.contains(id.as_str())) {
        let axis = |label: &str| Axis { label: label.to_owned(), scale: Scale::Linear, named: Vec::new() };
        let series = grouped(points.iter().map(|(name, x, y)| (name.as_str(), *x, *y)));
        plots.push((id.clone(), Plot { title: id.clone(), x: axis("x"), y: axis(id), series }));
    }
    plots
}

fn threads(lines: &Lines) -> Plot {
    // A round is one event on each thread.
    let series = told(lines, "threads").unwrap_or_else(|| rows(lines, "threads-", |threads, ns| threads / ns * 1e3));
    Plot {
        title: "Throughput by number of publishing threads".to_owned(),
        x: by_numbers("threads", &series),
        y: Axis { label: "million events a second".to_owned(), scale: Scale::Linear, named: Vec::new() },
        series,
    }
}

fn handlers(lines: &Lines) -> Plot {
    let series = told(lines, "fan-out").unwrap_or_else(|| rows(lines, "fan-", |_, ns| ns));
    Plot {
        title: "Cost of a publish by number of handlers".to_owned(),
        x: by_numbers("handlers", &series),
        y: Axis { label: "ns a publish".to_owned(), scale: Scale::Log(10), named: Vec::new() },
        series,
    }
}

fn latency(lines: &Lines) -> Plot {
    let names = ["p50", "p99", "p99.9", "max"];
    let named = names.iter().enumerate().map(|(at, name)| (at as f64, (*name).to_owned())).collect();
    let series = lines.latencies.iter().map(|(_, latency)| Series {
        // What all of them have in common stands before the colon.
        name: latency.what.rsplit(": ").next().unwrap_or_default().to_owned(),
        points: latency.at.iter().enumerate().map(|(at, ns)| (at as f64, *ns)).collect(),
        dashed: !latency.what.contains("ringbus"),
    });
    Plot {
        title: "Latency of a publish under load".to_owned(),
        x: Axis { label: "share of the publishes that took no longer".to_owned(), scale: Scale::Linear, named },
        y: Axis { label: "ns a publish".to_owned(), scale: Scale::Log(10), named: Vec::new() },
        series: series.collect(),
    }
}

/// An axis marked where there are points.
fn by_numbers(label: &str, series: &[Series]) -> Axis {
    let numbers: BTreeSet<u64> =
        series.iter().flat_map(|series| &series.points).map(|(x, _)| x.round() as u64).collect();
    let named = numbers.into_iter().map(|number| (number as f64, number.to_string())).collect();
    Axis { label: label.to_owned(), scale: Scale::Log(2), named }
}

fn told(lines: &Lines, plot: &str) -> Option<Vec<Series>> {
    let points = lines.series.get(plot)?;
    Some(grouped(points.iter().map(|(name, x, y)| (name.as_str(), *x, *y))))
}

/// Of the rows `prefixN`, ours and the yardsticks'; `height` makes y of N and the ns of a round.
fn rows(lines: &Lines, prefix: &str, height: impl Fn(f64, f64) -> f64) -> Vec<Series> {
    let number = |id: &str| id.strip_prefix(prefix)?.parse::<f64>().ok();
    let mut points: Vec<(&str, f64, f64)> = Vec::new();
    for (id, pair) in &lines.pairs {
        if let Some(x) = number(id) {
            points.push((&pair.ours, x, height(x, pair.our_ns)));
            points.push((&pair.yardstick, x, height(x, pair.its_ns)));
        }
    }
    for (id, row) in &lines.alone {
        if let Some(x) = number(id) {
            points.push((&row.name, x, height(x, row.ns)));
        }
    }
    grouped(points.into_iter())
}

/// Series in the order first named, each from left to right.
fn grouped<'a>(points: impl Iterator<Item = (&'a str, f64, f64)>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (name, x, y) in points {
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push((x, y)),
            None => {
                all.push(Series { name: name.to_owned(), points: vec![(x, y)], dashed: !name.contains("ringbus") });
            }
        }
    }
    for series in &mut all {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_make_the_plot_where_no_series_is_told() {
        let text = "pair\tthreads-2\tw\tringbus\tcontrol\t100\t50\t0.5\t0.4\t0.6\t15\n\
                    pair\tthreads-1\tw\tringbus\tcontrol\t80\t40\t0.5\t0.4\t0.6\t15\n";
        let plot = threads(&Lines::parse(text).expect("well formed"));
        assert_eq!(plot.series[0].points, [(1.0, 1e3 / 80.0), (2.0, 2e3 / 100.0)]);
        assert_eq!((plot.series[1].name.as_str(), plot.series[1].dashed), ("control", true));
        assert_eq!(plot.x.named, [(1.0, "1".to_owned()), (2.0, "2".to_owned())]);
        let told = format!("{text}series\tthreads\tringbus\t4\t7\n");
        assert_eq!(threads(&Lines::parse(&told).expect("well formed")).series[0].points, [(4.0, 7.0)]);
    }

    #[test]
    fn there_are_three_plots_and_those_told_besides() {
        let lines = Lines::parse("series\tmemory\tringbus\t4\t7\nlatency\tl\tfull event: ringbus\t1\t2\t3\t4\t5\n")
            .expect("well formed");
        let names: Vec<String> = all(&lines).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["threads", "latency", "fan-out", "memory"]);
        let latency = &latency(&lines).series[0];
        assert_eq!((latency.points[3], latency.name.as_str()), ((3.0, 4.0), "ringbus"));
    }
}
