//! The face that both buses show, the real one and the reference.

// By their paths, because the fuzzer includes this file by its own.
#[path = "face/model.rs"]
mod model;
#[path = "face/real.rs"]
mod real;

use std::sync::Arc;

use ringbus::{Outcome, Stats};

use crate::bus::{self, Handler};
use crate::operations::{Options, Wishes};

/// A handler's planned panic: the hook of this test binary prints nothing for it.
pub(crate) struct Planned;

/// How a publisher tells the kind.
#[derive(Clone, Debug)]
pub(crate) enum Kinded {
    Site(usize),
    Text(String),
    Interned(&'static str),
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

/// What a bus tells of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Info {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) patterns: String,
    pub(crate) order: i32,
    pub(crate) muted: bool,
    pub(crate) quarantined: bool,
    pub(crate) counts: bus::Counts,
}

/// What there is to see of a bus from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) recent: Vec<bus::Event>,
    pub(crate) stats: Stats,
    pub(crate) kinds: Vec<String>,
    pub(crate) subscriptions: Vec<Info>,
}

/// A bus, as the driver knows it.
pub(crate) trait Target: Clone + Send + Sync + 'static {
    type Id: Copy + Send;
    type Guard: Send;

    fn new(options: &Options) -> Self;
    /// Inside a handler: the bus that is calling it.
    fn current(&self) -> Self;
    /// Nothing where the patterns are bad.
    fn subscribe(&self, patterns: &[String], wishes: &Wishes, handler: Handler) -> Option<(Self::Id, Self::Guard)>;
    fn publish(&self, kind: &Kinded, source: Option<&'static str>, number: u64) -> Answer;
    /// Publishes the event that lies so far back again.
    fn republish(&self, back: usize) -> Option<Answer>;
    fn unsubscribe(&self, id: Self::Id) -> bool;
    /// Whether that changed anything.
    fn mute(&self, id: Self::Id, muted: bool) -> bool;
    /// Whether it was in quarantine.
    fn resume(&self, id: Self::Id) -> bool;
    fn enable(&self, enabled: bool);
    fn reset(&self);
    fn recent(&self, limit: usize) -> Vec<bus::Event>;
    /// Nothing where the patterns are bad.
    fn query(&self, patterns: &[String], source: Option<&str>, limit: usize) -> Option<Vec<bus::Event>>;
    /// How many events there were since the last time, read or missed.
    fn follow(&self, cursor: &mut Option<ringbus::Cursor>) -> u64;
    /// What the real one follows its history with, from the beginning.
    fn follower(&self) -> Option<ringbus::Cursor>;
    fn count(&self, kind: &str) -> usize;
    fn view(&self) -> View;

    /// `false` where it did not wait, inside a handler.
    fn close(guard: &Self::Guard) -> bool;
    fn detach(guard: Self::Guard);
    fn is_active(guard: &Self::Guard) -> bool;
    /// Drops the bus, then the guards.
    fn end(bus: Self, guards: Vec<Self::Guard>);

    /// Subscribes the object of that number, whatever it was asked for when it was made; with `false` the id that it
    /// has already.
    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, Self::Id);
    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool;
}

/// A handler object.
pub(crate) struct Object {
    pub(crate) number: usize,
    pub(crate) patterns: Vec<String>,
    pub(crate) handler: Handler,
}
