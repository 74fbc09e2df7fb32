//! What is done to both buses: options and operations.
//!
//! Plain data, so that `strategies.rs` or anything else can make them up. Every value means something: numbers are taken
//! modulo what there is, and what cannot be done now is nothing.

/// Kinds that a call site of this test names; see `publish_at` in `face/sites.rs`.
pub(crate) const SITES: [&str; 6] = ["a", "b", "a.b", "b.a", "a.b.c", "c.b.a"];

/// The one of them that a payload type has.
pub(crate) const PAYLOAD: &str = SITES[2];

/// Names that each run makes up: no run before it has used them.
pub(crate) const FRESH: usize = 2;

/// A bus's options.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) history: usize,
    pub(crate) shards: usize,
    /// One order over all threads; must change nothing here, where only one runs at a time.
    pub(crate) strict: bool,
    pub(crate) depth_limit: usize,
    pub(crate) hop_limit: usize,
    pub(crate) enabled: bool,
    /// Whether the hooks panic, which must change nothing.
    pub(crate) bad_hook: bool,
    /// Nested events wait, at most so many.
    pub(crate) deferred: Option<usize>,
}

/// What is published.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// At one of the [`SITES`].
    Site(usize),
    /// Its kind is told at run time; it may be malformed.
    Text(String),
    /// At run time, one of the fresh names.
    Fresh(usize),
    /// The same, by a text that lives as long as the process: interned from then on.
    Interned(usize),
    /// A value of the payload type.
    Payload(Way),
    /// A value of a type that claims the payload type's kind.
    Impostor,
    /// Of the payload's kind, with a field that the payload has not: it cannot be decoded.
    Odd,
    /// Built by hand, of one of the kinds of [`SITES`].
    Built(usize, Own),
}

/// How a value of the payload type is published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Value,
    Topic,
    /// Through a topic, made only if the bus is on.
    TopicWith,
    /// As an event that was made of it before.
    Event,
}

/// What events built by hand have of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Own {
    /// Below [`OWN_IDS`].
    pub(crate) id: u64,
    /// Seconds since 1970, long ago.
    pub(crate) time: u64,
    /// 0 to 3.
    pub(crate) priority: usize,
    pub(crate) correlated: bool,
}

/// Ids of events built by hand are below it: no other event has such a one.
pub(crate) const OWN_IDS: u64 = 1000;

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

/// What a handler is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Takes {
    #[default]
    Events,
    /// Values of the payload type.
    Payloads,
    /// The same, and what can be decoded into one.
    Decoded,
    /// Values of a type whose kind is another's: it is refused.
    Impostors,
}

/// What a filter wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Only events whose source is `thirds`.
    Thirds,
    /// Only odd numbers; it panics at every fourth.
    Odd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Policy {
    #[default]
    Isolate,
    /// At least 1.
    Quarantine(u32),
    Unwind,
}

/// What it is told of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Past {
    pub(crate) newest: Option<usize>,
    /// Seconds since 1970.
    pub(crate) since: Option<u64>,
}

/// Options of a subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) named: bool,
    pub(crate) order: i32,
    /// All must say yes; asked in this order.
    pub(crate) filters: Vec<Filter>,
    pub(crate) limit: Option<u64>,
    pub(crate) policy: Policy,
    pub(crate) while_panicking: bool,
    pub(crate) past: Option<Past>,
    pub(crate) takes: Takes,
    /// Whether dropping the closure panics, which must change nothing.
    pub(crate) bad_drop: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) wishes: Wishes,
    /// What its handler does before it ends.
    pub(crate) action: Option<Box<Operation>>,
    pub(crate) end: End,
}

/// What becomes of a bag of guards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BagEnd {
    Drop,
    Clear,
    /// The guards stay.
    Close,
    CloseTimeout,
    /// The first guard is taken out, the others are dropped.
    SaveFirst,
}

/// Through what a subscription is muted, unmuted or resumed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Id,
    Guard,
}

/// A look into the history.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) patterns: Vec<Pattern>,
    /// Only those whose source is `thirds`.
    pub(crate) thirds: bool,
    pub(crate) since: Option<u64>,
    pub(crate) until: Option<u64>,
    pub(crate) limit: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Subscribe(Request),
    /// Subscribes a handler object: the one of that number.
    SubscribeObject(usize, Request),
    UnsubscribeObject(usize),
    /// Lets go of the handler object; the next of that number is another one.
    ForgetObject(usize),
    /// So many handlers come and go at once.
    Crowd(usize),
    Publish(Told),
    /// On the bus that the thread means when it names none, if it has one.
    PublishDefault(Told),
    /// Many publishes at one call site, more than a ring has slots. Inside a handler one.
    Burst(usize, usize),
    /// Publishes an event of the history again.
    Republish(usize),
    /// Publishes an event of the history on the other bus.
    Forward(usize),
    Drop(Whom),
    /// Unsubscribes by the guard, which is used up.
    Leave(Whom),
    Unsubscribe(Whom),
    UnsubscribeAll,
    Close(Whom),
    Detach(Whom),
    Bag(Vec<Whom>, BagEnd),
    Mute(Whom, bool, By),
    Resume(Whom, By),
    Enable(bool),
    Reset,
    Recent(usize),
    Query(Query),
    /// Reads on where the last such reading stopped.
    Follow,
    /// Moves that place to the end.
    Skip,
    /// What happened since the last such look.
    Since,
    /// All that the bus tells of itself.
    View,
    Explain(Told),
    Info(Whom),
    /// One after the other.
    Several(Vec<Operation>),
    /// On the other bus.
    Other(Box<Operation>),
    /// With this bus as the one that the thread means.
    WithDefault(Box<Operation>),
    /// On a thread that lives no longer. Inside a handler only publishes are: another thread must not wait for this one.
    Elsewhere(Box<Operation>),
    /// From a destructor, while the thread unwinds.
    Panicking(Box<Operation>),
    /// Lets go of the second bus, which lives as long as somebody uses it.
    DropSecond,
}

// === impl Operation ===

impl Operation {
    /// Whether it does nothing but publish, and so waits for nobody.
    pub(crate) fn only_publishes(&self) -> bool {
        match self {
            Self::Publish(_) | Self::PublishDefault(_) | Self::Burst(..) | Self::Republish(_) | Self::Forward(_) => {
                true
            }
            Self::Other(inner) | Self::WithDefault(inner) | Self::Panicking(inner) | Self::Elsewhere(inner) => {
                inner.only_publishes()
            }
            Self::Several(all) => all.iter().all(Self::only_publishes),
            _ => false,
        }
    }
}
