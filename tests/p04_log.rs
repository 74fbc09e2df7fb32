//! P4: failures go to the `log` facade, rarely, and to nobody twice: a logger that publishes does not recurse.
//!
//! A binary of its own: the logger is the process's.
#![cfg(not(ringbus_loom))]

use std::sync::{Mutex, OnceLock};

use log::{Level, LevelFilter, Log, Metadata, Record};
use ringbus::{Bus, publish_event};

/// Records what it is given, and publishes it on a bus whose handlers fail too.
struct Publishing;

static LOGGED: Mutex<Vec<(Level, String, String)>> = Mutex::new(Vec::new());
static BUS: OnceLock<Bus> = OnceLock::new();

impl Log for Publishing {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        LOGGED.lock().unwrap().push((record.level(), record.target().to_owned(), record.args().to_string()));
        if let Some(bus) = BUS.get() {
            let delivery = publish_event!(bus: bus, "log.record", level = %record.level());
            assert_eq!(delivery.failed, 1);
        }
        panic!("a logger that panics harms nobody");
    }

    fn flush(&self) {}
}

#[test]
fn p04_failures_are_logged_once_a_second_and_a_logger_that_publishes_does_not_recurse() {
    std::panic::set_hook(Box::new(|_| {}));
    log::set_logger(&Publishing).unwrap();
    log::set_max_level(LevelFilter::Trace);

    let bus = Bus::new();
    // A handler of the very bus that the logger publishes on, and another one for everything.
    let first = bus.on("db.*").unwrap().named("first").try_subscribe(|_| Err("no route to host".into()));
    let second = bus.on("log.*").unwrap().named("second").subscribe(|_| panic!("while logging"));
    BUS.set(bus.clone()).unwrap();
    for _ in 0..100 {
        assert_eq!(publish_event!(bus: &bus, "db.error").failed, 1);
    }

    let logged = std::mem::take(&mut *LOGGED.lock().unwrap());
    let (level, target, text) = &logged[0];
    assert_eq!((*level, target.as_str()), (Level::Warn, "ringbus"));
    assert!(text.starts_with("handler first failed on db.error: no route to host (subscribed at "), "{text}");
    assert!(logged.len() < 10, "once a second: {}", logged.len());
    assert!(logged.iter().all(|(_, _, text)| text.starts_with("handler first ")), "not of what the logger published");
    // All are counted, also those of events that the logger published.
    assert_eq!((first.info().failed, second.info().failed), (100, logged.len() as u64));

    // What is no failure is logged nowhere.
    drop((first, second));
    publish_event!(bus: &bus, "db.unheard");
    let _ = bus.subscribe(|_| {});
    bus.reset();
    assert!(LOGGED.lock().unwrap().is_empty());
}
