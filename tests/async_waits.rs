//! Waiting in async code: until all is idle, for a shutdown inside of a handler, for events that come, one by one or of which
//! some were lost; and never for oneself (P6, P8).
#![cfg(all(feature = "async", not(ringbus_loom)))]

#[path = "support/held.rs"]
mod held;
#[path = "support/suspended.rs"]
mod suspended;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use held::{LONG, held, publish};
use ringbus::{Bus, ExpectError, FieldReader, FieldWriter, Lagged, Payload, SubscriptionInfo, Value, publish_event};
use suspended::suspended;
use tokio::sync::Notify;

/// At which a wait for oneself comes to light.
const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn all_that_waits_on_the_runtimes_own_thread_can_be_awaited() {
    let bus = Bus::new();
    let guard = bus.subscribe_async(|_| suspended(3)).unwrap();
    (0..100).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    // Nobody but this thread could make it come true.
    let busy = bus.wait_idle(LIMIT).unwrap_err();
    assert!(busy.on_executor && busy.handlers[0].subscription == guard.id(), "{busy}");
    let late = bus.wait_idle(Duration::ZERO).unwrap_err();
    assert!(!late.on_executor, "its time was over in any case: {late}");
    let busy = bus.wait_idle_async(Duration::ZERO).await.unwrap_err();
    assert!(!busy.on_executor && busy.handlers.len() == 1, "{busy}");
    bus.wait_idle_async(LONG).await.unwrap();
    assert_eq!(guard.info().delivered, 100);
    bus.wait_idle(LONG).unwrap();
}

#[tokio::test]
async fn a_handler_that_shuts_down_waits_for_the_others_and_not_for_itself() {
    let bus = Bus::new();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let other = bus.on("job").unwrap().in_thread().subscribe(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let other = other.unwrap();
    let (send, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let weak = bus.downgrade();
    let own = bus.on("stop").unwrap().in_tokio().unwrap().subscribe(move |_| {
        let (send, bus) = (send.clone(), weak.upgrade().unwrap());
        async move {
            let first = bus.shutdown_async(LIMIT).await;
            let second = bus.shutdown_async(LIMIT).await;
            let _ = send.send((first, second));
            suspended(3).await;
        }
    });
    let own = own.unwrap();
    (0..10).for_each(|n| drop(publish_event!(bus: &bus, "job", n)));
    (0..2).for_each(|n| drop(publish_event!(bus: &bus, "stop", n)));
    let (first, second) = reports.recv().await.expect("or it has waited for itself, and was dropped at the limit");
    assert!(first.unfinished && second.unfinished, "{first:?}, {second:?}");
    for end in &first.handlers {
        assert_eq!(end.running, end.subscription == own.id(), "{end}");
    }
    assert_eq!((first.handlers.len(), handled.load(Ordering::SeqCst), other.info().delivered), (2, 10, 10));
    // The other event is handled too.
    let (again, _) = reports.recv().await.unwrap();
    assert!(again.unfinished);
    let whole = bus.shutdown_async(LONG).await;
    assert!(whole.is_complete(), "{whole}");
    assert_eq!(whole.handlers.iter().find(|end| end.subscription == own.id()).unwrap().drained, 2);
}

#[tokio::test]
async fn a_handler_does_not_wait_for_a_shutdown_that_waits_for_it() {
    let bus = Bus::new();
    let (send, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let (begin, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, go) = (Arc::clone(&begin), Arc::clone(&begun));
    let weak = bus.downgrade();
    let own = bus.subscribe_async(move |_| {
        let (send, bus, inside, go) = (send.clone(), weak.upgrade().unwrap(), Arc::clone(&inside), Arc::clone(&go));
        async move {
            inside.notify_one();
            go.notified().await;
            let _ = send.send(bus.shutdown_async(LIMIT).await);
        }
    });
    publish_event!(bus: &bus, "stop");
    begin.notified().await;
    let shutting = bus.shutdown_async(LIMIT);
    begun.notify_one();
    let report = reports.recv().await.expect("or each of the two has waited for the other, up to the limit");
    assert!(report.unfinished);
    assert!(shutting.await.is_complete());
    drop(own);
}

thread_local! {
    /// What is to be done when the next payload is read.
    static ON_READING: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

struct Numbered(i64);

impl Payload for Numbered {
    const KIND: &'static str = "async.numbered";

    fn field_names() -> &'static [&'static str] {
        &["n"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.0);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        if let Some(act) = ON_READING.take() {
            act();
        }
        fields.read().map(Self)
    }
}

#[tokio::test]
async fn each_loss_is_told_once() {
    let bus = Bus::new();
    let mut stream = bus.on("job").unwrap().queued().capacity(1).stream().unwrap();
    for lost in [3, 2] {
        publish(&bus, lost + 1);
        assert_eq!(stream.next().await.unwrap().err(), Some(Lagged(lost as u64)));
        assert!(stream.next().await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn tasks_of_values_are_offered_events_that_hold_one_unless_they_decode() {
    let bus = Bus::new();
    let values = || bus.on_payload::<Numbered>().unwrap();
    let _of_values = (
        values().in_tokio().unwrap().subscribe(|_| async {}).unwrap(),
        values().in_tokio().unwrap().map(|numbered| numbered.0).subscribe(|_| async {}).unwrap(),
        values().queued().stream().unwrap(),
    );
    let enqueued = || (publish_event!(bus: &bus, "async.numbered", n = 6).enqueued, bus.publish(Numbered(6)).enqueued);
    assert_eq!(enqueued(), (0, 3));
    let decoding = || values().decode();
    let _decoding = (
        decoding().in_tokio().unwrap().subscribe(|_| async {}).unwrap(),
        decoding().in_tokio().unwrap().map(|numbered| numbered.0).subscribe(|_| async {}).unwrap(),
        decoding().queued().stream().unwrap(),
    );
    assert_eq!(enqueued(), (3, 6));
}

#[tokio::test]
async fn a_loss_is_told_before_the_event_that_comes_after_it() {
    for ends in [false, true] {
        let bus = Bus::new();
        let queue = bus.on_payload::<Numbered>().unwrap().decode().queued().capacity(2);
        let mut stream = queue.stream().unwrap();
        // One that cannot be read, after which the stream goes on to the next.
        publish_event!(bus: &bus, "async.numbered", n = "none");
        let publishing = bus.clone();
        ON_READING.set(Some(Box::new(move || (1..=5).for_each(|n| drop(publishing.publish(Numbered(n)))))));
        let mut next = async || stream.next().await;
        assert_eq!(next().await.unwrap().err(), Some(Lagged(3)));
        if !ends {
            assert_eq!(next().await.unwrap().unwrap().0, 4);
            assert_eq!(next().await.unwrap().unwrap().0, 5);
        }
        let (info, len) = (stream.info().queue.unwrap(), stream.len());
        assert_eq!(stream.is_empty(), len == 0);
        assert_eq!((info.waiting + info.running, len), if ends { (2, 2) } else { (0, 0) });
        drop(stream);
        // What was taken out, and not given to anybody, is none that was delivered.
        let totals = bus.stats().totals;
        assert_eq!((totals.delivered, totals.discarded), if ends { (0, 2) } else { (2, 0) });
    }
}

#[tokio::test]
async fn what_cannot_be_read_after_the_end_has_failed_like_all_others() {
    let seen = |bus: &Bus, info: SubscriptionInfo| {
        let letters = bus.dead_letters().len();
        (info.queue.unwrap().failed, info.failed, bus.stats().totals.failed, letters)
    };
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let count = move || count.fetch_add(1, Ordering::SeqCst);
    let bus = Bus::builder().on_failure(move |_| _ = count()).build().unwrap();
    let decoded = || bus.on_payload::<Numbered>().unwrap().decode().queued();
    let mut stream = decoded().capacity(1).stream().unwrap();
    (0..2).for_each(|_| drop(publish_event!(bus: &bus, "async.numbered", n = "none")));
    let mut next = async || stream.next().await;
    assert_eq!(next().await.unwrap().err(), Some(Lagged(1)));
    bus.unsubscribe_all();
    assert!(next().await.is_none());
    assert_eq!((seen(&bus, stream.info()), told.swap(0, Ordering::SeqCst)), ((1, 1, 1, 1), 1));

    let mut receiver = decoded().receiver().unwrap();
    publish_event!(bus: &bus, "async.numbered", n = "none");
    let ending = bus.clone();
    ON_READING.set(Some(Box::new(move || _ = ending.unsubscribe_all())));
    assert!(receiver.try_recv().is_err());
    assert_eq!((seen(&bus, receiver.info()), told.load(Ordering::SeqCst)), ((1, 1, 2, 2), 1));
}

#[tokio::test]
async fn what_is_expected_is_taken_once_and_its_limit_counts_from_the_call() {
    let bus = Bus::new();
    let expected = bus.expecting("job").unwrap();
    for n in 0..3 {
        let delivery = publish_event!(bus: &bus, "job", n);
        assert_eq!(delivery.enqueued, u32::from(n == 0));
    }
    let event = expected.within_async(LONG).await.unwrap();
    assert_eq!(event.get("n"), Some(&Value::from(0)));
    assert_eq!((bus.stats().totals.queue_drops, bus.stats().totals.discarded), (0, 0));

    let brief = Duration::from_millis(1);
    let mut expected = Box::pin(bus.expecting("job").unwrap().within_async(brief));
    let called = Instant::now();
    while called.elapsed() <= brief {
        std::thread::yield_now();
    }
    let polled = expected.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(ExpectError::TimedOut { .. }))));
}

#[test]
fn reports_of_what_was_expected_point_to_who_expects() {
    let bus = Bus::new();
    assert!(bus.expect("job", Duration::ZERO).is_err());
    assert!(bus.expect_of::<Numbered>(Duration::ZERO).is_err());
    for kind in ["job", Numbered::KIND] {
        let gone = bus.explain(kind).gone;
        assert_eq!(gone.iter().map(|one| one.place.file()).collect::<Vec<_>>(), [file!()]);
    }
}

/// Says when it is woken.
struct Told(mpsc::Sender<()>);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

#[test]
fn one_of_two_waits_of_a_task_goes_and_the_other_is_woken() {
    let bus = Bus::new();
    let (held, handler) = held();
    let _guard = bus.on("job").unwrap().in_thread().subscribe(handler).unwrap();
    publish(&bus, 1);
    held.begun.recv().unwrap();
    let (send, told) = mpsc::channel();
    let waker = Waker::from(Arc::new(Told(send)));
    let mut cx = Context::from_waker(&waker);
    let mut waits = pin!(bus.wait_idle_async(Duration::MAX));
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    {
        let mut other = pin!(bus.wait_idle_async(LONG));
        assert!(other.as_mut().poll(&mut cx).is_pending());
    }
    assert!(told.try_recv().is_err(), "there is nothing to be told yet");
    drop(held.go);
    // Not polled again before: that would put it on the list anew.
    told.recv_timeout(LONG).expect("it is woken");
    while waits.as_mut().poll(&mut cx).is_pending() {
        told.recv_timeout(LONG).expect("it is woken");
    }
}

/// It tells of a loss first, and has the event that came after it in hand meanwhile.
#[tokio::test]
async fn a_stream_that_holds_an_event_back_can_be_closed() {
    for shut_down in [false, true] {
        let bus = Bus::new();
        let mut jobs = bus.on("job").unwrap().queued().capacity(1).stream().unwrap();
        publish(&bus, 2);
        let lagged = jobs.next().await.unwrap();
        assert_eq!(lagged.map(drop), Err(Lagged(1)));
        if shut_down {
            let report = bus.shutdown(Duration::ZERO);
            assert!(!report.unfinished && report.handlers.iter().all(|end| end.running), "{report}");
            assert!(!report.is_complete(), "an event is left");
        } else {
            assert_eq!(jobs.subscription().close_timeout(LIMIT), Ok(()));
        }
        let kept = jobs.next().await.unwrap();
        assert!(kept.is_ok(), "it still comes out");
        assert!(jobs.next().await.is_none());
    }
}
