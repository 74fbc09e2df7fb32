//! The audit log: every event on the bus, as one line of a file; without a file it counts.
//!
//! It promises to miss nothing: when its queue is full, publishers wait. Lines are written together; the last ones when the
//! handler is dropped. After an error it writes no more, and goes on counting: [`Audited::unwritten`]. It refuses to fail for
//! that: each failure would be an event, which it would be the first to have to write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringbus::{BoxError, Bus, Event, Subscription};

use crate::{CAPACITY, LOSSLESS};

/// What the audit log has seen.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    pub(crate) by_kind: BTreeMap<String, u64>,
    /// Why lines are missing.
    pub(crate) unwritten: Option<String>,
}

/// See the [module](self).
struct Log {
    out: Option<BufWriter<File>>,
    audited: Arc<Mutex<Audited>>,
}

/// Starts it, on a thread of its own.
pub(crate) fn subscribe(
    bus: &Bus,
    file: Option<File>,
    audited: &Arc<Mutex<Audited>>,
) -> Result<Subscription, BoxError> {
    let mut log = Log { out: file.map(BufWriter::new), audited: Arc::clone(audited) };
    let guard = bus
        .on("**")?
        .named("audit")
        .in_thread()
        .capacity(CAPACITY)
        .when_full(LOSSLESS)
        .subscribe(move |event| log.take(event))?;
    Ok(guard)
}

// === impl Log ===

impl Log {
    fn take(&mut self, event: &Event) {
        self.audited().count(event);
        if let Err(error) = self.write(event) {
            self.out = None;
            self.audited().unwritten = Some(error.to_string());
        }
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        write!(out, "{} {event}", event.id())?;
        match event.cause() {
            Some(cause) => writeln!(out, " because of {cause}"),
            None => writeln!(out),
        }
    }

    fn audited(&self) -> MutexGuard<'_, Audited> {
        self.audited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.out.as_mut().map(Write::flush) {
            self.audited().unwritten = Some(error.to_string());
        }
    }
}

// === impl Audited ===

impl Audited {
    fn count(&mut self, event: &Event) {
        match self.by_kind.get_mut(event.kind().as_str()) {
            Some(count) => *count += 1,
            None => drop(self.by_kind.insert(event.kind().to_string(), 1)),
        }
    }
}
