//! The inbox beyond its bound: what does not fit is refused and handed back, what waits stays, and every refusal is
//! counted once.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Inbox, Pushed};

use crate::support::Model;
use crate::support::watched::Watched;

type Way = Arc<Inbox<Value, ()>>;

struct Value {
    n: u32,
    contents: Watched,
}

/// Pushes values with these numbers, on a thread of its own; those that were refused.
fn pusher(way: &Way, numbers: &'static [u32]) -> thread::JoinHandle<Vec<u32>> {
    let way = Arc::clone(way);
    thread::spawn(move || {
        let push = |n: u32| match way.push(Value { n, contents: Watched::new(n) }) {
            Pushed::Waits => None,
            Pushed::Refused(value) | Pushed::Open(value) => Some(value.contents.read()),
        };
        numbers.iter().filter_map(|n| push(*n)).collect()
    })
}

/// What was taken: the numbers, and how many were refused.
fn numbers((values, refused): (Vec<Value>, usize)) -> (Vec<u32>, usize) {
    assert!(values.len() <= 1, "more than may wait");
    values.iter().for_each(|value| assert_eq!(value.contents.read(), value.n));
    (values.iter().map(|value| value.n).collect(), refused)
}

/// One thread pushes three where one may wait; the taker comes twice. What came out and what was refused is all there
/// was, each in order, and the taker has heard of every refusal once.
#[test]
fn three_pushes_against_the_taker() {
    Model {
        name: "inbox_overflow::three_pushes_against_the_taker",
        promise: "P3, P8: replay",
        preemptions: None,
        outcomes: &["1 taken", "2 taken", "3 taken"],
    }
    .check(|| {
        let way: Way = Arc::new(Inbox::new());
        let pusher = pusher(&way, &[1, 2, 3]);
        let (mut taken, mut heard) = numbers(way.take());
        let (more, others) = numbers(way.take());
        let refused = pusher.join().unwrap();
        let (rest, last) = numbers(way.take());
        taken.extend(more.into_iter().chain(rest));
        heard += others + last;
        assert_eq!(heard, refused.len(), "refusals are counted once");
        assert!(taken.is_sorted() && refused.is_sorted(), "out of order: {taken:?}, refused {refused:?}");
        let mut all = [taken.clone(), refused].concat();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3], "lost or twice");
        ["none taken", "1 taken", "2 taken", "3 taken"][taken.len()]
    });
}

/// Two threads push at the same time where one may wait, and the taker opens the way when nothing is left: whoever was
/// refused was counted before that.
#[test]
fn two_pushers_against_the_opening() {
    Model {
        name: "inbox_overflow::two_pushers_against_the_opening",
        promise: "P8: replay",
        preemptions: Some(3),
        outcomes: &["both taken", "one taken", "one taken, one refused", "none taken", "opened at last"],
    }
    .check(|| {
        let way: Way = Arc::new(Inbox::new());
        let pushers = [pusher(&way, &[1]), pusher(&way, &[2])];
        let (mut taken, mut heard) = (Vec::new(), 0);
        // As one who tells: takes, and opens when nothing has come meanwhile; here at most twice.
        let mut opened = false;
        for _ in 0..2 {
            let (values, refused) = numbers(way.take());
            taken.extend(values);
            heard += refused;
            opened = opened || way.try_open(());
            if opened {
                break;
            }
        }
        let back: usize = pushers.into_iter().map(|pusher| pusher.join().unwrap().len()).sum();
        if !opened {
            let (values, refused) = numbers(way.take());
            taken.extend(values);
            heard += refused;
        }
        assert_eq!(taken.len() + back, 2, "lost or twice");
        match (opened, taken.len(), heard) {
            (true, 2, 0) => "both taken",
            (true, 1, 0) => "one taken",
            (true, 1, 1) => "one taken, one refused",
            (true, 0, 0) => "none taken",
            (false, _, _) if heard == back => "opened at last",
            other => panic!("opened, taken, heard: {other:?}, {back} back"),
        }
    });
}
