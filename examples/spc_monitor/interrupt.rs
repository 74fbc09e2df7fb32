//! Ctrl-C, and the system's request to end (`SIGTERM`; also `SIGHUP`, when the terminal closes, under `nohup` too).
//!
//! The first one asks the reader to [`Stop`]; the program then comes to its end as it does without. The second one ends it at
//! once: whoever asks twice does not want to wait.

use std::process;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Exit code of a program ended by an interrupt.
const INTERRUPTED: i32 = 130;

/// Whether the reading is to stop.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: Mutex<bool>,
    told: Condvar,
}

/// Calls `first` when the program is asked to end. Until that has returned nobody takes the second request.
pub(crate) fn on_request(first: impl FnOnce() + Send + 'static) -> Result<(), ctrlc::Error> {
    let mut first = Some(first);
    ctrlc::set_handler(move || match first.take() {
        Some(first) => first(),
        None => process::exit(INTERRUPTED),
    })
}

// === impl Stop ===

impl Stop {
    pub(crate) fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    pub(crate) fn is_asked(&self) -> bool {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for that time; `true` at once when it is asked.
    pub(crate) fn wait_until(&self, time: Instant) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while !*asked {
            let Some(left) = time.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            asked = self.told.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn who_waits_is_told_at_once() {
        let stop = Arc::new(Stop::default());
        assert!(!stop.is_asked() && !stop.wait_until(Instant::now()));
        let asked = Arc::clone(&stop);
        let waits = thread::spawn(move || asked.wait_until(Instant::now() + Duration::from_secs(3600)));
        stop.ask();
        assert!(waits.join().unwrap() && stop.is_asked());
        assert!(stop.wait_until(Instant::now() + Duration::from_secs(3600)), "and who comes later");
    }
}
