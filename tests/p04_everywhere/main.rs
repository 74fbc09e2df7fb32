//! P4: a panic in every kind of code that users give to the bus, one case after the other.
//!
//! 1. [`calls`]: what the bus calls: handlers, filters, hooks, loggers, and the methods of payloads and errors.
//! 2. [`drops`]: what the bus drops: closures, what they have captured, payloads, errors, what was thrown.
//! 3. [`callers`]: what it calls for somebody who waits for the answer: there the panic goes on, and leaves nothing behind.
//!
//! A process of its own: the logger is the process's, and so is the count of what was given up. After each case the others
//! have been called, the counts are right, what was captured is gone, and the bus works on this thread and on another.
#![cfg(not(ringbus_loom))]

mod callers;
mod calls;
mod drops;
mod payloads;

use std::cell::Cell;
use std::panic::panic_any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use ringbus::{Bus, BusBuilder, Outcome, Subscription, publish_event};

/// Panics when it is dropped, so many times in a chain.
struct Bomb(u32);

/// Longer than anybody has patience for.
const ENDLESS: u32 = u32::MAX;

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

/// What the process's logger does on this thread.
#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Silent,
    Writes,
    Panics,
    PanicsWhenAsked,
    PanicsWithoutEnd,
}

thread_local! {
    static MOOD: Cell<Mood> = const { Cell::new(Mood::Silent) };
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        match MOOD.get() {
            Mood::PanicsWhenAsked => panic!("ordered: no answer"),
            mood => mood != Mood::Silent,
        }
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        match MOOD.get() {
            Mood::Panics => panic!("ordered: no ink for {}", text.len()),
            Mood::PanicsWithoutEnd => panic_any(Bomb(ENDLESS)),
            _ => {}
        }
    }

    fn flush(&self) {}
}

/// One test at a time, with the logger, and without the reports of panics that are ordered.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let ordered = payload.is::<Bomb>()
                || payload.downcast_ref::<&str>().is_some_and(|text| text.starts_with("ordered"))
                || payload.downcast_ref::<String>().is_some_and(|text| text.starts_with("ordered"));
            if !ordered {
                report(info);
            }
        }));
    });
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a case counts on its bus, beside the bystanders.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    delivered: u64,
    failed: u64,
    panicked: u64,
    /// Given up, in this process.
    forgotten: u64,
}

impl Counts {
    /// So many calls that succeeded.
    fn delivered(delivered: u64) -> Self {
        Self { delivered, ..Self::default() }
    }

    /// So many calls that returned errors.
    fn failed(failed: u64) -> Self {
        Self { failed, ..Self::default() }
    }

    /// So many calls that panicked.
    fn panicked(panicked: u64) -> Self {
        Self { failed: panicked, panicked, ..Self::default() }
    }

    fn forgotten(self, forgotten: u64) -> Self {
        Self { forgotten, ..self }
    }
}

/// A bus with two bystanders, one called before and one after everybody else, for kinds below `p04`.
struct Scene {
    bus: Bus,
    heard: [Arc<AtomicU64>; 2],
    /// Closures capture clones of it.
    captured: Arc<()>,
    _bystanders: [Subscription; 2],
}

impl Scene {
    fn new(builder: BusBuilder) -> Self {
        let bus = builder.build().unwrap();
        let heard: [Arc<AtomicU64>; 2] = Default::default();
        let listen = |at: usize, order| {
            let heard = Arc::clone(&heard[at]);
            bus.on("p04.**").unwrap().order(order).while_panicking(true).subscribe(move |_| {
                heard.fetch_add(1, Ordering::Relaxed);
            })
        };
        let bystanders = [listen(0, i32::MAX), listen(1, i32::MIN)];
        Self { bus, heard, captured: Arc::new(()), _bystanders: bystanders }
    }

    /// What a closure is to capture, so that its end is seen.
    fn captured(&self) -> Arc<()> {
        Arc::clone(&self.captured)
    }
}

/// Runs one case on a bus made by `builder`, and looks at what it leaves behind.
fn case(name: &str, builder: BusBuilder, expected: Counts, run: impl FnOnce(&Scene)) {
    let before = given_up();
    let scene = Scene::new(builder);
    run(&scene);
    MOOD.set(Mood::Silent);

    let totals = scene.bus.stats().totals;
    let heard = scene.heard.each_ref().map(|heard| heard.load(Ordering::Relaxed));
    assert_eq!(heard, [totals.published; 2], "{name}: the others are called");
    let counts = Counts {
        delivered: totals.delivered - 2 * totals.published,
        failed: totals.failed,
        panicked: totals.panicked,
        forgotten: given_up() - before,
    };
    assert_eq!(counts, expected, "{name}");
    assert_eq!(totals.refused, 0, "{name}");
    assert_sound(&scene.bus, name);

    let Scene { bus, captured, _bystanders, .. } = scene;
    drop(bus);
    assert_eq!(Arc::strong_count(&captured), 1, "{name}: nothing of a closure is left");
}

/// How many payloads this process has given up; a new bus counts from the beginning.
fn given_up() -> u64 {
    Bus::new().stats().totals.forgotten_panics
}

/// The bus works on this thread and on another: nothing is locked, and nobody is thought to be inside a handler.
fn assert_sound(bus: &Bus, name: &str) {
    assert_works(bus, name);
    let (done, result) = channel();
    let (there, name) = (bus.clone(), name.to_owned());
    let thread = std::thread::spawn(move || {
        assert_works(&there, &name);
        drop(there);
        done.send(()).unwrap();
    });
    // Only against hanging.
    result.recv_timeout(Duration::from_secs(120)).expect("another thread is held up");
    thread.join().unwrap();
}

fn assert_works(bus: &Bus, name: &str) {
    assert!(ringbus::current().is_none(), "{name}: no handler runs");
    // Depth counts over all buses.
    let shallow = Bus::builder().depth_limit(1).build().unwrap();
    let guard = shallow.subscribe(|_| {});
    assert_eq!(publish_event!(bus: &shallow, "sound").outcome, Outcome::Published, "{name}");
    guard.close().unwrap_or_else(|error| panic!("{name}: {error}"));

    let inner = Arc::new(AtomicU64::new(0));
    let (count, weak) = (Arc::clone(&inner), bus.downgrade());
    let outer = bus.on("sound.outer").unwrap().subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        assert!(ringbus::current().is_some_and(|current| current.same_bus(&bus)));
        count.fetch_add(publish_event!(bus: &bus, "sound.inner").delivered.into(), Ordering::Relaxed);
    });
    let heard = bus.on("sound.inner").unwrap().subscribe(|_| {});
    let delivery = publish_event!(bus: bus, "sound.outer");
    assert_eq!((delivery.delivered, delivery.failed), (1, 0), "{name}");
    let depth_first = inner.load(Ordering::Relaxed);
    assert_eq!(heard.info().delivered, 1, "{name}");
    assert!(depth_first <= 1, "{name}");
    assert!(bus.try_recent(usize::MAX).is_ok(), "{name}: nobody reads");
    assert_eq!(bus.recent(2).len(), bus.stats().buffer_capacity.min(2), "{name}");
    assert_eq!(bus.explain("sound.outer").invalid, None, "{name}");
    outer.close().unwrap_or_else(|error| panic!("{name}: {error}"));
    heard.close().unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// What anybody publishes in a case.
fn publish(bus: &Bus) {
    publish_event!(bus: bus, "p04.case", n = 1);
}
