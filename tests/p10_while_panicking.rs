//! P10: subscriptions that asked for it are called for what a panicking thread publishes, from a `Drop` and from the
//! panic hook, which makes this a process of its own. The hook is quiet, so that panics that are ordered print nothing.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use ringbus::{Bus, Delivery, FailurePolicy, Outcome, SubscriptionState, publish_event};

/// What the hook does; one test at a time.
static IN_HOOK: Mutex<Option<InHook>> = Mutex::new(None);

type InHook = Box<dyn Fn() + Send>;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = std::panic::take_hook();
        set_hook(Box::new(move |info| {
            if !info.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("ordered")) {
                return report(info);
            }
            let call = IN_HOOK.lock().unwrap_or_else(PoisonError::into_inner).take();
            call.iter().for_each(|call| call());
        }));
    });
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls when it is dropped.
struct AtDrop<F: Fn()>(F);

impl<F: Fn()> Drop for AtDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What `publish` answers in a `Drop` during unwinding.
fn unwinding(publish: impl Fn() -> Delivery) -> Delivery {
    let answer = Mutex::new(None);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _at_drop = AtDrop(|| *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(publish()));
        panic!("ordered: unwinding");
    }));
    assert!(unwound.is_err());
    answer.into_inner().unwrap_or_else(PoisonError::into_inner).expect("it was dropped")
}

/// What `publish` answers in the panic hook.
fn in_hook(publish: impl Fn() -> Delivery + Send + 'static) -> Delivery {
    let answer = Arc::new(Mutex::new(None));
    let to = Arc::clone(&answer);
    *IN_HOOK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(move || {
        let delivery = publish();
        *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
    }));
    assert!(catch_unwind(|| panic!("ordered: through the hook")).is_err());
    let delivery = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    delivery.expect("the hook was called")
}

/// Both ways, one after the other.
fn both(publish: impl Fn() -> Delivery + Clone + Send + 'static) -> [Delivery; 2] {
    [unwinding(publish.clone()), in_hook(publish)]
}

fn publish(bus: &Bus) -> impl Fn() -> Delivery + Clone + Send + 'static {
    let bus = bus.clone();
    move || publish_event!(bus: &bus, "p10.panicking", n = 1)
}

#[test]
fn p10_who_asked_for_it_is_called_while_panicking_and_nobody_else_is() {
    let _alone = alone();
    let bus = Bus::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&lines);
    let _before = bus.on("**").unwrap().order(1).subscribe(|_| {});
    let asked = bus.on("p10.*").unwrap().while_panicking(true).subscribe(move |event| {
        list.lock().unwrap().push((event.kind().to_string(), std::thread::panicking()));
    });
    let refused = bus.on("p10.*").unwrap().while_panicking(true).while_panicking(false).subscribe(|_| {});
    for delivery in both(publish(&bus)) {
        assert_eq!((delivery.outcome, delivery.delivered, delivery.failed), (Outcome::Panicking, 1, 0));
        assert!(delivery.event.is_some());
    }
    assert_eq!(*lines.lock().unwrap(), vec![("p10.panicking".to_owned(), true); 2]);
    assert_eq!((asked.info().delivered, refused.info().delivered, refused.info().skipped), (2, 0, 0));
    let totals = bus.stats().totals;
    assert_eq!((totals.published, totals.while_panicking, totals.delivered, totals.unheard), (2, 2, 2, 0));
    assert_eq!(publish(&bus)().delivered, 3, "and at any other time");
    // What is subscribed for nobody in particular is no warning while panicking.
    drop(asked);
    let delivery = unwinding(publish(&bus));
    assert_eq!((delivery.outcome, delivery.delivered), (Outcome::Panicking, 0));
    assert_eq!(bus.stats().totals.unheard, 0);
    assert_eq!(bus.recent(10).len(), 4);
}

#[test]
fn p10_while_panicking_an_unwinding_policy_does_not_abort() {
    let _alone = alone();
    let bus = Bus::new();
    let begin = |order| bus.on("**").unwrap().while_panicking(true).order(order);
    let fatal = begin(1).failure_policy(FailurePolicy::Unwind).try_subscribe(|_| Err("ordered: fatal".into()));
    let after = begin(0).subscribe(|_| {});
    for delivery in both(publish(&bus)) {
        assert_eq!((delivery.outcome, delivery.delivered, delivery.failed), (Outcome::Panicking, 1, 1));
    }
    assert_eq!((fatal.info().failed, after.info().delivered, bus.stats().totals.failed), (2, 2, 2));
    // It goes on as soon as the thread does.
    let payload = catch_unwind(AssertUnwindSafe(|| publish(&bus)())).unwrap_err();
    assert!(payload.downcast_ref::<String>().unwrap().contains("ordered: fatal"));
}

#[test]
fn p10_while_panicking_options_hold_and_nested_publishes_are_dispatched() {
    let _alone = alone();
    for reentrancy in [ringbus::Reentrancy::DepthFirst, ringbus::Reentrancy::Deferred] {
        let bus = Bus::builder().reentrancy(reentrancy).depth_limit(2).build().unwrap();
        let begin = |kind: &str| bus.on(kind).unwrap().while_panicking(true);
        let weak = bus.downgrade();
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&outcomes);
        let _nests = begin("p10.**").subscribe(move |event| {
            let delivery = publish_event!(bus: &weak.upgrade().unwrap(), kind: format!("{}.deeper", event.kind()));
            list.lock().unwrap().push((delivery.outcome, delivery.delivered));
        });
        let muted = begin("p10.panicking").subscribe(|_| {});
        muted.mute();
        let filtered = begin("p10.panicking").filter(|_| false).subscribe(|_| {});
        let once = begin("p10.panicking").once().subscribe(|_| {});
        let delivered = both(publish(&bus)).map(|delivery| (delivery.outcome, delivery.delivered));
        assert_eq!(delivered, [(Outcome::Panicking, 2), (Outcome::Panicking, 1)]);
        // Two levels, the third is too deep; each answer is that of a panicking thread.
        let innermost = (Outcome::Panicking, 0);
        assert_eq!(*outcomes.lock().unwrap(), [innermost, (Outcome::Panicking, 1), innermost, (Outcome::Panicking, 1)]);
        assert_eq!((muted.info().skipped, filtered.info().skipped), (2, 2));
        assert_eq!((once.info().delivered, once.state()), (1, SubscriptionState::Ended));
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.while_panicking, totals.deferred), (6, 6, 0));
    }
}

#[test]
fn p10_while_panicking_errors_are_counted_reported_and_lead_to_quarantine() {
    let _alone = alone();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&reports);
    let hook = move |failure: &ringbus::Failure<'_>| list.lock().unwrap().push(failure.quarantined);
    let bus = Bus::builder().on_failure(hook).build().unwrap();
    let after = std::num::NonZeroU32::new(2).unwrap();
    let begun = bus.on("**").unwrap().while_panicking(true).failure_policy(FailurePolicy::Quarantine { after });
    let broken = begun.try_subscribe(|_| Err("ordered".into()));
    assert_eq!(both(publish(&bus)).map(|delivery| delivery.failed), [1, 1]);
    assert_eq!(both(publish(&bus)).map(|delivery| delivery.failed), [0, 0]);
    let info = broken.info();
    assert_eq!((info.failed, info.panicked, info.quarantined), (2, 0, 2));
    assert_eq!(*reports.lock().unwrap(), [false, true]);
}

#[test]
fn p10_a_close_while_unwinding_waits_for_the_call() {
    let _alone = alone();
    let bus = Bus::new();
    let (begin, begun) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let guard = bus.on("p10.held").unwrap().subscribe(move |_| {
        begin.send(()).unwrap();
        let _ = may_go.lock().unwrap().recv();
    });
    let (guard, closed) = (&guard, &Mutex::new(None));
    std::thread::scope(|scope| {
        scope.spawn(|| publish_event!(bus: &bus, "p10.held"));
        begun.recv().unwrap();
        scope.spawn(|| {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _at_drop = AtDrop(|| {
                    let result = guard.close();
                    *closed.lock().unwrap_or_else(PoisonError::into_inner) = Some((result, guard.info().delivered));
                });
                panic!("ordered: unwinding");
            }));
            assert!(unwound.is_err());
        });
        while guard.is_active() {
            std::thread::yield_now();
        }
        drop(go);
    });
    assert_eq!(*closed.lock().unwrap_or_else(PoisonError::into_inner), Some((Ok(()), 1)));
}
