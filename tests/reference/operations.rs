//! What is done to both buses: options and operations.

/// Kinds that a call site of this test names; see `publish_at` in `face/real.rs`.
pub(crate) const SITES: [&str; 6] = ["a", "b", "a.b", "b.a", "a.b.c", "c.b.a"];

/// Names that each run makes up: no run before it has used them.
pub(crate) const FRESH: usize = 2;

/// A bus's options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) history: usize,
    pub(crate) shards: usize,
    pub(crate) depth_limit: usize,
    pub(crate) enabled: bool,
    /// Whether the failure hook panics, which must change nothing.
    pub(crate) bad_hook: bool,
    /// Nested events wait, at most so many.
    pub(crate) deferred: Option<usize>,
}

/// How an event's kind is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// By one of the [`SITES`].
    Site(usize),
    /// At run time; it may be malformed.
    Text(String),
    /// At run time, one of the fresh names.
    Fresh(usize),
    /// The same, by a text that lives as long as the process: interned from then on.
    Interned(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// May be malformed.
    Text(String),
    /// Exactly a fresh name.
    Fresh(usize),
}

/// Which subscription, of those made so far; modulo their number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom {
    /// The one whose handler is running.
    This,
    Number(usize),
}

/// How a handler's call ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Fine,
    Error,
    Panic,
}

/// Options of a subscription.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) order: i32,
    /// Only events whose source is `thirds`.
    pub(crate) filter: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) quarantine_after: Option<u32>,
    pub(crate) replay: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) wishes: Wishes,
    /// What its handler does before it ends.
    pub(crate) action: Option<Box<Operation>>,
    pub(crate) end: End,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Subscribe(Request),
    /// Subscribes a handler object: the one of that number.
    SubscribeObject(usize, Request),
    UnsubscribeObject(usize),
    Publish(Told),
    /// Publishes on a thread that lives no longer.
    PublishElsewhere(Told),
    /// Many publishes at one call site, more than a ring has slots.
    Burst(usize, usize),
    /// Publishes an event of the history again.
    Republish(usize),
    Drop(Whom),
    Unsubscribe(Whom),
    Close(Whom),
    Detach(Whom),
    Mute(Whom, bool),
    Resume(Whom),
    Enable(bool),
    Reset,
    Recent(usize),
    /// Reads on where the last such reading stopped.
    Follow,
    /// A look at the history by pattern, source and number.
    Query(Vec<Pattern>, bool, usize),
}
