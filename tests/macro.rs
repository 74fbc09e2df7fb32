//! `publish_event!`: its syntax, what it evaluates and when, and what it leaves alone.
#![deny(warnings, clippy::all)]

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ringbus::{Bus, Event, Kind, Outcome, Priority, Value, publish_event};

/// The event that the bus recorded last.
fn last(bus: &Bus) -> Event {
    bus.recent(1).remove(0)
}

fn fields(event: &Event) -> String {
    event.payload().to_string()
}

#[test]
fn every_form_of_a_field_is_read() {
    let bus = Bus::new();
    let (line, path, state) = (42, "main.rs", Some([1, 2]));
    let error = std::fmt::Error;
    struct User {
        id: u32,
        name: &'static str,
    }
    let user = User { id: 7, name: "ada" };

    publish_event!(bus: &bus, "all.forms",
        plain = line + 1, shown = %error, debugged = ?state,
        line, %path, ?state,
        user.id, %user.name, http.status = 200, http.cause = %error, http.list = ?[1, 2],
        "any text" = true, "shown text" = %path, "debugged text" = ?path,
    );
    let text = "plain=43 shown=\"an error occurred when formatting an argument\" debugged=\"Some([1, 2])\" line=42 \
                path=\"main.rs\" state=\"Some([1, 2])\" user.id=7 user.name=\"ada\" http.status=200 \
                http.cause=\"an error occurred when formatting an argument\" http.list=\"[1, 2]\"";
    let found = fields(&last(&bus));
    assert!(found.starts_with(text), "{found}");
    assert_eq!(last(&bus).get("any text"), Some(&Value::Bool(true)));
    assert_eq!(last(&bus).get("shown text"), Some(&Value::from("main.rs")));
    assert_eq!(last(&bus).get("debugged text"), Some(&Value::from("\"main.rs\"")));
}

#[test]
fn metadata_comes_in_any_order_and_from_what_is_at_hand() {
    let bus = Bus::new();
    let (source, path) = (String::from("daemon"), Path::new("/srv/app"));
    publish_event!(bus: &bus, "meta.all", priority: Priority::High, correlation_id: format!("job-{}", 1),
                   project_path: path, source: source, n = 1);
    let event = last(&bus);
    assert_eq!((event.source(), event.project_path()), (Some("daemon"), Some("/srv/app")));
    assert_eq!((event.correlation_id(), event.priority()), (Some("job-1"), Priority::High));

    let nobody: Option<&str> = None;
    publish_event!(bus: &bus, "meta.none", source: nobody, project_path: Some("/tmp"));
    assert_eq!((last(&bus).source(), last(&bus).project_path()), (None, Some("/tmp")));
    assert_eq!(last(&bus).priority(), Priority::Normal);
    // Arguments are borrowed.
    assert_eq!(source, "daemon");
}

#[test]
fn kinds_are_constants_or_told_at_run_time() {
    mod kinds {
        pub const OPEN: &str = "db.open";
    }
    const CLOSE: &str = concat!("db", ".", "close");
    let bus = Bus::new();
    let (text, kind) = (String::from("db.dynamic"), Kind::new("db.kind").unwrap());
    publish_event!(bus: &bus, kinds::OPEN);
    publish_event!(bus: &bus, CLOSE, n = 1);
    publish_event!(bus: &bus, kind: text);
    publish_event!(bus: &bus, kind: &text, n = 1);
    publish_event!(bus: &bus, kind: format!("db.{}", 7), source: "test", n = 1);
    publish_event!(bus: &bus, kind: kind);
    publish_event!(bus: &bus, kind: &kind);
    let found: Vec<String> = bus.recent(10).iter().rev().map(|event| event.kind().to_string()).collect();
    assert_eq!(found, ["db.open", "db.close", "db.dynamic", "db.dynamic", "db.7", "db.kind", "db.kind"]);
}

#[test]
fn a_malformed_kind_told_at_run_time_is_handed_back_and_counted() {
    let bus = Bus::new();
    let delivery = publish_event!(bus: &bus, kind: "db..open", n = 1);
    assert_eq!((delivery.outcome, delivery.event.is_none()), (Outcome::InvalidKind, true));
    assert!(delivery.invalid_kind.unwrap().to_string().contains("db..open"));
    let totals = bus.stats().totals;
    assert_eq!((totals.invalid_kinds, totals.published), (1, 0));
}

#[test]
fn a_bus_is_given_in_many_ways() {
    struct Program {
        bus: Arc<Bus>,
    }
    let bus = Bus::new();
    let program = Program { bus: Arc::new(bus.clone()) };
    let make = || bus.clone();
    publish_event!(bus: bus, "bus.given", n = 1);
    publish_event!(bus: &bus, "bus.given", n = 2);
    publish_event!(bus: program.bus, "bus.given", n = 3);
    publish_event!(bus: &program.bus, "bus.given", n = 4);
    publish_event!(bus: make(), "bus.given", n = 5);
    assert_eq!(bus.recent(10).len(), 5);
}

#[test]
fn arguments_are_evaluated_once_in_order_and_only_while_the_bus_is_open() {
    let bus = Bus::new();
    let order = RefCell::new(Vec::new());
    let see = |n: i32| {
        order.borrow_mut().push(n);
        n.to_string()
    };
    let publish = || publish_event!(bus: &bus, kind: format!("k{}", see(0)), source: see(1), a = see(2), b = %see(3));
    publish();
    assert_eq!(order.take(), [0, 1, 2, 3]);
    bus.disable();
    assert_eq!(publish().outcome, Outcome::Disabled);
    assert!(order.take().is_empty());

    let idle = Bus::builder().history(0).build().unwrap();
    let mut evaluated = false;
    publish_event!(bus: &idle, "idle", n = {
        evaluated = true;
        1
    });
    assert!(!evaluated, "nobody would notice");
}

#[test]
fn control_flow_in_an_argument_acts_on_the_caller() {
    fn question(bus: &Bus, text: &str) -> Result<(), std::num::ParseIntError> {
        publish_event!(bus: bus, "flow.question", n = text.parse::<i32>()?);
        Ok(())
    }
    fn returning(bus: &Bus) -> i32 {
        publish_event!(bus: bus, "flow.return", n = 1, m = if bus.is_enabled() { return 5 } else { 2 });
        6
    }
    let bus = Bus::new();
    assert!(question(&bus, "7").is_ok());
    assert!(question(&bus, "seven").is_err());
    assert_eq!(returning(&bus), 5);
    let mut rounds = 0;
    'outer: loop {
        for n in 0..3 {
            rounds += 1;
            publish_event!(bus: &bus, "flow.break", n = if n == 1 { break 'outer } else { n });
        }
    }
    assert_eq!(rounds, 2);
    let kinds: Vec<_> = bus.recent(10).iter().map(|event| event.kind().to_string()).collect();
    assert_eq!(kinds, ["flow.break", "flow.question"], "what was left half built was not published");
}

#[test]
fn fields_may_await_and_the_future_stays_send() {
    struct Later(bool);
    impl Future for Later {
        type Output = i32;
        fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i32> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(7);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    fn send<F: Future + Send>(future: F) -> F {
        future
    }
    let bus = Bus::new();
    let mut future = pin!(send(async {
        publish_event!(bus: &bus, "flow.await", source: "task", a = 1, b = Later(false).await, c = Later(false).await)
    }));
    let mut context = Context::from_waker(Waker::noop());
    let delivery = loop {
        if let Poll::Ready(delivery) = future.as_mut().poll(&mut context) {
            break delivery;
        }
    };
    assert_eq!(fields(&delivery.event.unwrap()), "a=1 b=7 c=7");
}

#[test]
fn the_callers_names_are_left_alone() {
    #![allow(non_upper_case_globals)]
    const SITE: &str = "names.site";
    const __RINGBUS_CALLSITE: i32 = 1;
    static KIND: i32 = 2;
    let (bus, draft, site, value, text, error) = (Bus::new(), 3, 4, 5, 6, 7);
    publish_event!(bus: &bus, SITE, source: text.to_string(), __RINGBUS_CALLSITE, KIND, draft, site, value, text, error);
    let found = fields(&last(&bus));
    assert_eq!(found, "__RINGBUS_CALLSITE=1 KIND=2 draft=3 site=4 value=5 text=6 error=7");
}

#[test]
fn it_is_an_expression_and_works_in_generic_code() {
    fn generic<T: std::fmt::Debug, const N: usize>(bus: &Bus, value: T) -> Outcome {
        publish_event!(bus: bus, "generic.call", value = ?value, n = N).outcome
    }
    let bus = Bus::new();
    let outcome = match true {
        true => publish_event!(bus: &bus, "arm.yes"),
        false => publish_event!(bus: &bus, "arm.no"),
    }
    .outcome;
    assert_eq!(outcome, Outcome::Published);
    assert_eq!((generic::<_, 3>(&bus, "x"), generic::<_, 4>(&bus, 1)), (Outcome::Published, Outcome::Published));
    assert_eq!(fields(&last(&bus)), "value=\"1\" n=4");
}

#[test]
fn the_call_site_knows_its_place() {
    let bus = Bus::new();
    let line = line!() + 1;
    publish_event!(bus: &bus, "place", n = 1);
    let event = last(&bus);
    let site = event.call_site().unwrap();
    assert_eq!((site.file(), site.line(), site.module()), (file!(), line, module_path!()));
}

#[test]
fn values_of_many_types_are_fields() {
    let bus = Bus::new();
    publish_event!(bus: &bus, "types", a = true, b = -1_i8, c = u64::MAX, d = i128::MIN, e = 1.5_f32, f = 'x',
                   g = Some("y"), h = None::<i32>, i = vec![1, 2], j = Path::new("/tmp"), k = Duration::from_millis(5),
                   l = &&7, m = Arc::new(8), n = ());
    let event = last(&bus);
    assert_eq!(event.payload().len(), 14);
    assert_eq!(event.get("c").and_then(Value::as_u64), Some(u64::MAX));
    assert_eq!(event.get("d").and_then(Value::as_i128), Some(i128::MIN));
    assert_eq!(event.get("h"), Some(&Value::Null));
    assert_eq!(event.get("k").and_then(Value::as_duration), Some(Duration::from_millis(5)));
}

mod facade {
    pub use ringbus;
    pub use ringbus::publish_event as emit;
}

#[test]
fn it_works_through_a_re_export() {
    let bus = Bus::new();
    facade::emit!(bus: &bus, "facade.emit", n = 1, cause = %2);
    facade::ringbus::publish_event!(bus: &bus, kind: "facade.path", source: "x");
    assert_eq!(bus.recent(10).len(), 2);
}

/// Names of ours and std's, shadowed.
#[allow(dead_code)]
mod shadowed {
    mod core {}
    mod std {}
    struct Some;
    struct Ok;
    struct Err;
    type Option = ();
    type Result = ();

    #[test]
    fn it_does_not_look_at_the_callers_names() {
        let bus = ::ringbus::Bus::new();
        ::ringbus::publish_event!(bus: &bus, "shadowed", source: "x", correlation_id: "y", n = 1, m = %2, o = ?3);
        ::ringbus::publish_event!(bus: &bus, kind: "shadowed", n = 1);
        assert_eq!(bus.recent(10).len(), 2);
    }
}

#[test]
fn a_hundred_fields_are_no_trouble() {
    let bus = Bus::new();
    publish_event!(bus: &bus, "hundred",
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
    );
    let event = last(&bus);
    assert_eq!(event.payload().len(), 100);
    assert!((0..100).all(|n| event.get(&format!("f{n}")) == Some(&Value::from(n))));
}
