//! A circuit breaker against publishers: each change of state is one step, and exactly so many probes are let through.

use std::num::NonZeroU32;
use std::sync::Arc as Shared;

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Circuit, Permit};
use ringbus::BreakerState::{self, Closed, HalfOpen, Open};

use crate::support::Model;
use crate::support::watched::Watched;

/// Opens after so many failures, and is due at once.
fn circuit(after: u32, probes: u32) -> Arc<Circuit> {
    let count = |number| NonZeroU32::new(number).unwrap();
    Arc::new(Circuit::new(count(after), count(probes)))
}

/// One that is open.
fn open(probes: u32) -> Arc<Circuit> {
    let circuit = circuit(1, probes);
    assert_eq!(circuit.settle(circuit.admit().unwrap(), false), Some(Open));
    circuit
}

fn spawn<R: 'static>(circuit: &Arc<Circuit>, run: impl FnOnce(&Circuit) -> R + 'static) -> thread::JoinHandle<R> {
    let circuit = Arc::clone(circuit);
    thread::spawn(move || run(&circuit))
}

/// How it stands, and how often it has opened.
fn stands(circuit: &Circuit) -> (BreakerState, u64) {
    let info = circuit.info();
    (info.state, info.opened)
}

/// Two calls fail on two threads, two open it: neither is lost, and one opens it.
#[test]
fn two_failures() {
    Model {
        name: "breaker::two_failures",
        promise: "P4, P8: no failure of a row is lost",
        preemptions: None,
        outcomes: &["opened here", "opened there"],
    }
    .check(|| {
        let circuit = circuit(2, 1);
        let fail = |circuit: &Circuit| circuit.settle(circuit.admit().expect("closed"), false);
        let there = spawn(&circuit, fail);
        let here = fail(&circuit);
        let there = there.join().unwrap();
        assert_eq!(stands(&circuit), (Open, 1));
        match (here, there) {
            (Some(Open), None) => "opened here",
            (None, Some(Open)) => "opened there",
            other => panic!("not one change: {other:?}"),
        }
    });
}

/// Three threads ask when it is due, two probes are wanted: two are let through.
#[test]
fn exactly_so_many_probes() {
    Model {
        name: "breaker::exactly_so_many_probes",
        promise: "P8: exactly so many calls are let through",
        preemptions: Some(3),
        outcomes: &["not here", "not there", "not yonder"],
    }
    .check(|| {
        let circuit = open(2);
        let ask = |circuit: &Circuit| circuit.admit().is_some();
        let (there, yonder) = (spawn(&circuit, ask), spawn(&circuit, ask));
        let here = ask(&circuit);
        let asked = [here, there.join().unwrap(), yonder.join().unwrap()];
        let info = circuit.info();
        assert_eq!((info.state, info.rejected), (HalfOpen, 1));
        match asked {
            [false, true, true] => "not here",
            [true, false, true] => "not there",
            [true, true, false] => "not yonder",
            other => panic!("not two probes: {other:?}"),
        }
    });
}

/// Two probes succeed on two threads: the second closes it.
#[test]
fn two_probes_succeed() {
    Model {
        name: "breaker::two_probes_succeed",
        promise: "P8: no success is lost, and one closes",
        preemptions: None,
        outcomes: &["closed here", "closed there"],
    }
    .check(|| {
        let circuit = open(2);
        let probe = |circuit: &Circuit| circuit.settle(circuit.admit().expect("a probe is left"), true);
        let there = spawn(&circuit, probe);
        let here = probe(&circuit);
        let there = there.join().unwrap();
        assert_eq!(stands(&circuit), (Closed, 1));
        match (here, there) {
            (Some(Closed), None) => "closed here",
            (None, Some(Closed)) => "closed there",
            other => panic!("not one change: {other:?}"),
        }
    });
}

/// Of two probes one fails: it opens once, whichever ends first.
#[test]
fn a_probe_fails_and_one_succeeds() {
    Model {
        name: "breaker::a_probe_fails_and_one_succeeds",
        promise: "P4, P8: a failed probe opens it, once",
        preemptions: None,
        outcomes: &["opened"],
    }
    .check(|| {
        let circuit = open(2);
        let [fails, succeeds] = [(); 2].map(|()| circuit.admit().unwrap());
        let there = spawn(&circuit, |circuit| circuit.settle(succeeds, true));
        let here = circuit.settle(fails, false);
        assert_eq!((here, there.join().unwrap(), stands(&circuit)), (Some(Open), None, (Open, 2)));
        "opened"
    });
}

/// Two calls fail where one opens it, and one of the threads then probes with success: the other failure belongs to the
/// period before, wherever it comes.
#[test]
fn a_late_failure() {
    Model {
        name: "breaker::a_late_failure",
        promise: "P8: a call counts in its period or not at all",
        preemptions: None,
        outcomes: &["opened here", "opened there"],
    }
    .check(|| {
        let circuit = circuit(1, 1);
        let [late, first] = [(); 2].map(|()| circuit.admit().unwrap());
        let there = spawn(&circuit, |circuit| {
            let opened = circuit.settle(first, false);
            let probe = circuit.admit().expect("due");
            assert_eq!(circuit.settle(probe, true), Some(Closed));
            opened
        });
        let here = circuit.settle(late, false);
        let there = there.join().unwrap();
        assert_eq!(stands(&circuit), (Closed, 1));
        match (here, there) {
            (Some(Open), None) => "opened here",
            (None, Some(Open)) => "opened there",
            other => panic!("not one change: {other:?}"),
        }
    });
}

/// One probe is given back while another succeeds: one more is let through, and closes it.
#[test]
fn a_probe_is_given_back() {
    Model {
        name: "breaker::a_probe_is_given_back",
        promise: "P8: neither a probe nor a success is lost",
        preemptions: None,
        outcomes: &["closed"],
    }
    .check(|| {
        let circuit = open(2);
        let [cancelled, succeeds]: [Permit; 2] = [(); 2].map(|()| circuit.admit().unwrap());
        let there = spawn(&circuit, |circuit| circuit.settle(succeeds, true));
        circuit.cancel(cancelled);
        assert_eq!(there.join().unwrap(), None);
        let again = circuit.admit().expect("given back");
        assert!(circuit.admit().is_none(), "one was given back");
        assert_eq!(circuit.settle(again, true), Some(Closed));
        "closed"
    });
}

/// A call that is let through because a probe has succeeded sees what the probe did. It is asked for by the thread that
/// is spawned: loom 0.7.2 tries a load against the stores before it, not one that a later store could have come before.
#[test]
fn what_the_probe_did_is_seen() {
    Model {
        name: "breaker::what_the_probe_did_is_seen",
        promise: "P5: what came before it closed is seen",
        preemptions: None,
        outcomes: &["let through", "rejected"],
    }
    .check(|| {
        let (circuit, mended) = (open(1), Shared::new(Watched::new(0)));
        let probe = circuit.admit().expect("due");
        let there = {
            let mended = Shared::clone(&mended);
            spawn(&circuit, move |circuit| circuit.admit().map(|_| mended.read()))
        };
        mended.write(1);
        assert_eq!(circuit.settle(probe, true), Some(Closed));
        match there.join().unwrap() {
            None => "rejected",
            Some(1) => "let through",
            other => panic!("not seen: {other:?}"),
        }
    });
}

/// The same for one who wanted to probe, and finds that somebody has done so.
#[test]
fn what_another_probe_did_is_seen() {
    Model {
        name: "breaker::what_another_probe_did_is_seen",
        promise: "P5: what came before it closed is seen",
        preemptions: None,
        outcomes: &["let through", "the probe", "rejected"],
    }
    .check(|| {
        let (circuit, mended) = (open(1), Shared::new(Watched::new(0)));
        let there = {
            let mended = Shared::clone(&mended);
            spawn(&circuit, move |circuit| {
                circuit.admit().map(|_| {
                    // Closed: the probe was the other thread's.
                    let closed = circuit.info().state == Closed;
                    closed.then(|| mended.read())
                })
            })
        };
        let here = circuit.admit();
        let probed = here.map(|probe| {
            mended.write(1);
            circuit.settle(probe, true)
        });
        match (there.join().unwrap(), probed) {
            (None, Some(Some(Closed))) => "rejected",
            (Some(Some(1)), Some(Some(Closed))) => "let through",
            (Some(None), None) => "the probe",
            other => panic!("not seen: {other:?}"),
        }
    });
}
