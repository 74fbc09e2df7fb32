//! Handlers with a queue, through the bus: a worker that is driven on a thread of its own, and whoever ends it meanwhile.
//! Each event that was offered is settled once, whoever comes first.

use std::sync::Arc;
use std::time::Duration;

use loom::thread::{self, JoinHandle};
use ringbus::__models::{Driver, driven, suspended};
use ringbus::{Bus, CloseError, Event, Outcome, Overflow, Subscription};

use crate::support::Model;
use crate::support::ending::*;

/// loom knows no time: it is never over.
const LONG: Duration = Duration::from_secs(3600);

/// A handler with a queue that calls what it has captured.
fn subscribe(bus: &Bus, life: &Life) -> (Subscription, Driver) {
    let capture = life.capture();
    driven(bus.on("queued").unwrap(), 1, move |_| {
        capture.call();
        Ok(())
    })
}

/// The same, suspended after that.
fn subscribe_suspended(bus: &Bus, life: &Life) -> (Subscription, Driver) {
    let capture = life.capture();
    suspended(bus.on("queued").unwrap(), 1, move |_| capture.call())
}

fn event() -> Event {
    Event::builder("queued").build().unwrap()
}

/// How many queues took the event.
fn enqueue(bus: &Bus) -> u64 {
    bus.publish(event()).enqueued.into()
}

fn drive(driver: &Driver) -> JoinHandle<()> {
    let driver = driver.again();
    thread::spawn(move || driver.run())
}

/// What was delivered, discarded and dropped; nothing else may have become of what was offered.
fn settled(guard: &Subscription, offered: u64) -> (u64, u64, u64) {
    let queue = guard.info().queue.unwrap();
    let counts = (queue.delivered, queue.discarded, queue.dropped);
    assert_eq!((queue.offered, queue.waiting, queue.running), (offered, 0, 0), "{queue:?}");
    assert_eq!(counts.0 + counts.1 + counts.2, offered, "{queue:?}");
    counts
}

/// After `close` no call runs, or will ever run, and the handler has been dropped; what it did not handle was discarded.
#[test]
fn close_against_a_call() {
    Model {
        name: "queued::close_against_a_call",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["handled", "discarded"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, driver) = subscribe(&bus, &life);
        assert_eq!(enqueue(&bus), 1);
        let worker = drive(&driver);
        let closer = {
            let life = life.clone();
            thread::spawn(move || {
                guard.close().unwrap();
                assert_eq!(life.drops(), 1, "closed, and not dropped");
                let (delivered, discarded, _) = settled(&guard, 1);
                assert_eq!(life.calls() as u64, delivered);
                (delivered, discarded)
            })
        };
        let (delivered, discarded) = closer.join().unwrap();
        worker.join().unwrap();
        assert_eq!(life.calls() as u64, delivered, "called after `close`");
        if discarded == 0 { "handled" } else { "discarded" }
    });
}

/// The same where the call is suspended on its way: that is dropped, or its end is waited for.
#[test]
fn close_against_a_poll() {
    Model {
        name: "queued::close_against_a_poll",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["handled", "suspended and dropped", "discarded"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, driver) = subscribe_suspended(&bus, &life);
        assert_eq!(enqueue(&bus), 1);
        let worker = drive(&driver);
        let closer = {
            let life = life.clone();
            thread::spawn(move || {
                guard.close().unwrap();
                assert_eq!(life.drops(), 1, "closed, and not dropped");
                let (delivered, _, _) = settled(&guard, 1);
                (life.calls(), delivered)
            })
        };
        let (calls, delivered) = closer.join().unwrap();
        worker.join().unwrap();
        assert_eq!(life.calls(), calls, "called after `close`");
        match (calls, delivered) {
            (0, 0) => "discarded",
            (1, 0) => "suspended and dropped",
            (1, 1) => "handled",
            other => panic!("{other:?}"),
        }
    });
}

/// A publisher hands an event over while the subscription is ended, and nobody works: the event is discarded by one of
/// the two.
#[test]
fn stop_against_a_push() {
    Model {
        name: "queued::stop_against_a_push",
        promise: "P8",
        preemptions: Some(3),
        outcomes: &["never offered", "discarded"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, _driver) = subscribe(&bus, &life);
        let there = {
            let bus = bus.clone();
            thread::spawn(move || enqueue(&bus))
        };
        let id = guard.id();
        bus.unsubscribe(id);
        there.join().unwrap();
        assert_eq!(life.drops(), 1);
        let offered = guard.info().queue.unwrap().offered;
        let (delivered, _, _) = settled(&guard, offered);
        assert_eq!((delivered, life.calls()), (0, 0));
        if offered == 0 { "never offered" } else { "discarded" }
    });
}

/// A drain has everything handled that the queue took, and nothing is discarded.
#[test]
fn drain_against_a_push() {
    Model {
        name: "queued::drain_against_a_push",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["never offered", "handled"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, driver) = subscribe(&bus, &life);
        let worker = drive(&driver);
        let there = {
            let bus = bus.clone();
            thread::spawn(move || enqueue(&bus))
        };
        let closer = {
            let life = life.clone();
            thread::spawn(move || {
                assert_eq!(guard.close_drained(LONG), Ok(()));
                assert_eq!(life.drops(), 1);
                guard
            })
        };
        let guard = closer.join().unwrap();
        let enqueued = there.join().unwrap();
        worker.join().unwrap();
        let (delivered, discarded, dropped) = settled(&guard, enqueued);
        assert_eq!((delivered, discarded, dropped), (enqueued, 0, 0));
        assert_eq!(life.calls() as u64, delivered);
        if enqueued == 0 { "never offered" } else { "handled" }
    });
}

/// A drain that is begun inside of another handler waits for nobody; what a publisher is just handing over is handled too.
#[test]
fn a_drain_that_cannot_wait_against_a_push() {
    Model {
        name: "queued::a_drain_that_cannot_wait_against_a_push",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["never offered", "handled"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, driver) = subscribe(&bus, &life);
        let worker = drive(&driver);
        let there = {
            let bus = bus.clone();
            thread::spawn(move || enqueue(&bus))
        };
        let guard = Arc::new(guard);
        let theirs = Arc::clone(&guard);
        let stop = bus.on("stop").unwrap();
        let stop = stop.subscribe(move |_| assert_eq!(theirs.close_drained(LONG), Err(CloseError::InsideHandler)));
        bus.publish(Event::builder("stop").build().unwrap());
        drop(stop);
        let enqueued = there.join().unwrap();
        assert_eq!(guard.close_drained(LONG), Ok(()));
        worker.join().unwrap();
        assert_eq!(settled(&guard, enqueued), (enqueued, 0, 0));
        assert_eq!((life.calls() as u64, life.drops()), (enqueued, 1));
        if enqueued == 0 { "never offered" } else { "handled" }
    });
}

/// When a shutdown has returned, no handler runs, or will ever run; an event was refused, handled, or came to nobody.
#[test]
fn shutdown_against_a_publish() {
    Model {
        name: "queued::shutdown_against_a_publish",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["refused", "handled", "came to nobody"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, driver) = subscribe(&bus, &life);
        let worker = drive(&driver);
        let there = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish(event()))
        };
        let closer = {
            let (bus, life) = (bus.clone(), life.clone());
            thread::spawn(move || {
                let report = bus.shutdown(LONG);
                assert!(report.is_complete(), "{report}");
                assert_eq!(life.drops(), 1);
                life.calls()
            })
        };
        let calls = closer.join().unwrap();
        let delivery = there.join().unwrap();
        worker.join().unwrap();
        assert_eq!(life.calls(), calls, "called after the shutdown");
        assert_eq!(enqueue(&bus), 0);
        let (delivered, discarded, _) = settled(&guard, delivery.enqueued.into());
        assert_eq!((delivered, discarded), (delivery.enqueued.into(), 0));
        match (delivery.outcome, delivered) {
            (Outcome::ShutDown, 0) => "refused",
            (Outcome::Published | Outcome::Disabled, 0) => "came to nobody",
            (Outcome::Published, 1) => "handled",
            other => panic!("{other:?}"),
        }
    });
}

/// Who takes events out by itself, as a stream does, gets each that the queue took, and then the end: no wake-up is lost.
#[test]
fn a_receiver_against_a_publish_and_a_shutdown() {
    Model {
        name: "queued::a_receiver_against_a_publish_and_a_shutdown",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["refused", "received", "came to nobody"],
    }
    .check(|| {
        let bus = bus();
        let mut events = bus.on("queued").unwrap().receiver().unwrap();
        let reader = thread::spawn(move || (events.by_ref().count() as u64, events));
        let there = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish(event()))
        };
        let report = bus.shutdown(LONG);
        assert!(report.is_complete(), "{report}");
        let (received, events) = reader.join().unwrap();
        let delivery = there.join().unwrap();
        let (delivered, discarded, dropped) = settled(events.subscription(), delivery.enqueued.into());
        assert_eq!((delivered, discarded, dropped), (received, 0, 0));
        match (delivery.outcome, received) {
            (Outcome::ShutDown, 0) => "refused",
            (Outcome::Published | Outcome::Disabled, 0) => "came to nobody",
            (Outcome::Published, 1) => "received",
            other => panic!("{other:?}"),
        }
    });
}

/// A publisher that waits for room goes on when an event is taken out.
#[test]
fn a_full_queue_against_a_receiver() {
    Model {
        name: "queued::a_full_queue_against_a_receiver",
        promise: "P8",
        preemptions: Some(2),
        outcomes: &["received"],
    }
    .check(|| {
        let bus = bus();
        let full = Overflow::Block { up_to: LONG };
        let mut events = bus.on("queued").unwrap().queued().capacity(1).when_full(full).receiver().unwrap();
        let publisher = {
            let bus = bus.clone();
            thread::spawn(move || enqueue(&bus) + enqueue(&bus))
        };
        assert!(events.recv().is_ok() && events.recv().is_ok());
        assert_eq!(publisher.join().unwrap(), 2);
        assert_eq!(settled(events.subscription(), 2), (2, 0, 0));
        "received"
    });
}

/// Who waits for an event goes on when its handler has finished with it, and knows what it did.
#[test]
fn a_publish_that_waits() {
    Model { name: "queued::a_publish_that_waits", promise: "P5, P8", preemptions: Some(2), outcomes: &["handled"] }
        .check(|| {
            let (bus, life) = (bus(), Life::new());
            let (guard, driver) = subscribe(&bus, &life);
            let worker = drive(&driver);
            let publisher = {
                let (bus, life) = (bus.clone(), life.clone());
                thread::spawn(move || {
                    let waited = bus.publish_and_wait(event(), None).unwrap();
                    assert_eq!((waited.delivered, waited.errors.len(), waited.running.len()), (1, 0, 0));
                    assert_eq!(life.calls(), 1, "gone on before the handler was done");
                })
            };
            publisher.join().unwrap();
            drop(guard);
            worker.join().unwrap();
            "handled"
        });
}

/// Who waits for an event whose handler is closed meanwhile does not wait in vain.
#[test]
fn a_publish_that_waits_for_nobody() {
    Model {
        name: "queued::a_publish_that_waits_for_nobody",
        promise: "P6, P8",
        preemptions: Some(2),
        outcomes: &["never offered", "discarded"],
    }
    .check(|| {
        let (bus, life) = (bus(), Life::new());
        let (guard, _driver) = subscribe(&bus, &life);
        let there = {
            let bus = bus.clone();
            thread::spawn(move || bus.publish_and_wait(event(), None).unwrap().errors.len())
        };
        guard.close().unwrap();
        let lost = there.join().unwrap();
        assert_eq!((life.calls(), life.drops()), (0, 1));
        if lost == 0 { "never offered" } else { "discarded" }
    });
}
