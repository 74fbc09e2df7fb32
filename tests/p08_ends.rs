//! The end of handlers with a queue that were ended before, by others, or while they slept (P8, P6).
#![cfg(not(ringbus_loom))]

#[cfg(feature = "async")]
#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/held.rs"]
mod held;
#[path = "support/late.rs"]
mod late;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use held::{Held, LONG, held, publish};
use late::late;
use ringbus::{
    BoxError, Bus, CloseError, EndedBy, Event, FailurePolicy, Handler, RecvError, Subscription, publish_event,
};

/// A handler of two events that has them, and has left the bus: it is at the first one.
fn spent(bus: &Bus) -> (Held, Subscription) {
    let (held, handler) = held();
    let guard = bus.on("job").unwrap().limit(2).in_thread().subscribe(handler).unwrap();
    publish(bus, 3);
    held.begun.recv().unwrap();
    assert!(bus.subscriptions().is_empty() && !guard.is_active());
    (held, guard)
}

struct Object;

impl Handler for Object {
    fn handle(&self, _: &Event) -> Result<(), BoxError> {
        Ok(())
    }
}

#[test]
fn whatever_subscribes_after_a_shutdown_has_ended_at_once() {
    let bus = Bus::new();
    assert!(bus.shutdown(LONG).is_complete());
    let guards = [bus.subscribe(|_| {}), bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap()];
    assert!(!guards.iter().any(Subscription::is_active));
    let mut received = bus.on("job").unwrap().receiver().unwrap();
    assert_eq!(received.recv().unwrap_err(), RecvError::Ended);
    bus.subscribe_handler(Arc::new(Object)).unwrap();
    assert!(bus.subscriptions().is_empty());
    let gone = bus.explain("job").gone;
    assert_eq!(gone.iter().map(|one| one.by).collect::<Vec<_>>(), [EndedBy::Shutdown; 4]);
}

#[test]
fn a_shutdown_ends_also_what_has_left_the_bus_before() {
    let bus = Bus::new();
    let (held, guard) = spent(&bus);
    let report = bus.shutdown(Duration::from_millis(1));
    assert_eq!((report.handlers.len(), report.abandoned(), report.is_complete()), (1, 1, false), "{report}");
    assert!(report.handlers[0].running && report.handlers[0].subscription == guard.id());
    drop(held.go);
    guard.close().unwrap();
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.discarded), (1, 1));

    let bus = Bus::new();
    let (held, guard) = spent(&bus);
    drop(held.go);
    let report = bus.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!(guard.info().delivered, 2);
}

#[test]
fn a_limit_ends_who_takes_the_events_out() {
    let bus = Bus::new();
    let mut jobs = bus.on("job").unwrap().limit(2).receiver().unwrap();
    publish(&bus, 3);
    assert_eq!(jobs.info().queue.unwrap().offered, 2);
    assert!(jobs.recv_timeout(LONG).is_ok() && jobs.recv_timeout(LONG).is_ok());
    assert_eq!(jobs.recv_timeout(LONG).map(drop), Err(RecvError::Ended));
    let mut none = bus.on("job").unwrap().limit(0).receiver().unwrap();
    assert_eq!(none.recv_timeout(LONG).map(drop), Err(RecvError::Ended));
}

#[test]
fn a_handler_whose_last_event_came_from_inside_another_one_ends_and_is_dropped() {
    let bus = Bus::new();
    let (alive, ended) = mpsc::channel::<()>();
    let handler = move |_: &Event| _ = &alive;
    bus.on("job").unwrap().once().in_thread().subscribe(handler).unwrap().detach();
    let outer = bus.on("outer").unwrap().subscribe(|_| publish(&ringbus::current().unwrap(), 1));
    publish_event!(bus: &bus, "outer");
    assert_eq!(ended.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
    drop(outer);
}

#[test]
fn a_bus_that_is_dropped_ends_what_was_being_drained() {
    let bus = Bus::new();
    let mut jobs = bus.on("job").unwrap().limit(2).receiver().unwrap();
    publish(&bus, 2);
    drop(bus);
    assert_eq!(jobs.recv_timeout(LONG).map(drop), Err(RecvError::Ended));
    assert_eq!(jobs.info().queue.unwrap().discarded, 2);
}

#[test]
fn a_close_discards_also_what_a_limit_has_left_to_be_handled() {
    let bus = Bus::new();
    let (held, guard) = spent(&bus);
    assert!(matches!(guard.close_timeout(Duration::ZERO), Err(CloseError::TimedOut { .. })));
    drop(held.go);
    guard.close().unwrap();
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.discarded), (1, 1));
}

#[test]
fn a_shutdown_waits_for_calls_of_what_was_unsubscribed_before() {
    let bus = Bus::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let guard = bus.subscribe(move |_| {
        begin.send(()).unwrap();
        let _ = may_go.lock().unwrap().recv();
    });
    std::thread::scope(|scope| {
        scope.spawn(|| publish(&bus, 1));
        begun.recv().unwrap();
        drop(guard);
        let report = bus.shutdown(Duration::from_millis(1));
        assert!(!report.is_complete() && report.handlers[0].running, "{report}");
        drop(go);
    });
}

#[test]
fn what_has_ended_and_is_done_is_in_no_report() {
    let bus = Bus::new();
    let queue = bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
    let sync = bus.subscribe(|_| {});
    publish(&bus, 3);
    queue.close_drained(LONG).unwrap();
    sync.close().unwrap();
    let report = bus.shutdown(LONG);
    assert!(report.is_complete() && report.handlers.is_empty(), "{report:?}");
}

#[test]
fn idle_is_who_has_left_too() {
    let bus = Bus::new();
    let (held, guard) = spent(&bus);
    let busy = bus.wait_idle(Duration::from_millis(1)).unwrap_err();
    assert_eq!(busy.handlers[0].subscription, guard.id());
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(guard.info().delivered, 2);
}

#[test]
fn a_close_that_was_to_drain_tells_what_another_end_has_discarded() {
    let bus = Bus::new();
    let (held, handler) = held();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 4);
    held.begun.recv().unwrap();
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| guard.close_drained(LONG));
        // It has begun when the subscription is gone.
        while !bus.subscriptions().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(bus.shutdown(Duration::ZERO).abandoned(), 3);
        drop(held.go);
        let error = closing.join().unwrap().unwrap_err();
        let CloseError::NotDrained { after, abandoned: 3, running: false, .. } = error else { panic!("{error}") };
        assert!(after < LONG, "it was ended before");
    });
}

/// Events that were offered to a handler which failed meanwhile: kept back, and so left.
#[test]
fn a_shutdown_tells_what_quarantine_has_kept_back_and_what_was_skipped() {
    let bus = Bus::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let once = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    let failing = bus.on("job").unwrap().named("failing").failure_policy(once).in_thread().try_subscribe(move |_| {
        begin.send(()).unwrap();
        let _ = may_go.recv();
        Err("no".into())
    });
    let (skip, skipping) = mpsc::channel();
    let (on, may_skip) = mpsc::channel::<()>();
    let may_skip = Mutex::new(may_skip);
    let picky = bus.on("job").unwrap().named("picky").in_thread().filter_map(move |_| {
        let _ = skip.send(());
        let _ = may_skip.lock().unwrap().recv();
        None::<()>
    });
    let guards = (failing.unwrap(), picky.subscribe(|()| {}).unwrap());
    publish(&bus, 11);
    begun.recv().unwrap();
    skipping.recv().unwrap();
    let report = std::thread::scope(|scope| {
        let shutting = scope.spawn(|| bus.shutdown(LONG));
        while !bus.subscriptions().is_empty() {
            std::thread::yield_now();
        }
        drop((go, on));
        shutting.join().unwrap()
    });
    let of = |name| report.handlers.iter().find(|end| end.name.as_deref() == Some(name)).unwrap();
    assert_eq!((of("failing").drained, of("failing").abandoned), (1, 10), "{report}");
    assert_eq!((of("picky").drained, of("picky").abandoned), (11, 0), "{report}");
    assert!(!report.is_complete());
    assert_eq!(guards.0.info().queue.unwrap().kept_back, 10);
}

#[test]
fn a_shutdown_inside_a_handler_is_made_whole_by_who_can_wait() {
    let bus = Bus::new();
    let (held, handler) = held();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    let (send, reports) = mpsc::channel();
    let send = Mutex::new(send);
    let stops = bus.on("stop").unwrap().subscribe(move |_| {
        let bus = ringbus::current().unwrap();
        let _ = send.lock().unwrap().send([bus.shutdown(LONG), bus.shutdown(LONG)]);
    });
    publish(&bus, 5);
    held.begun.recv().unwrap();
    publish_event!(bus: &bus, "stop");
    for report in reports.recv().unwrap() {
        assert!(report.unfinished && report.handlers.len() == 2, "{report:?}");
    }
    drop(held.go);
    std::thread::scope(|scope| {
        let both = [scope.spawn(|| bus.shutdown(LONG)), scope.spawn(|| bus.shutdown(LONG))];
        for report in both.map(|one| one.join().unwrap()) {
            assert!(report.is_complete(), "{report}");
            assert_eq!((report.handlers.len(), report.drained()), (2, 5), "all of it, from the beginning on");
        }
    });
    assert_eq!((guard.info().delivered, stops.is_active()), (5, false));
    assert!(bus.shutdown(Duration::ZERO).is_complete());
}

#[test]
fn whoever_receives_learns_of_a_shutdown_inside_a_handler_at_once() {
    let bus = Bus::new();
    let (held, filter) = late();
    let mut jobs = bus.on("job").unwrap().filter(filter).receiver().unwrap();
    bus.on("stop").unwrap().subscribe(|_| drop(ringbus::current().unwrap().shutdown(LONG))).detach();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish(&bus, 1));
        held.begun.recv().unwrap();
        publish_event!(bus: &bus, "stop");
        assert_eq!(jobs.try_recv().unwrap_err(), RecvError::Ended);
        drop(held.go);
        publisher.join().unwrap();
    });
    assert!(jobs.try_recv().is_ok(), "what has come late is there");
    let report = bus.shutdown(LONG);
    assert!(report.is_complete() && report.drained() == 1, "{report}");
}

#[test]
fn a_drain_past_its_limit_discards_the_rest_also_while_somebody_hands_over() {
    let bus = Bus::new();
    let (late, filter) = late();
    let (slow, handler) = held();
    let filter = move |event: &Event| event.kind() == "job" || filter(event);
    let jobs = bus.on("job.**").unwrap().filter(filter).in_thread().subscribe(handler).unwrap();
    publish(&bus, 3);
    slow.begun.recv().unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_event!(bus: &bus, "job.late"));
        late.begun.recv().unwrap();
        let closed = jobs.close_drained(Duration::ZERO);
        assert!(matches!(closed, Err(CloseError::TimedOut { .. })), "{closed:?}");
        assert_eq!(jobs.info().queue.unwrap().discarded, 2);
        drop((late.go, slow.go));
        publisher.join().unwrap();
    });
    jobs.close().unwrap();
    let queue = jobs.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.discarded), (1, 3));
}

/// Says that its thread has ended.
struct Ends(mpsc::Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

thread_local! {
    static ENDS: RefCell<Option<Ends>> = const { RefCell::new(None) };
}

#[test]
fn the_threads_of_handlers_that_were_ended_while_they_slept_end() {
    for dropped in [false, true] {
        let bus = Bus::new();
        let (send, ended) = mpsc::channel();
        let guard = bus.on("job").unwrap().in_pool(3).subscribe(move |_| {
            ENDS.set(Some(Ends(send.clone())));
        });
        let guard = guard.unwrap();
        publish(&bus, 9);
        bus.wait_idle(LONG).unwrap();
        if dropped {
            drop(bus);
        } else {
            guard.close().unwrap();
        }
        // The handler is gone, so the last sender goes with the last thread.
        while ended.recv_timeout(LONG).map_err(|left| assert_eq!(left, mpsc::RecvTimeoutError::Disconnected)).is_ok() {}
    }
}

#[cfg(feature = "async")]
mod tasks {
    use super::by_hand::by_hand;
    use super::*;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_that_is_suspended_when_its_subscription_is_closed_is_woken_and_ends() {
        let bus = Bus::new();
        let (executor, tasks) = by_hand();
        let queue = bus.on("job").unwrap().on_executor(executor);
        let guard = queue.subscribe(|_| std::future::pending()).unwrap();
        let mut task = tasks.recv().unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        publish(&bus, 2);
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        let before = woken.0.load(Ordering::SeqCst);
        guard.close().unwrap();
        assert!(woken.0.load(Ordering::SeqCst) > before, "or its executor would keep it for ever");
        assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
        assert_eq!(guard.info().queue.unwrap().discarded, 2);
    }

    /// Says whether its tasks may need the calling thread, as a test wants it.
    struct Here(bool);

    impl ringbus::Spawn for Here {
        fn spawn(&self, task: ringbus::Task) {
            std::mem::forget(task);
        }

        fn is_current(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn where_tasks_need_the_thread_nobody_waits_on_it_without_a_limit() {
        let bus = Bus::new();
        let event = || Event::builder("job").build().unwrap();
        let elsewhere = bus.on("none").unwrap().on_executor(Here(false)).subscribe(|_| async {}).unwrap();
        // On a thread that a test can leave behind.
        let waits = |event: Event| {
            let (bus, (send, result)) = (bus.clone(), mpsc::channel());
            std::thread::spawn(move || send.send(bus.publish_and_wait(event, None)));
            result.recv_timeout(LONG / 4).unwrap()
        };
        assert!(waits(event()).is_ok());
        let here = bus.on("job").unwrap().on_executor(Here(true)).subscribe(|_| async {}).unwrap();
        let error = waits(event()).unwrap_err();
        assert_eq!((error, here.info().queue.unwrap().offered), (ringbus::WaitError::NoLimit, 0));
        let waited = bus.publish_and_wait(event(), Duration::ZERO).unwrap();
        assert_eq!(waited.running[0].subscription, here.id());
        let busy = bus.wait_idle(LONG / 4).unwrap_err();
        assert!(busy.on_executor && busy.handlers[0].subscription == here.id(), "{busy}");
        drop((elsewhere, here));
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Woken::default()))))
    }

    #[test]
    fn a_handler_without_a_queue_does_not_wait_for_itself() {
        let bus = Bus::new();
        let (send, results) = mpsc::channel();
        let (send, own) = (Mutex::new(send), Arc::new(Mutex::new(None::<Subscription>)));
        let inner = Arc::clone(&own);
        *own.lock().unwrap() = Some(bus.subscribe(move |_| {
            let own = inner.lock().unwrap().take().unwrap();
            let closed = poll(std::pin::pin!(own.close_async()));
            let _ = send.lock().unwrap().send(closed);
        }));
        publish(&bus, 1);
        assert_eq!(results.recv().unwrap(), std::task::Poll::Ready(Err(CloseError::InsideHandler)));
    }

    #[test]
    fn a_close_that_is_cut_short_tells_how_long_it_has_waited() {
        let bus = Bus::new();
        let (held, handler) = held();
        let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
        publish(&bus, 3);
        held.begun.recv().unwrap();
        let mut closing = Box::pin(guard.close_async());
        assert_eq!(bus.shutdown(Duration::ZERO).abandoned(), 2);
        drop(held.go);
        let closed = loop {
            if let std::task::Poll::Ready(closed) = poll(closing.as_mut()) {
                break closed;
            }
            std::thread::yield_now();
        };
        let Err(CloseError::NotDrained { after, abandoned: 2, .. }) = closed else { panic!("{closed:?}") };
        assert_ne!(after, Duration::ZERO);
    }

    /// A publisher that is about to hand an event over while a handler ends the bus.
    #[test]
    fn what_comes_to_a_queue_while_a_handler_shuts_down_is_handled() {
        for finished in [true, false] {
            let bus = Bus::new();
            let (held, filter) = late();
            let (executor, tasks) = by_hand();
            let queue = bus.on("job").unwrap().filter(filter).on_executor(executor);
            let guard = queue.subscribe(|_| async {}).unwrap();
            let mut task = tasks.recv().unwrap();
            bus.on("stop").unwrap().subscribe(|_| drop(ringbus::current().unwrap().shutdown(LONG))).detach();
            std::thread::scope(|scope| {
                let publisher = scope.spawn(|| publish(&bus, 1));
                held.begun.recv().unwrap();
                publish_event!(bus: &bus, "stop");
                assert!(poll(Pin::new(&mut task)).is_pending(), "something is coming");
                drop(held.go);
                publisher.join().unwrap();
            });
            if finished {
                std::thread::scope(|scope| {
                    let shutting = scope.spawn(|| bus.shutdown(LONG));
                    while poll(Pin::new(&mut task)).is_pending() {
                        std::thread::yield_now();
                    }
                    let report = shutting.join().unwrap();
                    assert!(report.is_complete() && report.drained() == 1, "{report}");
                });
            } else {
                assert!(poll(Pin::new(&mut task)).is_pending());
                drop(bus);
                assert!(poll(Pin::new(&mut task)).is_ready(), "it ends with the bus");
            }
            let queue = guard.info().queue.unwrap();
            assert_eq!((queue.delivered, queue.discarded), (1, 0));
        }
    }
}
