//! P10: what hooks read with never waits, also while a reader stands in the middle of the history. Needs the feature
//! `inject`, whose steps a thread may be stopped at.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use ringbus::{Bus, HistoryBusy, publish_event};

thread_local! {
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn p10_try_recent_answers_at_once_while_another_thread_is_reading() {
    let (stopped, has_stopped) = channel();
    let (resume, may_resume) = channel();
    let may_resume = Mutex::new(may_resume);
    let hook = move |step: &str| {
        if step == "slot.take" && STOPS.replace(false) {
            stopped.send(()).unwrap();
            may_resume.lock().unwrap().recv().unwrap();
        }
    };
    assert!(ringbus::__inject::set_step_hook(Box::new(hook)));
    let bus = Bus::builder().history(10).build().unwrap();
    (0..5).for_each(|n| drop(publish_event!(bus: &bus, "p10.busy", n)));

    let in_hook = Arc::new(Mutex::new(None));
    let told = |busy: HistoryBusy| busy.to_string();
    let read = move |bus: &Bus| {
        let (recent, query) = (bus.try_recent(10), bus.history().try_take(2));
        (recent.map(|all| all.len()).map_err(told), query.map(|all| all.len()).map_err(told))
    };
    let busy = || Err("the history is being read by another thread, and this reader must not wait".to_owned());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            STOPS.set(true);
            bus.recent(10).len()
        });
        has_stopped.recv().unwrap();
        assert_eq!(read(&bus), (busy(), busy()));

        let (answer, other) = (Arc::clone(&in_hook), bus.clone());
        set_hook(Box::new(move |_| {
            publish_event!(bus: &other, "p10.busy", n = 5);
            *answer.lock().unwrap() = Some(read(&other));
        }));
        assert!(catch_unwind(|| panic!("ordered")).is_err());
        drop(take_hook());

        resume.send(()).unwrap();
        assert_eq!(reader.join().unwrap(), 5, "what was there when it looked");
    });
    assert_eq!(*in_hook.lock().unwrap(), Some((busy(), busy())));
    assert_eq!(read(&bus), (Ok(6), Ok(2)));
}
