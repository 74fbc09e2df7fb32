//! Ends that are awaited inside the very handler that they are to end: in what it has captured, while that is dropped, and
//! in other queues' work that it does. They are refused, and wait for nothing (P6).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/by_hand.rs"]
mod by_hand;

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use by_hand::by_hand;
use ringbus::{Bus, CloseError, Subscription, publish_event};

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

type Closed = Poll<Result<(), CloseError>>;

/// How far an end comes without waiting.
fn closed(guard: &Subscription) -> Closed {
    pin!(guard.close_async()).poll(&mut Context::from_waker(Waker::noop()))
}

/// Ends its own handler when that is dropped, and tells how far it has come.
struct Owner {
    guard: Mutex<Option<Subscription>>,
    tell: Sender<Closed>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.get_mut().unwrap().take() {
            let _ = self.tell.send(closed(&guard));
        }
    }
}

/// A handler that owns its guard through what it has captured, is dropped by a shutdown with this limit.
fn dropped(limit: Duration, subscribe: impl FnOnce(&Bus, Box<dyn Fn() + Send + Sync>) -> Subscription) {
    let bus = Bus::new();
    let (tell, told) = channel();
    let owner = Arc::new(Owner { guard: Mutex::default(), tell });
    let own = Arc::downgrade(&owner);
    let guard = subscribe(&bus, Box::new(move || _ = &owner));
    *own.upgrade().unwrap().guard.lock().unwrap() = Some(guard);
    publish_event!(bus: &bus, "job");
    bus.wait_idle(LONG).unwrap();
    bus.shutdown(limit);
    assert_eq!(told.recv_timeout(LONG).unwrap(), Poll::Ready(Err(CloseError::InsideHandler)));
}

#[test]
fn a_handler_that_ends_itself_in_its_own_drop_does_not_wait_for_that() {
    // On the thread that takes it away, or on its own.
    for limit in [Duration::ZERO, LONG] {
        dropped(limit, |bus, handler| bus.on("job").unwrap().in_thread().subscribe(move |_| handler()).unwrap());
    }
    dropped(LONG, |bus, handler| bus.on("job").unwrap().subscribe(move |_| handler()));
}

#[test]
fn a_handler_is_not_waited_for_in_other_queues_work_that_it_does() {
    let bus = Bus::new();
    let guard: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let ((tell, told), (executor, tasks)): ((_, Receiver<Closed>), _) = (channel(), by_hand());
    let inner = bus.on("inner").unwrap().on_executor(executor);
    let own = Arc::clone(&guard);
    let inner = inner.subscribe(move |_| {
        let (own, tell) = (Arc::clone(&own), tell.clone());
        async move {
            let guard = own.lock().unwrap().take();
            let _ = tell.send(closed(&guard.unwrap()));
        }
    });
    let _inner = inner.unwrap();
    let mut task = tasks.recv().unwrap();
    let handler = move |_: &ringbus::Event| {
        // As a runtime does whose `block_on` is called here.
        let _ = pin!(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    };
    publish_event!(bus: &bus, "inner");
    let mut place = guard.lock().unwrap();
    *place = Some(bus.on("job").unwrap().in_thread().subscribe(handler).unwrap());
    drop(place);
    publish_event!(bus: &bus, "job");
    assert_eq!(told.recv_timeout(LONG).unwrap(), Poll::Ready(Err(CloseError::InsideHandler)));
    assert!(bus.shutdown(LONG).handlers.iter().all(|end| !end.running));
}
