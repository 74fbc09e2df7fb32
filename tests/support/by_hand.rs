//! An executor whose tasks a test polls by hand, and a waker that counts.
#![allow(dead_code, reason = "not every test counts")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Wake, Waker};

use ringbus::{Spawn, Task};

pub struct ByHand(Sender<Task>);

impl Spawn for ByHand {
    fn spawn(&self, task: Task) {
        let _ = self.0.send(task);
    }
}

pub fn by_hand() -> (ByHand, Receiver<Task>) {
    let (send, tasks) = channel();
    (ByHand(send), tasks)
}

/// How often its waker was called.
#[derive(Default)]
pub struct Woken(AtomicUsize);

impl Woken {
    pub fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub fn woken() -> (Arc<Woken>, Waker) {
    let woken = Arc::new(Woken::default());
    (Arc::clone(&woken), woken.into())
}
