//! P10: the black box: what a panic leaves behind, without waiting for anybody, and the hook that was there before.
//!
//! A binary of its own, and one test: the panic hook is the process's.
#![cfg(all(feature = "serde", not(ringbus_loom)))]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io, panic, process, thread};

use ringbus::{Bus, DumpError, Event, Unknown, publish_event};
use serde_json::Value;

/// A folder that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("ringbus-black-box-{}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The dumps of a file: each begins with its panic.
fn dumps(path: &Path) -> Vec<Vec<Value>> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.chunk_by(|_, next| next["record"] != "panic").map(<[Value]>::to_vec).collect()
}

fn kinds<'a>(dump: &'a [Value], record: &str) -> Vec<&'a str> {
    let lines = dump.iter().filter(|line| line["record"] == record);
    lines.map(|line| line["event"]["type"].as_str().unwrap()).collect()
}

fn die(message: &'static str) {
    let thread = thread::Builder::new().name("doomed".to_owned()).spawn(move || panic!("{message}"));
    assert!(thread.unwrap().join().is_err());
}

#[test]
fn p10_a_panic_leaves_the_last_events_behind() {
    let folder = Folder::new();
    let path = folder.0.join("crash.jsonl");
    let before = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&before);
    panic::set_hook(Box::new(move |_| _ = count.fetch_add(1, Ordering::Relaxed)));

    // Bad paths are refused, and nothing is installed.
    let bus = Bus::builder().history(100).build().unwrap();
    for bad in [folder.0.clone(), folder.0.join("no").join("crash.jsonl")] {
        let error = bus.on_panic_dump(&bad).unwrap_err();
        assert!(matches!(&error, DumpError::Path { path, .. } if *path == bad), "{error:?}");
        assert!(error.to_string().starts_with(bad.to_str().unwrap()), "{error}");
    }
    bus.on_panic_dump(&path).unwrap();
    assert!(!path.exists(), "written only when there is something to write");

    // A panic outside of everything: the history, oldest first, and the hook from before.
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "box.step", n)));
    die("the last straw");
    assert_eq!(before.load(Ordering::Relaxed), 1);
    let dump = dumps(&path).pop().unwrap();
    assert_eq!((&dump[0]["thread"], &dump[0]["message"]), (&"doomed".into(), &"the last straw".into()));
    assert!(dump[0]["at"].as_str().unwrap().contains("p10_black_box.rs:"), "{}", dump[0]["at"]);
    let numbers: Vec<_> = dump[1..].iter().map(|line| line["event"]["payload"]["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let event = Event::from_json(&dump[1]["event"].to_string(), Unknown::Refuse).unwrap();
    assert_eq!(event.id(), bus.recent(3)[2].id(), "events are in their JSON form");

    // A panic that the bus contains: what was being handled too, outermost first; then none for a second.
    let weak = bus.downgrade();
    let outer = bus.on("box.outer").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "box.inner");
    });
    let inner = bus.on("box.inner").unwrap().subscribe(|_| panic!("contained"));
    // At most one of these in a second; what was left out is told with the next dump.
    publish_event!(bus: &bus, "box.outer");
    assert_eq!(before.load(Ordering::Relaxed), 2, "the hook from before runs for each");
    publish_event!(bus: &bus, "box.outer");
    die("another one");
    let all = dumps(&path);
    let suppressed: u64 = all.iter().map(|dump| dump[0]["suppressed"].as_u64().unwrap()).sum();
    assert_eq!(all.len() as u64 + suppressed, 1 + 2 + 1);
    assert_eq!(all.last().unwrap()[0]["message"], "another one");
    drop((outer, inner));

    // The first contained panic of another bus is dumped at once.
    let (second, other) = (folder.0.join("second.jsonl"), Bus::new());
    other.on_panic_dump(&second).unwrap();
    let weak = other.downgrade();
    let _outer = other.on("box.outer").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "box.inner");
    });
    let _inner = other.on("box.inner").unwrap().subscribe(|_| panic!("contained"));
    publish_event!(bus: &other, "box.outer", order = 7);
    let dump = dumps(&second).pop().unwrap();
    assert_eq!(kinds(&dump, "publishing"), ["box.outer", "box.inner"]);
    assert_eq!(kinds(&dump, "event"), ["box.outer", "box.inner"]);
    assert_eq!((&dump[0]["publishing"], &dump[0]["events"]), (&2.into(), &2.into()));

    // A file that cannot be written any more is counted; the hook from before runs all the same.
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    let hooks = before.load(Ordering::Relaxed);
    let failed = other.stats().totals.failed_dumps;
    die("nowhere to write");
    assert_eq!((other.stats().totals.failed_dumps, before.load(Ordering::Relaxed)), (failed + 1, hooks + 1));

    // A bus that is gone leaves nothing.
    drop(bus);
    let dumped = dumps(&path).len();
    die("after the end");
    assert_eq!(dumps(&path).len(), dumped);

    // While a thread panics hooks cannot be changed: a typed error, no abort.
    struct Late(Bus, Arc<AtomicUsize>);
    impl Drop for Late {
        fn drop(&mut self) {
            let refused = matches!(self.0.on_panic_dump("late.jsonl"), Err(DumpError::Panicking));
            self.1.fetch_add(refused.into(), Ordering::Relaxed);
        }
    }
    let refused = Arc::new(AtomicUsize::new(0));
    let late = Late(other, Arc::clone(&refused));
    assert!(
        panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let _late = late;
            panic!("ordered");
        }))
        .is_err()
    );
    assert_eq!(refused.load(Ordering::Relaxed), 1);
}

#[test]
fn p10_a_dump_on_demand_is_the_history_and_its_writers_errors_are_the_callers() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let bus = Bus::new();
    publish_event!(bus: &bus, "box.step", n = 1);
    publish_event!(bus: &bus, "box.step", n = 2);
    let mut lines = Vec::new();
    assert_eq!(bus.dump(&mut lines).unwrap(), 2);
    let lines = String::from_utf8(lines).unwrap();
    let events: Vec<_> = lines.lines().map(|line| Event::from_json(line, Unknown::Refuse).unwrap()).collect();
    assert!(events.iter().map(Event::id).eq(bus.recent(2).iter().rev().map(Event::id)));
    assert_eq!(bus.dump(Full).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
