//! One subscription, shared by the tables that route to it and the guard that ends it.

use core::cmp::Reverse;
use core::num::NonZeroU32;
use core::panic::Location;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use super::backlog::Backlog;
use super::breaker::{Breaker, Circuit};
use super::control::Control;
use super::handler::Callback;
use super::info::{SubscriptionId, SubscriptionInfo, SubscriptionState};
use super::limiter::Limiter;
use super::policy::FailurePolicy;
use super::replay::Replay;
use super::throttle::Throttled;
use crate::contain;
use crate::event::{Kind, Selector};
use crate::latency::Histogram;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::counter::{Lane, Own, Striped, Tally};
use crate::sync::revocable::{Revocable, StillRunning};
use crate::sync::rows;

/// What a subscription is made of, before it has an id.
pub(crate) struct Draft {
    pub(crate) callback: Callback,
    pub(crate) place: &'static Location<'static>,
    /// It is to be told of the past.
    pub(crate) replays: bool,
    /// Stripes of its counter: as many as the bus has shards.
    pub(crate) stripes: usize,
    pub(crate) options: Options,
    /// Where its callback leaves events, if it takes its time.
    pub(crate) backlog: Option<Arc<dyn Backlog>>,
}

/// What a user may choose.
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) order: i32,
    pub(crate) limit: Option<u64>,
    pub(crate) policy: FailurePolicy,
    pub(crate) while_panicking: bool,
    pub(crate) breaker: Option<Breaker>,
    /// So many calls in so long a time.
    pub(crate) throttle: Option<(NonZeroU32, Duration)>,
}

/// See the [module](self).
pub(crate) struct Subscriber {
    pub(crate) id: SubscriptionId,
    pub(crate) name: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) order: i32,
    pub(crate) place: &'static Location<'static>,
    pub(crate) handler: Revocable<Callback>,
    pub(crate) control: Control,
    pub(crate) replay: Option<Replay>,
    /// Where events wait for it, if it takes its time.
    pub(crate) backlog: Option<Arc<dyn Backlog>>,
    /// Whether calls are let through, while it fails.
    pub(crate) circuit: Option<Circuit>,
    pub(super) throttle: Option<Throttled>,
    pub(super) while_panicking: bool,
    pub(super) unwinds: bool,
    pub(super) counts: Counts,
    pub(super) failures: Limiter,
    pub(super) slowness: Limiter,
    /// A guard holds it, and its closure with it.
    guarded: AtomicBool,
    /// How many bring its end about, and [`GUARD_IS_GONE`].
    hands: AtomicU32,
}

/// What it has done.
pub(crate) struct Counts {
    /// Where it has a backlog: what that has taken.
    delivered: Striped,
    pub(super) failed: Tally,
    pub(super) panicked: Tally,
    pub(super) skipped: Tally,
    pub(super) quarantined: Tally,
    pub(super) slow: Tally,
    pub(super) took: Histogram,
    lagged: Tally,
}

/// Its guard was dropped when it had been removed, or removed it.
const GUARD_IS_GONE: u32 = 1 << (u32::BITS - 1);

/// One call in so many is timed.
pub(super) const SAMPLED: u64 = 64;

// === impl Options ===

impl Options {
    /// The defaults.
    pub(crate) fn new(selector: Selector) -> Self {
        let policy = FailurePolicy::default();
        Self {
            name: None,
            selector,
            order: 0,
            limit: None,
            policy,
            while_panicking: false,
            breaker: None,
            throttle: None,
        }
    }
}

// === impl Subscriber ===

impl Subscriber {
    pub(super) fn new(id: SubscriptionId, draft: Draft) -> Self {
        let Draft { callback, place, replays, stripes, options, backlog } = draft;
        let (quarantine_after, unwinds) = match options.policy {
            FailurePolicy::Isolate => (None, false),
            FailurePolicy::Quarantine { after } => (Some(after), false),
            FailurePolicy::Unwind => (None, true),
        };
        let guarded = options.breaker.is_some() || options.throttle.is_some();
        let careful = !callback.filters.is_empty() || replays || guarded;
        Self {
            id,
            name: options.name,
            selector: options.selector,
            order: options.order,
            place,
            handler: Revocable::new(callback),
            control: Control::new(options.limit, quarantine_after, careful),
            replay: replays.then(Replay::new),
            backlog,
            circuit: options.breaker.map(Circuit::new),
            throttle: options.throttle.map(|(calls, per)| Throttled::new(calls, per)),
            while_panicking: options.while_panicking,
            unwinds,
            counts: Counts::new(stripes),
            failures: Limiter::default(),
            slowness: Limiter::default(),
            guarded: AtomicBool::new(false),
            hands: AtomicU32::new(0),
        }
    }

    /// Whether a guard holds it from now on.
    pub(crate) fn set_guarded(&self, guarded: bool) {
        // Relaxed: whoever reads an old word leaves the closure to the guard, which lets go of it after this.
        self.guarded.store(guarded, Ordering::Relaxed);
    }

    /// Somebody brings its end about from now on.
    pub(crate) fn take_in_hand(&self) {
        // Relaxed: it is done before the handler is removed, which releases it to whoever finds that, the guard too.
        self.hands.fetch_add(1, Ordering::Relaxed);
    }

    /// No longer; says whether the last of them is to bring it about for the guard, which is gone.
    pub(crate) fn let_out_of_hand(&self) -> bool {
        // AcqRel, here and below: who comes last sees what the others did about the end.
        self.hands.fetch_sub(1, Ordering::AcqRel) == GUARD_IS_GONE + 1
    }

    /// The guard of one that has been removed is gone; says whether it is to bring the end about, since nobody else does.
    pub(crate) fn guard_is_gone(&self) -> bool {
        self.hands.fetch_or(GUARD_IS_GONE, Ordering::AcqRel) == 0
    }

    /// What subscribers are sorted by: higher order first, then in the order of subscription.
    #[inline]
    pub(super) fn rank(&self) -> (Reverse<i32>, u64) {
        (Reverse(self.order), self.id.0)
    }

    /// The kinds that it names exactly.
    pub(crate) fn exact_kinds(&self) -> impl Iterator<Item = Kind> {
        // A pattern without a wildcard was checked as a kind is: nothing is left out here.
        self.selector.exact().filter_map(|kind| Kind::new(kind).ok())
    }

    /// It has missed `n` events while it was told of the past.
    pub(crate) fn lagged(&self, n: u64) {
        self.counts.lagged.add(n);
    }

    /// Whether nothing has come to it yet, not of the past neither.
    pub(crate) fn is_untouched(&self) -> bool {
        let Counts { delivered, failed, skipped, quarantined, .. } = &self.counts;
        delivered.sum() + failed.get() + skipped.get() + quarantined.get() == 0
    }

    /// Drops the closure of one that is in no table any more, unless a guard holds it. A table that another thread is
    /// reading keeps the subscription, but not its closure, unless that is being called: then it goes with the table, when
    /// its reader finds that replaced. So it does inside a handler, whose own table is replaced.
    pub(crate) fn let_go(&self) {
        if rows::depth() == 0 && !self.guarded.load(Ordering::Relaxed) {
            self.handler.close_idle(contain::drop_contained);
        }
    }

    /// Ends one that came too late, and that nobody has found.
    pub(super) fn end_at_once(&self) {
        self.let_go();
        if let Some(backlog) = &self.backlog {
            backlog.stop();
        }
    }

    /// Waits until no publisher is calling the handler, or handing it anything, and drops it, or its hold on its queue. Past
    /// the deadline: who is. Not to be called inside a call of it.
    pub(crate) fn end_calls(&self, deadline: Option<Instant>) -> Result<(), StillRunning> {
        self.handler.close(deadline, contain::drop_contained)
    }

    /// Whether the calling thread is inside a call of the handler.
    pub(crate) fn is_at_work_here(&self) -> bool {
        self.handler.is_called_here() || self.backlog.as_ref().is_some_and(|backlog| backlog.is_at_work_here())
    }

    pub(crate) fn state(&self) -> SubscriptionState {
        if !self.handler.is_live() {
            SubscriptionState::Ended
        } else if self.control.is_muted() {
            SubscriptionState::Muted
        } else if self.control.is_quarantined() {
            SubscriptionState::Quarantined
        } else if self.replay.as_ref().is_some_and(Replay::is_under_way) {
            SubscriptionState::Replaying
        } else {
            SubscriptionState::Active
        }
    }

    pub(crate) fn info(&self) -> SubscriptionInfo {
        let queue = self.backlog.as_ref().map(|backlog| backlog.info());
        SubscriptionInfo {
            id: self.id,
            name: self.name.clone(),
            selector: self.selector.to_string(),
            order: self.order,
            place: self.place,
            state: self.state(),
            delivered: queue.map_or_else(|| self.counts.delivered.sum(), |queue| queue.delivered),
            failed: self.counts.failed.get(),
            panicked: self.counts.panicked.get(),
            unreported: self.failures.unreported(),
            skipped: self.counts.skipped.get(),
            quarantined: self.counts.quarantined.get(),
            lagged: self.counts.lagged.get(),
            slow: self.counts.slow.get(),
            latency: self.counts.took.read(),
            queue,
            breaker: self.circuit.as_ref().map(Circuit::info),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // The last holder, maybe a publisher that still had an old table: the closure's drop is user code.
        if let Some(callback) = self.handler.take_mut() {
            contain::drop_contained(callback);
        }
    }
}

// === impl Counts ===

impl Counts {
    fn new(stripes: usize) -> Self {
        Self {
            delivered: Striped::new(stripes),
            failed: Tally::new(),
            panicked: Tally::new(),
            skipped: Tally::new(),
            quarantined: Tally::new(),
            slow: Tally::new(),
            took: Histogram::new(),
            lagged: Tally::new(),
        }
    }

    /// What a thread counts its calls in.
    #[inline]
    pub(super) fn taken(&self, lane: Lane) -> Taken<'_> {
        Taken(self.delivered.of(lane))
    }
}

/// One thread's count of successful calls of a handler.
pub(super) struct Taken<'a>(Own<'a>);

impl Taken<'_> {
    #[inline]
    pub(super) fn count(&self) {
        self.0.add(1);
    }

    /// Whether the next call on this thread is to be timed: the first one, and then one in [`SAMPLED`] successful ones.
    #[inline]
    pub(super) fn is_sampled(&self) -> bool {
        // In models none: a clock is no part of them, and each call goes the usual way.
        !cfg!(ringbus_loom) && self.0.get() % SAMPLED == 0
    }
}
