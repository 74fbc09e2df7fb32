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
