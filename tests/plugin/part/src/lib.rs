//! The library that is loaded: it has a ringbus inside, and a C face. All its functions may be called on any thread.
//!
//! It is not to be unloaded: thread-locals, fork handlers and the destructor of a key stay behind with the process.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ringbus::{Bus, publish_event};

static HEARD: AtomicU64 = AtomicU64::new(0);

fn bus() -> &'static Bus {
    static BUS: OnceLock<Bus> = OnceLock::new();
    BUS.get_or_init(|| {
        let bus = Bus::builder().history(10_000).build().unwrap_or_default();
        bus.subscribe(|_| _ = HEARD.fetch_add(1, Ordering::Relaxed)).detach();
        bus
    })
}

/// Publishes here; returns 1 if a handler took it, and puts the event's id into `id`.
///
/// # Safety
/// `id` can be written to.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn part_publish(n: i64, id: *mut u128) -> u32 {
    let delivery = publish_event!(bus: bus(), "part.event", n, text = "a text that does not fit in place");
    // SAFETY: the caller's promise.
    unsafe { *id = delivery.event.map_or(0, |event| event.id().as_u128()) };
    delivery.delivered
}

/// Has each event here told to `to`, with its field `n`.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn part_forward(to: extern "C" fn(i64)) {
    let forward = move |event: &ringbus::Event| to(event.get("n").and_then(ringbus::Value::as_i64).unwrap_or(-1));
    bus().subscribe(forward).detach();
}

/// How many events this part's handler has heard.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn part_heard() -> u64 {
    HEARD.load(Ordering::Relaxed)
}

/// How many events this part's history shows.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn part_recorded() -> usize {
    bus().try_recent(usize::MAX).map_or(usize::MAX, |found| found.len())
}

/// How deep publishes may nest here: so many events are stopped by one that publishes for ever.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn part_depth_stops() -> u64 {
    bus().stats().totals.depth_stops
}

/// Installs this part's black box, which writes to a file of this name (UTF-8).
///
/// # Safety
/// `path` is a text of `len` bytes.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn part_black_box(path: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    let path = unsafe { std::slice::from_raw_parts(path, len) };
    if let Ok(path) = std::str::from_utf8(path) {
        let _ = bus().on_panic_dump(Path::new(path));
    }
}

/// A panic of this part's own, which ends in it; the standard library here is another copy too.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
pub extern "C" fn part_panics() -> u32 {
    let shared = Arc::new(());
    let failing = bus().subscribe(move |_| {
        let _shared = &shared;
        panic!("as told")
    });
    let delivery = publish_event!(bus: bus(), "part.panics", n = 0);
    drop(failing);
    delivery.failed
}
