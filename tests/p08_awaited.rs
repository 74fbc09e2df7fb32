//! What is told to whoever waits for an event: what became of that, with each handler, and of nothing else (P8).
#![cfg(not(ringbus_loom))]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use ringbus::{
    Bus, Event, FieldReader, FieldWriter, HandlerErrorCause, Outcome, Payload, Reentrancy, WaitError, Waited, Warning,
};

const LONG: Duration = Duration::from_secs(60);

fn job() -> Event {
    Event::builder("job").build().unwrap()
}

#[test]
fn an_event_that_comes_when_its_handler_has_ended_is_not_handled() {
    let bus = Bus::new();
    let weak = bus.downgrade();
    let jobs = bus.on("job").unwrap().named("late").filter(move |_| weak.upgrade().unwrap().unsubscribe_all() > 0);
    let jobs = jobs.receiver().unwrap();
    let waited = bus.publish_and_wait(job(), None).unwrap();
    assert_eq!(jobs.info().queue.unwrap().discarded, 1);
    assert!(!waited.is_complete() && waited.delivered == 0);
    let [error] = &waited.errors[..] else { panic!("{waited:?}") };
    assert_eq!((error.cause.clone(), error.name.as_deref()), (HandlerErrorCause::NotHandled, Some("late")));
    assert_eq!(error.subscription, jobs.subscription().id());
}

#[test]
fn what_a_handler_makes_nothing_of_is_not_delivered() {
    let bus = Bus::new();
    let plain = bus.on("job").unwrap().filter_map(|_| None::<()>).subscribe(|()| {});
    let queued = bus.on("job").unwrap().in_thread().filter_map(|_| None::<()>).subscribe(|()| {}).unwrap();
    let waited = bus.publish_and_wait(job(), None).unwrap();
    assert_eq!((waited.delivered, waited.is_complete()), (0, true), "{waited:?}");
    assert_eq!((plain.info().skipped, queued.info().queue.unwrap().skipped), (1, 1));
}

#[test]
fn the_same_event_on_another_bus_is_not_waited_for() {
    let (bus, other) = (Bus::new(), Bus::new());
    let (go, may_go) = mpsc::channel::<()>();
    let queued = other.on("job").unwrap().in_thread().subscribe(move |_| _ = may_go.recv()).unwrap();
    let fails = other.try_subscribe(|_| Err("elsewhere".into()));
    let to = other.clone();
    let forwards = bus.subscribe(move |event| drop(to.publish(event.clone())));
    let waited = bus.publish_and_wait(job(), Duration::ZERO).unwrap();
    assert_eq!((waited.delivered, waited.is_complete()), (1, true), "{waited:?}");
    drop(go);
    other.wait_idle(LONG).unwrap();
    assert_eq!((forwards.info().delivered, queued.info().delivered, fails.info().failed), (1, 1, 1));
}

#[test]
fn what_a_hook_forwards_is_not_waited_for() {
    let other = Bus::new();
    let fails = other.try_subscribe(|_| Err("elsewhere".into()));
    let to = other.clone();
    let forward = move |warning: &Warning<'_>| {
        if let Warning::Unheard { event } = warning {
            to.publish((*event).clone());
        }
    };
    let bus = Bus::builder().on_warning(forward).build().unwrap();
    let waited = bus.publish_and_wait(job(), None).unwrap();
    assert_eq!((waited.is_complete(), fails.info().failed), (true, 1), "{waited:?}");
}

#[test]
fn the_same_event_once_more_is_not_waited_for() {
    for reentrancy in [Reentrancy::DepthFirst, Reentrancy::Deferred] {
        let bus = Bus::builder().reentrancy(reentrancy).build().unwrap();
        let queued = bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
        let fails = bus.try_subscribe(|_| Err("each time".into()));
        let (first, weak) = (AtomicBool::new(true), bus.downgrade());
        let again = bus.subscribe(move |event| {
            if first.swap(false, Ordering::SeqCst) {
                weak.upgrade().unwrap().publish(event.clone());
            }
        });
        let waited = bus.publish_and_wait(job(), None).unwrap();
        assert_eq!((waited.delivered, waited.errors.len()), (2, 1), "{reentrancy:?}: {waited:?}");
        bus.wait_idle(LONG).unwrap();
        let delivered = [queued, again].map(|guard| guard.info().delivered);
        assert_eq!((delivered, fails.info().failed), ([2, 2], 2));
    }
}

/// The thread's own destructors, also the latest: what is waited for there is waited for, and told.
#[test]
fn a_deferred_event_is_not_waited_for_and_its_outcome_says_so() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).build().unwrap();
    let (send, told) = mpsc::channel();
    let weak = bus.downgrade();
    let guard = bus.on("outer").unwrap().subscribe(move |_| {
        send.send(weak.upgrade().unwrap().publish_and_wait(job(), LONG).unwrap()).unwrap();
    });
    let jobs = bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
    bus.publish(Event::builder("outer").build().unwrap());
    let waited = told.recv().unwrap();
    assert_eq!((waited.outcome, waited.delivered, waited.is_complete()), (Outcome::Queued, 0, false));
    bus.wait_idle(LONG).unwrap();
    assert_eq!((guard.info().delivered, jobs.info().delivered), (1, 1), "it came later");
}

#[test]
fn a_thread_that_ends_can_wait_too() {
    struct Last(RefCell<Option<(Bus, mpsc::Sender<Waited>)>>);
    impl Drop for Last {
        fn drop(&mut self) {
            if let Some((bus, told)) = self.0.take() {
                told.send(bus.publish_and_wait(job(), LONG).unwrap()).unwrap();
            }
        }
    }
    thread_local! { static LAST: Last = const { Last(RefCell::new(None)) }; }
    let bus = Bus::new();
    let fails = bus.on("job").unwrap().named("fails").try_subscribe(|_| Err("no".into()));
    let queued = bus.on("job").unwrap().in_thread().subscribe(|_| {}).unwrap();
    let (tell, told) = mpsc::channel();
    let own = bus.clone();
    std::thread::spawn(move || {
        LAST.with(|last| last.0.replace(Some((own.clone(), tell))));
        own.publish_and_wait(job(), LONG).unwrap();
    });
    let waited = told.recv_timeout(LONG).unwrap();
    assert_eq!((waited.delivered, waited.errors.len(), waited.is_complete()), (1, 1, false), "{waited:?}");
    assert_eq!((queued.info().delivered, fails.info().failed), (2, 2));
}

#[test]
fn a_payload_whose_kind_is_taken_is_counted_and_one_for_a_disabled_bus_is_not_looked_at() {
    macro_rules! payload {
        ($name:ident) => {
            struct $name;
            impl Payload for $name {
                const KIND: &'static str = "p08.awaited.taken";
                fn field_names() -> &'static [&'static str] {
                    &[]
                }
                fn write_fields(&self, _: &mut FieldWriter<'_>) {}
                fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
                    Some(Self)
                }
            }
        };
    }
    payload!(Own);
    payload!(Other);
    let bus = Bus::new();
    bus.disable();
    assert_eq!(bus.publish_and_wait(Other, None).unwrap().outcome, Outcome::Disabled);
    bus.enable();
    assert!(bus.publish_and_wait(Own, None).unwrap().is_complete(), "the kind was not taken yet");
    let error = bus.publish_and_wait(Other, None).unwrap_err();
    assert!(matches!(error, WaitError::KindTaken(_)), "{error}");
    assert_eq!(bus.stats().totals.taken_kinds, 1);
}
