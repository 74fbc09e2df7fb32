//! Events as lines of JSON: a handler on a thread of its own, which writes to a file.
//!
//! Lines are gathered and written together: at once where nothing else waits, else when there are enough of them, and when
//! the handler is dropped. A line is written once, whole and in the order of its queue, also where a write fails in the
//! middle of it.
//!
//! An error of a write is the error of the event at hand, which is tried again and at last becomes a dead letter; its line
//! is taken back then. (Where half of it was out already it stays, so that the file remains readable: that event is in the
//! file *and* a dead letter.) Lines before it stay gathered for the next write. What cannot be written at the very end is
//! counted: [`Forwarder::lost`]. It refuses to sync: what the system has taken is not on the disk yet.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use ringbus::{BoxError, Bus, Event, EventId, Overflow, Retry, Subscription};

use crate::forwarder::Forwarder;

/// Bytes that are worth a write though more waits.
const ENOUGH: usize = 64 * 1024;

/// Events that may wait.
const CAPACITY: usize = 8192;

/// Attempts after the first one.
const FURTHER: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// A file keeps pace, and to lose is worse than to wait for it; but not for ever.
const WAIT: Duration = Duration::from_secs(5);

/// See the [module](self).
pub(crate) struct JsonLines<W: Write> {
    out: W,
    /// What is not written yet; begins in the middle of a line where a write has failed there.
    lines: Vec<u8>,
    /// The event whose line a failed write has begun: the first one of those lines, until it is out.
    begun: Option<EventId>,
    /// Lines that could not be written at the end.
    unwritten: Arc<AtomicU64>,
}

/// A file to append to. Where it ends in the middle of a line, as when the disk was full, that line is ended.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut file = File::options().create(true).append(true).open(path)?;
    // What is no file, as a pipe, has no end to look at.
    if file.metadata()?.is_file() {
        let mut written = File::open(path)?;
        let mut last = [b'\n'];
        if written.seek(SeekFrom::End(0))? > 0 {
            written.seek(SeekFrom::End(-1))?;
            written.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Forwards what the bus's selected events say to `out`.
pub(crate) fn forward(bus: &Bus, selector: &str, out: impl Write + Send + 'static) -> Result<Forwarder, BoxError> {
    let unwritten = Arc::default();
    let mut lines = JsonLines::new(out, Arc::clone(&unwritten));
    // The handler asks its own subscription whether more waits, and does not keep it alive.
    let own: Arc<OnceLock<Weak<Subscription>>> = Arc::default();
    let known = Arc::clone(&own);
    let guard = bus
        .on(selector)?
        .named("file")
        .in_thread()
        .capacity(CAPACITY)
        .when_full(Overflow::Block { up_to: WAIT })
        .retry(Retry::times(FURTHER).base(Duration::from_millis(10)))
        .try_subscribe(move |event| {
            let own = known.get().and_then(Weak::upgrade);
            let waiting = own.and_then(|own| own.info().queue).map_or(0, |queue| queue.waiting);
            Ok(lines.take(event, waiting > 0)?)
        })?;
    let guard = Arc::new(guard);
    let _ = own.set(Arc::downgrade(&guard));
    Ok(Forwarder { name: "file", guard, lost: unwritten, lost_as: "unwritten" })
}

// === impl JsonLines ===

impl<W: Write> JsonLines<W> {
    pub(crate) fn new(out: W, unwritten: Arc<AtomicU64>) -> Self {
        Self { out, lines: Vec::new(), begun: None, unwritten }
    }

    /// Takes an event's line; writes, unless more events wait and will do it.
    pub(crate) fn take(&mut self, event: &Event, more_waits: bool) -> io::Result<()> {
        let before = self.lines.len();
        let again = self.begun.as_ref() == Some(&event.id());
        if !again {
            self.lines.extend_from_slice(event.to_json().as_bytes());
            self.lines.push(b'\n');
        }
        let line = self.lines.len() - before;
        if more_waits && !again && self.lines.len() < ENOUGH {
            return Ok(());
        }
        let written = self.write();
        if written.is_err() {
            match self.lines.len().checked_sub(line) {
                Some(others) => self.lines.truncate(others),
                None => self.begun = Some(event.id()),
            }
        }
        written
    }

    /// Writes all that is gathered, as far as it goes.
    fn write(&mut self) -> io::Result<()> {
        while !self.lines.is_empty() {
            match self.out.write(&self.lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    if self.lines.drain(..bytes).any(|byte| byte == b'\n') {
                        self.begun = None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.flush()
    }
}

impl<W: Write> Drop for JsonLines<W> {
    fn drop(&mut self) {
        if self.write().is_err() {
            // The one that was begun has failed, and is counted there.
            let left = self.lines.iter().filter(|byte| **byte == b'\n').count();
            let left = left.saturating_sub(usize::from(self.begun.is_some()));
            self.unwritten.fetch_add(left as u64, Ordering::Relaxed);
        }
    }
}
