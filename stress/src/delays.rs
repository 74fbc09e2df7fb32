//! Delays at the bus's atomic steps, so that threads meet where they seldom would.
//!
//! Each thread draws from a stream of its own, which follows from the seed and from its number. Nothing here touches
//! the bus, allocates or waits for another thread; so it may run in the middle of anything.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use crate::checksum::mix;

/// How often a step that a protocol names is delayed: one in so many. Of 4096 delays one sleeps, 511 yield, the others
/// spin; of 65 536 one sleeps for so long that others write a lap of the history meanwhile. One operation on an atomic is two steps, a publish to eight handlers about 200.
const NAMED: u64 = 64;
/// How often a step of an operation is delayed.
const OPERATIONS: u64 = 128;

/// The same for people.
pub const RATES: &str = "1 in 64 named steps, 1 in 128 steps of operations (of 65536: 1 sleep of 20 ms, 15 of 20 us, 8176 yields, 57344 spins)";

static ON: AtomicBool = AtomicBool::new(false);
static SEED: AtomicU64 = AtomicU64::new(0);
static THREADS: AtomicU64 = AtomicU64::new(0);
static INJECTED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// 0 = not seeded. Has no destructor: a thread's last steps come when others are gone.
    static STATE: Cell<u64> = const { Cell::new(0) };
    static STOP: Cell<Option<&'static Stop>> = const { Cell::new(None) };
}

/// Where this thread is to stop, once.
struct Stop {
    at: &'static str,
    entered: SyncSender<()>,
    leave: Mutex<Receiver<()>>,
}

/// Installs the process's hook.
pub fn install() {
    assert!(ringbus::__inject::set_step_hook(Box::new(pass)), "there is another hook");
}

/// From now on with delays, or without.
pub fn set(on: bool, seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
    ON.store(on, Ordering::Relaxed);
}

/// How many delays there were.
pub fn injected() -> u64 {
    INJECTED.load(Ordering::Relaxed)
}

/// After so many events there has been one, where any were asked for.
const ENOUGH: u64 = 10_000;

/// Whether the delays that were `asked` for came; without them threads hardly meet.
pub fn came(asked: bool, events: u64, injected: u64) -> Result<(), String> {
    if asked && events > ENOUGH && injected == 0 {
        return Err(format!("delays were asked for, and none came in {events} events: no step is told of"));
    }
    Ok(())
}

/// Lets the calling thread stop at its next step of this name: it says so, and goes on when it is told to.
pub fn stop_at(step: &'static str, entered: SyncSender<()>, leave: Receiver<()>) {
    STOP.set(Some(Box::leak(Box::new(Stop { at: step, entered, leave: leave.into() }))));
}

fn pass(step: &'static str) {
    if let Some(stop) = STOP.get().filter(|stop| stop.at == step) {
        STOP.set(None);
        let _ = stop.entered.send(());
        let _ = stop.leave.lock().map(|leave| leave.recv());
    }
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    STATE.with(|state| {
        let mut next = state.get();
        if next == 0 {
            let thread = THREADS.fetch_add(1, Ordering::Relaxed);
            next = mix(SEED.load(Ordering::Relaxed) ^ mix(thread)) | 1;
        }
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        if next % NAMED == 0 {
            delay(next / NAMED, step);
        }
    });
}

/// `chance` is random.
#[cold]
fn delay(chance: u64, step: &str) {
    let rare = if ringbus::__inject::is_operation(step) { OPERATIONS / NAMED } else { 1 };
    if chance % rare != 0 {
        return;
    }
    INJECTED.fetch_add(1, Ordering::Relaxed);
    match chance / rare % 65_536 {
        0 => std::thread::sleep(Duration::from_millis(20)),
        other if other % 4096 == 0 => std::thread::sleep(Duration::from_micros(20)),
        other if other % 8 == 0 => std::thread::yield_now(),
        other => (0..other % 256).for_each(|_| std::hint::spin_loop()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_that_never_came_are_told() {
        assert!(came(true, 10_001, 0).unwrap_err().contains("none came in 10001 events"));
        assert_eq!((came(true, 10_001, 1), came(true, 10_000, 0), came(false, 10_001, 0)), (Ok(()), Ok(()), Ok(())));
    }
}
