//! The pile on which threads leave what another one drops: nothing is lost, nothing comes twice, and all of it is whole.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Pile;

use crate::support::Model;
use crate::support::watched::Watched;

type Values = Pile<Watched>;

/// Puts values on, on a thread of its own.
fn putter(pile: &Arc<Values>, values: &'static [u32]) -> thread::JoinHandle<()> {
    let pile = Arc::clone(pile);
    thread::spawn(move || values.iter().for_each(|value| pile.put(Watched::new(*value))))
}

/// Takes all, and does with it what a drop does: writes it.
fn take(pile: &Values) -> Vec<u32> {
    let values = pile.take_all().into_iter().map(|value| {
        let found = value.read();
        value.write(0);
        found
    });
    values.collect()
}

fn sorted(mut values: Vec<u32>) -> Vec<u32> {
    values.sort_unstable();
    values
}

/// Two put something on while a third takes.
#[test]
fn two_putters_against_a_taker() {
    Model {
        name: "pile::two_putters_against_a_taker",
        promise: "P10: each payload is dropped once",
        preemptions: None,
        outcomes: &["none early", "one early", "both early"],
    }
    .check(|| {
        let pile = Arc::new(Values::new());
        let putters = [putter(&pile, &[1]), putter(&pile, &[2])];
        let early = take(&pile);
        putters.into_iter().for_each(|putter| putter.join().unwrap());
        let late = take(&pile);
        let outcome = ["none early", "one early", "both early"][early.len()];
        assert_eq!(sorted([early, late].concat()), [1, 2], "lost or twice");
        assert!(pile.is_empty());
        outcome
    });
}

/// Two take what a third puts on, one thing after the other: each has its part, the latest first.
#[test]
fn a_putter_against_two_takers() {
    Model {
        name: "pile::a_putter_against_two_takers",
        promise: "P10: each payload is dropped once",
        preemptions: None,
        outcomes: &["all stayed", "one took", "each took one", "one took both"],
    }
    .check(|| {
        let pile = Arc::new(Values::new());
        let putter = putter(&pile, &[1, 2]);
        let there = {
            let pile = Arc::clone(&pile);
            thread::spawn(move || take(&pile))
        };
        let here = take(&pile);
        putter.join().unwrap();
        let there = there.join().unwrap();
        let outcome = match (here.len(), there.len()) {
            (0, 0) => "all stayed",
            (1, 1) => "each took one",
            (0, 2) | (2, 0) => "one took both",
            _ => "one took",
        };
        let parts = [here, there, take(&pile)];
        assert!(parts.iter().all(|part| part.is_sorted_by(|later, earlier| later > earlier)), "{parts:?}");
        assert_eq!(sorted(parts.concat()), [1, 2], "lost or twice");
        outcome
    });
}
