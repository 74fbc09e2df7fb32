//! Ends that are asked for on the very thread that async handlers, or those who wait for them, need to get on: they do not
//! wait there, and what was to be handled is handled (P6, P8).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/suspended.rs"]
mod suspended;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringbus::{Bus, CloseError, Overflow, Subscription, publish_event};
use suspended::suspended;
use tokio::runtime::{Builder, Runtime};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// At which somebody gives up who waits in vain.
const LIMIT: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Has the runtime's tasks run until so much has been delivered.
async fn delivered(guard: &Subscription, count: u64) {
    let deadline = Instant::now() + LONG;
    while guard.info().delivered < count {
        assert!(Instant::now() < deadline, "{}", guard.info());
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_second_shutdown_does_not_keep_the_first_from_its_end() {
    let (bus, runtime) = (Bus::new(), runtime());
    let guard = runtime.block_on(async { bus.subscribe_async(|_| suspended(1)) }).unwrap();
    publish_event!(bus: &bus, "job");
    let first = thread::spawn({
        let bus = bus.clone();
        move || bus.shutdown(LIMIT)
    });
    // It has looked at the queue by then: what is handled before counts as drained by nobody.
    while guard.is_active() {
        thread::yield_now();
    }
    runtime.block_on(async {
        assert!(bus.shutdown(LONG).unfinished, "waited for who waits for this thread");
        delivered(&guard, 1).await;
        // For its end it needs the thread once more.
        assert!(bus.shutdown_async(LONG).await.is_complete());
    });
    let first = first.join().unwrap();
    assert!(first.is_complete() && first.drained() == 1, "{first}");
}

/// A handler on the runtime whose queue is full, and a publisher who waits for room there.
fn full(bus: &Bus, runtime: &Runtime, captured: Arc<()>) -> (Subscription, thread::JoinHandle<u32>) {
    let begun = runtime.block_on(async { bus.on("job").unwrap().in_tokio() }).unwrap();
    let begun = begun.capacity(1).when_full(Overflow::Block { up_to: LIMIT });
    let handler = move |_| {
        let captured = Arc::clone(&captured);
        async move {
            suspended(1).await;
            drop(captured);
        }
    };
    let guard = begun.subscribe(handler).unwrap();
    publish_event!(bus: bus, "job");
    let bus = bus.clone();
    let publisher = thread::spawn(move || publish_event!(bus: &bus, "job").enqueued);
    while guard.info().queue.unwrap().offered < 2 {
        thread::yield_now();
    }
    (guard, publisher)
}

#[test]
fn a_drain_does_not_wait_for_a_publisher_who_waits_for_room() {
    for closed in [true, false] {
        let (bus, runtime, captured) = (Bus::new(), runtime(), Arc::new(()));
        let (guard, publisher) = full(&bus, &runtime, Arc::clone(&captured));
        runtime.block_on(async {
            assert_eq!(guard.close_drained(LONG), Err(CloseError::OnExecutor));
            delivered(&guard, 2).await;
        });
        assert_eq!(publisher.join().unwrap(), 1);
        assert_eq!(guard.info().queue.unwrap().discarded, 0);
        // The queue has stayed open for that publisher. Now it ends: somebody waits for it, or the guard goes.
        if closed {
            assert_eq!(runtime.block_on(guard.close_async()), Ok(()));
        } else {
            drop(guard);
        }
        let deadline = Instant::now() + LONG;
        while Arc::strong_count(&captured) > 1 {
            assert!(Instant::now() < deadline, "the handler lives on");
            runtime.block_on(tokio::task::yield_now());
        }
    }
}

#[test]
fn a_drain_that_nobody_could_wait_for_ends_with_the_guard() {
    let (bus, runtime, captured) = (Bus::new(), runtime(), Arc::new(()));
    let (guard, publisher) = full(&bus, &runtime, Arc::clone(&captured));
    runtime.block_on(async {
        assert_eq!(guard.close_drained(LONG), Err(CloseError::OnExecutor));
        // While the publisher is certainly there: only this thread makes room.
        drop(guard);
        let deadline = Instant::now() + LONG;
        while Arc::strong_count(&captured) > 1 {
            assert!(Instant::now() < deadline, "the handler lives on");
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(publisher.join().unwrap(), 1);
}

#[test]
fn a_shutdown_does_not_wait_for_a_publisher_who_waits_for_room() {
    let (bus, runtime, captured) = (Bus::new(), runtime(), Arc::new(()));
    let (guard, publisher) = full(&bus, &runtime, Arc::clone(&captured));
    runtime.block_on(async {
        assert!(bus.shutdown(LONG).unfinished);
        delivered(&guard, 2).await;
        assert_eq!(publisher.join().unwrap(), 1);
        let report = bus.shutdown_async(LONG).await;
        assert!(report.is_complete() && report.drained() == 2, "{report}");
    });
    assert_eq!(Arc::strong_count(&captured), 1);
}
