//! A handler that publishes.

use std::hint::black_box;
use std::sync::Arc;

use ringbus::{Bus, Subscription, publish_event};

use super::sides::Ours;
use crate::common::payload::{COLUMN, FATAL};
use crate::common::row::{Row, RowMaker, Side};
use crate::common::seen::Seen;

pub const ROWS: &[RowMaker] = &[RowMaker { id: "nested", make: nested }];

fn second(bus: &Bus, line: u64) {
    black_box(publish_event!(
        bus: bus, "terminal.nested", source: "daemon", line = line, column = COLUMN, fatal = FATAL
    ));
}

/// A handler of the second kind that counts.
fn subscribe_second(bus: &Bus) -> Subscription {
    let seen = Seen::default();
    bus.on("terminal.nested").expect("a kind").subscribe(move |_| seen.count())
}

/// Two events, the second one from the first one's handler; beside the same two one after the other.
fn nested() -> Row {
    let inside = Ours::new(0);
    let seen = Arc::new(Seen::default());
    // The handler holds its bus until its guard is dropped, with the row.
    let bus = inside.bus.clone();
    let first = inside.bus.on("terminal.error").expect("a kind").subscribe(move |_| {
        seen.count();
        second(&bus, 1);
    });
    let guards = [first, subscribe_second(&inside.bus)];
    let inside = Side::alone("nested", move |n| {
        let _ = &guards;
        inside.publish(n);
    });
    let flat = Ours::new(1);
    let guard = subscribe_second(&flat.bus);
    let flat = Side::alone("one after the other", move |n| {
        let _ = &guard;
        flat.publish(n);
        second(&flat.bus, n);
    });
    Row::pair("nested", "two events, the second from the first one's handler", inside, flat)
}
