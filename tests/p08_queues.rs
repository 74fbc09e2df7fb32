//! Handlers that take their time: nothing that is handed to a queue is lost uncounted (P8).
#![cfg(not(ringbus_loom))]

use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use ringbus::{Bus, CloseError, Event, Outcome, Overflow, Priority, QueueError, QueueInfo, RecvError, publish_event};

const LONG: Duration = Duration::from_secs(60);

fn n(event: &Event) -> i64 {
    event.get("n").and_then(ringbus::Value::as_i64).unwrap()
}

/// A handler that stands still until it is let go, and notes what it has handled.
struct Gate {
    begun: mpsc::Receiver<i64>,
    go: mpsc::Sender<()>,
    handled: Arc<Mutex<Vec<i64>>>,
}

fn gate() -> (Gate, impl FnMut(&Event) + Send + 'static) {
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let handled = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&handled);
    let handler = move |event: &Event| {
        let _ = begin.send(n(event));
        let _ = may_go.recv();
        list.lock().unwrap().push(n(event));
    };
    (Gate { begun, go, handled }, handler)
}

fn settled(info: QueueInfo) -> u64 {
    let QueueInfo { delivered, failed, kept_back, dropped, discarded, waiting, running, .. } = info;
    delivered + failed + kept_back + dropped + discarded + (waiting + running) as u64
}

#[test]
fn a_handler_in_a_thread_sees_all_events_in_order_and_the_publisher_goes_on() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    for n in 0..10 {
        let delivery = publish_event!(bus: &bus, "job", n);
        assert_eq!((delivery.outcome, delivery.enqueued, delivery.delivered), (Outcome::Published, 1, 0));
    }
    assert_eq!(gate.begun.recv().unwrap(), 0);
    assert_eq!(guard.info().delivered, 0);
    (0..10).for_each(|_| gate.go.send(()).unwrap());
    bus.wait_idle(LONG).unwrap();
    assert_eq!(*gate.handled.lock().unwrap(), (0..10).collect::<Vec<_>>());
    let (info, totals) = (guard.info(), bus.stats().totals);
    assert_eq!((info.delivered, totals.delivered, totals.enqueued), (10, 10, 10));
}

/// What a policy has dropped and what it has kept, where `events` come while the first one is being handled.
fn overflow(policy: Overflow, capacity: usize, events: i64) -> (Vec<i64>, QueueInfo, u64) {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let guard = bus.on("job").unwrap().in_thread().capacity(capacity).when_full(policy).subscribe(handler).unwrap();
    publish_event!(bus: &bus, "job", n = 0);
    gate.begun.recv().unwrap();
    (1..=events).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    let Gate { go, handled, .. } = gate;
    drop(go);
    bus.wait_idle(LONG).unwrap();
    let handled = handled.lock().unwrap().clone();
    (handled, guard.info().queue.unwrap(), bus.stats().totals.queue_drops)
}

#[test]
fn each_policy_drops_what_it_says_and_counts_it() {
    let (handled, info, drops) = overflow(Overflow::DropOldest, 3, 10);
    assert_eq!((handled, info.dropped, drops), (vec![0, 8, 9, 10], 7, 7));
    let (handled, info, drops) = overflow(Overflow::DropNewest, 3, 10);
    assert_eq!((handled, info.dropped, drops), (vec![0, 1, 2, 3], 7, 7));
    let (handled, info, drops) = overflow(Overflow::LatestOnly, 3, 10);
    assert_eq!((handled, info.dropped, drops, info.capacity), (vec![0, 10], 9, 9, 1));
    let brief = Duration::from_millis(1);
    let (handled, info, drops) = overflow(Overflow::Block { up_to: brief }, 3, 4);
    assert_eq!((handled, info.dropped, drops), (vec![0, 1, 2, 3], 1, 1));
    assert_eq!(settled(info), info.offered);
}

#[test]
fn a_publisher_that_is_to_wait_goes_on_when_there_is_room() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let queue = bus.on("job").unwrap().in_thread().capacity(1).when_full(Overflow::Block { up_to: LONG });
    let guard = queue.subscribe(handler).unwrap();
    publish_event!(bus: &bus, "job", n = 0);
    gate.begun.recv().unwrap();
    publish_event!(bus: &bus, "job", n = 1);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_event!(bus: &bus, "job", n = 2).enqueued);
        // It has come, and there is no room.
        while guard.info().queue.unwrap().offered < 3 {
            std::thread::yield_now();
        }
        gate.go.send(()).unwrap();
        assert_eq!(gate.begun.recv().unwrap(), 1);
        assert_eq!(publisher.join().unwrap(), 1);
    });
    drop(gate.go);
    guard.close_drained(LONG).unwrap();
    assert_eq!((guard.info().delivered, guard.info().queue.unwrap().dropped), (3, 0));
}

#[test]
fn a_handler_that_publishes_to_its_own_full_queue_does_not_wait_for_itself() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let queue = bus.on("job").unwrap().in_thread().capacity(1).when_full(Overflow::Block { up_to: LONG });
    let guard = queue
        .subscribe(move |event| {
            let bus = weak.upgrade().unwrap();
            if n(event) == 0 {
                (1..=3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
            }
        })
        .unwrap();
    publish_event!(bus: &bus, "job", n = 0);
    bus.wait_idle(LONG).unwrap();
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.dropped), (2, 2));
}

#[test]
fn what_tells_of_a_dead_letter_waits_for_no_room() {
    let bus = Bus::new();
    let stuck = bus.on("**").unwrap().queued().capacity(1).when_full(Overflow::Block { up_to: Duration::MAX });
    let stuck = stuck.receiver().unwrap();
    let fails = bus.on("job").unwrap().in_thread().try_subscribe(|_| Err("no".into())).unwrap();
    publish_event!(bus: &bus, "job", n = 0);
    fails.close_drained(LONG).unwrap();
    let queue = stuck.info().queue.unwrap();
    assert_eq!((queue.waiting, queue.dropped, bus.dead_letters().len()), (1, 1, 1));
}

#[test]
fn higher_priorities_overtake_those_that_wait() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let _guard = bus.on("job").unwrap().in_thread().by_priority().subscribe(handler).unwrap();
    let publish = |n: i64, priority| {
        bus.publish(Event::builder("job").field("n", n).priority(priority).build().unwrap());
    };
    publish(0, Priority::Low);
    gate.begun.recv().unwrap();
    let all = [Priority::Low, Priority::Critical, Priority::Normal, Priority::High, Priority::Critical, Priority::Low];
    all.into_iter().zip(1..).for_each(|(priority, n)| publish(n, priority));
    drop(gate.go);
    bus.wait_idle(LONG).unwrap();
    assert_eq!(*gate.handled.lock().unwrap(), [0, 2, 5, 4, 3, 1, 6]);
}

#[test]
fn a_pool_is_at_work_on_several_events_at_once() {
    let bus = Bus::new();
    let meet = Arc::new(Barrier::new(3));
    let at = Arc::clone(&meet);
    let handler = move |_: &Event| {
        at.wait();
    };
    let guard = bus.on("job").unwrap().in_pool(3).subscribe(handler).unwrap();
    (0..9).for_each(|_| drop(publish_event!(bus: &bus, "job")));
    guard.close_drained(LONG).unwrap();
    assert_eq!(guard.info().delivered, 9);
}

#[test]
fn close_discards_what_waits_and_waits_for_the_call() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let mut handler = handler;
    let guard = bus
        .on("job")
        .unwrap()
        .named("jobs")
        .in_thread()
        .subscribe(move |event| {
            let _held = &held;
            handler(event);
        })
        .unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    gate.begun.recv().unwrap();
    let after = Duration::from_millis(1);
    assert_eq!(guard.close_timeout(after), Err(CloseError::TimedOut { after, threads: vec!["rb:jobs".into()] }));
    assert_eq!(Arc::strong_count(&token), 2, "the handler is at work");
    drop(gate.go);
    guard.close().unwrap();
    assert_eq!(Arc::strong_count(&token), 1, "dropped");
    let info = guard.info().queue.unwrap();
    assert_eq!((info.delivered, info.discarded, settled(info)), (1, 4, 5));
    assert_eq!(bus.stats().totals.discarded, 4);
    assert_eq!(publish_event!(bus: &bus, "job", n = 9).enqueued, 0);
}

#[test]
fn close_drained_has_everything_handled_or_tells_what_was_not() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    gate.begun.recv().unwrap();
    let error = guard.close_drained(Duration::from_millis(1)).unwrap_err();
    assert_eq!(error, CloseError::NotDrained { after: Duration::from_millis(1), abandoned: 4, running: true });
    // Nothing waits any more, and the call still runs.
    let error = guard.close_drained(Duration::from_millis(1)).unwrap_err();
    assert_eq!(error, CloseError::NotDrained { after: Duration::from_millis(1), abandoned: 0, running: true });
    drop(gate.go);
    guard.close().unwrap();
    assert_eq!(*gate.handled.lock().unwrap(), [0]);
}

#[test]
fn inside_a_handler_nothing_is_waited_for() {
    let bus = Bus::new();
    let (send, seen) = mpsc::channel();
    let guard: Arc<Mutex<Option<ringbus::Subscription>>> = Arc::default();
    let own = Arc::clone(&guard);
    let subscribed = bus
        .on("job")
        .unwrap()
        .in_thread()
        .subscribe(move |event| {
            if n(event) == 0 {
                let own = own.lock().unwrap().take().unwrap();
                let bus = ringbus::current().unwrap();
                assert_eq!(bus.publish_and_wait(event.clone(), None).unwrap_err(), ringbus::WaitError::NoLimit);
                send.send((own.close_drained(LONG), own.close(), own)).unwrap();
            }
        })
        .unwrap();
    *guard.lock().unwrap() = Some(subscribed);
    publish_event!(bus: &bus, "job", n = 0);
    let (drained, closed, guard) = seen.recv_timeout(LONG).unwrap();
    assert_eq!((drained, closed), (Err(CloseError::InsideHandler), Err(CloseError::InsideHandler)));
    guard.close().unwrap();
}

#[test]
fn the_last_calls_of_a_limit_are_still_made() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    bus.on("job").unwrap().limit(3).in_thread().subscribe(handler).unwrap().detach();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    (0..3).for_each(|_| {
        gate.begun.recv_timeout(LONG).unwrap();
        gate.go.send(()).unwrap();
    });
    assert!(gate.begun.recv().is_err(), "the handler is gone");
    assert_eq!(*gate.handled.lock().unwrap(), [0, 1, 2]);
    assert!(bus.subscriptions().is_empty());
}

#[test]
fn a_bus_that_is_dropped_ends_its_threads() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    gate.begun.recv().unwrap();
    drop(bus);
    drop(gate.go);
    assert!(gate.begun.recv().is_err(), "the handler is gone, with its thread's worker");
    assert_eq!(guard.info().queue.unwrap().discarded, 2);
}

#[test]
fn a_receiver_takes_events_out_and_ends_with_the_bus() {
    let bus = Bus::new();
    let mut jobs = bus.on("job").unwrap().receiver().unwrap();
    assert_eq!(jobs.try_recv().unwrap_err(), RecvError::Empty);
    assert_eq!(jobs.recv_timeout(Duration::from_millis(1)).unwrap_err(), RecvError::TimedOut);
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    assert_eq!(jobs.len(), 3);
    assert_eq!(jobs.try_iter().map(|event| n(&event)).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(jobs.info().delivered, 3);
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| jobs.recv().map(|event| n(&event)));
        publish_event!(bus: &bus, "job", n = 7);
        assert_eq!(receiver.join().unwrap(), Ok(7));
    });
    drop(bus);
    assert_eq!(jobs.recv().unwrap_err(), RecvError::Ended);
}

#[test]
fn bad_options_are_refused_by_name() {
    let bus = Bus::new();
    let error = bus.on("job").unwrap().in_thread().capacity(0).subscribe(|_| {}).unwrap_err();
    assert_eq!(error.to_string(), "queue capacity 0 is out of range: 1 to 16777216 are allowed");
    for threads in [0, 65] {
        let error = bus.on("job").unwrap().in_pool(threads).subscribe(|_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("in_pool's number of threads {threads} is out of range: 1 to 64 are allowed")
        );
    }
    let unwinding = bus.on("job").unwrap().failure_policy(ringbus::FailurePolicy::Unwind);
    assert_eq!(unwinding.in_thread().subscribe(|_| {}).unwrap_err(), QueueError::Unwind);
    let breaker = ringbus::Breaker::after(std::num::NonZeroU32::MIN);
    let error = bus.on("job").unwrap().breaker(breaker).receiver().unwrap_err();
    assert!(matches!(error, QueueError::NobodyCalled { option: "breaker", .. }), "{error:?}");
    assert_eq!(error.to_string(), "breaker is about calls of a handler, and there is none: events are taken out");
    assert!(bus.subscriptions().is_empty());
}

#[test]
fn all_waiting_handlers_are_told_with_what_they_came_to() {
    let bus = Bus::new();
    let _sync = bus.on("job").unwrap().named("sync").try_subscribe(|_| Err("sync".into()));
    let _fine = bus.on("job").unwrap().named("fine").in_thread().subscribe(|_| {}).unwrap();
    let _bad = bus.on("job").unwrap().named("bad").in_thread().subscribe(|_| panic!("bad")).unwrap();
    let (gate, handler) = gate();
    let _slow = bus.on("job").unwrap().named("slow").in_thread().subscribe(handler).unwrap();
    let event = || Event::builder("job").field("n", 1).build().unwrap();
    let waited = bus.publish_and_wait(event(), Duration::from_millis(50)).unwrap();
    let names: Vec<_> = waited.running.iter().map(|one| one.name.clone().unwrap()).collect();
    // The others may be late.
    assert!(names.contains(&"slow".to_owned()) && !names.contains(&"sync".to_owned()), "{names:?}");
    gate.go.send(()).unwrap();
    gate.go.send(()).unwrap();
    let waited = bus.publish_and_wait(event(), None).unwrap();
    let mut errors: Vec<String> = waited.errors.iter().map(|error| error.to_string()).collect();
    errors.sort();
    assert_eq!((errors.len(), waited.delivered, waited.running.len()), (2, 2, 0), "{errors:?}");
    assert!(errors[0].starts_with("handler bad panicked: bad on job"), "{errors:?}");
    assert!(errors[1].starts_with("handler sync failed: sync on job"), "{errors:?}");
    assert!(!waited.is_complete());
}

#[test]
fn what_is_never_handled_is_not_waited_for() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let queue = bus.on("job").unwrap().in_thread().capacity(1).when_full(Overflow::DropNewest);
    let guard = queue.subscribe(handler).unwrap();
    (0..2).for_each(|n| {
        publish_event!(bus: &bus, "job", n);
        if n == 0 {
            gate.begun.recv().unwrap();
        }
    });
    let event = Event::builder("job").field("n", 2).build().unwrap();
    let waited = bus.publish_and_wait(event, None).unwrap();
    assert_eq!(waited.errors[0].cause, ringbus::HandlerErrorCause::NotHandled);
    drop(gate.go);
    drop(guard);
}

#[test]
fn a_shutdown_drains_and_reports_and_refuses_after_that() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let _slow = bus.on("job").unwrap().named("slow").in_thread().subscribe(handler).unwrap();
    let _sync = bus.subscribe(|_| {});
    assert!(!bus.is_shut_down());
    (0..4).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    gate.begun.recv().unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| bus.shutdown(LONG));
        drop(gate.go);
        let report = first.join().unwrap();
        assert!(report.is_complete(), "{report}");
        assert_eq!((report.handlers.len(), report.abandoned()), (2, 0));
        let again = bus.shutdown(LONG);
        assert_eq!((again.handlers.len(), again.drained()), (2, report.drained()));
    });
    assert_eq!(gate.handled.lock().unwrap().len(), 4);
    assert_eq!(publish_event!(bus: &bus, "job", n = 5).outcome, Outcome::ShutDown);
    assert_eq!(bus.publish(Event::builder("job").build().unwrap()).outcome, Outcome::ShutDown);
    assert_eq!(bus.publish_all([Event::builder("job").build().unwrap()]).shut_down, 1);
    let late = bus.subscribe(|_| {});
    assert!(!late.is_active());
    let totals = bus.stats().totals;
    assert_eq!((totals.shut_down, totals.published, totals.delivered), (3, 4, 8));
}

#[test]
fn past_its_deadline_a_shutdown_discards_and_tells_what_runs() {
    let bus = Bus::new();
    let (gate, handler) = gate();
    let _slow = bus.on("job").unwrap().named("slow").in_thread().subscribe(handler).unwrap();
    (0..4).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    gate.begun.recv().unwrap();
    let report = bus.shutdown(Duration::from_millis(1));
    assert_eq!((report.drained(), report.abandoned(), report.handlers[0].running), (0, 3, true));
    assert_eq!(report.to_string(), "0 drained, 3 abandoned; handler slow: 0 drained, 3 abandoned, still running");
}

#[test]
fn a_shutdown_inside_a_handler_lets_the_queues_drain() {
    let bus = Bus::new();
    let ((send, reports), (go, all_wait)) = (mpsc::channel(), mpsc::channel());
    let guard = bus
        .on("job")
        .unwrap()
        .in_thread()
        .subscribe(move |event| {
            if n(event) == 0 {
                all_wait.recv().unwrap();
                send.send(ringbus::current().unwrap().shutdown(LONG)).unwrap();
            }
        })
        .unwrap();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    go.send(()).unwrap();
    let report = reports.recv_timeout(LONG).unwrap();
    assert!(report.unfinished);
    bus.wait_idle(LONG).unwrap();
    guard.close().unwrap();
    assert_eq!((guard.info().delivered, guard.info().queue.unwrap().discarded), (3, 0));
}

#[test]
fn handlers_whose_subscription_has_ended_are_waited_for_while_they_work() {
    const BRIEF: Duration = Duration::from_millis(1);
    for by_limit in [true, false] {
        let bus = Bus::new();
        let (go, gate) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let of = bus.on("job").unwrap().named("last");
        let of = if by_limit { of.limit(2) } else { of };
        let handler = move |_: &Event| {
            begin.send(()).unwrap();
            gate.recv().unwrap();
        };
        let guard = of.in_thread().subscribe(handler).unwrap();
        (0..2).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
        begun.recv_timeout(LONG).unwrap();
        if !by_limit {
            drop(guard); // discards the one that waits
        }
        assert!(bus.subscriptions().is_empty());
        let busy = bus.wait_idle(BRIEF).unwrap_err();
        assert_eq!(busy.handlers[0].name.as_deref(), Some("last"));

        go.send(()).unwrap();
        if by_limit {
            begun.recv_timeout(LONG).unwrap();
            let late = bus.shutdown(BRIEF);
            assert!(!late.is_complete() && late.handlers[0].running, "{late}");
            go.send(()).unwrap();
        } else {
            bus.wait_idle(LONG).unwrap();
            assert!(bus.shutdown(LONG).is_complete());
        }
    }
}

#[test]
fn of_the_calls_of_a_queue_the_first_is_timed_and_then_one_in_64() {
    let bus = Bus::new();
    let guard = bus.on("job").unwrap().in_thread().capacity(200).subscribe(|_| {}).unwrap();
    for n in 0..129 {
        publish_event!(bus: &bus, "job", n);
    }
    bus.wait_idle(LONG).unwrap();
    assert_eq!((guard.info().delivered, guard.info().latency.unwrap().samples), (129, 3));
}
