//! The AI chat: messages in a file of JSON lines, those in it and those that are added while we run.
//!
//! What a user, a system or a tool says is an `ai.prompt`, what an assistant says an `ai.response`. A line that is
//! neither becomes `ai.unreadable`, with its number and the reason, and reading goes on. A line counts once it has ended;
//! the last one also without an end, when the program ends. A file that got shorter is read from its beginning.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ringbus::publish_event;
use serde_json::Value;

/// How often it is looked whether a file has grown.
const LOOK: Duration = Duration::from_millis(100);

/// A file that is followed, on a thread of its own.
pub(crate) struct Follower {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// A file of messages, and how far it has been read.
pub(crate) struct Chat {
    path: PathBuf,
    file: BufReader<File>,
    /// Bytes read.
    position: u64,
    /// Lines read.
    lines: u64,
    /// What there is of a line that has not ended.
    begun: Vec<u8>,
}

// === impl Follower ===

impl Follower {
    /// Follows the file.
    pub(crate) fn start(chat: Chat) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("ai".into()).spawn(move || chat.follow(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// Reads what there is by now, and ends.
    pub(crate) fn finish(self) {
        drop(self.stop);
        // A reader that panicked has said so.
        let _ = self.thread.join();
    }
}

// === impl Chat ===

impl Chat {
    /// Opens a file, to be read from its beginning.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self { path: path.into(), file: BufReader::new(file), position: 0, lines: 0, begun: Vec::new() })
    }

    fn follow(mut self, stopped: &Receiver<()>) {
        let mut last = false;
        loop {
            if let Err(error) = self.read(last) {
                let Self { path, lines, .. } = &self;
                publish_event!("ai.unreadable", source: "ai", file = path, line = lines + 1, reason = %error);
                return;
            }
            if last {
                return;
            }
            // After we were stopped there is one reading more: what was in the file by then is told.
            last = stopped.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout);
        }
    }

    /// Reads to the end of the file, as far as it goes by now.
    fn read(&mut self, last: bool) -> io::Result<()> {
        if self.file.get_ref().metadata()?.len() < self.position {
            self.file.rewind()?;
            (self.position, self.lines) = (0, 0);
            self.begun.clear();
        }
        loop {
            let read = self.file.read_until(b'\n', &mut self.begun)?;
            self.position += read as u64;
            let ended = self.begun.ends_with(b"\n") || (last && !self.begun.is_empty());
            if !ended {
                return Ok(());
            }
            self.lines += 1;
            let line = std::mem::take(&mut self.begun);
            if let Err(reason) = publish(&line) {
                publish_event!("ai.unreadable", source: "ai", file = self.path, line = self.lines, reason);
            }
        }
    }
}

/// Publishes a message; or says why it is none.
fn publish(line: &[u8]) -> Result<(), String> {
    let line = line.trim_ascii_end();
    if line.is_empty() {
        return Ok(());
    }
    let message: Value = serde_json::from_slice(line).map_err(|error| without_line(&error))?;
    let text = |name: &str| match message.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(other) => Err(format!("\"{name}\" is {other}, which is no text")),
        None => Err(format!("there is no \"{name}\"")),
    };
    let (role, content) = (text("role")?, text("content")?);
    let model = message.get("model").and_then(Value::as_str);
    let tokens = message.get("tokens").and_then(Value::as_u64);
    match role {
        "user" | "system" | "tool" => publish_event!("ai.prompt", source: "ai", content, role, model, tokens),
        "assistant" => publish_event!("ai.response", source: "ai", content, model, tokens),
        other => return Err(format!("\"role\" is {other:?}; user, system, tool and assistant are known")),
    };
    Ok(())
}

/// The error; that it is in line 1 of the one line would only confuse.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((what, _)) => format!("{what}, at column {}", error.column()),
        None => text,
    }
}
