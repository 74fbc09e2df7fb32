//! Somebody stands still, while others publish and subscriptions come and go: the process must not grow (P9).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, publish_event};

use super::{Figures, Run};
use crate::delays;
use crate::memory::Samples;

/// The first sample is taken after so many events, or after a hundredth.
const FIRST: u64 = 100_000;

/// A subscription comes and goes once in so many events.
const CHANGES: u64 = 1000;

/// A handler that does not return.
pub fn handler(run: &Run) -> Result<Figures, String> {
    let bus = Bus::builder().history(500).build().map_err(|error| error.to_string())?;
    let (entered, has_entered) = sync_channel(1);
    let (leave, may_leave) = sync_channel(1);
    let may_leave = Mutex::new(may_leave);
    let guard = bus.on("stress.stop").map_err(|error| error.to_string())?.subscribe(move |_| {
        let _ = entered.send(());
        let _ = may_leave.lock().map(|leave| leave.recv());
    });
    let stop = |bus: &Bus| drop(publish_event!(bus: bus, "stress.stop", text = "a text that is not stored in place"));
    let figures = around(run, "memory-stalled-handler", &bus, stop, &has_entered, &leave);
    guard.close().map_err(|error| error.to_string())?;
    figures
}

/// A reader that stands in the middle of the history, with the readers' lock and one event taken out of its slot.
pub fn reader(run: &Run) -> Result<Figures, String> {
    let bus = Bus::builder().history(500).build().map_err(|error| error.to_string())?;
    (0..1000_u64).for_each(|n| drop(publish_event!(bus: &bus, "stress.past", n)));
    let (entered, has_entered) = sync_channel(1);
    let (leave, may_leave) = sync_channel(1);
    let stop = move |bus: &Bus| {
        delays::stop_at("slot.restore", entered, may_leave);
        drop(bus.recent(500));
    };
    around(run, "memory-stalled-reader", &bus, stop, &has_entered, &leave)
}

/// Publishes while another thread stands in `stop`.
fn around(
    run: &Run,
    name: &str,
    bus: &Bus,
    stop: impl FnOnce(&Bus) + Send,
    has_entered: &Receiver<()>,
    leave: &SyncSender<()>,
) -> Result<Figures, String> {
    let mut samples = Samples::default();
    let mut done = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| stop(bus));
        has_entered.recv().map_err(|_| "the thread did not stop".to_owned())?;
        let first = FIRST.min(run.events.div_ceil(100));
        for upto in [first, run.events / 4, run.events / 2, run.events] {
            let count = upto.saturating_sub(done);
            if count > 0 && run.goes_on(done) {
                publish(bus, run.threads, count)?;
                done += count;
                samples.take(done);
            }
        }
        leave.send(()).map_err(|error| error.to_string())
    })?;
    run.tell(&format!("{name}: {}", samples.line()));
    samples.grown()?;
    Ok(Figures { events: done, threads: run.threads, checks: done + 1 })
}

/// `count` events from some threads, one of which lets subscriptions come and go.
fn publish(bus: &Bus, threads: usize, count: u64) -> Result<(), String> {
    let (left, missed, failed) = (AtomicU64::new(count), AtomicU64::new(0), AtomicBool::new(false));
    let heard = bus.on("stress.many").map_err(|error| error.to_string())?.subscribe(|_| {});
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (left, missed, failed) = (&left, &missed, &failed);
            scope.spawn(move || {
                while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                    let delivery = publish_event!(
                        bus: bus, "stress.many", n, text = "a text that is not stored in place"
                    );
                    missed.fetch_add(u64::from(delivery.delivered == 0), Ordering::Relaxed);
                    if thread == 0 && n % CHANGES == 0 {
                        let captured = Arc::new(());
                        let weak = Arc::downgrade(&captured);
                        let closed = bus.subscribe(move |_| _ = &captured).close();
                        // Nobody calls it any more: what it captured is gone.
                        failed.fetch_or(closed.is_err() || weak.upgrade().is_some(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if heard.info().delivered != count {
        return Err(format!("P8: of {count} events {}", heard.info()));
    }
    if missed.into_inner() > 0 || failed.into_inner() {
        return Err("P5, P6: a publish reached nobody, or a closed handler was not dropped".to_owned());
    }
    Ok(())
}
