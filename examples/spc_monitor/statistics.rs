//! Live statistics: a line each second, from what the bus counts anyway.
//!
//! Publishers and handlers count nothing more for it, and wait for nothing. What it costs them is that of any reader: each look
//! at the statistics walks the history, and while it does that a publish takes a little longer.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ringbus::{Bus, Stats};

/// How often.
const PERIOD: Duration = Duration::from_secs(1);

/// The thread that prints them.
pub(crate) struct Statistics {
    /// Dropped, it ends the thread.
    ends: Sender<()>,
    thread: JoinHandle<()>,
}

// === impl Statistics ===

impl Statistics {
    /// Starts the thread.
    pub(crate) fn start(bus: &Bus) -> io::Result<Self> {
        let (ends, ended) = channel::<()>();
        let bus = bus.clone();
        let print = move || {
            let mut before = bus.stats();
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                let now = bus.stats();
                // If nobody is there to be told, so be it.
                let _ = writeln!(io::stderr().lock(), "{}", line(&bus, &before, &now));
                before = now;
            }
        };
        Ok(Self { ends, thread: thread::Builder::new().name("statistics".into()).spawn(print)? })
    }

    /// Waits until nothing more is printed.
    pub(crate) fn end(self) {
        drop(self.ends);
        // It does nothing that panics.
        let _ = self.thread.join();
    }
}

/// What has happened between the two, and how it stands.
fn line(bus: &Bus, before: &Stats, now: &Stats) -> String {
    let Ok(delta) = now.since(before) else { return "live: counted anew".into() };
    let subscriptions = bus.subscriptions();
    let queues = || subscriptions.iter().filter_map(|one| one.queue.map(|queue| (one.name.as_deref(), queue)));
    let waiting: usize = queues().map(|(_, queue)| queue.waiting).sum();
    let mut line =
        format!("live: {} accepted, {:.0}/s", now.totals.published, delta.per_second(delta.totals.published));
    line += &format!(", {} dead letters, {waiting} waiting", now.totals.dead_letters);
    if let Some((Some(name), _)) =
        queues().max_by_key(|(_, queue)| queue.waiting).filter(|(_, queue)| queue.waiting > 0)
    {
        line += &format!(", most for {name}");
    }
    line
}
