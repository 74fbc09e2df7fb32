//! Threads that many short rounds share, and random numbers that can be had again.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that do one job after the other; dropped, they end.
pub struct Hands {
    hands: Vec<(Sender<Job>, JoinHandle<()>)>,
}

impl Hands {
    pub fn new(number: usize) -> Self {
        let hand = |_| {
            let (send, jobs) = channel::<Job>();
            (send, std::thread::spawn(move || jobs.iter().for_each(|job| job())))
        };
        Self { hands: (0..number).map(hand).collect() }
    }

    /// Has one of them do this; where it panics, nothing comes back.
    pub fn run<R: Send + 'static>(&self, hand: usize, job: impl FnOnce() -> R + Send + 'static) -> Receiver<R> {
        let (send, result) = channel();
        self.hands[hand].0.send(Box::new(move || drop(send.send(job())))).unwrap();
        result
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        for (send, thread) in self.hands.drain(..) {
            drop(send);
            // After a failure it may stand still; one that has panicked has told of it.
            if !std::thread::panicking() {
                let _ = thread.join();
            }
        }
    }
}

/// SplitMix64: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}
