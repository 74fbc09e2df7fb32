//! Payloads: none, few and many fields; short and long text; a Rust type beside fields.

use std::hint::black_box;

use ringbus::{Bus, FieldReader, FieldWriter, Payload, Value, publish_event};

use super::sides::{LOCKED_PORT, Ours, Port, RINGBUS};
use crate::common::payload::{COLUMN, FATAL, HISTORY, KIND, SOURCE};
use crate::common::row::{Row, RowMaker, Side};

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "fields-0", make: none },
    RowMaker { id: "fields-1", make: one },
    RowMaker { id: "fields-3", make: three },
    RowMaker { id: "fields-8", make: eight },
    RowMaker { id: "text-short", make: || text("text-short", "one text of 9 bytes", "TypeError") },
    RowMaker { id: "text-long", make: || text("text-long", "one text of 240 bytes", LONG.trim_end()) },
    RowMaker { id: "typed", make: typed },
];

const LONG: &str = "TypeError: cannot read property 'length' of undefined, at render (/srv/app/src/view/table.ts:42:7) \
    at update (/srv/app/src/view/table.ts:97:12) at flush (/srv/app/src/queue.ts:18:3) at process.tick \
    (/srv/app/node/internal/process.js:95:5)";

/// A row whose sides publish by these.
fn row(
    id: &'static str,
    what: &'static str,
    ours: impl Fn(&Bus, u64) + Sync + 'static,
    fields: impl Fn(u64) -> Vec<(&'static str, Value)> + Sync + 'static,
) -> Row {
    let (bus, port) = (Ours::new(1), Port::new(1));
    let ours = Side::alone(RINGBUS, move |n| ours(&bus.bus, n));
    let port = Side::alone(LOCKED_PORT, move |n| {
        black_box(port.0.publish(KIND, SOURCE, fields(n)));
    });
    Row::pair(id, what, ours, port)
}

fn none() -> Row {
    let ours = |bus: &Bus, _: u64| {
        black_box(publish_event!(bus: bus, "terminal.error", source: "daemon"));
    };
    row("fields-0", "full event without fields", ours, |_| Vec::new())
}

fn one() -> Row {
    let ours = |bus: &Bus, n: u64| {
        black_box(publish_event!(bus: bus, "terminal.error", source: "daemon", line = n));
    };
    row("fields-1", "full event, 1 field", ours, |n| vec![("line", n.into())])
}

fn three() -> Row {
    let what = "full event, 3 fields";
    Row::pair("fields-3", what, Ours::new(1).side(RINGBUS, 1), Port::new(1).side(1))
}

fn eight() -> Row {
    let ours = |bus: &Bus, n: u64| {
        black_box(publish_event!(
            bus: bus, "terminal.error", source: "daemon",
            a = n, b = COLUMN, c = FATAL, d = 0.5, e = n, f = COLUMN, g = FATAL, h = 1.5
        ));
    };
    let fields = |n: u64| {
        vec![
            ("a", Value::from(n)),
            ("b", Value::from(COLUMN)),
            ("c", Value::from(FATAL)),
            ("d", Value::from(0.5)),
            ("e", Value::from(n)),
            ("f", Value::from(COLUMN)),
            ("g", Value::from(FATAL)),
            ("h", Value::from(1.5)),
        ]
    };
    row("fields-8", "full event, 8 fields", ours, fields)
}

/// The text is known at run time only.
fn text(id: &'static str, what: &'static str, text: &'static str) -> Row {
    let (ours_text, port_text) = (text.to_owned(), text.to_owned());
    let ours = move |bus: &Bus, _: u64| {
        let text = black_box(ours_text.as_str());
        black_box(publish_event!(bus: bus, "terminal.error", source: "daemon", error = text));
    };
    row(id, what, ours, move |_| vec![("error", black_box(port_text.as_str()).into())])
}

// === a Rust type ===

/// The telemetry event's fields as a type, with a kind of its own.
struct Typed {
    line: u64,
    column: i32,
    fatal: bool,
}

impl Payload for Typed {
    const KIND: &'static str = "terminal.typed";

    fn field_names() -> &'static [&'static str] {
        &["line", "column", "fatal"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.line);
        fields.write(&self.column);
        fields.write(&self.fatal);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let (line, column, fatal) = (fields.read(), fields.read(), fields.read());
        Some(Self { line: line?, column: column?, fatal: fatal? })
    }
}

/// Either handler reads one field.
fn typed() -> Row {
    let bus = Bus::builder().history(HISTORY).build().expect("a bus");
    let guard = bus.subscribe_to(|event: &Typed| {
        black_box(event.line);
    });
    let guard = guard.expect("a kind of its own");
    let topic = bus.topic::<Typed>().expect("a kind of its own");
    let typed = Side::alone("typed topic", move |n| {
        let _ = &guard;
        black_box(topic.publish(Typed { line: n, column: COLUMN, fatal: FATAL }));
    });
    let bus = Ours::new(0);
    let guard = bus.bus.on(KIND).expect("a kind").subscribe(|event| {
        black_box(event.get("line").and_then(Value::as_u64));
    });
    let fields = Side::alone("event with fields", move |n| {
        let _ = &guard;
        bus.publish(n);
    });
    Row::pair("typed", "typed topic beside an event with fields", typed, fields)
}
