//! `tracing`: a disabled event, one for a subscriber that does nothing, and a layer that keeps the last 500.
//!
//! The process has one global subscriber, which does nothing and has no interest in level TRACE: an event of that level
//! is disabled as all are where there is no subscriber, by one load of the greatest level. The layer is set for the
//! publishing threads alone, so that the rows can run in one process.

use std::hint::black_box;
use std::sync::{Arc, Once};
use std::time::SystemTime;

use ::tracing::dispatcher::{self, Dispatch};
use ::tracing::field::{Field, Visit};
use ::tracing::level_filters::LevelFilter;
use ::tracing::span::{Attributes, Id, Record};
use ::tracing::{Event, Level, Metadata, Subscriber, event};
use ringbus::Value;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::common::payload::{COLUMN, FATAL, KIND, SOURCE};
use crate::common::row::{Row, RowMaker, Side};
use crate::common::seen::Seen;
use crate::common::threads::{on_threads, on_threads_with};
use crate::counted::counted;
use crate::kept::Kept;
use crate::message::{Message, id};
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "tracing";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "no isolation, no counters: a layer that panics unwinds into the publisher",
        "layers are fixed when the subscriber is built, or reloaded behind a lock",
        "the history, the id and the time are the layer's, written by hand here: 500 events behind a lock",
        "the layer is set for the publishing threads, not the process: some nanoseconds more an event",
    ],
    rows: &[
        RowMaker { id: "off-tracing", make: off },
        RowMaker { id: "enabled-tracing", make: enabled },
        RowMaker { id: "rival-tracing", make: || kept("rival-tracing", "full event, 1 thread", 1) },
        RowMaker { id: "rival-tracing-2", make: || kept("rival-tracing-2", "full event, 2 threads", 2) },
    ],
};

/// Takes every event above TRACE, and does nothing with it.
struct Nothing;

impl Subscriber for Nothing {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() < Level::TRACE
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Sets the process's subscriber, once.
fn set_global() {
    static SET: Once = Once::new();
    SET.call_once(|| ::tracing::subscriber::set_global_default(Nothing).expect("nobody else sets one"));
}

fn off() -> Row {
    set_global();
    assert!(LevelFilter::current() < LevelFilter::TRACE, "nobody wants this level");
    let run = |rounds| {
        on_threads(1, rounds, |n| {
            event!(target: KIND, Level::TRACE, source = SOURCE, line = n, column = COLUMN, fatal = FATAL);
        })
    };
    Row::pair(
        "rival-off",
        "call site, disabled, wall time",
        ours::call_site(false),
        Side::new("tracing, disabled", run),
    )
}

fn enabled() -> Row {
    set_global();
    let run = |rounds| {
        on_threads(1, rounds, |n| {
            event!(target: KIND, Level::ERROR, source = SOURCE, line = n, column = COLUMN, fatal = FATAL);
        })
    };
    let theirs = Side::new("tracing, a subscriber that does nothing", run);
    Row::pair(
        "enabled-tracing",
        "call site enabled, no history, no subscriber: ringbus makes no event, tracing calls",
        ours::call_site(true),
        theirs,
    )
}

/// A layer that keeps the last events and hands each to the handler.
struct Last {
    kept: Kept<Message>,
    seen: Arc<Seen>,
}

/// An event's fields, on their way into a message.
struct Fields {
    message: Message,
    count: usize,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        if let Some(slot) = self.message.fields.get_mut(self.count) {
            *slot = (field.name(), value.into());
            self.count += 1;
        }
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        // A layer gets borrowed text, and interns what it knows.
        if field.name() == "source" && value == SOURCE {
            self.message.source = SOURCE;
        } else {
            self.add(field, value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Last {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let fields = [("", Value::from(0)), ("", Value::from(0)), ("", Value::from(0))];
        let kind = event.metadata().target();
        let message = Message { id: id(), at: SystemTime::now(), kind, source: "", fields };
        let mut fields = Fields { message, count: 0 };
        event.record(&mut fields);
        assert_eq!(fields.count, 3, "an event with three fields");
        self.seen.count();
        self.kept.push(black_box(fields.message));
    }
}

fn kept(id: &'static str, what: &'static str, threads: usize) -> Row {
    set_global();
    let seen = Arc::new(Seen::default());
    let layer = Last { kept: Kept::new(), seen: Arc::clone(&seen) };
    let dispatch = Dispatch::new(Registry::default().with(layer));
    let run = move |rounds| {
        let own = || dispatcher::set_default(&dispatch);
        on_threads_with(threads, rounds, own, |_, n| {
            event!(target: KIND, Level::ERROR, source = SOURCE, line = n, column = COLUMN, fatal = FATAL);
        })
    };
    let theirs = counted("tracing, a layer that keeps the last 500", &seen, threads, run);
    Row::pair(id, what, ours::full(threads), theirs)
}
