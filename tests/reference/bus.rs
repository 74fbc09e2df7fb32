//! The reference bus: what a bus does, said as plainly as it can be.
//!
//! One lock, lists that are searched from end to end, no ids, no table, no ring. Handlers run outside the lock, by
//! plain recursion. It has one more rule than the promises: a dispatch adds to the totals when it ends, which shows
//! only where a handler resets the bus.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard};

use ringbus::{Outcome, Totals};

use crate::operations::{End, Options};

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
    pub(crate) order: i32,
    pub(crate) object: Option<usize>,
    pub(crate) handler: Handler,
    /// Calls that ended so: by [`End`].
    pub(crate) ended: [u64; 3],
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
    pub(crate) totals: Totals,
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
        state.events.push(event.clone());
        if state.depth == self.options.depth_limit {
            state.totals.depth_stops += 1;
            return (Outcome::TooDeep, 0, 0);
        }
        let mut called = state.subscriptions.clone();
        called.retain(|one| selects(&one.patterns, &event.kind));
        called.sort_by_key(|one| (Reverse(one.order), one.id));
        state.depth += 1;
        drop(state);

        let mut ended = [0; 3];
        for one in called {
            if self.is_subscribed(one.id) {
                let end = (one.handler)(event);
                ended[end as usize] += 1;
                if let Some(one) = self.lock().subscriptions.iter_mut().find(|other| other.id == one.id) {
                    one.ended[end as usize] += 1;
                }
            }
        }

        let mut state = self.lock();
        state.depth -= 1;
        let [delivered, errors, panics] = ended;
        state.totals.delivered += delivered;
        state.totals.failed += errors + panics;
        state.totals.panicked += panics;
        (Outcome::Published, delivered as u32, (errors + panics) as u32)
    }

    /// The new subscription's id; or for an object that is subscribed already the one it has.
    pub(crate) fn subscribe(
        &self,
        patterns: &[String],
        order: i32,
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
        state.subscriptions.push(Subscription { id, patterns, order, object, handler, ended: [0; 3] });
        Ok(id)
    }

    pub(crate) fn unsubscribe(&self, id: u64) -> bool {
        let was = self.is_subscribed(id);
        self.lock().subscriptions.retain(|one| one.id != id);
        was
    }

    pub(crate) fn is_subscribed(&self, id: u64) -> bool {
        self.lock().subscriptions.iter().any(|one| one.id == id)
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
