//! Where the time of a publish goes: its parts, each measured alone, beside the whole.
//!
//! What a part costs inside is told where the public face can leave it out, as the difference that makes. The sum is
//! that of the parts alone; it is what a publish would take if parts cost nothing where they meet.

use std::hint::black_box;
use std::panic::catch_unwind;
use std::ptr;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use ringbus::{Bus, publish_event};

use super::private::{Announced, Counters, Handler, Mark, Records, SLOTS, Slots, clock, counting};
use super::sides::{Ours, RINGBUS};
use crate::common::lines;
use crate::common::numbers::{Spread, quotients};
use crate::common::options::Options;
use crate::common::pairs::alternate;
use crate::common::row::{Row, RowMaker, Side, Study};
use crate::common::threads::on_threads_with;

pub const ROWS: &[RowMaker] = &[RowMaker { id: "table-reading", make: table_reading }];

/// Two ways to read a table that is replaced whole, each beside an exchange, as a publish makes one before it reads.
fn table_reading() -> Row {
    let (slots, announced) = (Slots::new(SLOTS), Announced::new());
    let ours = Side::alone("announced in the row", move |n| {
        announced.read_after(|| slots.exchange(ptr::without_provenance_mut(n as usize)), n as usize)
    });
    let (slots, table) = (Slots::new(SLOTS), ArcSwap::from_pointee([0_u64; 8]));
    let guard = Side::alone("the guard of arc-swap", move |n| {
        black_box(slots.exchange(ptr::without_provenance_mut(n as usize)));
        table.load()[n as usize % 8]
    });
    Row::pair("table-reading", "an exchange and a reading of the table", ours, guard)
}

pub const STUDIES: &[Study] = &[Study { id: "parts", run: parts }];

/// In the order in which an event meets them.
fn alone() -> Vec<Side> {
    let slots = Slots::new(SLOTS);
    let table = Announced::new();
    let mark = Mark::default();
    let handler: Handler = counting();
    let record = Records::new(1);
    let counters = Counters::default();
    vec![
        Side::alone("clock", |_| clock()),
        Side::new("fields", |rounds| {
            on_threads_with(
                1,
                rounds,
                || Records::new(SLOTS),
                |records, n| {
                    records.write(0, n);
                },
            )
        }),
        Side::alone("slot exchange", move |n| {
            // Never followed: any address does.
            slots.exchange(ptr::without_provenance_mut(n as usize))
        }),
        Side::alone("table", move |n| table.read_after(|| (), n as usize)),
        Side::alone("mark and fence", move |_| mark.around(|| ())),
        Side::alone("catch", |n| catch_unwind(|| black_box(n))),
        Side::alone("call", move |_| black_box(&handler)(record.first())),
        Side::alone("counters", move |_| counters.count()),
    ]
}

fn parts(options: &Options) {
    let mut full = Ours::new(1).side(RINGBUS, 1);
    let mut two_handlers = Ours::new(2).side("2 handlers", 1);
    let mut no_record = Ours::on(Bus::builder().history(0).build().expect("a bus"), 1).side("no history", 1);
    let mut no_fields = no_fields();
    let mut system_time = Side::alone("SystemTime::now", |_| SystemTime::now());
    let mut alone = alone();
    let mut sides = vec![&mut full, &mut two_handlers, &mut no_record, &mut no_fields, &mut system_time];
    let whole = sides.len();
    sides.extend(&mut alone);
    let times = alternate(options, &mut sides);
    let median = |side: usize| Spread::of(&times[side]).median;

    let full_ns = median(0);
    let inside = |name: &str| match name {
        "fields" => Some(full_ns - median(3)),
        "slot exchange" => Some(full_ns - median(2)),
        _ => None,
    };
    for (at, side) in alone.iter().enumerate() {
        println!("{}", lines::part(side.name, inside(side.name), median(whole + at)));
    }
    // One more handler adds a mark, a catch, a call and one of the counters.
    let place = |name: &str| alone.iter().position(|side| side.name == name).map_or(0.0, |at| median(whole + at));
    let handler = place("mark and fence") + place("catch") + place("call") + place("counters") / 3.0;
    println!("{}", lines::part("a further handler", Some(median(1) - full_ns), handler));
    println!("{}", lines::fact("system-time", median(4), "ns"));

    let sums: Vec<f64> = (0..times[0].len()).map(|time| times[whole..].iter().map(|side| side[time]).sum()).collect();
    let ratio = Spread::of(&quotients(&sums, &times[0]));
    let what = "full event beside the sum of its parts, each alone";
    let sum = ("sum of the parts", Spread::of(&sums).median);
    println!("{}", lines::pair(("parts", what), (RINGBUS, full_ns), sum, ratio, sums.len()));
}

fn no_fields() -> Side {
    let ours = Ours::new(1);
    Side::alone("no fields", move |_| {
        black_box(publish_event!(bus: &ours.bus, "terminal.error", source: "daemon"));
    })
}
