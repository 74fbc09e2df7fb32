//! P4: failures go to the `log` facade. The logger is the process's own, so this is a process of its own; it records
//! all that it is told, by the thread that tells it, and does on each thread what the thread's test has asked for.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, Once};

use log::{Level, LevelFilter, Log, Metadata, Record};
use ringbus::{Bus, publish_event};

/// What the logger does besides.
#[derive(Clone, Default)]
enum Mood {
    #[default]
    Calm,
    /// Publishes an event when it is given a record.
    Publishes(Bus),
    /// Publishes an event when it is asked whether it wants one.
    PublishesWhenAsked(Bus),
    Panics,
    PanicsWhenAsked,
    WantsNothing,
}

thread_local! {
    static MOOD: RefCell<Mood> = RefCell::default();
    /// Level, target and text of what was logged on this thread.
    static LINES: RefCell<Vec<(Level, String, String)>> = RefCell::default();
    /// How often the logger was asked on this thread.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

struct Recorder;

impl Log for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert_eq!((metadata.level(), metadata.target()), (Level::Warn, "ringbus"));
        ASKED.set(ASKED.get() + 1);
        match MOOD.with_borrow(Mood::clone) {
            Mood::PublishesWhenAsked(bus) => drop(publish_event!(bus: &bus, "p04.log.asked")),
            Mood::PanicsWhenAsked => panic!("ordered: no answer"),
            Mood::WantsNothing => return false,
            _ => {}
        }
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.level(), record.target().to_owned(), record.args().to_string());
        LINES.with_borrow_mut(|lines| lines.push(line));
        match MOOD.with_borrow(Mood::clone) {
            Mood::Publishes(bus) => drop(publish_event!(bus: &bus, "p04.log.logged")),
            Mood::Panics => panic!("ordered: no ink"),
            _ => {}
        }
    }

    fn flush(&self) {}
}

/// Makes the logger the process's, and the thread's mood this one.
fn logger(mood: Mood) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(LevelFilter::Trace);
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("ordered")) {
                report(info);
            }
        }));
    });
    MOOD.set(mood);
}

fn logged() -> Vec<(Level, String, String)> {
    LINES.take()
}

/// A bus with a handler that fails with everything.
fn broken() -> (Bus, ringbus::Subscription) {
    let bus = Bus::new();
    let guard = bus.on("**").unwrap().named("broken").try_subscribe(|_| Err("ordered: no route".into()));
    (bus, guard)
}

#[test]
fn p04_failures_are_logged_as_warnings_with_a_target() {
    logger(Mood::Calm);
    let (bus, _broken) = broken();
    let _panics = bus.on("**").unwrap().named("panics").subscribe(|_| panic!("ordered: at work"));
    publish_event!(bus: &bus, "p04.log");
    let lines = logged();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|(level, target, _)| (*level, target.as_str()) == (Level::Warn, "ringbus")));
    assert!(lines[0].2.starts_with("handler broken failed on p04.log: ordered: no route (subscribed at "), "{lines:?}");
    assert!(lines[1].2.starts_with("handler panics panicked on p04.log: ordered: at work (subscribed "), "{lines:?}");
    assert!(lines.iter().all(|(.., text)| text.contains("p04_log.rs:")), "{lines:?}");
}

#[test]
fn p04_the_log_is_told_the_same_as_the_hook_at_most_once_a_second_for_each_subscription() {
    logger(Mood::Calm);
    thread_local! {
        static HOOKED: RefCell<Vec<String>> = RefCell::default();
    }
    let hook = |failure: &ringbus::Failure<'_>| HOOKED.with_borrow_mut(|all| all.push(failure.to_string()));
    let bus = Bus::builder().on_failure(hook).build().unwrap();
    let names = ["one", "two"];
    let begin = |name| bus.on("**").unwrap().named(name);
    let _guards = names.map(|name| begin(name).try_subscribe(|_| Err("ordered".into())));
    for _ in 0..5000 {
        publish_event!(bus: &bus, "p04.log");
    }
    let texts: Vec<_> = logged().into_iter().map(|(.., text)| text).collect();
    assert_eq!(texts, HOOKED.take());
    for name in names {
        let count = texts.iter().filter(|text| text.starts_with(&format!("handler {name} "))).count();
        // One a second: a machine would have to take minutes for these publishes to see a hundred.
        assert!((1..100).contains(&count), "{name}: {count}");
    }
}

#[test]
fn p04_reports_tell_how_many_were_not_logged() {
    logger(Mood::Calm);
    let (bus, broken) = broken();
    let (mut told, mut reports) = (0, 0);
    while reports < 2 {
        publish_event!(bus: &bus, "p04.log");
        for (.., text) in logged() {
            let more = text.split("; ").nth(1).map_or("0", |more| more.split(' ').next().unwrap());
            told += 1 + more.parse::<u64>().unwrap();
            reports += 1;
            assert_eq!(told, broken.info().failed, "{text}");
        }
    }
}

#[test]
fn p04_nothing_but_failures_is_logged() {
    logger(Mood::Calm);
    let bus = Bus::builder().slow_after(std::time::Duration::ZERO).depth_limit(1).history(4).build().unwrap();
    publish_event!(bus: &bus, "p04.unheard");
    drop(bus.subscribe(|_| {}));
    let weak = bus.downgrade();
    let nests = bus.on("**").unwrap().replay(9).subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "p04.too.deep");
    });
    (0..20).for_each(|_| drop(publish_event!(bus: &bus, "p04.fine")));
    assert!(publish_event!(bus: &bus, kind: "a..b").invalid_kind().is_some());
    nests.mute();
    publish_event!(bus: &bus, "p04.fine");
    assert!(bus.on("a..b").is_err());
    assert!(Bus::builder().shards(3).build().is_err());
    nests.close().unwrap();
    bus.reset();
    bus.disable();
    publish_event!(bus: &bus, "p04.fine");
    drop(bus);
    assert_eq!((logged(), ASKED.get()), (vec![], 0));
}

#[test]
fn p04_a_logger_whose_event_fails_is_not_asked_again() {
    let (bus, broken) = broken();
    // Its own event's handlers fail too: another one, whose report would be due.
    let other = bus.on("p04.log.logged").unwrap().named("other").try_subscribe(|_| Err("ordered: other".into()));
    logger(Mood::Publishes(bus.clone()));
    let delivery = publish_event!(bus: &bus, "p04.log");
    assert_eq!((delivery.delivered, delivery.failed), (0, 1));
    let lines = logged();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].2.contains(" failed on p04.log: "), "{lines:?}");
    assert_eq!((broken.info().failed, other.info().failed), (2, 1), "counted all the same");
    assert_eq!((bus.stats().totals.published, ASKED.get()), (2, 1));
    // On the next one it is asked again; it is the other one's first report, and tells of the one it was not asked for.
    MOOD.set(Mood::Calm);
    publish_event!(bus: &bus, "p04.log.logged");
    let lines = logged();
    let text = &lines.last().unwrap().2;
    assert!(text.starts_with("handler other failed on p04.log.logged: "), "{lines:?}");
    assert!(text.ends_with("; 1 more since the last report)"), "{lines:?}");
}

#[test]
fn p04_a_logger_that_publishes_when_it_is_asked_is_not_asked_again() {
    let (bus, broken) = broken();
    let _second = bus.on("**").unwrap().named("second").try_subscribe(|_| Err("ordered: second".into()));
    logger(Mood::PublishesWhenAsked(bus.clone()));
    assert_eq!(publish_event!(bus: &bus, "p04.log").failed, 2);
    let lines = logged();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|(.., text)| text.contains(" failed on p04.log: ")), "{lines:?}");
    // Once for each of the two failures, and each time one event that fails at both.
    assert_eq!((bus.stats().totals.published, broken.info().failed), (1 + ASKED.get(), 1 + ASKED.get()));
    assert!(ASKED.get() <= 4, "{}", ASKED.get());
    MOOD.set(Mood::Calm);
}

#[test]
fn p04_a_logger_that_panics_is_contained() {
    let (bus, broken) = broken();
    let _fine = bus.subscribe(|_| {});
    logger(Mood::Panics);
    let delivery = publish_event!(bus: &bus, "p04.log");
    assert_eq!((delivery.delivered, delivery.failed, logged().len()), (1, 1, 1));
    logger(Mood::PanicsWhenAsked);
    let delivery = publish_event!(bus: &bus, "p04.log");
    assert_eq!((delivery.delivered, delivery.failed, logged().len()), (1, 1, 0));
    let info = broken.info();
    assert_eq!((info.failed, info.panicked, bus.stats().totals.panicked), (2, 0, 0), "not the handler's panic");
    // It is asked again afterwards.
    logger(Mood::Calm);
    let begun = bus.on("p04.log.after").unwrap();
    let _after = begun.try_subscribe(|_| Err("ordered: after".into()));
    publish_event!(bus: &bus, "p04.log.after");
    assert!(logged().iter().any(|(.., text)| text.contains("ordered: after")));
}

#[test]
fn p04_a_logger_that_wants_nothing_is_given_nothing_and_the_hook_is_told() {
    logger(Mood::WantsNothing);
    let (sender, reports) = std::sync::mpsc::channel();
    let hook = move |failure: &ringbus::Failure<'_>| sender.send(failure.suppressed).unwrap();
    let bus = Bus::builder().on_failure(hook).build().unwrap();
    let _guard = bus.try_subscribe(|_| Err("ordered".into()));
    publish_event!(bus: &bus, "p04.log");
    assert_eq!((reports.try_iter().collect::<Vec<_>>(), logged()), (vec![0], vec![]));
}

#[test]
fn p04_each_thread_logs_its_own_failures_while_another_ones_logger_is_at_work() {
    let (bus, _broken) = broken();
    logger(Mood::Publishes(bus.clone()));
    // The event that the logger publishes is handled by a thread whose own failure is logged all the same.
    let lines = std::sync::Arc::new(Mutex::new(Vec::new()));
    let list = std::sync::Arc::clone(&lines);
    let _helper = bus.on("p04.log.logged").unwrap().subscribe(move |_| {
        let there = std::thread::spawn(|| {
            logger(Mood::Calm);
            let (bus, _broken) = self::broken();
            publish_event!(bus: &bus, "p04.log.there");
            logged()
        });
        list.lock().unwrap().extend(there.join().unwrap());
    });
    publish_event!(bus: &bus, "p04.log.here");
    let (here, there) = (logged(), lines.lock().unwrap().clone());
    assert_eq!((here.len(), there.len()), (1, 1), "{here:?} {there:?}");
    assert!(here[0].2.contains("p04.log.here") && there[0].2.contains("p04.log.there"), "{here:?} {there:?}");
}
