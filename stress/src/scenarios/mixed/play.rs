//! What the threads of a round share: the subscriptions with their phases, and the faults found.
//!
//! Handlers hold it; it holds no bus, so that nothing keeps itself alive.

use std::cell::RefCell;
use std::panic::panic_any;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;
use ringbus::{Event, Subscription};

use super::plan::{Call, Plan};
use super::{Form, publisher};
use crate::checksum::Stamp;
use crate::ledger::Order;
use crate::scenarios::Planned;
use crate::scenarios::faults::Faults;

/// A planned subscription, and what has become of it.
pub struct Actor {
    pub plan: Plan,
    pub phase: AtomicU8,
    pub guard: Mutex<Option<Subscription>>,
    /// Dies with the closure.
    pub token: Mutex<Weak<()>>,
    /// Calls under way.
    pub inside: AtomicU64,
    pub closed: AtomicBool,
    pub fine: AtomicU64,
    pub failed: AtomicU64,
    pub panicked: AtomicU64,
    /// Events that its filter did not want.
    pub filtered: AtomicU64,
    /// Events that it missed while it was told of the past.
    pub lagged: AtomicU64,
    order: Order,
    /// How often it has got each event from the top, by thread and number; only where it is told of the past too: its
    /// calls are on several threads.
    told: Option<Vec<Vec<AtomicU8>>>,
}

/// See the [module](self).
pub struct Play {
    pub actors: Vec<Actor>,
    pub publishers: usize,
    /// Numbers below this are drawn, by publisher.
    pub drawn: Vec<AtomicU64>,
    pub deferred: bool,
    /// Events that the history shows, where they can be looked for: it is not reset.
    pub looks_back: u64,
    /// Calls of the handlers that are closed as soon as they are there.
    pub brief: AtomicU64,
    pub faults: Faults,
}

/// In [`Called::which`]: none of the planned ones.
pub const BRIEF: usize = usize::MAX;

/// A call that the present thread has seen.
#[derive(Clone, Copy)]
pub struct Called {
    pub which: usize,
    pub stamp: Stamp,
    pub call: Call,
}

thread_local! {
    /// Calls on this thread since its publisher last looked.
    pub static CALLS: RefCell<Vec<Called>> = const { RefCell::new(Vec::new()) };
}

// === impl Play ===

impl Play {
    /// A round's; each publisher publishes fewer than `most` events.
    pub fn new(plans: Vec<Plan>, publishers: usize, most: u64, form: &Form) -> Self {
        let bytes = |_| (0..most).map(|_| AtomicU8::new(0)).collect();
        let actor = |plan: Plan| Actor {
            told: plan.replays.then(|| (0..publishers).map(bytes).collect()),
            plan,
            phase: AtomicU8::new(crate::ledger::PLANNED),
            guard: Mutex::default(),
            token: Mutex::default(),
            inside: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            fine: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
            lagged: AtomicU64::new(0),
            order: Order::new(publishers),
        };
        Self {
            actors: plans.into_iter().map(actor).collect(),
            publishers,
            drawn: (0..publishers).map(|_| AtomicU64::new(0)).collect(),
            deferred: form.deferred,
            looks_back: if form.resets { 0 } else { form.history as u64 },
            brief: AtomicU64::new(0),
            faults: Faults::default(),
        }
    }

    /// Events drawn so far, all publishers together.
    pub fn progress(&self) -> u64 {
        self.drawn.iter().map(|drawn| drawn.load(Ordering::Relaxed)).sum()
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

    /// The phases of all subscriptions.
    pub fn phases(&self, into: &mut Vec<u8>) {
        into.clear();
        into.extend(self.actors.iter().map(|actor| actor.phase.load(Ordering::Acquire)));
    }

    /// What a handler does.
    pub fn call(&self, which: usize, read: Result<Stamp, String>) -> Result<(), &'static str> {
        let actor = &self.actors[which];
        actor.inside.fetch_add(1, Ordering::Relaxed);
        if actor.closed.load(Ordering::Relaxed) {
            self.fault(format!("P6: {which} was called after a close had returned; {:?}", actor.plan));
        }
        let call = match read {
            Ok(stamp) => self.called(which, stamp),
            Err(torn) => {
                self.fault(torn);
                Call::Fine
            }
        };
        // Counted before it ends, in whichever way.
        match call {
            Call::Fine => &actor.fine,
            Call::Fails | Call::Panics => &actor.failed,
        }
        .fetch_add(1, Ordering::Relaxed);
        actor.inside.fetch_sub(1, Ordering::Release);
        match call {
            Call::Fine => Ok(()),
            Call::Fails => Err("planned"),
            Call::Panics => {
                actor.panicked.fetch_add(1, Ordering::Relaxed);
                panic_any(Planned)
            }
        }
    }

    fn called(&self, which: usize, stamp: Stamp) -> Call {
        let actor = &self.actors[which];
        let call = actor.plan.outcome(stamp);
        let known = (stamp.thread as usize) < self.publishers && (stamp.depth as usize) < crate::ledger::DEPTHS;
        if !known {
            self.fault(format!("an event of nobody: {stamp:?}"));
            return call;
        }
        self.heed(
            actor
                .order
                .next(stamp.thread, stamp.depth, stamp.number)
                .map_err(|what| format!("{what}, to {which} on {:?}; {:?}", std::thread::current().id(), actor.plan)),
        );
        if let Some(told) = &actor.told {
            let times = &told[stamp.thread as usize][stamp.number as usize];
            if times.fetch_add(1, Ordering::Relaxed) > 0 {
                self.fault(format!("P3: {which}, which is told of the past, got {stamp:?} twice"));
            }
        }
        CALLS.with_borrow_mut(|calls| calls.push(Called { which, stamp, call }));
        if actor.plan.nests {
            publisher::nest(stamp);
        }
        call
    }

    /// A filter's answer.
    pub fn filter(&self, which: usize, event: &Event) -> bool {
        let actor = &self.actors[which];
        if actor.closed.load(Ordering::Relaxed) {
            self.fault(format!("P6: the filter of {which} was called after a close had returned"));
        }
        let Some(stamp) = self.heed(crate::checksum::read(event)) else { return true };
        let passes = actor.plan.passes(stamp);
        actor.filtered.fetch_add(u64::from(!passes), Ordering::Relaxed);
        passes
    }
}

impl Actor {
    /// How often it has got this event of a publisher's, if that is known.
    pub fn times(&self, thread: usize, number: u64) -> Option<u8> {
        Some(self.told.as_ref()?[thread][number as usize].load(Ordering::Relaxed))
    }
}
