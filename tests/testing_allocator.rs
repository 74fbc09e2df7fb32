//! A capture under an allocator that publishes, in a process of its own: no event finds the capture's lock taken by its
//! own thread, and events are dropped while nobody holds it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use ringbus::{Bus, publish_event};

struct Publishing;

static BUS: OnceLock<Bus> = OnceLock::new();

thread_local! {
    /// Set while this thread's allocations are published; not in the publishing of one.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

fn publish(freed: bool) {
    if WATCHED.try_with(|watched| watched.replace(false)).unwrap_or(false) {
        if let Some(bus) = BUS.get() {
            if freed {
                publish_event!(bus: bus, "allocator.free");
            } else {
                publish_event!(bus: bus, "allocator.take");
            }
        }
        WATCHED.set(true);
    }
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Publishing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        publish(false);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        publish(true);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Publishing = Publishing;

fn watched<R>(call: impl FnOnce() -> R) -> R {
    WATCHED.set(true);
    let result = call();
    WATCHED.set(false);
    result
}

#[test]
fn a_capture_is_used_by_threads_whose_allocations_are_published() {
    let bus = BUS.get_or_init(|| Bus::builder().history(0).build().unwrap());
    let capture = bus.capture("**").unwrap();
    watched(|| {
        for n in 0..500 {
            publish_event!(bus: bus, "work", n, text = format!("a text that lies on the heap, number {n}"));
        }
    });
    let count = |kind: &str| capture.kinds().iter().filter(|one| one.as_str() == kind).count();
    assert_eq!(count("work"), 500);
    assert!(count("allocator.take") >= 500, "a text is made for each event");
    let refused = bus.stats().totals.refused;
    assert!(refused > 0, "the capture's own list grew under its lock");

    // Each look allocates under the lock; what that publishes is refused.
    let all = capture.len();
    watched(|| drop((capture.events(), capture.kinds(), capture.wait_for(all, Duration::MAX))));
    assert!(bus.stats().totals.refused > refused);

    capture.clear();
    watched(|| {
        for n in 0..100 {
            publish_event!(bus: bus, "work", text = format!("a text that lies on the heap, number {n}"));
        }
    });
    watched(|| capture.clear());
    assert!(count("allocator.free") >= 100, "what clearing freed was published, and came to the capture again");
    assert_eq!(count("work"), 0);
}
