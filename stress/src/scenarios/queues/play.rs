//! What the threads of a round share: the subscriptions with what their handlers have seen, what was published, and the
//! faults found.
//!
//! Handlers hold it; it holds no bus, so that nothing keeps itself alive.

use std::collections::HashMap;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;
use ringbus::{Delivery, Event, Outcome, Subscription, SubscriptionId};

use super::plan::{EARLY, KINDS, Kind, Plan, Way};
use crate::checksum::{self, Stamp};
use crate::ledger::{Order, PLANNED};
use crate::scenarios::faults::Faults;

/// A planned subscription, and what has become of it.
pub struct Actor {
    pub plan: Plan,
    pub phase: AtomicU8,
    pub guard: Mutex<Option<Subscription>>,
    /// Whose events a thread of the scenario takes out.
    pub taker: Mutex<Option<SubscriptionId>>,
    /// Dies with the closure, and with all that was suspended of it.
    pub token: Mutex<Weak<()>>,
    /// Calls under way.
    pub inside: AtomicU64,
    /// Nothing of it may run any more.
    pub closed: AtomicBool,
    /// It was drained, while the bus was open.
    pub drained: AtomicBool,
    /// Attempts that were begun; and how they ended: well, with no attempt left, with another one to come.
    pub begun: AtomicU64,
    /// How many of these there were when it had ended without a wait for its calls.
    pub begun_at_end: AtomicU64,
    pub fine: AtomicU64,
    pub failed: AtomicU64,
    pub retried: AtomicU64,
    /// Of those that failed.
    pub panicked: AtomicU64,
    /// Events of which an attempt is to come, and how many there were.
    pub tries: Mutex<HashMap<(u64, u64), u32>>,
    order: Order,
    /// How often it has got each event, by source and number.
    told: Vec<Vec<AtomicU8>>,
}

/// What the publishes of all threads were answered.
#[derive(Debug, Default)]
pub struct Answers {
    pub recorded: AtomicU64,
    pub enqueued: AtomicU64,
    pub far: AtomicU64,
    pub shut_down: AtomicU64,
    /// Offered to all handlers, by kind.
    pub offered: [AtomicU64; KINDS.len()],
    /// Handlers that have taken an awaited event, or failed it for good.
    pub awaited_fine: AtomicU64,
    pub awaited_failed: AtomicU64,
    /// What expectations have got; each takes one event.
    pub expected: AtomicU64,
}

/// See the [module](self).
pub struct Play {
    pub actors: Vec<Actor>,
    pub publishers: usize,
    /// Numbers below this are drawn, by source: publishers, the one who waits, and each actor.
    pub drawn: Vec<AtomicU64>,
    pub answers: Answers,
    /// The round is at its end: publishers are to end too.
    pub quit: AtomicBool,
    /// So many numbers has each source at most.
    most: u64,
    pub faults: Faults,
}

/// One attempt.
pub struct Attempt {
    pub stamp: Stamp,
    pub kind: Option<Kind>,
    pub number: u32,
}

// === impl Play ===

impl Play {
    /// A round's; each source publishes fewer than `most` events.
    pub fn new(plans: Vec<Plan>, publishers: usize, most: u64) -> Self {
        let nesting: Vec<bool> = plans.iter().map(|plan| plan.nests).collect();
        let sources = publishers + 1 + plans.len();
        let has = |source: usize| source <= publishers || nesting[source - publishers - 1];
        let bytes = |source| (0..if has(source) { most } else { 0 }).map(|_| AtomicU8::new(0)).collect();
        let actor = |plan: Plan| Actor {
            order: Order::new(sources * 4),
            told: (0..sources).map(bytes).collect(),
            plan,
            phase: AtomicU8::new(PLANNED),
            guard: Mutex::default(),
            taker: Mutex::default(),
            token: Mutex::default(),
            inside: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            begun_at_end: AtomicU64::new(u64::MAX),
            fine: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            tries: Mutex::default(),
        };
        Self {
            actors: plans.into_iter().map(actor).collect(),
            publishers,
            drawn: (0..sources).map(|_| AtomicU64::new(0)).collect(),
            answers: Answers::default(),
            quit: AtomicBool::new(false),
            most,
            faults: Faults::default(),
        }
    }

    /// Events that the publishers have drawn so far.
    pub fn progress(&self) -> u64 {
        self.drawn[..self.publishers].iter().map(|drawn| drawn.load(Ordering::Relaxed)).sum()
    }

    /// The next number of a source, which one thread draws at a time; `None` where it has had them all.
    pub fn draw(&self, source: usize) -> Option<u64> {
        let number = self.drawn[source].load(Ordering::Relaxed);
        self.drawn[source].store(number + 1, Ordering::Relaxed);
        (number < self.most).then_some(number)
    }

    /// The source of what an actor publishes.
    pub fn source(&self, which: usize) -> usize {
        self.publishers + 1 + which
    }

    /// A publish was answered.
    pub fn answered(&self, kind: Kind, answer: &Delivery) {
        self.outcome(kind, answer.outcome);
        self.answers.enqueued.fetch_add(answer.enqueued.into(), Ordering::Relaxed);
    }

    /// How far an event has got.
    pub fn outcome(&self, kind: Kind, outcome: Outcome) {
        let add = |counter: &AtomicU64, one: bool| counter.fetch_add(one.into(), Ordering::Relaxed);
        add(&self.answers.recorded, outcome.is_accepted());
        add(&self.answers.far, outcome == Outcome::TooManyHops);
        add(&self.answers.shut_down, outcome == Outcome::ShutDown);
        add(&self.answers.offered[kind as usize], outcome == Outcome::Published);
    }

    /// Something that must not be.
    pub fn fault(&self, what: String) {
        self.faults.note(what);
    }

    /// Notes the fault in a result.
    pub fn heed<T>(&self, result: Result<T, String>) -> Option<T> {
        result.map_err(|what| self.fault(what)).ok()
    }

    pub fn is_faulty(&self) -> bool {
        self.faults.any()
    }

    /// Whether publishers are to end before they have done their part.
    pub fn is_over(&self) -> bool {
        self.is_faulty() || self.quit.load(Ordering::Relaxed)
    }

    /// The phases of those that come and go.
    pub fn phases(&self, into: &mut Vec<u8>) {
        into.clear();
        into.extend(self.actors[EARLY..].iter().map(|actor| actor.phase.load(Ordering::Acquire)));
    }

    /// A shutdown was complete: no handler runs, or will ever run.
    pub fn over(&self) {
        let taken_out = |actor: &&Actor| matches!(actor.plan.way, Way::Receiver | Way::Stream);
        for (which, actor) in self.actors.iter().enumerate().filter(|(_, actor)| !taken_out(actor)) {
            actor.closed.store(true, Ordering::SeqCst);
            let is_there = which < EARLY && actor.token.lock().strong_count() > 0;
            if is_there || actor.inside.load(Ordering::SeqCst) > 0 {
                self.fault(format!("P8: {which} runs, or is there, after a complete shutdown; {:?}", actor.plan));
            }
        }
    }

    /// An event has come to a handler, or was taken out: whether it may, and which attempt this is.
    pub fn begin(&self, which: usize, event: &Event) -> Option<Attempt> {
        let actor = &self.actors[which];
        if actor.closed.load(Ordering::Relaxed) {
            self.fault(format!("P6: {which} was called after its end; {:?}", actor.plan));
        }
        actor.begun.fetch_add(1, Ordering::Relaxed);
        let stamp = self.heed(checksum::read(event))?;
        let kind = self.kind_of(event, stamp);
        let Some(times) = actor.told.get(stamp.thread as usize).and_then(|told| told.get(stamp.number as usize)) else {
            self.fault(format!("an event of nobody: {stamp:?}"));
            return None;
        };
        let number = if actor.plan.failing(stamp) == 0 {
            1
        } else {
            let mut tries = actor.tries.lock();
            let number = tries.entry((stamp.thread, stamp.number)).or_default();
            *number += 1;
            *number
        };
        if number == 1 {
            if times.fetch_add(1, Ordering::Relaxed) > 0 {
                self.fault(format!("P8: {which} has got {stamp:?} twice; {:?}", actor.plan));
            }
            if actor.plan.is_ordered() {
                let priority = if actor.plan.by_priority { event.priority() as u64 } else { 0 };
                let came = actor.order.next(stamp.thread * 4 + priority, 0, stamp.number);
                self.heed(came.map_err(|what| {
                    format!("{what} (sources count by four, for priorities), to {which}; {:?}", actor.plan)
                }));
            }
        }
        if number > actor.plan.retries + 1 {
            self.fault(format!("P8: {which} has got {stamp:?} {number} times; {:?}", actor.plan));
        }
        Some(Attempt { stamp, kind, number })
    }

    /// P7: what a handler publishes names its cause.
    fn kind_of(&self, event: &Event, stamp: Stamp) -> Option<Kind> {
        let kinds = [Kind::A, Kind::B, Kind::Typed, Kind::Nested, Kind::Awaited, Kind::Expected];
        let kind = kinds.into_iter().find(|kind| KINDS[*kind as usize] == event.kind().as_str());
        let (hops, caused) = (u64::from(event.hops()), event.cause().is_some());
        if kind.is_none() || (hops, caused) != (stamp.depth, kind == Some(Kind::Nested)) {
            self.fault(format!("P7: {stamp:?} of {hops} hops, with a cause: {caused}: {event}"));
        }
        kind
    }

    /// How often a subscription has got an event.
    pub fn times(&self, which: usize, source: usize, number: u64) -> u8 {
        self.actors[which].told[source][number as usize].load(Ordering::Relaxed)
    }
}
