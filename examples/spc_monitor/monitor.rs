//! The charts: several threads, each with the characteristics that fall to its share.
//!
//! A thread is a handler with a queue. Whose a characteristic is, is decided by its name, on the reader's thread, by the
//! handlers' filters; so each one's subgroups come to one thread, in order. What is seen there is published inside the handler:
//! each event has the subgroup as its cause.
//!
//! When a queue is full the reader waits, for at most a minute; a loss after that is counted, and the account shows it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{BoxError, Bus, Event, KindTaken, Payload, Subscription, Topic};

use crate::arguments::Arguments;
use crate::charts::{Chart, Limits, Point};
use crate::events::{
    CharacteristicCreated, CharacteristicDeleted, CharacteristicUpdated, ControlLimitsUpdated, SampleProcessed,
    SeriesEnded, SubgroupMeasured, ViolationCreated,
};
use crate::rules::Rules;
use crate::{CAPACITY, WAIT_FOR_ROOM};

/// Says that a range is outside of its limits.
pub(crate) const RANGE: &str = "a range outside of its limits";

/// The charts of one thread.
struct Worker {
    size: usize,
    baseline: usize,
    charts: HashMap<String, (Chart, Rules)>,
    topics: Topics,
    /// Violations so far, of all threads.
    violations: Arc<AtomicU64>,
}

/// The ways into the bus. They keep it alive as long as the handler lives: until the bus is shut down.
struct Topics {
    created: Topic<CharacteristicCreated>,
    updated: Topic<CharacteristicUpdated>,
    deleted: Topic<CharacteristicDeleted>,
    samples: Topic<SampleProcessed>,
    limits: Topic<ControlLimitsUpdated>,
    violations: Topic<ViolationCreated>,
}

/// Starts the threads.
pub(crate) fn subscribe(bus: &Bus, arguments: &Arguments) -> Result<Vec<Subscription>, BoxError> {
    let violations = Arc::<AtomicU64>::default();
    let threads = arguments.threads.get();
    let start = |number| {
        let mut worker = Worker::new(bus, arguments, Arc::clone(&violations))?;
        let share = move |event: &Event| {
            event
                .payload_as::<SubgroupMeasured>()
                .is_none_or(|measured| share(&measured.characteristic, threads) == number)
        };
        let guard = bus
            .on([SubgroupMeasured::KIND, SeriesEnded::KIND])?
            .named(format!("worker-{}", number + 1))
            .filter(share)
            .in_thread()
            .capacity(CAPACITY)
            .when_full(WAIT_FOR_ROOM)
            .try_subscribe(move |event| worker.take(event))?;
        Ok(guard)
    };
    (0..threads).map(start).collect()
}

/// Whose a characteristic is.
fn share(characteristic: &str, threads: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    characteristic.hash(&mut hasher);
    (hasher.finish() % threads as u64) as usize
}

// === impl Worker ===

impl Worker {
    fn new(bus: &Bus, arguments: &Arguments, violations: Arc<AtomicU64>) -> Result<Self, KindTaken> {
        let Arguments { size, baseline, .. } = *arguments;
        Ok(Self { size, baseline, charts: HashMap::new(), topics: Topics::new(bus)?, violations })
    }

    fn take(&mut self, event: &Event) -> Result<(), BoxError> {
        match event.payload_as::<SubgroupMeasured>() {
            Some(measured) => self.judge(measured),
            None => {
                self.forget();
                Ok(())
            }
        }
    }

    /// Puts a subgroup on its charts.
    fn judge(&mut self, measured: &SubgroupMeasured) -> Result<(), BoxError> {
        let SubgroupMeasured { characteristic, subgroup, values } = measured;
        if !self.charts.contains_key(characteristic) {
            self.watch(characteristic)?;
        }
        let Some((chart, rules)) = self.charts.get_mut(characteristic) else { return Ok(()) };
        let point = chart.add(values)?;
        let seen = point.standardized.map(|z| rules.next(z)).unwrap_or_default();
        self.topics.samples.publish(SampleProcessed {
            characteristic: characteristic.clone(),
            subgroup: *subgroup,
            mean: point.mean,
            range: point.range,
            standardized: point.standardized,
        });
        if let Some(limits) = point.new_limits {
            self.judge_from_now_on(characteristic, limits);
        }
        let Point { mean, range, .. } = point;
        let outside = point.range_outside.then_some((0, RANGE, range));
        let rules = seen.into_iter().map(|rule| (rule.number(), rule.pattern(), mean));
        for (rule, pattern, value) in outside.into_iter().chain(rules) {
            self.topics.violations.publish(ViolationCreated {
                // Relaxed: numbers that differ, and no more.
                violation: self.violations.fetch_add(1, Ordering::Relaxed) + 1,
                characteristic: characteristic.clone(),
                subgroup: *subgroup,
                rule,
                pattern: pattern.to_owned(),
                value,
            });
        }
        Ok(())
    }

    fn watch(&mut self, characteristic: &str) -> Result<(), BoxError> {
        let chart = Chart::new(self.size, self.baseline)?;
        self.charts.insert(characteristic.to_owned(), (chart, Rules::default()));
        let (size, baseline) = (self.size as u64, self.baseline as u64);
        self.topics.created.publish(CharacteristicCreated {
            characteristic: characteristic.to_owned(),
            size,
            baseline,
        });
        Ok(())
    }

    fn judge_from_now_on(&self, characteristic: &str, limits: Limits) {
        let (size, baseline) = (self.size as u64, self.baseline as u64);
        self.topics.limits.publish(ControlLimitsUpdated {
            characteristic: characteristic.to_owned(),
            subgroups: baseline,
            mean_lower: limits.mean.lower,
            mean_centre: limits.mean.centre,
            mean_upper: limits.mean.upper,
            range_lower: limits.range.lower,
            range_centre: limits.range.centre,
            range_upper: limits.range.upper,
        });
        let characteristic = characteristic.to_owned();
        self.topics.updated.publish(CharacteristicUpdated { characteristic, size, baseline, judged: true });
    }

    /// The series has ended.
    fn forget(&mut self) {
        for (characteristic, (chart, _)) in self.charts.drain() {
            let (subgroups, judged) = (chart.subgroups() as u64, chart.limits().is_some());
            self.topics.deleted.publish(CharacteristicDeleted { characteristic, subgroups, judged });
        }
    }
}

impl Topics {
    fn new(bus: &Bus) -> Result<Self, KindTaken> {
        Ok(Self {
            created: bus.topic()?,
            updated: bus.topic()?,
            deleted: bus.topic()?,
            samples: bus.topic()?,
            limits: bus.topic()?,
            violations: bus.topic()?,
        })
    }
}
