//! The face that both buses show, the real one and the reference.

// The paths are told, because the fuzzers mount this file from elsewhere.
#[path = "face/handlers.rs"]
mod handlers;
#[path = "face/model.rs"]
mod model;
#[path = "face/real.rs"]
mod real;
#[path = "face/sites.rs"]
mod sites;

use std::sync::Arc;

use ringbus::{EndedBy, Outcome, Stats, SubscriptionState, Totals};

use crate::bus::{Asked, Counts, Event, Handler};
use crate::operations::{BagEnd, By, Options, Own, Way, Wishes};

/// The planned panic of the handler (or of its filter, or of its drop) with that label: the hook of this test binary
/// prints nothing for it.
pub(crate) struct Planned(pub(crate) usize);

/// What is published: the kind, and how it is told.
#[derive(Clone, Debug)]
pub(crate) enum Draft {
    Site(usize),
    Text(String),
    Interned(&'static str),
    Payload(Way),
    Impostor,
    Odd,
    Built(usize, Own),
}

/// What a publish came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) delivered: u32,
    pub(crate) failed: u32,
    /// The event's number, where one was made.
    pub(crate) number: Option<u64>,
}

/// An answer; or what a handler let go on in the publisher.
pub(crate) type Published = Result<Answer, String>;

/// What is to be subscribed.
pub(crate) struct New {
    pub(crate) label: usize,
    pub(crate) name: Option<String>,
    pub(crate) patterns: Vec<String>,
    pub(crate) wishes: Wishes,
    /// Whether the handler may return an error.
    pub(crate) fallible: bool,
    pub(crate) handler: Handler,
    pub(crate) ask: Asked,
}

/// What subscribing came to.
pub(crate) enum Subscribed<T: Target> {
    /// The patterns are bad, or the kind is another type's.
    Refused,
    /// A handler let this go on; there is no guard, and so no subscription.
    Unwound(String),
    Made(T::Id, T::Guard),
}

/// What a bus tells of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Info {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) patterns: String,
    pub(crate) order: i32,
    pub(crate) state: SubscriptionState,
    /// Whether it is muted, however it stands; only a guard tells.
    pub(crate) muted: bool,
    pub(crate) counts: Counts,
}

/// What there is to see of a bus from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) recent: Vec<Event>,
    pub(crate) stats: Stats,
    pub(crate) kinds: Vec<String>,
    pub(crate) subscriptions: Vec<Info>,
}

/// Who would get an event, and who would not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Explained {
    pub(crate) good: bool,
    pub(crate) enabled: bool,
    pub(crate) verdicts: Vec<(Info, String)>,
    /// Id, name, patterns, and how it ended.
    pub(crate) gone: Vec<(String, Option<String>, String, Option<EndedBy>)>,
}

/// A failure, as a hook is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) id: u64,
    pub(crate) name: Option<String>,
    pub(crate) number: u64,
    pub(crate) panicked: bool,
    pub(crate) quarantined: bool,
}

/// A warning, as a hook is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warned {
    Unheard(Event),
    DroppedAtOnce(u64, Option<String>),
    Lagged(u64, Option<String>, u64),
}

pub(crate) type WarningHook = Arc<dyn Fn(Warned) + Send + Sync>;

/// A bus, as the driver knows it.
pub(crate) trait Target: Clone + Send + Sync + Sized + 'static {
    type Id: Copy + Send;
    type Guard: Send;
    type Weak: Clone + Send + Sync;
    type Cursor: Send;
    /// The failures that hooks were told of, with what each report says was suppressed; the reference has all of them.
    type Reports: Send + Sync;

    fn new(options: &Options, warn: WarningHook) -> (Self, Self::Reports);
    fn downgrade(&self) -> Self::Weak;
    fn upgrade(weak: &Self::Weak) -> Option<Self>;
    fn same(&self, other: &Self) -> bool;

    /// The bus that is calling the present handler.
    fn current() -> Option<Self>;
    /// The bus that the thread means when it names none, if that is not everybody's.
    fn default_bus() -> Option<Self>;
    fn with_default(&self, call: impl FnOnce());
    /// `call`, to be run on another thread, which then means the same bus.
    fn carried(call: impl FnOnce() + Send) -> impl FnOnce() + Send;

    fn subscribe(&self, new: New) -> Subscribed<Self>;
    fn publish(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published;
    /// The same, on the bus that the thread means, which is this one.
    fn publish_default(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published;
    /// Publishes the event that lies so far back again, on that bus.
    fn republish(&self, back: usize, to: &Self) -> Option<Published>;
    fn unsubscribe(&self, id: Self::Id) -> bool;
    fn unsubscribe_all(&self) -> usize;
    /// Whether that changed anything.
    fn mute(&self, id: Self::Id, muted: bool) -> bool;
    /// Whether it was in quarantine.
    fn resume(&self, id: Self::Id) -> bool;
    fn enable(&self, enabled: bool);
    fn reset(&self);
    fn recent(&self, limit: usize) -> Vec<Event>;
    /// Nothing where the patterns are bad.
    fn query(
        &self,
        patterns: &[String],
        source: Option<&str>,
        times: [Option<u64>; 2],
        limit: usize,
    ) -> Option<Vec<Event>>;
    fn cursor(&self) -> Self::Cursor;
    /// What has come since the last time, and how many were missed. The reference misses what a reset forgets.
    fn follow(&self, cursor: &mut Self::Cursor) -> (Vec<Event>, u64);
    fn skip(&self, cursor: &mut Self::Cursor);
    fn stats(&self) -> Stats;
    /// What happened since; or the numbers of resets then and now.
    fn since(later: &Stats, earlier: &Stats) -> Result<Totals, (u64, u64)>;
    fn count(&self, kind: &str) -> usize;
    fn view(&self) -> View;
    fn explain(&self, kind: &str) -> Explained;

    /// `false` where it did not wait, inside a handler.
    fn close(guard: &Self::Guard) -> bool;
    fn leave(guard: Self::Guard);
    fn detach(guard: Self::Guard);
    fn is_active(guard: &Self::Guard) -> bool;
    fn info(guard: &Self::Guard) -> Info;
    fn mute_by(guard: &Self::Guard, muted: bool) -> bool;
    fn resume_by(guard: &Self::Guard) -> bool;
    /// What closing said, if they were closed, and the guards that are left.
    fn bag(guards: Vec<Self::Guard>, end: BagEnd) -> (Option<bool>, Vec<Self::Guard>);

    /// Subscribes the object; with `false` the id that it has already.
    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, Self::Id);
    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool;
}

/// A handler object.
pub(crate) struct Object {
    pub(crate) label: usize,
    pub(crate) patterns: Vec<String>,
    pub(crate) handler: Handler,
    pub(crate) ask: Asked,
}

// === impl Answer, By ===

impl Answer {
    pub(crate) fn none(outcome: Outcome) -> Self {
        Self { outcome, delivered: 0, failed: 0, number: None }
    }
}

/// The name of the handler with that label.
pub(crate) fn name(label: usize) -> String {
    format!("handler{label}")
}

impl By {
    pub(crate) fn is_guard(self) -> bool {
        matches!(self, Self::Guard)
    }
}
