//! Threads that drive the workers of a mailbox: each one its own, parked while there is nothing to do.
//!
//! They end with their worker: when the subscription has been closed or drained, or the bus is gone. Nobody has to join
//! them; who waits for them to end waits for the mailbox.

use core::task::Context;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::mailbox::{Mailbox, SharedMailbox};
use super::options::QueueError;
use super::worker::Turnout;
use crate::dispatch::backlog::Backlog;
use crate::sync::Parker;

/// Starts a thread for each worker. Where one cannot be started, those that were end again.
pub(super) fn start(mailbox: &SharedMailbox, name: Option<&str>) -> Result<(), QueueError> {
    for place in 0..mailbox.crew.len() {
        let own = Arc::clone(mailbox);
        let builder = thread::Builder::new().name(thread_name(name, place));
        if let Err(error) = builder.spawn(move || run(&own, place)) {
            mailbox.stop();
            return Err(QueueError::Thread { kind: error.kind(), error: error.to_string() });
        }
    }
    Ok(())
}

fn run(mailbox: &Mailbox, place: usize) {
    let parker = Parker::new();
    let waker = parker.waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        match mailbox.drive(place, &mut cx) {
            Turnout::Busy => {}
            Turnout::Asleep(None) => parker.park(),
            Turnout::Asleep(Some(due)) => parker.park_timeout(due.saturating_duration_since(Instant::now())),
            Turnout::Over => return,
        }
    }
}

/// What debuggers show; systems cut it off after 15 bytes or so.
fn thread_name(name: Option<&str>, place: usize) -> String {
    // A name with a zero byte would be a panic.
    let name: String = name.unwrap_or("handler").chars().filter(|c| *c != '\0').collect();
    if place == 0 { format!("rb:{name}") } else { format!("rb{place}:{name}") }
}
