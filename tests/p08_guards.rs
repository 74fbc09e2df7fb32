//! The guard of a handler with a queue does what that of any other does (P6, P8).
#![cfg(not(ringbus_loom))]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{Bus, Subscription, Warning, publish_event};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn it_names_and_mutes_its_handler() {
    let bus = Bus::new();
    let (tell, told) = channel();
    let handler = move |job: &ringbus::Event| tell.send(job.get("n").unwrap().as_i64()).unwrap();
    let guard = bus.on("job").unwrap().named("jobs").in_thread().subscribe(handler).unwrap();
    let publish = |n: i64| publish_event!(bus: &bus, "job", n).enqueued;
    assert_eq!((guard.name(), guard.is_muted(), guard.unmute(), publish(0)), (Some("jobs"), false, false, 1));
    assert!(guard.mute() && guard.is_muted() && !guard.mute());
    assert_eq!(publish(1), 0, "muted");
    assert!(guard.unmute() && !guard.is_muted());
    assert_eq!((publish(2), guard.is_active()), (1, true));
    guard.close_drained(LONG).unwrap();
    assert!(told.try_iter().eq([Some(0), Some(2)]) && !guard.is_active());
}

#[test]
fn one_that_is_dropped_at_once_is_warned_of() {
    let warned = Arc::new(Mutex::new(0));
    let count = Arc::clone(&warned);
    let warn = move |warning: &Warning<'_>| {
        *count.lock().unwrap() += i32::from(matches!(warning, Warning::DroppedAtOnce { .. }));
    };
    let bus = Bus::builder().on_warning(warn).build().unwrap();
    let unused = || bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
    unused().unsubscribe();
    drop(bus.on("job").unwrap().receiver().unwrap());
    assert_eq!(*warned.lock().unwrap(), 0, "it was meant");
    drop(unused());
    assert_eq!(*warned.lock().unwrap(), 1);
    let seen_others = unused();
    publish_event!(bus: &bus, "other");
    drop(seen_others);
    assert_eq!(*warned.lock().unwrap(), 1, "it was there for a while");
}

/// Where it is dropped, it asks how a handler stands.
struct Asks(Arc<Mutex<Option<Subscription>>>, Sender<bool>);

impl Drop for Asks {
    fn drop(&mut self) {
        let is_active = self.0.lock().unwrap().as_ref().map(Subscription::is_active);
        let _ = is_active.map(|is_active| self.1.send(is_active));
    }
}

#[test]
fn no_handler_is_active_while_its_bus_is_dropped() {
    let bus = Bus::new();
    let (tell, told) = channel();
    let other = Arc::new(Mutex::new(None));
    let asks = Asks(Arc::clone(&other), tell);
    let _asks = bus.subscribe(move |_| _ = &asks);
    *other.lock().unwrap() = Some(bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap());
    drop(bus);
    assert_eq!(told.try_recv(), Ok(false));
}
