//! Executors that drop tasks, refuse them or panic, and wakers that do: nothing is lost, and nobody waits in vain (P4, P8).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/by_hand.rs"]
mod by_hand;

use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use by_hand::{ByHand, Woken, by_hand, woken};
use ringbus::{
    BoxError, Bus, CloseError, Event, FieldReader, FieldWriter, HandlerErrorCause, Payload, QueueError, Reentrancy,
    Retry, Spawn, Subscription, Task, WeakBus, current, publish_event,
};

const LONG: Duration = Duration::from_secs(60);

fn poll(task: &mut Task, waker: &Waker) -> Poll<()> {
    Pin::new(task).poll(&mut Context::from_waker(waker))
}

/// Panics when it wakes.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// A waker that cannot be cloned.
fn unclonable() -> Waker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(|_| panic!("cloned"), |_| {}, |_| {}, |_| {});
    // SAFETY: nothing is behind the pointer, and nothing of it is used.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

/// Two workers of one handler: the first sleeps with a waker that panics.
fn beside_a_bomb(bus: &Bus) -> (Subscription, [Task; 2], Arc<Woken>, Waker) {
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).concurrency(2).subscribe(|_| async {}).unwrap();
    let mut both = [tasks.recv().unwrap(), tasks.recv().unwrap()];
    let (woken, waker) = woken();
    assert!(poll(&mut both[0], &Arc::new(Bomb).into()).is_pending());
    assert!(poll(&mut both[1], &waker).is_pending());
    (guard, both, woken, waker)
}

#[test]
fn an_event_wakes_another_worker_where_the_waker_of_the_first_panics() {
    let bus = Bus::new();
    let (guard, mut tasks, woken, waker) = beside_a_bomb(&bus);
    publish_event!(bus: &bus, "job");
    assert_eq!(woken.times(), 1);
    assert!(poll(&mut tasks[1], &waker).is_pending());
    assert_eq!(guard.info().delivered, 1);
}

#[test]
fn the_end_of_a_queue_wakes_those_behind_a_waker_that_panics() {
    let bus = Bus::new();
    let (guard, mut tasks, woken, waker) = beside_a_bomb(&bus);
    let _end = bus.on("end").unwrap().subscribe(move |_| {
        // Begins to drain, and does not wait.
        assert_eq!(guard.close_drained(LONG), Err(CloseError::InsideHandler));
    });
    assert_eq!(publish_event!(bus: &bus, "end").delivered, 1);
    assert_eq!(woken.times(), 1);
    assert!(poll(&mut tasks[1], &waker).is_ready());
}

#[test]
fn a_worker_whose_waker_cannot_be_cloned_asks_to_be_polled_again() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| async {}).unwrap();
    let mut task = tasks.recv().unwrap();
    let waker = unclonable();
    assert!(poll(&mut task, &waker).is_pending());
    publish_event!(bus: &bus, "job");
    assert!(poll(&mut task, &waker).is_pending());
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.waiting, queue.running), (1, 0, 0));
    guard.close_timeout(LONG).unwrap();
    assert!(poll(&mut task, &waker).is_ready());
}

/// Drops what it is to run.
struct Refusing;

impl Spawn for Refusing {
    fn spawn(&self, task: Task) {
        drop(task);
    }
}

#[test]
fn an_executor_that_drops_all_tasks_at_once_is_an_error() {
    let bus = Bus::new();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let queue = bus.on("job").unwrap().on_executor(Refusing).concurrency(3);
    let refused = queue.subscribe(move |_| {
        let held = Arc::clone(&held);
        async move { drop(held) }
    });
    let error = refused.unwrap_err();
    assert_eq!(error, QueueError::NotRun);
    assert_eq!(error.to_string(), "the executor has dropped the handler's tasks: it may have ended");
    assert_eq!(Arc::strong_count(&token), 1, "the handler is gone");
    assert!(bus.subscriptions().is_empty());

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _inside = handle.enter();
    assert_eq!(bus.subscribe_async(|_| async {}).unwrap_err(), QueueError::NotRun);
}

/// Has room for so many tasks, and panics then.
struct Full(AtomicUsize, ByHand);

impl Spawn for Full {
    fn spawn(&self, task: Task) {
        let left = self.0.load(Ordering::SeqCst);
        assert_ne!(left, 0, "full");
        self.0.store(left - 1, Ordering::SeqCst);
        self.1.spawn(task);
    }
}

#[test]
fn an_executor_that_panics_leaves_no_task_pending() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let full = Full(AtomicUsize::new(2), executor);
    let queue = bus.on("job").unwrap().on_executor(full).concurrency(3);
    let panic = catch_unwind(AssertUnwindSafe(|| queue.subscribe(|_| async {}))).unwrap_err();
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("full")));
    assert!(bus.subscriptions().is_empty());
    let (_, waker) = woken();
    let mut ended = 0;
    for mut task in tasks.try_iter() {
        assert!(poll(&mut task, &waker).is_ready());
        ended += 1;
    }
    assert_eq!(ended, 2);
}

/// Takes more than this time since then.
fn spin(since: Instant, time: Duration) {
    while since.elapsed() <= time {
        std::hint::spin_loop();
    }
}

/// A handler's one attempt is suspended once, and takes longer than it may before that or after it: it fails.
fn late(before: bool) {
    let allowed = Duration::from_millis(5);
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    let queue = bus.on("job").unwrap().on_executor(executor).deadline(allowed);
    let guard = queue.subscribe(move |_| {
        let (count, mut begun) = (Arc::clone(&count), None);
        poll_fn(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let first = begun.is_none();
            let since = *begun.get_or_insert_with(Instant::now);
            if first == before {
                // Of the clocks that an attempt is measured by, the one that says less counts.
                spin(since, 2 * allowed);
            }
            if first { Poll::Pending } else { Poll::Ready(()) }
        })
    });
    let guard = guard.unwrap();
    let mut task = tasks.recv().unwrap();
    let (_, waker) = woken();
    publish_event!(bus: &bus, "job");
    for _ in 0..2 {
        assert!(poll(&mut task, &waker).is_pending());
    }
    assert!((1..=2).contains(&polls.load(Ordering::SeqCst)));
    assert_eq!((guard.info().delivered, guard.info().failed), (0, 1));
    let cause = bus.dead_letters().remove(0).cause;
    assert_eq!(cause, HandlerErrorCause::Error("not done within 5ms".into()));
}

#[test]
fn an_event_for_an_executor_that_is_gone_is_not_handled() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let guard = bus.on("job").unwrap().on_executor(executor).subscribe(|_| async {}).unwrap();
    drop(tasks);
    let waited = bus.publish_and_wait(Event::builder("job").build().unwrap(), None).unwrap();
    assert_eq!((waited.errors.len(), waited.is_complete()), (1, false), "{waited:?}");
    assert_eq!((waited.errors[0].subscription, &waited.errors[0].cause), (guard.id(), &HandlerErrorCause::NotHandled));
    assert_eq!(guard.info().queue.unwrap().discarded, 1);
}

/// An executor that needs the thread that has made it.
struct Here(ThreadId, ByHand);

impl Spawn for Here {
    fn spawn(&self, task: Task) {
        self.1.spawn(task);
    }

    fn is_current(&self) -> bool {
        thread::current().id() == self.0
    }
}

/// Subscribes when it is dropped, which is when another event takes its place in the history.
struct Subscribes(WeakBus, Mutex<Option<Here>>);

impl Payload for Subscribes {
    const KIND: &'static str = "async.subscribes";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

impl Drop for Subscribes {
    fn drop(&mut self) {
        let executor = self.1.lock().unwrap().take().unwrap();
        let bus = self.0.upgrade().unwrap();
        bus.on("job").unwrap().on_executor(executor).subscribe(|_| async {}).unwrap().detach();
    }
}

#[test]
fn nobody_waits_for_a_task_that_needs_its_own_thread_and_came_during_the_publish() {
    let (send, result) = channel();
    let waits = move || {
        // One that reads its table after such a drop, whatever the table.
        let bus = Bus::builder().history(1).shards(1).reentrancy(Reentrancy::Deferred).build().unwrap();
        let (executor, tasks) = by_hand();
        let executor = Here(thread::current().id(), executor);
        bus.publish(Subscribes(bus.downgrade(), Mutex::new(Some(executor))));
        let (waited, mut task) = loop {
            let waited = bus.publish_and_wait(Event::builder("job").build().unwrap(), None).unwrap();
            if let Ok(task) = tasks.try_recv() {
                break (waited, task);
            }
        };
        assert!(poll(&mut task, Waker::noop()).is_pending());
        let _ = send.send((waited.running.len(), waited.errors.len(), bus.stats().totals.delivered));
    };
    thread::spawn(waits);
    assert_eq!(result.recv_timeout(LONG), Ok((1, 0, 1)), "or it waits for itself, for ever");
}

#[test]
fn a_close_does_not_wait_on_a_thread_that_the_task_needs() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let ((begin, begun), (go, may_go)) = (channel(), channel::<()>());
    let may_go = Mutex::new(may_go);
    let queue = bus.on("job").unwrap().on_executor(Here(thread::current().id(), executor));
    let guard = queue.subscribe(move |_| {
        begin.send(()).unwrap();
        let _ = may_go.lock().unwrap().recv();
        async {}
    });
    let (guard, mut task) = (guard.unwrap(), tasks.recv().unwrap());
    publish_event!(bus: &bus, "job");
    thread::scope(|scope| {
        let polling = scope.spawn(|| poll(&mut task, Waker::noop()));
        // Dropped when a check fails, too.
        let go = go;
        begun.recv().unwrap();
        // With a limit first: a wait would come to its end.
        assert_eq!(guard.close_timeout(Duration::from_secs(5)), Err(CloseError::OnExecutor));
        assert_eq!(guard.close(), Err(CloseError::OnExecutor));
        assert!(!guard.is_active());
        drop(go);
        assert!(polling.join().unwrap().is_ready());
    });
    assert_eq!(guard.close(), Ok(()));
}

#[test]
fn an_attempts_time_begins_with_its_first_poll() {
    late(true);
}

#[test]
fn an_async_attempt_that_ends_late_has_failed() {
    late(false);
}

/// A handler that fails, and its task.
fn failing(bus: &Bus, retry: Retry) -> (Subscription, Task) {
    let (executor, tasks) = by_hand();
    let queue = bus.on("job").unwrap().on_executor(executor).retry(retry);
    let guard = queue.try_subscribe(|_| async { Err::<(), BoxError>("no".into()) }).unwrap();
    publish_event!(bus: bus, "job");
    (guard, tasks.recv().unwrap())
}

#[test]
fn a_retry_that_waits_behind_a_waker_that_cannot_be_cloned_comes_all_the_same() {
    let (bus, waker) = (Bus::new(), unclonable());
    let retry = Retry::times(NonZeroU32::new(2).unwrap()).base(Duration::from_millis(1));
    let (guard, mut task) = failing(&bus, retry);
    while guard.info().queue.unwrap().failed == 0 {
        assert!(poll(&mut task, &waker).is_pending());
    }
    assert_eq!(guard.info().queue.unwrap().retried, 2);
}

#[test]
fn a_retry_behind_a_waker_that_cannot_be_cloned_does_not_come_before_its_time() {
    let (bus, waker) = (Bus::new(), unclonable());
    // It is drawn from centuries.
    let retry = Retry::times(NonZeroU32::new(2).unwrap()).base(Duration::MAX).cap(Duration::MAX);
    let (guard, mut task) = failing(&bus, retry);
    for _ in 0..100 {
        assert!(poll(&mut task, &waker).is_pending());
        let queue = guard.info().queue.unwrap();
        assert_eq!((queue.retried, queue.failed, queue.running), (1, 0, 1));
    }
}

/// Its answer whether this thread is one that its tasks need is a panic, once it is told so.
struct Unsure(ByHand, Arc<AtomicBool>);

impl Spawn for Unsure {
    fn spawn(&self, task: Task) {
        self.0.spawn(task);
    }

    fn is_current(&self) -> bool {
        assert!(!self.1.load(Ordering::SeqCst), "ordered: unsure");
        false
    }
}

#[test]
fn an_executor_that_panics_when_it_is_asked_is_not_waited_for() {
    let (executor, tasks) = by_hand();
    let (bus, unsure) = (Bus::new(), Arc::new(AtomicBool::new(false)));
    let queue = bus.on("job").unwrap().on_executor(Unsure(executor, Arc::clone(&unsure)));
    let guard = queue.subscribe(|_| async {}).unwrap();
    let mut task = tasks.recv().unwrap();
    publish_event!(bus: &bus, "job");
    unsure.store(true, Ordering::SeqCst);
    assert!(bus.wait_idle(LONG).unwrap_err().on_executor);
    let report = bus.shutdown(LONG);
    assert!(!report.is_complete(), "{report}");
    assert!(poll(&mut task, Waker::noop()).is_ready());
    // Nobody holds up whoever comes next.
    assert_eq!(bus.shutdown(LONG).handlers.len(), 1);
    guard.close().unwrap();
}

/// An executor whose drop panics, when that is told to.
struct Fragile(ByHand, Arc<AtomicBool>);

impl Spawn for Fragile {
    fn spawn(&self, task: Task) {
        self.0.spawn(task);
    }

    fn is_current(&self) -> bool {
        false
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
        panic!("ordered: dropped");
    }
}

/// The publisher is the last to read the table that the subscription was in, and so the one to drop all of it.
#[test]
fn an_executor_whose_drop_panics_does_not_reach_the_publisher() {
    let (executor, tasks) = by_hand();
    let (bus, dropped) = (Bus::new(), Arc::new(AtomicBool::new(false)));
    let queue = bus.on("job").unwrap().on_executor(Fragile(executor, Arc::clone(&dropped)));
    let guard = queue.subscribe(|_| async {}).unwrap();
    let task = tasks.recv().unwrap();
    let (enter, entered) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let held = bus.on("held").unwrap().subscribe(move |_| {
        enter.send(()).unwrap();
        let _ = may_go.lock().unwrap().recv();
    });
    thread::scope(|scope| {
        let publishing = scope.spawn(|| publish_event!(bus: &bus, "held"));
        entered.recv().unwrap();
        drop((guard, task));
        drop(go);
        assert_eq!(publishing.join().unwrap().delivered, 1);
    });
    drop(held);
    drop(bus);
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn one_executor_may_run_the_handlers_of_many_subscriptions() {
    let bus = Bus::new();
    let (executor, tasks) = by_hand();
    let executor: Arc<dyn Spawn> = Arc::new(Here(thread::current().id(), executor));
    let subscribe = || bus.on("job").unwrap().on_executor(Arc::clone(&executor)).subscribe(|_| async {}).unwrap();
    let both = [subscribe(), subscribe()];
    assert_eq!(both.map(|guard| guard.close_drained(LONG)), [Err(CloseError::OnExecutor), Err(CloseError::OnExecutor)]);
    assert_eq!(tasks.try_iter().count(), 2);
}

/// A handler to which a publisher is handing an event over from the first word until the second, and its worker.
fn handed_an_event(bus: &Bus) -> (Subscription, Task, Receiver<()>, Sender<()>) {
    let (executor, tasks) = by_hand();
    let ((begins, begun), (go, may_go)) = (channel(), channel::<()>());
    let may_go = Mutex::new(may_go);
    let slow = bus.on("job").unwrap().filter(move |_| {
        begins.send(()).unwrap();
        may_go.lock().unwrap().recv().is_ok()
    });
    (slow.on_executor(executor).subscribe(|_| async {}).unwrap(), tasks.recv().unwrap(), begun, go)
}

#[test]
fn a_guard_that_is_dropped_leaves_a_drain_under_way_its_course() {
    let bus = Bus::new();
    let (guard, mut task, begun, go) = handed_an_event(&bus);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_event!(bus: &bus, "job").enqueued);
        begun.recv().unwrap();
        let mut closing = std::pin::pin!(guard.close_async());
        drop(guard);
        let stays = poll(&mut task, Waker::noop()).is_pending();
        go.send(()).unwrap();
        assert_eq!(publisher.join().unwrap(), 1);
        assert!(stays, "what was being handed over was still to be handled");
        while poll(&mut task, Waker::noop()).is_pending() {
            thread::yield_now();
        }
        let closed = loop {
            match closing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(closed) => break closed,
                Poll::Pending => thread::yield_now(),
            }
        };
        assert_eq!(closed, Ok(()));
    });
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.discarded), (1, 0));
}

#[test]
fn a_guard_that_is_dropped_during_a_shutdown_that_cannot_wait_ends_its_worker() {
    let bus = Bus::new();
    let (guard, mut task, begun, go) = handed_an_event(&bus);
    // Dropped by the shutdown, when it has the first in hand.
    let _owner = bus.on("other").unwrap().subscribe(move |_| _ = &guard);
    let _ends = bus.on("end").unwrap().subscribe(|_| assert!(current().unwrap().shutdown(LONG).unfinished));
    thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_event!(bus: &bus, "job").enqueued);
        begun.recv().unwrap();
        assert_eq!(publish_event!(bus: &bus, "end").delivered, 1);
        let over = poll(&mut task, Waker::noop()).is_ready();
        go.send(()).unwrap();
        assert_eq!(publisher.join().unwrap(), 1);
        assert!(over, "the guard waits for nobody");
    });
    assert_eq!(bus.stats().totals.discarded, 1);
}
