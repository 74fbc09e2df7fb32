//! The queue when laps come round while a thread sleeps: a model's word has room for four. Nothing is lost or comes twice,
//! and who is told that it is full or empty is told so truly, however old what it knew before.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Queue;

use crate::support::Model;
use crate::support::watched::Watched;

type Items = Queue<Watched>;

/// How many laps a model's word has room for.
const LAPS: u32 = 4;
const CAPACITY: u32 = 2;

fn queue() -> Arc<Items> {
    Arc::new(Items::new(CAPACITY as usize))
}

fn push(queue: &Items, value: u32) -> bool {
    queue.push_boxed(Watched::new(value)).is_ok()
}

fn pop(queue: &Items) -> Option<u32> {
    queue.pop().map(|item| item.value().read())
}

/// A popper sleeps while all laps go by, in which there is always something: it does not come back with nothing.
#[test]
fn a_popper_sleeps_while_laps_go_by() {
    Model {
        name: "queue_laps::a_popper_sleeps_while_laps_go_by",
        promise: "P8: empty is empty",
        preemptions: Some(2),
        outcomes: &["popped"],
    }
    .check(|| {
        let queue = queue();
        assert!(push(&queue, 0));
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for value in 1..=LAPS * CAPACITY {
                    // Two, then one again; the popper takes one of them.
                    if !push(&queue, value) || value < LAPS * CAPACITY && pop(&queue).is_none() {
                        return;
                    }
                }
            })
        };
        let popped = pop(&queue);
        other.join().unwrap();
        assert!(popped.is_some(), "there was always something");
        "popped"
    });
}

/// A pusher sleeps while all laps go by, in which there is always room: it is not refused.
#[test]
fn a_pusher_sleeps_while_laps_go_by() {
    Model {
        name: "queue_laps::a_pusher_sleeps_while_laps_go_by",
        promise: "P8: full is full",
        preemptions: Some(2),
        outcomes: &["pushed"],
    }
    .check(|| {
        let queue = queue();
        assert!(push(&queue, 0) && push(&queue, 1));
        assert!(pop(&queue).is_some() && pop(&queue).is_some());
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                for value in CAPACITY..=LAPS * CAPACITY {
                    // One, then none again.
                    if !push(&queue, value) || value < LAPS * CAPACITY && pop(&queue) != Some(value) {
                        return;
                    }
                }
            })
        };
        let pushed = push(&queue, 100);
        other.join().unwrap();
        assert!(pushed, "there was always room");
        "pushed"
    });
}

/// A pusher that wakes up laps later may fill the slot before its turn: its item comes all the same, once.
#[test]
fn a_push_before_its_turn_is_not_lost() {
    Model {
        name: "queue_laps::a_push_before_its_turn_is_not_lost",
        promise: "P8: each item once",
        preemptions: Some(2),
        outcomes: &["in turn", "before its turn"],
    }
    .check(|| {
        let queue = queue();
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut popped = Vec::new();
                for value in 1..LAPS * CAPACITY {
                    assert!(push(&queue, value), "there was always room");
                    popped.extend(pop(&queue));
                }
                popped
            })
        };
        assert!(push(&queue, 100), "there was always room");
        let mut all = other.join().unwrap();
        let waits = all.len() < LAPS as usize * CAPACITY as usize - 1 || !all.contains(&100);
        let next = pop(&queue);
        let outcome = if waits && next.is_none() { "before its turn" } else { "in turn" };
        all.extend(next);
        // It makes the queue go on to where the item lies.
        if push(&queue, 200) {
            all.extend([pop(&queue), pop(&queue)].into_iter().flatten());
        }
        all.sort_unstable();
        all.dedup_by(|a, b| {
            assert!(a != b, "twice");
            false
        });
        let expected: Vec<u32> = (1..LAPS * CAPACITY).chain([100, 200]).collect();
        assert_eq!(all, expected, "lost or twice");
        outcome
    });
}
