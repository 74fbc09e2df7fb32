//! A coaching system's channel bus with async handlers, on tokio; see `channel_system.rs` for the same without.
#![cfg(all(feature = "async", not(ringbus_loom)))]

use std::sync::Arc;
use std::time::Duration;

use ringbus::{Bus, CloseError, Event, Subscription, Value, Waited, publish_event};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Barrier, Notify, Semaphore};

const LONG: Duration = Duration::from_secs(60);

/// Subscribes to a channel; what is said there comes out of the receiver.
fn listen(bus: &Bus, name: &str) -> (Subscription, UnboundedReceiver<String>) {
    let (sender, receiver) = unbounded_channel();
    let handler = move |event: Event| {
        let sender = sender.clone();
        async move {
            tokio::task::yield_now().await;
            let said = event.get("text").and_then(Value::as_str).ok_or("no text")?;
            sender.send(said.to_owned())?;
            Ok(())
        }
    };
    (bus.on(name).unwrap().named(name).in_tokio().unwrap().try_subscribe(handler).unwrap(), receiver)
}

/// Says something, and waits until everybody has heard it.
async fn say(bus: &Bus, channel: &str, text: &str) -> Waited {
    let event = Event::builder(channel).source("coach").field("text", text).build().unwrap();
    bus.publish_and_wait_async(event, LONG).await.unwrap()
}

/// Says something and goes on; how many queues it is in.
fn mention(bus: &Bus, channel: &str, text: &str) -> u32 {
    publish_event!(bus: bus, kind: channel, source: "coach", text).enqueued
}

fn heard(receiver: &mut UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

#[tokio::test]
async fn what_is_published_on_a_channel_arrives() {
    let bus = Bus::new();
    let (_guard, mut lobby) = listen(&bus, "room.lobby");
    let waited = say(&bus, "room.lobby", "hello").await;
    assert!(waited.is_complete() && waited.delivered == 1, "{waited:?}");
    assert_eq!(heard(&mut lobby), ["hello"]);
}

#[tokio::test]
async fn a_channel_has_several_subscribers_each_a_task_of_its_own() {
    let bus = Bus::new();
    // None of them comes to its end unless all have begun.
    let meet = Arc::new(Barrier::new(3));
    let _guards: Vec<_> = (0..3)
        .map(|_| {
            let meet = Arc::clone(&meet);
            let handler = move |_| {
                let meet = Arc::clone(&meet);
                async move {
                    meet.wait().await;
                }
            };
            bus.on("room.lobby").unwrap().in_tokio().unwrap().subscribe(handler).unwrap()
        })
        .collect();
    assert_eq!(say(&bus, "room.lobby", "all").await.delivered, 3);
}

#[tokio::test]
async fn one_publishers_words_keep_their_order() {
    let bus = Bus::new();
    let (guard, mut lobby) = listen(&bus, "room.lobby");
    let words: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert!(words.iter().all(|word| mention(&bus, "room.lobby", word) == 1));
    guard.close_async().await.unwrap();
    assert_eq!(heard(&mut lobby), words);
}

#[tokio::test]
async fn channels_are_isolated() {
    let bus = Bus::new();
    let (_one, mut lobby) = listen(&bus, "room.lobby");
    let (_two, mut kitchen) = listen(&bus, "room.kitchen");
    say(&bus, "room.lobby", "here").await;
    say(&bus, "room.kitchen", "there").await;
    assert_eq!(say(&bus, "room.cellar", "nobody").await.delivered, 0);
    assert_eq!((heard(&mut lobby), heard(&mut kitchen)), (vec!["here".to_owned()], vec!["there".to_owned()]));
}

#[tokio::test]
async fn failing_handlers_are_isolated() {
    let bus = Bus::new();
    let first = || bus.on("room.lobby").unwrap().order(1).in_tokio().unwrap();
    let _broken = first().subscribe(|_| async { panic!("broken on purpose") }).unwrap();
    let _failing = first().try_subscribe(|_| async { Err("failing on purpose".into()) }).unwrap();
    let (_guard, mut lobby) = listen(&bus, "room.lobby");
    for n in 0..3 {
        let waited = say(&bus, "room.lobby", &n.to_string()).await;
        assert_eq!((waited.delivered, waited.errors.len()), (1, 2), "{waited:?}");
    }
    assert_eq!(heard(&mut lobby), ["0", "1", "2"]);
    let totals = bus.stats().totals;
    assert_eq!((totals.failed, totals.panicked, totals.dead_letters), (6, 3, 6));
}

#[tokio::test]
async fn a_slow_handler_holds_up_neither_the_publisher_nor_the_others() {
    let bus = Bus::new();
    let may = Arc::new(Semaphore::new(0));
    let allowed = Arc::clone(&may);
    let slow = bus
        .on("room.lobby")
        .unwrap()
        .in_tokio()
        .unwrap()
        .subscribe(move |_| {
            let allowed = Arc::clone(&allowed);
            async move { allowed.acquire().await.unwrap().forget() }
        })
        .unwrap();
    let (quick, mut lobby) = listen(&bus, "room.lobby");
    assert!((0..3).all(|n| mention(&bus, "room.lobby", &n.to_string()) == 2));
    quick.close_async().await.unwrap();
    assert_eq!(heard(&mut lobby), ["0", "1", "2"]);
    let queue = slow.info().queue.unwrap();
    assert_eq!((queue.running, queue.waiting, queue.delivered), (1, 2, 0));
    may.add_permits(3);
    slow.close_async().await.unwrap();
    assert_eq!(slow.info().delivered, 3);
}

#[tokio::test]
async fn channels_and_their_subscribers_are_listed_and_counted() {
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
    assert!(list.iter().all(|info| info.place.file().ends_with("channel_system_async.rs") && info.queue.is_some()));
}

#[tokio::test]
async fn unsubscribing_ends_it_for_one_and_not_for_the_others() {
    let bus = Bus::new();
    let (one, mut first) = listen(&bus, "room.lobby");
    let (_two, mut second) = listen(&bus, "room.lobby");
    assert!(bus.unsubscribe(one.id()));
    assert!(!one.is_active());
    assert_eq!(say(&bus, "room.lobby", "left").await.delivered, 1);
    assert!(heard(&mut first).is_empty());
    assert_eq!(heard(&mut second), ["left"]);
    assert!(!bus.unsubscribe(one.id()), "it has ended already");
}

#[tokio::test]
async fn closing_waits_for_the_call_that_is_suspended_and_for_what_waits() {
    let bus = Bus::new();
    let (inside, leave, captured) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)), Arc::new(()));
    let guard = {
        let (inside, leave, captured) = (Arc::clone(&inside), Arc::clone(&leave), Arc::clone(&captured));
        let handler = move |_| {
            let (inside, leave, captured) = (Arc::clone(&inside), Arc::clone(&leave), Arc::clone(&captured));
            async move {
                inside.notify_one();
                leave.acquire().await.unwrap().forget();
                drop(captured);
            }
        };
        bus.on("room.lobby").unwrap().in_tokio().unwrap().subscribe(handler).unwrap()
    };
    assert_eq!(mention(&bus, "room.lobby", "slow") + mention(&bus, "room.lobby", "next"), 2);
    inside.notified().await;
    let closing = tokio::spawn(guard.close_async());
    assert_eq!(mention(&bus, "room.lobby", "late"), 0);
    assert_eq!(guard.close_drained(LONG), Err(CloseError::OnExecutor), "not on this thread");
    assert_eq!(guard.info().queue.unwrap().running, 1);
    leave.add_permits(2);
    closing.await.unwrap().unwrap();
    assert_eq!(Arc::strong_count(&captured), 1, "closed, and the closure dropped");
    assert_eq!(guard.info().delivered, 2);
}

#[tokio::test]
async fn closing_at_once_counts_what_nobody_hears() {
    let bus = Bus::new();
    let (guard, mut lobby) = listen(&bus, "room.lobby");
    assert_eq!((0..4).map(|n| mention(&bus, "room.lobby", &n.to_string())).sum::<u32>(), 4);
    guard.close().unwrap();
    tokio::task::yield_now().await;
    let queue = guard.info().queue.unwrap();
    assert_eq!((queue.offered, queue.discarded, queue.delivered), (4, 4, 0));
    assert!(heard(&mut lobby).is_empty());
}
