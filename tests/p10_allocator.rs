//! P10: an allocator that publishes, in a process of its own. What it publishes from inside the bus's own allocations
//! is refused and counted; nothing recurses without end.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{Bus, Outcome, publish_event};

struct Publishing;

static BUS: OnceLock<Bus> = OnceLock::new();
static RECORDED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Set in the thread whose allocations are published.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Publishing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if WATCHED.try_with(Cell::get).unwrap_or(false) {
            if let Some(bus) = BUS.get() {
                let delivery =
                    publish_event!(bus: bus, "allocator.alloc", bytes = layout.size(), align = layout.align());
                match delivery.outcome {
                    Outcome::Refused => REFUSED.fetch_add(1, Ordering::Relaxed),
                    _ => RECORDED.fetch_add(1, Ordering::Relaxed),
                };
            }
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Publishing = Publishing;

#[test]
fn p10_an_allocator_may_publish() {
    let bus = BUS.get_or_init(Bus::new);
    let _guard = bus.on("work.*").unwrap().subscribe(|_| {});
    // On a thread whose first publish comes from an allocation, and whose end allocates no more.
    std::thread::spawn(move || {
        WATCHED.set(true);
        for n in 0..3000 {
            publish_event!(bus: bus, "work.done", text = format!("a text that lies on the heap, number {n}"));
            drop(vec![n; 10]);
        }
        let _late = bus.on("work.late").unwrap().subscribe(|_| {});
        WATCHED.set(false);
    })
    .join()
    .unwrap();
    let (recorded, refused) = (RECORDED.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed));
    assert!(recorded >= 6000, "{recorded}: two allocations a round at the least");
    assert!(refused > 0, "the first events' own memory was allocated under the bus's hands");
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.refused), (recorded + 3000, refused));
}
