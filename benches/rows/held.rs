//! Many subscriptions, and such as come and go.

use std::sync::Arc;

use ringbus::{Bus, Subscriptions};

use super::sides::{LOCKED_PORT, Ours, Port, RINGBUS, subscribe};
use crate::common::options::is_test;
use crate::common::row::{Row, RowMaker, Side};
use crate::common::seen::Seen;
use crate::common::threads::{beside, on_threads};

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "ten-thousand-others", make: others },
    RowMaker { id: "subscribe-held", make: subscribe_held },
    RowMaker { id: "churn", make: churn },
    RowMaker { id: "churn-cost", make: churn_cost },
];

/// Ten thousand subscriptions, each to a kind of its own that nobody publishes.
fn hold(bus: &Bus) -> Subscriptions {
    let mut held = Subscriptions::new();
    for n in 0..if is_test() { 500 } else { 10_000 } {
        held.push(bus.on(format!("held.k{n}")).expect("a kind").subscribe(|_| ()));
    }
    held
}

fn others() -> Row {
    let (crowded, empty) = (Ours::new(1), Ours::new(1));
    let held = hold(&crowded.bus);
    let crowded = Side::alone("10 000 others", move |n| {
        let _ = &held;
        crowded.publish(n);
    });
    let what = "full event, 10 000 subscriptions to other kinds";
    Row::pair("ten-thousand-others", what, crowded, empty.side("no others", 1))
}

fn subscribe_held() -> Row {
    let ours = Ours::new(1);
    let held = hold(&ours.bus);
    let seen = Arc::new(Seen::default());
    let ours = Side::alone(RINGBUS, move |_| {
        let _ = &held;
        drop(subscribe(&ours.bus, &seen));
    });
    Row::alone("subscribe-held", "subscribe and drop, 10 000 subscriptions held", ours)
}

/// A publisher while another thread subscribes to its kind, and drops that again, in a tight loop.
fn churning() -> Side {
    let ours = Ours::new(1);
    let seen = Arc::new(Seen::default());
    Side::new(RINGBUS, move |rounds| {
        beside(|| drop(subscribe(&ours.bus, &seen)), || on_threads(1, rounds, |n| ours.publish(n)))
    })
}

fn churn() -> Row {
    let port = Port::new(1);
    let seen = Arc::new(Seen::default());
    let port = Side::new(LOCKED_PORT, move |rounds| {
        let churn = || {
            let seen = Arc::clone(&seen);
            port.0.subscribe(move |_| seen.count());
            port.0.unsubscribe_last();
        };
        beside(churn, || on_threads(1, rounds, |n| port.publish(n)))
    });
    Row::pair("churn", "full event while another thread subscribes and unsubscribes", churning(), port)
}

fn churn_cost() -> Row {
    let what = "full event while another thread subscribes, beside an undisturbed publisher";
    Row::pair("churn-cost", what, churning(), Ours::new(1).side("undisturbed", 1))
}
