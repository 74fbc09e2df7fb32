//! The queue: pushers against poppers. Each item comes out once, whole and in order, and full and empty are told truly.

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};
use ringbus::__models::{Queue, Waiting};

use crate::support::Model;
use crate::support::watched::Watched;

type Items = Queue<Watched>;

/// Pushes a value, odd ones in a box; `false` where it came back, whole.
fn push(queue: &Items, value: u32) -> bool {
    let item = Watched::new(value);
    let pushed = if value % 2 == 1 { queue.push_boxed(item) } else { queue.push(item) };
    pushed.map_err(|back| assert_eq!(look(&back), value, "not handed back whole")).is_ok()
}

/// Does with an item what its owner does: reads it and writes it.
fn look(item: &Waiting<Watched>) -> u32 {
    let value = item.value().read();
    item.value().write(value);
    value
}

fn pop(queue: &Items) -> Option<u32> {
    queue.pop().map(|item| look(&item))
}

/// What is left when nobody else is there; and the queue goes on.
fn rest(queue: &Items) -> Vec<u32> {
    let rest: Vec<u32> = std::iter::from_fn(|| pop(queue)).collect();
    assert!(queue.is_empty() && push(queue, 101) && pop(queue) == Some(101) && queue.is_empty(), "stuck");
    rest
}

/// Pushes values on a thread of its own; those that went in.
fn pusher(queue: &Arc<Items>, values: &'static [u32]) -> JoinHandle<Vec<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || values.iter().copied().filter(|value| push(&queue, *value)).collect())
}

/// Pops twice on a thread of its own; what it got.
fn popper(queue: &Arc<Items>) -> JoinHandle<Vec<u32>> {
    let queue = Arc::clone(queue);
    thread::spawn(move || [pop(&queue), pop(&queue)].into_iter().flatten().collect())
}

fn sorted(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values
}

/// With room for one: what does not go in comes back, and what goes in comes out.
#[test]
fn two_pushers_and_a_popper_with_room_for_one() {
    Model {
        name: "queue::two_pushers_and_a_popper_with_room_for_one",
        promise: "P3, P8: each item once",
        preemptions: Some(3),
        outcomes: &["one popped, one refused", "one left, one refused", "one popped, one left", "both popped"],
    }
    .check(|| {
        let queue = Arc::new(Items::new(1));
        let (other, popper) = (pusher(&queue, &[1]), popper(&queue));
        let here = push(&queue, 2);
        let (mut pushed, popped) = (other.join().unwrap(), popper.join().unwrap());
        pushed.extend(here.then_some(2));
        let left = rest(&queue);
        assert_eq!(sorted([&popped[..], &left].concat()), pushed, "lost or twice");
        match (popped.len(), left.len()) {
            (1, 0) => "one popped, one refused",
            (0, 1) => "one left, one refused",
            (1, 1) => "one popped, one left",
            (2, 0) => "both popped",
            other => panic!("popped and left: {other:?}"),
        }
    });
}

/// With room for two of three: one pusher's two come in its order, and only a third one may be refused.
#[test]
fn two_pushers_and_a_popper_with_room_for_two() {
    Model {
        name: "queue::two_pushers_and_a_popper_with_room_for_two",
        promise: "P3, P8: each item once, in its pusher's order",
        preemptions: Some(3),
        outcomes: &[
            "none popped, one refused",
            "one popped",
            "one popped, one refused",
            "two popped",
            "two popped, one refused",
        ],
    }
    .check(|| {
        let queue = Arc::new(Items::new(2));
        let (other, popper) = (pusher(&queue, &[1, 2]), popper(&queue));
        let here = push(&queue, 4);
        let (mut pushed, popped) = (other.join().unwrap(), popper.join().unwrap());
        pushed.extend(here.then_some(4));
        let all = [popped.clone(), rest(&queue)].concat();
        assert!(pushed.len() >= 2, "full with {pushed:?}");
        assert_eq!(sorted(all.clone()), pushed, "lost or twice");
        assert!(all.iter().filter(|value| **value < 4).is_sorted(), "out of order: {all:?}");
        match (popped.len(), pushed.len()) {
            (0, 2) => "none popped, one refused",
            (1, 2) => "one popped, one refused",
            (1, 3) => "one popped",
            (2, 2) => "two popped, one refused",
            (2, 3) => "two popped",
            other => panic!("popped and pushed: {other:?}"),
        }
    });
}

/// Two poppers, and one pusher that finds out that it must stop: each popper sees the pusher's order.
#[test]
fn a_pusher_and_two_poppers() {
    Model {
        name: "queue::a_pusher_and_two_poppers",
        promise: "P3, P8: each item once, in its pusher's order",
        preemptions: Some(3),
        outcomes: &["all went in", "one refused", "two refused"],
    }
    .check(|| {
        let queue = Arc::new(Items::new(1));
        assert!(push(&queue, 1));
        let pusher = pusher(&queue, &[2, 3]);
        let there = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || pop(&queue))
        };
        let here = [pop(&queue), pop(&queue)];
        let pushed = pusher.join().unwrap();
        let there = there.join().unwrap();
        let here: Vec<u32> = here.into_iter().flatten().collect();
        assert!(here.is_sorted(), "out of order: {here:?}");
        let all = [here, there.into_iter().collect(), rest(&queue)].concat();
        assert_eq!(sorted(all), [&[1], &pushed[..]].concat(), "lost or twice");
        ["two refused", "one refused", "all went in"][pushed.len()]
    });
}

/// Who finds the queue full finds in it what makes it full.
#[test]
fn full_is_seen_to_be_full() {
    Model {
        name: "queue::full_is_seen_to_be_full",
        promise: "P3, P8: full is full",
        preemptions: Some(3),
        outcomes: &["full", "room"],
    }
    .check(|| {
        let queue = Arc::new(Items::new(2));
        let pushers = [pusher(&queue, &[1]), pusher(&queue, &[2])];
        let went_in = push(&queue, 3);
        let popped: Vec<u32> = [pop(&queue), pop(&queue)].into_iter().flatten().collect();
        let mut all = vec![3; usize::from(went_in)];
        all.extend(pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()));
        assert!(went_in || popped.len() == 2, "full with {popped:?}");
        assert_eq!(sorted([popped, rest(&queue)].concat()), sorted(all), "lost or twice");
        if went_in { "room" } else { "full" }
    });
}

/// Who finds the queue empty finds room in it.
#[test]
fn empty_is_seen_to_be_empty() {
    Model {
        name: "queue::empty_is_seen_to_be_empty",
        promise: "P3, P8: empty is empty",
        preemptions: Some(3),
        outcomes: &["empty", "not yet"],
    }
    .check(|| {
        let queue = Arc::new(Items::new(2));
        assert!(push(&queue, 1) && push(&queue, 2) && !push(&queue, 5));
        let other = {
            let queue = Arc::clone(&queue);
            // From two items to one, to two, to one and to none.
            thread::spawn(move || (pop(&queue), push(&queue, 4), pop(&queue), pop(&queue)))
        };
        let outcome = match pop(&queue) {
            None => {
                assert!(push(&queue, 6), "full, after it was empty");
                assert_eq!(rest(&queue), [6]);
                "empty"
            }
            Some(_) => "not yet",
        };
        other.join().unwrap();
        outcome
    });
}

/// Two poppers empty it: who finds nothing knows that the other one has all.
#[test]
fn what_is_counted_for_another_is_known() {
    Model {
        name: "queue::what_is_counted_for_another_is_known",
        promise: "P3, P8: empty is empty",
        preemptions: Some(3),
        outcomes: &["two and none", "one each", "none and two"],
    }
    .check(|| {
        let queue = Arc::new(Items::new(2));
        assert!(push(&queue, 1) && push(&queue, 2));
        let poppers = [popper(&queue), popper(&queue)];
        let room = push(&queue, 3);
        let popped = poppers.map(|popper| popper.join().unwrap());
        let counts = popped.each_ref().map(Vec::len);
        let mut all = popped.concat();
        all.extend(rest(&queue));
        assert_eq!(sorted(all), if room { vec![1, 2, 3] } else { vec![1, 2] }, "lost or twice");
        match counts {
            [0, _] => "none and two",
            [_, 0] => "two and none",
            _ => "one each",
        }
    });
}
