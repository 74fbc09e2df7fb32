//! P3: a publisher that loses its processor between its clock and its ticket. Whoever asks for the newest few events
//! gets the beginning of what whoever asks for all of them gets. Needs the feature `inject`, whose steps a thread may
//! be stopped at.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use ringbus::{Bus, Event, publish_event};

thread_local! {
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn p03_the_newest_few_are_the_beginning_of_all() {
    let (stopped, has_stopped) = channel();
    let (resume, may_resume) = channel();
    let may_resume = Mutex::new(may_resume);
    let hook = move |step: &str| {
        if step == "ring.ticket" && STOPS.replace(false) {
            stopped.send(()).unwrap();
            may_resume.lock().unwrap().recv().unwrap();
        }
    };
    assert!(ringbus::__inject::set_step_hook(Box::new(hook)));
    let built = Event::builder("p03.late").build().unwrap();
    let late: [&(dyn Fn(&Bus) + Sync); 2] =
        [&|bus| drop(publish_event!(bus: bus, "p03.late")), &|bus| drop(bus.publish(built.clone()))];
    for publish in late {
        let bus = Bus::builder().history(100).shards(1).build().unwrap();
        std::thread::scope(|scope| {
            let late = scope.spawn(|| {
                STOPS.set(true);
                publish(&bus);
            });
            has_stopped.recv().unwrap();
            (0..10).for_each(|n| drop(publish_event!(bus: &bus, "p03.soon", n)));
            resume.send(()).unwrap();
            late.join().unwrap();
        });
        let all = bus.recent(100);
        assert_eq!(all.len(), 11);
        for few in 0..=11 {
            let newest: Vec<_> = bus.recent(few).iter().map(Event::id).collect();
            assert!(all.iter().take(few).map(Event::id).eq(newest), "the newest {few}");
        }
        assert_eq!(all[0].kind(), "p03.late", "one shard orders them by ticket");
    }
}
