//! The inbox: pushes against the taker and the opening; nothing is lost, none comes twice, what is left is whole.

use std::sync::Mutex;

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Inbox, Pushed};

use crate::support::Model;
use crate::support::watched::Watched;

/// A value, written by its pusher, and read by whoever gets it.
struct Value {
    n: u32,
    contents: Watched,
}

impl Value {
    fn new(n: u32) -> Self {
        Self { n, contents: Watched::new(n) }
    }
}

/// An inbox, and beside it what a handler has: one thread at a time, the taker before it opens, pushers after that.
struct Way {
    inbox: Inbox<Value, Watched>,
    /// What only the opening orders: written by the taker, read by those who find the way open.
    told: Watched,
    /// In the order of the calls. Not loom's: it must order nothing.
    handled: Mutex<Vec<u32>>,
}

/// What the taker leaves.
const LEFT: u32 = 7;

impl Way {
    fn new() -> Arc<Self> {
        Arc::new(Self { inbox: Inbox::new(), told: Watched::new(0), handled: Mutex::new(Vec::new()) })
    }

    fn handle(&self, value: &Value) {
        assert_eq!(value.contents.read(), value.n);
        self.handled.lock().unwrap().push(value.n);
    }

    /// Pushes as a publisher does; `true` where it was refused.
    fn push(&self, n: u32) -> bool {
        match self.inbox.push(Value::new(n)) {
            Pushed::Open(value) => {
                assert_eq!(self.told.read(), LEFT);
                assert_eq!(self.inbox.left().map(Watched::read), Some(LEFT), "the way is open, and nothing was left");
                self.handle(&value);
                false
            }
            Pushed::Waits => false,
            Pushed::Refused(value) => {
                assert_eq!((value.n, value.contents.read()), (n, n), "refused, and not handed back whole");
                true
            }
        }
    }

    /// What a taking has brought; how many were refused.
    fn tell(&self, (values, refused): (Vec<Value>, usize)) -> usize {
        values.iter().for_each(|value| self.handle(value));
        refused
    }

    /// The last word of the taker before it opens.
    fn ready(&self) -> Watched {
        self.told.write(LEFT);
        Watched::new(LEFT)
    }

    fn handled(&self) -> Vec<u32> {
        self.handled.lock().unwrap().clone()
    }
}

/// Pushes `1` and `2`; how many were refused.
fn push_two(way: &Arc<Way>) -> thread::JoinHandle<usize> {
    let way = Arc::clone(way);
    thread::spawn(move || [1, 2].into_iter().filter(|n| way.push(*n)).count())
}

/// One thread's pushes come in order, none is lost or comes twice, and refusals are counted exactly, whether the way is
/// opened when nothing waits or in the middle of it all.
#[test]
fn pushes_against_the_taker() {
    Model {
        name: "inbox::pushes_against_the_taker",
        promise: "P3, P8: replay",
        preemptions: None,
        outcomes: &[
            "both taken",
            "both handled by their pusher",
            "one taken, one handled by its pusher",
            "one refused, opened when nothing waited",
            "one refused, opened by force",
        ],
    }
    .check(|| {
        let way = Way::new();
        let pusher = push_two(&way);
        let mut heard = way.tell(way.inbox.take());
        let opened = way.inbox.try_open(way.ready());
        if !opened {
            heard += way.tell(way.inbox.open(Watched::new(LEFT)));
        }
        let before = way.handled().len();
        let refused = pusher.join().unwrap();
        assert_eq!(heard, refused, "refusals are counted");
        let handled = way.handled();
        assert_eq!(handled.len() + refused, 2, "lost or twice: {handled:?}, {refused} refused");
        assert!(handled.is_sorted(), "out of order: {handled:?}");
        match (refused, before, opened) {
            (1, _, true) => "one refused, opened when nothing waited",
            (1, _, false) => "one refused, opened by force",
            (0, 0, _) => "both handled by their pusher",
            (0, 1, _) => "one taken, one handled by its pusher",
            (0, 2, false) => "both taken",
            other => panic!("refused, handled by the taker, opened when nothing waited: {other:?}"),
        }
    });
}

/// Two threads push at once, and the way is opened by force: each value comes out, or is handled, or is refused and
/// counted.
#[test]
fn two_pushers_against_the_opening() {
    Model {
        name: "inbox::two_pushers_against_the_opening",
        promise: "P8: replay",
        preemptions: None,
        outcomes: &["one handed out", "one handed out, one refused", "both handled by their pushers"],
    }
    .check(|| {
        let way = Way::new();
        let pushers = [1, 2].map(|n| {
            let way = Arc::clone(&way);
            thread::spawn(move || way.push(n))
        });
        let (values, heard) = way.inbox.open(way.ready());
        let handed_out: Vec<u32> = values.iter().map(|value| value.contents.read()).collect();
        let refused = pushers.into_iter().map(|pusher| usize::from(pusher.join().unwrap())).sum();
        assert_eq!(heard, refused, "refusals are counted");
        let mut all = [handed_out.clone(), way.handled()].concat();
        all.sort_unstable();
        match (handed_out.len(), refused, &all[..]) {
            (0, 0, [1, 2]) => "both handled by their pushers",
            (1, 0, [1, 2]) => "one handed out",
            (1, 1, [1] | [2]) => "one handed out, one refused",
            other => panic!("lost or twice: {other:?}"),
        }
    });
}

/// Who only looks, and does not push, finds nothing or all that was left.
#[test]
fn a_look_against_the_opening() {
    Model {
        name: "inbox::a_look_against_the_opening",
        promise: "P3: replay: what is left is whole",
        preemptions: None,
        outcomes: &["not open yet", "open"],
    }
    .check(|| {
        let way = Way::new();
        let looker = {
            let way = Arc::clone(&way);
            thread::spawn(move || way.inbox.left().map(|left| (left.read(), way.told.read())))
        };
        assert!(way.inbox.try_open(way.ready()));
        match looker.join().unwrap() {
            None => "not open yet",
            Some((LEFT, LEFT)) => "open",
            Some(other) => panic!("half left: {other:?}"),
        }
    });
}
