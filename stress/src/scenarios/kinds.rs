//! Very many kinds told at run time, each published, subscribed to and given up: nothing of them stays (P9).

use ringbus::{Bus, publish_event};

use super::{Figures, Run};
use crate::memory::Samples;

/// `run.events` is a number of kinds.
pub fn run(run: &Run) -> Result<Figures, String> {
    let bus = Bus::builder().history(500).build().map_err(|error| error.to_string())?;
    let mut samples = Samples::default();
    let (mut done, mut next, mut missed) = (0, run.events / 100, 0);
    while run.goes_on(done) {
        let kind = format!("stress.kind.{done}.of-{}", run.events);
        let guard = bus.on(&*kind).map_err(|error| error.to_string())?.subscribe(|_| {});
        missed += 1 - u64::from(publish_event!(bus: &bus, kind: &*kind, n = done).delivered);
        match done % 3 {
            0 => drop(guard),
            1 => guard.unsubscribe(),
            _ => guard.close().map_err(|error| error.to_string())?,
        }
        missed += u64::from(publish_event!(bus: &bus, kind: &*kind, n = done).delivered);
        done += 1;
        if done >= next {
            samples.take(done);
            next += run.events.div_ceil(5);
        }
    }
    samples.take(done);
    run.tell(&format!("memory-kinds: {}", samples.line()));
    samples.grown()?;
    let stats = bus.stats();
    if (stats.totals.published, stats.handlers, stats.published_of_other_kinds, missed) != (2 * done, 0, 2 * done, 0) {
        return Err(format!("P5, P6, P8: {done} kinds, {missed} wrong deliveries\n{stats}"));
    }
    Ok(Figures { events: 2 * done, threads: 1, checks: 5 })
}
