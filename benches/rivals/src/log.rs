//! `log`: the facade with key-values, and a logger that keeps the last 500 records behind a lock.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ::log::kv::{Error, Key, Value as LogValue, VisitSource};
use ::log::{LevelFilter, Log, Metadata, Record, error};
use ringbus::{Text, Value};

use crate::common::payload::{COLUMN, FATAL, KIND, SOURCE};
use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::common::threads::on_threads;
use crate::counted::counted;
use crate::kept::Kept;
use crate::message::id;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "log";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "one logger a process, set once: no handlers that come and go, none for some kinds only; nothing is isolated",
        "the history, the id and the time are the logger's, written by hand here: 500 records behind a lock",
    ],
    rows: &[
        RowMaker { id: "rival-log", make: || full("rival-log", "full event, 1 thread", 1) },
        RowMaker { id: "rival-log-2", make: || full("rival-log-2", "full event, 2 threads", 2) },
    ],
};

/// A record as it can be kept: the text that it borrows is copied, in place if it is short.
#[allow(dead_code, reason = "what handlers would read")]
struct Line {
    id: u64,
    at: SystemTime,
    kind: Text,
    source: Text,
    fields: [(&'static str, Value); 3],
    count: usize,
}

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: LogValue<'kvs>) -> Result<(), Error> {
        if key.as_str() == "source" {
            self.source = Text::from(value.to_borrowed_str().unwrap_or_default());
            return Ok(());
        }
        let value = match (value.to_u64(), value.to_bool()) {
            (Some(number), _) => Value::from(number),
            (_, Some(truth)) => Value::from(truth),
            _ => Value::from(value.to_string()),
        };
        if let Some(field) = self.fields.get_mut(self.count) {
            *field = (key.to_static_str().unwrap_or("?"), value);
            self.count += 1;
        }
        Ok(())
    }
}

/// The process's logger.
struct Logger {
    kept: Kept<Line>,
    seen: Arc<Seen>,
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let fields = [("", Value::from(0)), ("", Value::from(0)), ("", Value::from(0))];
        let kind = Text::from(record.target());
        let mut line = Line { id: id(), at: SystemTime::now(), kind, source: Text::from(""), fields, count: 0 };
        let visited = record.key_values().visit(&mut line);
        assert!(visited.is_ok() && line.count == 3, "a record with three fields");
        self.seen.count();
        self.kept.push(black_box(line));
    }

    fn flush(&self) {}
}

fn full(id: &'static str, what: &'static str, threads: usize) -> Row {
    static SEEN: OnceLock<Arc<Seen>> = OnceLock::new();
    let seen = SEEN.get_or_init(|| {
        let seen = Arc::new(Seen::default());
        let logger = Logger { kept: Kept::new(), seen: Arc::clone(&seen) };
        ::log::set_boxed_logger(Box::new(logger)).expect("nobody else sets one");
        ::log::set_max_level(LevelFilter::Info);
        seen
    });
    let run = move |rounds| {
        on_threads(threads, rounds, |n| {
            error!(target: KIND, source = SOURCE, line = n, column = COLUMN, fatal = FATAL; "");
        })
    };
    Row::pair(id, what, ours::full(threads), counted(NAME, seen, threads, run))
}
