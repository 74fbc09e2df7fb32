//! The queue under pushers that make room for themselves, as a subscription does that rather loses the oldest: nothing is
//! lost unseen, nothing comes twice, and what is left is the newest.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Queue, Waiting};

use crate::support::Model;
use crate::support::watched::Watched;

/// Pushes a value, and takes out the oldest until there is room; what it took out.
fn push(queue: &Queue<Watched>, value: u32) -> Vec<u32> {
    let (mut item, mut evicted) = (Watched::new(value), Vec::new());
    while let Err(back) = queue.push_boxed(item) {
        evicted.extend(pop(queue));
        let Waiting::Boxed(back) = back else { panic!("a box went in, and no box came back") };
        item = back.into_inner();
    }
    evicted
}

fn pop(queue: &Queue<Watched>) -> Option<u32> {
    let item = queue.pop()?;
    let value = item.value().read();
    item.value().write(0);
    // Not freed: who got it a second time would find no value, and whatever then happens is no assertion.
    std::mem::forget(item);
    Some(value)
}

/// Two push into one slot at once, and both get in.
#[test]
fn two_evictors() {
    Model {
        name: "queue_evict::two_evictors",
        promise: "P3, P8: each item once",
        preemptions: None,
        outcomes: &["1 is left", "2 is left"],
    }
    .check(|| {
        let queue = Arc::new(Queue::new(1));
        assert!(push(&queue, 3).is_empty());
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || push(&queue, 1))
        };
        let here = push(&queue, 2);
        let there = other.join().unwrap();
        let left = pop(&queue).expect("a push ended, and nothing is there");
        let mut all = [here, there, vec![left]].concat();
        all.sort_unstable();
        assert!(all == [1, 2, 3] && pop(&queue).is_none(), "lost or twice: {all:?}");
        ["1 is left", "2 is left"][left as usize - 1]
    });
}

/// An evictor pushes two after one that is there, while another thread pops: the oldest goes first, whoever takes it.
#[test]
fn an_evictor_against_a_popper() {
    Model {
        name: "queue_evict::an_evictor_against_a_popper",
        promise: "P3, P8: the oldest goes first",
        preemptions: None,
        outcomes: &["popped 1", "popped 2", "popped 3", "nothing there"],
    }
    .check(|| {
        let queue = Arc::new(Queue::new(1));
        assert!(push(&queue, 1).is_empty());
        let evictor = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || [push(&queue, 2), push(&queue, 3)].concat())
        };
        let popped = pop(&queue);
        let evicted = evictor.join().unwrap();
        let left: Vec<u32> = pop(&queue).into_iter().collect();
        assert!(evicted.is_sorted(), "{evicted:?}");
        let mut all = [evicted, left, popped.into_iter().collect()].concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3], "lost or twice");
        popped.map_or("nothing there", |popped| ["popped 1", "popped 2", "popped 3"][popped as usize - 1])
    });
}
