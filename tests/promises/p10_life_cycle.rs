//! P10: publishing in odd moments. Allocators and forks have files of their own.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{Bus, Outcome, RecvError, publish_event};

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

/// Drops it while the thread panics.
fn drop_unwinding(farewell: Farewell) {
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        quietly(|| {
            let _farewell = farewell;
            panic!("ordered: unwinding");
        })
    }));
    assert!(unwound.is_err());
}

#[test]
fn p10_while_panicking_events_are_recorded_not_dispatched() {
    let bus = Bus::new();
    let _guard = bus.subscribe(|_| {});
    let outcomes = Arc::default();
    drop_unwinding(Farewell(bus.clone(), Arc::clone(&outcomes)));
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

/// Does what it holds when it is dropped.
struct AtEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

/// Runs `early` and `late` in destructors of a thread's locals: one before and one after the bus's own.
fn at_thread_end(
    first: impl FnOnce() + Send + 'static,
    early: impl FnOnce() + 'static + Send,
    late: impl FnOnce() + Send + 'static,
) {
    thread_local! {
        static BEFORE: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    }
    std::thread::spawn(move || {
        BEFORE.with(|slot| *slot.borrow_mut() = Some(AtEnd(Some(Box::new(early)))));
        first();
        AFTER.with(|slot| *slot.borrow_mut() = Some(AtEnd(Some(Box::new(late)))));
    })
    .join()
    .unwrap();
}

#[test]
fn p10_thread_local_destructors_use_the_whole_bus() {
    let bus = Bus::builder().history(50).build().unwrap();
    let _counts = bus.on("p10.end").unwrap().subscribe(|_| {});
    let done = Arc::new(Mutex::new(Vec::new()));
    let all = |name: &'static str| {
        let (bus, done) = (bus.clone(), Arc::clone(&done));
        move || {
            let captured = Arc::new(());
            let kept = Arc::clone(&captured);
            let guard = bus.on(["p10.end", "p10.*"]).unwrap().subscribe(move |_| _ = &kept);
            let delivery = publish_event!(bus: &bus, "p10.end", n = 1);
            let dynamic = publish_event!(bus: &bus, kind: format!("p10.end.{name}"), text = "x".repeat(100));
            let newest = bus.recent(1).remove(0).id() == dynamic.event.as_ref().unwrap().id();
            let nested = current_inside(&bus);
            guard.close().unwrap();
            let handlers = bus.stats().handlers;
            done.lock().unwrap().push((
                name,
                delivery.delivered,
                newest,
                nested,
                Arc::strong_count(&captured),
                handlers,
            ));
        }
    };
    for _ in 0..10 {
        at_thread_end(all("first"), all("early"), all("late"));
        let mut done = std::mem::take(&mut *done.lock().unwrap());
        done.sort_unstable();
        assert_eq!(done, ["early", "first", "late"].map(|name| (name, 2, true, true, 1, 1)));
    }
}

/// Whether a handler called on this thread finds its bus.
fn current_inside(bus: &Bus) -> bool {
    let found = Arc::new(Mutex::new(false));
    let (inside, own) = (Arc::clone(&found), bus.downgrade());
    let guard = bus.on("p10.current").unwrap().subscribe(move |_| {
        let bus = own.upgrade().unwrap();
        *inside.lock().unwrap() = ringbus::current().is_some_and(|current| current.same_bus(&bus));
    });
    publish_event!(bus: bus, "p10.current");
    drop(guard);
    let found = *found.lock().unwrap();
    found && ringbus::current().is_none()
}

#[test]
fn p10_a_bus_and_its_guards_may_end_with_a_thread() {
    for _ in 0..10 {
        let captured = Arc::new(());
        let make = || {
            let (bus, kept) = (Bus::builder().history(5).build().unwrap(), Arc::clone(&captured));
            let guard = bus.subscribe(move |_| _ = &kept);
            (0..10).for_each(|n| drop(publish_event!(bus: &bus, "p10.with.thread", n)));
            (bus, guard)
        };
        let ((early, early_guard), (late, late_guard)) = (make(), make());
        at_thread_end(
            || drop(publish_event!(bus: &Bus::new(), "p10.other")),
            // The bus before its guard, and the guard before its bus.
            move || drop((early, early_guard)),
            move || drop((late_guard, late)),
        );
        assert_eq!(Arc::strong_count(&captured), 1);
    }
}

/// A thread whose first use of the bus is its last.
#[test]
fn p10_a_threads_first_publish_may_come_from_a_destructor() {
    let bus = Bus::builder().history(100).build().unwrap();
    let guard = bus.subscribe(|_| {});
    for n in 0..30 {
        let (early, late) = (bus.clone(), bus.clone());
        let publish = move |bus: &Bus| drop(publish_event!(bus: bus, "p10.last", n));
        at_thread_end(|| {}, move || publish(&early), move || publish(&late));
    }
    assert_eq!((guard.info().delivered, bus.recent(100).len()), (60, 60));
    let ids: std::collections::HashSet<_> = bus.recent(100).iter().map(|event| event.id()).collect();
    assert_eq!(ids.len(), 60, "each has an id of its own");
}

#[test]
fn p10_a_handlers_own_unwinding_publishes_without_dispatch() {
    let bus = Bus::new();
    let outcomes = Arc::default();
    let _counts = bus.on("p10.farewell").unwrap().subscribe(|_| {});
    let _broken = {
        let (weak, outcomes) = (bus.downgrade(), Arc::clone(&outcomes));
        bus.on("p10.break").unwrap().subscribe(move |_| {
            quietly(|| {
                let _farewell = Farewell(weak.upgrade().unwrap(), Arc::clone(&outcomes));
                panic!("ordered: a handler unwinds");
            })
        })
    };
    assert_eq!(publish_event!(bus: &bus, "p10.break", n = 0).failed, 1);
    assert_eq!(*outcomes.lock().unwrap(), [(Outcome::Panicking, 0)]);
    assert_eq!(publish_event!(bus: &bus, "p10.farewell", n = 2).delivered, 1, "the thread is no longer panicking");
    assert_eq!((bus.stats().totals.while_panicking, recorded(&bus)), (1, vec![0, 1, 2]));
}

#[test]
fn p10_while_unwinding_guards_and_buses_end_as_usual() {
    let captured = Arc::new(());
    let (outer, kept) = (Bus::new(), Arc::clone(&captured));
    let unwound = catch_unwind(|| {
        quietly(|| {
            let (bus, inner) = (Bus::new(), Arc::clone(&kept));
            let _of_inner = bus.subscribe(move |_| _ = &inner);
            let inner = Arc::clone(&kept);
            let _of_outer = outer.subscribe(move |_| _ = &inner);
            let _closes = AtEnd(Some(Box::new({
                let guard = bus.subscribe(|_| {});
                move || guard.close().unwrap()
            })));
            panic!("ordered: unwinding");
        })
    });
    assert!(unwound.is_err());
    assert_eq!((Arc::strong_count(&captured), outer.stats().handlers), (2, 0));
    drop(kept);
}

#[test]
fn p10_a_handle_that_keeps_nothing_alive_says_so() {
    let weak = ringbus::WeakBus::default();
    assert!(weak.upgrade().is_none());
    let bus = Bus::new();
    let weak = bus.downgrade();
    let other = weak.upgrade().unwrap();
    drop(bus);
    assert!(other.same_bus(&weak.upgrade().unwrap()), "one handle is left");
    drop(other);
    assert!(weak.upgrade().is_none());
}

/// Handles dropped on several threads at once, some of them in handlers: the last one ends the bus, once.
#[test]
fn p10_the_last_of_many_threads_ends_the_bus() {
    for _ in 0..100 {
        let captured = Arc::new(());
        let (bus, kept) = (Bus::builder().history(8).build().unwrap(), Arc::clone(&captured));
        bus.subscribe(move |_| _ = &kept).detach();
        let guard = bus.on("p10.*").unwrap().subscribe(|_| drop(ringbus::current()));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let bus = bus.clone();
                scope.spawn(move || {
                    publish_event!(bus: &bus, "p10.last", n = 1);
                    drop(bus);
                });
            }
            scope.spawn(move || guard.close().unwrap());
            drop(bus);
        });
        assert_eq!(Arc::strong_count(&captured), 1);
    }
}

/// Also where the kind is known and the handler would be called straight away: from the third call on.
#[test]
fn p10_while_panicking_only_those_are_called_who_asked_for_that() {
    let bus = Bus::new();
    let plain = bus.on("p10.farewell").unwrap().subscribe(|_| {});
    let asks = bus.on("p10.farewell").unwrap().while_panicking(true).subscribe(|_| {});
    let outcomes = Arc::default();
    (0..2).for_each(|_| drop(Farewell(bus.clone(), Arc::clone(&outcomes))));
    drop_unwinding(Farewell(bus.clone(), Arc::clone(&outcomes)));
    let calm = (Outcome::Published, 2);
    assert_eq!(*outcomes.lock().unwrap(), [calm, calm, (Outcome::Panicking, 1)]);
    assert_eq!((plain.info().delivered, asks.info().delivered), (2, 3));
}

#[test]
fn p10_what_is_subscribed_after_a_shutdown_has_ended_and_holds_nothing() {
    let (bus, captured) = (Bus::new(), Arc::new(()));
    let subscribe = || {
        let kept = Arc::clone(&captured);
        bus.subscribe(move |_| _ = &kept)
    };
    let early = subscribe();
    let report = bus.shutdown(Duration::from_secs(60));
    assert_eq!((report.handlers.len(), report.is_complete()), (1, true), "there is nothing to wait for");
    let late = subscribe();
    assert_eq!((early.is_active(), late.is_active(), Arc::strong_count(&captured)), (false, false, 1));
    assert_eq!(bus.on("p10.late").unwrap().receiver().unwrap().try_recv().err(), Some(RecvError::Ended));
}
