//! P10: publishing in odd moments. Allocators and forks have files of their own.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use ringbus::{Bus, Outcome, publish_event};

use crate::{n, quietly, recorded};

/// Publishes when it is dropped, and keeps the outcome.
struct Farewell(Bus, Arc<Mutex<Vec<(Outcome, u32)>>>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let delivery = publish_event!(bus: &self.0, "p10.farewell", n = 1);
        self.1.lock().unwrap().push((delivery.outcome, delivery.delivered));
    }
}

#[test]
fn p10_thread_local_destructors_publish() {
    thread_local! {
        static BEFORE: RefCell<Option<Farewell>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Farewell>> = const { RefCell::new(None) };
    }
    let bus = Bus::new();
    let _guard = bus.subscribe(|_| {});
    let outcomes = Arc::default();
    for round in 1..=20 {
        let (bus, outcomes) = (bus.clone(), Arc::clone(&outcomes));
        let farewell = Farewell(bus.clone(), outcomes);
        let again = Farewell(bus.clone(), Arc::clone(&farewell.1));
        std::thread::spawn(move || {
            // One destructor is registered before the thread's first publish, one after: they run on either side of
            // the bus's own.
            BEFORE.with(|slot| *slot.borrow_mut() = Some(farewell));
            publish_event!(bus: &bus, "p10.first", n = round);
            AFTER.with(|slot| *slot.borrow_mut() = Some(again));
        })
        .join()
        .unwrap();
    }
    let outcomes = outcomes.lock().unwrap();
    assert_eq!(*outcomes, vec![(Outcome::Published, 1); 40]);
    assert_eq!(bus.stats().totals.published, 60);
}

#[test]
fn p10_while_panicking_events_are_recorded_not_dispatched() {
    let bus = Bus::new();
    let _guard = bus.subscribe(|_| {});
    let outcomes = Arc::default();
    let farewell = Farewell(bus.clone(), Arc::clone(&outcomes));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        quietly(|| {
            let _farewell = farewell;
            panic!("ordered: unwinding");
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(*outcomes.lock().unwrap(), [(Outcome::Panicking, 0)]);
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.while_panicking, totals.delivered), (1, 1, 0));
    assert_eq!(publish_event!(bus: &bus, "p10.after", n = 2).delivered, 1);
}

#[test]
fn p10_a_handler_may_drop_the_last_handle_of_its_bus_or_of_another() {
    let other = Arc::new(Mutex::new(Some(Bus::new())));
    other.lock().unwrap().as_ref().unwrap().subscribe(|_| {}).detach();
    let bus = Bus::new();
    let held = Arc::new(Mutex::new(Some(bus.clone())));
    let _guard = {
        let (held, other) = (Arc::clone(&held), Arc::clone(&other));
        bus.subscribe(move |_| {
            drop(held.lock().unwrap().take());
            drop(other.lock().unwrap().take());
        })
    };
    assert_eq!(publish_event!(bus: &bus, "p10.drop").delivered, 1);
    drop(bus);
}

#[test]
fn p10_a_bus_can_be_dropped_while_its_events_live_on() {
    let bus = Bus::builder().history(3).build().unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p10.kept", n, text = "a text longer than fits in place")));
    assert_eq!(recorded(&bus), [2, 3, 4]);
    let kept = bus.recent(2);
    drop(bus);
    assert_eq!(kept.iter().map(n).collect::<Vec<_>>(), [4, 3]);
}

#[test]
fn p10_try_recent_answers_at_once_also_in_a_handler() {
    let bus = Bus::new();
    publish_event!(bus: &bus, "p10.first", n = 1);
    assert_eq!(bus.try_recent(5).unwrap().len(), 1);
    assert_eq!(bus.history().matching("p10.*").unwrap().try_take(5).unwrap().len(), 1);
}
