//! How a process ends.

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{catch_unwind, panic_any, set_hook};
use std::process::exit;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use ringbus::{Bus, CloseError, Outcome, Overflow, Subscription, publish_event};

use crate::child::{GOOD, Scene, end};

pub(crate) const SCENES: &[Scene] = &[
    Scene::new("main_returns", main_returns),
    Scene::new("main_exits", main_exits),
    Scene::new("main_panics", main_panics),
    Scene::new("a_worker_exits", a_worker_exits),
    Scene::new("exit_in_a_handler", || exit_in(Place::Handler)),
    Scene::new("exit_in_a_filter", || exit_in(Place::Filter)),
    Scene::new("exit_in_a_failure_hook", || exit_in(Place::FailureHook)),
    Scene::new("exit_in_a_panic_hook", || exit_in(Place::PanicHook)),
    Scene::new("exit_while_unwinding", || exit_in(Place::Unwinding)),
    Scene::new("exit_in_a_payloads_drop", || exit_in(Place::Drop)),
    Scene { times: 20, ..Scene::new("handlers_panic_while_the_process_ends", handlers_panic) },
    Scene::new("the_last_of_all_destructors", the_last_of_all_destructors),
    Scene::new("the_second_round_of_destructors", the_second_round_of_destructors),
];

// === what is published at the end, and what becomes of it ===

/// How many handlers were called, by the name of who published.
static HEARD: AtomicU32 = AtomicU32::new(0);
/// What is wrong.
static FAULTS: AtomicU32 = AtomicU32::new(0);

fn bus() -> &'static Bus {
    static BUS: OnceLock<Bus> = OnceLock::new();
    BUS.get_or_init(|| {
        let bus = Bus::builder().history(100).build().unwrap();
        bus.on("end.*").unwrap().subscribe(|_| _ = HEARD.fetch_add(1, Ordering::Relaxed)).detach();
        bus
    })
}

fn check(name: &str, right: bool) {
    if !right {
        eprintln!("wrong: {name}");
        FAULTS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Uses the whole bus; `inside` where a handler has not returned and never will.
fn use_bus(name: &str, inside: bool) {
    let delivery = publish_event!(bus: bus(), "end.publish", name, text = "a text that is not stored in place");
    let panicking = thread::panicking();
    let outcome = if panicking { Outcome::Panicking } else { Outcome::Published };
    check(name, delivery.outcome == outcome && delivery.delivered == u32::from(!panicking));
    check(name, bus().recent(1).first().map(ringbus::Event::id) == delivery.event.map(|event| event.id()));
    let guard = bus().on("end.other").unwrap().subscribe(|_| {});
    check(name, guard.close().is_err() == inside);
    check(name, bus().stats().handlers == 1);
}

thread_local! {
    static EARLY: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// How many destructors and functions have run.
static RUN: AtomicU32 = AtomicU32::new(0);

struct AtEnd(&'static str, bool);

impl Drop for AtEnd {
    fn drop(&mut self) {
        use_bus(self.0, self.1);
        RUN.fetch_add(1, Ordering::Relaxed);
    }
}

/// Has destructors of this thread's locals use the bus, one before and one after the bus's own; between them runs `work`.
fn with_destructors(inside: bool, work: impl FnOnce()) {
    EARLY.set(Some(AtEnd("early destructor", inside)));
    work();
    LATE.set(Some(AtEnd("late destructor", inside)));
}

/// Whether the functions at exit are called inside of a handler that will not return; and how many uses are expected.
static INSIDE: AtomicU32 = AtomicU32::new(0);
static EXPECTED: AtomicU32 = AtomicU32::new(0);

extern "C" fn at_exit() {
    use_bus("atexit", INSIDE.load(Ordering::Relaxed) > 0);
    RUN.fetch_add(1, Ordering::Relaxed);
}

/// Registered first, so it runs last.
extern "C" fn at_last() {
    at_exit();
    let (run, expected) = (RUN.load(Ordering::Relaxed), EXPECTED.load(Ordering::Relaxed));
    if run != expected {
        eprintln!("{run} of {expected} have run");
    }
    end(run == expected && FAULTS.load(Ordering::Relaxed) == 0);
}

fn register(at_exit: extern "C" fn()) {
    // SAFETY: a function of this program, which does not unload itself.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
}

/// Registers a function at exit on either side of the first publish; `uses` of the bus are expected in all.
fn with_functions(inside: bool, uses: u32) {
    INSIDE.store(inside.into(), Ordering::Relaxed);
    EXPECTED.store(uses, Ordering::Relaxed);
    register(at_last);
    publish_event!(bus: bus(), "end.first");
    register(at_exit);
}

// === the main thread ===

fn main_returns() {
    with_destructors(false, || with_functions(false, 4));
    // A worker that ends meanwhile.
    thread::spawn(|| with_destructors(false, || ())).join().unwrap();
    EXPECTED.fetch_add(2, Ordering::Relaxed);
}

fn main_exits() {
    with_destructors(false, || with_functions(false, 4));
    exit(0);
}

fn main_panics() {
    set_hook(Box::new(|_| use_bus("panic hook", false)));
    with_destructors(false, || with_functions(false, 4));
    panic!("ordered");
}

fn a_worker_exits() {
    with_functions(false, 4);
    let worker = thread::spawn(|| {
        with_destructors(false, || drop(publish_event!(bus: bus(), "end.worker")));
        exit(0);
    });
    // It never ends by itself.
    let _ = worker.join();
    end(false);
}

// === inside of something ===

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Handler,
    Filter,
    FailureHook,
    PanicHook,
    Unwinding,
    Drop,
}

/// Exits when it is dropped.
struct Exits;

impl Drop for Exits {
    fn drop(&mut self) {
        exit(0);
    }
}

impl ringbus::Payload for Exits {
    const KIND: &'static str = "exit.payload";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut ringbus::FieldWriter<'_>) {}

    fn read_fields(_: &mut ringbus::FieldReader<'_>) -> Option<Self> {
        None
    }
}

/// The subscription that ends the process.
static ENDS: OnceLock<Subscription> = OnceLock::new();

/// The call that ends the process runs for ever: no close may believe that it is over, though the thread's locals are gone
/// and its row has been another one's since.
extern "C" fn close_what_runs() {
    let closed = thread::spawn(|| {
        publish_event!(bus: &Bus::new(), "end.elsewhere");
        use_bus("another thread", false);
        ENDS.get().map(|ends| ends.close_timeout(Duration::from_millis(10)))
    });
    check("the call runs", matches!(closed.join(), Ok(Some(Err(CloseError::TimedOut { .. })))));
    RUN.fetch_add(1, Ordering::Relaxed);
}

/// Exits at a place, while another thread publishes.
fn exit_in(place: Place) {
    set_hook(Box::new(move |_| {
        if place == Place::PanicHook {
            exit(0);
        }
    }));
    let inside = place != Place::Drop;
    with_destructors(inside, || with_functions(inside, 4));
    let other = Bus::builder().on_failure(|_| exit(0)).build().unwrap();
    let handler = move |_: &ringbus::Event| -> Result<(), ringbus::BoxError> {
        match place {
            Place::Handler => exit(0),
            Place::PanicHook => panic!("ordered"),
            Place::Unwinding => {
                let _exits = Exits;
                panic!("ordered")
            }
            // It is the failure hook that ends.
            _ => Err("ordered".into()),
        }
    };
    let begun = other.on("exit.now").unwrap().filter(move |_| if place == Place::Filter { exit(0) } else { true });
    assert!(ENDS.set(begun.try_subscribe(handler)).is_ok());
    // A failure hook comes when the call is over.
    if inside && place != Place::FailureHook {
        register(close_what_runs);
        EXPECTED.fetch_add(1, Ordering::Relaxed);
    }
    let (publisher, start) = (other.clone(), Arc::new(Barrier::new(2)));
    let started = Arc::clone(&start);
    thread::spawn(move || {
        started.wait();
        loop {
            publish_event!(bus: &publisher, "exit.other");
        }
    });
    start.wait();
    if place == Place::Drop {
        other.publish(Exits);
        other.reset();
    } else {
        publish_event!(bus: &other, "exit.now");
    }
    end(false);
}

// === other threads panic meanwhile ===

fn handlers_panic() {
    set_hook(Box::new(|_| {}));
    let caught = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(Barrier::new(4));
    with_functions(false, 2);
    for _ in 0..3 {
        let (caught, barrier) = (Arc::clone(&caught), Arc::clone(&barrier));
        let bus = Bus::builder().on_failure(|_| panic!("ordered")).build().unwrap();
        bus.subscribe(|_| panic!("ordered")).detach();
        thread::spawn(move || {
            barrier.wait();
            loop {
                caught.fetch_add(publish_event!(bus: &bus, "panics").failed.into(), Ordering::Relaxed);
            }
        });
    }
    barrier.wait();
    while caught.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    exit(GOOD.into());
}

// === after all of Rust's destructors ===

/// In the destructor of a pthread key: handlers fail and panic, hooks, reports and black boxes work, and guards close.
fn the_last_of_all_destructors() {
    extern "C" fn late(_: *mut c_void) {
        let reports = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&reports);
        let bus = Bus::builder().on_failure(move |_| _ = count.fetch_add(1, Ordering::Relaxed)).build().unwrap();
        #[cfg(feature = "serde")]
        let path = std::env::var_os(crate::child::FILE).unwrap();
        #[cfg(feature = "serde")]
        bus.on_panic_dump(&path).unwrap();
        let panics = bus.subscribe(|_| panic!("ordered"));
        let errs = bus.try_subscribe(|_| Err("ordered".into()));
        let delivery = publish_event!(bus: &bus, "late", n = 1);
        check("late failures", (delivery.delivered, delivery.failed) == (0, 2));
        check("late reports", reports.load(Ordering::Relaxed) == 2);
        check("late close", panics.close().is_ok() && errs.close().is_ok());
        #[cfg(feature = "serde")]
        {
            // The panic, the event that was handled, and the history.
            check("late dump", std::fs::read_to_string(&path).unwrap().lines().count() == 3);
            std::fs::remove_file(&path).unwrap();
        }
        RUN.fetch_add(1, Ordering::Relaxed);
    }
    set_hook(Box::new(|_| {}));
    let mut key = 0;
    // SAFETY: the destructor takes any value.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(late)) }, 0);
    for published_before in [true, false] {
        let thread = thread::spawn(move || {
            // SAFETY: the key exists; the value is never followed.
            assert_eq!(unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(1)) }, 0);
            if published_before {
                publish_event!(bus: bus(), "end.before");
            }
        });
        thread.join().unwrap();
    }
    end(RUN.load(Ordering::Relaxed) == 2 && FAULTS.load(Ordering::Relaxed) == 0);
}

/// Where std has let go of the thread: it has no name any more, and is woken all the same.
fn the_second_round_of_destructors() {
    const ORDERED: &str = "ordered: in the second round";
    static HOOKS: AtomicU32 = AtomicU32::new(0);
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    fn set(round: usize) {
        // SAFETY: the key exists; the value is never followed.
        assert_eq!(unsafe { libc::pthread_setspecific(*KEY.get().unwrap(), std::ptr::without_provenance(round)) }, 0);
    }
    extern "C" fn late(round: *mut c_void) {
        if round.addr() == 1 {
            return set(2);
        }
        use_bus("second round", false);
        let bus = Bus::new();
        let wait = Overflow::Block { up_to: Duration::from_millis(1) };
        let jobs = bus.on("job").unwrap().queued().capacity(1).when_full(wait).receiver().unwrap();
        (0..2).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
        let info = jobs.info();
        check("second round, full", (info.failed, info.queue.unwrap().dropped) == (0, 1));
        check("second round, close", jobs.subscription().close_timeout(Duration::from_secs(60)).is_ok());
        let (held, may_go) = std::sync::mpsc::channel::<()>();
        let worker = bus.on("job").unwrap().in_thread().subscribe(move |_| _ = may_go.recv()).unwrap();
        publish_event!(bus: &bus, "job");
        check("second round, busy", bus.wait_idle(Duration::from_millis(1)).is_err());
        drop(held);
        check("second round, idle", bus.wait_idle(Duration::from_secs(60)).is_ok());
        check("second round, drain", worker.close_drained(Duration::from_secs(60)).is_ok());
        check("second round, shutdown", bus.shutdown(Duration::from_secs(60)).is_complete());
        // The hook publishes, and the black box tells of the thread: neither may ask std for it, whose answer is a panic.
        check("second round, panic", catch_unwind(|| panic_any(ORDERED)).is_err());
        RUN.fetch_add(1, Ordering::Relaxed);
    }
    // The one that is allowed: a thread's first publish asks std for its name. And the one that is ordered.
    set_hook(Box::new(|info| {
        HOOKS.fetch_add(1, Ordering::Relaxed);
        let outcome = publish_event!(bus: bus(), "end.hook").outcome;
        let ordered = info.payload().downcast_ref::<&str>() == Some(&ORDERED);
        check("second round, hook", outcome == Outcome::Panicking || !ordered);
    }));
    #[cfg(feature = "serde")]
    bus().on_panic_dump("/dev/null").unwrap();
    let mut key = 0;
    // SAFETY: the destructor takes any value.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(late)) }, 0);
    KEY.set(key).unwrap();
    let before: [fn(); 3] = [
        || drop(publish_event!(bus: bus(), "end.before")),
        || {
            // A thread that has waited, and never published.
            let mut nothing = bus().on("end.nothing").unwrap().receiver().unwrap();
            check("second round, before", nothing.recv_timeout(Duration::from_millis(1)).is_err());
        },
        || {},
    ];
    for work in before {
        let thread = thread::spawn(move || {
            set(1);
            work();
        });
        thread.join().unwrap();
    }
    check("second round, panics", HOOKS.load(Ordering::Relaxed) == 3 + 2);
    end(RUN.load(Ordering::Relaxed) == 3 && FAULTS.load(Ordering::Relaxed) == 0);
}
