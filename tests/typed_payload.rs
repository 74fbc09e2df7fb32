//! Events that hold Rust types: derived payloads with all their options, and the way there and back.
#![cfg(all(feature = "derive", feature = "serde"))]

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use ringbus::{
    Bus, Event, FieldReader, FieldWriter, FromValue, Payload, Priority, Registry, RegistryError, ToValue, Unknown,
    UnknownKinds, Value,
};

const SAMPLE: &str = "typed.sample";

#[derive(Clone, Debug, Default, PartialEq, Payload)]
#[payload(kind = SAMPLE, validate = Sample::check)]
struct Sample {
    mean: f64,
    #[payload(rename = "count of samples")]
    count: u32,
    r#type: String,
    tags: Vec<String>,
    unit: Option<String>,
    by_host: BTreeMap<String, Vec<u8>>,
    took: Duration,
    #[payload(skip)]
    raw: Vec<u8>,
}

impl Sample {
    fn check(&self) -> Result<(), String> {
        if self.count > 0 { Ok(()) } else { Err(format!("no samples of {}\nat all", self.r#type)) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Payload)]
#[payload(kind = "typed.unit")]
struct Unit;

#[derive(Debug, PartialEq, Payload)]
#[payload(kind = "typed.generic")]
struct Generic<T: PartialEq, const N: usize>
where
    T: Copy,
{
    first: T,
    all: [T; N],
    #[payload(skip)]
    skipped: Option<T>,
}

fn sample() -> Sample {
    Sample {
        mean: 21.5,
        count: 3,
        r#type: "temperature".into(),
        tags: vec!["a".into(), "b".into()],
        unit: None,
        by_host: [("db1".into(), vec![1, 255])].into(),
        took: Duration::from_millis(1500),
        raw: Vec::new(),
    }
}

fn full() -> Event {
    Event::builder(SAMPLE)
        .timestamp(UNIX_EPOCH + Duration::from_micros(1_234_567))
        .source("daemon")
        .project_path("/srv/app")
        .correlation_id("req-7")
        .priority(Priority::High)
        .fields(Event::from_payload(sample()).unwrap().payload())
        .build()
        .unwrap()
}

fn registry() -> Registry {
    Registry::new().with::<Sample>().unwrap().with::<Unit>().unwrap()
}

/// The faults of `json`, as `path | expected | found`.
fn faults(registry: &Registry, json: &str) -> Vec<String> {
    let error = registry.from_json(json).unwrap_err();
    error.faults().iter().map(|fault| format!("{} | {} | {}", fault.path, fault.expected, fault.found)).collect()
}

#[test]
fn a_typed_event_shows_its_fields_like_any_other() {
    let typed = Event::from_payload(sample()).unwrap();
    let dynamic = full();
    assert_eq!(typed.payload(), dynamic.payload());
    assert_eq!(
        typed.payload().to_string(),
        r#"mean=21.5 "count of samples"=3 type="temperature" tags=["a", "b"] unit=null by_host={db1: [1, 255]} took=1.5s"#
    );
    assert_eq!(typed.get("mean"), Some(&Value::Float(21.5)));
    assert_eq!((typed.get("raw"), typed.get("count")), (None, None));
    assert_eq!(typed.to_map()["payload"], dynamic.to_map()["payload"]);
    assert!(typed.to_string().ends_with(&typed.payload().to_string()));
    assert!(typed.to_json().ends_with(&dynamic.to_json()[dynamic.to_json().find(r#""payload""#).unwrap()..]));
    assert_eq!((typed.source(), typed.project_path(), typed.correlation_id()), (None, None, None));
    assert_eq!((typed.priority(), typed.call_site().is_none()), (Priority::Normal, true));
    assert!(typed.id() != dynamic.id() && typed.timestamp() > dynamic.timestamp());
    let unit = Event::from_payload(Unit).unwrap();
    assert_eq!((unit.kind().as_str(), unit.payload().is_empty()), ("typed.unit", true));
}

#[test]
fn all_who_see_an_event_share_its_one_payload() {
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let guards = [0, 1].map(|_| {
        let seen = Arc::clone(&seen);
        bus.on(SAMPLE).unwrap().subscribe(move |event| {
            seen.lock().unwrap().push(event.payload_as::<Sample>().unwrap() as *const Sample as usize);
        })
    });
    let event = Event::from_payload(Sample { raw: vec![7], ..sample() }).unwrap();
    bus.publish(event.clone());
    let mine = event.payload_as::<Sample>().unwrap();
    assert_eq!(mine.raw, [7]);
    let found = bus.recent(1);
    assert!(Event::same_instance(&found[0], &event));
    assert!(std::ptr::eq(found[0].payload_as::<Sample>().unwrap(), mine));
    assert_eq!(*seen.lock().unwrap(), [mine as *const Sample as usize; 2]);
    drop(guards);
    // Exactly the type, and only where it is held.
    assert!(event.payload_as::<Unit>().is_none() && full().payload_as::<Sample>().is_none());
}

#[test]
fn fields_decode_to_what_was_written() {
    assert_eq!(full().decode::<Sample>(), Ok(sample()));
    assert_eq!(Event::from_payload(sample()).unwrap().decode::<Sample>(), Ok(sample()));
    // Options need not be there; what is skipped is made anew.
    let event = Event::from_payload(Sample { raw: vec![1], ..sample() }).unwrap();
    let known = event.payload().into_iter().filter(|(name, _)| *name != "unit");
    assert_eq!(Event::builder(SAMPLE).fields(known).build().unwrap().decode::<Sample>(), Ok(sample()));
    let generic = Generic { first: 7_u8, all: [1, 2], skipped: Some(3) };
    let event = Event::from_payload(generic).unwrap();
    assert_eq!(event.payload().to_string(), "first=7 all=[1, 2]");
    assert_eq!(event.decode::<Generic<u8, 2>>(), Ok(Generic { first: 7, all: [1, 2], skipped: None }));
    assert_eq!(Event::from_payload(Unit).unwrap().decode::<Unit>(), Ok(Unit));
}

#[test]
fn three_faults_in_three_faults_out() {
    let event = Event::builder(SAMPLE)
        .field("mean", "high")
        .field("count of samples", 0)
        .field("type", "t")
        .field("tags", [Value::from("a"), 7.into()])
        .field("by_host", BTreeMap::from([("db1", [1])]))
        .field("took", -1)
        .build()
        .unwrap();
    let error = event.decode::<Sample>().unwrap_err();
    let told: Vec<String> = error.into_iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`payload.mean` is \"high\"; expected is a number",
            "`payload.tags[1]` is 7; expected is text",
            "`payload.took` is -1; expected is a span of time, or its seconds",
        ]
    );
    assert_eq!(error.to_string(), format!("typed.sample cannot be decoded:\n{}", told.join("\n")));
    assert_eq!((error.kind().as_str(), error.faults().len()), (SAMPLE, 3));
}

#[test]
fn faults_of_every_form_have_their_place() {
    let decode = |json: &str| {
        let json = format!(r#"{{"type": "typed.sample", "payload": {json}}}"#);
        Event::from_json(&json, Unknown::Refuse).unwrap().decode::<Sample>().unwrap_err()
    };
    let good = r#""mean": 1, "type": "t", "tags": [], "took": 1"#;
    let error = decode(&format!(r#"{{{good}, "count of samples": -1, "by_host": {{"a b": [256, 0, -1]}}, "x": 1}}"#));
    assert_eq!(
        error.into_iter().map(|fault| (&*fault.path, &*fault.found)).collect::<Vec<_>>(),
        [
            (r#"payload."count of samples""#, "-1"),
            (r#"payload.by_host."a b"[0]"#, "256"),
            (r#"payload.by_host."a b"[2]"#, "-1"),
            ("payload.x", "1"),
        ]
    );
    assert_eq!(error.faults()[0].expected, "an integer of 0 to 4294967295");
    assert!(error.faults()[3].expected.starts_with("no such field (typed.sample has mean, count of samples, type, "));
    // The payload's own check comes last, and only if all else is right.
    let invalid = decode(&format!(r#"{{{good}, "count of samples": 0, "by_host": {{}}}}"#));
    assert_eq!(
        invalid.to_string(),
        "typed.sample cannot be decoded:\n\
         `payload` is invalid: no samples of t\\nat all; expected is a valid typed.sample"
    );
    let other = Event::builder("typed.other").field("mean", "x").build().unwrap().decode::<Sample>().unwrap_err();
    assert_eq!(
        other.to_string(),
        "typed.other cannot be decoded:\n`type` is \"typed.other\"; expected is \"typed.sample\""
    );
}

#[test]
fn a_registry_makes_typed_events_with_the_same_envelope() {
    let dynamic = full();
    for typed in [registry().build(dynamic.clone()).unwrap(), registry().from_json(&dynamic.to_json()).unwrap()] {
        assert_eq!(typed.payload_as::<Sample>(), Some(&sample()));
        // A span comes back from JSON as what it was, though JSON knows only its seconds.
        assert_eq!(typed.to_map(), dynamic.to_map());
        let again = registry().build(typed.clone()).unwrap();
        assert!(Event::same_instance(&typed, &again));
    }
    assert!(registry().kinds().map(ringbus::Kind::as_str).eq([SAMPLE, "typed.unit"]));
    let unit = registry().from_json(r#"{"type": "typed.unit"}"#).unwrap();
    assert_eq!(unit.payload_as::<Unit>(), Some(&Unit));
}

#[test]
fn unknown_kinds_are_refused_or_passed() {
    let event = Event::builder("typed.unknown").field("x", 1).build().unwrap();
    let error = registry().build(event.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the event is refused:\n`type` is \"typed.unknown\"; expected is one of typed.sample, typed.unit"
    );
    let passing = registry().unknown_kinds(UnknownKinds::Pass);
    assert!(Event::same_instance(&passing.build(event.clone()).unwrap(), &event));
    assert_eq!(passing.from_json(&event.to_json()).unwrap().to_map(), event.to_map());
    assert_eq!(faults(&passing, r#"{"type": "typed.unknown", "id": 1}"#).len(), 1);
}

#[test]
fn all_faults_of_an_envelope_and_its_payload_are_told_together() {
    let json = r#"{"id": "7", "type": "typed.sample", "timestamp": "yesterday", "source": 5, "source": "twice",
                   "project_path": [], "correlation_id": {}, "priority": "urgent", "colour": "red", "payload":
                   {"mean": null, "count of samples": 1, "type": "t", "tags": ["a", 1, {"x": 1, "x": 2}],
                    "by_host": {}, "took": "long"}}"#;
    let found = faults(&registry(), json);
    let starts = [
        "source | each name once | given twice",
        "payload.tags[2].x | each name once | given twice",
        "id | an event id: a UUID of 36 bytes, or null | \"7\"",
        "timestamp | an RFC 3339 time in UTC",
        "source | text or null | 5",
        "project_path | text or null | []",
        "correlation_id | text or null | {}",
        "priority | low, normal, high or critical, or null | \"urgent\"",
        "colour | one of id, type, timestamp, ",
        "payload.mean | a number | null",
        "payload.tags[1] | text | 1",
        "payload.tags[2] | text | {x: 1, x: 2}",
        "payload.took | a span of time, or its seconds | \"long\"",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (fault, start) in found.iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}\nis not\n{start}");
    }
}

#[test]
fn an_input_has_as_many_faults_as_are_wrong_with_it() {
    for (json, paths) in [
        ("7", &[""][..]),
        ("{}", &["type"]),
        (r#"{"type": 7, "payload": 8}"#, &["type", "payload"]),
        (r#"{"type": "a..b"}"#, &["type"]),
        (r#"{"type": "typed.unknown", "payload": {"x": 1}}"#, &["type"]),
        (r#"{"type": "typed.unit", "payload": []}"#, &["payload"]),
        (r#"{"type": "typed.unit", "payload": {"x": 1, "y": 2}, "z": 3}"#, &["z", "payload.x", "payload.y"]),
        (r#"{"type": "typed.unit", "type": "typed.unit"}"#, &["type"]),
        (
            r#"{"type": "typed.sample", "payload": {"mean": 1, "type": "t", "tags": [], "took": 1, "by_host": {}, "count of samples": 0}, "id": 1}"#,
            &["id", "payload"],
        ),
    ] {
        let error = registry().from_json(json).unwrap_err();
        assert!(error.faults().iter().map(|fault| &*fault.path).eq(paths.iter().copied()), "{json}: {error}");
    }
    let syntax = registry().from_json("{").unwrap_err();
    assert!(matches!(syntax, RegistryError::Syntax(_)) && syntax.faults().is_empty());
    assert!(syntax.to_string().contains("line 1 column"), "{syntax}");
}

#[test]
fn a_kind_has_one_payload_type() {
    #[derive(Debug, Payload)]
    #[payload(kind = "typed.sample")]
    struct Impostor {}

    let mut registry = registry();
    let error = Event::from_payload(Impostor {}).map(drop).and(registry.register::<Impostor>()).unwrap_err();
    assert_eq!(error.kind, "typed.sample");
    assert!(error.by.ends_with("::Sample") && error.refused.ends_with("::Impostor"), "{error}");
    assert!(error.to_string().contains(error.by) && error.to_string().contains(error.refused));
    assert_eq!(registry.build(full()).unwrap().payload_as::<Sample>(), Some(&sample()));
    // Each type made of a generic one is a type of its own.
    let _ = Event::from_payload(Generic { first: 1_u8, all: [1, 2], skipped: None }).unwrap();
    assert!(Event::from_payload(Generic { first: 1_u16, all: [1], skipped: None }).is_err());
}

struct Panics;

impl ToValue for Panics {
    fn to_value(&self) -> Value {
        panic!("no value for you")
    }
}

impl FromValue for Panics {
    fn expected() -> std::borrow::Cow<'static, str> {
        "nothing".into()
    }

    fn from_value(_: &Value) -> Option<Self> {
        None
    }
}

/// Counts how often it is dropped, which panics.
struct Counted(Arc<AtomicUsize>, bool);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "dropped");
    }
}

impl Payload for Counted {
    const KIND: &'static str = "typed.counted";

    fn field_names() -> &'static [&'static str] {
        &["one", "two"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        // Too few for the names of this one, too many for those of the other.
        fields.write(&1);
        for n in 2..if self.1 { 2 } else { 9 } {
            fields.write(&n);
        }
    }

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

#[test]
fn p04_a_payload_that_panics_when_it_is_looked_at_stays_whole() {
    #[derive(Payload)]
    #[payload(kind = "typed.panics")]
    struct Holds {
        first: u8,
        panics: Panics,
    }

    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let _guard = bus.subscribe({
        let seen = Arc::clone(&seen);
        move |event| seen.lock().unwrap().push(event.payload().to_string())
    });
    let delivery = bus.publish(Event::from_payload(Holds { first: 7, panics: Panics }).unwrap());
    assert_eq!((delivery.delivered, delivery.failed), (1, 0));
    assert_eq!(*seen.lock().unwrap(), [r#"panicked="no value for you""#]);
    let event = &bus.recent(1)[0];
    assert_eq!(event.get("panicked"), Some(&"no value for you".into()));
    assert_eq!(event.payload().len(), 1);
    assert!(event.to_json().ends_with(r#""payload":{"panicked":"no value for you"}}"#));
    assert_eq!(event.payload_as::<Holds>().map(|held| held.first), Some(7));
}

#[test]
fn p04_what_a_payload_writes_too_much_or_too_little_is_not_shown() {
    let dropped = Arc::new(AtomicUsize::new(0));
    for (few, shown) in [(false, "one=1 two=2"), (true, "one=1")] {
        let event = Event::from_payload(Counted(Arc::clone(&dropped), few)).unwrap();
        assert_eq!(event.payload().to_string(), shown);
        // Refusing without a reason is a fault too.
        assert!(event.decode::<Counted>().is_err_and(|error| error.faults()[0].path == "payload"));
        assert!(catch_unwind(std::panic::AssertUnwindSafe(|| drop(event))).is_ok(), "a drop that panics is contained");
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
}

#[test]
fn p12_nothing_of_a_payload_shows_in_the_events_that_its_memory_serves_next() {
    let dropped = Arc::new(AtomicUsize::new(0));
    drop(Event::from_payload(Counted(Arc::clone(&dropped), false)).unwrap());
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "dropped with its event");
    for dynamic in [
        Event::builder("typed.counted").build().unwrap(),
        Event::builder("typed.counted").field("two", 3).build().unwrap(),
    ] {
        assert!(dynamic.payload_as::<Counted>().is_none());
        assert_eq!(dynamic.get("one"), None);
        assert_eq!(dynamic.payload().len(), usize::from(dynamic.get("two").is_some()));
        drop(Event::from_payload(Counted(Arc::clone(&dropped), false)).unwrap());
    }
    let bus = Bus::new();
    drop(Event::from_payload(Unit).unwrap());
    ringbus::publish_event!(bus: &bus, "typed.site", n = 1);
    assert_eq!(bus.recent(1)[0].payload().to_string(), "n=1");
    assert!(bus.recent(1)[0].payload_as::<Unit>().is_none());
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}
