//! P5 and P11 on the global bus, whose gate is a word of its own: what another thread was told of a subscription holds
//! for its next publish. In a process of its own: the bus is global.
#![cfg(not(ringbus_loom))]

use std::sync::mpsc::channel;

use ringbus::{Bus, Outcome, publish_event};

#[test]
fn p05_a_call_site_of_the_global_bus_wakes_and_sleeps_with_its_subscriptions() {
    ringbus::set_global(Bus::builder().history(0).build().unwrap()).unwrap();
    let (ask, asked) = channel::<()>();
    let (answer, answered) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut evaluated = 0_u32;
            for () in asked {
                let before = evaluated;
                let delivery = publish_event!(
                    "p05.global",
                    n = {
                        evaluated += 1;
                        evaluated
                    }
                );
                answer.send((delivery.outcome, delivery.delivered, evaluated - before)).unwrap();
            }
        });
        let published = || {
            ask.send(()).unwrap();
            answered.recv().unwrap()
        };
        let (off, on) = ((Outcome::Disabled, 0, 0), |delivered| (Outcome::Published, delivered, 1));
        for round in 0..1000 {
            assert_eq!(published(), off, "round {round}");
            let other = ringbus::on("p05.other").unwrap().subscribe(|_| {});
            assert_eq!(published(), on(0), "round {round}");
            let guard = ringbus::subscribe(|_| {});
            drop(other);
            assert_eq!(published(), on(1), "round {round}");
            ringbus::disable();
            assert_eq!(published(), off, "round {round}");
            ringbus::enable();
            assert_eq!(published(), on(1), "round {round}");
            guard.close().unwrap();
        }
        drop(ask);
    });

    let refused = ringbus::set_global(Bus::new()).unwrap_err();
    assert!(!refused.0.same_bus(ringbus::global()));
    assert_eq!(publish_event!("p05.global").outcome, Outcome::Disabled, "the global bus is what it was");
}
