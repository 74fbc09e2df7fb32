//! The alert manager: which violations nobody has taken note of yet, and are they too many?
//!
//! It takes note of a violation when its characteristic has had [`LATER`] more samples, or is not watched any more; so each
//! violation is acknowledged in the end. When a characteristic has more than [`THRESHOLD`] open ones it says so, once until
//! they are fewer again. It publishes inside its handler: an alert has the violation as its cause.

use std::collections::{HashMap, VecDeque};

use ringbus::{BoxError, Bus, Event, KindTaken, Payload, Subscription, Topic};

use crate::events::{
    AlertThresholdExceeded, CharacteristicDeleted, SampleProcessed, ViolationAcknowledged, ViolationCreated,
};
use crate::{CAPACITY, WAIT_FOR_ROOM};

/// Samples after which a violation is taken note of.
const LATER: u64 = 5;

/// How many open violations a characteristic may have.
const THRESHOLD: u64 = 3;

/// See the [module](self).
struct AlertManager {
    characteristics: HashMap<String, Open>,
    acknowledged: Topic<ViolationAcknowledged>,
    exceeded: Topic<AlertThresholdExceeded>,
}

/// The open violations of a characteristic.
#[derive(Default)]
struct Open {
    samples: u64,
    /// Their numbers, and at which sample each was created; the oldest first.
    violations: VecDeque<(u64, u64)>,
    /// Whether it was told that they are too many.
    told: bool,
}

/// Starts it, on a thread of its own.
pub(crate) fn subscribe(bus: &Bus) -> Result<Subscription, BoxError> {
    let mut manager = AlertManager::new(bus)?;
    let guard = bus
        .on([SampleProcessed::KIND, ViolationCreated::KIND, CharacteristicDeleted::KIND])?
        .named("alerts")
        .in_thread()
        .capacity(CAPACITY)
        .when_full(WAIT_FOR_ROOM)
        .subscribe(move |event| manager.take(event))?;
    Ok(guard)
}

// === impl AlertManager ===

impl AlertManager {
    fn new(bus: &Bus) -> Result<Self, KindTaken> {
        Ok(Self { characteristics: HashMap::new(), acknowledged: bus.topic()?, exceeded: bus.topic()? })
    }

    fn take(&mut self, event: &Event) {
        if let Some(sample) = event.payload_as::<SampleProcessed>() {
            self.sample(&sample.characteristic);
        } else if let Some(violation) = event.payload_as::<ViolationCreated>() {
            self.violation(violation);
        } else if let Some(CharacteristicDeleted { characteristic, .. }) = event.payload_as() {
            let open = self.characteristics.remove(characteristic).unwrap_or_default();
            open.violations.iter().for_each(|(violation, _)| self.acknowledge(*violation, characteristic));
        }
    }

    /// One more sample: takes note of what has been open long enough.
    fn sample(&mut self, characteristic: &str) {
        let Some(open) = self.characteristics.get_mut(characteristic) else {
            self.characteristics.insert(characteristic.to_owned(), Open { samples: 1, ..Open::default() });
            return;
        };
        open.samples += 1;
        let due = open.violations.iter().take_while(|(_, created)| created + LATER <= open.samples).count();
        let due: Vec<u64> = open.violations.drain(..due).map(|(violation, _)| violation).collect();
        open.told &= open.violations.len() as u64 > THRESHOLD;
        due.iter().for_each(|violation| self.acknowledge(*violation, characteristic));
    }

    fn violation(&mut self, violation: &ViolationCreated) {
        let open = self.characteristics.entry(violation.characteristic.clone()).or_default();
        open.violations.push_back((violation.violation, open.samples));
        let count = open.violations.len() as u64;
        if count > THRESHOLD && !open.told {
            open.told = true;
            self.exceeded.publish(AlertThresholdExceeded {
                characteristic: violation.characteristic.clone(),
                subgroup: violation.subgroup,
                open: count,
                threshold: THRESHOLD,
            });
        }
    }

    fn acknowledge(&self, violation: u64, characteristic: &str) {
        let (characteristic, by) = (characteristic.to_owned(), "alerts".to_owned());
        self.acknowledged.publish(ViolationAcknowledged { violation, characteristic, by });
    }
}
