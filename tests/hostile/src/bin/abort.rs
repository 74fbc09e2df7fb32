//! P10, P4: a program built with `panic = "abort"`: the bus works, a handler's panic ends the process as whoever built it
//! has chosen, and the black box has been written before.
//!
//! It plays each scene in a child of its own and ends with 0 when every child ended as it should. Nothing is caught here,
//! so a check that fails ends a child by the same signal as a scene that is to abort: such scenes say what they left.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks on the terminal")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

use ringbus::{Bus, CloseError, FailurePolicy, Outcome, Payload, publish_event};
use serde_json::Value;

/// Names the scene, in the child.
const SCENE: &str = "RINGBUS_TEST_SCENE";
/// Names the black box, in the child.
const BOX: &str = "RINGBUS_TEST_BOX";

/// The code of a child in which all was well.
const GOOD: u8 = 64;
/// The signal of `abort`.
const SIGABRT: i32 = 6;

/// One child's work, and how the parent knows that it was done.
struct Scene {
    name: &'static str,
    play: fn(&Path),
    /// The message of the panic that aborts it; `None` where it ends well.
    aborts: Option<&'static str>,
    /// The kinds of the events that were being handled then, outermost first.
    publishing: &'static [&'static str],
    /// Those of the history, oldest first.
    events: &'static [&'static str],
}

const SCENES: &[Scene] = &[
    Scene { name: "works", play: works, aborts: None, publishing: &[], events: &[] },
    Scene { name: "errors", play: errors, aborts: None, publishing: &[], events: &[] },
    Scene {
        name: "a handler",
        play: a_handler,
        aborts: Some("ordered: a handler"),
        publishing: &["abort.outer", "abort.inner"],
        events: &["abort.before", "abort.outer", "abort.inner"],
    },
    Scene {
        name: "a failure hook",
        play: a_failure_hook,
        aborts: Some("ordered: a hook"),
        publishing: &["abort.fails"],
        events: &["abort.fails"],
    },
    Scene {
        name: "a payload's drop",
        play: a_payloads_drop,
        aborts: Some("ordered: a drop"),
        publishing: &[],
        events: &["abort.left"],
    },
    Scene {
        name: "another thread",
        play: another_thread,
        aborts: Some("ordered: a thread"),
        publishing: &[],
        events: &["abort.before"],
    },
    Scene {
        name: "while others publish",
        play: while_others_publish,
        aborts: Some("ordered: in the crowd"),
        publishing: &["abort.crowd"],
        events: &[],
    },
];

fn main() -> ExitCode {
    // An optimised build that unwinds would pass for the wrong reason.
    if cfg!(not(panic = "abort")) {
        eprintln!("this program is to be built with panic = \"abort\"");
        return ExitCode::FAILURE;
    }
    let file = env::var_os(BOX).map(PathBuf::from);
    if let (Ok(name), Some(file)) = (env::var(SCENE), file) {
        let scene = SCENES.iter().find(|scene| scene.name == name).expect("a scene of that name");
        (scene.play)(&file);
        return ExitCode::from(GOOD);
    }
    let mut failed = 0;
    for scene in SCENES {
        match run(scene) {
            Ok(()) => println!("{} ... ok", scene.name),
            Err(why) => {
                println!("{} ... FAILED: {why}", scene.name);
                failed += 1;
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

// === the parent ===

fn run(scene: &Scene) -> Result<(), String> {
    let file = env::temp_dir().join(format!("ringbus-abort-{}.jsonl", std::process::id()));
    let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    command.env(SCENE, scene.name).env(BOX, &file).stdin(Stdio::null()).stderr(Stdio::piped());
    let (status, errors) = ended(command.spawn().map_err(|error| error.to_string())?)?;
    let boxed = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(&file);
    let told = format!("{status}\nstderr: {errors}\nblack box: {boxed}");
    let Some(message) = scene.aborts else {
        return if status.code() == Some(GOOD.into()) { Ok(()) } else { Err(told) };
    };
    let lines: Result<Vec<Value>, _> = boxed.lines().map(serde_json::from_str).collect();
    let lines = lines.map_err(|error| format!("{error}; {told}"))?;
    let panics: Vec<_> = lines.iter().filter(|line| line["record"] == "panic").map(|line| &line["message"]).collect();
    let kinds = |record: &str| -> Vec<&str> {
        let lines = lines.iter().filter(|line| line["record"] == record);
        lines.filter_map(|line| line["event"]["type"].as_str()).collect()
    };
    let events = kinds("event");
    let right = aborted(status)
        && panics == [message]
        && kinds("publishing") == scene.publishing
        && (scene.events.is_empty() || events == scene.events);
    if right { Ok(()) } else { Err(told) }
}

#[cfg(unix)]
fn aborted(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGABRT)
}

#[cfg(not(unix))]
fn aborted(status: ExitStatus) -> bool {
    let _ = SIGABRT;
    !status.success() && status.code() != Some(GOOD.into())
}

/// How a child ended, and what it wrote to its standard error; one that hangs is ended.
fn ended(mut child: Child) -> Result<(ExitStatus, String), String> {
    let mut errors = child.stderr.take().ok_or("no standard error")?;
    let (done, text) = channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        let _ = done.send(text);
    });
    // Only against hanging.
    let text = match text.recv_timeout(Duration::from_secs(120)) {
        Ok(text) => text,
        Err(RecvTimeoutError::Timeout) => {
            let _ = child.kill();
            "it hung".to_owned()
        }
        Err(RecvTimeoutError::Disconnected) => String::new(),
    };
    Ok((child.wait().map_err(|error| error.to_string())?, text))
}

// === the children ===

#[derive(Payload)]
#[payload(kind = "abort.sample")]
struct Sample {
    n: u64,
}

/// Nothing panics: all of it is as in any other build.
fn works(_: &Path) {
    let bus = Bus::builder().history(4).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let captured = Arc::new(());
    let kept = Arc::clone(&captured);
    let all = bus.on("abort.*").unwrap().subscribe(move |event| {
        let _ = &kept;
        list.lock().unwrap().push(event.kind().to_string());
    });
    let weak = bus.downgrade();
    let nests = bus.on("abort.outer").unwrap().subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        assert_eq!(publish_event!(bus: &bus, "abort.inner").outcome, Outcome::Published);
        assert!(ringbus::current().is_some_and(|current| current.same_bus(&bus)));
    });
    let typed = bus.subscribe_to(|sample: &Sample| assert_eq!(sample.n, 7)).unwrap();
    assert_eq!(publish_event!(bus: &bus, "abort.outer", n = 1).delivered, 2);
    assert_eq!(bus.publish(Sample { n: 7 }).delivered, 2);
    let there = bus.clone();
    thread::spawn(move || (0..10).for_each(|n| drop(publish_event!(bus: &there, "abort.there", n)))).join().unwrap();
    assert_eq!(bus.recent(99).len(), 4);
    assert_eq!(bus.history().matching("abort.there").unwrap().take(1)[0].get("n"), Some(&9.into()));
    let late = bus.on("abort.there").unwrap().replay(2).subscribe(|_| {});
    assert_eq!(late.info().delivered, 2);
    assert_eq!(seen.lock().unwrap().len(), 13);
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.overwritten, totals.failed), (13, 9, 0));
    all.close().unwrap();
    nests.close().unwrap();
    typed.close().unwrap();
    assert_eq!(Arc::strong_count(&captured), 1);
    drop((bus, late));
}

/// An error is no panic: counted, reported, and the others are called; a publisher that asked for it would be ended.
fn errors(_: &Path) {
    let reports = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&reports);
    let bus = Bus::builder().on_failure(move |_| _ = count.fetch_add(1, Ordering::Relaxed)).build().unwrap();
    let errs = bus.try_subscribe(|_| Err("ordered".into()));
    let _fine = bus.subscribe(|_| {});
    let delivery = publish_event!(bus: &bus, "abort.fails");
    assert_eq!((delivery.delivered, delivery.failed, reports.load(Ordering::Relaxed)), (1, 1, 1));
    let info = errs.info();
    assert_eq!((info.failed, info.panicked), (1, 0));
    let policy = FailurePolicy::Quarantine { after: std::num::NonZeroU32::MIN };
    let ends = bus.on("abort.*").unwrap().failure_policy(policy).try_subscribe(|_| Err("ordered".into()));
    (0..3).for_each(|_| drop(publish_event!(bus: &bus, "abort.fails")));
    assert_eq!((ends.info().failed, ends.info().quarantined), (1, 2));
    let closes = Arc::new(Mutex::new(Some(errs)));
    let answer = Arc::new(Mutex::new(None));
    let told = Arc::clone(&answer);
    let _closer = bus.on("abort.close").unwrap().subscribe(move |_| {
        let guard = closes.lock().unwrap().take();
        *told.lock().unwrap() = guard.map(|guard| guard.close());
    });
    publish_event!(bus: &bus, "abort.close");
    assert_eq!(*answer.lock().unwrap(), Some(Err(CloseError::InsideHandler)));
}

fn boxed(path: &Path) -> Bus {
    let bus = Bus::builder().history(50).build().unwrap();
    bus.on_panic_dump(path).unwrap();
    bus
}

fn a_handler(path: &Path) {
    let bus = boxed(path);
    publish_event!(bus: &bus, "abort.before");
    let weak = bus.downgrade();
    let _outer = bus.on("abort.outer").unwrap().subscribe(move |_| {
        publish_event!(bus: &weak.upgrade().unwrap(), "abort.inner");
    });
    let _inner = bus.on("abort.inner").unwrap().subscribe(|_| panic!("ordered: a handler"));
    publish_event!(bus: &bus, "abort.outer");
}

fn a_failure_hook(path: &Path) {
    let bus = Bus::builder().on_failure(|_| panic!("ordered: a hook")).build().unwrap();
    bus.on_panic_dump(path).unwrap();
    let _errs = bus.try_subscribe(|_| Err("ordered".into()));
    publish_event!(bus: &bus, "abort.fails");
}

/// Panics when it is dropped.
#[derive(Payload)]
#[payload(kind = "abort.armed")]
struct Armed {}

impl Drop for Armed {
    fn drop(&mut self) {
        panic!("ordered: a drop");
    }
}

fn a_payloads_drop(path: &Path) {
    let bus = boxed(path);
    let armed = Bus::new();
    armed.publish(Armed {});
    publish_event!(bus: &bus, "abort.left");
    armed.reset();
}

fn another_thread(path: &Path) {
    let bus = boxed(path);
    publish_event!(bus: &bus, "abort.before");
    let _ = thread::spawn(|| panic!("ordered: a thread")).join();
}

fn while_others_publish(path: &Path) {
    let bus = boxed(path);
    let _panics = bus.on("abort.crowd").unwrap().subscribe(|event| {
        if event.get("n") == Some(&1000.into()) {
            panic!("ordered: in the crowd");
        }
    });
    for thread in 0..3 {
        let bus = bus.clone();
        thread::spawn(move || {
            loop {
                publish_event!(bus: &bus, "abort.other", thread);
            }
        });
    }
    (0..=1000).for_each(|n| drop(publish_event!(bus: &bus, "abort.crowd", n)));
}
