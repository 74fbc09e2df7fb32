//! bevy's observers: systems that a world runs when an event is triggered.

use std::hint::black_box;
use std::sync::Arc;

use bevy_ecs::event::Event;
use bevy_ecs::observer::Trigger;
use bevy_ecs::world::World;

use crate::common::row::{Row, RowMaker};
use crate::common::seen::Seen;
use crate::consumer::here;
use crate::counted::counted;
use crate::message::Message;
use crate::ours;
use crate::rival::Rival;

const NAME: &str = "bevy observers";

pub const RIVAL: Rival = Rival {
    name: NAME,
    does_not: &[
        "one thread only (`trigger` takes `&mut World`)",
        "no isolation: an observer that panics unwinds into whoever triggers",
        "no history, no counters; one Rust type an event: no kinds, no patterns",
        "this is bevy_ecs 0.16, the newest that Rust 1.85 builds; 0.20 needs Rust 1.95 and took about a fifth less time",
    ],
    rows: &[RowMaker { id: "rival-bevy", make: full }],
};

#[derive(Event)]
struct Happened(Message);

fn full() -> Row {
    let mut world = World::new();
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    world.add_observer(move |happened: Trigger<'_, Happened>| {
        black_box(&happened.event().0);
        count.count();
    });
    world.flush();
    let run = move |rounds| here(rounds, |n| world.trigger(Happened(Message::new(n))));
    Row::pair("rival-bevy", "full event, 1 thread", ours::full(1), counted(NAME, &seen, 1, run))
}
