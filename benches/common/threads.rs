//! Work on several threads at once, and how long it took.
//!
//! The time is that from the first thread's beginning to the last one's end, told by the threads themselves: a
//! thread that only watched might itself be kept waiting where there are more threads than processors.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// So often each thread does its work before the time begins, if there are as many rounds: its first time costs more.
const WARM: u64 = 256;

/// Has each of `threads` threads do `work` `rounds` times, told the number of the round. The compiler may not leave out
/// what makes the result.
pub fn on_threads<R>(threads: usize, rounds: u64, work: impl Fn(u64) -> R + Sync) -> Duration {
    on_threads_with(threads, rounds, || (), |(), n| drop(black_box(work(n))))
}

/// The same with something of each thread's own, made before the time begins and dropped after it has ended.
pub fn on_threads_with<T>(
    threads: usize,
    rounds: u64,
    own: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, u64) + Sync,
) -> Duration {
    let start = Barrier::new(threads);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let each = || {
            let mut own = own();
            (0..rounds.min(WARM)).for_each(|n| work(&mut own, n));
            start.wait();
            let begun = Instant::now();
            (0..rounds).for_each(|n| work(&mut own, n));
            (begun, Instant::now())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(each)).collect();
        running.into_iter().map(|thread| thread.join().expect("the work does not panic")).collect()
    });
    let begun = spans.iter().map(|span| span.0).min();
    let ended = spans.iter().map(|span| span.1).max();
    begun.zip(ended).map_or(Duration::ZERO, |(begun, ended)| ended - begun)
}

/// Runs `measure` while another thread does `work` over and over: it has begun before and ends after.
pub fn beside<R>(work: impl Fn() + Sync, measure: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    let begun = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            work();
            begun.wait();
            while !stop.load(Ordering::Relaxed) {
                work();
            }
        });
        begun.wait();
        let result = measure();
        stop.store(true, Ordering::Relaxed);
        result
    })
}
