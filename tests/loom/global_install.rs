//! The global bus is installed once: by whoever comes first, and then it is everybody's.
//!
//! Under loom the cell that holds it and the word that call sites read are statics of each run, over loom's atomics.

use loom::thread;
use ringbus::__private::global_is_open;
use ringbus::{Bus, global, set_global};

use crate::support::Model;

/// Keeps nothing: the cell is never dropped, and loom would miss the events.
fn bus() -> Bus {
    Bus::builder().history(0).shards(1).build().unwrap()
}

/// A bus that somebody hears, so that call sites are on.
fn heard() -> Bus {
    let bus = bus();
    bus.on("global.event").unwrap().subscribe(|_| {}).detach();
    bus
}

/// One of two is taken, the other one comes back, and does not touch the global word any more.
#[test]
fn two_installations() {
    Model {
        name: "global_install::two_installations",
        promise: "P12: the global bus is set once",
        preemptions: None,
        outcomes: &["here", "there"],
    }
    .check(|| {
        let (mine, theirs) = (heard(), heard());
        let other = {
            let theirs = theirs.clone();
            thread::spawn(move || (set_global(theirs).is_ok(), global().clone()))
        };
        let taken = set_global(mine.clone());
        let (taken_there, seen_there) = other.join().unwrap();
        assert_ne!(taken.is_ok(), taken_there, "two global buses, or none");
        let (winner, loser) = if taken_there { (&theirs, &mine) } else { (&mine, &theirs) };
        assert!(global().same_bus(winner) && seen_there.same_bus(winner));
        assert!(taken.is_ok() || taken.is_err_and(|error| error.0.same_bus(&mine)), "another bus came back");
        loser.disable();
        assert!(global_is_open(), "closed by a bus that is not the global one");
        winner.disable();
        assert!(!global_is_open(), "the global bus does not close its word");
        if taken_there { "there" } else { "here" }
    });
}

/// A first use makes a bus if none is set; then setting one fails.
#[test]
fn a_first_use_against_an_installation() {
    Model {
        name: "global_install::a_first_use_against_an_installation",
        promise: "P1, P12: one global bus for all",
        preemptions: None,
        outcomes: &["set", "made by its first use"],
    }
    .check(|| {
        let mine = heard();
        let user = thread::spawn(|| global().clone());
        let set = set_global(mine.clone());
        let used = user.join().unwrap();
        assert!(used.same_bus(global()), "two global buses");
        assert_eq!(set.is_ok(), used.same_bus(&mine));
        if set.is_ok() { "set" } else { "made by its first use" }
    });
}

/// Two first uses: one bus.
#[test]
fn two_first_uses() {
    Model {
        name: "global_install::two_first_uses",
        promise: "P1: the global bus's first use",
        preemptions: None,
        outcomes: &["one bus"],
    }
    .check(|| {
        let user = thread::spawn(|| global().clone());
        let here = global().clone();
        assert!(here.same_bus(&user.join().unwrap()), "two global buses");
        assert!(global_is_open());
        "one bus"
    });
}

/// Whoever finds a bus installed and disables it: call sites on that thread are off when `disable` returns.
#[test]
fn disabling_against_an_installation() {
    Model {
        name: "global_install::disabling_against_an_installation",
        promise: "P11: off when `disable` has returned",
        preemptions: None,
        outcomes: &["the one that was set", "the one that was made"],
    }
    .check(|| {
        let mine = heard();
        let other = {
            let mine = mine.clone();
            thread::spawn(move || set_global(mine).is_ok())
        };
        global().disable();
        assert!(!global_is_open(), "call sites evaluate their arguments though the bus is off");
        let set = other.join().unwrap();
        assert!(!global_is_open(), "opened again by the installation");
        global().enable();
        assert!(global_is_open());
        if set { "the one that was set" } else { "the one that was made" }
    });
}
