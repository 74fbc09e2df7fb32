//! Which subscriptions a round has: what they select, who calls their handler, what becomes of what has no room, how their
//! calls end, how they end.

use std::time::Duration;

use ringbus::{Overflow, Priority};

use crate::checksum::{Stamp, mix};

/// The kinds of a round's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    A,
    B,
    Typed,
    /// Published by a handler with a queue.
    Nested,
    /// Somebody waits until all handlers have finished with it.
    Awaited,
    /// One event is expected, and a few are published.
    Expected,
}

/// In [`Kind`]'s order.
pub const KINDS: [&str; 6] = [
    "stress.queue.a",
    "stress.queue.b",
    "stress.typed",
    "stress.queue.nested",
    "stress.queue.awaited",
    "stress.queue.expected",
];

pub const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];

/// Longer than anything takes: who waits so long waits for ever.
pub const LONG: Duration = Duration::from_secs(120);
/// A publisher waits so long for room, where that is short.
const BRIEF: Duration = Duration::from_micros(200);
/// Events beyond so many causes are not dispatched.
pub const HOP_LIMIT: u64 = 2;

/// Who calls the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The publisher.
    Sync,
    Thread,
    /// So many threads.
    Pool(usize),
    /// Nobody: a thread takes the events out.
    Receiver,
    Stream,
    /// So many tasks of an executor.
    Tasks(usize),
}

/// How the first calls for some events end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Fine,
    Fails,
    Panics,
    /// It never comes to its end, but for its deadline.
    Hangs,
}

/// What else stands between an event and the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    None,
    Breaker,
    Throttle,
    Quarantine,
}

/// How a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Drop,
    Unsubscribe,
    ById,
    Close,
    CloseDrained,
    CloseAsync,
    /// With the bus.
    Never,
}

/// One subscription.
#[derive(Clone, Debug)]
pub struct Plan {
    pub way: Way,
    /// The kinds that it selects, by their bits.
    selects: u8,
    pub capacity: usize,
    pub policy: Overflow,
    pub by_priority: bool,
    /// Further attempts.
    pub retries: u32,
    pub call: Call,
    pub guard: Guard,
    /// Publishes another event inside some calls.
    pub nests: bool,
    pub end: End,
}

/// Those that are there from the beginning to the end: the first is called by the publisher.
pub const EARLY: usize = 17;
/// The one that goes into quarantine.
pub const QUARANTINED: usize = 15;
/// Those that come and go.
pub const COMING: usize = 36;

/// All but awaited ones, those included that handlers publish.
const ALL: u8 = 0b10_1111;
/// What only publishers publish, who may wait: a handler that waits could be waited for.
const TOP: u8 = 0b10_0111;
/// For one that fails often: each failure is told in another event.
const FEW: u8 = 1 << Kind::B as u8 | 1 << Kind::Nested as u8;
const AWAITED: u8 = 1 << Kind::Awaited as u8;
const ONLY_TYPED: u8 = 1 << Kind::Typed as u8;

/// A round's subscriptions, the early ones first.
pub fn plans(seed: u64) -> Vec<Plan> {
    let random = |which: usize| mix(seed ^ mix(which as u64));
    let early = (0..EARLY).map(|which| early(which, random(which)));
    early.chain((EARLY..EARLY + COMING).map(|which| coming(random(which)))).collect()
}

fn early(which: usize, random: u64) -> Plan {
    use Call::{Fails, Fine, Hangs, Panics};
    use Overflow::{Block, DropNewest, DropOldest, LatestOnly};
    let (long, brief) = (Block { up_to: LONG }, Block { up_to: BRIEF });
    // Who must not lose an event hears none of handlers, which would wait for each other; and what is awaited comes to those
    // that lose nothing or something else for it.
    let (way, policy, selects, call, retries) = match which {
        0 => (Way::Sync, DropOldest, ALL | AWAITED, Fine, 0),
        1 => (Way::Thread, DropOldest, ALL | AWAITED, Fine, 0),
        2 => (Way::Thread, long, TOP | AWAITED, Fails, 2),
        3 => (Way::Pool(2), DropNewest, ALL, Panics, 0),
        4 => (Way::Pool(2), long, TOP | AWAITED, Panics, 2),
        5 => (Way::Receiver, DropOldest, ALL, Fine, 0),
        6 => (Way::Receiver, long, TOP, Fine, 0),
        7 => (Way::Tasks(1), DropOldest, ALL | AWAITED, Fine, 0),
        8 => (Way::Tasks(3), brief, ALL, Fails, 1),
        9 => (Way::Thread, LatestOnly, ALL | AWAITED, Fine, 0),
        10 => (Way::Thread, DropNewest, ALL, Fails, 1),
        11 => (Way::Thread, DropOldest, FEW, Fails, 0),
        12 => (Way::Thread, brief, ALL, Fine, 0),
        13 => (Way::Tasks(1), DropOldest, ALL, Hangs, 0),
        14 => (Way::Stream, DropOldest, ALL, Fine, 0),
        QUARANTINED => (Way::Pool(2), DropNewest, ALL, Fails, 0),
        _ => (Way::Tasks(2), long, ONLY_TYPED, Fails, 1),
    };
    Plan {
        way,
        selects,
        capacity: if way == Way::Sync { 0 } else { [1, 2, 7, 64][(random % 4) as usize] },
        policy,
        by_priority: matches!(which, 4 | 5 | 10),
        retries,
        call,
        guard: match which {
            11 => Guard::Breaker,
            12 => Guard::Throttle,
            QUARANTINED => Guard::Quarantine,
            _ => Guard::None,
        },
        nests: matches!(which, 1 | 7 | 9 | 10),
        end: End::Never,
    }
}

fn coming(random: u64) -> Plan {
    let part = |shift: u32, of: u64| ((random >> shift) % of) as usize;
    let ways = [Way::Thread, Way::Thread, Way::Pool(2), Way::Tasks(1), Way::Tasks(2), Way::Receiver];
    let way = ways[part(0, 6)];
    let ends = [End::Drop, End::Unsubscribe, End::ById, End::Close, End::CloseDrained, End::CloseAsync];
    let end = if way == Way::Receiver { End::Drop } else { ends[part(4, 6)] };
    // Of one that is dropped nothing is known afterwards: so it must refuse nothing.
    let refuses = !matches!(end, End::Drop | End::Unsubscribe);
    let (long, brief) = (Overflow::Block { up_to: LONG }, Overflow::Block { up_to: BRIEF });
    let policies = [Overflow::DropOldest, Overflow::LatestOnly, Overflow::DropNewest, brief, long, long];
    let policy = policies[part(8, if refuses { 6 } else { 2 })];
    let call = [Call::Fine, Call::Fine, Call::Fails, Call::Panics][part(12, 4)];
    Plan {
        way,
        selects: if policy == long { TOP } else { ALL },
        capacity: [1, 3, 16, 128][part(16, 4)],
        policy,
        by_priority: part(20, 4) == 0,
        retries: if way == Way::Receiver { 0 } else { part(24, 3) as u32 },
        call: if way == Way::Receiver { Call::Fine } else { call },
        guard: Guard::None,
        nests: matches!(way, Way::Thread | Way::Tasks(1)) && part(28, 8) == 0,
        end,
    }
}

// === impl Way ===

impl Way {
    /// How many events may be handled at once.
    pub fn workers(self) -> u64 {
        match self {
            Self::Pool(many) | Self::Tasks(many) => many as u64,
            Self::Thread | Self::Receiver | Self::Stream => 1,
            Self::Sync => 0,
        }
    }
}

// === impl Plan ===

impl Plan {
    /// Whether it selects events of this kind.
    pub fn wants(&self, kind: Kind) -> bool {
        self.selects & (1 << kind as u8) != 0
    }

    /// The names of the kinds that it selects.
    pub fn kinds(&self) -> Vec<&'static str> {
        (0..).zip(KINDS).filter(|(bit, _)| self.selects & (1 << bit) != 0).map(|(_, kind)| kind).collect()
    }

    /// Whether it takes the Rust type.
    pub fn is_typed(&self) -> bool {
        self.selects == ONLY_TYPED
    }

    /// Whether events of one publisher, and one priority if it goes by that, come in their order.
    pub fn is_ordered(&self) -> bool {
        !matches!(self.way, Way::Pool(2..) | Way::Tasks(2..))
    }

    /// Whether it loses nothing while it is open.
    pub fn keeps_all(&self) -> bool {
        self.policy == Overflow::Block { up_to: LONG }
    }

    /// Whether what has no room is the event that comes, which then was not enqueued.
    pub fn refuses(&self) -> bool {
        matches!(self.policy, Overflow::DropNewest | Overflow::Block { .. })
    }

    /// Whether some calls for this event do not end well, and how many.
    pub fn failing(&self, stamp: Stamp) -> u32 {
        if self.call == Call::Fine || stamp.number % 16 != 5 { 0 } else { 1 + (mix(stamp.number) % 3) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_never_held_up_for_long_by_handlers() {
        for plan in (0..20).flat_map(plans) {
            assert!(!plan.keeps_all() || !plan.wants(Kind::Nested), "{plan:?}");
            assert!(!plan.refuses() || plan.keeps_all() || !plan.wants(Kind::Awaited), "{plan:?}");
            assert!(!plan.nests || plan.is_ordered(), "{plan:?}");
        }
    }

    #[test]
    fn there_is_one_of_each_sort() {
        let all: Vec<Plan> = (0..20).flat_map(plans).collect();
        for end in [End::Drop, End::Unsubscribe, End::ById, End::Close, End::CloseDrained, End::CloseAsync] {
            assert!(all.iter().any(|plan| plan.end == end), "{end:?}");
        }
        for way in [Way::Sync, Way::Thread, Way::Pool(2), Way::Receiver, Way::Stream, Way::Tasks(1), Way::Tasks(2)] {
            assert!(all.iter().any(|plan| plan.way == way), "{way:?}");
        }
        assert_eq!(all.iter().filter(|plan| plan.is_typed()).count(), 20);
        assert_eq!(all[1].kinds(), KINDS);
    }
}
