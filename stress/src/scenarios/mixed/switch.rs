//! A bus that is enabled and disabled while others publish: what is accepted follows from when (P5, P11), and what is not
//! is counted by its publishers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::time::Duration;

use ringbus::{Bus, Outcome, publish_event};

/// Quarters of its turns: enabled, being disabled, disabled, being enabled.
#[derive(Default)]
pub struct Switch {
    turns: AtomicU64,
}

/// What a publisher has counted.
#[derive(Debug, Default)]
pub struct Switched {
    pub accepted: u64,
    pub disabled: u64,
}

impl Switch {
    /// Turns `bus` off and on until `ended`; then it is on.
    pub fn turn(&self, bus: &Bus, ended: &AtomicBool) {
        let mut quarter = 0;
        while !ended.load(Ordering::Acquire) || quarter % 4 != 0 {
            quarter += 1;
            self.turns.store(quarter, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if quarter % 4 == 1 {
                bus.disable()
            } else {
                bus.enable()
            }
            quarter += 1;
            self.turns.store(quarter, Ordering::Release);
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Publishes until `ended`.
    pub fn publish(&self, bus: &Bus, ended: &AtomicBool) -> Result<Switched, String> {
        let mut switched = Switched::default();
        while !ended.load(Ordering::Acquire) {
            for n in 0..20_u64 {
                let mut evaluated = false;
                let before = self.turns.load(Ordering::Acquire);
                let delivery = publish_event!(
                    bus: bus, "stress.switched",
                    n = {
                        evaluated = true;
                        n
                    }
                );
                fence(Ordering::SeqCst);
                let after = self.turns.load(Ordering::Acquire);
                let accepted = delivery.outcome == Outcome::Published && delivery.delivered == 1;
                let refused = delivery.outcome == Outcome::Disabled;
                let possible = match (before == after, before % 4) {
                    (true, 0) => accepted,
                    (true, 2) => refused,
                    _ => accepted || refused,
                };
                if !possible || evaluated != accepted {
                    return Err(format!("P5, P11: {delivery:?} between quarters {before} and {after}, {evaluated}"));
                }
                switched.accepted += u64::from(accepted);
                switched.disabled += u64::from(refused);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(switched)
    }
}
