//! What single publishes take under load: two publishers, and a reader that takes the last events every millisecond.
//!
//! Each publish is timed by itself, the timer's own cost included (the row `latency-timer` tells it). On a machine with fewer
//! processors than threads the highest times are those in which a publisher was not running at all.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::sides::{Ours, Port};
use crate::common::histogram::Histogram;
use crate::common::lines;
use crate::common::options::Options;
use crate::common::payload::HISTORY;
use crate::common::row::Study;
use crate::common::threads::{beside, on_threads_with};

pub const STUDIES: &[Study] = &[Study { id: "latency", run: latency }];

const PUBLISHERS: usize = 2;
const PAUSE: Duration = Duration::from_millis(1);

/// One thread's times; they go to all times when it has ended.
struct Times<'a> {
    mine: Histogram,
    all: &'a Mutex<Histogram>,
}

impl Drop for Times<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).merge(&self.mine);
    }
}

/// Adds the times of `rounds` publishes on each publisher to `all`, while `read` is done over and over.
fn load(rounds: u64, all: &Mutex<Histogram>, read: impl Fn() + Sync, publish: impl Fn(u64) + Sync) {
    let reader = || {
        read();
        thread::sleep(PAUSE);
    };
    let own = || Times { mine: Histogram::default(), all };
    let timed = |times: &mut Times<'_>, n: u64| {
        let begun = Instant::now();
        publish(n);
        times.mine.add(begun.elapsed().as_nanos() as u64);
    };
    beside(reader, || on_threads_with(PUBLISHERS, rounds, own, timed));
}

fn latency(options: &Options) {
    let (ours, port) = (Ours::new(1), Port::new(1));
    let [ours_times, port_times, timer_times] = [(); 3].map(|()| Mutex::new(Histogram::default()));
    // A publish and its timer take some 400 ns or less: as many fill a slice.
    let rounds = if options.test { 100 } else { options.slice.as_nanos() as u64 / 400 };
    for _ in 0..if options.test { 1 } else { options.pairs } {
        load(rounds, &ours_times, || drop(black_box(ours.bus.recent(HISTORY))), |n| ours.publish(n));
        load(rounds, &port_times, || drop(black_box(port.0.recent(HISTORY))), |n| port.publish(n));
        load(
            rounds,
            &timer_times,
            || (),
            |n| {
                black_box(n);
            },
        );
    }
    let print = |id: &str, what: &str, times: Mutex<Histogram>| {
        println!("{}", lines::latency(id, what, &times.into_inner().unwrap_or_else(PoisonError::into_inner)));
    };
    print("latency-ringbus", "full event, 2 publishers and a reader: ringbus", ours_times);
    print("latency-locked-port", "full event, 2 publishers and a reader: locked port", port_times);
    print("latency-timer", "nothing but the timer", timer_times);
}
