//! The file of JSON lines: an event a line, in the form of `Event::to_json`.
//!
//! The crate has that form behind its feature `serde`; this example runs without features and writes it through the
//! getters. The order of members and the form of values are those of the crate, to the letter.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use ringbus::{BoxError, Event, Value};

use crate::subscribers::lock;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

/// The file, written by all workers in turn.
pub(crate) struct Lines {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    to: BufWriter<File>,
    written: u64,
    failed: bool,
}

/// How writing went.
pub(crate) enum Written {
    /// So many lines, all that there were.
    All(u64),
    /// Some lines are missing; with what there is to say about it, if the bus has not said it.
    Incomplete(Option<String>),
}

// === impl Lines ===

impl Lines {
    pub(crate) fn new(path: PathBuf, file: File) -> Self {
        let state = State { to: BufWriter::with_capacity(BUFFER, file), written: 0, failed: false };
        Self { path, state: Mutex::new(state) }
    }

    /// Writes an event. The first failure is returned; after it nothing is written, since a line would be missing.
    pub(crate) fn write(&self, event: &Event) -> Result<(), BoxError> {
        // Formatted outside the lock: under it the bytes are only copied.
        let line = line(event)?;
        let mut state = lock(&self.state);
        if state.failed {
            return Ok(());
        }
        if let Err(error) = state.to.write_all(&line) {
            state.failed = true;
            return Err(self.incomplete(&error).into());
        }
        state.written += 1;
        Ok(())
    }

    /// Writes out what is gathered.
    pub(crate) fn finish(&self) -> Written {
        let mut state = lock(&self.state);
        match state.to.flush() {
            _ if state.failed => Written::Incomplete(None),
            Ok(()) => Written::All(state.written),
            Err(error) => Written::Incomplete(Some(self.incomplete(&error))),
        }
    }

    fn incomplete(&self, error: &io::Error) -> String {
        format!("{:?} is incomplete: {error}", self.path)
    }
}

// === the form ===

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let mut to = Vec::with_capacity(512);
    write!(to, "{{\"id\":\"{}\",\"type\":", event.id())?;
    text(&mut to, event.kind().as_str())?;
    write!(to, ",\"timestamp\":\"{}\"", Value::Time(event.timestamp()))?;
    let parts = [
        ("source", event.source()),
        ("project_path", event.project_path()),
        ("correlation_id", event.correlation_id()),
    ];
    for (name, part) in parts {
        write!(to, ",\"{name}\":")?;
        match part {
            Some(part) => text(&mut to, part)?,
            None => to.write_all(b"null")?,
        }
    }
    if let Some(cause) = event.cause() {
        write!(to, ",\"cause\":\"{cause}\",\"hops\":{}", event.hops())?;
    }
    write!(to, ",\"priority\":\"{}\",\"payload\":", event.priority())?;
    object(&mut to, event.payload())?;
    to.write_all(b"}\n")?;
    Ok(to)
}

fn value(to: &mut Vec<u8>, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => to.write_all(b"null"),
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) => write!(to, "{value}"),
        // Not finite: null.
        Value::Float(number) => Ok(serde_json::to_writer(to, number)?),
        Value::Duration(span) => Ok(serde_json::to_writer(to, &span.as_secs_f64())?),
        Value::Bytes(bytes) => Ok(serde_json::to_writer(to, &**bytes)?),
        Value::Str(words) => text(to, words),
        Value::Map(members) => object(to, members.iter().map(|(name, value)| (name.as_str(), value))),
        Value::List(values) => {
            to.write_all(b"[")?;
            separated(to, values.iter(), self::value)?;
            to.write_all(b"]")
        }
        // Times, and integers beyond 64 bits.
        other => text(to, &other.to_string()),
    }
}

fn object<'a>(to: &mut Vec<u8>, members: impl IntoIterator<Item = (&'a str, &'a Value)>) -> io::Result<()> {
    to.write_all(b"{")?;
    separated(to, members, |to, (name, member)| {
        text(to, name)?;
        to.write_all(b":")?;
        value(to, member)
    })?;
    to.write_all(b"}")
}

fn separated<T>(
    to: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T) -> io::Result<()>,
) -> io::Result<()> {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            to.write_all(b",")?;
        }
        write(to, item)?;
    }
    Ok(())
}

/// Quoted, and escaped where it must be.
fn text(to: &mut Vec<u8>, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(to, text)?)
}
