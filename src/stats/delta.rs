//! [`StatsDelta`]: what happened between two looks at the same bus.
//!
//! It refuses pictures whose totals do not count from the same moment, and those given the wrong way round. That both
//! are of the same bus is the caller's to see to.

use core::fmt;
use std::time::Duration;

use super::{Stats, Totals};
use crate::latency::Short;

/// What happened on a bus between two moments; made by [`Stats::since`]. `Display` prints a table of counts and rates.
///
/// ```
/// let bus = ringbus::Bus::new();
/// let before = bus.stats();
/// for n in 0..100 {
///     ringbus::publish_event!(bus: &bus, "scan.file", n = n);
/// }
/// let delta = bus.stats().since(&before)?;
/// assert_eq!(delta.totals.published, 100);
/// assert!(delta.per_second(delta.totals.published) > 0.0);
/// # Ok::<(), ringbus::StatsMismatch>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StatsDelta {
    /// The time between the two moments.
    pub elapsed: Duration,
    /// What was counted between them. A count that went back, as `overwritten` may by the few events that were in flight
    /// at the earlier moment, is 0.
    pub totals: Totals,
}

/// Two pictures of a bus that cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsMismatch {
    /// The bus was reset between them: their totals count from different moments.
    Reset {
        /// How many resets there had been at the earlier moment.
        earlier: u64,
        /// How many at the later.
        later: u64,
    },
    /// The one given as the earlier is the later.
    Reversed {
        /// The bus's age in the one given as the earlier.
        earlier: Duration,
        /// Its age in the other.
        later: Duration,
    },
}

impl fmt::Display for StatsMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset { earlier, later } => write!(
                f,
                "the bus was reset in between: {earlier} resets at first, {later} then; \
                 only statistics with equal `resets` can be compared"
            ),
            Self::Reversed { earlier, later } => write!(
                f,
                "the statistics given as the earlier ones were taken at an uptime of {earlier:?}, after the others, \
                 taken at {later:?}; call `since` on the later ones"
            ),
        }
    }
}

impl std::error::Error for StatsMismatch {}

impl Stats {
    /// What happened since an earlier look at the same bus.
    ///
    /// ```
    /// use ringbus::{Bus, StatsMismatch, publish_event};
    ///
    /// let bus = Bus::new();
    /// let before = bus.stats();
    /// publish_event!(bus: &bus, "db.open");
    /// let after = bus.stats();
    /// assert_eq!(after.since(&before)?.totals.published, 1);
    ///
    /// bus.reset();
    /// assert_eq!(bus.stats().since(&after), Err(StatsMismatch::Reset { earlier: 0, later: 1 }));
    /// # Ok::<(), StatsMismatch>(())
    /// ```
    ///
    /// # Errors
    /// [`StatsMismatch::Reversed`] if `earlier` is the later one, [`StatsMismatch::Reset`] if the bus was reset between
    /// the two.
    pub fn since(&self, earlier: &Self) -> Result<StatsDelta, StatsMismatch> {
        let Some(elapsed) = self.uptime.checked_sub(earlier.uptime) else {
            return Err(StatsMismatch::Reversed { earlier: earlier.uptime, later: self.uptime });
        };
        if self.resets != earlier.resets {
            return Err(StatsMismatch::Reset { earlier: earlier.resets, later: self.resets });
        }
        Ok(StatsDelta { elapsed, totals: self.totals.since(&earlier.totals) })
    }
}

// === impl StatsDelta ===

impl StatsDelta {
    /// How many a second `count` makes over the time elapsed; 0 if none has.
    ///
    /// ```
    /// use std::time::Duration;
    /// let mut delta = ringbus::StatsDelta::default();
    /// delta.elapsed = Duration::from_millis(500);
    /// delta.totals.published = 60;
    /// assert_eq!(delta.per_second(delta.totals.published), 120.0);
    /// ```
    #[must_use]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        count as f64 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for StatsDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18} {:>20}", "elapsed", Short(self.elapsed).to_string())?;
        for (name, count, always) in self.totals.named() {
            if always || count > 0 {
                writeln!(f, "{name:<18} {count:>20} {:>15.1} /s", self.per_second(count))?;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests;
