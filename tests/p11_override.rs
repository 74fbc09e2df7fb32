//! P11, and the buses that threads put in the global one's place. A binary of its own: the global bus is the process's.
#![cfg(not(ringbus_loom))]

use std::panic::catch_unwind;
use std::sync::mpsc;

use ringbus::{Bus, Outcome, publish_event};

#[test]
fn p11_an_override_is_its_threads_alone_and_costs_others_no_argument() {
    let (one, two) = (Bus::new(), Bus::new());
    // Nested, and restored, also by a panic.
    ringbus::with_default(&one, || {
        publish_event!("p11.one");
        ringbus::with_default(&two, || publish_event!("p11.two"));
        std::panic::set_hook(Box::new(|_| {}));
        assert!(catch_unwind(|| ringbus::with_default(&Bus::new(), || panic!("ordered"))).is_err());
        drop(std::panic::take_hook());
        publish_event!("p11.one");
        assert!(ringbus::default_bus().same_bus(&one));

        // A spawned thread means the global bus, unless the default is carried to it.
        let mean = || ringbus::default_bus().same_bus(ringbus::global());
        assert!(std::thread::spawn(mean).join().unwrap());
        assert!(!std::thread::spawn(ringbus::propagate(mean)).join().unwrap());
    });
    assert_eq!((one.recent(9).len(), two.recent(9).len(), ringbus::recent(9).len()), (2, 1, 0));
    assert!(ringbus::propagate(|| ringbus::default_bus().same_bus(ringbus::global()))());

    // All functions mean it, and the place of a subscription is its caller's.
    ringbus::with_default(&one, || {
        ringbus::reset();
        let guards = (
            ringbus::subscribe(|_| {}),
            ringbus::try_subscribe(|_| Ok(())),
            ringbus::on("p11.*").unwrap().subscribe(|_| {}),
        );
        assert!(one.subscriptions().iter().all(|info| info.place.file().ends_with("p11_override.rs")));
        ringbus::publish_event("p11.function", "source", None, [("n", 1)]).unwrap();
        assert_eq!((ringbus::stats().totals.delivered, ringbus::history().all().len()), (3, 1));
        ringbus::disable();
        assert!(!ringbus::is_enabled() && !one.is_enabled());
        let off = publish_event!("p11.off", n = unreachable_argument());
        assert_eq!(off.outcome, Outcome::Disabled);
        ringbus::enable();
        drop(guards);
    });
    assert!(ringbus::is_enabled() && ringbus::global().subscriptions().is_empty());

    // The global bus is off, and another thread has one of its own: here no argument is evaluated.
    ringbus::disable();
    let (inside, is_inside) = mpsc::channel();
    let (leave, may_leave) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let two = &two;
        let other = scope.spawn(move || {
            ringbus::with_default(two, || {
                inside.send(()).unwrap();
                may_leave.recv().unwrap();
                publish_event!("p11.other").outcome
            })
        });
        is_inside.recv().unwrap();
        assert_eq!(publish_event!("p11.off", n = unreachable_argument()).outcome, Outcome::Disabled);
        leave.send(()).unwrap();
        assert_eq!(other.join().unwrap(), Outcome::Published);
    });
    assert_eq!(publish_event!("p11.off", n = unreachable_argument()).outcome, Outcome::Disabled);
    ringbus::enable();
    assert_eq!(publish_event!("p11.on").outcome, Outcome::Published);
    // The other way round: the global one is on, this thread's is off.
    two.disable();
    ringbus::with_default(&two, || {
        assert_eq!(publish_event!("p11.off", n = unreachable_argument()).outcome, Outcome::Disabled);
    });
}

fn unreachable_argument() -> u32 {
    unreachable!("the bus is off")
}
