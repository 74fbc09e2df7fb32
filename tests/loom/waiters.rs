//! Wake-ups by themselves: who waits for a word is woken after it was given.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use ringbus::__models::{Signalled, Waiters};

use crate::support::Model;

/// A word that many wait for. It orders nothing: the list of waiters does.
struct Awaited {
    waiters: Waiters,
    word: AtomicUsize,
}

impl Awaited {
    fn new() -> Arc<Self> {
        Arc::new(Self { waiters: Waiters::new(), word: AtomicUsize::new(0) })
    }

    fn give(&self, word: usize) {
        self.word.store(word, Ordering::Relaxed);
        self.waiters.wake_all();
    }

    /// Waits on a thread of its own; how many looks it took.
    fn waiter(awaited: &Arc<Self>) -> thread::JoinHandle<usize> {
        let awaited = Arc::clone(awaited);
        thread::spawn(move || {
            let looks = std::cell::Cell::new(0);
            awaited.waiters.wait(|| {
                looks.set(looks.get() + 1);
                awaited.word.load(Ordering::Relaxed) > 0
            });
            looks.get()
        })
    }
}

/// The word is given while somebody is about to sleep: he ends (a lost wake-up is a deadlock, which loom reports). Either he
/// is on the list when it is taken, or sees the word: the list orders that, the word nothing.
#[test]
fn one_waiter() {
    Model {
        name: "waiters::one_waiter",
        promise: "P6: close returns",
        preemptions: None,
        outcomes: &["at once", "woken"],
    }
    .check(|| {
        let awaited = Awaited::new();
        let waiter = Awaited::waiter(&awaited);
        awaited.give(1);
        if waiter.join().unwrap() == 1 { "at once" } else { "woken" }
    });
}

/// Two wait, and two wake: each waiter ends, whoever wakes it.
#[test]
fn two_waiters_and_two_wakers() {
    Model {
        name: "waiters::two_waiters_and_two_wakers",
        promise: "P6: close returns",
        preemptions: Some(2), // 3 take a minute
        outcomes: &["both at once", "one woken", "both woken"],
    }
    .check(|| {
        let awaited = Awaited::new();
        let waiters = [Awaited::waiter(&awaited), Awaited::waiter(&awaited)];
        let waker = {
            let awaited = Arc::clone(&awaited);
            thread::spawn(move || awaited.give(1))
        };
        awaited.give(2);
        waker.join().unwrap();
        let woken = waiters.into_iter().map(|waiter| waiter.join().unwrap()).filter(|looks| *looks > 1);
        ["both at once", "one woken", "both woken"][woken.count()]
    });
}

/// Two sleep until a number under the lock is theirs: a signal wakes both, and none is lost between the look and the
/// sleep.
#[test]
fn a_signal_for_two() {
    Model {
        name: "waiters::a_signal_for_two",
        promise: "P8: who waits for events to be counted is woken",
        preemptions: Some(3),
        outcomes: &["ended"],
    }
    .check(|| {
        let number = Arc::new(Signalled::new(0));
        let waiters = [1, 2].map(|wanted| {
            let number = Arc::clone(&number);
            thread::spawn(move || number.wait(|now| *now >= wanted))
        });
        number.change(|now| *now += 1);
        number.change(|now| *now += 1);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        "ended"
    });
}
