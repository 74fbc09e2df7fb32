//! The gate's word: made under a lock that publishers only try. Whoever could not have it has left word, and whoever lets
//! go of it looks again; so the word follows in the end from all that was told.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use ringbus::__models::Gate;

use crate::support::Model;

/// A publisher uses up the last subscription while the bus is enabled: the gate is closed in the end, whoever has made
/// the word, and the publisher has waited for nobody.
#[test]
fn a_publisher_against_one_who_enables() {
    Model {
        name: "gate::a_publisher_against_one_who_enables",
        promise: "P1, P11: the gate follows, and no publisher waits for it",
        preemptions: None,
        outcomes: &["closed before both were done", "open a moment too long"],
    }
    .check(|| {
        let gate = Arc::new(Gate::new(false));
        gate.set_subscribers(1, true);
        let publisher = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.set_subscribers(0, false))
        };
        gate.set_enabled(true);
        let open = gate.is_open();
        publisher.join().unwrap();
        assert!(!gate.is_open(), "open for nobody");
        if open { "open a moment too long" } else { "closed before both were done" }
    });
}

/// Who disables the bus waits for whoever makes the word: it is closed when the call returns.
#[test]
fn a_publisher_against_one_who_disables() {
    Model {
        name: "gate::a_publisher_against_one_who_disables",
        promise: "P5, P11: off when disabling returns",
        preemptions: None,
        outcomes: &["closed by its publisher", "left to the other"],
    }
    .check(|| {
        let gate = Arc::new(Gate::new(true));
        gate.set_subscribers(2, true);
        let publisher = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                gate.set_subscribers(1, false);
                gate.is_open()
            })
        };
        gate.set_enabled(false);
        assert!(!gate.is_open(), "open after it was disabled");
        let open = publisher.join().unwrap();
        assert!(!gate.is_open(), "opened again");
        if open { "left to the other" } else { "closed by its publisher" }
    });
}

/// Who subscribes waits too: the gate is open when both calls have returned, for whoever knows of both.
#[test]
fn a_subscriber_against_one_who_enables() {
    Model {
        name: "gate::a_subscriber_against_one_who_enables",
        promise: "P5: an event published after a subscription reaches it",
        preemptions: None,
        outcomes: &["subscribed last", "enabled last or at once"],
    }
    .check(|| {
        let gate = Arc::new(Gate::new(false));
        let enabled = Arc::new(AtomicUsize::new(0));
        let subscriber = {
            let (gate, enabled) = (Arc::clone(&gate), Arc::clone(&enabled));
            thread::spawn(move || {
                gate.set_subscribers(1, true);
                let knows = enabled.load(Ordering::Acquire) == 1;
                assert!(!knows || gate.is_open(), "closed to its subscriber's own publish");
                knows
            })
        };
        gate.set_enabled(true);
        enabled.store(1, Ordering::Release);
        let knew = subscriber.join().unwrap();
        assert!(gate.is_open(), "closed too early");
        if knew { "subscribed last" } else { "enabled last or at once" }
    });
}

/// All three at once; subscribers and publishers tell how many there are under the registry's lock.
#[test]
fn a_publisher_and_a_subscriber_against_one_who_enables() {
    Model {
        name: "gate::a_publisher_and_a_subscriber_against_one_who_enables",
        promise: "P5, P11: the gate follows from all that was told",
        preemptions: Some(2),
        outcomes: &["the publisher last", "the subscriber last"],
    }
    .check(|| {
        let gate = Arc::new(Gate::new(false));
        gate.set_subscribers(1, true);
        let registry = Arc::new(Mutex::new((1, "")));
        let of = |add: bool, outcome: &'static str| {
            let (gate, registry) = (Arc::clone(&gate), Arc::clone(&registry));
            thread::spawn(move || {
                let mut list = registry.lock().unwrap();
                list.0 = if add { list.0 + 1 } else { 0 };
                list.1 = outcome;
                gate.set_subscribers(list.0, add);
            })
        };
        let threads = [of(false, "the publisher last"), of(true, "the subscriber last")];
        gate.set_enabled(true);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let (subscribers, outcome) = *registry.lock().unwrap();
        assert_eq!(gate.is_open(), subscribers > 0, "what was told last");
        outcome
    });
}
