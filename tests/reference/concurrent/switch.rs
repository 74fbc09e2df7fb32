//! Something that is on or off, and says so where its changes can be proved: before each one and after it has returned.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// On at first.
#[derive(Default)]
pub(super) struct Switch {
    /// How many changes were announced or done: 4 n = on, 4 n + 2 = off, odd = changing.
    word: AtomicU64,
    /// Changes come one after the other.
    changing: Mutex<()>,
}

impl Switch {
    /// Turns it on or off by `change`, if it is not so already.
    pub(super) fn turn(&self, on: bool, change: impl FnOnce()) {
        let _changing = self.changing.lock().unwrap();
        let word = self.word.load(Ordering::Relaxed);
        if (word % 4 == 0) != on {
            self.word.store(word + 1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            change();
            self.word.store(word + 2, Ordering::Release);
        }
    }

    pub(super) fn look(&self) -> u64 {
        self.word.load(Ordering::Acquire)
    }

    /// Whether it was on all the time between two looks, or off; `None` where it was changed.
    pub(super) fn steady(before: u64, after: u64) -> Option<bool> {
        (before == after && before % 2 == 0).then_some(before % 4 == 0)
    }
}
