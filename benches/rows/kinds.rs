//! Kinds told at run time, more of them than the process keeps numbers for.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::hint::black_box;

use ringbus::publish_event;

use super::sides::Ours;
use crate::common::options::is_test;
use crate::common::payload::{COLUMN, FATAL};
use crate::common::row::{Row, RowMaker, Side};

pub const ROWS: &[RowMaker] = &[RowMaker { id: "kinds-million", make: million }];

/// Publishes an event of the kind of this number; the text is written anew each time.
fn publish(ours: &Ours, kind: u64, line: u64) {
    thread_local! { static TEXT: RefCell<String> = const { RefCell::new(String::new()) } }
    TEXT.with_borrow_mut(|text| {
        text.clear();
        write!(text, "thread.k{kind}.event").expect("memory takes all");
        let text = text.as_str();
        black_box(publish_event!(
            bus: &ours.bus, kind: text, source: "daemon", line = line, column = COLUMN, fatal = FATAL
        ));
    });
}

/// All of them have been published before the time begins. One handler gets every event.
fn million() -> Row {
    let kinds = if is_test() { 1_000 } else { 1_000_000 };
    let [many, one] = [(); 2].map(|()| Ours::new(0));
    let guards = [&many, &one].map(|ours| {
        ours.bus.subscribe(|event| {
            black_box(event.id());
        })
    });
    publish(&one, 0, 0);
    (0..kinds).for_each(|kind| publish(&many, kind, 0));
    let mut begin = 0;
    let many = Side::new("a million kinds", move |rounds| {
        let _ = &guards;
        // Slices go on where the one before ended: few of their kinds were met lately.
        let from = begin;
        begin = (begin + rounds) % kinds;
        crate::common::threads::on_threads(1, rounds, |n| publish(&many, (from + n) % kinds, n))
    });
    let one = Side::alone("one kind", move |n| publish(&one, 0, n));
    Row::pair("kinds-million", "event of a kind told at run time, a million of them", many, one)
}
