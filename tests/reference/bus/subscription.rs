//! Subscriptions: how they are made, told of the past, muted, and how they end.

use std::sync::{Arc, Mutex, Weak};

use ringbus::{EndedBy, SubscriptionState};

use super::{Asked, Event, Handler, Reference, State, Tally, WeakReference, depth, selects, thread};
use crate::face::{Explained, Info, New, Warned};
use crate::operations::{Past, Wishes};

/// A handler with its filter, until somebody takes it out.
pub(super) type Code = Arc<Held>;
type Held = Mutex<Option<(Handler, Asked)>>;

/// So many that have ended are remembered.
const REMEMBERED: usize = 32;

pub(crate) struct Subscription {
    pub(crate) id: u64,
    pub(super) label: usize,
    pub(super) name: Option<String>,
    pub(crate) patterns: Vec<String>,
    pub(super) wishes: Wishes,
    /// The object that it is the subscription of.
    object: Option<usize>,
    /// Nothing when it has ended; others may still hold it.
    pub(super) code: Option<Code>,
    /// The same while anybody holds it: the guard of one that has ended, too.
    held: Weak<Held>,
    /// Calls that may still begin.
    pub(super) limit: Option<u64>,
    pub(super) muted: bool,
    pub(super) quarantined: bool,
    /// Failures in a row.
    pub(super) row: u32,
    /// All calls of its limit have ended: it goes when the dispatch ends.
    pub(super) spent: bool,
    /// It has ended.
    pub(super) by: Option<EndedBy>,
    /// Events with a smaller index belong to the past that it was told of, or did not ask for.
    pub(super) settled: usize,
    /// While it is told of the past: what has come meanwhile, each with its index.
    pub(super) inbox: Option<Vec<(usize, Event)>>,
    pub(super) counts: Counts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Calls that ended so: by `End`.
    pub(crate) ended: [u64; 3],
    pub(crate) skipped: u64,
    pub(crate) quarantined: u64,
    pub(crate) lagged: u64,
}

/// Dropping it unsubscribes. It does not keep the bus alive.
pub(crate) struct Guard {
    bus: Option<WeakReference>,
    pub(crate) id: u64,
    state: Arc<Mutex<State>>,
    code: Option<Code>,
    /// So many events there were when it was made.
    drawn: usize,
}

// === impl Subscription ===

impl Subscription {
    /// Whether nobody calls it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.by.is_some() || self.spent
    }

    /// Ends it with its bus; its code, where anybody holds that.
    pub(super) fn take(&mut self) -> Option<Code> {
        self.by.get_or_insert(EndedBy::Unsubscribing);
        self.code.take().or_else(|| self.held.upgrade())
    }

    fn state(&self) -> SubscriptionState {
        if self.is_gone() {
            SubscriptionState::Ended
        } else if self.muted {
            SubscriptionState::Muted
        } else if self.quarantined {
            SubscriptionState::Quarantined
        } else if self.inbox.is_some() {
            SubscriptionState::Replaying
        } else {
            SubscriptionState::Active
        }
    }

    pub(crate) fn info(&self) -> Info {
        Info {
            id: format!("#{}", self.id),
            name: self.name.clone(),
            patterns: self.patterns.join(", "),
            order: self.wishes.order,
            state: self.state(),
            muted: false,
            counts: self.counts.clone(),
        }
    }

    /// Whether that changed anything.
    fn mute(&mut self, muted: bool) -> bool {
        std::mem::replace(&mut self.muted, muted) != muted
    }

    /// Whether it was in quarantine.
    fn resume(&mut self) -> bool {
        self.row = if self.quarantined { 0 } else { self.row };
        std::mem::take(&mut self.quarantined)
    }
}

// === impl Reference ===

impl Reference {
    /// The guard; or what a handler let go on when it was told of the past.
    pub(crate) fn subscribe(&self, new: New) -> Result<Guard, String> {
        let past = new.wishes.past;
        let drawn = self.lock().events.len();
        let id = self.add(new, None);
        let code = self.with(id, |one| one.code.clone());
        let guard = Guard { bus: Some(self.downgrade()), id, state: self.inner.state.clone(), code, drawn };
        if self.with(id, |one| one.spent) {
            self.bury_spent();
        }
        match past.and_then(|past| self.tell(id, past)) {
            Some(unwound) => Err(unwound),
            None => Ok(guard),
        }
    }

    /// The id of the new subscription; or of the one that the object has already.
    pub(crate) fn subscribe_object(&self, object: usize, new: New) -> Result<u64, u64> {
        let known = self.object(object);
        known.map_or_else(|| Ok(self.add(new, Some(object))), Err)
    }

    /// The subscription of an object.
    pub(crate) fn object(&self, object: usize) -> Option<u64> {
        self.lock().listed().find(|one| one.object == Some(object)).map(|one| one.id)
    }

    fn add(&self, new: New, object: Option<usize>) -> u64 {
        let New { label, name, mut patterns, wishes, handler, ask, .. } = new;
        for at in (0..patterns.len()).rev() {
            if patterns[..at].contains(&patterns[at]) {
                patterns.remove(at);
            }
        }
        let code = Arc::new(Mutex::new(Some((handler, ask))));
        let mut state = self.lock();
        let id = state.subscriptions.len() as u64 + 1;
        let tells = wishes.past.is_some() && self.options().history > 0;
        let settled = if tells { state.events.len() } else { 0 };
        state.subscriptions.push(Subscription {
            id,
            label,
            name,
            patterns,
            object,
            held: Arc::downgrade(&code),
            code: Some(code),
            limit: wishes.limit,
            muted: false,
            quarantined: false,
            row: 0,
            spent: wishes.limit == Some(0),
            by: None,
            settled,
            inbox: wishes.past.map(|_| Vec::new()),
            counts: Counts::default(),
            wishes,
        });
        id
    }

    /// Tells a new subscription of the past, and of what happens meanwhile; what a handler let go on.
    fn tell(&self, id: u64, past: Past) -> Option<String> {
        let patterns = self.with(id, |one| one.patterns.clone());
        let mut told = self.recent(usize::MAX);
        told.retain(|event| selects(&patterns, &event.kind) && event.is_since(past.since));
        told.truncate(past.newest.unwrap_or(usize::MAX));
        told.reverse();
        let mut tally = Tally::default();
        if depth() >= self.options().depth_limit || std::thread::panicking() {
            self.with(id, |one| {
                one.counts.lagged += told.len() as u64;
                one.inbox = None;
            });
            if !told.is_empty() {
                let name = self.with(id, |one| one.name.clone());
                (self.inner.warn)(Warned::Lagged(id, name, told.len() as u64));
            }
        } else {
            loop {
                for event in told {
                    thread::deeper(self, &event, || self.call(id, &event, &mut tally));
                    tally.unwound = thread::work_off(tally.unwound.take());
                }
                told = self.due(id);
                if told.is_empty() {
                    break;
                }
            }
            let (lagged, name) = self.with(id, |one| {
                one.inbox = None;
                (one.counts.lagged, one.name.clone())
            });
            if lagged > 0 {
                (self.inner.warn)(Warned::Lagged(id, name, lagged));
            }
        }
        self.count(&tally);
        thread::work_off(tally.unwound)
    }

    /// What has been recorded since the last look, dispatched or not, and what was brought of what is forgotten.
    fn due(&self, id: u64) -> Vec<Event> {
        let mut state = self.lock();
        let one = &mut state.subscriptions[id as usize - 1];
        let brought = one.inbox.as_mut().map(std::mem::take).unwrap_or_default();
        if one.is_gone() {
            return Vec::new();
        }
        let (patterns, last) = (one.patterns.clone(), one.settled);
        if self.options().history == 0 {
            return brought.into_iter().map(|(_, event)| event).collect();
        }
        let kept = last.max(state.base);
        let lost: Vec<_> = brought.into_iter().filter(|(index, _)| (last..kept).contains(index)).collect();
        let now = state.events.len();
        let one = &mut state.subscriptions[id as usize - 1];
        one.settled = now;
        one.counts.lagged += (kept - last - lost.len()) as u64;
        let mut due: Vec<_> = lost.into_iter().map(|(_, event)| event).collect();
        due.extend(state.events[kept..].iter().filter(|event| selects(&patterns, &event.kind)).cloned());
        due
    }

    /// Ends a subscription; `false` where it has ended already.
    pub(super) fn bury(&self, id: u64, by: EndedBy) -> bool {
        let mut state = self.lock();
        if state.subscriptions[id as usize - 1].by.is_some() {
            return false;
        }
        state.ended.push(id);
        let code = state.with(id, |one| {
            one.by = Some(by);
            one.code.take()
        });
        drop(state);
        drop(code);
        true
    }

    pub(crate) fn unsubscribe(&self, id: u64) -> bool {
        self.bury(id, EndedBy::Unsubscribing)
    }

    /// How many there were.
    pub(crate) fn unsubscribe_all(&self) -> usize {
        let all: Vec<_> = self.lock().listed().map(|one| one.id).collect();
        all.iter().filter(|id| self.unsubscribe(**id)).count()
    }

    /// Whether that changed anything; not where it has ended.
    pub(crate) fn mute(&self, id: u64, muted: bool) -> bool {
        self.with(id, |one| one.by.is_none() && one.mute(muted))
    }

    /// Whether it was in quarantine; not where it has ended.
    pub(crate) fn resume(&self, id: u64) -> bool {
        self.with(id, |one| one.by.is_none() && one.resume())
    }

    pub(crate) fn explain(&self, kind: &str) -> Explained {
        let state = self.lock();
        let mut listed: Vec<_> = state.listed().collect();
        listed.sort_by_key(|one| (std::cmp::Reverse(one.wishes.order), one.id));
        let verdict = |one: &&Subscription| match one.state() {
            _ if !selects(&one.patterns, kind) => "no match",
            SubscriptionState::Ended => "ending",
            SubscriptionState::Muted => "muted",
            SubscriptionState::Quarantined => "quarantined",
            SubscriptionState::Replaying => "waits",
            _ => "called",
        };
        let gone = state.ended.iter().skip(state.ended.len().saturating_sub(REMEMBERED));
        let gone = gone.map(|id| &state.subscriptions[*id as usize - 1]).filter(|one| selects(&one.patterns, kind));
        Explained {
            good: super::is_good(kind, false),
            enabled: state.enabled,
            verdicts: listed.iter().map(|one| (one.info(), verdict(one).to_owned())).collect(),
            gone: gone.map(|one| (one.info().id, one.name.clone(), one.patterns.join(", "), one.by)).collect(),
        }
    }
}

// === impl Guard ===

impl Guard {
    fn with<R>(&self, call: impl FnOnce(&mut Subscription) -> R) -> R {
        self.state.lock().unwrap().with(self.id, call)
    }

    fn bus(&self) -> Option<Reference> {
        self.bus.as_ref()?.upgrade()
    }

    pub(crate) fn info(&self) -> Info {
        self.with(|one| Info { muted: one.muted, ..one.info() })
    }

    pub(crate) fn is_active(&self) -> bool {
        self.bus().is_some() && self.with(|one| !one.is_gone())
    }

    pub(crate) fn mute(&self, muted: bool) -> bool {
        self.with(|one| one.mute(muted))
    }

    pub(crate) fn resume(&self) -> bool {
        self.with(Subscription::resume)
    }

    pub(crate) fn unsubscribe(&self) {
        if let Some(bus) = self.bus() {
            bus.unsubscribe(self.id);
        }
    }

    /// Unsubscribes, and drops the closure; `false` where a handler is running, and so it must not wait.
    pub(crate) fn close(&self) -> bool {
        self.unsubscribe();
        let taken = if depth() == 0 { self.code.as_ref().and_then(|code| code.lock().unwrap().take()) } else { None };
        drop(taken);
        depth() == 0
    }

    /// Keeps it for as long as the bus lives.
    pub(crate) fn detach(mut self) {
        self.bus = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(bus) = self.bus() else { return };
        let nothing_came = bus.lock().events.len() == self.drawn;
        let Counts { ended, skipped, quarantined, .. } = self.with(|one| one.counts.clone());
        let at_once = nothing_came && ended == [0; 3] && skipped + quarantined == 0;
        let by = if at_once { EndedBy::DroppingAtOnce } else { EndedBy::Unsubscribing };
        if bus.bury(self.id, by) && at_once {
            (bus.inner.warn)(Warned::DroppedAtOnce(self.id, self.with(|one| one.name.clone())));
        }
    }
}
