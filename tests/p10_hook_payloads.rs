//! P10: a panicking thread drops no payload: in a panic hook a payload whose drop panics would abort the process. It is
//! dropped when the thread no longer panics. A process of its own, one test at a time: the panic hook is the process's.
#![cfg(not(ringbus_loom))]

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use ringbus::{Bus, Event, FieldReader, FieldWriter, Payload, Retry, publish_event};

static DROPS: AtomicU64 = AtomicU64::new(0);

/// Counts its drop, and panics.
struct Armed;

impl Drop for Armed {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
        panic!("ordered: a payload");
    }
}

impl Payload for Armed {
    const KIND: &'static str = "p10.armed";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

thread_local! {
    /// What the panic hook does on this thread, once.
    static IN_HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ordered = info.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("ordered"));
            if !ordered {
                return report(info);
            }
            if let Some(work) = IN_HOOK.take() {
                work();
            }
        }));
    });
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    DROPS.store(0, Ordering::Relaxed);
    alone
}

fn drops() -> u64 {
    DROPS.load(Ordering::Relaxed)
}

/// The slots of a shard.
const RING: usize = 1024;

/// A bus that evicts what was published a ring before; full of `Armed`.
fn full() -> Bus {
    let bus = Bus::builder().history(RING).shards(1).build().unwrap();
    (0..RING).for_each(|_| drop(bus.publish(Armed)));
    bus
}

fn evict(bus: &Bus, count: usize) {
    (0..count).for_each(|_| drop(publish_event!(bus: bus, "p10.other")));
}

/// Panics, with `work` in the panic hook.
fn through_the_hook(work: impl FnOnce() + 'static) {
    IN_HOOK.set(Some(Box::new(work)));
    assert!(catch_unwind(|| panic!("ordered: through the hook")).is_err());
    assert!(IN_HOOK.take().is_none(), "the hook ran");
}

#[test]
fn p10_a_hook_that_publishes_evicts_payloads_whose_drop_panics() {
    let _alone = alone();
    let bus = full();
    let there = bus.clone();
    through_the_hook(move || {
        evict(&there, 3);
        assert_eq!(drops(), 0);
    });
    assert_eq!(drops(), 0, "they wait for the thread's next payload");
    evict(&bus, 1);
    assert_eq!(drops(), 4);
    bus.reset();
    assert_eq!(drops(), RING as u64);
}

#[test]
fn p10_a_hook_that_reads_may_be_the_last_to_hold_an_event() {
    let _alone = alone();
    let bus = full();
    let there = bus.clone();
    through_the_hook(move || {
        let events = there.try_recent(5).unwrap();
        // Somebody else goes on publishing meanwhile.
        let elsewhere = there.clone();
        std::thread::spawn(move || evict(&elsewhere, RING)).join().unwrap();
        assert_eq!(drops(), RING as u64 - 5);
        drop(events);
        assert_eq!(drops(), RING as u64 - 5);
    });
    drop(bus.publish(Armed));
    bus.reset();
    assert_eq!(drops(), RING as u64 + 1);
}

#[test]
fn p10_what_was_put_off_is_dropped_after_the_handlers_panic_was_contained() {
    let _alone = alone();
    let bus = full();
    let weak = bus.downgrade();
    let _guard = bus.on("p10.other").unwrap().subscribe(move |_| {
        let bus = weak.upgrade().unwrap();
        IN_HOOK.set(Some(Box::new(move || {
            // While it unwinds nobody is called.
            evict(&bus, 7);
            assert_eq!(drops(), 1);
        })));
        panic!("ordered: a handler");
    });
    assert_eq!(publish_event!(bus: &bus, "p10.other").failed, 1);
    assert_eq!(drops(), 8, "one was evicted by the event itself, seven in the hook");
    bus.reset();
}

/// Unwinds with the only handle of a payload.
fn unwind_with_a_payload() {
    let _armed = Event::from_payload(Armed).unwrap();
    panic!("ordered: with a payload");
}

#[test]
fn p10_what_was_put_off_on_a_worker_is_dropped_after_each_attempt() {
    let _alone = alone();
    let bus = Bus::builder().history(0).build().unwrap();
    let in_ages = Retry::times(NonZeroU32::MIN).base(Duration::MAX).cap(Duration::MAX);
    let guard = bus.on("job").unwrap().in_thread().retry(in_ages).subscribe(|_| unwind_with_a_payload()).unwrap();
    publish_event!(bus: &bus, "job");
    while guard.info().queue.unwrap().retried == 0 {
        std::thread::yield_now();
    }
    assert_eq!(drops(), 1, "the thread goes on waiting");
}

#[test]
fn p10_what_a_failure_hook_has_put_off_on_a_worker_is_dropped_after_it() {
    let _alone = alone();
    let bus = Bus::builder().history(0).on_failure(|_| unwind_with_a_payload()).build().unwrap();
    let guard = bus.on("job").unwrap().in_thread().try_subscribe(|_| Err("no".into())).unwrap();
    publish_event!(bus: &bus, "job");
    bus.wait_idle(Duration::from_secs(60)).unwrap();
    assert_eq!((guard.info().failed, drops()), (1, 1));
}

#[test]
fn p10_what_was_put_off_is_dropped_when_the_thread_ends() {
    let _alone = alone();
    let bus = full();
    let there = bus.clone();
    let thread = std::thread::spawn(move || {
        IN_HOOK.set(Some(Box::new(move || evict(&there, 5))));
        panic!("ordered: the end");
    });
    assert!(thread.join().is_err());
    assert_eq!(drops(), 5);
    bus.reset();
}

#[test]
fn p10_what_unwinding_evicts_is_dropped_afterwards() {
    struct AtDrop(Bus);
    impl Drop for AtDrop {
        fn drop(&mut self) {
            evict(&self.0, 5);
            assert_eq!(drops(), 0);
        }
    }
    let _alone = alone();
    let bus = full();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _at_drop = AtDrop(bus.clone());
        panic!("ordered: unwinding");
    }));
    assert!(unwound.is_err());
    bus.reset();
    assert_eq!(drops(), RING as u64);
}

/// So many wait on a thread.
const MOST: u64 = 4096;

#[test]
fn p10_what_is_too_much_to_wait_is_forgotten_and_counted() {
    let _alone = alone();
    let forgotten = || Bus::new().stats().totals.forgotten_panics;
    let before = forgotten();
    let buses: Vec<_> = (0..5).map(|_| full()).collect();
    let there = buses.clone();
    through_the_hook(move || there.iter().for_each(|bus| evict(bus, RING)));
    let all = 5 * RING as u64;
    assert_eq!((drops(), forgotten() - before), (0, all - MOST));
    // The next payload takes them along.
    let bus = Bus::new();
    bus.publish(Armed);
    bus.reset();
    assert_eq!((drops(), forgotten() - before), (MOST + 1, all - MOST));
}

/// The black box reads the history, and meanwhile somebody else evicts all of it: it is the last to hold the payloads.
#[cfg(all(feature = "serde", feature = "inject"))]
#[test]
fn p10_the_black_box_may_be_the_last_to_hold_an_event() {
    let _alone = alone();
    let path = std::env::temp_dir().join(format!("ringbus-box-last-{}", std::process::id()));
    let bus = full();
    bus.on_panic_dump(&path).unwrap();
    thread_local! {
        static EVICTS: RefCell<Option<Bus>> = const { RefCell::new(None) };
    }
    let installed = ringbus::__inject::set_step_hook(Box::new(|step| {
        if step == "dump.read" {
            if let Some(bus) = EVICTS.take() {
                std::thread::spawn(move || evict(&bus, RING)).join().unwrap();
                assert_eq!(drops(), 0, "the dump holds them");
            }
        }
    }));
    assert!(installed);
    EVICTS.set(Some(bus.clone()));
    assert!(catch_unwind(|| panic!("ordered: dumped")).is_err());
    assert!(EVICTS.take().is_none());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("p10.armed").count(), RING);
    assert_eq!(drops(), 0);
    drop(bus.publish(Armed));
    bus.reset();
    assert_eq!(drops(), RING as u64 + 1);
    // The panics of their drops ran through the hook too; from here on there is no bus to dump.
    drop(bus);
    std::fs::remove_file(&path).unwrap();
}
