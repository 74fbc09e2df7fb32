//! An executor whose tasks a test polls by hand.

use std::sync::mpsc::{Receiver, Sender, channel};

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
