//! P6: after drop no later event; after close no call either, and the closure is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use ringbus::{Bus, CloseError, Subscription, publish_event};

/// A handler that waits inside until it is let go, and the two barriers of that.
fn blocking(bus: &Bus, captured: Arc<()>) -> (Arc<Subscription>, Arc<Barrier>, Arc<Barrier>) {
    let (inside, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let guard = {
        let (inside, leave) = (Arc::clone(&inside), Arc::clone(&leave));
        bus.subscribe(move |_| {
            let _captured = &captured;
            inside.wait();
            leave.wait();
        })
    };
    (Arc::new(guard), inside, leave)
}

#[test]
fn p06_close_waits_for_the_call_and_drops_the_closure() {
    let bus = Bus::new();
    let captured = Arc::new(());
    let (guard, inside, leave) = blocking(&bus, Arc::clone(&captured));
    let closed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| publish_event!(bus: &bus, "p06"));
        inside.wait();
        let closer = scope.spawn(|| {
            guard.close().unwrap();
            closed.store(true, Ordering::Release);
        });
        // Unsubscribed at once, though the closer is still waiting.
        while guard.is_active() {
            std::thread::yield_now();
        }
        assert_eq!(publish_event!(bus: &bus, "p06").delivered, 0);
        assert!(!closed.load(Ordering::Acquire), "a call still runs");
        assert_eq!(Arc::strong_count(&captured), 2);
        leave.wait();
        closer.join().unwrap();
    });
    assert_eq!(Arc::strong_count(&captured), 1);
    guard.close().unwrap();
}

#[test]
fn p06_two_closers_both_return_after_the_drop() {
    for _ in 0..200 {
        let bus = Bus::new();
        let captured = Arc::new(());
        let (guard, inside, leave) = blocking(&bus, Arc::clone(&captured));
        std::thread::scope(|scope| {
            scope.spawn(|| publish_event!(bus: &bus, "p06"));
            inside.wait();
            for _ in 0..2 {
                scope.spawn(|| {
                    guard.close().unwrap();
                    assert_eq!(Arc::strong_count(&captured), 1);
                });
            }
            leave.wait();
        });
    }
}

#[test]
fn p06_close_timeout_names_the_thread_and_can_be_repeated() {
    let bus = Bus::new();
    let (guard, inside, leave) = blocking(&bus, Arc::new(()));
    std::thread::scope(|scope| {
        let publish = || publish_event!(bus: &bus, "p06");
        std::thread::Builder::new().name("stuck-publisher".into()).spawn_scoped(scope, publish).unwrap();
        inside.wait();
        for _ in 0..3 {
            let error = guard.close_timeout(Duration::from_millis(1)).unwrap_err();
            let CloseError::TimedOut { ref threads, .. } = error else { panic!("{error}") };
            assert_eq!(*threads, ["stuck-publisher"]);
            assert!(error.to_string().ends_with("the handler still runs on: stuck-publisher"), "{error}");
        }
        leave.wait();
        guard.close_timeout(Duration::from_secs(3600)).unwrap();
    });
}

#[test]
fn p06_inside_a_handler_close_unsubscribes_and_does_not_wait() {
    let bus = Bus::new();
    let own = Arc::new(Mutex::new(None::<Subscription>));
    let captured = Arc::new(());
    let answer = Arc::new(Mutex::new(None));
    let guard = {
        let (own, captured, answer) = (Arc::clone(&own), Arc::clone(&captured), Arc::clone(&answer));
        bus.subscribe(move |_| {
            let _captured = &captured;
            let guard = own.lock().unwrap().take().unwrap();
            *answer.lock().unwrap() = Some((guard.close(), guard.close_timeout(Duration::from_secs(3600))));
        })
    };
    *own.lock().unwrap() = Some(guard);
    assert_eq!(publish_event!(bus: &bus, "p06").delivered, 1);
    let inside = Some((Err(CloseError::InsideHandler), Err(CloseError::InsideHandler)));
    assert_eq!(*answer.lock().unwrap(), inside);
    assert_eq!(publish_event!(bus: &bus, "p06").delivered, 0);
    assert_eq!(Arc::strong_count(&captured), 1, "dropped with the last call of it");
}

#[test]
fn p06_closing_another_handler_inside_a_handler_does_not_wait_for_oneself() {
    let bus = Bus::new();
    let other = Arc::new(Mutex::new(None::<Subscription>));
    let calls = Arc::new(AtomicU64::new(0));
    let _closer = {
        let other = Arc::clone(&other);
        bus.on("**").unwrap().order(1).subscribe(move |_| {
            if let Some(other) = &*other.lock().unwrap() {
                assert_eq!(other.close(), Err(CloseError::InsideHandler));
            }
        })
    };
    let count = Arc::clone(&calls);
    *other.lock().unwrap() = Some(bus.subscribe(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    publish_event!(bus: &bus, "p06");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn p06_no_call_after_close_while_others_publish() {
    let bus = Bus::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    publish_event!(bus: &bus, "p06.storm", n = 1);
                }
            });
        }
        for _ in 0..500 {
            let open = Arc::new(AtomicBool::new(true));
            let seen = Arc::clone(&open);
            let guard = bus.on("p06.*").unwrap().subscribe(move |_| assert!(seen.load(Ordering::Acquire)));
            guard.close().unwrap();
            assert_eq!(Arc::strong_count(&open), 1);
            open.store(false, Ordering::Release);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(bus.stats().totals.failed, 0);
}

#[test]
fn p06_a_guard_outlives_its_bus() {
    let bus = Bus::new();
    let captured = Arc::new(());
    let kept = Arc::clone(&captured);
    let guard = bus.subscribe(move |_| drop(Arc::clone(&kept)));
    drop(bus);
    assert_eq!(Arc::strong_count(&captured), 1, "the closure went with the bus");
    assert!(!guard.is_active());
    guard.close().unwrap();
}

/// Counts its drops.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whoever ends it, in whatever order and however often: the closure is dropped once, before each close returns.
#[test]
fn p06_the_closure_is_dropped_once() {
    let drops = Arc::new(AtomicU64::new(0));
    let dropped = || drops.swap(0, Ordering::Relaxed);
    let subscribe = |bus: &Bus| {
        let counted = Counted(Arc::clone(&drops));
        bus.subscribe(move |_| _ = &counted)
    };
    let bus = Bus::new();

    drop(subscribe(&bus));
    assert_eq!(dropped(), 1, "dropped guard");
    let guard = subscribe(&bus);
    assert!(bus.unsubscribe(guard.id()) && !bus.unsubscribe(guard.id()));
    guard.close().unwrap();
    assert_eq!(dropped(), 1, "unsubscribed by id, then closed");
    guard.close_timeout(Duration::ZERO).unwrap();
    drop(guard);
    assert_eq!(dropped(), 0, "closed again, then dropped");
    let guard = subscribe(&bus);
    guard.close().unwrap();
    bus.subscribe(|_| {}).detach();
    assert_eq!(dropped(), 1);
    subscribe(&bus).detach();
    let guards = [subscribe(&bus), subscribe(&bus)];
    guards[0].close().unwrap();
    assert_eq!(dropped(), 1);
    drop(bus);
    assert_eq!(dropped(), 2, "one detached, one with a guard");
    guards[1].close().unwrap();
    drop(guards);
    assert_eq!(dropped(), 0);
}

#[test]
fn p06_close_returns_after_the_last_of_several_calls_at_several_depths() {
    const CALLS: usize = 4;
    let bus = Bus::new();
    let (inside, leave) = (Arc::new(Barrier::new(CALLS + 1)), Arc::new(Barrier::new(CALLS + 1)));
    let (running, drops) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    // Calls the closing handler at the depth that the event asks for.
    let weak = bus.downgrade();
    let _deeper = bus.on("p06.deeper").unwrap().subscribe(move |event| {
        let bus = weak.upgrade().unwrap();
        match crate::n(event) {
            0 => publish_event!(bus: &bus, "p06.stop"),
            left => publish_event!(bus: &bus, "p06.deeper", n = left - 1),
        };
    });
    let guard = {
        let (inside, leave, running) = (Arc::clone(&inside), Arc::clone(&leave), Arc::clone(&running));
        let counted = Counted(Arc::clone(&drops));
        bus.on("p06.stop").unwrap().subscribe(move |_| {
            running.fetch_add(1, Ordering::Relaxed);
            inside.wait();
            leave.wait();
            assert_eq!(counted.0.load(Ordering::Relaxed), 0);
            running.fetch_sub(1, Ordering::Release);
        })
    };
    std::thread::scope(|scope| {
        let bus = &bus;
        for depth in 0..CALLS {
            scope.spawn(move || publish_event!(bus: bus, "p06.deeper", n = depth));
        }
        inside.wait();
        let late = guard.close_timeout(Duration::ZERO).unwrap_err();
        assert!(matches!(late, CloseError::TimedOut { ref threads, .. } if threads.len() == CALLS), "{late}");
        let closers = [(); 3].map(|()| {
            scope.spawn(|| {
                guard.close().unwrap();
                assert_eq!((running.load(Ordering::Acquire), drops.load(Ordering::Relaxed)), (0, 1));
            })
        });
        leave.wait();
        closers.into_iter().for_each(|closer| closer.join().unwrap());
    });
    assert_eq!(bus.stats().totals.failed, 0);
}

/// Inside *any* handler, also another bus's, and also where a failure is told of.
#[test]
fn p06_close_knows_that_it_is_inside_a_handler_wherever_that_is() {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (bus, other) = (Bus::new(), Bus::new());
    let victims = Arc::new([(); 3].map(|()| other.subscribe(|_| {})));
    let close = |number: usize| {
        let (answers, victims) = (Arc::clone(&answers), Arc::clone(&victims));
        move || answers.lock().unwrap().push(victims[number].close())
    };
    let in_handler = close(0);
    let _guard = bus.subscribe(move |_| in_handler());
    publish_event!(bus: &bus, "p06.other");

    let in_hook = close(1);
    let failing = Bus::builder().on_failure(move |_| in_hook()).build().unwrap();
    let _fails = failing.try_subscribe(|_| Err("ordered".into()));
    publish_event!(bus: &failing, "p06.hook");

    assert_eq!(*answers.lock().unwrap(), vec![Err(CloseError::InsideHandler); 2]);
    assert_eq!(other.stats().handlers, 1, "unsubscribed all the same");
    victims[2].close().unwrap();
}

#[test]
fn p06_a_detached_handler_stays_and_its_id_ends_it() {
    let bus = Bus::new();
    let guard = bus.subscribe(|_| {});
    let id = guard.id();
    guard.detach();
    assert_eq!(publish_event!(bus: &bus, "p06").delivered, 1);
    assert!(bus.unsubscribe(id));
    assert_eq!(publish_event!(bus: &bus, "p06").delivered, 0);
    assert!(!bus.unsubscribe(id));
}

/// Guards dropped, not closed, under load: nothing published later arrives.
#[test]
fn p06_no_event_published_after_a_drop_arrives() {
    let bus = Bus::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    publish_event!(bus: &bus, "p06.storm", n = 0);
                }
            });
        }
        for _ in 0..1000 {
            let late = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&late);
            let guard = bus.on("p06.*").unwrap().subscribe(move |event| {
                count.fetch_add(u64::from(crate::n(event) == 1), Ordering::Relaxed);
            });
            drop(guard);
            publish_event!(bus: &bus, "p06.storm", n = 1);
            assert_eq!(late.load(Ordering::Relaxed), 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// A closure that owns its own guard, and closes it when it is dropped: it must not wait for its own drop to end.
#[test]
fn p06_close_inside_the_drop_of_a_closure_does_not_wait() {
    use std::sync::OnceLock;
    struct Closes(Arc<OnceLock<Subscription>>, Arc<Mutex<Vec<Result<(), CloseError>>>>);
    impl Drop for Closes {
        fn drop(&mut self) {
            // With a limit, so that waiting would show as an answer; `close` would wait for ever.
            let answer = self.0.get().map_or(Ok(()), |guard| guard.close_timeout(Duration::ZERO));
            self.1.lock().unwrap().push(answer);
        }
    }
    for with_the_bus in [false, true] {
        let bus = Bus::new();
        let (own, answers) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(Vec::new())));
        let closes = Closes(Arc::clone(&own), Arc::clone(&answers));
        own.set(bus.subscribe(move |_| _ = &closes)).unwrap();
        match with_the_bus {
            true => drop(bus),
            false => own.get().unwrap().close().unwrap(),
        }
        assert_eq!(*answers.lock().unwrap(), [Err(CloseError::InsideHandler)]);
    }
}

/// While one close is dropping the closure, another waits for that, and says so when its time is up.
#[test]
fn p06_a_second_close_waits_for_the_first_ones_drop() {
    use std::sync::mpsc::{Receiver, Sender, channel};
    /// Takes its time to drop.
    struct Slow(Sender<()>, Mutex<Receiver<()>>, Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
            self.2.store(true, Ordering::Release);
        }
    }
    let bus = Bus::new();
    let (dropping, is_dropping) = channel();
    let (go_on, may_go_on) = channel();
    let gone = Arc::new(AtomicBool::new(false));
    let slow = Slow(dropping, Mutex::new(may_go_on), Arc::clone(&gone));
    let guard = bus.subscribe(move |_| _ = &slow);
    let close = || {
        guard.close().unwrap();
        assert!(gone.load(Ordering::Acquire), "returned before the closure was gone");
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(close);
        is_dropping.recv().unwrap();
        let error = guard.close_timeout(Duration::ZERO).unwrap_err();
        assert!(matches!(error, CloseError::TimedOut { ref threads, .. } if threads.is_empty()), "{error:?}");
        assert!(error.to_string().ends_with("the handler was still being dropped by another close"), "{error}");
        let second = scope.spawn(close);
        go_on.send(()).unwrap();
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// The table that the other thread reads still leads to all of them.
#[test]
fn p06_a_closure_that_nobody_calls_goes_with_its_guard_though_a_dispatch_is_under_way() {
    let (bus, captured) = (Bus::new(), Arc::new(()));
    let (blocker, inside, leave) = blocking(&bus, Arc::new(()));
    let [dropped, by_id] = [(); 2].map(|()| {
        let kept = Arc::clone(&captured);
        bus.subscribe(move |_| _ = &kept)
    });
    let held = std::thread::scope(|scope| {
        scope.spawn(|| publish_event!(bus: &bus, "p06"));
        inside.wait();
        drop(dropped);
        let after_drop = Arc::strong_count(&captured);
        assert!(bus.unsubscribe(by_id.id()));
        let unsubscribed = Arc::strong_count(&captured);
        drop(by_id);
        let all = [after_drop, unsubscribed, Arc::strong_count(&captured)];
        leave.wait();
        all
    });
    assert_eq!(held, [2, 2, 1], "at once, but not before its guard");
    drop(blocker);
}

/// Where nothing else changes the table: who reads it last frees it.
#[test]
fn p06_a_closure_that_is_removed_inside_its_own_call_goes_with_that_dispatch() {
    let (bus, captured) = (Bus::new(), Arc::new(()));
    let own = Arc::new(Mutex::new(None::<Subscription>));
    let publish = || publish_event!(bus: &bus, "p06.known").delivered;
    assert_eq!(publish(), 0, "from now on the kind is known");
    let guard = {
        let (own, kept) = (Arc::clone(&own), Arc::clone(&captured));
        bus.subscribe(move |_| {
            let _kept = &kept;
            drop(own.lock().unwrap().take());
        })
    };
    *own.lock().unwrap() = Some(guard);
    assert_eq!((publish(), Arc::strong_count(&captured)), (1, 1));
}
