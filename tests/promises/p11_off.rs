//! P11: a bus of one's own that is off. The global bus and the allocations have files of their own.

use std::cell::Cell;

use ringbus::{Bus, Outcome, Priority, publish_event};

use crate::quietly;

/// Publishes with an argument in every place, and returns the outcome and how many were evaluated.
fn publish(bus: &Bus) -> (Outcome, u32) {
    let evaluated = Cell::new(0);
    let count = || evaluated.replace(evaluated.get() + 1);
    let text = || count().to_string();
    let constant = publish_event!(bus: bus, "p11.own", source: text(), project_path: text(),
                                  correlation_id: Some(text()), priority: { count(); Priority::High },
                                  a = count(), "b" = count(), c = %count(), d = ?count(), e.f = text());
    let dynamic = publish_event!(bus: bus, kind: format!("p11.own.{}", count()), name = count());
    assert_eq!(constant.outcome, dynamic.outcome);
    (constant.outcome, evaluated.get())
}

#[test]
fn p11_no_argument_is_evaluated_while_the_bus_is_off() {
    let (off, on) = ((Outcome::Disabled, 0), (Outcome::Published, 11));
    let bus = Bus::builder().enabled(false).build().unwrap();
    assert_eq!(publish(&bus), off, "disabled from the start");
    let guard = bus.subscribe(|_| {});
    assert_eq!(publish(&bus), off, "disabled, though somebody listens");
    bus.enable();
    assert_eq!(publish(&bus), on);
    drop(guard);
    assert_eq!(publish(&bus), on, "nobody listens, but the history does");

    let bus = Bus::builder().history(0).build().unwrap();
    assert_eq!(publish(&bus), off, "nobody would notice");
    let guards = [bus.on("no.such.kind").unwrap().subscribe(|_| {}), bus.subscribe(|_| {})];
    assert_eq!(publish(&bus), on);
    let [first, second] = guards;
    second.close().unwrap();
    assert_eq!(publish(&bus), on, "one is left, for another kind");
    first.unsubscribe();
    assert_eq!(publish(&bus), off);
    assert_eq!(bus.stats().totals.published, 4);
}

#[test]
fn p11_what_is_off_returns_no_event_and_reaches_nobody() {
    let bus = Bus::builder().enabled(false).build().unwrap();
    let guard = bus.subscribe(|_| {});
    let built = ringbus::Event::builder("p11.built").build().unwrap();
    for delivery in [bus.publish(built), publish_event!(bus: &bus, "p11.own", n = 1)] {
        assert_eq!((delivery.outcome, delivery.delivered, delivery.event.is_none()), (Outcome::Disabled, 0, true));
    }
    assert_eq!((guard.info().delivered, bus.stats().totals.published), (0, 0));
    bus.enable();
    assert!(bus.recent(10).is_empty());
}

/// Arguments act on the caller, and only while the bus is on.
#[test]
fn p11_arguments_that_leave_or_panic_do_so_only_while_the_bus_is_on() {
    fn leave(bus: &Bus) -> Result<&'static str, std::num::ParseIntError> {
        publish_event!(bus: bus, "p11.leave", n = "none".parse::<u8>()?);
        Ok("stayed")
    }
    let panics = |bus: &Bus| drop(publish_event!(bus: bus, "p11.panic", n = if true { panic!("ordered") } else { 1 }));
    let bus = Bus::builder().enabled(false).build().unwrap();
    assert_eq!(leave(&bus), Ok("stayed"));
    panics(&bus);
    bus.enable();
    assert!(leave(&bus).is_err());
    assert!(std::panic::catch_unwind(|| quietly(|| panics(&bus))).is_err());
    assert_eq!(bus.stats().totals.published, 0);
}
