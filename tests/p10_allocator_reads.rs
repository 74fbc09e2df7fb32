//! P10: an allocator that publishes to a handler that reads statistics, and everything else that takes a lock: no thread
//! waits for itself. In a process of its own, since the allocator serves all of it.
#![cfg(not(ringbus_loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use ringbus::{Bus, current, publish_event};

struct Publishing;

#[global_allocator]
static ALLOCATOR: Publishing = Publishing;

static BUS: OnceLock<Bus> = OnceLock::new();

thread_local! {
    static PUBLISHES: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Publishing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if PUBLISHES.try_with(|publishes| publishes.replace(false)) == Ok(true) {
            if let Some(bus) = BUS.get() {
                publish_event!(bus: bus, "p10.allocated", size = layout.size());
            }
            PUBLISHES.set(true);
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[test]
fn p10_nobody_waits_for_himself_where_the_allocator_publishes_to_a_handler_that_reads() {
    let bus = Bus::new();
    BUS.set(bus.clone()).unwrap();
    let everything = |bus: &Bus| {
        drop((bus.stats(), bus.recent(10), bus.subscriptions(), bus.kinds(), bus.explain("p10.allocated")));
        drop((bus.cursor().read(), bus.subscriber_count("p10.allocated"), bus.is_enabled(), format!("{bus:?}")));
        drop(bus.on("p10.*").unwrap().replay(2).limit(1).subscribe(|_| {}));
        bus.enable();
        bus.reset();
    };
    bus.on("p10.allocated").unwrap().subscribe(move |_| everything(&current().unwrap())).detach();
    publish_event!(bus: &bus, "p10.static");
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        PUBLISHES.set(true);
        everything(&bus);
        PUBLISHES.set(false);
        done.send(bus.stats().totals.published).unwrap();
    });
    // Only so that a deadlock fails instead of hanging.
    is_done.recv_timeout(Duration::from_secs(60)).expect("a thread waits for itself");
}
