//! What an end has left undone is told by whoever ended it, whatever has become of it; and each queue's counts come to the
//! totals of the bus (P6, P8).
#![cfg(not(ringbus_loom))]

#[path = "support/held.rs"]
mod held;
#[path = "support/late.rs"]
mod late;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, Mutex};

use held::{LONG, held, publish};
use late::late;
use ringbus::{Bus, CloseError, Event, FailurePolicy, HandlerErrorCause, RecvError, Subscription, publish_event};

/// A handler in quarantine after its first event, which fails once it may.
fn failing(bus: &Bus) -> (Receiver<()>, std::sync::mpsc::Sender<()>, Subscription) {
    let (begin, begun) = channel();
    let (go, may_go) = channel::<()>();
    let once = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    let guard = bus.on("job").unwrap().failure_policy(once).in_thread().try_subscribe(move |_| {
        let _ = begin.send(());
        let _ = may_go.recv();
        Err("no".into())
    });
    (begun, go, guard.unwrap())
}

#[test]
fn a_drain_tells_what_quarantine_has_kept_back() {
    let bus = Bus::new();
    let (begun, go, guard) = failing(&bus);
    publish(&bus, 11);
    begun.recv().unwrap();
    let error = std::thread::scope(|scope| {
        let closing = scope.spawn(|| guard.close_drained(LONG));
        // It has begun when the subscription is gone.
        while !bus.subscriptions().is_empty() {
            std::thread::yield_now();
        }
        drop(go);
        closing.join().unwrap().unwrap_err()
    });
    let CloseError::NotDrained { abandoned: 10, running: false, .. } = error else { panic!("{error}") };
    assert_eq!(guard.info().queue.unwrap().kept_back, 10);
}

#[test]
fn who_waits_is_told_of_quarantine_before_and_after_the_queue() {
    let bus = Bus::new();
    let (begun, go, queued) = failing(&bus);
    let job = || ringbus::Event::builder("job").build().unwrap();
    publish(&bus, 1);
    begun.recv().unwrap();
    // It waits when its handler comes into quarantine.
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bus.publish_and_wait(job(), LONG).unwrap());
        while queued.info().queue.unwrap().waiting == 0 {
            std::thread::yield_now();
        }
        drop(go);
        waiting.join().unwrap()
    });
    assert_eq!(waited.errors.iter().map(|error| &error.cause).collect::<Vec<_>>(), [&HandlerErrorCause::NotHandled]);
    assert_eq!(queued.info().queue.unwrap().kept_back, 1);
    let once = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    let plain = bus.on("job").unwrap().failure_policy(once).try_subscribe(|_| Err("no".into()));
    publish(&bus, 1);
    let waited = bus.publish_and_wait(job(), None).unwrap();
    let mut left: Vec<_> = waited.errors.iter().map(|error| (error.subscription, error.cause.clone())).collect();
    left.sort_by_key(|(subscription, _)| *subscription);
    let expected = [queued.id(), plain.id()].map(|id| (id, HandlerErrorCause::NotHandled));
    assert_eq!(left, expected);
    assert!(!waited.is_complete());
}

#[test]
fn a_shutdown_waits_for_the_call_of_a_handler_without_a_queue() {
    for _ in 0..20 {
        let bus = Bus::new();
        let (begin, begun) = channel();
        let (go, may_go) = channel::<()>();
        let gate = Mutex::new((begin, may_go));
        let ended = AtomicBool::new(false);
        bus.subscribe(move |_| {
            let gate = gate.lock().unwrap();
            gate.0.send(()).unwrap();
            let _ = gate.1.recv();
        })
        .detach();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                publish(&bus, 1);
            });
            begun.recv().unwrap();
            let shutting = scope.spawn(|| {
                let report = bus.shutdown(LONG);
                assert!(ended.load(Ordering::SeqCst), "the call runs: {report}");
                report
            });
            while !bus.subscriptions().is_empty() {
                std::thread::yield_now();
            }
            ended.store(true, Ordering::SeqCst);
            drop(go);
            assert!(shutting.join().unwrap().is_complete());
        });
    }
}

/// Two who can wait come after one who could not: one of them ends what was left, the other waits for that.
#[test]
fn of_two_who_wait_for_what_a_shutdown_has_left_both_see_the_end() {
    for _ in 0..200 {
        let bus = Bus::new();
        let (held, handler) = held();
        let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
        let stops = bus.on("stop").unwrap().subscribe(|_| drop(ringbus::current().unwrap().shutdown(LONG)));
        publish(&bus, 1);
        held.begun.recv().unwrap();
        ringbus::publish_event!(bus: &bus, "stop");
        let both = Barrier::new(3);
        std::thread::scope(|scope| {
            let shut = || {
                both.wait();
                bus.shutdown(LONG)
            };
            let asked = [scope.spawn(shut), scope.spawn(shut)];
            both.wait();
            drop(held.go);
            for report in asked.map(|asked| asked.join().unwrap()) {
                assert!(report.is_complete(), "{report}");
            }
        });
        drop((guard, stops));
    }
}

/// Threads at their end, whose place among those who count was given back before: each count is written alone all the same.
#[test]
fn what_ending_threads_take_out_is_counted_in_the_totals() {
    const EACH: u64 = 5_000;
    struct Last(RefCell<Option<(ringbus::Receiver, Arc<Barrier>)>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let Some((mut jobs, all)) = self.0.take() else { return };
            all.wait();
            assert_eq!(jobs.try_iter().count() as u64, EACH);
        }
    }
    thread_local! { static LAST: Last = const { Last(RefCell::new(None)) }; }
    let bus = Bus::new();
    let queue = || bus.on("job").unwrap().queued().capacity(EACH as usize).receiver().unwrap();
    let queues: Vec<_> = (0..8).map(|_| queue()).collect();
    publish(&bus, EACH as usize);
    let all = Arc::new(Barrier::new(queues.len()));
    let ends = |jobs| {
        let (bus, all) = (bus.clone(), Arc::clone(&all));
        std::thread::spawn(move || {
            LAST.with(|last| last.0.replace(Some((jobs, all))));
            ringbus::publish_event!(bus: &bus, "other");
        })
    };
    let threads: Vec<_> = queues.into_iter().map(ends).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(bus.stats().totals.delivered, 8 * EACH);
}

/// Has a handler shut the bus down, which cannot wait there.
fn shut_down_inside(bus: &Bus) {
    let (tell, told) = channel();
    let stop = move |_: &Event| tell.send(ringbus::current().unwrap().shutdown(LONG).unfinished).unwrap();
    let _guard = bus.on("stop").unwrap().subscribe(stop);
    publish_event!(bus: bus, "stop");
    assert_eq!(told.try_recv(), Ok(true));
}

/// Has something done inside a handler of the bus.
fn inside(bus: &Bus, work: impl FnOnce() + Send + 'static) {
    let work = Mutex::new(Some(work));
    let _guard = bus.on("inside").unwrap().subscribe(move |_| work.lock().unwrap().take().unwrap()());
    assert_eq!(publish_event!(bus: bus, "inside").delivered, 1);
}

#[test]
fn a_drain_begun_inside_a_handler_ends_with_the_guard_while_somebody_hands_over() {
    let bus = Bus::new();
    let (late, filter) = late();
    let (alive, ended) = channel::<()>();
    let jobs = bus.on("job").unwrap().filter(filter).in_thread().subscribe(move |_| _ = &alive).unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(&bus, 1));
        late.begun.recv().unwrap();
        inside(&bus, move || {
            assert_eq!(jobs.close_drained(LONG), Err(CloseError::InsideHandler));
            drop(jobs);
        });
        drop(late.go);
        publisher.join().unwrap();
    });
    assert_eq!(ended.recv_timeout(LONG), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn who_receives_learns_of_an_end_begun_inside_a_handler_while_somebody_hands_over() {
    let bus = Bus::new();
    let (late, filter) = late();
    let jobs = bus.on("job").unwrap().filter(filter).receiver().unwrap();
    let (give, given) = channel();
    let mut jobs = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(&bus, 1));
        late.begun.recv().unwrap();
        inside(&bus, move || {
            assert_eq!(jobs.subscription().close_drained(LONG), Err(CloseError::InsideHandler));
            give.send(jobs).unwrap();
        });
        drop(late.go);
        publisher.join().unwrap();
        given.recv().unwrap()
    });
    assert!(jobs.recv_timeout(LONG).is_ok());
    assert_eq!(jobs.recv_timeout(LONG).map(drop), Err(RecvError::Ended));
}

#[test]
fn what_waits_for_a_receiver_that_goes_after_its_end_is_discarded() {
    let bus = Bus::new();
    let jobs = bus.on("job").unwrap().receiver().unwrap();
    publish(&bus, 2);
    inside(&bus, move || {
        assert_eq!(jobs.subscription().close_drained(LONG), Err(CloseError::InsideHandler));
        drop(jobs);
    });
    assert_eq!(bus.stats().totals.discarded, 2);
}

#[test]
fn what_comes_late_to_a_receiver_that_was_told_the_end_is_not_waited_for() {
    let bus = Bus::new();
    let (late, filter) = late();
    let mut jobs = bus.on("job").unwrap().filter(filter).receiver().unwrap();
    let waiting = bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(&bus, 1));
        late.begun.recv().unwrap();
        shut_down_inside(&bus);
        drop(late.go);
        publisher.join().unwrap();
    });
    let report = bus.shutdown(LONG);
    let running: Vec<_> = report.handlers.iter().filter(|end| end.running).map(|end| end.subscription).collect();
    assert_eq!((running, report.unfinished), (vec![jobs.info().id], false), "{report}");
    assert!(jobs.try_recv().is_ok(), "it can still be taken out");
    assert_eq!(waiting.info().queue.unwrap().discarded, 0);
}

#[test]
fn a_shutdown_that_cannot_wait_ends_what_nobody_hands_anything_to() {
    let bus = Bus::new();
    let (alive, ended) = channel::<()>();
    bus.on("job").unwrap().in_thread().subscribe(move |_| _ = &alive).unwrap().detach();
    publish(&bus, 3);
    shut_down_inside(&bus);
    assert_eq!(ended.recv_timeout(LONG), Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_report_counts_what_was_done_since_the_shutdown_began() {
    let bus = Bus::new();
    let (slow, handler) = held();
    let _guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 2);
    for _ in 0..2 {
        slow.go.send(()).unwrap();
    }
    bus.wait_idle(LONG).unwrap();
    publish(&bus, 3);
    drop(slow.go);
    let report = bus.shutdown(LONG);
    assert!(report.is_complete() && report.drained() <= 3, "{report}");
    assert_eq!(bus.stats().totals.delivered, 5);
}

#[test]
fn a_handler_that_has_shut_its_own_bus_down_does_not_keep_it_alive() {
    let (bus, captured) = (Bus::new(), Arc::new(()));
    let (own, theirs) = (bus.clone(), Arc::clone(&captured));
    let stop = move |_: &Event| {
        let _ = &theirs;
        assert!(own.shutdown(LONG).unfinished, "it cannot wait for itself");
    };
    bus.on("stop").unwrap().subscribe(stop).detach();
    assert_eq!(publish_event!(bus: &bus, "stop").failed, 0);
    drop(bus);
    assert_eq!(Arc::strong_count(&captured), 1);
}

/// The worker is held with the first event, and the second one, the last, waits.
#[test]
fn a_guard_that_is_dropped_in_the_dispatch_that_uses_up_its_limit_leaves_the_last_event() {
    let bus = Bus::new();
    let (held, handler) = held();
    let slot = Arc::new(Mutex::new(None));
    let drops = Arc::clone(&slot);
    let limited = bus.on("job").unwrap().order(1).limit(2).in_thread().subscribe(handler).unwrap();
    let _later = bus.on("job").unwrap().subscribe(move |_| drop(drops.lock().unwrap().take()));
    publish(&bus, 1);
    held.begun.recv().unwrap();
    *slot.lock().unwrap() = Some(limited);
    publish(&bus, 1);
    drop(held);
    bus.wait_idle(LONG).unwrap();
    let totals = bus.stats().totals;
    assert_eq!((totals.delivered, totals.discarded), (4, 0));
}
