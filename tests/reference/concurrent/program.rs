//! Small programs for threads, and how proptest makes them up.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::operations::{End, Takes};

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) history: usize,
    pub(super) shards: usize,
    pub(super) strict: bool,
    pub(super) depth_limit: usize,
    pub(super) deferred: Option<usize>,
    pub(super) subscriptions: Vec<Plan>,
    pub(super) threads: Vec<Vec<Step>>,
}

/// A subscription that some thread may begin.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) patterns: Vec<&'static str>,
    pub(super) order: i32,
    /// How its calls end.
    pub(super) end: End,
    /// Whether calls with an even number end well.
    pub(super) flaky: bool,
    /// Whether it publishes another event inside each one from the top.
    pub(super) nests: bool,
    /// Whether it is there before the threads are.
    pub(super) early: bool,
    pub(super) limit: Option<u64>,
    pub(super) quarantine_after: Option<u32>,
    /// How many of the past it wants.
    pub(super) past: Option<usize>,
    pub(super) takes: Takes,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Publish(&'static str),
    /// A value of the payload type, whose kind is [`TYPED`].
    PublishPayload,
    /// On a thread of its own that lives no longer, so many.
    PublishShortly(&'static str, usize),
    Begin(usize),
    End(usize, How),
    Mute(usize, bool),
    Resume(usize),
    Enable(bool),
    /// Reads the history.
    Look,
    /// Reads on with the thread's cursor.
    Follow,
    Reset,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Drop,
    Unsubscribe,
    Close,
}

/// The kind of nested events; those of the others are `top.…`.
pub(super) const NESTED: &str = "nested.one";

/// The payload type's kind.
pub(super) const TYPED: &str = "top.a";

const KINDS: [&str; 3] = [TYPED, "top.b", "top.c"];

/// More than any program publishes.
pub(super) const ALL: usize = 1024;

// === impl Program ===

impl Program {
    /// The steps of that thread that have a short-lived one for themselves, each with that one's number.
    pub(super) fn shorts(&self, me: usize) -> impl Iterator<Item = usize> {
        let count = |steps: &[Step]| steps.iter().filter(|step| matches!(step, Step::PublishShortly(..))).count();
        let first = self.threads.len() + self.threads[..me].iter().map(|steps| count(steps)).sum::<usize>();
        first..first + count(&self.threads[me])
    }

    /// How many threads publish, those that are short-lived too.
    pub(super) fn publishers(&self) -> usize {
        self.threads.len() + (0..self.threads.len()).map(|me| self.shorts(me).count()).sum::<usize>()
    }

    pub(super) fn has(&self, wanted: impl Fn(&Step) -> bool) -> bool {
        self.threads.iter().flatten().any(wanted)
    }

    pub(super) fn has_resets(&self) -> bool {
        self.has(|step| matches!(step, Step::Reset))
    }
}

impl Plan {
    /// How its call with the event of that number ends.
    pub(super) fn end_of(&self, number: u64) -> End {
        if self.flaky && number % 2 == 0 { End::Fine } else { self.end }
    }

    /// Whether it can be without calls while it is subscribed: muting apart.
    pub(super) fn is_restrained(&self) -> bool {
        self.limit.is_some() || self.quarantine_after.is_some()
    }
}

// === strategies ===

pub(super) fn program() -> impl Strategy<Value = Program> {
    let deferred = prop::option::weighted(0.3, select(&[1, 2, 1000][..]));
    let options = (select(&[0, 1, 5, ALL, ALL][..]), select(&[1, 2, 4][..]), any::<bool>(), 1..=3_usize, deferred);
    // One program in four has resets, and one turns the bus off: both weaken what can be said.
    let seldom = || prop_oneof![3 => Just(0), 1 => 1..4_usize];
    (options, vec(plan(), 1..6), vec(vec(step(), 1..25), 2..5), seldom(), seldom()).prop_map(
        |((history, shards, strict, depth_limit, deferred), subscriptions, mut threads, resets, switches)| {
            for steps in threads.iter_mut().take(resets) {
                steps.insert(steps.len() / 2, Step::Reset);
            }
            for steps in threads.iter_mut().take(switches) {
                steps.insert(steps.len() / 3, Step::Enable(false));
                steps.insert(2 * steps.len() / 3 + 1, Step::Enable(true));
            }
            Program { history, shards, strict, depth_limit, deferred, subscriptions, threads }
        },
    )
}

fn plan() -> BoxedStrategy<Plan> {
    let pattern = select(&[TYPED, "top.b", "top.*", "**", "*.one", "nested.**", NESTED][..]);
    let end = prop_oneof![4 => Just(End::Fine), 1 => Just(End::Error), 1 => Just(End::Panic)];
    let takes = prop_oneof![6 => Just(Takes::Events), 1 => Just(Takes::Payloads), 1 => Just(Takes::Decoded)];
    let restraints = (
        prop::option::weighted(0.25, 0..5_u64),
        prop::option::weighted(0.2, 1..3_u32),
        prop::option::weighted(0.35, select(&[0, 2, ALL, ALL][..])),
        takes,
    );
    (vec(pattern, 1..3), -1..=1, end, (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.4)), restraints)
        .prop_map(|(patterns, order, end, (flaky, nests, early), (limit, quarantine_after, past, takes))| {
            let patterns = if takes == Takes::Events { patterns } else { vec![TYPED] };
            Plan { patterns, order, end, flaky, nests, early, limit, quarantine_after, past, takes }
        })
        .boxed()
}

fn step() -> BoxedStrategy<Step> {
    let how = select(&[How::Drop, How::Unsubscribe, How::Close][..]);
    prop_oneof![
        12 => select(&KINDS[..]).prop_map(Step::Publish),
        3 => Just(Step::PublishPayload),
        1 => (select(&KINDS[..]), 1..4_usize).prop_map(|(kind, count)| Step::PublishShortly(kind, count)),
        5 => any::<usize>().prop_map(Step::Begin),
        3 => (any::<usize>(), how).prop_map(|(which, how)| Step::End(which, how)),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, muted)| Step::Mute(which, muted)),
        1 => any::<usize>().prop_map(Step::Resume),
        2 => Just(Step::Look),
        1 => Just(Step::Follow),
    ]
    .boxed()
}
