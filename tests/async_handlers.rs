//! Async handlers, on tokio and on executors of one's own; streams; waiting and ending without holding up a thread (P4,
//! P8).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/suspended.rs"]
mod suspended;

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use by_hand::{by_hand, woken};
use ringbus::{
    Bus, CloseError, Event, EventStream, ExpectError, HandlerErrorCause, Lagged, Outcome, QueueError, Retry,
    Subscription, publish_event,
};
use suspended::suspended;
use tokio::sync::{Notify, Semaphore};

const LONG: Duration = Duration::from_secs(60);

fn n(event: &Event) -> i64 {
    event.get("n").and_then(ringbus::Value::as_i64).unwrap()
}

async fn next(stream: &mut EventStream) -> Option<Result<i64, Lagged>> {
    stream.next().await.map(|item| item.map(|event| n(&event)))
}

#[tokio::test]
async fn a_publisher_goes_on_while_the_handler_awaits() {
    let bus = Bus::new();
    let (go, handled) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (may, list) = (Arc::clone(&go), Arc::clone(&handled));
    let guard = bus
        .subscribe_async(move |event| {
            let (may, list) = (Arc::clone(&may), Arc::clone(&list));
            async move {
                may.acquire().await.unwrap().forget();
                list.lock().unwrap().push(n(&event));
            }
        })
        .unwrap();
    for n in 0..5 {
        assert_eq!(publish_event!(bus: &bus, "job", n).enqueued, 1);
    }
    tokio::task::yield_now().await;
    assert!(handled.lock().unwrap().is_empty());
    go.add_permits(5);
    guard.close_async().await.unwrap();
    assert_eq!(*handled.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!((guard.info().delivered, bus.stats().totals.delivered), (5, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_events_at_once_where_order_does_not_matter() {
    let bus = Bus::new();
    let meet = Arc::new(tokio::sync::Barrier::new(4));
    let at = Arc::clone(&meet);
    let guard = bus.on("job").unwrap().in_tokio().unwrap().concurrency(4).subscribe(move |_| {
        let at = Arc::clone(&at);
        async move {
            at.wait().await;
        }
    });
    let guard = guard.unwrap();
    (0..8).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    guard.close_async().await.unwrap();
    assert_eq!(guard.info().delivered, 8);
}

#[tokio::test]
async fn panics_and_errors_end_with_their_event() {
    let bus = Bus::new();
    let guard = bus
        .on("job")
        .unwrap()
        .in_tokio()
        .unwrap()
        .try_subscribe(|event| async move {
            tokio::task::yield_now().await;
            match n(&event) {
                0 => panic!("zero"),
                1 => Err("one".into()),
                _ => Ok(()),
            }
        })
        .unwrap();
    let of = |n: i64| Event::builder("job").field("n", n).build().unwrap();
    let zero = bus.publish_and_wait_async(of(0), LONG).await.unwrap();
    let one = bus.publish_and_wait_async(of(1), LONG).await.unwrap();
    let two = bus.publish_and_wait_async(of(2), LONG).await.unwrap();
    assert!(zero.errors[0].to_string().contains("panicked: zero on job"), "{zero:?}");
    assert!(one.errors[0].to_string().contains("failed: one on job"), "{one:?}");
    assert!(two.is_complete() && two.delivered == 1, "{two:?}");
    let info = guard.info();
    assert_eq!((info.delivered, info.failed, info.panicked), (1, 2, 1));
    assert_eq!(bus.dead_letters().len(), 2);
}

#[tokio::test]
async fn a_call_past_its_deadline_is_dropped_and_tried_again() {
    let bus = Bus::new();
    let (tried, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, most) = (Arc::clone(&tried), Arc::clone(&alive));
    let token = Arc::new(());
    let queue = bus.on("job").unwrap().in_tokio().unwrap();
    // On a busy machine those that do not stand still may be too late as well: the third is the first that can do it.
    let retry = Retry::times(NonZeroU32::new(20).unwrap()).base(Duration::from_millis(1)).cap(Duration::from_millis(9));
    let guard = queue
        .deadline(Duration::from_millis(5))
        .retry(retry)
        .subscribe(move |_| {
            let comes_through = count.fetch_add(1, Ordering::Relaxed) >= 2;
            // Beside the handler's own, each call holds one.
            most.fetch_max(Arc::strong_count(&token) - 1, Ordering::Relaxed);
            let token = Arc::clone(&token);
            async move {
                if !comes_through {
                    std::future::pending::<()>().await;
                }
                drop(token);
            }
        })
        .unwrap();
    let event = Event::builder("job").build().unwrap();
    let waited = bus.publish_and_wait_async(event, LONG).await.unwrap();
    assert!(waited.is_complete(), "{waited:?}");
    let (tried, retried) = (tried.load(Ordering::Relaxed) as u64, guard.info().queue.unwrap().retried);
    assert!(tried >= 3 && retried == tried - 1, "{tried} attempts, {retried} of them again");
    assert_eq!(alive.load(Ordering::Relaxed), 0, "calls of before at the beginning of one");
}

#[tokio::test]
async fn a_call_that_is_suspended_goes_on_until_its_deadline() {
    let bus = Bus::new();
    let _guard = bus.on("job").unwrap().in_tokio().unwrap().deadline(LONG).subscribe(|_| suspended(3)).unwrap();
    let waited = bus.publish_and_wait_async(Event::builder("job").build().unwrap(), LONG).await.unwrap();
    assert!(waited.is_complete(), "{waited:?}");
}

#[tokio::test]
async fn close_drops_what_is_suspended_and_counts_it() {
    let bus = Bus::new();
    let (token, begun) = (Arc::new(()), Arc::new(Notify::new()));
    let (held, begin) = (Arc::clone(&token), Arc::clone(&begun));
    let guard = bus
        .subscribe_async(move |_| {
            let (held, begin) = (Arc::clone(&held), Arc::clone(&begin));
            async move {
                begin.notify_one();
                std::future::pending::<()>().await;
                drop(held);
            }
        })
        .unwrap();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    begun.notified().await;
    assert_eq!(Arc::strong_count(&token), 3);
    guard.close().unwrap();
    assert_eq!(Arc::strong_count(&token), 1, "the future and the handler have been dropped");
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.discarded, queue.delivered, queue.running), (3, 0, 0));
}

#[tokio::test]
async fn waiting_on_the_runtimes_own_thread_is_an_error() {
    let bus = Bus::new();
    let guard = bus.subscribe_async(|_| async { tokio::task::yield_now().await }).unwrap();
    let event = || Event::builder("job").build().unwrap();
    bus.publish(event());
    // Also on a bus of which nobody knows yet whether a task of this runtime will have to handle the event.
    for bus in [&bus, &Bus::new()] {
        assert_eq!(bus.publish_and_wait(event(), None).unwrap_err(), ringbus::WaitError::NoLimit);
    }
    assert_eq!(guard.close_drained(LONG), Err(CloseError::OnExecutor));
    let report = bus.shutdown(LONG);
    assert!(report.unfinished && report.handlers.len() == 1, "what is still to be handled: {report}");
    guard.close_async().await.unwrap();
    assert_eq!(guard.info().delivered, 1, "it was drained all the same");
    assert!(bus.shutdown(LONG).is_complete(), "there is nothing left to be waited for");
}

#[test]
fn without_a_runtime_there_is_no_executor() {
    let bus = Bus::new();
    assert_eq!(bus.subscribe_async(|_| async {}).unwrap_err(), QueueError::NoExecutor);
    assert!(bus.subscriptions().is_empty());
}

/// A handler whose first call never ends, two events behind it, and word that it has begun.
fn never_ready(bus: &Bus, runtime: &tokio::runtime::Runtime) -> (Subscription, Receiver<()>) {
    let (send, begun) = channel();
    let _inside = runtime.enter();
    let handler = move |_| {
        send.send(()).unwrap();
        std::future::pending::<()>()
    };
    let guard = bus.subscribe_async(handler).unwrap();
    (0..3).for_each(|n| drop(publish_event!(bus: bus, "job", n)));
    (guard, begun)
}

#[test]
fn a_runtime_that_is_gone_leaves_nothing_uncounted() {
    let bus = Bus::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (guard, begun) = never_ready(&bus, &runtime);
    runtime.block_on(async { tokio::task::yield_now().await });
    begun.recv().unwrap();
    drop(runtime);
    (0..2).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.offered, queue.discarded, queue.waiting, queue.running), (5, 5, 0, 0));
    let report = bus.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    guard.close().unwrap();
}

#[test]
fn a_runtime_that_goes_while_a_shutdown_waits_lets_it_end() {
    let bus = Bus::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (guard, begun) = never_ready(&bus, &runtime);
    begun.recv().unwrap();
    let shutting = std::thread::spawn({
        let bus = bus.clone();
        move || bus.shutdown(LONG)
    });
    // It has looked at the queue by then: what is discarded before counts as abandoned by nobody.
    while guard.is_active() {
        std::thread::yield_now();
    }
    drop(runtime);
    let report = shutting.join().unwrap();
    assert_eq!((report.drained(), report.abandoned(), report.handlers[0].running), (0, 3, false), "{report}");
    assert!(!report.unfinished);
    assert_eq!(guard.info().queue.unwrap().discarded, 3);
}

#[test]
fn a_task_dropped_after_any_poll_loses_nothing_uncounted() {
    for polls in 0..12_u64 {
        let bus = Bus::new();
        let (executor, tasks) = by_hand();
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let guard = bus
            .on("job")
            .unwrap()
            .on_executor(executor)
            .subscribe(move |_| {
                let count = Arc::clone(&count);
                async move {
                    suspended(2).await;
                    count.fetch_add(1, Ordering::SeqCst);
                }
            })
            .unwrap();
        let mut task = tasks.recv().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        (0..2).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
        // Somebody waits for the third.
        let mut waits = pin!(bus.publish_and_wait_async(Event::builder("job").build().unwrap(), None));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        for _ in 0..polls {
            assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        }
        drop(task);
        let queue = guard.info().queue.unwrap();
        let delivered = done.load(Ordering::SeqCst) as u64;
        assert_eq!((queue.delivered, queue.discarded), (delivered, 3 - delivered), "after {polls} polls");
        assert_eq!((queue.waiting, queue.running), (0, 0));
        // Two polls end in the middle of an event; the one after that ends it, and begins the next.
        assert_eq!(delivered, (polls.max(1) - 1).min(6) / 2, "after {polls} polls");
        let Poll::Ready(Ok(waited)) = waits.poll(&mut cx) else { panic!("who waits is told, after {polls} polls") };
        let causes: Vec<_> = waited.errors.iter().map(|error| &error.cause).collect();
        let left: &[_] = if delivered == 3 { &[] } else { &[&HandlerErrorCause::NotHandled] };
        assert_eq!((causes, waited.delivered), (left.to_vec(), u32::from(delivered == 3)), "after {polls} polls");
    }
}

#[test]
fn a_sleeping_task_is_woken_once_for_an_event_and_not_polled_in_vain() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| async {}).unwrap();
    let mut task = tasks.recv().unwrap();
    let (woken, waker) = woken();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    assert_eq!(woken.times(), 0);
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    assert_eq!(woken.times(), 1, "the first one woke it");
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    assert_eq!(guard.info().delivered, 3);
    drop(guard);
    assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
}

#[test]
fn a_task_whose_call_is_suspended_learns_that_it_is_over() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| std::future::pending()).unwrap();
    let mut task = tasks.recv().unwrap();
    let (woken, waker) = woken();
    let mut cx = Context::from_waker(&waker);
    publish_event!(bus: &bus, "job");
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    assert_eq!(woken.times(), 0);
    guard.close().unwrap();
    assert_eq!(woken.times(), 1);
    assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
}

#[tokio::test]
async fn a_stream_yields_events_and_what_it_has_lost() {
    let bus = Bus::new();
    let mut stream = bus.on("job").unwrap().queued().capacity(3).stream().unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    assert_eq!(next(&mut stream).await, Some(Err(Lagged(2))));
    for n in 2..5 {
        assert_eq!(next(&mut stream).await, Some(Ok(n)));
    }
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { drop(publish_event!(bus: &bus, "job", n = 7)) }
    });
    assert_eq!(next(&mut stream).await, Some(Ok(7)));
    publisher.await.unwrap();
    drop(bus);
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn what_is_expected_comes_or_the_time_is_up() {
    let bus = Bus::new();
    let expected = bus.expecting("job").unwrap();
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { drop(publish_event!(bus: &bus, "job", n = 7)) }
    });
    assert_eq!(n(&expected.within_async(LONG).await.unwrap()), 7);
    publisher.await.unwrap();
    let brief = Duration::from_millis(1);
    let error = bus.expecting("job").unwrap().within_async(brief).await.unwrap_err();
    assert_eq!(error, ExpectError::TimedOut { after: brief });
    assert!(bus.subscriptions().is_empty());
}

#[tokio::test]
async fn past_the_limit_those_are_told_that_run() {
    let bus = Bus::new();
    let _slow = bus.on("job").unwrap().named("slow").in_tokio().unwrap().subscribe(|_| std::future::pending());
    let event = Event::builder("job").build().unwrap();
    let waited = bus.publish_and_wait_async(event, Duration::from_millis(5)).await.unwrap();
    assert_eq!(waited.running[0].name.as_deref(), Some("slow"));
}

#[tokio::test]
async fn a_shutdown_drains_async_handlers() {
    let bus = Bus::new();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    bus.subscribe_async(move |_| {
        let count = Arc::clone(&count);
        async move {
            suspended(3).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .unwrap()
    .detach();
    (0..100).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    let shutting = bus.shutdown_async(LONG);
    assert_eq!(publish_event!(bus: &bus, "job", n = 1).outcome, Outcome::ShutDown, "it has begun");
    let report = shutting.await;
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.drained(), handled.load(Ordering::SeqCst)), (100, 100));
    assert_eq!(publish_event!(bus: &bus, "job", n = 1).outcome, Outcome::ShutDown);
}

#[tokio::test]
async fn closing_and_shutting_down_begin_before_anybody_awaits() {
    let bus = Bus::new();
    let guard = bus.subscribe_async(|_| async {}).unwrap();
    assert_eq!(publish_event!(bus: &bus, "job", n = 0).enqueued, 1);
    let closing = guard.close_async();
    assert!(!guard.is_active());
    assert_eq!(publish_event!(bus: &bus, "job", n = 1).enqueued, 0);
    closing.await.unwrap();
    assert_eq!(guard.info().delivered, 1);
    let shutting = bus.shutdown_async(LONG);
    assert_eq!(publish_event!(bus: &bus, "job", n = 2).outcome, Outcome::ShutDown);
    assert!(shutting.await.is_complete());
}

#[tokio::test]
async fn a_handler_that_closes_itself_does_not_wait_for_itself() {
    let bus = Bus::new();
    let own: Arc<Mutex<Option<ringbus::Subscription>>> = Arc::default();
    let (send, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let inner = Arc::clone(&own);
    let guard = bus
        .subscribe_async(move |_| {
            let own = inner.lock().unwrap().take();
            let send = send.clone();
            async move {
                if let Some(own) = own {
                    send.send(own.close_async().await).unwrap();
                }
            }
        })
        .unwrap();
    *own.lock().unwrap() = Some(guard);
    publish_event!(bus: &bus, "job");
    assert_eq!(seen.recv().await.unwrap(), Err(CloseError::InsideHandler));
}

#[tokio::test]
async fn causes_go_across_queues_and_await_points() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let _first = bus
        .on("first")
        .unwrap()
        .in_tokio()
        .unwrap()
        .subscribe(move |_| {
            let weak = weak.clone();
            async move {
                suspended(2).await;
                publish_event!(bus: &weak.upgrade().unwrap(), "second");
            }
        })
        .unwrap();
    let root = Event::builder("first").correlation_id("req-7").build().unwrap();
    let waited = bus.publish_and_wait_async(root.clone(), LONG).await.unwrap();
    assert!(waited.is_complete());
    let second = &bus.recent(1)[0];
    assert_eq!((second.kind().as_str(), second.cause(), second.hops()), ("second", Some(root.id()), 1));
    assert_eq!(second.correlation_id(), Some("req-7"));
}

#[tokio::test]
async fn what_a_function_makes_of_an_event_is_what_an_async_handler_takes() {
    let bus = Bus::new();
    let odd = |event: &Event| event.get("n")?.as_i64().filter(|n| n % 2 == 1);
    let (send, mut got) = tokio::sync::mpsc::unbounded_channel();
    let on = || bus.on("job").unwrap().in_tokio().unwrap().concurrency(2);
    let sent = on().filter_map(odd).subscribe(move |n| {
        let send = send.clone();
        async move { send.send(n).unwrap() }
    });
    let kinds = on().map(|event| event.kind().to_string()).try_subscribe(|kind| async move {
        tokio::task::yield_now().await;
        if kind == "job" { Err("no".into()) } else { Ok(()) }
    });
    let unmade = on().map(|_| -> u32 { panic!("ordered: made of nothing") }).subscribe(|_| async {});
    let guards = [sent, kinds, unmade].map(Result::unwrap);
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    bus.wait_idle_async(LONG).await.unwrap();
    let mut odds = [got.recv().await, got.recv().await];
    odds.sort_unstable();
    assert_eq!(odds, [Some(1), Some(3)]);
    let counts = guards.each_ref().map(|guard| {
        let queue = guard.info().queue.unwrap();
        (queue.delivered, queue.failed, queue.skipped)
    });
    assert_eq!(counts, [(2, 0, 3), (0, 5, 0), (0, 5, 0)]);
}
