//! Two copies of ringbus in one process: this program has one, and loads a library (`part`) that has another. They know
//! nothing of each other, and share threads, forks and panics. Exits with 0 if all that holds.
//!
//! 1. Each has ids, depths and histories of its own; handlers of one publish on the other, round and round.
//! 2. Threads that have published on both end, and leave nothing that the next ones stumble on.
//! 3. A forked child has fresh ids in both: both fork handlers ran.
//! 4. A panic is written down by the black box of the copy whose standard library saw it.
//!
//! Nothing is unloaded: a library with thread-locals that have destructors, fork handlers and keys cannot be.

use std::ffi::{CString, c_char};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ringbus::{Bus, Outcome, publish_event};

/// The library's face.
struct Part {
    publish: unsafe extern "C" fn(i64, *mut u128) -> u32,
    forward: extern "C" fn(extern "C" fn(i64)),
    heard: extern "C" fn() -> u64,
    recorded: extern "C" fn() -> usize,
    depth_stops: extern "C" fn() -> u64,
    black_box: unsafe extern "C" fn(*const u8, usize),
    panics: extern "C" fn() -> u32,
}

impl Part {
    fn load(path: &Path) -> Self {
        let name = CString::new(path.to_str().expect("a path in UTF-8")).expect("a path without zeros");
        // SAFETY: loading runs the library's initialisers: Rust's own.
        let library = unsafe { libc::dlopen(name.as_ptr().cast::<c_char>(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!library.is_null(), "{} is not there, or cannot be loaded", path.display());
        let symbol = |name: &str| {
            let name = CString::new(name).expect("a name without zeros");
            // SAFETY: the library is loaded, and stays so.
            let at = unsafe { libc::dlsym(library, name.as_ptr()) };
            assert!(!at.is_null(), "{name:?} is missing");
            at
        };
        // SAFETY: the functions have these types in `part/src/lib.rs`.
        unsafe {
            Self {
                publish: mem::transmute::<*mut _, unsafe extern "C" fn(i64, *mut u128) -> u32>(symbol("part_publish")),
                forward: mem::transmute::<*mut _, extern "C" fn(extern "C" fn(i64))>(symbol("part_forward")),
                heard: mem::transmute::<*mut _, extern "C" fn() -> u64>(symbol("part_heard")),
                recorded: mem::transmute::<*mut _, extern "C" fn() -> usize>(symbol("part_recorded")),
                depth_stops: mem::transmute::<*mut _, extern "C" fn() -> u64>(symbol("part_depth_stops")),
                black_box: mem::transmute::<*mut _, unsafe extern "C" fn(*const u8, usize)>(symbol("part_black_box")),
                panics: mem::transmute::<*mut _, extern "C" fn() -> u32>(symbol("part_panics")),
            }
        }
    }

    /// Publishes there; the event's id.
    fn publish(&self, n: i64) -> u128 {
        let (id, delivered) = self.offer(n);
        assert!(delivered > 0, "the part's handlers take its events");
        id
    }

    /// Publishes there, where nobody may take it because it is too deep; the event's id, and who took it.
    fn offer(&self, n: i64) -> (u128, u32) {
        let mut id = 0;
        // SAFETY: `id` lives through the call.
        let delivered = unsafe { (self.publish)(n, &raw mut id) };
        (id, delivered)
    }
}

static PART: OnceLock<Part> = OnceLock::new();

fn part() -> &'static Part {
    PART.get_or_init(|| {
        let name = format!("{}ringbus_plugin_part{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let place = std::env::current_exe().expect("a program has a place");
        // Where cargo puts the library of a dependency.
        let path: PathBuf = place.with_file_name("deps").join(name);
        Part::load(&path)
    })
}

fn bus() -> &'static Bus {
    static BUS: OnceLock<Bus> = OnceLock::new();
    BUS.get_or_init(|| Bus::builder().history(10_000).build().expect("options in range"))
}

fn publish(n: i64) -> u128 {
    let delivery = publish_event!(bus: bus(), "host.event", n);
    assert_ne!(delivery.outcome, Outcome::Refused);
    delivery.event.expect("it is recorded").id().as_u128()
}

/// What tells processes, copies and threads apart in an id.
fn prefix(id: u128) -> u128 {
    id >> 64
}

/// The part's events come back as ours, until the first of the two depth limits.
extern "C" fn from_part(n: i64) {
    if n >= 0 {
        publish_event!(bus: bus(), "host.back", n = n - 1);
    }
}

fn threads_publish_on_both() {
    const THREADS: i64 = 200;
    const EACH: i64 = 20;
    let heard = (part().heard)();
    for _ in 0..THREADS / 4 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..EACH {
                        let (mine, its) = (publish(n), part().publish(n));
                        assert_ne!(prefix(mine), prefix(its), "each copy numbers for itself");
                    }
                });
            }
        });
    }
    assert_eq!((part().heard)() - heard, (THREADS * EACH) as u64);
    assert_eq!(bus().stats().totals.published, (THREADS * EACH) as u64);
    assert_eq!((part().recorded)(), (THREADS * EACH) as usize);
}

fn handlers_publish_to_each_other() {
    (part().forward)(from_part);
    bus()
        .on("host.back")
        .expect("a kind")
        .subscribe(|event| {
            let n = event.get("n").and_then(ringbus::Value::as_i64).unwrap_or(-1);
            part().offer(n);
        })
        .detach();
    // Down to -1, by turns.
    let before = bus().stats().totals.published;
    part().publish(5);
    assert_eq!((bus().stats().totals.published - before, (part().depth_stops)()), (6, 0));
    // For ever: each counts its own depth, so the first to reach 16 ends it.
    part().publish(1_000_000);
    let stops = (bus().stats().totals.depth_stops, (part().depth_stops)());
    assert_eq!(stops.0 + stops.1, 1, "{stops:?}");
}

fn a_child_has_fresh_ids_in_both() {
    let (mine, its) = (publish(0), part().publish(-1));
    // SAFETY: no other thread runs; the child leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let fresh = (prefix(publish(0)) != prefix(mine), prefix(part().publish(-1)) != prefix(its));
        let other = std::thread::spawn(|| (publish(0), part().publish(-1))).join().is_ok();
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(!fresh.0) + 2 * i32::from(!fresh.1) + 4 * i32::from(!other)) };
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: `child` is ours, and `status` lives through the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "the child was killed: {status}");
    assert_eq!(libc::WEXITSTATUS(status), 0, "1: this copy's id is not fresh, 2: the other's, 4: a thread failed");
    assert_eq!((prefix(publish(0)), prefix(part().publish(-1))), (prefix(mine), prefix(its)));
}

fn each_black_box_writes_its_own() {
    let folder = std::env::temp_dir().join(format!("ringbus-plugin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let (mine, its) = (folder.join("host.jsonl"), folder.join("part.jsonl"));
    // Neither fills the other's report with what the default hook prints.
    std::panic::set_hook(Box::new(|_| {}));
    bus().on_panic_dump(&mine).expect("the first one");
    let text = its.to_str().expect("a path in UTF-8");
    // SAFETY: the text lives through the call.
    unsafe { (part().black_box)(text.as_ptr(), text.len()) };

    // A file that is not there is empty.
    let written = || [&mine, &its].map(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
    assert!(std::panic::catch_unwind(|| panic!("on purpose")).is_err());
    let first = written();
    assert!(first[0] > 0 && first[1] == 0, "a panic here is this copy's: {first:?}");
    assert_eq!((part().panics)(), 1, "a handler of the part panics, and is contained there");
    let second = written();
    assert!(second[0] == first[0] && second[1] > 0, "a panic there is the other one's: {second:?}");
    let wrote = |path: &Path, kind: &str| std::fs::read_to_string(path).is_ok_and(|text| text.contains(kind));
    assert!(wrote(&mine, "host.event") && !wrote(&mine, "part.event"));
    assert!(wrote(&its, "part.event") && !wrote(&its, "host.event"));
    std::fs::remove_dir_all(&folder).expect("it is ours");
}

fn main() {
    threads_publish_on_both();
    handlers_publish_to_each_other();
    a_child_has_fresh_ids_in_both();
    each_black_box_writes_its_own();
    println!("two copies in one process: all well");
}
