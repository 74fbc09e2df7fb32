//! A coaching system's channel bus, as people wrote it by hand: channels are kinds.
//!
//! Runs on the default table and, with the feature `reference-table`, on the lock-based one.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};

use ringbus::{Bus, CloseError, Event, Subscription, Value, publish_event};

/// Subscribes to a channel; what is said there comes out of the receiver.
fn listen(bus: &Bus, name: &str) -> (Subscription, Receiver<String>) {
    let (sender, receiver) = channel();
    let handler = move |event: &Event| {
        let said = event.get("text").and_then(Value::as_str).ok_or("no text")?;
        sender.send(said.to_owned())?;
        Ok(())
    };
    (bus.on(name).unwrap().named(name).try_subscribe(handler), receiver)
}

fn say(bus: &Bus, channel: &str, text: &str) -> u32 {
    publish_event!(bus: bus, kind: channel, source: "coach", text).delivered
}

fn heard(receiver: &Receiver<String>) -> Vec<String> {
    receiver.try_iter().collect()
}

#[test]
fn what_is_published_on_a_channel_arrives() {
    let bus = Bus::new();
    let (_guard, lobby) = listen(&bus, "room.lobby");
    assert_eq!(say(&bus, "room.lobby", "hello"), 1);
    assert_eq!(heard(&lobby), ["hello"]);
}

#[test]
fn a_channel_has_several_subscribers() {
    let bus = Bus::new();
    let listeners: Vec<_> = (0..3).map(|_| listen(&bus, "room.lobby")).collect();
    assert_eq!(say(&bus, "room.lobby", "all"), 3);
    assert!(listeners.iter().all(|(_, lobby)| heard(lobby) == ["all"]));
}

#[test]
fn channels_are_isolated() {
    let bus = Bus::new();
    let (_one, lobby) = listen(&bus, "room.lobby");
    let (_two, kitchen) = listen(&bus, "room.kitchen");
    say(&bus, "room.lobby", "here");
    say(&bus, "room.kitchen", "there");
    assert_eq!(say(&bus, "room.cellar", "nobody"), 0);
    assert_eq!((heard(&lobby), heard(&kitchen)), (vec!["here".to_owned()], vec!["there".to_owned()]));
}

#[test]
fn failing_handlers_are_isolated() {
    let bus = Bus::new();
    let _broken = bus.on("room.lobby").unwrap().order(1).subscribe(|_| panic!("broken on purpose"));
    let _failing = bus.on("room.lobby").unwrap().order(1).try_subscribe(|_| Err("failing on purpose".into()));
    let (_guard, lobby) = listen(&bus, "room.lobby");
    for n in 0..3 {
        assert_eq!(say(&bus, "room.lobby", &n.to_string()), 1);
    }
    assert_eq!(heard(&lobby), ["0", "1", "2"]);
    assert_eq!((bus.stats().totals.failed, bus.stats().totals.panicked), (6, 3));
}

#[test]
fn channels_and_their_subscribers_are_listed_and_counted() {
    let bus = Bus::new();
    assert!(bus.kinds().is_empty());
    let (one, _lobby) = listen(&bus, "room.lobby");
    let (_two, _lobby2) = listen(&bus, "room.lobby");
    let (_three, _kitchen) = listen(&bus, "room.kitchen");
    assert_eq!(bus.kinds(), ["room.kitchen", "room.lobby"]);
    assert_eq!((bus.subscriber_count("room.lobby"), bus.subscriber_count("room.kitchen")), (2, 1));
    assert_eq!(bus.subscriber_count("room.cellar"), 0);

    drop(one);
    assert_eq!(bus.subscriber_count("room.lobby"), 1);
    let list = bus.subscriptions();
    let names: Vec<_> = list.iter().map(|info| info.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["room.lobby", "room.kitchen"]);
    assert!(list.iter().all(|info| info.place.file().ends_with("channel_system.rs")));
}

#[test]
fn unsubscribing_ends_it_for_one_and_not_for_the_others() {
    let bus = Bus::new();
    let (one, first) = listen(&bus, "room.lobby");
    let (_two, second) = listen(&bus, "room.lobby");
    assert!(bus.unsubscribe(one.id()));
    assert!(!one.is_active());
    say(&bus, "room.lobby", "left");
    assert!(heard(&first).is_empty());
    assert_eq!(heard(&second), ["left"]);
    assert!(!bus.unsubscribe(one.id()), "it has ended already");
}

#[test]
fn closing_waits_for_the_call_that_runs() {
    let bus = Bus::new();
    let (inside, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let captured = Arc::new(());
    let guard = {
        let (inside, leave, captured) = (Arc::clone(&inside), Arc::clone(&leave), Arc::clone(&captured));
        bus.on("room.lobby").unwrap().subscribe(move |_| {
            inside.wait();
            leave.wait();
            drop(Arc::clone(&captured));
        })
    };
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| say(&bus, "room.lobby", "slow"));
        inside.wait();
        let early = guard.close_timeout(std::time::Duration::ZERO).unwrap_err();
        assert!(matches!(early, CloseError::TimedOut { ref threads, .. } if threads.len() == 1), "{early}");
        let closer = scope.spawn(|| guard.close());
        leave.wait();
        closer.join().unwrap().unwrap();
        assert_eq!(Arc::strong_count(&captured), 1, "closed, and the closure dropped");
        assert_eq!(publisher.join().unwrap(), 1);
    });
    assert_eq!(say(&bus, "room.lobby", "late"), 0);
}
