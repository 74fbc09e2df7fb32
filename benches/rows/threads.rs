//! The full event on more and more threads: ours, the locked port, and the control that shares nothing.

use std::time::Duration;

use super::private::Private;
use super::sides::{LOCKED_PORT, Ours, Port, RINGBUS};
use crate::common::lines;
use crate::common::numbers::{Spread, quotients};
use crate::common::options::Options;
use crate::common::pairs::alternate;
use crate::common::row::Study;

pub const STUDIES: &[Study] = &[
    Study { id: "scaling-2", run: scaling },
    Study { id: "threads-1", run: |options| threads(options, "threads-1", "full event, 1 thread", 1) },
    Study { id: "threads-2", run: |options| threads(options, "threads-2", "full event, 2 threads", 2) },
    Study { id: "threads-4", run: |options| threads(options, "threads-4", "full event, 4 threads", 4) },
    Study { id: "threads-16", run: |options| threads(options, "threads-16", "full event, 16 threads", 16) },
    Study { id: "threads-64", run: |options| threads(options, "threads-64", "full event, 64 threads", 64) },
];

/// How many times the events a second two threads make of one's, ours beside the control's. All four are measured in
/// turn; the ratio is that of the scalings of one turn.
fn scaling(options: &Options) {
    let [mut ours_1, mut ours_2] = [1, 2].map(|threads| Ours::new(1).side(RINGBUS, threads));
    let [mut control_1, mut control_2] = [1, 2].map(Private::side);
    let times = alternate(options, &mut [&mut ours_1, &mut ours_2, &mut control_1, &mut control_2]);
    // Each of two threads does a round in the time told: two events.
    let scaling = |one: &[f64], two: &[f64]| -> Vec<f64> { quotients(one, two).iter().map(|q| q * 2.0).collect() };
    let (ours, control) = (scaling(&times[0], &times[1]), scaling(&times[2], &times[3]));
    let ratio = Spread::of(&quotients(&ours, &control));
    let what = "from 1 thread to 2: times the events a second";
    let sides = ((RINGBUS, Spread::of(&ours).median), ("control", Spread::of(&control).median));
    println!("{}", lines::pair(("scaling-2", what), sides.0, sides.1, ratio, ours.len()));
}

/// The row beside the locked port, and the plot: million events a second by the number of threads.
fn threads(options: &Options, id: &str, what: &str, threads: usize) {
    // Until a crowd has been woken, milliseconds pass.
    let least = Duration::from_millis(if threads > 4 { 40 } else { 0 });
    let options = &Options { slice: options.slice.max(least), ..options.clone() };
    let mut ours = Ours::new(1).side(RINGBUS, threads);
    let mut control = Private::side(threads);
    let mut port = Port::new(1).side(threads);
    let times = alternate(options, &mut [&mut ours, &mut control, &mut port]);
    let [ours_ns, control_ns, port_ns] = [0, 1, 2].map(|side| Spread::of(&times[side]).median);
    let ratio = Spread::of(&quotients(&times[2], &times[0]));
    println!("{}", lines::pair((id, what), (RINGBUS, ours_ns), (LOCKED_PORT, port_ns), ratio, times[0].len()));
    for (name, ns) in [(RINGBUS, ours_ns), ("control", control_ns), (LOCKED_PORT, port_ns)] {
        let million_a_second = threads as f64 / ns * 1e3;
        println!("{}", lines::series("threads", name, threads as f64, million_a_second));
    }
}
