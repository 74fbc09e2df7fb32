//! P3, P8: a subscription that asks for the past on a bus that keeps none: what comes too fast is counted. Needs the
//! feature `inject`, to publish between its entry into the table and its first look.
#![cfg(all(feature = "inject", not(ringbus_loom)))]

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ringbus::{Bus, current, publish_event};

thread_local! {
    static PUBLISHES: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn p08_what_an_inbox_refuses_is_counted_where_no_history_has_it() {
    const BURST: u64 = 5000;
    static BUS: OnceLock<Bus> = OnceLock::new();
    let bus = BUS.get_or_init(|| Bus::builder().history(0).build().unwrap());
    let hook = |step: &str| {
        if step == "inbox.take" && PUBLISHES.replace(false) {
            publish_event!(bus: BUS.get().unwrap(), "p08.first");
        }
    };
    assert!(ringbus::__inject::set_step_hook(Box::new(hook)));
    let _open = bus.subscribe(|_| {});
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    PUBLISHES.set(true);
    let guard = bus.on("p08.*").unwrap().replay(10).subscribe(move |event| {
        count.fetch_add(1, Ordering::Relaxed);
        if event.kind() == "p08.first" {
            (0..BURST).for_each(|n| drop(publish_event!(bus: &current().unwrap(), "p08.burst", n)));
        }
    });
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls > 1 && guard.info().lagged > 0);
    assert_eq!(calls + guard.info().lagged, 1 + BURST);
}
