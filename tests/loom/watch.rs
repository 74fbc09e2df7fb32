//! Waiting until something has become true: whoever makes it true wakes those who wait, and takes no lock for that which
//! another one has.

use std::task::Waker;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use ringbus::__models::Watch;

use crate::support::Model;

/// A word that is waited for. It orders nothing: the list does.
#[derive(Default)]
struct Awaited {
    watch: Watch,
    word: AtomicUsize,
}

impl Awaited {
    fn give(&self) {
        self.word.store(1, Ordering::Relaxed);
        self.watch.tell();
    }

    /// Waits on a thread of its own; how many looks it took.
    fn waiter(awaited: &Arc<Self>) -> thread::JoinHandle<usize> {
        let awaited = Arc::clone(awaited);
        thread::spawn(move || {
            let mut looks = 0;
            awaited.watch.wait(|| {
                looks += 1;
                awaited.word.load(Ordering::Relaxed) > 0
            });
            looks
        })
    }
}

fn outcome(looks: usize) -> &'static str {
    if looks == 1 { "at once" } else { "woken" }
}

/// The word is given while somebody is about to sleep: he ends (a lost wake-up is a deadlock, which loom reports).
#[test]
fn one_who_waits() {
    Model {
        name: "watch::one_who_waits",
        promise: "P6: close returns",
        preemptions: None,
        outcomes: &["at once", "woken"],
    }
    .check(|| {
        let awaited = Arc::new(Awaited::default());
        let waiter = Awaited::waiter(&awaited);
        awaited.give();
        outcome(waiter.join().unwrap())
    });
}

/// Another one has the list's lock, to put itself on the list or to take itself off it: then it wakes in place of who tells.
#[test]
fn told_while_another_has_the_list() {
    Model {
        name: "watch::told_while_another_has_the_list",
        promise: "P1: who tells waits for nobody; P6: close returns",
        preemptions: Some(3),
        outcomes: &["at once", "woken"],
    }
    .check(|| {
        let awaited = Arc::new(Awaited::default());
        let waiter = Awaited::waiter(&awaited);
        let other = {
            let awaited = Arc::clone(&awaited);
            thread::spawn(move || awaited.watch.look(Waker::noop()))
        };
        awaited.give();
        other.join().unwrap();
        outcome(waiter.join().unwrap())
    });
}
