//! Where the clock's rate is measured from: two readings that belong together, replaced while others measure by them.
//!
//! loom remembers of a word only who touched it last: a look that goes before all writing is not tried again after it. So
//! who looks comes last here, and what it may see is any writing, or none.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Baseline;

use crate::support::Model;

/// Later than all that is told to a baseline here.
const NOW: u64 = 100;

/// One that was set at (1, 1).
fn at_one() -> Arc<Baseline> {
    let baseline = Arc::new(Baseline::new());
    assert_eq!(baseline.elapsed(1, 1), (0, 0));
    baseline
}

/// What the baseline is; both clocks always show the same here. `None` while it is replaced.
fn look(baseline: &Baseline) -> Option<u64> {
    let (ticks, nanoseconds) = baseline.elapsed(NOW, NOW);
    assert_eq!(ticks, nanoseconds, "of two writers");
    (ticks > 0).then(|| NOW - ticks)
}

/// Does something with the baseline on a thread of its own.
fn spawn<R: 'static>(baseline: &Arc<Baseline>, work: impl FnOnce(&Baseline) -> R + 'static) -> thread::JoinHandle<R> {
    let baseline = Arc::clone(baseline);
    thread::spawn(move || work(&baseline))
}

/// A reader sees one writing whole, or none.
#[test]
fn a_reader_against_a_writer() {
    Model {
        name: "baseline::a_reader_against_a_writer",
        promise: "P3: no time is told by halves of two measurements",
        preemptions: None,
        outcomes: &["first", "second", "third", "being written"],
    }
    .check(|| {
        let baseline = at_one();
        let reader = spawn(&baseline, look);
        baseline.renew(2, 2, NOW);
        baseline.renew(3, 3, NOW);
        let seen = reader.join().unwrap();
        assert_eq!(look(&baseline), Some(3), "nobody was in the way");
        match seen {
            None => "being written",
            Some(1) => "first",
            Some(2) => "second",
            Some(3) => "third",
            Some(other) => panic!("{other} was never written"),
        }
    });
}

/// Two have seen the same jump: one of them replaces the baseline, once, and the other leaves it.
#[test]
fn two_writers_after_one_jump() {
    Model {
        name: "baseline::two_writers_after_one_jump",
        promise: "P3: a jump is followed once",
        preemptions: Some(3),
        outcomes: &["first", "last", "being written"],
    }
    .check(|| {
        let baseline = at_one();
        let other = spawn(&baseline, |baseline| baseline.renew(2, 2, 1));
        let reader = spawn(&baseline, look);
        baseline.renew(3, 3, 1);
        other.join().unwrap();
        let seen = reader.join().unwrap();
        let last = look(&baseline);
        assert!(matches!(last, Some(2 | 3)), "{last:?}");
        match seen {
            None => "being written",
            Some(1) => "first",
            seen => {
                assert_eq!(seen, last, "replaced twice");
                "last"
            }
        }
    });
}

/// The first readings of two threads: one of them is the baseline.
#[test]
fn two_first_readings() {
    Model {
        name: "baseline::two_first_readings",
        promise: "P3: no time is told by halves of two measurements",
        preemptions: None,
        outcomes: &["measures by the other's", "sets it", "finds it being set"],
    }
    .check(|| {
        let baseline = Arc::new(Baseline::new());
        let later = spawn(&baseline, |baseline| baseline.elapsed(11, 11));
        assert_eq!(baseline.elapsed(1, 1), (0, 0), "there is no earlier one");
        let later = later.join().unwrap();
        match (later, look(&baseline)) {
            ((0, 0), Some(1)) => "finds it being set",
            ((0, 0), Some(11)) => "sets it",
            ((10, 10), Some(1)) => "measures by the other's",
            other => panic!("{other:?}"),
        }
    });
}
