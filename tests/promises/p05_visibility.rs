//! P5: who subscribed before sees the event; who was removed before its turn does not.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, Subscription, current, publish_event};

use crate::Log;

#[test]
fn p05_a_subscription_sees_what_is_published_after_it_on_any_thread() {
    let bus = Bus::new();
    let (to_publisher, jobs) = mpsc::channel::<Sender<u32>>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for reply in jobs {
                // Call sites of this thread knew that nobody listened to this kind.
                reply.send(publish_event!(bus: &bus, "p05.any").delivered).unwrap();
            }
        });
        let publish = || {
            let (reply, answer) = mpsc::channel();
            to_publisher.send(reply).unwrap();
            answer.recv().unwrap()
        };
        for pattern in ["p05.any", "p05.*", "**", "*.any"] {
            assert_eq!(publish(), 0);
            let guard = bus.on(pattern).unwrap().subscribe(|_| {});
            assert_eq!(publish(), 1, "{pattern}");
            drop(guard);
        }
        drop(to_publisher);
    });
}

#[test]
fn p05_one_made_during_a_dispatch_does_not_see_that_event() {
    let bus = Bus::new();
    let late = Arc::new(Mutex::new(Vec::<Subscription>::new()));
    let seen = Arc::new(AtomicU64::new(0));
    let _first = {
        let (late, seen) = (Arc::clone(&late), Arc::clone(&seen));
        bus.on("p05").unwrap().order(1).subscribe(move |_| {
            let seen = Arc::clone(&seen);
            let guard = current().unwrap().subscribe(move |_| {
                seen.fetch_add(1, Ordering::Relaxed);
            });
            late.lock().unwrap().push(guard);
        })
    };
    publish_event!(bus: &bus, "p05");
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    publish_event!(bus: &bus, "p05");
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    late.lock().unwrap().clear();
}

#[test]
fn p05_a_handler_removed_before_its_turn_is_not_called() {
    let bus = Bus::new();
    let log = Log::default();
    let victim = Arc::new(Mutex::new(None::<Subscription>));
    let _killer = {
        let (victim, log) = (Arc::clone(&victim), log.clone());
        bus.on("p05").unwrap().order(1).subscribe(move |_| {
            log.add("killer");
            drop(victim.lock().unwrap().take());
        })
    };
    let call = log.clone();
    *victim.lock().unwrap() = Some(bus.subscribe(move |_| call.add("victim")));
    assert_eq!(publish_event!(bus: &bus, "p05").delivered, 1);
    assert_eq!(log.take(), ["killer"]);
}

#[test]
fn p05_a_call_site_that_was_off_wakes_with_the_first_subscription() {
    let bus = Bus::builder().history(0).build().unwrap();
    let publish = || publish_event!(bus: &bus, "p05.off").delivered;
    assert_eq!(publish(), 0);
    let guard = bus.subscribe(|_| {});
    assert_eq!(publish(), 1);
    drop(guard);
    assert_eq!(publish(), 0);
    bus.disable();
    let _guard = bus.subscribe(|_| {});
    assert_eq!(publish(), 0);
    bus.enable();
    assert_eq!(publish(), 1);
}

/// However a handler is found, and however it is removed: by its guard, by its id, or by its object's handle.
#[test]
fn p05_removed_by_any_means_it_is_not_called_in_its_turn() {
    struct Object(Log);
    impl ringbus::Handler for Object {
        fn handle(&self, _: &ringbus::Event) -> Result<(), ringbus::BoxError> {
            self.0.add("object");
            Ok(())
        }
    }
    for pattern in ["p05.means", "p05.*", "**"] {
        let bus = Bus::new();
        let log = Log::default();
        let call = |name: &'static str| {
            let log = log.clone();
            move |_: &ringbus::Event| log.add(name)
        };
        let object = Arc::new(Object(log.clone()));
        let (by_guard, by_id) = (Arc::new(Mutex::new(None::<Subscription>)), Arc::new(AtomicU64::new(0)));
        let _killer = {
            let (log, object, by_guard, by_id) =
                (log.clone(), Arc::clone(&object), Arc::clone(&by_guard), Arc::clone(&by_id));
            bus.on(pattern).unwrap().order(1).subscribe(move |_| {
                let bus = current().unwrap();
                drop(by_guard.lock().unwrap().take());
                for info in bus.subscriptions() {
                    if info.name.as_deref() == Some("by id") {
                        by_id.fetch_add(u64::from(bus.unsubscribe(info.id)), Ordering::Relaxed);
                    }
                }
                bus.unsubscribe_handler(&object);
                log.add("killer");
            })
        };
        *by_guard.lock().unwrap() = Some(bus.on(pattern).unwrap().subscribe(call("by guard")));
        let guard = bus.on(pattern).unwrap().named("by id").subscribe(call("by id"));
        bus.subscribe_handler(object.clone()).unwrap();
        let _stays = bus.on(pattern).unwrap().subscribe(call("stays"));

        assert_eq!(publish_event!(bus: &bus, "p05.means").delivered, 2, "{pattern}");
        assert_eq!(log.take(), ["killer", "stays"], "{pattern}");
        assert_eq!((by_id.load(Ordering::Relaxed), guard.is_active()), (1, false));
        assert_eq!(guard.info().delivered, 0);
    }
}

#[test]
fn p05_removed_by_another_thread_in_the_middle_of_a_dispatch_it_is_not_called() {
    let bus = Bus::new();
    let (entered, has_entered) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    let may_leave = Mutex::new(may_leave);
    let _slow = bus.on("**").unwrap().order(1).subscribe(move |_| {
        entered.send(()).unwrap();
        may_leave.lock().unwrap().recv().unwrap();
    });
    let log = Log::default();
    let call = log.clone();
    let victim = bus.subscribe(move |_| call.add("victim"));
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| publish_event!(bus: &bus, "p05").delivered);
        has_entered.recv().unwrap();
        victim.unsubscribe();
        leave.send(()).unwrap();
        assert_eq!(publisher.join().unwrap(), 1);
    });
    assert!(log.take().is_empty());
}

#[test]
fn p05_one_that_removes_itself_ends_its_call_and_is_not_called_again() {
    let bus = Bus::new();
    let own = Arc::new(Mutex::new(None::<Subscription>));
    let log = Log::default();
    let guard = {
        let (own, log) = (Arc::clone(&own), log.clone());
        bus.subscribe(move |_| {
            drop(own.lock().unwrap().take());
            assert_eq!(publish_event!(bus: &current().unwrap(), "p05").delivered, 0, "nor in a nested publish");
            log.add("ended");
        })
    };
    *own.lock().unwrap() = Some(guard);
    assert_eq!(publish_event!(bus: &bus, "p05").delivered, 1);
    assert_eq!(publish_event!(bus: &bus, "p05").delivered, 0);
    assert_eq!(log.take(), ["ended"]);
}

/// Thousands of times: who is told that a subscription has been made reaches it; who is told that it ended does not.
/// Without a history, so that the bus opens and closes with it.
#[test]
fn p05_what_another_thread_was_told_holds_for_its_next_publish() {
    let bus = Bus::builder().history(0).build().unwrap();
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    std::thread::scope(|scope| {
        let publisher = &bus;
        scope.spawn(move || {
            for () in asked {
                answer.send(publish_event!(bus: publisher, "p05.told").delivered).unwrap();
            }
        });
        let published = || {
            ask.send(()).unwrap();
            answered.recv().unwrap()
        };
        for round in 0..2000 {
            let pattern = ["p05.told", "p05.*", "**"][round % 3];
            let guard = bus.on(pattern).unwrap().subscribe(|_| {});
            assert_eq!(published(), 1, "round {round}");
            match round % 2 {
                0 => drop(guard),
                _ => guard.close().unwrap(),
            }
            assert_eq!(published(), 0, "round {round}");
        }
        drop(ask);
    });
}

/// A subscription sees an unbroken piece of each publisher's events: all from some point on, until it ends.
#[test]
fn p05_a_subscription_that_comes_and_goes_under_load_misses_nothing_between() {
    const EACH: i64 = 20_000;
    let bus = Bus::builder().history(10).build().unwrap();
    let published = [const { AtomicU64::new(0) }; 2];
    std::thread::scope(|scope| {
        for (thread, published) in published.iter().enumerate() {
            let bus = &bus;
            scope.spawn(move || {
                for n in 0..EACH {
                    publish_event!(bus: bus, "p05.load", thread, n);
                    published.store(n as u64 + 1, Ordering::Release);
                    // Pairs with `done`: what is published after a number that is unseen there sees the subscription.
                    fence(Ordering::SeqCst);
                }
            });
        }
        let done = || {
            fence(Ordering::SeqCst);
            published.each_ref().map(|published| published.load(Ordering::Acquire) as i64)
        };
        while done() != [EACH; 2] {
            let (sender, seen) = mpsc::channel();
            let guard = bus.on("p05.*").unwrap().subscribe(move |event| {
                let number = |name| event.get(name).and_then(ringbus::Value::as_i64).unwrap();
                sender.send((number("thread"), number("n"))).unwrap();
            });
            let from = done();
            (0..50).for_each(|_| std::thread::yield_now());
            let until = done();
            guard.close().unwrap();
            let seen: Vec<_> = seen.iter().collect();
            for thread in [0, 1] {
                let numbers: Vec<i64> = seen.iter().filter(|(of, _)| *of == thread).map(|(_, n)| *n).collect();
                assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "a gap: {numbers:?}");
                let (from, until) = (from[thread as usize], until[thread as usize]);
                // What was being published when it came or went may or may not be seen.
                if until > from + 1 {
                    assert!(numbers.first().is_some_and(|first| *first <= from + 1), "{from}: {numbers:?}");
                    assert!(numbers.last().is_some_and(|last| *last + 1 >= until), "{until}: {numbers:?}");
                }
            }
        }
    });
}

/// A kind that no call site names: it is found by its name alone.
#[test]
fn p05_of_two_that_name_a_kind_told_at_run_time_the_one_that_stays_is_called() {
    let bus = Bus::new();
    let publish = || publish_event!(bus: &bus, kind: format!("p05.{}", "named.at.run.time")).delivered;
    let [first, second] = [(); 2].map(|()| bus.on("p05.named.at.run.time").unwrap().subscribe(|_| {}));
    assert_eq!(publish(), 2);
    drop(first);
    assert_eq!(publish(), 1);
    drop(second);
    assert_eq!(publish(), 0);
}
