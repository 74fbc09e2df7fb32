//! The reference bus: what a bus does, said as plainly as it can be.
//!
//! One lock, lists that are searched from end to end, no ids, no table, no ring. Handlers run outside the lock, by
//! plain recursion. It has one more rule than the promises: a dispatch adds to the totals when it ends, which shows
//! only where a handler resets the bus.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use ringbus::{Outcome, Totals};

use crate::operations::{End, Options, Wishes};

pub(crate) type Handler = Arc<dyn Fn(&Event) -> End + Send + Sync>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) number: u64,
    pub(crate) kind: String,
    pub(crate) source: Option<&'static str>,
}

#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    pub(crate) patterns: Vec<String>,
    pub(crate) wishes: Wishes,
    pub(crate) object: Option<usize>,
    pub(crate) handler: Handler,
    pub(crate) muted: bool,
    pub(crate) quarantined: bool,
    /// Failures in a row.
    row: u32,
    /// All calls of its limit have ended: it goes when the dispatch ends.
    pub(crate) spent: bool,
    /// Events with a smaller index belong to the past that it was told of, or did not ask for.
    settled: usize,
    /// While it is told of the past: what has come meanwhile.
    pub(crate) inbox: Option<Vec<Event>>,
    pub(crate) counts: Counts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Calls that ended so: by [`End`].
    pub(crate) ended: [u64; 3],
    pub(crate) skipped: u64,
    pub(crate) quarantined: u64,
    pub(crate) lagged: u64,
}

#[derive(Clone)]
pub(crate) struct Reference {
    pub(crate) options: Options,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) enabled: bool,
    depth: usize,
    last_id: u64,
    pub(crate) subscriptions: Vec<Subscription>,
    /// All events ever recorded; those before `base` are forgotten.
    pub(crate) events: Vec<Event>,
    pub(crate) base: usize,
    /// How many of them have been followed.
    followed: usize,
    /// Nested events that wait, with their indices and depths.
    waiting: VecDeque<(Event, usize, usize)>,
    working: bool,
    pub(crate) resets: u64,
    pub(crate) totals: Totals,
}

/// How the calls of one dispatch ended, by [`End`], and whether one used up a limit.
#[derive(Default)]
struct Tally {
    ended: [u64; 3],
    spent: bool,
}

// === impl Reference ===

impl Reference {
    pub(crate) fn new(options: &Options) -> Self {
        let state = State { enabled: options.enabled, ..State::default() };
        Self { options: options.clone(), state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What became of it, how many handlers took it, and how many failed.
    pub(crate) fn publish(&self, event: &Event) -> (Outcome, u32, u32) {
        let mut state = self.lock();
        if !state.enabled || (self.options.history == 0 && state.subscriptions.is_empty()) {
            return (Outcome::Disabled, 0, 0);
        }
        if !is_good(&event.kind, false) {
            state.totals.invalid_kinds += 1;
            return (Outcome::InvalidKind, 0, 0);
        }
        let index = state.events.len();
        state.events.push(event.clone());
        if state.depth == self.options.depth_limit {
            state.totals.depth_stops += 1;
            return (Outcome::TooDeep, 0, 0);
        }
        if let Some(limit) = self.options.deferred.filter(|_| state.depth > 0 || state.working) {
            if state.waiting.len() == limit {
                state.totals.deferred_drops += 1;
                return (Outcome::QueueFull, 0, 0);
            }
            let depth = state.depth;
            state.totals.deferred += 1;
            state.waiting.push_back((event.clone(), index, depth));
            return (Outcome::Queued, 0, 0);
        }
        drop(state);
        let tally = self.dispatch(event, index);
        self.work_off();
        let [delivered, errors, panics] = tally.ended;
        (Outcome::Published, delivered as u32, (errors + panics) as u32)
    }

    fn dispatch(&self, event: &Event, index: usize) -> Tally {
        let mut state = self.lock();
        let mut called: Vec<_> = state.subscriptions.iter().filter(|one| selects(&one.patterns, &event.kind)).collect();
        called.sort_by_key(|one| (Reverse(one.wishes.order), one.id));
        let called: Vec<_> = called.into_iter().map(|one| one.id).collect();
        state.depth += 1;
        drop(state);
        let mut tally = Tally::default();
        for id in &called {
            let waits = self.with(*id, |one| one.inbox.as_mut().map(|inbox| inbox.push(event.clone())));
            let settled = self.with(*id, |one| index < one.settled) == Some(true);
            if waits.flatten().is_none() && !settled {
                self.call(*id, event, &mut tally);
            }
        }
        self.lock().depth -= 1;
        self.count(&tally, called.is_empty());
        tally
    }

    /// Calls one handler, if it may be called.
    fn call(&self, id: u64, event: &Event, tally: &mut Tally) {
        let handler = self.with(id, |one| {
            if one.spent {
                return None;
            } else if one.quarantined && !one.muted {
                one.counts.quarantined += 1;
            } else if one.muted || (one.wishes.filter && event.source.is_none()) || one.wishes.limit == Some(0) {
                one.counts.skipped += 1;
            } else {
                one.wishes.limit = one.wishes.limit.map(|left| left - 1);
                return Some(one.handler.clone());
            }
            None
        });
        let Some(handler) = handler.flatten() else { return };
        let end = handler(event);
        tally.ended[end as usize] += 1;
        let spent = self.with(id, |one| {
            one.counts.ended[end as usize] += 1;
            one.row = if end == End::Fine && !one.quarantined { 0 } else { one.row + 1 };
            one.quarantined |= end != End::Fine && one.wishes.quarantine_after.is_some_and(|after| one.row >= after);
            one.spent |= one.wishes.limit == Some(0);
            one.spent
        });
        tally.spent |= spent == Some(true);
    }

    fn count(&self, tally: &Tally, unheard: bool) {
        let mut state = self.lock();
        let [delivered, errors, panics] = tally.ended;
        state.totals.delivered += delivered;
        state.totals.failed += errors + panics;
        state.totals.panicked += panics;
        state.totals.unheard += u64::from(unheard);
        if tally.spent {
            state.subscriptions.retain(|one| !one.spent);
        }
    }

    /// What waited for the outermost dispatch.
    fn work_off(&self) {
        if self.lock().depth > 0 || std::mem::replace(&mut self.lock().working, true) {
            return;
        }
        loop {
            let mut state = self.lock();
            let Some((event, index, depth)) = state.waiting.pop_front() else { break };
            state.depth = depth;
            drop(state);
            self.dispatch(&event, index);
            self.lock().depth = 0;
        }
        self.lock().working = false;
    }

    /// Tells a new subscription of the past, and of what happens meanwhile.
    fn tell(&self, id: u64, newest: usize) {
        let mut past = self.recent(usize::MAX);
        past.retain(|event| self.with(id, |one| selects(&one.patterns, &event.kind)) == Some(true));
        past.truncate(newest);
        if self.lock().depth == self.options.depth_limit {
            self.with(id, |one| one.counts.lagged += past.len() as u64);
            self.with(id, |one| one.inbox = None);
            return;
        }
        let mut tally = Tally::default();
        past.reverse();
        while !past.is_empty() {
            for event in past {
                self.lock().depth += 1;
                self.call(id, &event, &mut tally);
                self.lock().depth -= 1;
            }
            past = self.with(id, |one| one.inbox.as_mut().map(std::mem::take)).flatten().unwrap_or_default();
        }
        self.with(id, |one| one.inbox = None);
        self.count(&tally, false);
        self.work_off();
    }

    fn with<R>(&self, id: u64, call: impl FnOnce(&mut Subscription) -> R) -> Option<R> {
        self.lock().subscriptions.iter_mut().find(|one| one.id == id).map(call)
    }

    /// The new subscription's id; or for an object that is subscribed already the one it has.
    pub(crate) fn subscribe(
        &self,
        patterns: &[String],
        wishes: &Wishes,
        object: Option<usize>,
        handler: Handler,
    ) -> Result<u64, u64> {
        let mut state = self.lock();
        if let Some(one) = state.subscriptions.iter().find(|one| object.is_some() && one.object == object) {
            return Err(one.id);
        }
        state.last_id += 1;
        let id = state.last_id;
        let mut patterns = patterns.to_vec();
        for at in (0..patterns.len()).rev() {
            if patterns[..at].contains(&patterns[at]) {
                patterns.remove(at);
            }
        }
        let tells = wishes.replay.is_some() && self.options.history > 0;
        let settled = if tells { state.events.len() } else { 0 };
        state.subscriptions.push(Subscription {
            id,
            patterns,
            wishes: wishes.clone(),
            object,
            handler,
            muted: false,
            quarantined: false,
            row: 0,
            spent: wishes.limit == Some(0),
            settled,
            inbox: wishes.replay.map(|_| Vec::new()),
            counts: Counts::default(),
        });
        state.subscriptions.retain(|one| !one.spent || wishes.limit != Some(0));
        drop(state);
        if let Some(newest) = wishes.replay {
            self.tell(id, newest);
        }
        Ok(id)
    }

    pub(crate) fn unsubscribe(&self, id: u64) -> bool {
        let was = self.is_subscribed(id);
        self.lock().subscriptions.retain(|one| one.id != id);
        was
    }

    /// Also where its last call has just ended.
    pub(crate) fn is_subscribed(&self, id: u64) -> bool {
        self.with(id, |_| ()).is_some()
    }

    pub(crate) fn is_active(&self, id: u64) -> bool {
        self.with(id, |one| !one.spent) == Some(true)
    }

    /// Whether that changed anything.
    pub(crate) fn mute(&self, id: u64, muted: bool) -> bool {
        self.with(id, |one| std::mem::replace(&mut one.muted, muted) != muted) == Some(true)
    }

    /// Whether it was in quarantine.
    pub(crate) fn resume(&self, id: u64) -> bool {
        let resume = |one: &mut Subscription| {
            one.row = if one.quarantined { 0 } else { one.row };
            std::mem::take(&mut one.quarantined)
        };
        self.with(id, resume) == Some(true)
    }

    /// How many events there were since the last time.
    pub(crate) fn follow(&self) -> u64 {
        let mut state = self.lock();
        let end = state.events.len();
        (end - std::mem::replace(&mut state.followed, end)) as u64
    }

    /// Unsubscribes; `false` where a handler is running, and so it must not wait.
    pub(crate) fn close(&self, id: u64) -> bool {
        self.unsubscribe(id);
        self.lock().depth == 0
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.lock().enabled = enabled;
    }

    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.base = state.events.len();
        state.resets += 1;
        state.totals = Totals::default();
    }

    /// Newest first.
    pub(crate) fn recent(&self, limit: usize) -> Vec<Event> {
        let state = self.lock();
        state.events[state.base..].iter().rev().take(limit.min(self.options.history)).cloned().collect()
    }
}

// === patterns ===

/// Whether one of the patterns matches.
pub(crate) fn selects(patterns: &[String], kind: &str) -> bool {
    patterns.iter().any(|pattern| {
        let (pattern, kind): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), kind.split('.').collect());
        matches(&pattern, &kind)
    })
}

fn matches(pattern: &[&str], kind: &[&str]) -> bool {
    match (pattern, kind) {
        ([], []) => true,
        (["**", rest @ ..], _) => matches(rest, kind) || (!kind.is_empty() && matches(pattern, &kind[1..])),
        (["*", rest @ ..], [_, tail @ ..]) => matches(rest, tail),
        ([want, rest @ ..], [have, tail @ ..]) => want == have && matches(rest, tail),
        _ => false,
    }
}

/// Whether a text is a kind, or with stars a pattern.
pub(crate) fn is_good(text: &str, stars: bool) -> bool {
    let is_star = |segment: &str| stars && (segment == "*" || segment == "**");
    let is_word = |segment: &str| !segment.is_empty() && !segment.contains([' ', '*']);
    text.split('.').all(|segment| is_star(segment) || is_word(segment))
        && text.split('.').filter(|segment| *segment == "**").count() < 2
}
