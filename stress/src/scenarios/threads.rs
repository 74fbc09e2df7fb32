//! Very many threads, each alive for a few events: what they leave behind must not grow (P9).

use ringbus::{Bus, publish_event};

use super::{Figures, Run};
use crate::memory::Samples;

/// Threads alive at one time.
const BATCH: u64 = 4;
/// Events of each, at a call site, of a kind of its own, and nested.
const EACH: u64 = 3;

/// `run.events` is a number of threads.
pub fn run(run: &Run) -> Result<Figures, String> {
    let bus = Bus::builder().history(500).build().map_err(|error| error.to_string())?;
    let nests = |event: &ringbus::Event| {
        if let (Some(bus), true) = (ringbus::current(), event.kind() == "stress.thread") {
            publish_event!(bus: &bus, "stress.thread.nested");
        }
    };
    let guard = bus.subscribe(nests);
    let mut samples = Samples::default();
    let (mut done, mut next) = (0, run.events / 100);
    while run.goes_on(done) {
        std::thread::scope(|scope| {
            for thread in done..done + BATCH {
                let bus = &bus;
                scope.spawn(move || {
                    publish_event!(bus: bus, "stress.thread", thread, text = "a text that is not stored in place");
                    publish_event!(bus: bus, kind: format!("stress.thread.{thread}"), thread);
                });
            }
        });
        done += BATCH;
        if done >= next {
            samples.take(done);
            next += run.events.div_ceil(5);
        }
    }
    samples.take(done);
    run.tell(&format!("memory-threads: {}", samples.line()));
    samples.grown()?;
    let (stats, published) = (bus.stats(), done * EACH);
    if (stats.totals.published, guard.info().delivered) != (published, published) {
        return Err(format!("P8: {published} events of {done} threads were published\n{stats}"));
    }
    Ok(Figures { events: published, threads: BATCH as usize, checks: 3 })
}
