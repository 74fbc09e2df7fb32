//! What the bus calls of the users' code: a panic in it ends there, and is counted where it is a handler's.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringbus::{
    BoxError, Bus, Event, FailureCause, FailurePolicy, Handler, Reentrancy, SubscriptionState, publish_event,
};

use crate::payloads::{Decoded, Doubtful, Fine, Invalid, Invaluable, Nameless, Unreadable, Unwritable};
use crate::{Bomb, Counts, ENDLESS, MOOD, Mood, Scene, alone, case, publish};

/// An error all of whose methods panic.
#[derive(Clone, Copy)]
pub(crate) struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("ordered: no words")
    }
}

impl fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("ordered: no details")
    }
}

impl Error for Unspeakable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("ordered: no reason")
    }
}

/// A handler object whose call panics.
struct Object(#[allow(dead_code)] Arc<()>);

impl Handler for Object {
    fn handle(&self, _: &Event) -> Result<(), BoxError> {
        panic!("ordered: an object")
    }
}

fn unspeakable() -> Result<(), BoxError> {
    Err(Box::new(Unspeakable))
}

/// Publishes with the logger in this mood.
fn publish_logged(scene: &Scene, mood: Mood) {
    MOOD.set(mood);
    publish(&scene.bus);
}

#[test]
fn p04_a_handler_that_panics_is_counted_and_the_others_are_called() {
    let _alone = alone();
    let panicked = Counts::panicked;
    case("untyped", Bus::builder(), panicked(3), |scene| {
        let kept = scene.captured();
        scene.bus.on("p04.case").unwrap().subscribe(move |_| panic!("ordered {}", Arc::strong_count(&kept))).detach();
        (0..3).for_each(|_| publish(&scene.bus));
    });
    case("fallible", Bus::builder(), panicked(1), |scene| {
        scene.bus.on("p04.case").unwrap().try_subscribe(|_| panic!("ordered")).detach();
        publish(&scene.bus);
    });
    case("an error", Bus::builder(), Counts::failed(1), |scene| {
        scene.bus.on("p04.case").unwrap().try_subscribe(|_| Err("ordered".into())).detach();
        publish(&scene.bus);
    });
    case("typed", Bus::builder(), panicked(2), |scene| {
        let kept = scene.captured();
        let handler = move |fine: &Fine| panic!("ordered {} {}", fine.0, Arc::strong_count(&kept));
        scene.bus.subscribe_to(handler).unwrap().detach();
        scene.bus.try_subscribe_to(|_: &Fine| panic!("ordered")).unwrap().detach();
        scene.bus.publish(Fine(1));
    });
    case("an object", Bus::builder(), panicked(1), |scene| {
        // It takes all kinds: what looks at the bus afterwards would fail.
        let object: Arc<dyn Handler> = Arc::new(Object(scene.captured()));
        scene.bus.subscribe_handler(Arc::clone(&object)).unwrap();
        publish(&scene.bus);
        assert!(scene.bus.unsubscribe_handler(&object));
    });
    case("told of the past", Bus::builder(), panicked(3), |scene| {
        (0..2).for_each(|_| publish(&scene.bus));
        let late = scene.bus.on("p04.case").unwrap().replay(5).subscribe(|_| panic!("ordered"));
        publish(&scene.bus);
        assert_eq!((late.info().panicked, late.state()), (3, SubscriptionState::Active));
    });
    case("nested", Bus::builder(), Counts { delivered: 1, ..panicked(1) }, nested);
    let deferred = Bus::builder().reentrancy(Reentrancy::Deferred);
    case("nested, later", deferred, Counts { delivered: 1, ..panicked(1) }, nested);
    case("quarantine", Bus::builder(), panicked(2), |scene| {
        let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(2).unwrap() };
        let guard = scene.bus.on("p04.case").unwrap().failure_policy(policy).subscribe(|_| panic!("ordered"));
        (0..5).for_each(|_| publish(&scene.bus));
        assert_eq!((guard.state(), guard.info().quarantined), (SubscriptionState::Quarantined, 3));
    });
    case("unwinding", Bus::builder(), panicked(1), |scene| {
        let begun = scene.bus.on("p04.case").unwrap().failure_policy(FailurePolicy::Unwind);
        begun.subscribe(|_| panic!("ordered")).detach();
        assert!(catch_unwind(AssertUnwindSafe(|| publish(&scene.bus))).is_err());
    });
    case("limited", Bus::builder(), panicked(2), |scene| {
        let kept = scene.captured();
        let begun = scene.bus.on("p04.case").unwrap().limit(2);
        let guard = begun.subscribe(move |_| panic!("ordered {}", Arc::strong_count(&kept)));
        (0..4).for_each(|_| publish(&scene.bus));
        assert_eq!(guard.state(), SubscriptionState::Ended);
    });
}

fn nested(scene: &Scene) {
    let weak = scene.bus.downgrade();
    let outer = move |_: &Event| drop(publish_event!(bus: &weak.upgrade().unwrap(), "p04.inner"));
    scene.bus.on("p04.case").unwrap().subscribe(outer).detach();
    scene.bus.on("p04.inner").unwrap().subscribe(|_| panic!("ordered")).detach();
    publish(&scene.bus);
}

#[test]
fn p04_what_is_thrown_may_panic_again_when_it_is_dropped() {
    let _alone = alone();
    for (bomb, forgotten) in [(1, 0), (5, 0), (ENDLESS, 1)] {
        case("thrown", Bus::builder(), Counts::panicked(1).forgotten(forgotten), |scene| {
            scene.bus.on("p04.case").unwrap().subscribe(move |_| panic_any(Bomb(bomb))).detach();
            publish(&scene.bus);
        });
        case("thrown by a filter", Bus::builder(), Counts::panicked(1).forgotten(forgotten), |scene| {
            let begun = scene.bus.on("p04.case").unwrap().filter(move |_| panic_any(Bomb(bomb)));
            begun.subscribe(|_| {}).detach();
            publish(&scene.bus);
        });
        case("thrown by both of two that unwind", Bus::builder(), Counts::panicked(2).forgotten(forgotten), |scene| {
            for _ in 0..2 {
                let begun = scene.bus.on("p04.case").unwrap().failure_policy(FailurePolicy::Unwind);
                begun.subscribe(move |_| panic_any(Bomb(bomb))).detach();
            }
            // The first one goes on; it is the catcher's.
            std::mem::forget(catch_unwind(AssertUnwindSafe(|| publish(&scene.bus))));
        });
        let hook = move |_: &ringbus::Failure<'_>| panic_any(Bomb(bomb));
        case("thrown by a hook", Bus::builder().on_failure(hook), Counts::failed(1).forgotten(forgotten), |scene| {
            scene.bus.on("p04.case").unwrap().try_subscribe(|_| Err("ordered".into())).detach();
            publish(&scene.bus);
        });
    }
}

#[test]
fn p04_a_filter_that_panics_is_a_failed_call() {
    let _alone = alone();
    case("the only one", Bus::builder(), Counts::panicked(2), |scene| {
        let kept = scene.captured();
        let begun = scene.bus.on("p04.case").unwrap().filter(move |_| panic!("ordered {}", Arc::strong_count(&kept)));
        let guard = begun.once().subscribe(|_| unreachable!("its filter panicked"));
        (0..2).for_each(|_| publish(&scene.bus));
        assert!(guard.is_active(), "no call was used up");
    });
    case("the second", Bus::builder(), Counts::panicked(1), |scene| {
        let begun = scene.bus.on("p04.case").unwrap().filter(|_| true).filter(|_| panic!("ordered"));
        begun.subscribe(|_| {}).detach();
        publish(&scene.bus);
    });
    case("a typed handler's", Bus::builder(), Counts::panicked(1), |scene| {
        let begun = scene.bus.on_payload::<Fine>().unwrap().filter(|_| panic!("ordered"));
        begun.subscribe(|_| {}).detach();
        scene.bus.publish(Fine(1));
    });
}

#[test]
fn p04_hooks_and_loggers_that_panic_are_no_failures() {
    let _alone = alone();
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let failing = Bus::builder().on_failure(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("ordered: a failure hook");
    });
    case("a failure hook", failing, Counts { failed: 2, panicked: 1, ..Counts::default() }, |scene| {
        scene.bus.on("p04.case").unwrap().subscribe(|_| panic!("ordered")).detach();
        scene.bus.on("p04.case").unwrap().try_subscribe(|_| Err("ordered".into())).detach();
        publish(&scene.bus);
    });
    assert_eq!(calls.swap(0, Ordering::Relaxed), 2);
    let count = Arc::clone(&calls);
    let warning = Bus::builder().slow_after(Duration::ZERO).on_warning(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("ordered: a warning hook");
    });
    case("a warning hook", warning, Counts::default(), |scene| {
        publish(&scene.bus);
        drop(scene.bus.on("p04.never").unwrap().subscribe(|_| {}));
    });
    assert!(calls.load(Ordering::Relaxed) >= 3, "two slow handlers, and one dropped at once");
    for (mood, forgotten) in [(Mood::Panics, 0), (Mood::PanicsWhenAsked, 0), (Mood::PanicsWithoutEnd, 1)] {
        case("a logger", Bus::builder(), Counts::failed(1).forgotten(forgotten), |scene| {
            scene.bus.on("p04.case").unwrap().try_subscribe(|_| Err("ordered".into())).detach();
            publish_logged(scene, mood);
        });
    }
}

#[test]
fn p04_an_error_whose_methods_panic_spoils_its_own_report() {
    let _alone = alone();
    case("in the logger", Bus::builder(), Counts::failed(1), |scene| {
        scene.bus.on("p04.case").unwrap().try_subscribe(|_| unspeakable()).detach();
        publish_logged(scene, Mood::Writes);
    });
    type Ask = fn(&dyn Error) -> String;
    let asked: [Ask; 3] = [
        |error| error.to_string(),
        |error| format!("{error:?}"),
        |error| error.source().map(ToString::to_string).unwrap_or_default(),
    ];
    for ask in asked {
        let hook = move |failure: &ringbus::Failure<'_>| match failure.cause {
            FailureCause::Error(error) => drop(ask(&**error)),
            _ => unreachable!("an error is expected"),
        };
        case("in a hook", Bus::builder().on_failure(hook), Counts::failed(1), |scene| {
            scene.bus.on("p04.case").unwrap().try_subscribe(|_| unspeakable()).detach();
            publish(&scene.bus);
        });
    }
    // The publisher is told of the panic in its stead.
    case("while unwinding", Bus::builder(), Counts::failed(1), |scene| {
        let begun = scene.bus.on("p04.case").unwrap().failure_policy(FailurePolicy::Unwind);
        begun.try_subscribe(|_| unspeakable()).detach();
        let thrown = catch_unwind(AssertUnwindSafe(|| publish(&scene.bus))).unwrap_err();
        assert_eq!(thrown.downcast_ref::<String>().map(String::as_str), Some("ordered: no words"));
    });
}

/// Handlers that read the fields are not to blame: they see one that tells of the panic.
fn reads_fields<T: ringbus::Payload>(name: &str, payload: T, forgotten: u64) {
    case(name, Bus::builder(), Counts::delivered(1).forgotten(forgotten), |scene| {
        scene.bus.on(T::KIND).unwrap().subscribe(|event| assert!(event.get("panicked").is_some())).detach();
        scene.bus.publish(payload);
        assert_eq!(scene.bus.recent(1)[0].payload().len(), 1);
    });
}

#[test]
fn p04_payloads_whose_methods_panic() {
    let _alone = alone();
    reads_fields("names", Nameless, 0);
    reads_fields("fields", Unwritable, 0);
    reads_fields("a value", Invaluable, 0);
    // Decoded inside of a handler's call: its failure.
    fn decodes<T: ringbus::Payload>(scene: &Scene) {
        scene.bus.on_payload::<T>().unwrap().decode().subscribe(|_| {}).detach();
        publish_event!(bus: &scene.bus, kind: T::KIND, n = 1);
    }
    case("reading names", Bus::builder(), Counts::panicked(1), decodes::<Nameless>);
    case("reading", Bus::builder(), Counts::panicked(1), decodes::<Unreadable>);
    case("validating", Bus::builder(), Counts::panicked(1), decodes::<Doubtful>);
    case("saying why", Bus::builder(), Counts::panicked(1), decodes::<Invalid>);
    case("dropping what was decoded", Bus::builder(), Counts::panicked(1), decodes::<Decoded>);
}
