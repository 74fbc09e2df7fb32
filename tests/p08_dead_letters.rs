//! What handlers with a queue cannot do: tried again, kept back, rejected or dead, and always counted (P8).
#![cfg(not(ringbus_loom))]

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use ringbus::{
    BoxError, Breaker, BreakerState, Bus, Event, FailurePolicy, FieldReader, FieldWriter, HandlerErrorCause, Overflow,
    Payload, RecvError, Retry, Subscription, SubscriptionState, Value, Warning, publish_event,
};

const LONG: Duration = Duration::from_secs(60);

fn n(event: &Event) -> i64 {
    event.get("n").and_then(Value::as_i64).unwrap()
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn fails(_: &Event) -> Result<(), BoxError> {
    Err("no route to host".into())
}

/// A payload that nothing can be read as; who tries with a number panics.
#[derive(Debug)]
struct Mail;

impl Payload for Mail {
    const KIND: &'static str = "p08.mail";

    fn field_names() -> &'static [&'static str] {
        &["to"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&0);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let number = fields.read::<i64>();
        assert_eq!(number, None, "a number");
        number.map(|_| Self)
    }
}

/// A handler with a thread, which fails.
fn failing(bus: &Bus) -> Subscription {
    bus.on("mail.send").unwrap().named("smtp").in_thread().try_subscribe(fails).unwrap()
}

fn publish(bus: &Bus, numbers: impl IntoIterator<Item = i64>) {
    for n in numbers {
        assert_eq!(publish_event!(bus: bus, "mail.send", n).failed, 0, "the publisher hears nothing of it");
    }
    bus.wait_idle(LONG).unwrap();
}

fn numbers(bus: &Bus) -> Vec<i64> {
    bus.dead_letters().iter().map(|letter| n(&letter.event)).collect()
}

/// The events that tell of dead letters, oldest first.
fn told(bus: &Bus) -> Vec<Event> {
    bus.recent(500).into_iter().rev().filter(|event| event.kind() == "ringbus.dead_letter").collect()
}

#[test]
fn beyond_the_bound_the_oldest_letter_goes_and_all_are_counted() {
    for (limit, kept) in [(3, vec![7, 8, 9]), (1, vec![9]), (0, vec![])] {
        let bus = Bus::builder().dead_letters(limit).build().unwrap();
        let guard = failing(&bus);
        publish(&bus, 0..10);
        assert_eq!(numbers(&bus), kept);
        let totals = bus.stats().totals;
        assert_eq!((totals.dead_letters, totals.failed, guard.info().failed), (10, 10, 10));
        assert_eq!(told(&bus).len(), 10, "each is told of");
    }
    let error = Bus::builder().dead_letters((1 << 20) + 1).build().unwrap_err();
    assert_eq!(error.to_string(), "number of dead letters 1048577 is out of range: 0 to 1048576 are allowed");
}

#[test]
fn a_letter_says_what_was_tried_and_taken_out_it_is_gone() {
    let bus = Bus::new();
    let before = SystemTime::now();
    let queue = bus.on("mail.send").unwrap().named("smtp").in_thread();
    let queue = queue.retry(Retry::times(count(2)).base(Duration::ZERO));
    let guard = queue.subscribe(|_| panic!("no route to host")).unwrap();
    let event = publish_event!(bus: &bus, "mail.send", n = 1).event.unwrap();
    bus.wait_idle(LONG).unwrap();
    let mut letters = bus.take_dead_letters();
    assert!(bus.take_dead_letters().is_empty() && bus.dead_letters().is_empty());
    let letter = letters.pop().unwrap();
    assert!(letters.is_empty() && Event::same_instance(&letter.event, &event));
    assert_eq!((letter.subscription, letter.name.as_deref(), letter.attempts), (guard.id(), Some("smtp"), 3));
    assert_eq!(letter.cause, HandlerErrorCause::Panic("no route to host".into()));
    let hour = Duration::from_secs(3600);
    assert!((before - hour..=SystemTime::now() + hour).contains(&letter.at), "by the wall clock");
    assert_eq!(letter.to_string(), "mail.send failed by smtp after 3 attempts: panicked: no route to host");
}

#[test]
fn each_letter_is_told_in_an_event_whose_cause_it_is() {
    let bus = Bus::new();
    let mut meta = bus.on("ringbus.*").unwrap().receiver().unwrap();
    let guard = failing(&bus);
    let event = Event::builder("mail.send").field("n", 7).correlation_id("req-7").build().unwrap();
    bus.publish(event.clone());
    let told = meta.recv_timeout(LONG).unwrap();
    assert_eq!((told.kind().as_str(), told.source()), ("ringbus.dead_letter", Some("ringbus")));
    assert_eq!((told.cause(), told.hops(), told.correlation_id()), (Some(event.id()), 1, Some("req-7")));
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(text("kind").as_deref(), Some("mail.send"));
    assert_eq!(text("event"), Some(event.id().to_string()));
    assert_eq!(text("subscription"), Some(guard.id().to_string()));
    assert_eq!(text("handler").as_deref(), Some("smtp"));
    assert_eq!(text("error").as_deref(), Some("failed: no route to host"));
    assert_eq!(told.get("attempts"), Some(&1.into()));
}

#[test]
fn who_fails_what_tells_of_letters_has_one_too_and_nothing_more_comes_of_it() {
    let bus = Bus::new();
    let _smtp = failing(&bus);
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let ops = bus.on("ringbus.**").unwrap().named("ops").in_thread().try_subscribe(move |event| {
        count.fetch_add(1, Ordering::Relaxed);
        fails(event)
    });
    let ops = ops.unwrap();
    publish(&bus, 0..5);
    assert_eq!((seen.load(Ordering::Relaxed), ops.info().failed), (5, 5));
    assert_eq!((told(&bus).len(), bus.stats().totals.dead_letters), (5, 10));
    let of_ops = |name: &Option<String>| name.as_deref() == Some("ops");
    assert_eq!(bus.dead_letters().iter().filter(|letter| of_ops(&letter.name)).count(), 5);
}

#[test]
fn who_unwinds_from_what_tells_of_letters_harms_no_worker() {
    let bus = Bus::new();
    let unwinding = bus.on("ringbus.**").unwrap().failure_policy(FailurePolicy::Unwind).subscribe(|_| panic!("told"));
    let smtp = failing(&bus);
    (0..2).for_each(|n| drop(publish_event!(bus: &bus, "mail.send", n)));
    smtp.close_drained(LONG).unwrap();
    bus.wait_idle(LONG).unwrap();
    assert_eq!((numbers(&bus), unwinding.info().panicked), (vec![0, 1], 2));
}

#[test]
fn who_unwinds_from_what_tells_of_a_letter_is_not_heard_by_who_takes_events_out() {
    let bus = Bus::new();
    let _unwinding = bus.on("ringbus.**").unwrap().failure_policy(FailurePolicy::Unwind).subscribe(|_| panic!("told"));
    let mut mails = bus.on_payload::<Mail>().unwrap().decode().receiver().unwrap();
    publish_event!(bus: &bus, "p08.mail", n = 1);
    assert_eq!(mails.try_recv().unwrap_err(), RecvError::Empty);
    bus.wait_idle(LONG).unwrap();
    assert_eq!((mails.info().failed, numbers(&bus)), (1, vec![1]));
}

#[test]
fn a_panic_in_reading_a_payload_ends_with_the_event_that_is_taken_out() {
    let bus = Bus::new();
    let mut mails = bus.on_payload::<Mail>().unwrap().decode().receiver().unwrap();
    publish_event!(bus: &bus, "p08.mail", to = 1, n = 1);
    assert_eq!(mails.try_recv().unwrap_err(), RecvError::Empty);
    bus.wait_idle(LONG).unwrap();
    assert_eq!((mails.info().failed, mails.info().panicked), (1, 1));
    let cause = bus.take_dead_letters().remove(0).cause;
    assert!(matches!(&cause, HandlerErrorCause::Panic(text) if text.contains("a number")), "{cause}");
}

#[test]
fn on_a_bus_that_is_shut_down_letters_are_kept_and_nobody_is_told() {
    let bus = Bus::new();
    let (go, may_go) = mpsc::channel::<()>();
    let smtp = bus.on("mail.send").unwrap().in_thread().try_subscribe(move |event| {
        let _ = may_go.recv();
        fails(event)
    });
    let smtp = smtp.unwrap();
    (0..3).for_each(|n| drop(publish_event!(bus: &bus, "mail.send", n)));
    std::thread::scope(|scope| {
        let shutting = scope.spawn(|| bus.shutdown(LONG));
        while !bus.is_shut_down() {
            std::thread::yield_now();
        }
        drop(go);
        assert!(shutting.join().unwrap().is_complete());
    });
    assert_eq!((smtp.info().failed, numbers(&bus)), (3, vec![0, 1, 2]));
    let totals = bus.stats().totals;
    assert_eq!((totals.dead_letters, totals.shut_down), (3, 0), "it counts what others have published");
    assert!(told(&bus).is_empty());
}

#[test]
fn what_somebody_publishes_of_a_letter_is_counted_where_it_is_refused() {
    let bus = Bus::new();
    bus.shutdown(LONG);
    let told = || Event::builder("ringbus.dead_letter").build().unwrap();
    assert_eq!(bus.publish(told()).outcome, ringbus::Outcome::ShutDown);
    assert_eq!((bus.publish_all([told()]).shut_down, bus.stats().totals.shut_down), (1, 2));
}

#[test]
fn a_letter_can_be_published_again_and_comes_to_all_its_handlers() {
    let bus = Bus::new();
    let broken = Arc::new(AtomicU64::new(1));
    let is_broken = Arc::clone(&broken);
    let smtp = bus
        .on("mail.send")
        .unwrap()
        .in_thread()
        .try_subscribe(move |event| if is_broken.load(Ordering::SeqCst) == 1 { fails(event) } else { Ok(()) });
    let (smtp, copy) = (smtp.unwrap(), bus.on("mail.*").unwrap().subscribe(|_| {}));
    publish(&bus, [3]);
    broken.store(0, Ordering::SeqCst);
    let letter = bus.take_dead_letters().remove(0);
    let event = letter.event.clone();
    let delivery = letter.clone().republish(&bus);
    assert!(Event::same_instance(&delivery.event.unwrap(), &event));
    assert_eq!((delivery.delivered, delivery.enqueued), (1, 1));
    bus.wait_idle(LONG).unwrap();
    assert_eq!((smtp.info().delivered, smtp.info().failed, copy.info().delivered), (1, 1, 2));
    assert!(bus.dead_letters().is_empty());
    // On another bus it is the same event; one that is shut down refuses it.
    let other = Bus::new();
    let copy = other.on("mail.send").unwrap().subscribe(|_| {});
    assert!(Event::same_instance(&letter.clone().republish(&other).event.unwrap(), &event));
    assert_eq!((copy.info().delivered, other.recent(9).len()), (1, 1));
    other.shutdown(LONG);
    assert_eq!(letter.republish(&other).outcome, ringbus::Outcome::ShutDown);
}

#[test]
fn handlers_on_the_publishers_thread_leave_no_letters() {
    let bus = Bus::new();
    let guard = bus.on("mail.send").unwrap().try_subscribe(fails);
    let panics = bus.on("mail.send").unwrap().subscribe(|_| panic!("no"));
    assert_eq!(publish_event!(bus: &bus, "mail.send", n = 1).failed, 2);
    assert_eq!((guard.info().failed, panics.info().panicked), (1, 1));
    assert!(bus.dead_letters().is_empty() && told(&bus).is_empty());
    assert_eq!((bus.stats().totals.dead_letters, bus.stats().totals.failed), (0, 2));
}

#[test]
fn what_a_full_queue_or_a_close_has_lost_is_no_letter() {
    let bus = Bus::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let queue = bus.on("mail.send").unwrap().in_thread().capacity(1).when_full(Overflow::DropNewest);
    let guard = queue
        .subscribe(move |event| {
            begin.send(n(event)).unwrap();
            let _ = may_go.recv();
        })
        .unwrap();
    publish_event!(bus: &bus, "mail.send", n = 0);
    assert_eq!(begun.recv().unwrap(), 0);
    (1..4).for_each(|n| drop(publish_event!(bus: &bus, "mail.send", n)));
    assert!(guard.close_timeout(Duration::ZERO).is_err());
    drop(go);
    guard.close().unwrap();
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.delivered, queue.dropped, queue.discarded), (1, 2, 1));
    assert_eq!((bus.stats().totals.dead_letters, told(&bus).len()), (0, 0));
}

#[test]
fn each_attempt_but_the_last_is_counted_as_tried_again() {
    let bus = Bus::new();
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&attempts);
    let queue = bus.on("mail.send").unwrap().in_thread().retry(Retry::times(count(3)).base(Duration::ZERO));
    // The event n succeeds at its attempt n, if it comes so far.
    let guard = queue.try_subscribe(move |event| {
        let mut list = list.lock().unwrap();
        list.push(n(event));
        let tried = list.iter().filter(|tried| **tried == n(event)).count();
        if tried as i64 == n(event) { Ok(()) } else { fails(event) }
    });
    let guard = guard.unwrap();
    publish(&bus, [1, 3, 4, 5]);
    assert_eq!(*attempts.lock().unwrap(), [1, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5], "in order");
    let (info, queue) = (guard.info(), guard.info().queue.unwrap());
    assert_eq!((info.delivered, info.failed, queue.retried), (3, 1, 2 + 3 + 3));
    assert_eq!((numbers(&bus), bus.dead_letters()[0].attempts), (vec![5], 4));
    assert_eq!(bus.stats().totals.failed, 1, "attempts are no failures");
}

#[test]
fn attempts_that_fail_are_slow_too() {
    let bus = Bus::builder().slow_after(Duration::ZERO).build().unwrap();
    let retry = Retry::times(count(2)).base(Duration::ZERO);
    let guard = bus.on("mail.send").unwrap().in_thread().retry(retry).try_subscribe(fails).unwrap();
    publish(&bus, 0..2);
    assert_eq!((guard.info().slow, guard.info().failed), (6, 2));
}

#[test]
fn in_quarantine_what_waits_is_kept_back_and_what_comes_stays_out() {
    let bus = Bus::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let quarantine = FailurePolicy::Quarantine { after: count(2) };
    let queue = bus.on("mail.send").unwrap().failure_policy(quarantine).in_thread();
    let guard = queue
        .try_subscribe(move |event| {
            begin.send(n(event)).unwrap();
            may_go.recv().unwrap();
            if n(event) < 2 { fails(event) } else { Ok(()) }
        })
        .unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "mail.send", n)));
    for n in 0..2 {
        assert_eq!(begun.recv().unwrap(), n);
        go.send(()).unwrap();
    }
    bus.wait_idle(LONG).unwrap();
    assert_eq!(guard.state(), SubscriptionState::Quarantined);
    assert_eq!(publish_event!(bus: &bus, "mail.send", n = 5).enqueued, 0);
    assert!(guard.resume());
    assert_eq!(publish_event!(bus: &bus, "mail.send", n = 6).enqueued, 1);
    assert_eq!(begun.recv().unwrap(), 6);
    go.send(()).unwrap();
    bus.wait_idle(LONG).unwrap();
    let (info, queue) = (guard.info(), guard.info().queue.unwrap());
    assert_eq!((queue.offered, queue.failed, queue.kept_back, queue.delivered), (6, 2, 3, 1));
    assert_eq!((info.quarantined, numbers(&bus)), (1, vec![0, 1]), "what was kept back is no letter");
    // Who waits for one that is kept back is told so.
    assert!(guard.is_active());
}

#[test]
fn an_open_circuit_rejects_into_dead_letters_until_a_probe_succeeds() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let circuits = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&circuits);
    let warned = move |warning: &Warning<'_>| {
        if let Warning::Circuit { state, .. } = warning {
            list.lock().unwrap().push(*state);
        }
    };
    let bus = Bus::builder().on_warning(warned).build().unwrap();
    let breaker = Breaker::after(count(2)).open_for(Duration::from_secs(10));
    let breaker = breaker.clock(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
    let calls = Arc::new(AtomicU64::new(0));
    let called = Arc::clone(&calls);
    let guard = bus.on("mail.send").unwrap().breaker(breaker).in_thread().try_subscribe(move |event| {
        called.fetch_add(1, Ordering::SeqCst);
        if n(event) < 10 { fails(event) } else { Ok(()) }
    });
    let guard = guard.unwrap();
    publish(&bus, 0..5);
    let circuit = guard.info().breaker.unwrap();
    assert_eq!((calls.load(Ordering::SeqCst), circuit.state, circuit.rejected), (2, BreakerState::Open, 3));
    assert_eq!((numbers(&bus), guard.info().failed), (vec![0, 1, 2, 3, 4], 5));
    let causes: Vec<_> = bus.dead_letters().into_iter().map(|letter| letter.cause.to_string()).collect();
    assert_eq!(causes[1..3], ["failed: no route to host", "failed: not called: its circuit is open"]);
    now.store(10, Ordering::SeqCst);
    publish(&bus, 10..13);
    assert_eq!((guard.info().delivered, guard.info().breaker.unwrap().state), (3, BreakerState::Closed));
    assert_eq!(*circuits.lock().unwrap(), [BreakerState::Open, BreakerState::Closed]);
}

#[test]
fn what_an_open_circuit_rejects_leads_to_no_quarantine() {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let breaker = Breaker::after(count(1)).open_for(Duration::from_secs(10));
    let breaker = breaker.clock(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
    let bus = Bus::new();
    let request = bus.on("mail.send").unwrap().failure_policy(FailurePolicy::Quarantine { after: count(3) });
    let queue = request.breaker(breaker).in_thread();
    let guard = queue.try_subscribe(|event| if n(event) < 10 { fails(event) } else { Ok(()) }).unwrap();
    publish(&bus, 0..5);
    assert_eq!((guard.state(), guard.info().failed), (SubscriptionState::Active, 5));
    now.store(10, Ordering::SeqCst);
    publish(&bus, [10]);
    assert_eq!((guard.info().delivered, guard.info().breaker.unwrap().state), (1, BreakerState::Closed));
    // Calls count, with a row of their own.
    publish(&bus, [0]);
    now.store(20, Ordering::SeqCst);
    publish(&bus, [0]);
    now.store(30, Ordering::SeqCst);
    publish(&bus, [0]);
    assert_eq!(guard.state(), SubscriptionState::Quarantined);
}

#[test]
fn on_a_thread_a_call_past_its_deadline_has_failed_when_it_returns() {
    let bus = Bus::new();
    let (begin, begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let queue = bus.on("mail.send").unwrap().in_thread().deadline(Duration::from_nanos(1));
    let guard = queue
        .subscribe(move |event| {
            begin.send(n(event)).unwrap();
            may_go.recv().unwrap();
        })
        .unwrap();
    let waiting = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let event = Event::builder("mail.send").field("n", 1).build().unwrap();
            bus.publish_and_wait(event, LONG).unwrap()
        });
        assert_eq!(begun.recv().unwrap(), 1);
        assert_eq!(guard.info().queue.unwrap().running, 1, "it cannot be stopped");
        go.send(()).unwrap();
        publisher.join().unwrap()
    });
    assert_eq!(waiting.errors[0].cause, HandlerErrorCause::Error("not done within 1ns".into()));
    assert_eq!((guard.info().delivered, guard.info().failed, numbers(&bus)), (0, 1, vec![1]));
    // One that fails by itself fails for its own reason.
    let own = bus.on("mail.bad").unwrap().in_thread().deadline(Duration::from_nanos(1)).try_subscribe(fails).unwrap();
    publish_event!(bus: &bus, "mail.bad");
    bus.wait_idle(LONG).unwrap();
    assert_eq!(bus.dead_letters()[1].cause, HandlerErrorCause::Error("no route to host".into()));
    drop(own);
}

#[test]
fn a_handler_keeps_what_it_has_captured_when_a_call_of_it_panics() {
    let bus = Bus::new();
    let (send, sums) = mpsc::channel();
    let mut sum = 0;
    let guard = bus.on("mail.send").unwrap().in_thread().subscribe(move |event| {
        sum += n(event);
        assert_ne!(n(event), 2, "two");
        send.send(sum).unwrap();
    });
    let guard = guard.unwrap();
    publish(&bus, 1..=3);
    assert_eq!(sums.try_iter().collect::<Vec<_>>(), [1, 6]);
    assert_eq!((guard.info().delivered, guard.info().panicked, numbers(&bus)), (2, 1, vec![2]));
    guard.close().unwrap();
    assert!(sums.recv().is_err(), "dropped, once and for all");
}
