//! P10: a panic hook that publishes and reads, in a process of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use ringbus::{Outcome, publish_event};

#[test]
fn p10_a_panic_hook_publishes_and_reads_the_history() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let _guard = ringbus::on("hook.panic").unwrap().subscribe(|_| panic!("a handler must not run in a panic hook"));
    std::panic::set_hook(Box::new(|info| {
        let delivery = publish_event!("hook.panic", source: "hook", message = %info);
        assert_eq!(delivery.outcome, Outcome::Panicking);
        READ.store(ringbus::global().try_recent(10).map_or(0, |events| events.len()), Ordering::Relaxed);
    }));
    publish_event!("work.begun", n = 1);
    // On another thread, and in a handler: both panic through the hook.
    assert!(std::thread::spawn(|| panic!("at work")).join().is_err());
    assert_eq!(READ.load(Ordering::Relaxed), 2);
    let _broken = ringbus::on("work.more").unwrap().subscribe(|_| panic!("in a handler"));
    assert_eq!(publish_event!("work.more", n = 2).failed, 1);
    assert_eq!(READ.load(Ordering::Relaxed), 4, "begun, hook, more, hook");
    let totals = ringbus::stats().totals;
    assert_eq!((totals.published, totals.while_panicking, totals.failed), (4, 2, 1));
    let _ = std::panic::take_hook();
}
