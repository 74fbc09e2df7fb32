//! What a receiver or a stream cannot read has failed: a row of it leads to quarantine, and whoever takes events out comes
//! back from all of it (P4, P8).
#![cfg(not(ringbus_loom))]

#[macro_use]
#[path = "support/sample.rs"]
mod sample;

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ringbus::{
    Bus, FailurePolicy, FieldReader, FieldWriter, Outcome, Payload, RecvError, SubscriptionState, publish_event,
};

sample!(Numbered(i64), "p08.numbered");

#[test]
fn an_event_that_can_be_read_ends_the_row_of_those_that_cannot() {
    let bus = Bus::new();
    let bad = || publish_event!(bus: &bus, "p08.numbered", n = "none").enqueued;
    let good = || bus.publish(Numbered(7)).enqueued;
    let policy = FailurePolicy::Quarantine { after: NonZeroU32::new(2).unwrap() };
    let queue = bus.on_payload::<Numbered>().unwrap().decode().failure_policy(policy);
    let mut numbers = queue.receiver().unwrap();
    for _ in 0..3 {
        assert_eq!((bad(), good()), (1, 1));
    }
    assert_eq!(numbers.try_iter().map(|number| number.0).collect::<Vec<_>>(), [7; 3]);
    assert_eq!((numbers.info().failed, numbers.info().state), (3, SubscriptionState::Active));

    assert_eq!((bad(), bad(), good()), (1, 1, 1));
    assert_eq!(numbers.try_iter().count(), 1, "what waits can still be taken out");
    assert_eq!((numbers.info().state, good()), (SubscriptionState::Quarantined, 0));
    assert!(numbers.subscription().resume());
    assert_eq!((bad(), good(), numbers.try_iter().count()), (1, 1, 1));
    assert_eq!(numbers.info().state, SubscriptionState::Active);
}

#[test]
fn an_event_that_can_be_read_is_found_behind_many_that_cannot() {
    let bus = Bus::new();
    let mut numbers = bus.on_payload::<Numbered>().unwrap().decode().receiver().unwrap();
    let send = |bad: u32| {
        (0..bad).for_each(|_| assert_eq!(publish_event!(bus: &bus, "p08.numbered", n = "none").enqueued, 1));
        assert_eq!(bus.publish(Numbered(7)).enqueued, 1);
    };
    let now = Duration::ZERO;
    for bad in [1, 63, 64, 65, 200] {
        send(bad);
        assert_eq!(numbers.recv_timeout(now).unwrap().0, 7, "behind {bad}");
        send(bad);
        assert_eq!(numbers.try_recv().unwrap().0, 7, "behind {bad}");
    }
    assert_eq!(numbers.recv_timeout(now).err(), Some(RecvError::TimedOut));
}

#[test]
fn what_is_published_anew_for_the_last_that_cannot_be_read_is_found_too() {
    let bus = Bus::new();
    let mut numbers = bus.on_payload::<Numbered>().unwrap().decode().receiver().unwrap();
    let (repairs, letters) = (bus.clone(), AtomicUsize::new(0));
    let _repair = bus.on("ringbus.dead_letter").unwrap().subscribe(move |_| {
        if letters.fetch_add(1, Ordering::Relaxed) == 1 {
            repairs.publish(Numbered(8));
        }
    });
    (0..2).for_each(|_| drop(publish_event!(bus: &bus, "p08.numbered", n = "none")));
    assert_eq!(numbers.try_iter().map(|number| number.0).collect::<Vec<_>>(), [8]);
}

thread_local! {
    /// On which the next one is published when one is read.
    static BUS: RefCell<Option<Bus>> = const { RefCell::new(None) };
}

/// None can be read, and there is always one more.
struct Endless;

impl Payload for Endless {
    const KIND: &'static str = "p08.endless";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        let bus = BUS.with_borrow(Clone::clone)?;
        assert_eq!(publish_event!(bus: &bus, "p08.endless").outcome, Outcome::Published);
        None
    }
}

#[test]
fn whoever_takes_events_out_comes_back_though_none_can_be_read() {
    let bus = Bus::new();
    let endless = || bus.on_payload::<Endless>().unwrap().decode().queued();
    BUS.set(Some(bus.clone()));
    let mut receiver = endless().receiver().unwrap();
    publish_event!(bus: &bus, "p08.endless");
    assert_eq!(receiver.try_recv().err(), Some(RecvError::Empty));
    for limit in [Duration::ZERO, Duration::from_millis(1)] {
        assert_eq!(receiver.recv_timeout(limit).err(), Some(RecvError::TimedOut));
    }
    assert!(receiver.info().failed > 0 && receiver.len() == 1);
    drop(receiver);
    #[cfg(feature = "async")]
    {
        use futures_core::Stream;
        let mut stream = endless().stream().unwrap();
        publish_event!(bus: &bus, "p08.endless");
        let (woken, waker) = by_hand::woken();
        let next = std::pin::Pin::new(&mut stream).poll_next(&mut std::task::Context::from_waker(&waker));
        assert!(next.is_pending() && woken.times() == 1, "others have their turn, and then it goes on");
    }
    BUS.set(None);
}

#[cfg(feature = "async")]
#[path = "support/by_hand.rs"]
mod by_hand;
