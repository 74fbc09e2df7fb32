//! P10: while a thread panics its events are recorded; only handlers that asked for it are called, and none aborts.
//!
//! A binary of its own, and one test: the panic hook is the process's.
#![cfg(not(ringbus_loom))]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, FailurePolicy, Outcome, publish_event};

type Seen = Arc<Mutex<Vec<(Outcome, u32, u32)>>>;

/// Publishes when it is dropped, by unwinding too.
struct LastWords(Bus, Seen);

impl Drop for LastWords {
    fn drop(&mut self) {
        let delivery = publish_event!(bus: &self.0, "p10.drop");
        self.1.lock().unwrap().push((delivery.outcome, delivery.delivered, delivery.failed));
    }
}

#[test]
fn p10_only_who_asked_for_it_is_called_while_a_thread_panics() {
    let bus = Bus::new();
    let usual = bus.subscribe(|_| {});
    let asked = bus.on("p10.*").unwrap().while_panicking(true).subscribe(|_| {});
    // In a drop its failure is contained; what it asks for, unwinding, would abort there, and is not done.
    let failing = bus.on("p10.drop").unwrap().while_panicking(true).failure_policy(FailurePolicy::Unwind);
    let failing = failing.try_subscribe(|_| Err("ordered".into()));

    let seen = Seen::default();
    let (in_hook, hook_bus) = (Arc::clone(&seen), bus.clone());
    set_hook(Box::new(move |_| {
        let delivery = publish_event!(bus: &hook_bus, "p10.hook");
        in_hook.lock().unwrap().push((delivery.outcome, delivery.delivered, delivery.failed));
    }));
    let last_words = LastWords(bus.clone(), Arc::clone(&seen));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _last_words = last_words;
        panic!("ordered");
    }));
    drop(take_hook());
    assert!(unwound.is_err());
    assert_eq!(*seen.lock().unwrap(), [(Outcome::Panicking, 1, 0), (Outcome::Panicking, 1, 1)]);
    assert_eq!((usual.info().delivered, asked.info().delivered, failing.info().failed), (0, 2, 1));
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.while_panicking, totals.delivered, totals.failed), (2, 2, 2, 1));

    drop(failing);
    assert_eq!(publish_event!(bus: &bus, "p10.drop").delivered, 2, "the thread publishes as before");
}
