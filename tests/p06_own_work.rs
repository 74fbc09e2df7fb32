//! Whoever does the work of a queue may run users' code outside of any call of a handler: hooks, and what drops. There
//! too it does not wait for the end of what it is working for (P6).
#![cfg(not(ringbus_loom))]

#[path = "support/held.rs"]
mod held;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use held::{LONG, held, publish};
use ringbus::{
    BoxError, Breaker, Bus, BusBuilder, CloseError, FieldReader, FieldWriter, Payload, Subscription, Warning, current,
    publish_event,
};

/// Ends a handler from wherever it is asked to, once, or where it is dropped; and tells what came of it.
#[derive(Clone)]
struct Ender {
    guard: Arc<Mutex<Option<Subscription>>>,
    tell: mpsc::Sender<Result<(), CloseError>>,
}

impl Ender {
    fn new() -> (Self, mpsc::Receiver<Result<(), CloseError>>) {
        let (tell, told) = mpsc::channel();
        (Self { guard: Arc::default(), tell }, told)
    }

    fn end(&self) {
        let guard = self.guard.lock().unwrap().take();
        if let Some(guard) = guard {
            // Of the two the first is refused, and so must be the second.
            let _ = self.tell.send(guard.close_timeout(LONG));
            let _ = self.tell.send(guard.close_drained(LONG));
        }
    }
}

/// An error, or a payload, that ends a handler when it is dropped.
struct Ending(Ender);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ending")
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ending")
    }
}

impl std::error::Error for Ending {}

impl Payload for Ending {
    const KIND: &'static str = "p08.ending";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }
}

/// Has a handler with a thread answer one event so; a hook, or what it answers, ends it then on that thread.
fn ended_by_its_worker(
    hook: impl FnOnce(BusBuilder, Ender) -> BusBuilder,
    answer: impl Fn(&Ender) -> Result<(), BoxError> + Send + 'static,
) {
    let (ender, told) = Ender::new();
    let bus = hook(Bus::builder(), ender.clone()).build().unwrap();
    let (go, may_go) = mpsc::channel::<()>();
    let own = ender.clone();
    let guard = bus.on("job").unwrap().breaker(Breaker::after(NonZeroU32::MIN)).in_thread().try_subscribe(move |_| {
        let _ = may_go.recv();
        answer(&own)
    });
    *ender.guard.lock().unwrap() = Some(guard.unwrap());
    publish(&bus, 1);
    drop(go);
    for _ in 0..2 {
        assert_eq!(told.recv_timeout(LONG).unwrap(), Err(CloseError::InsideHandler));
    }
    assert!(bus.shutdown(LONG).is_complete());
}

fn failed(_: &Ender) -> Result<(), BoxError> {
    Err("no".into())
}

#[test]
fn a_failure_hook_does_not_wait_for_the_worker_it_runs_on() {
    ended_by_its_worker(|bus, ender| bus.on_failure(move |_| ender.end()), failed);
}

#[test]
fn a_warning_hook_does_not_wait_for_the_worker_it_runs_on() {
    let at_circuit = |bus: BusBuilder, ender: Ender| {
        bus.on_warning(move |warning| {
            if let Warning::Circuit { .. } = warning {
                ender.end();
            }
        })
    };
    ended_by_its_worker(at_circuit, failed);
    let when_slow = |bus: BusBuilder, ender: Ender| {
        bus.slow_after(Duration::ZERO).on_warning(move |warning| {
            if let Warning::Slow { .. } = warning {
                ender.end();
            }
        })
    };
    ended_by_its_worker(when_slow, |_| Ok(()));
}

#[test]
fn an_errors_drop_does_not_wait_for_the_worker_it_runs_on() {
    ended_by_its_worker(|bus, _| bus, |ender| Err(Box::new(Ending(ender.clone()))));
}

#[test]
fn a_payloads_drop_does_not_wait_for_the_worker_it_runs_on() {
    let (ender, told) = Ender::new();
    let bus = Bus::builder().history(0).build().unwrap();
    let (held, handler) = held();
    let guard = bus.on("**").unwrap().in_thread().subscribe(handler).unwrap();
    *ender.guard.lock().unwrap() = Some(guard);
    bus.publish(Ending(ender));
    held.begun.recv().unwrap();
    drop(held.go);
    assert_eq!(told.recv_timeout(LONG).unwrap(), Err(CloseError::InsideHandler));
    assert!(bus.shutdown(LONG).is_complete());
}

#[test]
fn a_payload_that_is_discarded_does_not_wait_for_that() {
    let (ender, told) = Ender::new();
    let bus = Bus::builder().history(0).build().unwrap();
    let (held, handler) = held();
    let guard = bus.on("**").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 1);
    held.begun.recv().unwrap();
    *ender.guard.lock().unwrap() = Some(guard);
    bus.publish(Ending(ender));
    assert_eq!(bus.shutdown(Duration::ZERO).abandoned(), 1);
    assert_eq!(told.recv_timeout(LONG).unwrap(), Err(CloseError::InsideHandler));
    drop(held.go);
    bus.wait_idle(LONG).unwrap();
}

#[test]
fn a_shutdown_from_a_failure_hook_on_the_handlers_thread_does_not_wait() {
    let (tell, told) = mpsc::channel();
    let own: Arc<Mutex<Option<Bus>>> = Arc::default();
    let bus = Arc::clone(&own);
    let hook = move |_: &ringbus::Failure<'_>| {
        if let Some(bus) = bus.lock().unwrap().take() {
            tell.send(bus.shutdown(LONG).unfinished).unwrap();
        }
    };
    let bus = Bus::builder().on_failure(hook).build().unwrap();
    let guard = bus.on("job").unwrap().in_thread().try_subscribe(|_| Err("no".into())).unwrap();
    *own.lock().unwrap() = Some(bus.clone());
    publish(&bus, 1);
    assert!(told.recv_timeout(LONG * 2).unwrap(), "it has waited for its own worker");
    guard.close().unwrap();
}

#[test]
fn what_a_failure_hook_publishes_is_caused_by_the_event_that_has_failed() {
    let hook = |_: &ringbus::Failure<'_>| drop(publish_event!(bus: &current().unwrap(), "alert"));
    let bus = Bus::builder().on_failure(hook).build().unwrap();
    let _jobs = bus.on("job").unwrap().in_thread().try_subscribe(|_| Err("no".into())).unwrap();
    publish(&bus, 1);
    bus.wait_idle(LONG).unwrap();
    let [job, alert] = ["job", "alert"].map(|kind| bus.history().matching(kind).unwrap().take(1).remove(0));
    assert_eq!(alert.cause(), Some(job.id()));
}
