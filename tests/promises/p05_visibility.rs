//! P5: who subscribed before sees the event; who was removed before its turn does not.

use std::sync::atomic::{AtomicU64, Ordering};
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
