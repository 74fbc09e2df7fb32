//! The history as JSON lines: when somebody asks, and when the process panics (feature `serde`).
//!
//! The black box is a panic hook in front of the one that is there. It waits for nobody: it reads the history with
//! `try_recent`, runs no user code, and writes all it has in one write at the end of a file. Payloads that it is the last
//! to hold are dropped [later](crate::event::late). A panic that a bus will contain (one in a handler) runs the hook too;
//! such dumps are limited to one a second, others are not.

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::{Bus, WeakBus, default_bus};
use crate::contain;
use crate::event::{Event, Value};
use crate::stats;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::thread_name::thread_name;
use crate::sync::{StaticMutex, busy, clock, frames, step};

/// A black box could not be installed.
#[derive(Debug)]
#[non_exhaustive]
pub enum DumpError {
    /// The path leads to something that cannot be written as a file.
    Path {
        /// The path, made absolute.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// This thread is panicking: hooks cannot be changed now.
    Panicking,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, error } => {
                write!(f, "{} cannot be written ({error}); allowed is a file in a folder that exists", path.display())
            }
            Self::Panicking => f.write_str("this thread is panicking; a panic hook can be installed only before"),
        }
    }
}

impl std::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Path { error, .. } => Some(error),
            Self::Panicking => None,
        }
    }
}

/// A line of the black box.
#[derive(Serialize)]
#[serde(tag = "record", rename_all = "lowercase")]
enum Line<'a> {
    /// The first: what happened, and how many lines of the others follow.
    Panic {
        time: Value,
        thread: Option<String>,
        message: &'a str,
        at: Option<String>,
        /// Contained panics that were not dumped since the last dump.
        suppressed: u64,
        publishing: usize,
        events: usize,
        /// Another reader had the history, so there are no events.
        busy: bool,
    },
    /// An event that was being handled when it happened, outermost first.
    Publishing { event: Written<'a> },
    /// An event of the history, oldest first.
    Event { event: Written<'a> },
}

/// An event, without its payload where reading that would run user code, whose panic in a panic hook would abort.
struct Written<'a>(&'a Event);

impl Serialize for Written<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fields_ready() {
            return self.0.serialize(serializer);
        }
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("id", &self.0.id())?;
        members.serialize_entry("type", self.0.kind())?;
        members.serialize_entry("timestamp", &Value::Time(self.0.timestamp()))?;
        members.serialize_entry("payload", &())?;
        members.end()
    }
}

/// Held between taking the hook that is there and setting the one in front of it.
static INSTALLING: StaticMutex<()> = StaticMutex::new(());

/// So often another reader is given way to.
const TRIES: usize = 1000;

/// Contained panics are dumped once in this time.
const INTERVAL_US: u64 = 1_000_000;

impl Bus {
    /// Writes the whole history, oldest first, each event in its JSON form on a line of its own; says how many.
    ///
    /// ```
    /// # #[cfg(feature = "serde")] {
    /// use ringbus::{Bus, Event, Unknown, publish_event};
    ///
    /// let bus = Bus::new();
    /// publish_event!(bus: &bus, "db.open", pool = 3);
    /// let mut lines = Vec::new();
    /// assert_eq!(bus.dump(&mut lines).unwrap(), 1);
    /// let line = String::from_utf8(lines).unwrap();
    /// assert_eq!(Event::from_json(line.trim_end(), Unknown::Refuse).unwrap().kind(), "db.open");
    /// # }
    /// ```
    ///
    /// # Errors
    /// The writer's; what it took before is written.
    pub fn dump(&self, mut writer: impl Write) -> io::Result<usize> {
        let events = self.recent(usize::MAX);
        for event in events.iter().rev() {
            writeln!(writer, "{}", event.to_json())?;
        }
        writer.flush()?;
        Ok(events.len())
    }

    /// From now on a panic of any thread appends this bus's history to the file at `path`: see
    /// [`on_panic_dump`](crate::on_panic_dump).
    ///
    /// # Errors
    /// [`DumpError`]; nothing is installed then.
    pub fn on_panic_dump(&self, path: impl AsRef<Path>) -> Result<(), DumpError> {
        let path = checked(path.as_ref())?;
        if std::thread::panicking() {
            return Err(DumpError::Panicking);
        }
        let bus = self.downgrade();
        let limit = Limit { last_us: AtomicU64::new(0), suppressed: AtomicU64::new(0) };
        // Of two that take at once, one takes the other's place-holder: the hook that was there would be lost.
        let _installing = INSTALLING.lock();
        let previous = take_hook();
        step("dump.taken");
        set_hook(Box::new(move |info| {
            dump_panic(&bus, &path, &limit, info);
            previous(info);
        }));
        Ok(())
    }
}

/// The black box: from now on a panic of any thread appends the last events of the bus that this thread means to the
/// file at `path`, as JSON lines; then the panic hook that was there before runs.
///
/// The first line tells the panic (`"record": "panic"`: time, thread, message, place). A thread that has never published
/// stands there by the name that the system knows it by: on Linux at most 15 bytes, and those of the thread that started it
/// where it was given none. Then come the events that the thread was handling, outermost first
/// (`"record": "publishing"`), and the history, oldest first (`"record": "event"`).
///
/// ```no_run
/// # #[cfg(feature = "serde")]
/// ringbus::on_panic_dump("crash.jsonl")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A panic inside a handler, which the bus contains, is dumped too, but only once a second. Each call adds a dump; the
/// bus is not kept alive by it. A typed event whose fields nobody has read yet, and whose type writes them by code of its
/// own, stands there without its payload: in a panic hook a panic of that code would abort the process.
///
/// # Errors
/// [`DumpError`] if the path cannot be a file, or if this thread is panicking; nothing is installed then.
///
/// # Cost
/// Nothing until a panic; then one write of the whole history. It waits for no lock; if another thread keeps on reading
/// the history, the dump has no events and says so.
pub fn on_panic_dump(path: impl AsRef<Path>) -> Result<(), DumpError> {
    default_bus().on_panic_dump(path)
}

/// The path made absolute (the process may change its folder), if a file can be there.
fn checked(path: &Path) -> Result<PathBuf, DumpError> {
    let refuse = |path: &Path, error| DumpError::Path { path: path.to_owned(), error };
    let path = std::path::absolute(path).map_err(|error| refuse(path, error))?;
    let exists = match path.metadata() {
        Ok(_) => OpenOptions::new().append(true).open(&path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent().map(Path::metadata) {
            Some(Ok(folder)) if folder.is_dir() => Ok(()),
            Some(Err(error)) => Err(error),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        },
        Err(error) => Err(error),
    };
    exists.map_err(|error| refuse(&path, error))?;
    Ok(path)
}

// === in the panic hook ===

struct Limit {
    last_us: AtomicU64,
    suppressed: AtomicU64,
}

impl Limit {
    /// Whether to dump now, with the number suppressed since the last dump. A panic that no bus contains always is.
    fn admit(&self, contained: bool) -> Option<u64> {
        let now = clock::monotonic_us();
        let last = self.last_us.load(Ordering::Relaxed);
        // A clock set back is no reason for silence, one a little behind none for a dump.
        if contained && last != 0 && now.abs_diff(last) < INTERVAL_US {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.last_us.store(now, Ordering::Relaxed);
        Some(self.suppressed.swap(0, Ordering::Relaxed))
    }
}

fn dump_panic(bus: &WeakBus, path: &Path, limit: &Limit, info: &PanicHookInfo<'_>) {
    // A panic from inside a step of our own comes from an allocator: what is half done must not be read.
    if busy::is_busy() {
        return;
    }
    let Some(bus) = bus.upgrade() else { return };
    let Some(suppressed) = limit.admit(frames::any() || contain::is_at_work()) else { return };
    let written = append(path, &lines(&bus, suppressed, info));
    if written.is_err() {
        stats::FAILED_DUMPS.bump();
    }
    // The last handle here would drop closures: user code, whose panic in a panic hook aborts.
    if let Some(inner) = Arc::into_inner(bus.inner) {
        contain::forget(inner);
    }
}

fn lines(bus: &Bus, suppressed: u64, info: &PanicHookInfo<'_>) -> Vec<u8> {
    let mut publishing: Vec<Event> = Vec::new();
    let all = frames::find(|_, what| {
        publishing.extend(what.downcast_ref::<Event>().cloned());
        None::<()>
    });
    debug_assert!(all.is_none());
    let events = (0..TRIES).find_map(|_| {
        let events = bus.try_recent(usize::MAX).ok();
        if events.is_none() {
            std::thread::yield_now();
        }
        events
    });
    step("dump.read");
    let busy = events.is_none();
    let events = events.unwrap_or_default();

    let payload = info.payload();
    let text = payload.downcast_ref::<&'static str>().copied();
    let panic = Line::Panic {
        time: Value::Time(SystemTime::now()),
        thread: thread_name(),
        message: text.or_else(|| payload.downcast_ref().map(String::as_str)).unwrap_or("(no text)"),
        at: info.location().map(ToString::to_string),
        suppressed,
        publishing: publishing.len(),
        events: events.len(),
        busy,
    };
    let publishing = publishing.iter().rev().map(|event| Line::Publishing { event: Written(event) });
    let events = events.iter().rev().map(|event| Line::Event { event: Written(event) });
    let mut lines = Vec::new();
    for line in core::iter::once(panic).chain(publishing).chain(events) {
        // A `Vec` takes everything, and an event is always JSON.
        if serde_json::to_writer(&mut lines, &line).is_ok() {
            lines.push(b'\n');
        }
    }
    lines
}

/// In one write at the end, so that dumps of several threads stand one after the other.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(lines)
}
