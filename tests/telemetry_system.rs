//! A developer-telemetry system (terminal, AI chat, editor), as people wrote it by hand, on this bus.
//!
//! Runs on the default table and, with the feature `reference-table`, on the lock-based one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ringbus::{BoxError, Bus, Event, Handler, Outcome, Value, publish_event};

/// A handler that keeps what it gets, and what it has got.
fn collecting() -> (impl Fn(&Event) + Send + Sync + 'static, Arc<Mutex<Vec<Event>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    (move |event: &Event| log.lock().unwrap().push(event.clone()), seen)
}

fn number(event: &Event) -> i64 {
    event.get("n").and_then(Value::as_i64).unwrap()
}

#[test]
fn a_subscriber_gets_what_is_published() {
    let bus = Bus::new();
    let (handler, seen) = collecting();
    let _guard = bus.subscribe(handler);

    let delivery = publish_event!(bus: &bus, "terminal.command", source: "terminal", project_path: "/srv/app",
                                  command = "cargo test", exit = 0);

    assert_eq!((delivery.outcome, delivery.delivered, delivery.failed), (Outcome::Published, 1, 0));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].kind(), "terminal.command");
    assert_eq!(seen[0].source(), Some("terminal"));
    assert_eq!(seen[0].project_path(), Some("/srv/app"));
    assert_eq!(seen[0].get("command").and_then(Value::as_str), Some("cargo test"));
    assert_eq!(seen[0].id(), delivery.event.unwrap().id());
}

#[test]
fn several_handlers_share_one_instance() {
    let bus = Bus::new();
    let (handlers, seen): (Vec<_>, Vec<_>) = (0..3).map(|_| collecting()).unzip();
    let _guards: Vec<_> = handlers.into_iter().map(|handler| bus.subscribe(handler)).collect();

    let event = publish_event!(bus: &bus, "editor.save", file = "main.rs").event.unwrap();

    for seen in &seen {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert!(Event::same_instance(&seen[0], &event));
    }
    assert!(Event::same_instance(&bus.recent(1)[0], &event));
}

#[test]
fn the_ring_keeps_the_last_500_of_600_newest_first() {
    let bus = Bus::new();
    for n in 0..600 {
        publish_event!(bus: &bus, "editor.key", n);
    }

    let all: Vec<i64> = bus.recent(1000).iter().map(number).collect();
    assert_eq!(all, (100..600).rev().collect::<Vec<_>>());
    let ten: Vec<i64> = bus.recent(10).iter().map(number).collect();
    assert_eq!(ten, (590..600).rev().collect::<Vec<_>>());
    assert!(bus.recent(0).is_empty());
}

#[test]
fn ten_threads_of_fifty_events_are_all_received() {
    let bus = Bus::new();
    let (handler, seen) = collecting();
    let _guard = bus.subscribe(handler);

    std::thread::scope(|scope| {
        for thread in 0..10 {
            let bus = &bus;
            scope.spawn(move || {
                for n in 0..50 {
                    publish_event!(bus: bus, kind: format!("thread.{thread}.event"), source: "test", thread, n);
                }
            });
        }
    });

    let mut by_thread: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for event in seen.lock().unwrap().iter() {
        by_thread.entry(event.get("thread").and_then(Value::as_i64).unwrap()).or_default().push(number(event));
    }
    assert_eq!(by_thread.len(), 10);
    let in_order: Vec<i64> = (0..50).collect();
    assert!(by_thread.values().all(|numbers| *numbers == in_order), "{by_thread:?}");
    assert_eq!(bus.recent(1000).len(), 500);
}

#[test]
fn nothing_comes_after_unsubscribing() {
    let bus = Bus::new();
    let (handler, seen) = collecting();
    let guard = bus.subscribe(handler);
    publish_event!(bus: &bus, "ai.prompt", n = 1);
    guard.unsubscribe();
    publish_event!(bus: &bus, "ai.prompt", n = 2);
    assert_eq!(seen.lock().unwrap().iter().map(number).collect::<Vec<_>>(), [1]);
    assert_eq!(bus.stats().handlers, 0);
}

#[test]
fn handlers_choose_by_kind() {
    let bus = Bus::new();
    let (errors, errors_seen) = collecting();
    let (terminal, terminal_seen) = collecting();
    let _errors = bus.on("**.error").unwrap().subscribe(errors);
    let _terminal = bus.on("terminal.*").unwrap().subscribe(terminal);
    for kind in ["terminal.error", "terminal.command", "ai.error", "editor.save"] {
        publish_event!(bus: &bus, kind: kind);
    }
    let kinds = |seen: &Mutex<Vec<Event>>| -> Vec<String> {
        seen.lock().unwrap().iter().map(|event| event.kind().to_string()).collect()
    };
    assert_eq!(kinds(&errors_seen), ["terminal.error", "ai.error"]);
    assert_eq!(kinds(&terminal_seen), ["terminal.error", "terminal.command"]);
}

#[test]
fn the_function_form_returns_the_event() {
    // The one test here that uses the global bus.
    let (handler, seen) = collecting();
    let _guard = ringbus::on("git.commit").unwrap().subscribe(handler);

    let payload = [("hash", Value::from("abc123")), ("files", Value::from(3))];
    let event = ringbus::publish_event("git.commit", "git", Some("/srv/app"), payload).unwrap();

    assert_eq!((event.source(), event.project_path()), (Some("git"), Some("/srv/app")));
    assert_eq!(event.get("files"), Some(&Value::from(3)));
    assert!(Event::same_instance(&seen.lock().unwrap()[0], &event));
    assert!(ringbus::recent(10).iter().any(|recent| recent.id() == event.id()));
    assert!(ringbus::publish_event("git commit", "git", None, [("n", 1)]).is_err());

    let map = event.to_map();
    assert_eq!(map["type"], Value::from("git.commit"));
    assert_eq!(map["source"], Value::from("git"));
    let line = event.to_string();
    assert!(line.ends_with("git.commit git [/srv/app] hash=\"abc123\" files=3"), "{line}");
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn statistics_count_by_type_and_by_source() {
    let bus = Bus::builder().history(10).build().unwrap();
    let _guard = bus.subscribe(|_| {});
    let _other = bus.on("terminal.*").unwrap().subscribe(|_| {});
    for n in 0..12 {
        publish_event!(bus: &bus, "terminal.command", source: "terminal", n);
    }
    publish_event!(bus: &bus, "ai.prompt", source: "chat");
    publish_event!(bus: &bus, "ai.prompt");

    let stats = bus.stats();
    assert!(stats.enabled);
    assert_eq!((stats.handlers, stats.buffer_len, stats.buffer_capacity), (2, 10, 10));
    assert_eq!(stats.by_kind, BTreeMap::from([("terminal.command".to_owned(), 8), ("ai.prompt".to_owned(), 2)]));
    assert_eq!(stats.by_source, BTreeMap::from([("terminal".to_owned(), 8), ("chat".to_owned(), 1)]));
    assert_eq!((stats.totals.published, stats.totals.overwritten), (14, 4));
    assert_eq!((stats.totals.delivered, stats.totals.failed), (26, 0));

    bus.reset();
    let stats = bus.stats();
    assert_eq!((stats.handlers, stats.buffer_len, stats.totals.published, stats.totals.delivered), (2, 0, 0, 0));
}

#[test]
fn a_failing_handler_leaves_the_others_alone() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&reports);
    let bus = Bus::builder().on_failure(move |failure| log.lock().unwrap().push(failure.to_string())).build().unwrap();
    let _panics = bus.on("**").unwrap().named("broken").subscribe(|_| panic!("out of luck"));
    let _errs = bus.try_subscribe(|_| Err("no route".into()));
    let (handler, seen) = collecting();
    let _fine = bus.subscribe(handler);

    let delivery = publish_event!(bus: &bus, "terminal.error", n = 1);

    assert_eq!((delivery.delivered, delivery.failed), (1, 2));
    assert_eq!(seen.lock().unwrap().len(), 1);
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.failed, totals.panicked), (1, 2, 1));
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 2);
    assert!(reports[0].starts_with("handler broken panicked on terminal.error: out of luck"), "{}", reports[0]);
    assert!(reports[0].contains("telemetry_system.rs"), "{}", reports[0]);
    assert!(reports[1].contains("failed on terminal.error: no route"), "{}", reports[1]);
}

#[test]
fn a_handle_subscribed_twice_counts_once_and_is_unsubscribed_by_itself() {
    struct Counting(AtomicUsize);
    impl Handler for Counting {
        fn handle(&self, _: &Event) -> Result<(), BoxError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    let bus = Bus::new();
    let handler = Arc::new(Counting(AtomicUsize::new(0)));
    let id = bus.subscribe_handler(handler.clone()).unwrap();
    let again = bus.subscribe_handler(handler.clone()).unwrap_err();
    assert_eq!(again.id(), id);
    publish_event!(bus: &bus, "editor.open");
    assert_eq!(handler.0.load(Ordering::Relaxed), 1);

    assert!(bus.unsubscribe_handler(&handler));
    assert!(!bus.unsubscribe_handler(&handler));
    publish_event!(bus: &bus, "editor.open");
    assert_eq!(handler.0.load(Ordering::Relaxed), 1);
    assert_eq!(Arc::strong_count(&handler), 1, "the bus let go of it");
    assert!(bus.subscribe_handler(handler).is_ok());
}

#[test]
fn it_may_start_disabled_and_be_switched() {
    let bus = Bus::builder().enabled(false).history(20).build().unwrap();
    let (handler, seen) = collecting();
    let _guard = bus.subscribe(handler);
    let mut evaluated = 0;
    let mut publish = |bus: &Bus| {
        publish_event!(bus: bus, "ai.answer", n = {
            evaluated += 1;
            evaluated
        })
    };
    let off = publish(&bus);
    assert_eq!((off.outcome, off.event.is_none()), (Outcome::Disabled, true));
    bus.enable();
    assert_eq!(publish(&bus).outcome, Outcome::Published);
    bus.disable();
    assert_eq!(publish(&bus).outcome, Outcome::Disabled);
    assert_eq!(evaluated, 1);
    assert_eq!((seen.lock().unwrap().len(), bus.recent(10).len()), (1, 1));
    assert!(!bus.stats().enabled);
}
