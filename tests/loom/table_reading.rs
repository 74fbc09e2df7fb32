//! Reading a value that is replaced whole: nobody frees what somebody reads.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use ringbus::__models::Versioned;

use crate::support::Model;
use crate::support::watched::Watched;

/// Freeing, as loom is to see it: a write to what readers read.
fn free(value: &Watched) {
    value.write(9);
}

/// A reader comes to one of two values while the first is replaced by the second: it reads a whole one, and what it reads
/// is freed after that or not at all.
#[test]
fn a_reading_against_a_replacement() {
    Model {
        name: "table_reading::a_reading_against_a_replacement",
        promise: "P5, P9: what is read is whole, and not freed meanwhile",
        preemptions: None,
        outcomes: &["the new one", "the old one", "the old one, and told so"],
    }
    .check(|| {
        let cell = Arc::new(Versioned::new(Watched::new(1)));
        let reader = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.read(0, Watched::read))
        };
        cell.replace(Watched::new(2), free);
        match reader.join().unwrap() {
            (1, false) => "the old one",
            (1, true) => "the old one, and told so",
            (2, false) => "the new one",
            other => panic!("read what was freed: {other:?}"),
        }
    });
}

/// Two replacements: a reader that finds its first announcement overtaken announces the next one, with a fence of its own.
#[test]
fn a_reading_against_two_replacements() {
    Model {
        name: "table_reading::a_reading_against_two_replacements",
        promise: "P5, P9: what is read is whole, and not freed meanwhile",
        preemptions: Some(3),
        outcomes: &["1", "2", "3"],
    }
    .check(|| {
        let cell = Arc::new(Versioned::new(Watched::new(1)));
        let reader = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.read(1, Watched::read).0)
        };
        cell.replace(Watched::new(2), free);
        cell.replace(Watched::new(3), free);
        ["", "1", "2", "3"][reader.join().unwrap() as usize]
    });
}

/// A reader that reads twice, at one place: its second announcement takes the first one back.
#[test]
fn one_reading_after_another() {
    Model {
        name: "table_reading::one_reading_after_another",
        promise: "P9: what the first reading read is freed after it",
        preemptions: None,
        outcomes: &["both the old one", "one each", "both the new one"],
    }
    .check(|| {
        let cell = Arc::new(Versioned::new(Watched::new(1)));
        let reader = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || [(); 2].map(|()| cell.read(0, Watched::read).0))
        };
        cell.replace(Watched::new(2), free);
        match reader.join().unwrap() {
            [1, 1] => "both the old one",
            [1, 2] => "one each",
            [2, 2] => "both the new one",
            other => panic!("read what was freed, or went back: {other:?}"),
        }
    });
}

/// What was kept for a reader is freed by whoever the reader tells that it has ended.
#[test]
fn what_was_kept_is_freed_when_its_reader_says_so() {
    Model {
        name: "table_reading::what_was_kept_is_freed_when_its_reader_says_so",
        promise: "P9: a reader that has seen the replacement has the old value freed",
        preemptions: None,
        outcomes: &["freed after the reading", "freed by who replaced it", "not freed yet"],
    }
    .check(|| {
        let cell = Arc::new(Versioned::new(Watched::new(1)));
        let freed = Arc::new(AtomicBool::new(false));
        let reader = {
            let (cell, freed) = (Arc::clone(&cell), Arc::clone(&freed));
            thread::spawn(move || {
                let (_, replaced) = cell.read(0, Watched::read);
                let mine = std::cell::Cell::new(false);
                if replaced {
                    cell.free(|value| {
                        free(value);
                        mine.set(true);
                        assert!(!freed.swap(true, Ordering::AcqRel), "freed twice");
                    });
                }
                (replaced, mine.get())
            })
        };
        cell.replace(Watched::new(2), |value| {
            free(value);
            assert!(!freed.swap(true, Ordering::AcqRel), "freed twice");
        });
        let (replaced, by_reader) = reader.join().unwrap();
        match (replaced, by_reader, freed.load(Ordering::Acquire)) {
            (true, true, true) => "freed after the reading",
            (_, false, true) => "freed by who replaced it",
            // Its end came while the other one looked: the next change frees it.
            (false, false, false) => "not freed yet",
            other => panic!("nobody frees it: {other:?}"),
        }
    });
}
