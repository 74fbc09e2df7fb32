//! P3, P8: a cursor and a publisher that stands still in the middle of recording. Needs the feature `inject`, whose steps
//! a thread may be stopped at.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use ringbus::{Bus, publish_event};

thread_local! {
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

fn numbers(events: &[ringbus::Event]) -> Vec<i64> {
    events.iter().map(|event| event.get("n").unwrap().as_i64().unwrap()).collect()
}

/// Its ticket is drawn and its slot empty: it is not waited for, and comes when it is there; a subscription that is told
/// of the past at that moment gets it from the publisher.
#[test]
fn p03_an_event_whose_publisher_stood_still_comes_later_once() {
    let (stopped, has_stopped) = channel();
    let (resume, may_resume) = channel();
    let may_resume = Mutex::new(may_resume);
    let hook = move |step: &str| {
        if step == "slot.check" && STOPS.replace(false) {
            stopped.send(()).unwrap();
            may_resume.lock().unwrap().recv().unwrap();
        }
    };
    assert!(ringbus::__inject::set_step_hook(Box::new(hook)));
    let bus = Bus::builder().history(100).shards(1).build().unwrap();
    let mut cursor = bus.cursor();
    let seen = Mutex::new(Vec::new());
    let seen: &'static Mutex<Vec<i64>> = Box::leak(Box::new(seen));
    let late = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            STOPS.set(true);
            publish_event!(bus: &bus, "p03.gap", n = 0);
        });
        has_stopped.recv().unwrap();
        (1..4).for_each(|n| drop(publish_event!(bus: &bus, "p03.gap", n)));
        let batch = cursor.read();
        assert_eq!((numbers(&batch.events), batch.missed), (vec![1, 2, 3], 0));
        let late = bus.on("p03.gap").unwrap().replay(100).subscribe(|event| {
            seen.lock().unwrap().extend(numbers(std::slice::from_ref(event)));
        });
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        resume.send(()).unwrap();
        publisher.join().unwrap();
        late
    });
    let batch = cursor.read();
    assert_eq!((numbers(&batch.events), batch.missed), (vec![0], 0));
    publish_event!(bus: &bus, "p03.gap", n = 4);
    assert_eq!((seen.lock().unwrap().as_slice(), late.info().lagged), ([1, 2, 3, 0, 4].as_slice(), 0));
}
