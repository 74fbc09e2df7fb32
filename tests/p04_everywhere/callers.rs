//! What the bus calls for somebody who waits for the answer: the panic goes on to him, and leaves nothing behind. Nothing
//! is published or subscribed, nothing is locked, and the next event has nothing of the one that came to nothing.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;

use ringbus::{BoxError, Bus, Event, Handler, Kind, Registry, Selector, Subscriptions, ToValue, Value, publish_event};

use crate::payloads::{Doubtful, Fine, Unreadable};
use crate::{Bomb, alone, assert_sound};

/// Panics, whatever it is asked for.
struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("ordered: no words")
    }
}

impl fmt::Debug for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic_any(Bomb(2))
    }
}

impl ToValue for Mute {
    fn to_value(&self) -> Value {
        panic!("ordered: no value")
    }
}

impl AsRef<str> for Mute {
    fn as_ref(&self) -> &str {
        panic!("ordered: no text")
    }
}

impl AsRef<Bus> for Mute {
    fn as_ref(&self) -> &Bus {
        panic!("ordered: no bus")
    }
}

#[cfg(feature = "serde")]
impl AsRef<std::path::Path> for Mute {
    fn as_ref(&self) -> &std::path::Path {
        panic!("ordered: no path")
    }
}

impl From<Mute> for String {
    fn from(_: Mute) -> Self {
        panic!("ordered: no string")
    }
}

impl From<Mute> for Value {
    fn from(_: Mute) -> Self {
        panic!("ordered: no value")
    }
}

impl TryFrom<Mute> for Kind {
    type Error = ringbus::KindError;

    fn try_from(_: Mute) -> Result<Self, Self::Error> {
        panic!("ordered: no kind")
    }
}

/// A handler object that panics when it is asked who it is.
struct Nobody {
    named: bool,
}

impl Handler for Nobody {
    fn handle(&self, _: &Event) -> Result<(), BoxError> {
        Ok(())
    }

    fn name(&self) -> &str {
        if self.named { "named" } else { panic!("ordered: no name") }
    }

    fn selector(&self) -> Selector {
        if self.named { panic!("ordered: no selector") } else { Selector::all() }
    }
}

/// Three of what `make` makes, and then a panic.
fn three<T>(make: impl Fn(i64) -> T) -> impl Iterator<Item = T> {
    (0..).map(move |n| if n < 3 { make(n) } else { panic!("ordered: no fourth") })
}

type Case = (&'static str, fn(&Bus));

const CASES: &[Case] = &[
    // === the macro's arguments ===
    ("Display of a field", |bus| drop(publish_event!(bus: bus, "p04.arg", source: "lost", a = 1, b = %Mute))),
    ("Debug of a field", |bus| drop(publish_event!(bus: bus, "p04.arg", priority: ringbus::Priority::High, a = ?Mute))),
    ("value of a field", |bus| drop(publish_event!(bus: bus, "p04.arg", correlation_id: "lost", a = "x", b = Mute))),
    ("an argument", |bus| drop(publish_event!(bus: bus, "p04.arg", a = 1, b = Value::from(Mute)))),
    ("the source", |bus| drop(publish_event!(bus: bus, "p04.arg", source: String::from(Mute), a = 1))),
    ("the path", |bus| drop(publish_event!(bus: bus, "p04.arg", project_path: format_args!("{Mute}"), a = 1))),
    ("the kind", |bus| drop(publish_event!(bus: bus, kind: format_args!("p04.{Mute}"), a = 1))),
    ("the bus", |_| drop(publish_event!(bus: &Mute, "p04.arg", a = 1))),
    // === making events ===
    ("the kind's conversion", |_| drop(Event::builder(Mute))),
    ("a field's conversion", |_| drop(Event::builder("p04.built").field("a", 1).field("b", Mute).build())),
    ("an iterator of fields", |_| {
        drop(Event::builder("p04.built").fields(three(|n| (n.to_string(), n))).build());
    }),
    ("a value's items", |_| drop(three(Value::from).collect::<Value>())),
    ("what a topic publishes", |bus| {
        drop(bus.topic::<Fine>().unwrap().publish_with(|| panic!("ordered: nothing to publish")));
    }),
    ("reading a payload", |_| {
        drop(Event::builder("p04.unreadable").field("n", 1).build().unwrap().decode::<Unreadable>());
    }),
    ("a registry", |_| {
        let registry = Registry::new().with::<Doubtful>().unwrap();
        drop(registry.build(Event::builder("p04.doubtful").field("n", 1).build().unwrap()));
    }),
    #[cfg(feature = "serde")]
    ("a registry that reads JSON", |_| {
        let registry = Registry::new().with::<Doubtful>().unwrap();
        drop(registry.from_json(r#"{"type": "p04.doubtful", "payload": {"n": 1}}"#));
    }),
    // === subscribing ===
    ("an object's name", |bus| _ = bus.subscribe_handler(Arc::new(Nobody { named: false }))),
    ("an object's selector", |bus| _ = bus.subscribe_handler(Arc::new(Nobody { named: true }))),
    ("a name", |bus| drop(bus.on("p04.*").unwrap().filter(|_| true).named(Mute))),
    ("a bag's guards", |bus| {
        let guards: Subscriptions = three(|_| bus.subscribe(|_| {})).collect();
        drop(guards);
    }),
    ("a bag that grows", |bus| Subscriptions::new().extend(three(|_| bus.subscribe(|_| {})))),
    // === looking ===
    ("explaining", |bus| drop(bus.explain(Mute))),
    ("counting", |bus| _ = bus.subscriber_count(Mute)),
    ("a query's source", |bus| drop(bus.history().source(Mute).all())),
    ("what reads a query", |bus| {
        publish_event!(bus: bus, "read", n = 1);
        bus.history().into_iter().for_each(|event| assert!(event.kind() != "read", "ordered: no reading"));
    }),
    #[cfg(feature = "serde")]
    ("a black box's path", |bus| drop(bus.on_panic_dump(Mute))),
    // === another bus for a while ===
    ("a scope", |bus| {
        ringbus::with_default(bus, || {
            publish_event!("scoped");
            panic!("ordered: in the scope");
        });
    }),
    ("a scope in a scope", |bus| {
        ringbus::with_default(&Bus::new(), || ringbus::with_default(bus, || panic!("ordered: in both")));
    }),
    ("what is carried to another thread", |bus| {
        let carried = ringbus::with_default(bus, || ringbus::propagate(|| panic!("ordered: carried")));
        let thread = std::thread::spawn(carried);
        std::panic::resume_unwind(thread.join().unwrap_err());
    }),
];

#[test]
fn p04_what_is_called_for_the_caller_panics_at_the_callers_and_leaves_nothing() {
    let _alone = alone();
    for (name, run) in CASES {
        let bus = Bus::new();
        let before = ringbus::default_bus();
        for _ in 0..3 {
            let thrown = catch_unwind(AssertUnwindSafe(|| run(&bus))).expect_err(name);
            // Dropped as a caller would: round by round.
            let mut next = Some(thrown);
            while let Some(armed) = next.take() {
                next = catch_unwind(AssertUnwindSafe(|| drop(armed))).err();
            }
        }
        let published: Vec<_> = bus.recent(9).iter().map(|event| event.kind().to_string()).collect();
        assert!(published.iter().all(|kind| kind == "read" || kind == "scoped"), "{name}: {published:?}");
        assert!(bus.subscriptions().is_empty(), "{name}");
        assert!(ringbus::default_bus().same_bus(&before), "{name}: the scope has ended");
        let totals = bus.stats().totals;
        assert_eq!((totals.failed, totals.refused, totals.while_panicking), (0, 0, 0), "{name}");
        // The memory of an event that came to nothing serves the next one.
        let next = publish_event!(bus: &bus, "p04.next", c = 2).event.unwrap();
        assert_eq!((next.source(), next.correlation_id(), next.priority()), (None, None, ringbus::Priority::Normal));
        assert_eq!((next.project_path(), next.payload().to_string().as_str()), (None, "c=2"), "{name}");
        assert_sound(&bus, name);
    }
}

#[cfg(feature = "serde")]
#[test]
fn p04_a_dump_whose_writer_errs_or_panics_is_the_callers() {
    use std::io::{self, Write};

    /// Takes so many bytes, then does something else.
    struct Writer<'a> {
        left: usize,
        then: fn() -> io::Result<usize>,
        at_flush: bool,
        bus: &'a Bus,
    }

    impl Write for Writer<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Nothing is locked meanwhile.
            assert!(self.bus.try_recent(9).is_ok());
            if !self.at_flush && self.left < bytes.len() {
                return (self.then)();
            }
            self.left = self.left.saturating_sub(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            if self.at_flush { (self.then)().map(drop) } else { Ok(()) }
        }
    }

    let _alone = alone();
    for (left, at_flush) in [(0, false), (200, false), (0, true)] {
        let bus = Bus::new();
        (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p04.dumped", n)));
        let writer = |then| Writer { left, then, at_flush, bus: &bus };
        let error = bus.dump(writer(|| Err(io::ErrorKind::BrokenPipe.into()))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(catch_unwind(AssertUnwindSafe(|| bus.dump(writer(|| panic!("ordered: no paper"))))).is_err());
        assert_sound(&bus, "dump");
        let mut lines = Vec::new();
        assert_eq!(bus.dump(&mut lines).unwrap(), bus.recent(99).len());
    }
}
