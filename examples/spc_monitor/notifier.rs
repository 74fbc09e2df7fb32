//! The notifier: tells somebody of what cannot wait, over a [`Channel`] that fails now and then.
//!
//! What cannot wait are alerts and critical violations (rule 1, and the chart of ranges). It is an async handler: while one
//! notice is on its way it holds up no thread. A notice that does not get through is tried again, later and later; one that
//! takes longer than [`PATIENCE`] is given up, and tried again likewise. When no attempt is left it is a dead letter.
//!
//! It refuses to hold anybody up: when its queue is full the oldest notice goes, and is counted.

use std::collections::{HashMap, VecDeque};
use std::future;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringbus::{BoxError, Bus, Event, EventId, Overflow, Payload, Retry, Subscription};
use tokio::runtime::Runtime;

use crate::events::{AlertThresholdExceeded, ViolationCreated};

/// Notices that may wait.
const CAPACITY: usize = 256;

/// Notices on their way at once.
const AT_ONCE: usize = 4;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_millis(250);

/// Attempts after the first one.
const FURTHER: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// Notices whose attempts are known: far more than are under way at once.
const KNOWN: usize = 4096;

/// The most critical rule: 0 is the chart of ranges, 1 a point beyond three sigma.
const CRITICAL: u8 = 1;

/// What somebody is told: of a characteristic's subgroup, one rule or (`None`) an alert.
#[derive(Clone, Debug)]
struct Notice {
    characteristic: String,
    subgroup: u64,
    rule: Option<u8>,
}

/// A way to somebody, as unreliable as they are. What fails is decided by a seed and by the notice, not by chance.
struct Channel {
    seed: u64,
    tried: Mutex<Tried>,
}

/// How often each of the last [`KNOWN`] notices has been tried. It is not told when one is done with: also an answer may come
/// too late.
#[derive(Default)]
struct Tried {
    times: HashMap<EventId, u32>,
    /// The oldest first.
    order: VecDeque<EventId>,
}

/// What becomes of a notice.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It fails so often, and comes through then.
    Fails(u32),
    /// The first attempt does not come to an end.
    Hangs,
}

/// Starts it, on this runtime.
pub(crate) fn subscribe(bus: &Bus, runtime: &Runtime, seed: u64) -> Result<Subscription, BoxError> {
    let channel = Arc::new(Channel { seed, tried: Mutex::default() });
    let _inside = runtime.enter();
    let guard = bus
        .on([AlertThresholdExceeded::KIND, ViolationCreated::KIND])?
        .named("notifier")
        .filter(|event| Notice::of(event).is_some())
        .in_tokio()?
        .concurrency(AT_ONCE)
        .capacity(CAPACITY)
        .when_full(Overflow::DropOldest)
        .retry(Retry::times(FURTHER).base(Duration::from_millis(2)).cap(Duration::from_millis(20)))
        .deadline(PATIENCE)
        .try_subscribe(move |event| {
            let channel = Arc::clone(&channel);
            async move { channel.carry(&event).await }
        })?;
    Ok(guard)
}

// === impl Notice ===

impl Notice {
    /// What is to be told of an event, if anything is.
    fn of(event: &Event) -> Option<Self> {
        if let Some(AlertThresholdExceeded { characteristic, subgroup, .. }) = event.payload_as() {
            return Some(Self { characteristic: characteristic.clone(), subgroup: *subgroup, rule: None });
        }
        let ViolationCreated { characteristic, subgroup, rule, .. } =
            event.payload_as().filter(|violation: &&ViolationCreated| violation.rule <= CRITICAL)?;
        Some(Self { characteristic: characteristic.clone(), subgroup: *subgroup, rule: Some(*rule) })
    }

    /// A number that other notices hardly have: FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    fn number(&self, seed: u64) -> u64 {
        let rule = self.rule.unwrap_or(u8::MAX);
        let numbers = [seed, self.subgroup].into_iter().flat_map(u64::to_le_bytes);
        let bytes = self.characteristic.bytes().chain(numbers).chain([rule]);
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

// === impl Channel, Tried ===

impl Channel {
    /// Carries a notice to whom it is for.
    async fn carry(&self, event: &Event) -> Result<(), BoxError> {
        let Some(notice) = Notice::of(event) else { return Ok(()) };
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner).once_more(event.id());
        let comes_through = match self.fate(&notice) {
            Fate::Hangs if tried == 0 => return future::pending().await,
            Fate::Hangs => true,
            Fate::Fails(times) => tried >= times,
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
        if comes_through { Ok(()) } else { Err("no answer".into()) }
    }

    fn fate(&self, notice: &Notice) -> Fate {
        // The high bits: the low ones of this hash are the less mixed.
        match notice.number(self.seed) >> 60 {
            0..10 => Fate::Fails(0),
            10 | 11 => Fate::Fails(1),
            12 => Fate::Fails(2),
            13 => Fate::Hangs,
            _ => Fate::Fails(u32::MAX),
        }
    }
}

impl Tried {
    /// How often it has been tried before.
    fn once_more(&mut self, id: EventId) -> u32 {
        if !self.times.contains_key(&id) {
            self.order.push_back(id);
        }
        let times = self.times.entry(id).or_insert(0);
        *times += 1;
        let before = *times - 1;
        for oldest in self.order.drain(..self.order.len().saturating_sub(KNOWN)) {
            self.times.remove(&oldest);
        }
        before
    }
}
