//! P8: what a function makes of an event is what is counted, limited and throttled; the rest is skipped.
#![cfg(not(ringbus_loom))]

#[macro_use]
#[path = "support/sample.rs"]
mod sample;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ringbus::{Breaker, BreakerState, Bus, Event, Subscription, publish_event};

const HOUR: Duration = Duration::from_secs(3600);

/// Its number, if that is odd.
fn odd(event: &Event) -> Option<i64> {
    event.get("n")?.as_i64().filter(|n| n % 2 == 1)
}

fn publish(bus: &Bus, numbers: impl IntoIterator<Item = i64>) {
    numbers.into_iter().for_each(|n| drop(publish_event!(bus: bus, "p08.mapped", n)));
}

fn counts(guard: &Subscription) -> (u64, u64, u64) {
    let info = guard.info();
    (info.delivered, info.failed, info.skipped)
}

#[test]
fn what_is_nothing_is_skipped() {
    let bus = Bus::new();
    let (send, got) = mpsc::channel();
    let odds = bus.on("p08.*").unwrap().filter_map(odd).subscribe(move |n| send.send(n).unwrap());
    let all =
        bus.on("p08.*").unwrap().map(|event| event.kind().to_string()).subscribe(|kind| assert_eq!(kind, "p08.mapped"));
    publish(&bus, 0..5);
    assert!(got.try_iter().eq([1, 3]));
    assert_eq!((counts(&odds), counts(&all)), ((2, 0, 3), (5, 0, 0)));
}

#[test]
fn what_is_nothing_uses_up_no_call() {
    let bus = Bus::new();
    let (send, got) = mpsc::channel();
    let once = bus.on("p08.*").unwrap().once().filter_map(odd).subscribe(move |n| send.send(n).unwrap());
    publish(&bus, [2]);
    assert!(once.is_active());
    publish(&bus, [4, 7, 9]);
    assert!(got.try_iter().eq([7]) && !once.is_active());
    assert_eq!(counts(&once), (1, 0, 2));

    let one = NonZeroU32::new(1).unwrap();
    let rare = bus.on("p08.*").unwrap().throttle(one, HOUR).filter_map(odd).subscribe(drop);
    publish(&bus, [2, 4, 7, 9]);
    assert_eq!(counts(&rare), (1, 0, 3));
}

#[test]
fn failures_are_those_of_what_came_to_the_handler() {
    let bus = Bus::new();
    let breaker = || Breaker::after(NonZeroU32::new(2).unwrap());
    let tried = bus.on("p08.*").unwrap().breaker(breaker()).filter_map(odd).try_subscribe(|_| Err("no".into()));
    publish(&bus, [0, 1, 2, 3, 5]);
    assert_eq!((counts(&tried), tried.info().breaker.unwrap().state), ((0, 2, 3), BreakerState::Open));

    // One that panics while it looks has failed too, and has used up nothing.
    let looks = |event: &Event| odd(event).or_else(|| std::panic::resume_unwind(Box::new("even")));
    let twice = bus.on("p08.*").unwrap().limit(1).filter_map(looks).subscribe(drop);
    publish(&bus, [0, 1]);
    assert_eq!((counts(&twice), twice.info().panicked), ((1, 1, 0), 1));
}

sample!(Sample(i64), "p08.sample");

#[test]
fn values_are_mapped_where_there_are_any() {
    let bus = Bus::new();
    let (send, got) = mpsc::channel();
    let big = |sample: &Sample| Some(sample.0).filter(|n| *n > 5);
    let of_values = {
        let send = send.clone();
        bus.on_payload::<Sample>().unwrap().limit(1).filter_map(big).subscribe(move |n| send.send((0, n)).unwrap())
    };
    let decoded = bus.on_payload::<Sample>().unwrap().decode().limit(2).filter_map(big);
    let decoded = decoded.subscribe(move |n| send.send((1, n)).unwrap());
    publish_event!(bus: &bus, "p08.sample", n = 6);
    bus.publish(Sample(1));
    publish_event!(bus: &bus, "p08.sample", n = "much");
    bus.publish(Sample(7));
    assert!(got.try_iter().eq([(1, 6), (0, 7)]));
    assert_eq!((counts(&of_values), counts(&decoded)), ((1, 0, 3), (1, 1, 1)), "a fault uses up a call");
}

/// Of tasks and streams, the same is in `async_waits`.
#[test]
fn a_queue_of_values_is_offered_events_that_hold_one_unless_it_decodes() {
    let bus = Bus::new();
    let values = || bus.on_payload::<Sample>().unwrap();
    let _of_values = (
        values().in_thread().subscribe(|_| {}).unwrap(),
        values().in_pool(2).subscribe(|_| {}).unwrap(),
        values().receiver().unwrap(),
    );
    let enqueued = || (publish_event!(bus: &bus, "p08.sample", n = 6).enqueued, bus.publish(Sample(6)).enqueued);
    assert_eq!(enqueued(), (0, 3));
    let _decoding = (
        values().decode().in_thread().subscribe(|_| {}).unwrap(),
        values().decode().in_pool(2).subscribe(|_| {}).unwrap(),
        values().decode().receiver().unwrap(),
    );
    assert_eq!(enqueued(), (3, 6));
}

#[test]
fn a_queue_is_limited_by_what_it_is_offered() {
    let bus = Bus::new();
    let (send, got) = mpsc::channel();
    let queue = bus.on("p08.*").unwrap().limit(3).in_thread().filter_map(odd);
    let odds = queue.subscribe(move |n| send.send(n).unwrap()).unwrap();
    publish(&bus, 0..5);
    bus.wait_idle(HOUR).unwrap();
    assert!(got.try_iter().eq([1]));
    let queue = odds.info().queue.unwrap();
    assert_eq!((queue.offered, queue.delivered, queue.skipped), (3, 1, 2));
}

#[test]
fn what_is_skipped_is_no_probe_of_a_circuit() {
    let bus = Bus::new();
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let breaker = Breaker::after(NonZeroU32::new(1).unwrap()).open_for(Duration::from_secs(10));
    let breaker = breaker.clock(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
    let odds = bus.on("p08.*").unwrap().breaker(breaker).in_thread().filter_map(odd);
    let odds = odds.try_subscribe(|n| if n == 1 { Err("no".into()) } else { Ok(()) }).unwrap();
    let state = || odds.info().breaker.unwrap().state;
    publish(&bus, [1]);
    bus.wait_idle(HOUR).unwrap();
    assert_eq!(state(), BreakerState::Open);
    now.store(10, Ordering::SeqCst);
    // The one probe is to be had again each time.
    publish(&bus, [2, 4, 3]);
    bus.wait_idle(HOUR).unwrap();
    let queue = odds.info().queue.unwrap();
    assert_eq!((state(), queue.delivered, queue.failed, queue.skipped), (BreakerState::Closed, 1, 1, 2));
}

#[test]
fn on_a_thread_of_its_own_a_handler_may_change_what_it_has_captured() {
    let bus = Bus::new();
    let (send, got) = mpsc::channel();
    let (mut sum, of_values) = (0, send.clone());
    let odds = bus.on("p08.*").unwrap().in_thread().filter_map(odd).subscribe(move |n| {
        sum += n;
        send.send((0, sum)).unwrap();
    });
    let odds = odds.unwrap();
    let mut last = 0;
    let rising =
        bus.on_payload::<Sample>().unwrap().in_thread().map(|sample: &Sample| sample.0).try_subscribe(move |n| {
            let rises = n > core::mem::replace(&mut last, n);
            of_values.send((1, n)).unwrap();
            if rises { Ok(()) } else { Err("falls".into()) }
        });
    let rising = rising.unwrap();
    publish(&bus, [1, 2, 3]);
    odds.close_drained(HOUR).unwrap();
    [5, 7, 6].into_iter().for_each(|n| drop(bus.publish(Sample(n))));
    rising.close_drained(HOUR).unwrap();
    assert!(got.try_iter().eq([(0, 1), (0, 4), (1, 5), (1, 7), (1, 6)]));
    assert_eq!((counts(&odds), counts(&rising)), ((2, 0, 0), (2, 1, 0)), "what was skipped is in the queue's count");
}

#[test]
fn a_request_with_a_function_is_shown_with_what_it_selects() {
    let shown = format!("{:?}", Bus::new().on("p08.shown").unwrap().filter_map(odd));
    assert!(shown.starts_with("Mapped { request: ") && shown.contains("p08.shown"), "{shown}");
}
