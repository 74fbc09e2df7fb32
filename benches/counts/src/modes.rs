//! The hot paths. Each mode makes what it needs, then hands over its rounds as a function that does so many.
//!
//! The rounds of every mode are the same loop around one publish; `loop` is that loop alone, and is taken off the
//! others. What a publish is given differs from round to round, so that nothing is worked out beforehand.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Bus, Event, FieldReader, FieldWriter, Payload, Subscription, publish_event};

/// Told how to do so many rounds.
type Measure<'a> = &'a mut dyn FnMut(&mut dyn FnMut(u64));

/// A hot path.
pub struct Mode {
    pub id: &'static str,
    pub what: &'static str,
    pub run: fn(Measure<'_>),
}

pub const MODES: &[Mode] = &[
    Mode { id: "loop", what: "the loop itself, taken off the others", run: empty },
    Mode { id: "off", what: "call site, bus disabled", run: off },
    Mode { id: "off-tracing", what: "`tracing::event!`, disabled", run: off_tracing },
    Mode { id: "enabled", what: "call site, enabled, history off, no subscriber", run: enabled },
    Mode { id: "enabled-tracing", what: "`tracing::event!`, a subscriber that does nothing", run: enabled_tracing },
    Mode { id: "table", what: "publish that one handler of another kind does not hear, history off", run: table },
    Mode { id: "history", what: "publish into a history of 500, no subscriber", run: history },
    Mode { id: "handler", what: "publish to 1 handler, history off", run: |measure| full(measure, 0, 1) },
    Mode { id: "full-1", what: "full publish: history of 500, 1 handler", run: |measure| full(measure, 500, 1) },
    Mode { id: "full-8", what: "full publish: history of 500, 8 handlers", run: |measure| full(measure, 500, 8) },
    Mode { id: "topic-1", what: "typed topic, history off, 1 handler", run: |measure| topic(measure, 0, 1) },
    Mode { id: "topic-8", what: "typed topic, history off, 8 handlers", run: |measure| topic(measure, 0, 8) },
    Mode { id: "publish-1", what: "`Bus::publish` of a value, history of 500, 1 handler", run: publish },
    Mode { id: "batch-1", what: "an event of `publish_all`, history of 500, 1 handler", run: batch },
    Mode {
        id: "queue",
        what: "publish to a queue, and its event taken out, history off",
        run: |measure| queue(measure, true),
    },
    Mode {
        id: "queue-full",
        what: "publish to a full queue that drops the oldest, history off",
        run: |measure| queue(measure, false),
    },
    Mode { id: "topic-full-1", what: "typed topic, history of 500, 1 handler", run: |measure| topic(measure, 500, 1) },
];

/// The three fields of a telemetry event, at a call site that names no bus.
macro_rules! publish {
    ($n:expr) => {
        publish_event!("counts.event", source: "daemon", line = black_box($n), column = black_box(7), fatal = black_box(true))
    };
}

fn empty(measure: Measure<'_>) {
    measure(&mut |rounds| {
        for _ in 0..rounds {
            black_box(());
        }
    });
}

fn off(measure: Measure<'_>) {
    global(Bus::builder().history(500).enabled(false).build().expect("valid"));
    publishing(measure);
}

fn enabled(measure: Measure<'_>) {
    global(Bus::builder().history(0).build().expect("valid"));
    publishing(measure);
}

fn table(measure: Measure<'_>) {
    let bus = Bus::builder().history(0).build().expect("valid");
    let _guards = hearing(&bus, "counts.other", 1);
    global(bus);
    publishing(measure);
}

fn history(measure: Measure<'_>) {
    full(measure, 500, 0);
}

fn full(measure: Measure<'_>, capacity: usize, handlers: usize) {
    let bus = Bus::builder().history(capacity).build().expect("valid");
    let _guards = hearing(&bus, "counts.event", handlers);
    global(bus);
    publishing(measure);
}

/// A queue that is emptied after each publish, or never.
fn queue(measure: Measure<'_>, emptied: bool) {
    let bus = Bus::builder().history(0).build().expect("valid");
    let mut receiver = bus.on("counts.event").expect("a kind").queued().capacity(64).receiver().expect("a queue");
    global(bus);
    measure(&mut |rounds| {
        for n in 0..rounds {
            publish!(n);
            if emptied {
                black_box(receiver.try_recv().is_ok());
            }
        }
    });
}

/// Call sites that name no bus mean this one from here on.
fn global(bus: Bus) {
    assert!(ringbus::set_global(bus).is_ok(), "one mode a process");
}

/// So many handlers, each of which counts.
fn hearing(bus: &Bus, kind: &'static str, handlers: usize) -> Vec<Subscription> {
    let seen = Arc::new(AtomicU64::new(0));
    let subscribe = |_| {
        let seen = Arc::clone(&seen);
        bus.on(kind).expect("a kind").subscribe(move |_: &Event| {
            seen.fetch_add(1, Ordering::Relaxed);
        })
    };
    (0..handlers).map(subscribe).collect()
}

fn publishing(measure: Measure<'_>) {
    measure(&mut |rounds| {
        for n in 0..rounds {
            publish!(n);
            // Or an off call site would leave no loop.
            black_box(());
        }
    });
}

// === typed ===

struct Sample {
    id: u64,
    mean: f64,
}

impl Payload for Sample {
    const KIND: &'static str = "counts.sample";

    fn field_names() -> &'static [&'static str] {
        &["id", "mean"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.id);
        fields.write(&self.mean);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        Some(Self { id: fields.read()?, mean: fields.read()? })
    }
}

/// So many handlers for samples.
fn taking(bus: &Bus, handlers: usize) -> Vec<Subscription> {
    let seen = Arc::new(AtomicU64::new(0));
    let subscribe = |_| {
        let seen = Arc::clone(&seen);
        bus.subscribe_to(move |sample: &Sample| {
            seen.fetch_add(sample.id, Ordering::Relaxed);
        })
        .expect("a kind of its own")
    };
    (0..handlers).map(subscribe).collect()
}

fn publish(measure: Measure<'_>) {
    let bus = Bus::builder().history(500).build().expect("valid");
    let _guards = taking(&bus, 1);
    measure(&mut |rounds| {
        for n in 0..rounds {
            let _ = bus.publish(Sample { id: black_box(n), mean: black_box(0.5) });
            black_box(());
        }
    });
}

fn batch(measure: Measure<'_>) {
    let bus = Bus::builder().history(500).build().expect("valid");
    let _guards = taking(&bus, 1);
    measure(&mut |rounds| {
        let sample = |n| {
            black_box(());
            Sample { id: black_box(n), mean: black_box(0.5) }
        };
        let _ = bus.publish_all((0..rounds).map(sample));
    });
}

fn topic(measure: Measure<'_>, capacity: usize, handlers: usize) {
    let bus = Bus::builder().history(capacity).build().expect("valid");
    let _guards = taking(&bus, handlers);
    let samples = bus.topic::<Sample>().expect("a kind of its own");
    measure(&mut |rounds| {
        for n in 0..rounds {
            let _ = samples.publish(Sample { id: black_box(n), mean: black_box(0.5) });
            black_box(());
        }
    });
}

// === tracing ===

fn off_tracing(measure: Measure<'_>) {
    tracing_events(measure);
}

fn enabled_tracing(measure: Measure<'_>) {
    assert!(tracing::subscriber::set_global_default(Nothing).is_ok(), "one mode a process");
    tracing_events(measure);
}

fn tracing_events(measure: Measure<'_>) {
    measure(&mut |rounds| {
        for n in 0..rounds {
            tracing::event!(
                target: "counts.event",
                tracing::Level::INFO,
                line = black_box(n),
                column = black_box(7),
                fatal = black_box(true)
            );
            black_box(());
        }
    });
}

/// Wants every event, and does nothing with it.
struct Nothing;

impl tracing::Subscriber for Nothing {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        black_box(event);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
