//! The audit log: every event on the bus, as one line of a file; without a file it counts.
//!
//! When its queue is full, publishers wait, for at most a minute. The bus does not wait with events of its own; they have a
//! queue to themselves, which is never full but where the file takes nothing for long. What is lost all the same is counted.
//! Lines are written together; the last ones when the handlers are dropped. After an error it writes no more, and goes on
//! counting: [`Audited::unwritten`]. It refuses to fail for that: each failure would be an event, which it would be the first
//! to have to write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringbus::{BoxError, Bus, Event, Subscription};

use crate::{CAPACITY, WAIT_FOR_ROOM};

/// What the audit log has seen.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    pub(crate) by_kind: BTreeMap<String, u64>,
    /// Why lines are missing.
    pub(crate) unwritten: Option<String>,
}

/// See the [module](self).
struct Log {
    out: Mutex<Option<BufWriter<File>>>,
    audited: Arc<Mutex<Audited>>,
}

/// What it takes, and by which name.
const QUEUES: [(&str, &str); 2] = [("audit", "spc.**"), ("audit-of-the-bus", "ringbus.**")];

/// Its file, empty. It refuses the file that is read.
pub(crate) fn create(path: &Path, input: Option<&File>) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    if let Some(input) = input {
        if are_one(&file, input)? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this is what --input reads; another file is needed",
            ));
        }
    }
    // What is no file, as a pipe, has no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn are_one(one: &File, other: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let [one, other] = [one.metadata()?, other.metadata()?];
    Ok(one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// It cannot be told there.
#[cfg(not(unix))]
fn are_one(_: &File, _: &File) -> io::Result<bool> {
    Ok(false)
}

/// Starts it, on threads of its own.
pub(crate) fn subscribe(
    bus: &Bus,
    file: Option<File>,
    audited: &Arc<Mutex<Audited>>,
) -> Result<Vec<Subscription>, BoxError> {
    let log = Arc::new(Log { out: Mutex::new(file.map(BufWriter::new)), audited: Arc::clone(audited) });
    let start = |(name, kinds)| {
        let log = Arc::clone(&log);
        let queue = bus.on(kinds)?.named(name).in_thread().capacity(CAPACITY).when_full(WAIT_FOR_ROOM);
        Ok(queue.subscribe(move |event| log.take(event))?)
    };
    QUEUES.into_iter().map(start).collect()
}

// === impl Log ===

impl Log {
    fn take(&self, event: &Event) {
        self.audited().count(event);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Err(error)) = out.as_mut().map(|out| Self::write(out, event)) else { return };
        *out = None;
        self.audited().unwritten = Some(error.to_string());
    }

    fn write(out: &mut BufWriter<File>, event: &Event) -> io::Result<()> {
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
        let out = self.out.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = out.as_mut().map(Write::flush) {
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
