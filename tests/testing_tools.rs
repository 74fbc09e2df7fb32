//! Captures and `assert_events!`, as a user's tests meet them.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use ringbus::testing::{Capture, EventSource};
use ringbus::{Bus, Event, Kind, Pattern, assert_events, publish_event};

/// Long enough for whatever comes at all.
const LONG: Duration = Duration::from_secs(600);

// === captures ===

#[test]
fn a_capture_holds_what_it_selects_in_order_until_it_is_taken_cleared_or_dropped() {
    let bus = Bus::builder().history(0).build().unwrap();
    let capture = bus.capture(["db.*", "net"]).unwrap();
    assert!(capture.is_empty());
    for kind in ["db.open", "other", "net", "db.close"] {
        publish_event!(bus: &bus, kind: kind);
    }
    assert_eq!(capture.kinds(), ["db.open", "net", "db.close"]);
    assert_eq!((capture.len(), capture.events().len(), capture.len()), (3, 3, 3));
    assert_eq!(capture.take().last().unwrap().kind(), "db.close");
    assert!(capture.is_empty());
    publish_event!(bus: &bus, "net");
    assert!(format!("{capture:?}").contains(r#"kinds: ["net"]"#), "{capture:?}");
    capture.clear();
    assert!(capture.is_empty());
    assert!(bus.capture("a..b").is_err());
    assert_eq!(bus.subscriptions().len(), 1);
    drop(capture);
    assert!(bus.subscriptions().is_empty());
}

#[test]
fn a_capture_is_called_first_so_answers_stand_behind_what_they_answer() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let _echo = bus.on("ping").unwrap().order(1000).subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "pong");
    });
    let capture = bus.capture("**").unwrap();
    publish_event!(bus: &bus, "ping");
    assert_events!(capture, ["ping", "pong"]);
}

#[test]
fn a_capture_neither_keeps_its_bus_alive_nor_loses_its_events_with_it() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let capture = bus.capture("**").unwrap();
    publish_event!(bus: &bus, "last");
    drop(bus);
    assert!(weak.upgrade().is_none());
    assert_events!(capture, ["last"]);
}

#[test]
fn a_waiter_is_woken_by_the_event_that_completes_the_number() {
    let bus = Bus::new();
    let capture = bus.capture("job.*").unwrap();
    let (go, wait) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let bus = &bus;
        scope.spawn(move || {
            for n in 0..3 {
                wait.recv().unwrap();
                publish_event!(bus: bus, "job.done", n);
                publish_event!(bus: bus, "other");
            }
        });
        for count in 1..=3 {
            go.send(()).unwrap();
            assert_eq!(capture.wait_for(count, LONG).unwrap().len(), count);
        }
    });
    assert_events!(capture, ["job.*" {n = 0}, "job.*" {n = 1}, "job.*" {n = 2}]);
    assert_eq!(capture.wait_for(0, Duration::MAX).unwrap().len(), 3, "all that came, not only those waited for");
    let error = capture.wait_for(4, Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "4 events were expected within 0ns, 3 came: job.done, job.done, job.done");
    assert_eq!((error.expected(), error.timeout(), error.kinds().len()), (4, Duration::ZERO, 3));
}

#[test]
fn publishers_readers_and_one_who_clears_do_not_disturb_each_other() {
    let bus = Bus::builder().history(0).build().unwrap();
    let capture = bus.capture("**").unwrap();
    let taken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|n| drop(publish_event!(bus: &bus, "load", n, text = "x".repeat(100)))));
        }
        scope.spawn(|| (0..500).for_each(|_| taken.lock().unwrap().extend(capture.take())));
        scope.spawn(|| (0..500).for_each(|_| drop((capture.len(), capture.kinds()))));
    });
    publish_event!(bus: &bus, "end");
    assert_eq!(capture.kinds().last().unwrap(), &"end");
    let left = capture.len() - 1;
    let taken = taken.into_inner().unwrap();
    assert_eq!(taken.len() + left, 2000, "each event is taken once, or still there");
}

// === assertions that hold ===

#[test]
fn all_sources_are_read_oldest_first_or_as_they_stand() {
    let bus = Bus::new();
    let capture = bus.capture("**").unwrap();
    for n in 1..=2 {
        publish_event!(bus: &bus, kind: format!("a.{n}"), n);
    }
    let (newest_first, borrowed): (Vec<Event>, &Bus) = (bus.recent(2), &bus);
    assert_events!(bus, ["a.1", "a.2"]);
    assert_events!(borrowed, ["a.1", "a.2"]);
    assert_events!(&bus, ["a.1", "a.2"],);
    assert_events!(capture, ["a.1", "a.2"]);
    assert_events!(&capture, ["a.1", "a.2",]);
    assert_events!(newest_first, ["a.2", "a.1"]);
    assert_events!(newest_first[1..], ["a.1"]);
    assert_events!([newest_first[0].clone()], ["a.2"]);
    assert_events!(bus.history().matching("none").unwrap().all(), []);
    assert_eq!(capture.to_events().len(), 2);
    assert_eq!(capture.len(), 2, "nothing is taken");
}

#[test]
fn patterns_and_fields_are_written_in_many_ways() {
    mod kinds {
        pub(super) const ERROR: &str = "db.error";
    }
    const OPEN: &str = "db.open";
    let bus = Bus::new();
    publish_event!(bus: &bus, "db.open", pool.size = 3_u8, "any text" = true, r#type = "t");
    publish_event!(bus: &bus, "db.error", code = 7, path = std::path::Path::new("/x"));
    let (open, code) = (Kind::new("db.open").unwrap(), String::from("7"));
    assert_events!(bus, [OPEN, kinds::ERROR]);
    assert_events!(bus, [OPEN {pool.size = 3, "any text" = true,}, kinds::ERROR {code = code.parse::<i128>().unwrap()}]);
    assert_events!(bus, ["db.*" {r#type = "t"}, "**" {path = "/x"}]);
    assert_events!(bus, ["db.open" {type = "t"}, "db.error" {}], "{} message", "a");
    assert_events!(bus, [open.clone(), Pattern::all()], "{code}");
    assert_events!(bus, [(&open) {pool.size = 3}, (["x", "db.error"])]);
    assert_events!(bus, [["x", "db.open"], "db.error" {code = 7}]);
}

/// More entries than the compiler's recursion limit.
#[test]
fn long_lists_of_literals_are_read_in_one_step() {
    let bus = Bus::new();
    macro_rules! each_ten_times {
        ($($tick:literal)*) => {{
            (0..10 * [$($tick),*].len()).for_each(|_| drop(publish_event!(bus: &bus, "tick")));
            assert_events!(bus, [
                $($tick, $tick, $tick, $tick, $tick, $tick {}, $tick, $tick, $tick, $tick),*
            ], "all of {}", 200);
        }};
    }
    each_ten_times!("tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick"
                    "tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick" "tick");
}

#[test]
fn a_question_mark_in_a_value_acts_on_the_caller() {
    fn check(bus: &Bus, code: &str) -> Result<(), std::num::ParseIntError> {
        assert_events!(bus, ["db.error" {code = code.parse::<i32>()?}]);
        Ok(())
    }
    let bus = Bus::new();
    publish_event!(bus: &bus, "db.error", code = 7);
    check(&bus, "7").unwrap();
    assert!(check(&bus, "seven").is_err());
}

// === assertions that fail ===

/// The panic of a failing assertion: its text, and the line it is said to be at.
fn failure(assert: impl FnOnce()) -> (String, u32) {
    // One at a time: the panic hook is the process's.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let (sender, place) = mpsc::channel();
    let asserting = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == asserting {
            let location: Option<&Location<'_>> = info.location();
            sender.send(location.map(|at| (at.file().to_owned(), at.line()))).unwrap();
        }
    }));
    let payload = catch_unwind(AssertUnwindSafe(assert));
    std::panic::set_hook(before);
    let text = payload.expect_err("the assertion holds").downcast::<String>().expect("a text");
    let (file, line) = place.recv().unwrap().expect("a place");
    assert_eq!(file, file!());
    (text.replace(file!(), "here"), line)
}

#[test]
fn a_failure_is_at_the_caller_and_shows_the_difference() {
    let bus = Bus::new();
    let open = line!() + 1;
    publish_event!(bus: &bus, "db.open");
    publish_event!(bus: &bus, "db.error", code = 7, text = "no\nroute");
    publish_event!(bus: &bus, "db.close");
    let here = line!() + 1;
    let (text, line) = failure(|| assert_events!(bus, ["db.error" {code = 8}, "db.*", "x.**"], "after {} tries", 3));
    let lines = [
        "assertion `assert_events!` failed: after 3 tries".to_owned(),
        "3 events expected, 3 came (- missing, + not expected):".to_owned(),
        format!("+ db.open  (here:{open})"),
        "- db.error {code = 8}".to_owned(),
        format!("+ db.error code=7 text=\"no\\nroute\"  (here:{})", open + 1),
        "      code is 7, expected 8".to_owned(),
        "  db.close  (db.*)".to_owned(),
        "- x.**".to_owned(),
    ];
    assert_eq!((text, line), (lines.join("\n"), here));
    // Read entry by entry: the same.
    const OPEN: &str = "db.open";
    let here = line!() + 1;
    let (text, line) = failure(|| assert_events!(bus.recent(1), [OPEN]));
    assert!(text.starts_with("assertion `assert_events!` failed\n1 event expected, 1 came"), "{text}");
    assert_eq!(line, here);
}

#[test]
fn a_bus_says_what_its_history_cannot_show() {
    let bus = Bus::builder().history(2).build().unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "tick", n)));
    let (text, _) = failure(|| assert_events!(bus, ["tick"]));
    let note = "\nnote: the history keeps 2 events, 3 older ones are gone; compare a capture of the bus";
    assert!(text.ends_with(note), "{text}");
    let none = Bus::builder().history(0).build().unwrap();
    let (text, _) = failure(|| assert_events!(none, ["tick"]));
    assert!(text.ends_with("\nnote: this bus keeps no history; compare a capture of it"), "{text}");
    let capture: Capture = bus.capture("**").unwrap();
    let (text, _) = failure(|| assert_events!(capture, ["tick"]));
    assert!(text.ends_with("\n- tick"), "{text}");
}

#[test]
fn a_malformed_pattern_is_told_also_where_it_could_match_nothing() {
    let bus = Bus::new();
    publish_event!(bus: &bus, "db.open");
    let (text, _) = failure(|| assert_events!(bus, ["db.open", "db..close"], "m"));
    assert!(text.starts_with("assertion `assert_events!` failed: m\nentry 2 of those expected: "), "{text}");
    assert!(text.contains("db..close"), "{text}");
}
