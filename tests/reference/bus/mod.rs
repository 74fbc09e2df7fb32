//! The reference bus: what a bus does, said as plainly as it can be.
//!
//! 1. An event is published, recorded and dispatched here. One lock a bus, lists that are searched from end to end, no
//!    table, no ring; handlers run outside the lock, by plain recursion.
//! 2. A [`subscription`] is made, told of the past, and ends.
//! 3. The [`history`] is a list of all events ever recorded; [`stats`] count what is there.
//! 4. A [`thread`] knows how deep it is, and what waits there.
//! 5. A [`pattern`] is matched by segments.
//!
//! It has one more rule than the promises: a dispatch adds to the totals when it ends, which shows only where a handler
//! resets the bus or looks at its statistics.

mod history;
mod pattern;
mod stats;
mod subscription;
mod thread;

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use ringbus::{EndedBy, Outcome, Totals};

pub(crate) use pattern::{is_good, selects};
pub(crate) use stats::minus;
pub(crate) use subscription::{Counts, Guard, Subscription};
pub(crate) use thread::{carried, current, default, handled, with_default};

use crate::face::{Answer, Report, Warned, WarningHook, name};
use crate::operations::{End, Filter, Options, Own, Policy, Takes};
use thread::THREAD;

pub(crate) type Handler = Arc<dyn Fn(&Event) -> End + Send + Sync>;

/// What a filter says; nothing where it panics.
pub(crate) type Asked = Arc<dyn Fn(Filter, &Event) -> Option<bool> + Send + Sync>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) number: u64,
    pub(crate) kind: String,
    pub(crate) source: Option<&'static str>,
    pub(crate) form: Form,
    /// What it has of its own, but for whether it is correlated: that may come from the event being handled.
    pub(crate) own: Option<Own>,
    pub(crate) correlated: bool,
    pub(crate) hops: u32,
}

/// What an event is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Fields,
    /// Fields that the payload type cannot be read from.
    Odd,
    /// A value of the payload type.
    Payload,
}

/// A handle: clones are the same bus.
#[derive(Clone)]
pub(crate) struct Reference {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    warn: WarningHook,
    /// Guards hold it too, and tell of their subscriptions when the bus is gone.
    state: Arc<Mutex<State>>,
}

/// Does not keep its bus alive.
#[derive(Clone)]
pub(crate) struct WeakReference(Weak<Inner>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) enabled: bool,
    /// All that were ever made; the index is the id, less 1.
    pub(crate) subscriptions: Vec<Subscription>,
    /// Those that have ended, in that order.
    ended: Vec<u64>,
    /// All events ever recorded; those before `base` are forgotten.
    pub(crate) events: Vec<Event>,
    base: usize,
    /// How many of them have been followed.
    followed: usize,
    resets: u64,
    totals: Totals,
    /// All failures, as a failure hook would see them.
    pub(crate) failures: Vec<Report>,
}

/// How the calls of one dispatch ended, by [`End`], whether one used up a limit, and what is to go on in the publisher.
#[derive(Default)]
struct Tally {
    ended: [u64; 3],
    spent: bool,
    unwound: Option<String>,
}

// === impl Reference ===

impl Reference {
    pub(crate) fn new(options: &Options, warn: WarningHook) -> Self {
        let state = State { enabled: options.enabled, ..State::default() };
        Self { inner: Arc::new(Inner { options: options.clone(), warn, state: Arc::new(Mutex::new(state)) }) }
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn downgrade(&self) -> WeakReference {
        WeakReference(Arc::downgrade(&self.inner))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.lock().enabled = enabled;
    }

    fn is_open(&self) -> bool {
        let state = self.lock();
        state.enabled && (self.options().history > 0 || state.listed().next().is_some())
    }

    /// A value of a type that has no kind of its own.
    pub(crate) fn publish_impostor(&self) -> Answer {
        if !self.is_open() {
            return Answer::none(Outcome::Disabled);
        }
        self.lock().totals.taken_kinds += 1;
        Answer::none(Outcome::KindTaken)
    }

    /// What became of it; or what a handler let go on in the publisher.
    pub(crate) fn publish(&self, event: &Event) -> Result<Answer, String> {
        if !self.is_open() {
            return Ok(Answer::none(Outcome::Disabled));
        }
        let mut state = self.lock();
        if !is_good(&event.kind, false) {
            state.totals.invalid_kinds += 1;
            return Ok(Answer::none(Outcome::InvalidKind));
        }
        let index = state.events.len();
        state.events.push(event.clone());
        let too_deep = depth() >= self.options().depth_limit;
        let too_far = event.hops as usize > self.options().hop_limit;
        let answer = |outcome, [delivered, errors, panics]: [u64; 3]| {
            let (delivered, failed) = (delivered as u32, (errors + panics) as u32);
            Ok(Answer { outcome, delivered, failed, number: Some(event.number) })
        };
        if std::thread::panicking() {
            state.totals.while_panicking += 1;
            drop(state);
            let tally = if too_deep || too_far { Tally::default() } else { self.dispatch(event, index, true) };
            return answer(Outcome::Panicking, tally.ended);
        }
        if too_deep {
            state.totals.depth_stops += 1;
            return answer(Outcome::TooDeep, [0; 3]);
        }
        if too_far {
            state.totals.hop_stops += 1;
            return answer(Outcome::TooManyHops, [0; 3]);
        }
        if let Some(limit) = self.options().deferred.filter(|_| thread::is_busy()) {
            let waits = thread::wait(self, event, index, limit);
            *(if waits { &mut state.totals.deferred } else { &mut state.totals.deferred_drops }) += 1;
            return answer(if waits { Outcome::Queued } else { Outcome::QueueFull }, [0; 3]);
        }
        drop(state);
        let tally = self.dispatch(event, index, false);
        match thread::work_off(tally.unwound) {
            Some(unwound) => Err(unwound),
            None => answer(Outcome::Published, tally.ended),
        }
    }

    /// Offers a recorded event to those who are subscribed now; while the thread is panicking only to those that asked
    /// for that.
    fn dispatch(&self, event: &Event, index: usize, panicking: bool) -> Tally {
        let state = self.lock();
        // Whoever ends meanwhile is not called, but his closure stays until this ends.
        let held: Vec<_> = state.listed().map(|one| one.code.clone()).collect();
        let wanted =
            |one: &&Subscription| selects(&one.patterns, &event.kind) && (!panicking || one.wishes.while_panicking);
        let mut offered: Vec<_> = state.listed().filter(wanted).collect();
        offered.sort_by_key(|one| (Reverse(one.wishes.order), one.id));
        let offered: Vec<_> = offered.into_iter().map(|one| one.id).collect();
        drop(state);
        let mut tally = Tally::default();
        thread::deeper(self, event, || {
            for id in &offered {
                let waits = self.with(*id, |one| match &mut one.inbox {
                    Some(inbox) => {
                        inbox.push((index, event.clone()));
                        true
                    }
                    None => index < one.settled,
                });
                if !waits {
                    self.call(*id, event, &mut tally);
                }
            }
        });
        drop(held);
        self.count(&tally);
        if offered.is_empty() && !panicking {
            self.lock().totals.unheard += 1;
            (self.inner.warn)(Warned::Unheard(event.clone()));
        }
        tally
    }

    /// Calls one handler, if it may be called.
    fn call(&self, id: u64, event: &Event, tally: &mut Tally) {
        let admitted = self.with(id, |one| {
            if one.is_gone() {
                return None;
            } else if one.muted {
                one.counts.skipped += 1;
            } else if one.quarantined {
                one.counts.quarantined += 1;
            } else {
                return Some((one.code.clone(), one.wishes.clone()));
            }
            None
        });
        let Some((Some(code), wishes)) = admitted else { return };
        let (handler, ask) = code.lock().unwrap().clone().expect("only a close takes it away, and that has ended it");
        let skip = || self.with(id, |one| one.counts.skipped += 1);
        if wishes.takes == Takes::Payloads && event.form != Form::Payload {
            return skip();
        }
        for filter in wishes.filters {
            match ask(filter, event) {
                Some(true) => {}
                Some(false) => return skip(),
                None => return self.ended(id, event, End::Panic, tally),
            }
        }
        if self.with(id, |one| one.limit == Some(0)) {
            return skip();
        }
        self.with(id, |one| one.limit = one.limit.map(|left| left - 1));
        let end = match wishes.takes {
            Takes::Events => handler(event),
            Takes::Decoded if event.form == Form::Odd => End::Error,
            _ => handler(&event.as_payload()),
        };
        self.ended(id, event, end, tally);
    }

    /// A call has ended.
    fn ended(&self, id: u64, event: &Event, end: End, tally: &mut Tally) {
        tally.ended[end as usize] += 1;
        let (report, unwinds, spent) = self.with(id, |one| {
            one.counts.ended[end as usize] += 1;
            one.row = if end == End::Fine { 0 } else { one.row + 1 };
            let quarantines = !one.quarantined && matches!(one.wishes.policy, Policy::Quarantine(n) if one.row >= n);
            one.quarantined |= quarantines;
            one.spent |= one.limit == Some(0);
            let (name, number) = (one.name.clone(), event.number);
            let report = Report { id, name, number, panicked: end == End::Panic, quarantined: quarantines };
            (report, (one.wishes.policy == Policy::Unwind).then_some(one.label), one.spent)
        });
        tally.spent |= spent;
        if end != End::Fine {
            // A panic is the handler's own; that of an error tells what the report does.
            let unwound = unwinds.map(|label| match &report.name {
                _ if end == End::Panic => format!("panic of {}", name(label)),
                Some(name) => format!("error of {name}"),
                None => format!("error of #{id}"),
            });
            self.lock().failures.push(report);
            tally.unwound = tally.unwound.take().or(unwound);
        }
    }

    fn count(&self, tally: &Tally) {
        let mut state = self.lock();
        let [delivered, errors, panics] = tally.ended;
        state.totals.delivered += delivered;
        state.totals.failed += errors + panics;
        state.totals.panicked += panics;
        drop(state);
        if tally.spent {
            self.bury_spent();
        }
    }

    /// Ends those that have no call left.
    fn bury_spent(&self) {
        let spent: Vec<_> = self.lock().listed().filter(|one| one.spent).map(|one| one.id).collect();
        for id in spent {
            self.bury(id, EndedBy::Limit);
        }
    }

    fn with<R>(&self, id: u64, call: impl FnOnce(&mut Subscription) -> R) -> R {
        self.lock().with(id, call)
    }
}

impl WeakReference {
    pub(crate) fn upgrade(&self) -> Option<Reference> {
        self.0.upgrade().map(|inner| Reference { inner })
    }
}

impl Drop for Inner {
    /// All closures go, also those whose guards live on, and of those that have ended before.
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap();
        let codes: Vec<_> = state.subscriptions.iter_mut().map(Subscription::take).collect();
        drop(state);
        for code in codes.into_iter().flatten() {
            let taken = code.lock().unwrap().take();
            drop(taken);
        }
    }
}

// === impl State, Event ===

impl State {
    /// Those that have not ended, in the order of subscription.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter().filter(|one| one.by.is_none())
    }

    fn with<R>(&mut self, id: u64, call: impl FnOnce(&mut Subscription) -> R) -> R {
        call(&mut self.subscriptions[id as usize - 1])
    }
}

impl Event {
    /// What a handler of payloads sees of it.
    pub(crate) fn as_payload(&self) -> Self {
        Self { source: None, form: Form::Payload, own: None, correlated: false, hops: 0, ..self.clone() }
    }
}

fn depth() -> usize {
    THREAD.with_borrow(|thread| thread.depth)
}
