//! What the bus drops of the users': a panic in that ends there, wherever it happens, and the rest is dropped too.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use ringbus::{BoxError, Bus, Event, Failure, Handler, Subscription, WaitError, publish_event};

use crate::payloads::{Explosive, Fine};
use crate::{Bomb, Counts, ENDLESS, Scene, alone, assert_sound, case, given_up, publish};

/// How often bombs go off, and how many are given up.
const BOMBS: [(u32, u64); 3] = [(1, 0), (4, 0), (ENDLESS, 1)];

/// What a closure captures: it panics when it is dropped, and its end is seen all the same.
struct Cargo(#[allow(dead_code)] Bomb, #[allow(dead_code)] Arc<()>);

fn cargo(scene: &Scene, bomb: u32) -> Cargo {
    Cargo(Bomb(bomb), scene.captured())
}

fn subscribe(scene: &Scene, bomb: u32) -> Subscription {
    let cargo = cargo(scene, bomb);
    scene.bus.on("p04.case").unwrap().subscribe(move |_| _ = &cargo)
}

fn subscribe_filtered(scene: &Scene, bomb: u32) -> Subscription {
    // All of them panic: one must not be dropped in the other's unwinding.
    let [filter, other, handler] = [bomb, 1, 1].map(|bomb| cargo(scene, bomb));
    let wanted = |cargo: Cargo| {
        move |_: &Event| {
            let _ = &cargo;
            true
        }
    };
    let begun = scene.bus.on("p04.case").unwrap().filter(wanted(filter)).filter(wanted(other));
    begun.subscribe(move |_| _ = &handler)
}

fn subscribe_mapped(scene: &Scene, bomb: u32) -> Subscription {
    let [map, handler] = [bomb, 1].map(|bomb| cargo(scene, bomb));
    let mapped = scene.bus.on("p04.case").unwrap().filter_map(move |_| {
        let _ = &map;
        None::<()>
    });
    mapped.subscribe(move |()| _ = &handler)
}

fn subscribe_typed(scene: &Scene, bomb: u32) -> Subscription {
    let cargo = cargo(scene, bomb);
    scene.bus.subscribe_to(move |_: &Fine| _ = &cargo).unwrap()
}

/// A way for a subscription to begin, with a bomb in it.
type Begin = fn(&Scene, u32) -> Subscription;

/// A way for a subscription to end.
type End = fn(&Scene, Subscription);

const ENDS: &[(&str, End)] = &[
    ("dropped", |_, guard| drop(guard)),
    ("unsubscribed", |_, guard| guard.unsubscribe()),
    ("closed", |_, guard| guard.close().unwrap()),
    ("unsubscribed by id", |scene, guard| assert!(scene.bus.unsubscribe(guard.id()))),
    ("all unsubscribed", |scene, _guard| assert_eq!(scene.bus.unsubscribe_all(), 3)),
    ("dropped in a handler", |scene, guard| {
        let victim = Mutex::new(Some(guard));
        let begun = scene.bus.on("p04.drop").unwrap().order(1);
        let _killer = begun.subscribe(move |_| drop(victim.lock().unwrap().take()));
        assert_eq!(publish_event!(bus: &scene.bus, "p04.drop").failed, 0);
    }),
    ("closed on another thread", |_, guard| {
        std::thread::scope(|scope| scope.spawn(|| guard.close().unwrap()).join().unwrap());
    }),
];

#[test]
fn p04_closures_whose_drop_panics() {
    let _alone = alone();
    let subscribing: [(&str, Begin); 4] = [
        ("handler", subscribe),
        ("filter", subscribe_filtered),
        ("mapped handler", subscribe_mapped),
        ("typed handler", subscribe_typed),
    ];
    for (what, subscribe) in subscribing {
        for (how, end) in ENDS {
            for (bomb, forgotten) in BOMBS {
                let killers = u64::from(*how == "dropped in a handler");
                let expected = Counts::delivered(killers).forgotten(forgotten);
                // Of all subscriptions also the bystanders end: nothing is published there.
                case(&format!("{what} {how}"), Bus::builder(), expected, |scene| {
                    let guard = subscribe(scene, bomb);
                    end(scene, guard);
                    assert_eq!(Arc::strong_count(&scene.captured), 1, "{what} {how}");
                });
            }
        }
        for (bomb, _) in BOMBS {
            // With the bus, whose drop `case` looks at.
            case(what, Bus::builder(), Counts::default(), |scene| subscribe(scene, bomb).detach());
        }
    }
    // A subscription that is begun and never made.
    for (bomb, forgotten) in BOMBS {
        case("begun", Bus::builder(), Counts::default().forgotten(forgotten), |scene| {
            let cargo = cargo(scene, bomb);
            drop(scene.bus.on("p04.case").unwrap().filter(|_| true).filter(move |_| {
                let _ = &cargo;
                true
            }));
        });
    }
    for (bomb, forgotten) in BOMBS {
        case("used up", Bus::builder(), Counts::delivered(1).forgotten(forgotten), |scene| {
            let cargo = cargo(scene, bomb);
            scene.bus.on("p04.case").unwrap().once().subscribe(move |_| _ = &cargo).detach();
            publish(&scene.bus);
            assert_eq!(Arc::strong_count(&scene.captured), 1);
        });
    }
}

/// A handler object whose drop panics.
struct Object(#[allow(dead_code)] Cargo);

impl Handler for Object {
    fn handle(&self, _: &Event) -> Result<(), BoxError> {
        Ok(())
    }
}

#[test]
fn p04_handler_objects_whose_drop_panics() {
    let _alone = alone();
    for (bomb, forgotten) in BOMBS {
        case("an object", Bus::builder(), Counts::delivered(1).forgotten(forgotten), |scene| {
            let id = scene.bus.subscribe_handler(Arc::new(Object(cargo(scene, bomb)))).unwrap();
            publish(&scene.bus);
            assert!(scene.bus.unsubscribe(id));
            assert_eq!(Arc::strong_count(&scene.captured), 1);
        });
    }
}

#[test]
fn p04_hooks_whose_drop_panics() {
    let _alone = alone();
    for (bomb, forgotten) in BOMBS {
        let captured = Arc::new(());
        let cargo = || Cargo(Bomb(bomb), Arc::clone(&captured));
        let before = given_up();
        let (failure, warning) = (cargo(), cargo());
        let builder = Bus::builder().on_failure(move |_| _ = &failure).on_warning(move |_| _ = &warning);
        let bus = builder.build().unwrap();
        assert_sound(&bus, "hooks");
        drop(bus);
        assert_eq!((Arc::strong_count(&captured), given_up() - before), (1, 2 * forgotten));

        // Builders that come to nothing, and hooks that others take the place of.
        let hook = |cargo: Cargo| {
            move |_: &Failure<'_>| {
                let _ = &cargo;
            }
        };
        drop(Bus::builder().on_failure(hook(cargo())));
        assert!(Bus::builder().on_failure(hook(cargo())).shards(3).build().is_err());
        let bus = Bus::builder().on_failure(hook(cargo())).on_failure(|_| {}).build().unwrap();
        let (first, second) = (cargo(), cargo());
        drop(Bus::builder().on_warning(move |_| _ = &first).on_warning(move |_| _ = &second));
        assert_eq!((Arc::strong_count(&captured), given_up() - before), (1, 7 * forgotten));
        assert_sound(&bus, "hooks");
    }
}

/// An error whose drop panics.
struct BadError(#[allow(dead_code)] Cargo);

impl fmt::Debug for BadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad")
    }
}

impl fmt::Display for BadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad")
    }
}

impl Error for BadError {}

#[test]
fn p04_errors_and_payloads_whose_drop_panics() {
    let _alone = alone();
    for (bomb, forgotten) in BOMBS {
        case("an error", Bus::builder(), Counts::failed(1).forgotten(forgotten), |scene| {
            let captured = scene.captured();
            let fail = move |_: &Event| -> Result<(), BoxError> {
                Err(Box::new(BadError(Cargo(Bomb(bomb), Arc::clone(&captured)))))
            };
            scene.bus.on("p04.case").unwrap().try_subscribe(fail).detach();
            publish(&scene.bus);
            assert_eq!(Arc::strong_count(&scene.captured), 2);
        });
        let reset = |scene: &Scene| {
            scene.bus.publish(Explosive(Bomb(bomb)));
            scene.bus.reset();
        };
        let expected = Counts::default().forgotten(forgotten);
        // A reset moves the base of the counts: the bystanders are seen before.
        case("forgotten by a reset", Bus::builder(), expected, |scene| {
            reset(scene);
            scene.heard.iter().for_each(|heard| heard.store(0, std::sync::atomic::Ordering::Relaxed));
        });
        // A ring has 1024 places.
        case("evicted", Bus::builder().history(4).shards(1), expected, |scene| {
            scene.bus.publish(Explosive(Bomb(bomb)));
            (0..1024).for_each(|_| publish(&scene.bus));
        });
        case("not kept", Bus::builder().history(0), expected, |scene| {
            scene.bus.publish(Explosive(Bomb(bomb)));
        });
        // Refused inside a handler, which goes on.
        case("not waited for", Bus::builder(), Counts::delivered(1).forgotten(forgotten), |scene| {
            let bus = scene.bus.downgrade();
            let handler = move |_: &Event| {
                let refused = bus.upgrade().unwrap().publish_and_wait(Explosive(Bomb(bomb)), None);
                assert_eq!(refused.map(drop), Err(WaitError::NoLimit));
            };
            scene.bus.on("p04.case").unwrap().subscribe(handler).detach();
            publish(&scene.bus);
        });
    }
}
