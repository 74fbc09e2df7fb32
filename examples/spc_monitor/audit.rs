//! The audit log: every event on the bus, as one line of a file; without a file it counts.
//!
//! It promises to miss nothing: when its queue is full, publishers wait. A line that cannot be written is a failure of the
//! event at hand, and a dead letter. Lines are written together; the last ones when the handler is dropped, and what fails
//! then is told in [`Audited`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ringbus::{BoxError, Bus, Event, Subscription};

use crate::{CAPACITY, LOSSLESS};

/// What the audit log has seen.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    pub(crate) by_kind: BTreeMap<String, u64>,
    /// Why the last lines could not be written.
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
        .try_subscribe(move |event| log.take(event))?;
    Ok(guard)
}

// === impl Log ===

impl Log {
    fn take(&mut self, event: &Event) -> Result<(), BoxError> {
        {
            let mut audited = self.audited.lock().unwrap_or_else(PoisonError::into_inner);
            match audited.by_kind.get_mut(event.kind().as_str()) {
                Some(count) => *count += 1,
                None => drop(audited.by_kind.insert(event.kind().to_string(), 1)),
            }
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        write!(out, "{} {event}", event.id())?;
        match event.cause() {
            Some(cause) => writeln!(out, " because of {cause}")?,
            None => writeln!(out)?,
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let written = self.out.as_mut().map_or(Ok(()), Write::flush);
        let mut audited = self.audited.lock().unwrap_or_else(PoisonError::into_inner);
        audited.unwritten = written.err().map(|error| error.to_string());
    }
}
