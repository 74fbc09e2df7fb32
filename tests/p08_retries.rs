//! A handler that has failed waits before it is called again; any end ends the wait, and the event is counted (P8).
#![cfg(not(ringbus_loom))]

#[cfg(feature = "async")]
#[path = "support/by_hand.rs"]
mod by_hand;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ringbus::{Bus, QueueInfo, Retry, Subscription, publish_event};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// One more attempt, centuries from now: the wait is drawn, and one that is over before the test would be a wonder.
fn in_ages() -> Retry {
    Retry::times(NonZeroU32::MIN).base(Duration::MAX).cap(Duration::MAX)
}

fn queue(guard: &Subscription) -> QueueInfo {
    guard.info().queue.unwrap()
}

/// It was called once, and its event has come to nothing.
#[track_caller]
fn assert_discarded(guard: &Subscription, calls: &AtomicUsize) {
    let QueueInfo { delivered, failed, retried, discarded, waiting, running, .. } = queue(guard);
    assert_eq!((calls.load(Ordering::SeqCst), retried), (1, 1));
    assert_eq!((delivered, failed, discarded, waiting, running), (0, 0, 1, 0, 0));
}

thread_local! {
    /// Dropped at the thread's end.
    static UNTIL_THE_END: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
}

/// A handler in a thread that has failed and waits; how often it was called, and what its thread's end disconnects.
fn waits_in_thread(bus: &Bus) -> (Subscription, Arc<AtomicUsize>, Receiver<()>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (end, ended) = channel();
    let (count, mut end) = (Arc::clone(&calls), Some(end));
    let guard = bus.on("job").unwrap().in_thread().retry(in_ages()).try_subscribe(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        if let Some(end) = end.take() {
            UNTIL_THE_END.set(Some(end));
        }
        Err("no".into())
    });
    let guard = guard.unwrap();
    publish_event!(bus: bus, "job");
    while queue(&guard).retried == 0 {
        std::thread::yield_now();
    }
    (guard, calls, ended)
}

#[test]
fn a_close_ends_the_wait_before_a_retry() {
    let bus = Bus::new();
    let (guard, calls, ended) = waits_in_thread(&bus);
    assert_eq!(queue(&guard).running, 1);
    guard.close().unwrap();
    assert_discarded(&guard, &calls);
    assert_eq!(ended.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected), "its thread ends too");
}

#[test]
fn a_shutdown_past_its_limit_ends_the_wait_before_a_retry() {
    let bus = Bus::new();
    let (guard, calls, ended) = waits_in_thread(&bus);
    let report = bus.shutdown(Duration::ZERO);
    assert_eq!((report.drained(), report.is_complete()), (0, false), "{report}");
    assert_eq!(ended.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected), "its thread ends too");
    assert_discarded(&guard, &calls);
}

#[cfg(feature = "async")]
#[test]
fn a_task_that_waits_before_a_retry_makes_no_attempt_until_it_is_ended() {
    use by_hand::{by_hand, woken};
    use std::future::Future;
    use std::pin::Pin;
    use std::task::Context;

    for end in 0..3 {
        let bus = Bus::new();
        let (executor, tasks) = by_hand();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let guard = bus.on("job").unwrap().on_executor(executor).retry(in_ages()).try_subscribe(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Err("no".into()) }
        });
        let (guard, mut task) = (guard.unwrap(), tasks.recv().unwrap());
        publish_event!(bus: &bus, "job");
        let (woken, waker) = woken();
        let mut poll = || Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        for _ in 0..3 {
            assert!(poll().is_pending());
            let QueueInfo { retried, running, failed, .. } = queue(&guard);
            assert_eq!((calls.load(Ordering::SeqCst), retried, running, failed), (1, 1, 1, 0));
        }
        assert_eq!(woken.times(), 0, "nothing is to be done meanwhile");
        match end {
            0 => guard.close().unwrap(),
            1 => assert_eq!(bus.shutdown(Duration::ZERO).abandoned(), 1),
            _ => drop(task),
        }
        assert_discarded(&guard, &calls);
    }
}
