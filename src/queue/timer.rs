//! Alarms: a waker is woken at a time, whatever executor it belongs to.
//!
//! One thread for the whole process sleeps until the next alarm. It is started with the first alarm and ends when there is
//! none left, so nobody pays for it who sets none. An alarm that is dropped is taken off.

use std::collections::BTreeMap;
use std::task::Waker;
use std::thread;
use std::time::Instant;

use crate::contain;
use crate::sync::signal::Signal;
use crate::sync::{Mutex, OnceBox, busy};

/// An alarm that was set.
#[derive(Debug)]
pub(crate) struct Alarm {
    key: Key,
}

/// When, and which of several.
type Key = (Instant, u64);

#[derive(Default)]
struct Clock {
    state: Mutex<State>,
    /// The next alarm has changed.
    changed: Signal,
}

#[derive(Default)]
struct State {
    alarms: BTreeMap<Key, Waker>,
    last: u64,
    /// A thread sees to them.
    attended: bool,
}

static CLOCK: OnceBox<Clock> = OnceBox::new();

fn clock() -> &'static Clock {
    loop {
        if let Some(clock) = CLOCK.get() {
            return clock;
        }
        // Of several the first one stays.
        let _ = busy::during(|| CLOCK.set(Box::default()));
    }
}

// === impl Alarm ===

impl Alarm {
    /// Wakes `waker` at this time; at once where no thread can be had for that.
    pub(crate) fn at(due: Instant, waker: &Waker) -> Self {
        let clock = clock();
        let waker = waker.clone();
        let (key, attended) = busy::during(|| {
            let mut state = clock.state.lock();
            state.last += 1;
            let key = (due, state.last);
            state.alarms.insert(key, waker);
            if state.alarms.first_key_value().is_some_and(|(first, _)| *first == key) {
                clock.changed.raise();
            }
            (key, core::mem::replace(&mut state.attended, true))
        });
        let alarm = Self { key };
        if !attended && thread::Builder::new().name("rb:alarms".into()).spawn(|| clock.attend()).is_err() {
            clock.ring_all();
        }
        alarm
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = busy::during(|| clock().state.lock().alarms.remove(&self.key));
        contain::drop_contained(waker);
    }
}

// === impl Clock ===

impl Clock {
    /// Wakes who is due, until there is no alarm.
    fn attend(&self) {
        let mut state = self.state.lock();
        while let Some((&(due, number), _)) = state.alarms.first_key_value() {
            if due > Instant::now() {
                state = self.changed.wait(state, Some(due)).0;
                continue;
            }
            let waker = state.alarms.remove(&(due, number));
            drop(state);
            // An executor's.
            contain::run_contained(|| waker.into_iter().for_each(Waker::wake));
            state = self.state.lock();
        }
        state.attended = false;
    }

    #[cold]
    fn ring_all(&self) {
        let alarms = busy::during(|| {
            let mut state = self.state.lock();
            state.attended = false;
            core::mem::take(&mut state.alarms)
        });
        alarms.into_values().for_each(|waker| contain::run_contained(|| waker.wake()));
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;
    use std::time::Duration;

    struct Ring(Sender<u32>, u32);

    impl Wake for Ring {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn alarms_ring_in_their_order_and_those_dropped_do_not() {
        let (send, rung) = channel();
        let waker = |number| Waker::from(Arc::new(Ring(send.clone(), number)));
        let now = Instant::now();
        let far = Alarm::at(now + Duration::from_secs(3600), &waker(9));
        let later = Alarm::at(now + Duration::from_millis(20), &waker(2));
        let soon = Alarm::at(now + Duration::from_millis(10), &waker(1));
        drop(Alarm::at(now + Duration::from_millis(15), &waker(8)));
        assert_eq!([rung.recv().unwrap(), rung.recv().unwrap()], [1, 2]);
        drop((far, later, soon));
        drop(send);
        assert!(rung.recv().is_err(), "the dropped ones are gone with their wakers");
    }
}
