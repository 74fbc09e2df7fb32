//! The report: what has been seen of each characteristic, gathered from the events alone.
//!
//! New limits are printed as they come, once for each characteristic; the rest at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ringbus::{BoxError, Bus, Event, Payload, Subscription};

use crate::events::{ControlLimitsUpdated, SampleProcessed, ViolationCreated};
use crate::output::print;
use crate::{CAPACITY, WAIT_FOR_ROOM};

/// What has been seen, by characteristic.
#[derive(Debug, Default)]
pub(crate) struct Report {
    characteristics: BTreeMap<String, Seen>,
}

/// One characteristic.
#[derive(Debug, Default)]
struct Seen {
    subgroups: u64,
    /// Whether its limits have been printed.
    limited: bool,
    /// How often each rule has fired, and what it sees; 0 is the chart of ranges.
    fired: BTreeMap<u8, (u64, String)>,
}

/// Starts it, on a thread of its own.
pub(crate) fn subscribe(bus: &Bus, report: &Arc<Mutex<Report>>) -> Result<Subscription, BoxError> {
    let report = Arc::clone(report);
    let guard = bus
        .on([SampleProcessed::KIND, ViolationCreated::KIND, ControlLimitsUpdated::KIND])?
        .named("report")
        .in_thread()
        .capacity(CAPACITY)
        .when_full(WAIT_FOR_ROOM)
        .try_subscribe(move |event| {
            let line = report.lock().unwrap_or_else(PoisonError::into_inner).take(event);
            Ok(line.map_or(Ok(()), |line| print(&line))?)
        })?;
    Ok(guard)
}

// === impl Report ===

impl Report {
    /// Takes an event; a line to be printed at once.
    fn take(&mut self, event: &Event) -> Option<String> {
        if let Some(sample) = event.payload_as::<SampleProcessed>() {
            self.of(&sample.characteristic).subgroups += 1;
        } else if let Some(violation) = event.payload_as::<ViolationCreated>() {
            let fired = &mut self.of(&violation.characteristic).fired;
            fired.entry(violation.rule).or_insert_with(|| (0, violation.pattern.clone())).0 += 1;
        } else if let Some(limits) = event.payload_as::<ControlLimitsUpdated>() {
            let ControlLimitsUpdated { characteristic, mean_lower, mean_upper, range_lower, range_upper, .. } = limits;
            if !std::mem::replace(&mut self.of(characteristic).limited, true) {
                return Some(format!(
                    "{characteristic}: limits of means {mean_lower:.4} to {mean_upper:.4}, of ranges \
                     {range_lower:.4} to {range_upper:.4}\n"
                ));
            }
        }
        None
    }

    /// Subgroups, of all characteristics.
    pub(crate) fn subgroups(&self) -> u64 {
        self.characteristics.values().map(|seen| seen.subgroups).sum()
    }

    fn of(&mut self, characteristic: &str) -> &mut Seen {
        if !self.characteristics.contains_key(characteristic) {
            self.characteristics.insert(characteristic.to_owned(), Seen::default());
        }
        self.characteristics.entry(characteristic.to_owned()).or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (characteristic, Seen { subgroups, fired, .. }) in &self.characteristics {
            writeln!(f, "{characteristic}: {subgroups} subgroups")?;
            for (rule, (times, pattern)) in fired {
                match rule {
                    0 => writeln!(f, "  {pattern}: {times}")?,
                    _ => writeln!(f, "  rule {rule}, {pattern}: {times}")?,
                }
            }
        }
        Ok(())
    }
}
