//! Plots, as SVG text: lines over two axes.
//!
//! Readable on light and dark pages (a white ground of its own), without colours alone (each series has its own mark
//! too), and the same text for the same figures. Refuses nothing: a plot without points says so.

use std::fmt::Write as _;

/// How figures are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// Each power of so much gets the same room.
    Log(u32),
}

pub(super) struct Axis {
    /// What it shows, with its unit.
    pub(super) label: String,
    pub(super) scale: Scale,
    /// Its marks, where they have names of their own: figure and name.
    pub(super) named: Vec<(f64, String)>,
}

pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    /// Drawn with dashes: what ours is compared with.
    pub(super) dashed: bool,
}

pub(super) struct Plot {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 340.0;

/// Told apart also by people who see few colours.
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#b58900", "#56b4e9", "#7f4fc9"];

// === figures to places ===

/// An axis, laid out: from which figure to which, and where its marks are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    scale: Scale,
    from: f64,
    to: f64,
    pub(super) marks: Vec<f64>,
}

impl Layout {
    /// For these figures.
    pub(super) fn of(scale: Scale, figures: impl Iterator<Item = f64>) -> Self {
        let figures: Vec<f64> = figures.filter(|figure| *figure > 0.0 || scale == Scale::Linear).collect();
        let most = figures.iter().copied().fold(0.0, f64::max);
        let least = figures.iter().copied().fold(most, f64::min);
        match scale {
            Scale::Linear => {
                let step = step(most);
                let count = (most / step - 1e-9).ceil().max(1.0);
                let marks = (0..=count as u32).map(|at| f64::from(at) * step).collect();
                Self { scale, from: 0.0, to: count * step, marks }
            }
            Scale::Log(base) => {
                let base = f64::from(base);
                let power = |figure: f64| figure.max(1e-12).ln() / base.ln();
                let first = (power(least) + 1e-9).floor();
                let last = (power(most) - 1e-9).ceil().max(first + 1.0);
                let marks = (0..=(last - first) as i32).map(|at| base.powf(first + f64::from(at))).collect();
                Self { scale, from: base.powf(first), to: base.powf(last), marks }
            }
        }
    }

    /// Where a figure lies: 0 at the axis' beginning, 1 at its end.
    pub(super) fn place(&self, figure: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (figure - self.from) / (self.to - self.from),
            Scale::Log(_) => (figure.max(1e-12) / self.from).ln() / (self.to / self.from).ln(),
        };
        place.clamp(0.0, 1.0)
    }
}

/// The distance of marks for figures up to `most`: 1, 2 or 5 times a power of ten, four to ten of them.
fn step(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf((most / 5.0).log10().floor());
    let times = most / 5.0 / power;
    power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| times <= step * 1.000_001).unwrap_or(10.0)
}

/// A mark's figure in a few letters: `250`, `1.5 M`, `0.5`.
pub(super) fn short(figure: f64) -> String {
    let (scaled, unit) = match figure.abs() {
        f if f >= 1e9 => (figure / 1e9, " G"),
        f if f >= 1e6 => (figure / 1e6, " M"),
        f if f >= 1e4 => (figure / 1e3, " k"),
        _ => (figure, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

// === impl Plot ===

impl Plot {
    /// The SVG.
    pub(super) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x = Layout::of(self.x.scale, points().map(|point| point.0));
        let y = Layout::of(self.y.scale, points().map(|point| point.1));
        let across = |figure: f64| LEFT + 12.0 + x.place(figure) * (RIGHT - LEFT - 24.0);
        let up = |figure: f64| BOTTOM - y.place(figure) * (BOTTOM - TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"28\" font-size=\"16\" fill=\"#111111\">{title}</text>\n",
            title = escaped(&self.title)
        );
        for (figure, name) in marks(&self.y, &y) {
            let at = up(figure);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{RIGHT}\" y2=\"{at:.1}\" stroke=\"#dddddd\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333333\">{name}</text>",
                LEFT - 8.0,
                at + 4.5
            );
        }
        for (figure, name) in marks(&self.x, &x) {
            let at = across(figure);
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" y1=\"{BOTTOM}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"#333333\"/>\n\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#333333\">{name}</text>",
                BOTTOM + 5.0,
                BOTTOM + 20.0
            );
        }
        let middle = (TOP + BOTTOM) / 2.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#333333\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#111111\">{}</text>\n\
             <text x=\"22\" y=\"{middle}\" text-anchor=\"middle\" fill=\"#111111\" \
             transform=\"rotate(-90 22 {middle})\">{}</text>",
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 40.0,
            escaped(&self.x.label),
            escaped(&self.y.label)
        );
        if points().next().is_none() {
            let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{middle}\" fill=\"#aa0000\">not measured</text>", LEFT + 30.0);
        }
        // The legend's columns: as wide as the longest name, about.
        let longest = self.series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
        let column = 44.0 + 7.2 * longest as f64;
        let columns = ((RIGHT - LEFT) / column).floor().max(1.0) as usize;
        for (at, series) in self.series.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let dashes = if series.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
            let places: Vec<(f64, f64)> = series.points.iter().map(|&(x, y)| (across(x), up(y))).collect();
            let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let line = line.join(" ");
            let _ = writeln!(
                svg,
                "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>"
            );
            for &(x, y) in &places {
                let _ = writeln!(svg, "{}", mark(at, x, y, colour));
            }
            let (x, y) = (LEFT + (at % columns) as f64 * column, BOTTOM + 64.0 + (at / columns) as f64 * 18.0);
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" \
                 stroke-width=\"2\"{dashes}/>\n{}\n<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#111111\">{}</text>",
                x + 26.0,
                mark(at, x + 13.0, y, colour),
                x + 32.0,
                y + 4.5,
                escaped(&series.name)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// An axis' marks and what is written at them.
fn marks(axis: &Axis, layout: &Layout) -> Vec<(f64, String)> {
    match axis.named.is_empty() {
        true => layout.marks.iter().map(|&figure| (figure, short(figure))).collect(),
        false => axis.named.iter().map(|(figure, name)| (*figure, escaped(name))).collect(),
    }
}

/// A circle, square, triangle or diamond.
fn mark(at: usize, x: f64, y: f64, colour: &str) -> String {
    match at % 4 {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"),
        1 => format!("<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"{colour}\"/>", x - 4.0, y - 4.0),
        2 => format!("<path d=\"M{:.1} {:.1}l5 9h-10z\" fill=\"{colour}\"/>", x, y - 5.0),
        _ => format!("<path d=\"M{:.1} {:.1}l5 5l-5 5l-5 -5z\" fill=\"{colour}\"/>", x, y - 5.0),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_begins_at_0_and_ends_at_a_round_figure() {
        let layout = Layout::of(Scale::Linear, [3.0, 17.0, 9.0].into_iter());
        assert_eq!(layout.marks, [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!([0.0, 10.0, 20.0].map(|figure| layout.place(figure)), [0.0, 0.5, 1.0]);
        assert_eq!(Layout::of(Scale::Linear, [10.0].into_iter()).to, 10.0);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_power_the_same_room() {
        let layout = Layout::of(Scale::Log(2), [1.0, 2.0, 4.0, 64.0].into_iter());
        assert_eq!(layout.marks.len(), 7);
        assert!((layout.place(8.0) - 0.5).abs() < 1e-9);
        let tens = Layout::of(Scale::Log(10), [40.0, 12_000.0].into_iter());
        assert!((tens.from - 10.0).abs() < 1e-9 && (tens.to - 100_000.0).abs() < 1e-6);
    }

    #[test]
    fn no_figure_leaves_the_plot_and_none_breaks_it() {
        for scale in [Scale::Linear, Scale::Log(2)] {
            for figures in [vec![], vec![0.0], vec![5.0], vec![1e-3, 1e9]] {
                let layout = Layout::of(scale, figures.iter().copied());
                for figure in figures.iter().chain(&[0.0, 1e12]) {
                    assert!((0.0..=1.0).contains(&layout.place(*figure)), "{scale:?} {figures:?} {figure}");
                }
            }
        }
    }

    #[test]
    fn steps_are_1_2_or_5_times_a_power_of_ten() {
        assert_eq!([1.0, 7.0, 10.0, 26.0, 1e7].map(step), [0.2, 2.0, 2.0, 10.0, 2e6]);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([0.5, 20.0, 2500.0, 15_000.0, 1.5e6, 2e9].map(short), ["0.5", "20", "2500", "15 k", "1.5 M", "2 G"]);
    }

    #[test]
    fn a_plot_has_its_ground_its_axes_and_its_legend() {
        let axis = |label: &str, scale| Axis { label: label.into(), scale, named: Vec::new() };
        let series = |name: &str, dashed| Series { name: name.into(), points: vec![(1.0, 2e6), (2.0, 4e6)], dashed };
        let mut plot = Plot {
            title: "A < B".into(),
            x: axis("threads", Scale::Log(2)),
            y: axis("events/s", Scale::Linear),
            series: vec![series("ours", false), series("control", true)],
        };
        let svg = plot.svg();
        for part in ["fill=\"#ffffff\"", "A &lt; B", "threads", "events/s", ">ours<", ">control<", "4 M", "dasharray"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!((svg.matches("<circle").count(), svg.clone()), (3, plot.svg()));
        plot.series.clear();
        assert!(plot.svg().contains("not measured"));
    }
}
