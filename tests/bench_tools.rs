//! What the benchmarks make figures with: a wrong median or a wrong order of the sides would be believed.
#![cfg(not(ringbus_loom))]

#[path = "../benches/common/mod.rs"]
mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::histogram::{Histogram, bucket, upper_end};
use common::numbers::{Spread, more_rounds, ns_per_round, quotients, rounds_for};
use common::options::{FEWEST_PAIRS, Options};
use common::pairs::alternate;
use common::row::Side;
use common::threads::{beside, on_threads, on_threads_with};
use common::{lines, locked_port::LockedPort, payload, seen::Seen};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_median_lies_in_the_middle() {
    assert_eq!(Spread::of(&[3.0, 1.0, 10.0]), Spread { median: 3.0, lowest: 1.0, highest: 10.0 });
    assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 9.0]), Spread { median: 3.0, lowest: 1.0, highest: 9.0 });
    assert_eq!(Spread::of(&[7.0]), Spread { median: 7.0, lowest: 7.0, highest: 7.0 });
    assert_eq!(quotients(&[6.0, 8.0], &[2.0, 16.0]), [3.0, 0.5]);
    assert_eq!(ns_per_round(MS, 1_000), 1_000.0);
}

#[test]
fn rounds_fill_a_slice() {
    assert_eq!(rounds_for(10, 5 * MS, 20 * MS), 40);
    assert_eq!(rounds_for(1, 50 * MS, 20 * MS), 1, "at least one");
    assert_eq!(rounds_for(3, Duration::ZERO, Duration::from_nanos(9)), 27);
    assert_eq!(more_rounds(10, 5 * MS, 20 * MS), 40);
    assert_eq!(more_rounds(10, 15 * MS, 20 * MS), 20, "never fewer than twice as many");
    assert_eq!(more_rounds(10, Duration::ZERO, 20 * MS), 160, "never more than sixteen times");
}

#[test]
fn buckets_hold_each_time_once_and_are_narrow() {
    let edges = (0..64).map(|bit| 1_u64 << bit).flat_map(|edge| [edge - 1, edge, edge + 1, edge + edge / 3]);
    for time in (0..5_000).chain(edges).chain([u64::MAX - 1, u64::MAX]) {
        let upper = upper_end(bucket(time));
        assert!(time <= upper && upper - time <= time / 32, "{time} is told as {upper}");
        assert_eq!(bucket(upper), bucket(time), "the end of the bucket of {time}");
        assert!(upper == u64::MAX || bucket(upper + 1) == bucket(time) + 1, "the next bucket after that of {time}");
    }
}

#[test]
fn quantiles_are_of_all_threads_times() {
    let (mut all, mut more) = (Histogram::default(), Histogram::default());
    assert_eq!((all.quantile(0.5), all.max(), all.samples()), (0, 0, 0));
    (1..=15).for_each(|time| all.add(time));
    (16..=29).for_each(|time| more.add(time));
    more.add(1_000_003);
    all.merge(&more);
    assert_eq!((all.samples(), all.max()), (30, 1_000_003));
    assert_eq!((all.quantile(0.0), all.quantile(0.5), all.quantile(29.0 / 30.0)), (1, 15, 29));
    assert_eq!(all.quantile(1.0), 1_000_003, "never above the maximum");
}

#[test]
fn options_are_read_and_others_refused() {
    let parse = |line: &str| Options::parse(line.split_whitespace().map(str::to_owned));
    let default = parse("--bench").unwrap();
    assert_eq!(default, Options::default());
    assert!(default.wants("full-1"));
    let quick = parse("--quick --row full").unwrap();
    assert!(quick.pairs == FEWEST_PAIRS && quick.slice < default.slice);
    assert!(quick.wants("full-64") && !quick.wants("nested"));
    let all = parse("--pairs 30 --slice 7 --list --test").unwrap();
    assert_eq!((all.pairs, all.slice, all.list, all.test), (30, 7 * MS, true, true));
    for wrong in ["--fast", "--pairs", "--pairs 9", "--slice 0", "--slice x", "--row", "full-1"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

/// A side that says when it runs, how often, and that each of its rounds took so long.
fn told(name: &'static str, round: Duration, to: &Rc<RefCell<Vec<(&'static str, u64)>>>) -> Side {
    let to = Rc::clone(to);
    Side::new(name, move |rounds| {
        to.borrow_mut().push((name, rounds));
        round * rounds as u32
    })
}

#[test]
fn sides_run_in_turn_forwards_and_backwards() {
    let runs = Rc::default();
    let (mut a, mut b) = (told("a", MS, &runs), told("b", 10 * MS, &runs));
    let options = Options { pairs: 10, slice: 20 * MS, ..Options::default() };
    let times = alternate(&options, &mut [&mut a, &mut b]);
    assert_eq!(times, [vec![1e6; 10], vec![1e7; 10]]);
    let runs = runs.borrow();
    let (calibration, measured) = runs.split_at(runs.len() - 20);
    assert!(calibration.iter().any(|run| run.0 == "a") && calibration.iter().any(|run| run.0 == "b"));
    let [a, b] = [("a", 20), ("b", 2)];
    assert_eq!(measured, [a, b, b, a].repeat(5));
}

#[test]
fn what_it_costs_to_begin_does_not_shorten_a_slice() {
    let runs = Rc::new(RefCell::new(Vec::new()));
    let to = Rc::clone(&runs);
    let mut slow_to_begin = Side::new("a crowd", move |rounds| {
        to.borrow_mut().push(rounds);
        30 * MS + MS * rounds as u32
    });
    let options = Options { pairs: 10, slice: 20 * MS, ..Options::default() };
    alternate(&options, &mut [&mut slow_to_begin]);
    assert_eq!(runs.borrow().last(), Some(&20));
}

#[test]
fn a_disturbed_moment_does_not_shorten_a_slice() {
    let runs = Rc::new(RefCell::new(Vec::new()));
    let to = Rc::clone(&runs);
    let mut disturbed = Side::new("disturbed", move |rounds| {
        to.borrow_mut().push(rounds);
        if to.borrow().len() % 2 == 1 { 500 * MS } else { MS / 100 * rounds as u32 }
    });
    let options = Options { pairs: 10, slice: 20 * MS, ..Options::default() };
    alternate(&options, &mut [&mut disturbed]);
    assert_eq!(runs.borrow().last(), Some(&2_000));
}

#[test]
fn a_test_runs_each_side_once() {
    let runs = Rc::default();
    let (mut a, mut b) = (told("a", MS, &runs), told("b", MS, &runs));
    alternate(&Options { test: true, ..Options::default() }, &mut [&mut a, &mut b]);
    assert_eq!(*runs.borrow(), [("a", 1), ("b", 1)]);
}

#[test]
fn each_thread_does_all_rounds() {
    let done: Vec<AtomicU64> = (0..1_000).map(|_| AtomicU64::new(0)).collect();
    let took = on_threads(3, 1_000, |n| done[n as usize].fetch_add(1, Ordering::Relaxed));
    assert!(took > Duration::ZERO);
    // The first 256 have warmed up.
    let done: Vec<u64> = done.into_iter().map(AtomicU64::into_inner).collect();
    assert_eq!(done, [vec![6; 256], vec![3; 744]].concat());
    let own = Seen::default();
    on_threads_with(
        2,
        4,
        || 0,
        |mine, _| {
            (0..{
                *mine += 1;
                *mine
            })
                .for_each(|_| own.count())
        },
    );
    // 1 + 2 + ... + 8 on each, four of them for warmth.
    assert_eq!(own.sum(), 72);
}

#[test]
fn the_other_thread_works_before_and_until_the_end() {
    let worked = AtomicU64::new(0);
    let before = beside(
        || {
            // Long enough that who does not wait for it comes first.
            (0..1_000).for_each(|_| std::thread::yield_now());
            worked.fetch_add(1, Ordering::Release);
        },
        || {
            let before = worked.load(Ordering::Acquire);
            while worked.load(Ordering::Acquire) == before {
                std::thread::yield_now();
            }
            before
        },
    );
    assert!(before > 0);
}

#[test]
fn lines_are_as_the_report_reads_them() {
    let ratio = Spread { median: 2.5, lowest: 2.0, highest: 3.25 };
    assert_eq!(
        lines::pair(("full-1", "full event"), ("ringbus", 40.0), ("port", 100.0), ratio, 15),
        "pair\tfull-1\tfull event\tringbus\tport\t40.000\t100.000\t2.500\t2.000\t3.250\t15"
    );
    assert_eq!(lines::alone("a", "b", "c", ratio, 10), "alone\ta\tb\tc\t2.500\t2.000\t3.250\t10");
    assert_eq!(lines::part("clock", None, 11.5), "part\tclock\t-\t11.500");
    assert_eq!(lines::part("fields", Some(9.0), 4.0), "part\tfields\t9.000\t4.000");
    assert_eq!(lines::series("threads", "control", 2.0, 12.5), "series\tthreads\tcontrol\t2\t12.500");
    assert_eq!(lines::fact("system-time", 30.0, "ns"), "fact\tsystem-time\t30.000\tns");
    assert_eq!(lines::does_not("log", "history"), "does-not\tlog\thistory");
    let mut took = Histogram::default();
    (1..=20).for_each(|time| took.add(time));
    assert_eq!(lines::latency("l", "publish", &took), "latency\tl\tpublish\t10\t20\t20\t20\t20");
}

#[test]
fn the_yardstick_keeps_the_last_events_and_calls_its_handlers() {
    let (port, seen) = (LockedPort::new(3), std::sync::Arc::new(Seen::default()));
    for _ in 0..2 {
        let seen = std::sync::Arc::clone(&seen);
        port.subscribe(move |event| (0..event.fields.len()).for_each(|_| seen.count()));
    }
    (0..5).for_each(|line| drop(port.publish(payload::KIND, payload::SOURCE, payload::fields(line))));
    assert_eq!(seen.sum(), 5 * 2 * 3);
    port.unsubscribe_last();
    port.publish(payload::KIND, payload::SOURCE, payload::fields(5));
    assert_eq!(seen.sum(), 5 * 2 * 3 + 3);
    let lines: Vec<_> = port.recent(9).iter().map(|event| event.fields[0].1.as_u64()).collect();
    assert_eq!(lines, [Some(5), Some(4), Some(3)]);
    assert_eq!(port.recent(1).len(), 1);
}
