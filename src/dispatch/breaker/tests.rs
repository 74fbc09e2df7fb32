//! All transitions of a circuit, by a clock that stands until it is set.

use super::*;
use std::sync::{Arc, Barrier};
use std::thread;

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Milliseconds, set by the test.
#[derive(Clone, Default)]
struct Time(Arc<plain::AtomicU64>);

impl Time {
    fn set(&self, ms: u64) {
        self.0.store(ms, plain::Ordering::Relaxed);
    }
}

/// Opens after so many failures for 100 ms, then lets so many probes through.
fn circuit(failures: u32, probes: u32) -> (Circuit, Time) {
    let time = Time::default();
    let clock = {
        let time = time.clone();
        move || Duration::from_millis(time.0.load(plain::Ordering::Relaxed))
    };
    let breaker = Breaker::after(count(failures)).open_for(Duration::from_millis(100)).probes(count(probes));
    (Circuit::new(breaker.clock(clock)), time)
}

/// A call that is let through and ends so.
fn call(circuit: &Circuit, succeeds: bool) -> Option<BreakerState> {
    let permit = circuit.admit().expect("let through");
    circuit.settle(permit, succeeds)
}

fn info(circuit: &Circuit) -> (BreakerState, u32, u64, u64) {
    let BreakerInfo { state, failures_in_row, opened, rejected } = circuit.info();
    (state, failures_in_row, opened, rejected)
}

use BreakerState::{Closed, HalfOpen, Open};

#[test]
fn a_row_of_failures_opens_it_and_a_success_ends_the_row() {
    let (circuit, _) = circuit(3, 1);
    assert_eq!([false, false, true, false, false].map(|how| call(&circuit, how)), [None; 5]);
    assert_eq!(info(&circuit), (Closed, 2, 0, 0));
    assert_eq!(call(&circuit, false), Some(Open));
    assert!(circuit.admit().is_none() && circuit.admit().is_none());
    assert_eq!(info(&circuit), (Open, 3, 1, 2));
}

#[test]
fn it_is_open_for_its_time_then_a_probe_closes_it() {
    let (circuit, time) = circuit(1, 1);
    time.set(1_000);
    assert_eq!(call(&circuit, false), Some(Open));
    time.set(1_099);
    assert!(circuit.admit().is_none());
    time.set(1_100);
    let probe = circuit.admit().expect("due");
    assert!(circuit.admit().is_none(), "one probe");
    assert_eq!(info(&circuit), (HalfOpen, 1, 1, 2));
    assert_eq!(circuit.settle(probe, true), Some(Closed));
    assert_eq!(info(&circuit), (Closed, 0, 1, 2));
    assert_eq!(call(&circuit, true), None);
}

#[test]
fn a_probe_that_fails_opens_it_again_for_the_whole_time() {
    let (circuit, time) = circuit(1, 2);
    assert_eq!(call(&circuit, false), Some(Open));
    time.set(100);
    let (first, second) = (circuit.admit().unwrap(), circuit.admit().unwrap());
    assert_eq!(circuit.settle(first, true), None, "one of two");
    time.set(150);
    assert_eq!(circuit.settle(second, false), Some(Open));
    time.set(249);
    assert!(circuit.admit().is_none());
    time.set(250);
    assert!(circuit.admit().is_some());
    assert_eq!(info(&circuit), (HalfOpen, 1, 2, 1));
}

#[test]
fn as_many_probes_as_were_asked_for_must_succeed() {
    let (circuit, time) = circuit(1, 3);
    call(&circuit, false);
    time.set(100);
    let probes = [(); 4].map(|()| circuit.admit());
    assert_eq!(probes.each_ref().map(Option::is_some), [true, true, true, false]);
    let settled = probes.map(|probe| probe.and_then(|probe| circuit.settle(probe, true)));
    assert_eq!(settled, [None, None, Some(Closed), None]);
}

#[test]
fn a_cancelled_probe_is_made_again_and_a_cancelled_call_counts_nowhere() {
    let (circuit, time) = circuit(2, 1);
    call(&circuit, false);
    circuit.cancel(circuit.admit().unwrap());
    assert_eq!(info(&circuit), (Closed, 1, 0, 0));
    let late = circuit.admit().unwrap();
    call(&circuit, false);
    circuit.cancel(late);
    time.set(100);
    circuit.cancel(circuit.admit().unwrap());
    assert_eq!(circuit.info().state, HalfOpen);
    let probe = circuit.admit().expect("given back");
    assert!(circuit.admit().is_none());
    assert_eq!(circuit.settle(probe, true), Some(Closed));
}

#[test]
fn a_call_of_an_earlier_period_changes_nothing() {
    let (circuit, time) = circuit(1, 1);
    let [closed, fails, other] = [(); 3].map(|()| circuit.admit().unwrap());
    assert_eq!(circuit.settle(fails, false), Some(Open));
    assert_eq!(circuit.settle(closed, false), None);
    time.set(100);
    let probe = circuit.admit().unwrap();
    assert_eq!(circuit.settle(other, true), None);
    assert_eq!(circuit.info().state, HalfOpen);
    assert_eq!(circuit.settle(probe, false), Some(Open));
    time.set(200);
    let (slow, stale) = (circuit.admit().unwrap(), Permit { generation: 2 });
    assert_eq!(circuit.settle(stale, false), None, "a probe of the period before");
    assert_eq!(circuit.settle(slow, true), Some(Closed));
    assert_eq!(info(&circuit), (Closed, 0, 2, 0));
}

#[test]
fn no_time_and_all_time() {
    let open_for = |time| Circuit::new(Breaker::after(count(1)).open_for(time));
    let at_once = open_for(Duration::ZERO);
    call(&at_once, false);
    assert_eq!(call(&at_once, true), Some(Closed));
    let for_ever = open_for(Duration::MAX);
    call(&for_ever, false);
    assert!(for_ever.admit().is_none());
}

#[test]
fn more_probes_than_there_is_room_for_are_as_many_as_there_is() {
    let (circuit, _) = circuit(1, u32::MAX);
    assert_eq!(circuit.probes, word::MAX_PROBES);
}

#[test]
fn a_clock_that_panics_harms_nobody() {
    let broken = Arc::new(plain::AtomicU64::new(1));
    let clock = {
        let broken = Arc::clone(&broken);
        move || {
            assert_eq!(broken.load(plain::Ordering::Relaxed), 0, "no time");
            Duration::from_secs(1)
        }
    };
    let circuit = Circuit::new(Breaker::after(count(1)).clock(clock));
    assert_eq!(call(&circuit, false), Some(Open));
    assert!(circuit.admit().is_none(), "without a time it stays open");
    broken.store(0, plain::Ordering::Relaxed);
    assert_eq!(call(&circuit, true), Some(Closed), "due with the next reading");
}

/// The clock is asked when nothing is half changed, so it may use the circuit itself.
#[test]
fn a_clock_may_use_the_circuit() {
    let place = Arc::new(std::sync::OnceLock::<std::sync::Weak<Circuit>>::new());
    let asked = Arc::new(plain::AtomicU64::new(0));
    let clock = {
        let (place, asked) = (Arc::clone(&place), Arc::clone(&asked));
        move || {
            let circuit = place.get().and_then(std::sync::Weak::upgrade).expect("in place");
            if asked.fetch_add(1, plain::Ordering::Relaxed) == 0 {
                assert_eq!(call(&circuit, false), Some(Open), "inside, before the one that asks");
            }
            Duration::ZERO
        }
    };
    let circuit = Arc::new(Circuit::new(Breaker::after(count(1)).clock(clock)));
    place.set(Arc::downgrade(&circuit)).expect("once");
    assert_eq!(call(&circuit, false), None, "the one inside has opened it");
    assert_eq!(info(&circuit), (Open, 1, 1, 0));
}

#[test]
fn on_many_threads_each_change_is_told_once_and_each_call_is_let_through_or_rejected() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 50_000;
    let circuit = Circuit::new(Breaker::after(count(1)).open_for(Duration::ZERO).probes(count(2)));
    assert_eq!(call(&circuit, false), Some(Open));
    let together = Barrier::new(THREADS as usize);
    let work = |seed: u64| {
        together.wait();
        let (mut opened, mut closed, mut called) = (0, 0, 0);
        for turn in 0..CALLS {
            let Some(permit) = circuit.admit() else { continue };
            called += 1;
            match circuit.settle(permit, (turn + seed) % 16 < 12) {
                Some(Open) => opened += 1,
                Some(Closed) => closed += 1,
                Some(HalfOpen) => panic!("a settled call has made it half open"),
                None => {}
            }
        }
        [opened, closed, called]
    };
    let [opened, closed, called] = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|seed| scope.spawn(move || work(seed))).collect();
        let counts = threads.into_iter().map(|thread| thread.join().unwrap());
        counts.fold([1, 0, 0], |sum, counts| [0, 1, 2].map(|at| sum[at] + counts[at]))
    });
    let info = circuit.info();
    assert_eq!((info.opened, info.rejected + called), (opened, THREADS * CALLS));
    // Open, half open, and so on: each opening but one under way has led to half open.
    let half_open = opened - u64::from(info.state == Open);
    let changes = Word::unpack(circuit.word.load(Ordering::Relaxed)).generation;
    assert_eq!(u64::from(changes), opened + half_open + closed);
}

#[test]
fn what_is_told_reads_well() {
    let (circuit, _) = circuit(1, 1);
    call(&circuit, false);
    assert_eq!(circuit.info().to_string(), "open, 1 failed in a row, 1 times opened, 0 rejected");
    assert_eq!([Closed, Open, HalfOpen].map(|state| state.to_string()), ["closed", "open", "half open"]);
    let breaker = Breaker::after(count(1)).probes(count(2));
    assert_eq!(breaker.to_string(), "open for 1s after 1 failure in a row, then 2 probes");
}

#[cfg(feature = "serde")]
#[test]
fn what_is_told_survives_a_round_trip() {
    let (circuit, _) = circuit(1, 1);
    call(&circuit, false);
    let json = serde_json::to_string(&circuit.info()).unwrap();
    assert_eq!(json, r#"{"state":"open","failures_in_row":1,"opened":1,"rejected":0}"#);
    assert_eq!(serde_json::from_str::<BreakerInfo>(&json).unwrap(), circuit.info());
}

#[test]
fn a_permit_of_a_generation_that_has_come_round_takes_back_no_probe_that_is_not_out() {
    let (circuit, _) = circuit(1, 2);
    let half_open = |out| Word { generation: 7, phase: Phase::HalfOpen { out, succeeded: 0 } }.pack();
    circuit.word.store(half_open(0), Ordering::Relaxed);
    circuit.cancel(Permit { generation: 7 });
    assert_eq!(circuit.word.load(Ordering::Relaxed), half_open(0));
}
