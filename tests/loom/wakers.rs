//! Workers that sleep, and those who bring work: no wake-up is lost (a lost one is a deadlock, which loom reports).

use std::sync::Arc as Plain;
use std::task::{Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, JoinHandle};
use ringbus::__models::{Queue, Wakers};

use crate::support::Model;
use crate::support::watched::Watched;

/// Work that is only counted. It orders nothing.
struct Office {
    wakers: Wakers,
    work: AtomicUsize,
}

impl Office {
    fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { wakers: Wakers::new(places), work: AtomicUsize::new(0) })
    }

    fn bring(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        self.wakers.wake_one();
    }

    fn take(&self) -> Option<()> {
        let one_less = |work: usize| work.checked_sub(1);
        self.work.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).ok().map(drop)
    }

    /// A worker that takes so many pieces of work; how often it slept.
    fn worker(office: &Arc<Self>, place: usize, pieces: usize) -> JoinHandle<usize> {
        let office = Arc::clone(office);
        thread::spawn(move || (0..pieces).map(|_| office.wakers.work(place, || office.take()).1).sum())
    }

    fn bringer(office: &Arc<Self>) -> JoinHandle<()> {
        let office = Arc::clone(office);
        thread::spawn(move || office.bring())
    }
}

/// Work is brought while the worker is about to sleep.
#[test]
fn one_worker_and_one_bringer() {
    Model {
        name: "wakers::one_worker_and_one_bringer",
        promise: "P5, P6: work that waits is done",
        preemptions: None,
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Office::new(1);
        let worker = Office::worker(&office, 0, 1);
        office.bring();
        if worker.join().unwrap() == 0 { "at once" } else { "slept" }
    });
}

/// The same, twice: a bringer that is late meets the worker's next sleep.
#[test]
fn one_worker_and_two_bringers() {
    Model {
        name: "wakers::one_worker_and_two_bringers",
        promise: "P5, P6: work that waits is done",
        preemptions: Some(3),
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Office::new(1);
        let worker = Office::worker(&office, 0, 2);
        let bringer = Office::bringer(&office);
        office.bring();
        bringer.join().unwrap();
        if worker.join().unwrap() == 0 { "at once" } else { "slept" }
    });
}

/// Each of two bringers wakes another worker.
#[test]
fn two_workers_and_two_bringers() {
    Model {
        name: "wakers::two_workers_and_two_bringers",
        promise: "P5, P6: work that waits is done",
        preemptions: Some(2),
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Office::new(2);
        let workers = [0, 1].map(|place| Office::worker(&office, place, 1));
        let bringer = Office::bringer(&office);
        office.bring();
        bringer.join().unwrap();
        let slept: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        if slept == 0 { "at once" } else { "slept" }
    });
}

/// All sleep until the office closes.
#[test]
fn all_are_woken() {
    Model {
        name: "wakers::all_are_woken",
        promise: "P6, P10: workers end",
        preemptions: Some(3),
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Office::new(2);
        let workers = [0, 1].map(|place| {
            let office = Arc::clone(&office);
            let closed = move |office: &Office| (office.work.load(Ordering::Relaxed) > 0).then_some(());
            thread::spawn(move || office.wakers.work(place, || closed(&office)).1)
        });
        office.work.store(1, Ordering::Relaxed);
        office.wakers.wake_all();
        let slept: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        if slept == 0 { "at once" } else { "slept" }
    });
}

/// A worker ends while it is being woken: another one is woken in its place.
#[test]
fn a_worker_that_ends_passes_its_call_on() {
    Model {
        name: "wakers::a_worker_that_ends_passes_its_call_on",
        promise: "P5, P6: work that waits is done",
        preemptions: None,
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Office::new(2);
        let worker = Office::worker(&office, 1, 1);
        office.wakers.sleep(0, Waker::noop());
        let bringer = Office::bringer(&office);
        office.wakers.forget(0);
        bringer.join().unwrap();
        if worker.join().unwrap() == 0 { "at once" } else { "slept" }
    });
}

/// A task, written by the worker that leaves its waker. Nobody sleeps for it.
struct Task(Watched);

impl Wake for Task {
    fn wake(self: Plain<Self>) {
        assert_eq!(self.0.read(), 7);
    }
}

/// A worker goes from task to task while a bringer that has taken its bit is about to take its waker: whichever waker that
/// is, it is whole.
#[test]
fn a_waker_is_taken_whole() {
    Model {
        name: "wakers::a_waker_is_taken_whole",
        promise: "P5, P10: a task is woken whole",
        preemptions: None,
        outcomes: &["nobody was called", "the first task was called", "the second task was called"],
    }
    .check(|| {
        let office = Office::new(1);
        let bringer = Office::bringer(&office);
        // The second one is written after the first has been left: no fence of that orders it.
        let called = [(), ()].map(|()| {
            let task = Waker::from(Plain::new(Task(Watched::new(7))));
            office.wakers.sleep(0, &task);
            office.wakers.rise(0)
        });
        bringer.join().unwrap();
        match called {
            [true, _] => "the first task was called",
            [_, true] => "the second task was called",
            _ => "nobody was called",
        }
    });
}

/// The two together: what is pushed is popped, by a worker that sleeps when nothing is there.
#[test]
fn a_worker_at_a_queue() {
    Model {
        name: "wakers::a_worker_at_a_queue",
        promise: "P5, P8: what is queued is done",
        preemptions: Some(2),
        outcomes: &["at once", "slept"],
    }
    .check(|| {
        let office = Arc::new((Queue::<Watched>::new(2), Wakers::new(1)));
        let bringers = [1, 2].map(|value| {
            let office = Arc::clone(&office);
            thread::spawn(move || {
                let (queue, wakers) = &*office;
                assert!(queue.push(Watched::new(value)).is_ok(), "there is room for both");
                wakers.wake_one();
            })
        });
        let (queue, wakers) = &*office;
        let done = [(), ()].map(|()| {
            let (item, slept) = wakers.work(0, || queue.pop());
            (item.value().read(), slept)
        });
        bringers.into_iter().for_each(|bringer| bringer.join().unwrap());
        assert_eq!(done[0].0 + done[1].0, 3, "lost or twice: {done:?}");
        if done[0].1 + done[1].1 == 0 { "at once" } else { "slept" }
    });
}
