//! Alarms: a waker is woken at a time, whatever executor it belongs to.
//!
//! One thread for the whole process sleeps until the next alarm. It is started with the first alarm and ends when there is
//! none left, so nobody pays for it who sets none. An alarm that is dropped is taken off.
//!
//! A forked child has a clock of its own (P10): the thread of its parent's, which may be asleep on that one or have it locked,
//! is not there. Alarms that were set before the fork ring in the child too, from the next one on that is set there; unless
//! the parent's clock was locked at the fork.

use std::collections::BTreeMap;
use std::task::Waker;
use std::thread;
use std::time::Instant;

use crate::contain;
use crate::sync::counter::Tally;
use crate::sync::process::instance;
use crate::sync::signal::Signal;
use crate::sync::{Mutex, OnceBox, busy};

/// An alarm that was set.
#[derive(Debug)]
pub(crate) struct Alarm {
    key: Key,
}

/// When, and which of several.
type Key = (Instant, u64);

/// The alarms of a process.
struct Clock {
    process: u64,
    state: Mutex<State>,
    /// The next alarm has changed.
    changed: Signal,
    /// That of a child that was forked since: only there.
    next: OnceBox<Clock>,
}

#[derive(Default)]
struct State {
    alarms: BTreeMap<Key, Waker>,
    /// A thread sees to them.
    attended: bool,
}

static FIRST: OnceBox<Clock> = OnceBox::new();
/// Alarms that were set, by this process and those that it was forked from.
static SET: Tally = Tally::new();

/// The clock of this process.
fn clock() -> &'static Clock {
    let process = instance();
    let (mut link, mut inherited) = (&FIRST, None);
    loop {
        match link.get() {
            Some(clock) if clock.process == process => return clock,
            Some(clock) => (link, inherited) = (&clock.next, Some(clock)),
            // Of several the first one stays.
            None => {
                if busy::during(|| link.set(Box::new(Clock::new(process)))).is_ok() {
                    if let (Some(own), Some(inherited)) = (link.get(), inherited) {
                        own.inherit(inherited);
                    }
                }
            }
        }
    }
}

// === impl Alarm ===

impl Alarm {
    /// Wakes `waker` at this time; at once where no thread can be had for that.
    pub(crate) fn at(due: Instant, waker: &Waker) -> Self {
        Self { key: clock().set(due, waker.clone()) }
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
    fn new(process: u64) -> Self {
        Self { process, state: Mutex::default(), changed: Signal::default(), next: OnceBox::new() }
    }

    /// Sets an alarm, and has somebody attend to it.
    fn set(&'static self, due: Instant, waker: Waker) -> Key {
        let (key, attended) = busy::during(|| {
            let mut state = self.state.lock();
            let key = (due, SET.bump());
            state.alarms.insert(key, waker);
            if state.alarms.first_key_value().is_some_and(|(first, _)| *first == key) {
                self.changed.raise();
            }
            (key, core::mem::replace(&mut state.attended, true))
        });
        if !attended && thread::Builder::new().name("rb:alarms".into()).spawn(|| self.attend()).is_err() {
            self.ring_all();
        }
        key
    }

    /// Takes over the alarms of the process that this one was forked from.
    #[cold]
    fn inherit(&self, from: &Self) {
        busy::during(|| {
            // Locked for ever, where it was at the fork.
            let Some(mut theirs) = from.state.try_lock() else { return };
            self.state.lock().alarms.append(&mut theirs.alarms);
            // Somebody may have set another one here already, and be asleep until that.
            self.changed.raise();
        });
    }

    /// Wakes who is due, until there is no alarm.
    fn attend(&self) {
        while let Some(waker) = busy::during(|| self.next_due()) {
            // An executor's.
            contain::run_contained(|| waker.wake());
        }
    }

    /// Waits until somebody is due; `None` where there is no alarm, and nobody attends any more.
    fn next_due(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        while let Some(alarm) = state.alarms.first_entry() {
            let due = alarm.key().0;
            if due <= Instant::now() {
                return Some(alarm.remove());
            }
            state = self.changed.wait(state, Some(due)).0;
        }
        state.attended = false;
        None
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

    /// A clock with one alarm, due in an hour, which its thread seems to attend to.
    fn with_alarm(waker: Waker) -> Clock {
        let clock = Clock::new(0);
        let mut state = clock.state.lock();
        state.alarms.insert((Instant::now() + Duration::from_secs(3600), 0), waker);
        state.attended = true;
        drop(state);
        clock
    }

    #[test]
    fn alarms_ring_in_their_order() {
        let (send, rung) = channel();
        let (clock, now) = (Clock::new(0), Instant::now());
        let set = |due, number| clock.state.lock().alarms.insert((due, 0), Arc::new(Ring(send.clone(), number)).into());
        set(now + Duration::from_secs(3600), 9);
        set(now + Duration::from_nanos(1), 2);
        set(now, 1);
        (0..2).for_each(|_| clock.next_due().unwrap().wake());
        assert!(rung.try_iter().eq([1, 2]));
        assert_eq!(clock.state.lock().alarms.len(), 1);
    }

    #[test]
    fn an_alarm_that_is_dropped_does_not_ring_and_its_waker_is_gone() {
        let (send, rung) = channel();
        drop(Alarm::at(Instant::now() + Duration::from_secs(3600), &Arc::new(Ring(send, 8)).into()));
        assert!(rung.recv().is_err());
    }

    #[test]
    fn one_alarm_alone_rings() {
        let (send, rung) = channel();
        let clock: &'static Clock = Box::leak(Box::new(Clock::new(0)));
        clock.set(Instant::now(), Arc::new(Ring(send, 7)).into());
        assert_eq!(rung.recv_timeout(Duration::from_secs(60)), Ok(7));
    }

    #[test]
    fn a_sooner_alarm_rings_while_a_later_one_is_waited_for() {
        let (send, rung) = channel();
        let clock: &'static Clock = Box::leak(Box::new(Clock::new(0)));
        clock.set(Instant::now() + Duration::from_secs(3600), Waker::noop().clone());
        // At first nobody sleeps yet.
        for number in 0..200 {
            clock.set(Instant::now(), Arc::new(Ring(send.clone(), number)).into());
            assert_eq!(rung.recv_timeout(Duration::from_secs(60)), Ok(number));
        }
    }

    #[test]
    fn who_is_not_attended_to_rings_at_once_and_the_next_alarm_has_a_thread_again() {
        let (send, rung) = channel();
        let clock = with_alarm(Arc::new(Ring(send, 7)).into());
        clock.ring_all();
        assert!(rung.try_iter().eq([7]));
        let state = clock.state.lock();
        assert!(state.alarms.is_empty() && !state.attended);
    }

    #[test]
    fn a_clock_takes_over_what_was_set_on_another() {
        let (send, rung) = channel();
        let (parents, own) = (with_alarm(Arc::new(Ring(send, 7)).into()), Clock::new(1));
        own.inherit(&parents);
        own.ring_all();
        assert!(rung.try_iter().eq([7]));
    }
}
