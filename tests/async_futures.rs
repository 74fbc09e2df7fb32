//! The bus's futures, polled by hand: who waits is woken when there is something for it and not before, no wait is for
//! oneself, and what has begun goes on where the future is dropped (P6, P9).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/held.rs"]
mod held;
#[path = "support/suspended.rs"]
mod suspended;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use by_hand::{by_hand, woken};
use futures_core::Stream;
use held::{Held, LONG, held, publish};
use ringbus::{Bus, Event, Outcome, Subscription, WaitError, publish_event};
use suspended::suspended;

fn event(kind: &str) -> Event {
    Event::builder(kind).build().unwrap()
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn what_is_awaited_may_go_to_other_threads() {
    fn send(_: impl Send) {}
    let bus = Bus::new();
    let guard = bus.subscribe(|_| {});
    send(bus.publish_and_wait_async(event("job"), LONG));
    send(bus.expecting("job").unwrap().within_async(LONG));
    send(bus.stream("job").unwrap().next());
    send(bus.wait_idle_async(LONG));
    send(guard.close_async());
    send(guard.close_drained_async(LONG));
    send(bus.shutdown_async(LONG));
}

// === wake-ups ===

#[test]
fn a_stream_is_woken_once_for_what_comes_and_not_polled_in_vain() {
    let bus = Bus::new();
    let mut jobs = bus.stream("job").unwrap();
    let ((first, waker), (second, another)) = (woken(), woken());
    let mut next = |waker| Pin::new(&mut jobs).poll_next(&mut Context::from_waker(waker));
    assert!(next(&waker).is_pending());
    assert_eq!(first.times(), 0);
    publish(&bus, 3);
    assert_eq!(first.times(), 1, "the first one woke it");
    for _ in 0..3 {
        assert!(matches!(next(&waker), Poll::Ready(Some(Ok(_)))));
    }
    assert!(next(&waker).is_pending());
    assert_eq!(first.times(), 1);
    assert!(next(&another).is_pending());
    publish(&bus, 1);
    assert_eq!((first.times(), second.times()), (1, 1), "who polled last is woken");
}

#[test]
fn who_waits_is_woken_when_it_is_over_and_not_before() {
    for limit in [Duration::MAX, LONG] {
        let bus = Bus::new();
        let (executor, tasks) = by_hand();
        let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| suspended(1)).unwrap();
        let mut task = tasks.recv().unwrap();
        let mut work = || assert!(poll(Pin::new(&mut task), Waker::noop()).is_pending());
        let ((of_event, event_waker), (of_idle, idle_waker)) = (woken(), woken());
        let mut waits = pin!(bus.publish_and_wait_async(event("job"), limit));
        let mut idles = pin!(bus.wait_idle_async(limit));
        for _ in 0..2 {
            assert!(poll(waits.as_mut(), &event_waker).is_pending());
            assert!(poll(idles.as_mut(), &idle_waker).is_pending());
            assert_eq!((of_event.times(), of_idle.times(), guard.info().delivered), (0, 0, 0));
            work();
        }
        assert_eq!((of_event.times(), of_idle.times(), guard.info().delivered), (1, 1, 1));
        let Poll::Ready(Ok(waited)) = poll(waits, &event_waker) else { panic!("it is over") };
        assert!(waited.is_complete(), "{waited:?}");
        assert!(matches!(poll(idles, &idle_waker), Poll::Ready(Ok(()))));
    }
}

#[test]
fn who_waits_for_all_is_not_woken_by_the_first() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| suspended(1)).unwrap();
    let mut task = tasks.recv().unwrap();
    publish(&bus, 2);
    let (of_idle, waker) = woken();
    let mut idles = pin!(bus.wait_idle_async(LONG));
    assert!(poll(idles.as_mut(), &waker).is_pending());
    for (delivered, woken) in [(0, 0), (1, 0), (2, 1)] {
        assert!(poll(Pin::new(&mut task), Waker::noop()).is_pending());
        assert_eq!((guard.info().delivered, of_idle.times()), (delivered, woken));
    }
    assert!(matches!(poll(idles, &waker), Poll::Ready(Ok(()))));
}

// === no wait for oneself ===

#[tokio::test]
async fn inside_an_async_handler_a_wait_for_an_event_needs_a_limit() {
    let bus = Bus::new();
    let inner = bus.on("inner").unwrap().in_thread().subscribe(|_| {}).unwrap();
    let (send, mut told) = tokio::sync::mpsc::unbounded_channel();
    let weak = bus.downgrade();
    let outer = bus.on("outer").unwrap().in_tokio().unwrap().subscribe(move |_| {
        let (send, bus) = (send.clone(), weak.upgrade().unwrap());
        async move {
            suspended(2).await;
            let without = bus.publish_and_wait_async(event("inner"), None).await;
            let published = bus.stats().totals.published;
            let with = bus.publish_and_wait_async(event("inner"), LONG).await;
            send.send((without.map(drop), published, with)).unwrap();
        }
    });
    // Here nobody waits for this one.
    let waited = bus.publish_and_wait_async(event("outer"), None).await.unwrap();
    assert!(waited.is_complete() && waited.delivered == 1, "{waited:?}");
    let (without, published, with) = told.recv().await.unwrap();
    assert_eq!((without, published), (Err(WaitError::NoLimit), 1));
    assert!(with.unwrap().is_complete());
    assert_eq!((inner.info().delivered, outer.unwrap().info().delivered), (1, 1));
}

// === futures that are dropped ===

/// A handler that stands in the first of its calls, and `waiting` events behind that one.
fn busy(waiting: usize) -> (Bus, Subscription, Held) {
    let bus = Bus::new();
    let (held, handler) = held();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 1 + waiting);
    held.begun.recv().unwrap();
    (bus, guard, held)
}

/// Polls it so often, in vain, and drops it.
fn drop_after(polls: usize, future: impl Future) {
    let mut future = pin!(future);
    for _ in 0..polls {
        assert!(poll(future.as_mut(), Waker::noop()).is_pending());
    }
}

#[test]
fn a_close_that_nobody_awaits_goes_on() {
    for (polls, limited) in [(0, false), (1, false), (0, true), (1, true)] {
        let (bus, guard, Held { begun, go }) = busy(2);
        if limited {
            drop_after(polls, guard.close_drained_async(LONG));
        } else {
            drop_after(polls, guard.close_async());
        }
        assert!(!guard.is_active());
        assert_eq!(publish_event!(bus: &bus, "job").enqueued, 0);
        drop(go);
        let calls = [(); 3].map(|()| begun.recv_timeout(LONG));
        assert_eq!(calls, [Ok(()), Ok(()), Err(RecvTimeoutError::Disconnected)], "and then the handler is dropped");
        assert_eq!(guard.info().delivered, 3);
    }
}

#[test]
fn a_shutdown_that_nobody_awaits_goes_on() {
    for polls in 0..2 {
        let (bus, guard, Held { begun, go }) = busy(2);
        drop_after(polls, bus.shutdown_async(LONG));
        assert_eq!(publish_event!(bus: &bus, "job").outcome, Outcome::ShutDown);
        drop(go);
        let calls = [(); 3].map(|()| begun.recv_timeout(LONG));
        assert_eq!(calls, [Ok(()), Ok(()), Err(RecvTimeoutError::Disconnected)], "and then the handler is dropped");
        let report = bus.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.drained(), guard.info().delivered), (3, 3));
    }
}

#[test]
fn a_wait_that_is_dropped_leaves_the_handlers_to_go_on() {
    for limit in [None, Some(LONG)] {
        let (bus, guard, held) = busy(1);
        drop_after(0, bus.publish_and_wait_async(event("job"), limit));
        assert_eq!(bus.stats().totals.published, 2, "it publishes when it is polled");
        let (woken, waker) = woken();
        let mut waits = Box::pin(bus.publish_and_wait_async(event("job"), limit));
        assert!(poll(waits.as_mut(), &waker).is_pending());
        drop(waits);
        assert_eq!(Arc::strong_count(&woken), 2, "nobody keeps its waker");
        drop(held.go);
        bus.wait_idle(LONG).unwrap();
        assert_eq!((guard.info().delivered, woken.times()), (3, 0));
    }
}
