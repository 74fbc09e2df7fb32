//! The promises of `ringbus::docs::promises`, each test named after the one it shows.
//!
//! Promises that need a process of their own, and those of handlers with a queue, are in files beside this folder:
//! `p01_*` to `p12_*`.

#[macro_use]
#[path = "../support/sample.rs"]
mod sample;

mod p02_batches;
mod p02_record_then_dispatch;
mod p03_cursor;
mod p03_order;
mod p03_replay;
mod p04_isolation;
mod p04_policies;
mod p05_visibility;
mod p06_unsubscribing;
mod p07_deferred;
mod p07_reentrancy;
mod p08_accounting;
mod p08_options;
mod p10_drops;
mod p10_life_cycle;
mod p11_off;
mod p12_bad_input;

use std::sync::{Arc, Mutex};

use ringbus::{Bus, Event, Value};

/// What handlers saw, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The field `n`.
fn n(event: &Event) -> i64 {
    event.get("n").and_then(Value::as_i64).expect("a field n")
}

/// The fields `n` of the history, oldest first.
fn recorded(bus: &Bus) -> Vec<i64> {
    bus.recent(usize::MAX).iter().rev().map(n).collect()
}

/// Runs `call` without the default panic message.
fn quietly<R>(call: impl FnOnce() -> R) -> R {
    use std::sync::Once;
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let ordered = payload.is::<p04_isolation::Bomb>()
                || payload.downcast_ref::<&str>().is_some_and(|text| text.starts_with("ordered"));
            if !ordered {
                report(info);
            }
        }));
    });
    call()
}
