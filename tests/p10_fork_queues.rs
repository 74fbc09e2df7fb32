//! P10: forks while handlers with queues are at work, asleep, or on their way out: the child has none of their threads. Ends
//! and waits there come to their end, and each event is accounted for. In a process of its own.
//!
//! Not for the feature `reference-table`, as in `p10_fork_under_load`.
#![cfg(all(unix, not(ringbus_loom), not(feature = "reference-table")))]

#[cfg(feature = "async")]
#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/foreign.rs"]
mod foreign;
#[path = "support/forked.rs"]
mod forked;
#[path = "support/held.rs"]
mod held;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use foreign::{foreign, foreign_alone};
use forked::{code_of, fork, forked, leave};
use held::{LONG, held, publish};
use ringbus::{Bus, CloseError, Event, FieldReader, FieldWriter, Overflow, Payload, Subscription};

/// More than a child may take.
const FOREVER: Duration = Duration::from_secs(3600);

/// Whether each of so many events is accounted for; how many were delivered, and how many discarded.
fn ends(guard: &Subscription, offered: u64) -> Option<(u64, u64)> {
    let queue = guard.info().queue.unwrap();
    let ended = queue.delivered + queue.failed + queue.skipped + queue.kept_back + queue.dropped + queue.discarded;
    let all = (queue.offered, ended, queue.waiting, queue.running) == (offered, offered, 0, 0);
    all.then_some((queue.delivered, queue.discarded))
}

/// Ends a handler, or waits for it, in a child for each way to do so; the events that wait for it are discarded.
fn end_in_children(bus: &Bus, guard: &Subscription, offered: u64, delivered: u64) {
    let all_told = || ends(guard, offered) == Some((delivered, offered - delivered));
    let lost = offered - delivered;
    let drained = |closed| match closed {
        Err(CloseError::NotDrained { abandoned, running, .. }) => abandoned == lost && !running,
        closed => closed.is_ok() && lost == 0,
    };
    let ways: [&dyn Fn() -> bool; 6] = [
        &|| guard.close().is_ok() && all_told() && bus.wait_idle(FOREVER).is_ok(),
        &|| guard.close_timeout(FOREVER).is_ok() && all_told(),
        &|| drained(guard.close_drained(FOREVER)) && all_told(),
        &|| {
            let report = bus.shutdown(FOREVER);
            report.abandoned() == lost && report.handlers.iter().all(|end| !end.running) && all_told()
        },
        &|| bus.wait_idle(FOREVER).is_ok() && all_told() && guard.close().is_ok() && all_told(),
        &|| {
            // Nobody would ever handle what comes: it does not wait.
            let waited = bus.wait_idle(FOREVER).is_ok();
            publish(bus, 2);
            let more = if guard.is_active() { 2 } else { 0 };
            waited
                && ends(guard, offered + more) == Some((delivered, lost + more))
                && bus.shutdown(FOREVER).is_complete()
        },
    ];
    let failed: Vec<_> = (0..ways.len()).filter(|way| forked(|| i32::from(!ways[*way]())) != 0).collect();
    assert!(failed.is_empty(), "in these ways it is not right: {failed:?}");
}

#[test]
fn p10_a_child_does_not_wait_for_a_worker_that_was_at_work() {
    let bus = Bus::new();
    let (held, handler) = held();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 4);
    held.begun.recv().unwrap();
    end_in_children(&bus, &guard, 4, 0);
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
    guard.close_drained(LONG).unwrap();
    assert_eq!(ends(&guard, 4), Some((4, 0)), "the parent goes on");
}

/// Waits until all threads of this name sleep, which for a worker is its handler's, and there are so many at least: one that
/// is on its way there has a lock of the queue for a moment, and a child that was forked in that moment would wait for it.
#[cfg(target_os = "linux")]
fn wait_until_asleep(name: &str, threads: usize) {
    let is_asleep = |task: std::path::PathBuf| {
        let comm = std::fs::read_to_string(task.join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.join("stat")).ok()?;
        let state = stat.rsplit(") ").next()?;
        comm.trim_end().ends_with(&format!(":{name}")).then(|| state.starts_with('S'))
    };
    let all_sleep = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let states: Vec<bool> = tasks.filter_map(|task| is_asleep(task.unwrap().path())).collect();
        states.len() >= threads && !states.contains(&false)
    };
    // Twice: the first may have woken one that was seen asleep.
    while !all_sleep() || !all_sleep() {
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn p10_a_child_does_not_wait_for_workers_that_were_asleep() {
    let bus = Bus::new();
    let guard = bus.on("job").unwrap().named("asleep").in_pool(2).subscribe(|_| {}).unwrap();
    for n in 1..=20 {
        publish(&bus, 1);
        bus.wait_idle(LONG).unwrap();
        wait_until_asleep("asleep", 2);
        end_in_children(&bus, &guard, n, n);
        // What comes in the child waits there.
        let code = forked(|| {
            publish(&bus, 3);
            i32::from(bus.wait_idle(FOREVER).is_err()) + 2 * i32::from(ends(&guard, n + 3) != Some((n, 3)))
        });
        assert_eq!(code, 0, "1: not idle, 2: not accounted for");
    }
    guard.close_drained(LONG).unwrap();
    assert_eq!(ends(&guard, 20), Some((20, 0)));
}

#[test]
fn p10_a_child_knows_the_handlers_that_had_ended_before() {
    let bus = Bus::new();
    let guard = bus.on("job").unwrap().in_pool(2).subscribe(|_| {}).unwrap();
    publish(&bus, 1);
    guard.close_drained(LONG).unwrap();
    end_in_children(&bus, &guard, 1, 1);
}

/// An executor that the child goes on to run.
#[cfg(feature = "async")]
#[test]
fn p10_a_task_goes_on_in_a_child_that_polls_it() {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    let bus = Bus::new();
    let (executor, tasks) = by_hand::by_hand();
    let guard: Arc<OnceLock<Subscription>> = Arc::default();
    let (own, mut polls) = (Arc::clone(&guard), 0);
    let handler = move |event: Event| {
        // A look at its own queue, from inside.
        let last = event.get("last").map(|_| own.get().unwrap().close());
        assert!(last.is_none_or(|closed| closed == Err(CloseError::InsideHandler)));
        polls += 1;
        let mut waits = polls == 1;
        std::future::poll_fn(move |_| if std::mem::take(&mut waits) { Poll::Pending } else { Poll::Ready(()) })
    };
    let handler = Mutex::new(handler);
    let handler = move |event| handler.lock().unwrap()(event);
    let _ = guard.set(bus.on("job").unwrap().on_executor(executor).subscribe(handler).unwrap());
    let guard = guard.get().unwrap();
    let mut task = tasks.recv().unwrap();
    let mut poll = move || std::pin::pin!(&mut task).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    publish(&bus, 2);
    assert!(!poll(), "the first event is suspended");
    let mut looks_before = |looks: bool| {
        forked(|| {
            // Who could tell that nobody polls it?
            let waits = !looks || bus.wait_idle(Duration::ZERO).is_err();
            let handled = !looks || !poll() && bus.wait_idle(FOREVER).is_ok() && ends(guard, 2) == Some((2, 0));
            ringbus::publish_event!(bus: &bus, "job", last = 1);
            let over = poll() && guard.close().is_ok() && ends(guard, 3) == Some((3, 0));
            i32::from(!waits) + 2 * i32::from(!handled) + 4 * i32::from(!over)
        })
    };
    let codes = [true, false].map(&mut looks_before);
    assert_eq!(codes, [0, 0], "1: taken away, 2: not handled, 4: not over");
}

/// Starts a thread that the test knows by its name.
#[cfg(target_os = "linux")]
fn named<'scope, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::thread::ScopedJoinHandle<'scope, T> {
    std::thread::Builder::new().name(format!(":{name}")).spawn_scoped(scope, work).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn p10_a_child_does_not_wait_for_a_publisher_that_waited_for_room() {
    let bus = Bus::new();
    let (held, handler) = held();
    let request = bus.on("job").unwrap().in_thread().capacity(1).when_full(Overflow::Block { up_to: FOREVER });
    let guard = request.subscribe(handler).unwrap();
    publish(&bus, 1);
    held.begun.recv().unwrap();
    publish(&bus, 1);
    std::thread::scope(|scope| {
        named(scope, "third", || publish(&bus, 1));
        while guard.info().queue.unwrap().offered < 3 {
            std::thread::yield_now();
        }
        wait_until_asleep("third", 1);
        end_in_children(&bus, &guard, 3, 0);
        drop(held.go);
    });
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(&guard, 3), Some((3, 0)));
}

/// Tells that it is being dropped, and is, when it may be.
#[cfg(target_os = "linux")]
struct Lingers(Sender<()>, Mutex<std::sync::mpsc::Receiver<()>>);

#[cfg(target_os = "linux")]
impl Drop for Lingers {
    fn drop(&mut self) {
        let _ = self.0.send(());
        let _ = self.1.get_mut().unwrap().recv();
    }
}

/// A handler is being dropped by another thread that closes it.
#[cfg(target_os = "linux")]
fn closed_while_it_is_dropped(subscribe: impl FnOnce(&Bus, Lingers) -> Subscription) {
    let bus = Bus::new();
    let ((begin, begun), (go, may_go)) = (channel(), channel::<()>());
    let guard = subscribe(&bus, Lingers(begin, Mutex::new(may_go)));
    std::thread::scope(|scope| {
        let closing = named(scope, "closing", || guard.close());
        begun.recv().unwrap();
        wait_until_asleep("closing", 1);
        wait_until_asleep("dropped", 0);
        assert_eq!(forked(|| i32::from(guard.close().is_err()) + 2 * i32::from(bus.wait_idle(FOREVER).is_err())), 0);
        assert_eq!(forked(|| i32::from(!bus.shutdown(FOREVER).is_complete())), 0);
        drop(go);
        closing.join().unwrap().unwrap();
    });
    guard.close().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn p10_a_child_does_not_wait_for_who_was_dropping_a_handler() {
    closed_while_it_is_dropped(|bus, lingers| {
        let guard = bus.on("job").unwrap().named("dropped").in_thread().subscribe(move |_| _ = &lingers).unwrap();
        wait_until_asleep("dropped", 1);
        guard
    });
    closed_while_it_is_dropped(|bus, lingers| bus.on("job").unwrap().subscribe(move |_| _ = &lingers));
}

/// What holds its queue goes with its filters.
#[cfg(target_os = "linux")]
#[test]
fn p10_a_child_drains_a_receiver_whose_filter_was_being_dropped() {
    let bus = Bus::new();
    let ((begin, begun), (go, may_go)) = (channel(), channel::<()>());
    let lingers = Lingers(begin, Mutex::new(may_go));
    let jobs = bus.on("job").unwrap().filter(move |_| matches!(&lingers, Lingers(..))).receiver().unwrap();
    let guard = jobs.subscription();
    std::thread::scope(|scope| {
        let closing = named(scope, "draining", || guard.close_drained(LONG));
        begun.recv().unwrap();
        wait_until_asleep("draining", 1);
        assert_eq!(forked(|| i32::from(guard.close_drained(FOREVER).is_err())), 0);
        drop(go);
        closing.join().unwrap().unwrap();
    });
}

#[test]
fn p10_what_waits_for_a_receiver_is_there_in_a_child_too() {
    let bus = Bus::new();
    let mut jobs = bus.on("job").unwrap().receiver().unwrap();
    publish(&bus, 2);
    let taken = forked(|| {
        let waits = bus.wait_idle(Duration::ZERO).is_err();
        if waits { jobs.try_iter().count() as i32 } else { 0 }
    });
    assert_eq!((taken, jobs.try_iter().count()), (2, 2));
}

#[test]
fn p10_close_in_a_child_waits_for_the_worker_that_forked() {
    let bus = Bus::new();
    let guard: Arc<OnceLock<Subscription>> = Arc::default();
    let own = Arc::clone(&guard);
    let (tell, told) = channel();
    let handler = move |_: &Event| match fork() {
        0 => leave(|| {
            let closed = foreign(|| own.get().unwrap().close_timeout(Duration::from_millis(20)));
            let waited = matches!(closed, Err(CloseError::TimedOut { threads, .. }) if threads.len() == 1);
            i32::from(!waited)
        }),
        pid => tell.send(pid).unwrap(),
    };
    let _ = guard.set(bus.on("job").unwrap().in_thread().subscribe(handler).unwrap());
    publish(&bus, 1);
    assert_eq!(code_of(told.recv().unwrap()), 0, "it has not waited");
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(guard.get().unwrap(), 1), Some((1, 0)));
}

#[test]
fn p10_a_worker_that_forks_goes_on_in_both() {
    let bus = Bus::new();
    let guard: Arc<OnceLock<Subscription>> = Arc::default();
    let (held, mut hold) = held();
    let ((tell, told), (go, may_fork)) = (channel(), channel::<()>());
    let may_fork = Mutex::new(may_fork);
    let hold = Mutex::new(move |event: &Event| hold(event));
    let calls = AtomicU64::new(0);
    let (own, inner) = (Arc::clone(&guard), bus.clone());
    let handler = move |event: &Event| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => hold.lock().unwrap()(event),
        1 => {
            let _ = may_fork.lock().unwrap().recv();
            match fork() {
                0 => {
                    let (own, bus) = (Arc::clone(&own), inner.clone());
                    // It waits for the call that forked, and for the next; the one that was held is not there.
                    foreign_alone(move || {
                        leave(|| {
                            let guard = own.get().unwrap();
                            let idle = bus.wait_idle(FOREVER).is_ok() && ends(guard, 3) == Some((2, 1));
                            publish(&bus, 1);
                            let again = bus.wait_idle(FOREVER).is_ok() && ends(guard, 4) == Some((3, 1));
                            let closed = guard.close_drained(FOREVER).is_ok() && guard.close().is_ok();
                            i32::from(!idle) + 2 * i32::from(!again) + 4 * i32::from(!closed)
                        })
                    });
                }
                pid => tell.send(pid).unwrap(),
            }
        }
        _ => {}
    };
    let _ = guard.set(bus.on("job").unwrap().in_pool(2).subscribe(handler).unwrap());
    publish(&bus, 1);
    held.begun.recv().unwrap();
    publish(&bus, 2);
    drop(go);
    assert_eq!(code_of(told.recv().unwrap()), 0, "1: not idle, 2: not handled, 4: not closed");
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(guard.get().unwrap(), 3), Some((3, 0)));
}

/// Says when it is woken.
#[cfg(feature = "async")]
struct Told(Mutex<Sender<()>>);

#[cfg(feature = "async")]
impl std::task::Wake for Told {
    fn wake(self: Arc<Self>) {
        let _ = self.0.lock().unwrap().send(());
    }
}

/// Who waits while the worker that forked is at work: it cannot be told yet what is lost.
#[cfg(feature = "async")]
#[test]
fn p10_a_wait_in_a_child_is_told_when_the_worker_that_forked_is_done() {
    use std::future::Future;
    use std::task::Context;

    let bus = Bus::new();
    let guard: Arc<OnceLock<Subscription>> = Arc::default();
    let (held, hold) = held();
    let (tell, told) = channel();
    let (hold, calls) = (Mutex::new(hold), AtomicU64::new(0));
    let (own, inner) = (Arc::clone(&guard), bus.clone());
    let handler = move |event: &Event| {
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            return hold.lock().unwrap()(event);
        }
        let pid = fork();
        if pid > 0 {
            return tell.send(pid).unwrap();
        }
        let (bus, own): (&'static Bus, _) = (Box::leak(Box::new(inner.clone())), Arc::clone(&own));
        let (send, woken) = channel();
        let waker = std::task::Waker::from(Arc::new(Told(Mutex::new(send))));
        let mut wait = Box::pin(bus.wait_idle_async(Duration::MAX));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "this call is under way");
        foreign_alone(move || {
            leave(|| {
                woken.recv().unwrap();
                while wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                    woken.recv().unwrap();
                }
                i32::from(ends(own.get().unwrap(), 2) != Some((1, 1)))
            })
        });
    };
    let _ = guard.set(bus.on("job").unwrap().in_pool(2).subscribe(handler).unwrap());
    publish(&bus, 1);
    held.begun.recv().unwrap();
    publish(&bus, 1);
    assert_eq!(code_of(told.recv().unwrap()), 0, "accounted for otherwise");
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(guard.get().unwrap(), 2), Some((2, 0)));
}

/// A payload, or what a handler has captured, that does something when it is dropped.
struct Drops(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Drops {
    fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(work))))
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.get_mut().unwrap().take().into_iter().for_each(|work| work());
    }
}

impl Payload for Drops {
    const KIND: &'static str = "p10.drops";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

#[test]
fn p10_an_event_that_was_just_handled_is_not_discarded_too() {
    let bus = Bus::builder().history(0).build().unwrap();
    let (held, handler) = held();
    let guard = bus.on("**").unwrap().in_thread().subscribe(handler).unwrap();
    let ((begin, begun), (go, may_go)) = (channel(), channel::<()>());
    bus.publish(Drops::new(move || {
        let _ = begin.send(());
        let _ = may_go.recv();
    }));
    // Not before: the worker is the last to have the event.
    drop(held.go);
    begun.recv().unwrap();
    end_in_children(&bus, &guard, 1, 1);
    drop(go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(&guard, 1), Some((1, 0)));
}

#[test]
fn p10_a_publisher_that_forks_hands_its_event_over_in_both() {
    let bus = Bus::builder().history(0).build().unwrap();
    let (held, handler) = held();
    let request = bus.on("**").unwrap().in_thread().capacity(1).when_full(Overflow::DropOldest);
    let guard = request.subscribe(handler).unwrap();
    publish(&bus, 1);
    held.begun.recv().unwrap();
    let ((tell, told), inner) = (channel(), bus.clone());
    bus.publish(Drops::new(move || {
        let pid = fork();
        // What is being handed over, and what is being dropped for it, are not lost.
        let _ = tell.send((pid, pid > 0 || inner.wait_idle(Duration::ZERO).is_err()));
    }));
    publish(&bus, 1);
    let (pid, busy) = told.recv().unwrap();
    if pid == 0 {
        leave(|| {
            let ended = bus.wait_idle(FOREVER).is_ok() && ends(&guard, 3) == Some((0, 2));
            i32::from(!busy) + 2 * i32::from(!ended) + 4 * i32::from(guard.info().queue.unwrap().dropped != 1)
        });
    }
    assert_eq!(code_of(pid), 0, "1: not busy, 2: not accounted for, 4: not dropped");
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(ends(&guard, 3), Some((2, 0)));
}

#[test]
fn p10_in_a_child_too_a_close_waits_while_another_thread_drops_the_handler() {
    let bus = Bus::new();
    let guard: Arc<OnceLock<Subscription>> = Arc::default();
    let (own, (tell, told)) = (Arc::clone(&guard), channel());
    let lingers = Drops::new(move || {
        let closed = foreign(|| own.get().unwrap().close_timeout(Duration::from_millis(20)));
        let _ = tell.send(matches!(closed, Err(CloseError::TimedOut { .. })));
    });
    let _ = guard.set(bus.on("job").unwrap().subscribe(move |_| _ = &lingers));
    let close = || guard.get().unwrap().close().is_ok() && told.recv().unwrap();
    assert_eq!(forked(|| i32::from(!close())), 0);
    assert!(close());
}
