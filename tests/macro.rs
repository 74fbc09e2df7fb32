//! `publish_event!`: its syntax, and where it may stand. See also `macro_evaluation.rs` and `macro_hygiene.rs`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{Bus, Event, EventId, Kind, Outcome, Priority, Text, ToValue, Value, publish_event};

/// The event that the bus recorded last.
fn last(bus: &Bus) -> Event {
    bus.recent(1).remove(0)
}

fn fields(event: &Event) -> String {
    event.payload().to_string()
}

fn kinds(bus: &Bus) -> Vec<String> {
    bus.recent(usize::MAX).iter().rev().map(|event| event.kind().to_string()).collect()
}

// === fields ===

#[test]
fn every_form_of_a_field_is_read() {
    struct User {
        id: u32,
        name: &'static str,
    }
    let bus = Bus::new();
    let (line, path, state, error) = (42, "main.rs", Some([1, 2]), std::num::IntErrorKind::Empty);
    let user = User { id: 7, name: "ada" };

    publish_event!(bus: &bus, "all.forms", plain = line + 1, shown = %path, debugged = ?error);
    assert_eq!(fields(&last(&bus)), r#"plain=43 shown="main.rs" debugged="Empty""#);

    publish_event!(bus: &bus, "all.forms", line, %path, ?state);
    assert_eq!(fields(&last(&bus)), r#"line=42 path="main.rs" state="Some([1, 2])""#);

    publish_event!(bus: &bus, "all.forms", user.id, %user.name, http.status = 200, http.path = %path, a.b.c = ?[1, 2]);
    assert_eq!(fields(&last(&bus)), r#"user.id=7 user.name="ada" http.status=200 http.path="main.rs" a.b.c="[1, 2]""#);

    publish_event!(bus: &bus, "all.forms", ?user.name, "any text" = true, "shown: %" = %path, "source" = ?path,);
    let event = last(&bus);
    assert_eq!(event.call_site().unwrap().fields(), ["user.name", "any text", "shown: %", "source"]);
    assert_eq!(event.get("any text"), Some(&Value::Bool(true)));
    assert_eq!(event.get("shown: %"), Some(&Value::from("main.rs")));
    assert_eq!((event.get("source"), event.source()), (Some(&Value::from("\"main.rs\"")), None));
}

#[test]
fn every_form_of_a_field_may_come_last_first_and_after_any_other() {
    let bus = Bus::new();
    let (a, b) = (1, 2);
    publish_event!(bus: &bus, "order", a, b = 2);
    publish_event!(bus: &bus, "order", a = 1, b);
    publish_event!(bus: &bus, "order", %a, b = %b,);
    publish_event!(bus: &bus, "order", a = ?a, ?b);
    publish_event!(bus: &bus, "order", "a" = a, "b" = %b);
    publish_event!(bus: &bus, "order", source: "x", a, b = 2,);
    publish_event!(bus: &bus, "order", source: "x", a = 1, b = 2,);
    publish_event!(bus: &bus, kind: "order", a = 1, b = 2);
    for event in bus.recent(usize::MAX) {
        assert_eq!(fields(&event).replace('"', ""), "a=1 b=2", "line {}", event.call_site().unwrap().line());
    }
    assert_eq!(bus.recent(usize::MAX).len(), 8);
}

#[test]
fn a_member_is_named_with_its_dots_and_a_raw_name_without_its_mark() {
    struct Job {
        id: u32,
    }
    impl Job {
        fn publish(&self, bus: &Bus) -> Event {
            publish_event!(bus: bus, "names.member", self.id).event.unwrap()
        }
    }
    let bus = Bus::new();
    let r#type = "file";
    publish_event!(bus: &bus, "names.raw", r#type, match = 2, "r#text" = 3);
    assert_eq!(last(&bus).call_site().unwrap().fields(), ["type", "match", "r#text"]);
    assert_eq!(fields(&Job { id: 7 }.publish(&bus)), "self.id=7");
}

#[test]
fn values_of_many_types_are_fields() {
    struct Celsius(f64);
    impl ToValue for Celsius {
        fn to_value(&self) -> Value {
            self.0.into()
        }
    }
    let bus = Bus::new();
    let slice: &[u8] = &[1, 2];
    publish_event!(bus: &bus, "types", a = true, b = -1_i8, c = u64::MAX, d = i128::MIN, e = 1.5_f32, f = 'x',
                   g = Some("y"), h = None::<i32>, i = vec![1, 2], j = Path::new("/tmp"), k = Duration::from_millis(5),
                   l = &&7, m = Arc::new(8), n = (), o = slice, p = *slice, q = *"text", r = [Some(1), None],
                   s = Celsius(21.5), t = format_args!("{}-{}", 1, 2), u = Value::from(3), v = PathBuf::from("/x"));
    let event = last(&bus);
    assert_eq!(event.payload().len(), 22);
    assert_eq!(event.get("c").and_then(Value::as_u64), Some(u64::MAX));
    assert_eq!(event.get("d").and_then(Value::as_i128), Some(i128::MIN));
    assert_eq!(event.get("h"), Some(&Value::Null));
    assert_eq!(event.get("k").and_then(Value::as_duration), Some(Duration::from_millis(5)));
    assert_eq!((event.get("o"), event.get("p")), (event.get("i"), event.get("i")));
    assert_eq!(event.get("r"), Some(&Value::from([Value::Int(1), Value::Null])));
    for (name, text) in [("g", "y"), ("j", "/tmp"), ("q", "text"), ("t", "1-2"), ("v", "/x")] {
        assert_eq!(event.get(name).and_then(Value::as_str), Some(text), "{name}");
    }
}

/// Calls a macro with a hundred names, each written by the form given for it.
macro_rules! hundred {
    ($call:ident) => { hundred!(@tens $call [] a b c d e f g h i j) };
    (@tens $call:ident [$($done:tt)*] $ten:ident $($tens:ident)*) => {
        hundred!(@tens $call [$($done)*
            $ten.a = 0, $ten.b = %1, $ten.c = ?2, $ten.d = 3, $ten.e = 4,
            $ten.f = 5, $ten.g = 6, $ten.h = 7, $ten.i = 8, $ten.j = 9,
        ] $($tens)*)
    };
    (@tens $call:ident [$($done:tt)*]) => { $call!($($done)*) };
}

#[test]
fn a_hundred_fields_are_no_trouble() {
    let bus = Bus::new();
    macro_rules! publish {
        ($($field:tt)*) => {
            publish_event!(bus: &bus, "hundred.mixed", source: "test", priority: Priority::Low, $($field)*)
        };
    }
    hundred!(publish);
    let event = last(&bus);
    assert_eq!(event.payload().len(), 100);
    assert_eq!((event.get("a.a"), event.get("j.j")), (Some(&Value::Int(0)), Some(&Value::Int(9))));
    assert_eq!(event.get("e.b"), Some(&Value::from("1")));

    publish_event!(bus: &bus, "hundred.plain",
        f0 = 0, f1 = 1, f2 = 2, f3 = 3, f4 = 4, f5 = 5, f6 = 6, f7 = 7, f8 = 8, f9 = 9,
        f10 = 10, f11 = 11, f12 = 12, f13 = 13, f14 = 14, f15 = 15, f16 = 16, f17 = 17, f18 = 18, f19 = 19,
        f20 = 20, f21 = 21, f22 = 22, f23 = 23, f24 = 24, f25 = 25, f26 = 26, f27 = 27, f28 = 28, f29 = 29,
        f30 = 30, f31 = 31, f32 = 32, f33 = 33, f34 = 34, f35 = 35, f36 = 36, f37 = 37, f38 = 38, f39 = 39,
        f40 = 40, f41 = 41, f42 = 42, f43 = 43, f44 = 44, f45 = 45, f46 = 46, f47 = 47, f48 = 48, f49 = 49,
        f50 = 50, f51 = 51, f52 = 52, f53 = 53, f54 = 54, f55 = 55, f56 = 56, f57 = 57, f58 = 58, f59 = 59,
        f60 = 60, f61 = 61, f62 = 62, f63 = 63, f64 = 64, f65 = 65, f66 = 66, f67 = 67, f68 = 68, f69 = 69,
        f70 = 70, f71 = 71, f72 = 72, f73 = 73, f74 = 74, f75 = 75, f76 = 76, f77 = 77, f78 = 78, f79 = 79,
        f80 = 80, f81 = 81, f82 = 82, f83 = 83, f84 = 84, f85 = 85, f86 = 86, f87 = 87, f88 = 88, f89 = 89,
        f90 = 90, f91 = 91, f92 = 92, f93 = 93, f94 = 94, f95 = 95, f96 = 96, f97 = 97, f98 = 98, f99 = 99,
        f100 = 100, f101 = 101, f102 = 102, f103 = 103, f104 = 104, f105 = 105, f106 = 106, f107 = 107, f108 = 108,
        f109 = 109, f110 = 110, f111 = 111, f112 = 112, f113 = 113, f114 = 114, f115 = 115, f116 = 116, f117 = 117,
        f118 = 118, f119 = 119, f120 = 120, f121 = 121, f122 = 122, f123 = 123, f124 = 124, f125 = 125, f126 = 126,
        f127 = 127, f128 = 128, f129 = 129);
    let event = last(&bus);
    assert!((0..130).all(|n| event.get(&format!("f{n}")) == Some(&Value::from(n))));
}

// === metadata ===

#[test]
fn metadata_comes_in_any_order_and_from_what_is_at_hand() {
    let bus = Bus::new();
    let (source, path) = (String::from("daemon"), Path::new("/srv/app"));
    publish_event!(bus: &bus, "meta.all", priority: Priority::High, correlation_id: format!("job-{}", 1),
                   project_path: path, source: source, n = 1);
    let event = last(&bus);
    assert_eq!((event.source(), event.project_path()), (Some("daemon"), Some("/srv/app")));
    assert_eq!((event.correlation_id(), event.priority()), (Some("job-1"), Priority::High));

    let (nobody, usual): (Option<&str>, Option<Priority>) = (None, None);
    publish_event!(bus: &bus, "meta.none", source: nobody, project_path: Some("/tmp"), priority: usual,);
    assert_eq!((last(&bus).source(), last(&bus).project_path()), (None, Some("/tmp")));
    assert_eq!(last(&bus).priority(), Priority::Normal);
    // Arguments are borrowed.
    assert_eq!(source, "daemon");
}

#[test]
fn metadata_is_made_of_every_text() {
    let bus = Bus::new();
    let (id, mut text) = (EventId::from_u128(7), String::from("x"));
    let publish = |delivery: ringbus::Delivery| delivery.event.unwrap().source().map(str::to_owned);
    let found = [
        publish(publish_event!(bus: &bus, "meta.text", source: "x".to_owned())),
        publish(publish_event!(bus: &bus, "meta.text", source: &&"x")),
        publish(publish_event!(bus: &bus, "meta.text", source: &mut text)),
        publish(publish_event!(bus: &bus, "meta.text", source: Text::from("x"))),
        publish(publish_event!(bus: &bus, "meta.text", source: Arc::<str>::from("x"))),
        publish(publish_event!(bus: &bus, "meta.text", source: Rc::new(Box::<str>::from("x")))),
        publish(publish_event!(bus: &bus, "meta.text", source: Cow::from("x"))),
        publish(publish_event!(bus: &bus, "meta.text", source: Cow::from(Path::new("x")))),
        publish(publish_event!(bus: &bus, "meta.text", source: Some(&text))),
        publish(publish_event!(bus: &bus, "meta.text", source: format_args!("{}", 'x'))),
        publish(publish_event!(bus: &bus, "meta.text", source: concat!("x", ""))),
    ];
    assert!(found.iter().all(|source| source.as_deref() == Some("x")), "{found:?}");
    let event = publish_event!(bus: &bus, "meta.id", correlation_id: id).event.unwrap();
    assert_eq!(event.correlation_id(), Some(id.to_string().as_str()));
}

// === kinds ===

#[test]
fn kinds_are_constants_or_told_at_run_time() {
    mod module {
        pub const OPEN: &str = "db.open";
    }
    struct Pool;
    impl Pool {
        const FULL: &'static str = "db.full";
    }
    const CLOSE: &str = concat!("db", ".", "close");
    let bus = Bus::new();
    publish_event!(bus: &bus, module::OPEN);
    publish_event!(bus: &bus, CLOSE, n = 1);
    publish_event!(bus: &bus, Pool::FULL, source: "pool", n = 1);
    publish_event!(bus: &bus, concat!("db", ".", "concat"), n = 1);
    publish_event!(bus: &bus, "db.literal",);
    assert_eq!(kinds(&bus), ["db.open", "db.close", "db.full", "db.concat", "db.literal"]);

    bus.reset();
    let (mut text, kind, n) = (String::from("db.dynamic"), Kind::new("db.dynamic").unwrap(), "dynamic");
    publish_event!(bus: &bus, kind: text);
    publish_event!(bus: &bus, kind: &text, n = 1);
    publish_event!(bus: &bus, kind: &mut text, source: "pool",);
    publish_event!(bus: &bus, kind: text.as_str(), source: "pool", n);
    publish_event!(bus: &bus, kind: format!("db.{n}"), source: "test", n = 1);
    publish_event!(bus: &bus, kind: format_args!("db.{n}"));
    publish_event!(bus: &bus, kind: kind);
    publish_event!(bus: &bus, kind: &kind, %n);
    publish_event!(bus: &bus, kind: Arc::<str>::from(text.as_str()));
    publish_event!(bus: &bus, kind: Cow::from(&text));
    publish_event!(bus: &bus, kind: Text::from(&text));
    publish_event!(bus: &bus, kind: "db.dynamic");
    assert_eq!(kinds(&bus), ["db.dynamic"; 12]);
    assert_eq!((text.as_str(), kind), ("db.dynamic", Kind::new("db.dynamic").unwrap()));
}

#[test]
fn a_malformed_kind_told_at_run_time_is_handed_back_and_counted() {
    let bus = Bus::new();
    for kind in ["", "db..open", "db.*", "db open", &"x".repeat(256)] {
        let delivery =
            publish_event!(bus: &bus, kind: kind, n = if kind.len() < 300 { panic!("evaluated") } else { 1 });
        assert_eq!((delivery.outcome, delivery.event.is_none()), (Outcome::InvalidKind, true));
        assert_eq!((delivery.delivered, delivery.failed), (0, 0));
        assert_eq!(*delivery.invalid_kind().unwrap(), Kind::new(kind).unwrap_err());
    }
    let totals = bus.stats().totals;
    assert_eq!((totals.invalid_kinds, totals.published, bus.recent(1).len()), (5, 0, 0));
}

// === the bus ===

#[test]
fn a_bus_is_given_in_many_ways() {
    struct Program {
        bus: Arc<Bus>,
    }
    let bus = Bus::new();
    let program = Program { bus: Arc::new(bus.clone()) };
    let make = || bus.clone();
    let locked = Mutex::new(bus.clone());
    publish_event!(bus: bus, "bus.given", n = 1);
    publish_event!(bus: &bus, "bus.given", n = 2);
    publish_event!(bus: program.bus, "bus.given", n = 3);
    publish_event!(bus: &program.bus, "bus.given", n = 4);
    publish_event!(bus: make(), "bus.given", n = 5);
    publish_event!(bus: Arc::new(make()), "bus.given", n = 6);
    publish_event!(bus: Box::new(make()), "bus.given", n = %7);
    publish_event!(bus: locked.lock().unwrap().clone(), kind: "bus.given", n = 8);
    publish_event!(bus: bus.downgrade().upgrade().unwrap(), "bus.given", source: "x", n = 9);
    let found: Vec<_> = bus.recent(10).iter().rev().map(|event| event.get("n").unwrap().to_string()).collect();
    assert_eq!(found.join(" ").replace('"', ""), "1 2 3 4 5 6 7 8 9");
}

// === where it may stand ===

#[test]
fn it_stands_wherever_an_expression_may() {
    fn generic<T: std::fmt::Debug, const N: usize>(bus: &Bus, value: T) -> Outcome {
        publish_event!(bus: bus, "stands.generic", value = ?value, n = N).outcome
    }
    let bus = Bus::new();
    let outcome = match bus.is_enabled() {
        true => publish_event!(bus: &bus, "stands.arm"),
        false => publish_event!(bus: &bus, "stands.other"),
    }
    .outcome;
    assert_eq!(outcome, Outcome::Published);
    assert_eq!((generic::<_, 3>(&bus, "x"), generic::<_, 4>(&bus, 1)), (Outcome::Published, Outcome::Published));
    assert_eq!(fields(&last(&bus)), r#"value="1" n=4"#);

    let closure = |n: u32| publish_event!(bus: &bus, "stands.closure", n);
    let moved = {
        let bus = bus.clone();
        move || publish_event!(bus: bus, "stands.moved", n = 2)
    };
    assert!(closure(1).outcome == moved().outcome && publish_event!(bus: &bus, "stands.operand").event.is_some());
    if !publish_event!(bus: &bus, "stands.condition", n = 1).outcome.is_accepted() {
        unreachable!();
    }
    let list = [publish_event!(bus: &bus, "stands.list"), publish_event!(bus: &bus, "stands.list", n = 1)];
    assert!(list.iter().all(|delivery| delivery.event.is_some()));
    let _ = publish_event! { bus: &bus, "stands.braces", n = 1 };
    publish_event![bus: &bus, "stands.brackets", n = 1];
}

mod place {
    use super::*;

    pub(super) fn publish(bus: &Bus) -> (Event, u32) {
        let line = line!() + 1;
        let event = publish_event!(bus: bus, kind: "place.here", n = 1,
                                   m = 2)
        .event;
        (event.unwrap(), line)
    }
}

#[test]
fn the_call_site_knows_its_place() {
    let bus = Bus::new();
    let (event, line) = place::publish(&bus);
    let site = event.call_site().unwrap();
    let module = concat!(module_path!(), "::place");
    assert_eq!((site.file(), site.line(), site.module()), (file!(), line, module));
    assert_eq!(site.fields(), ["n", "m"]);
    publish_event!(bus: &bus, "place.none");
    let event = last(&bus);
    let site = event.call_site().unwrap();
    assert_eq!((site.line(), site.module(), site.fields().len()), (line!() - 3, module_path!(), 0));
}
