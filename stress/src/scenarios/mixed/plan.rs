//! Which subscriptions a round has: what they select, how their calls end, how they end.

use crate::checksum::{Stamp, mix};

/// The kinds of a round's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    A,
    B,
    Nested,
    Typed,
    /// Told at run time: `stress.dyn.0` to `stress.dyn.99`.
    Dynamic(u8),
}

/// Those that have a count of their own, in [`Kind::index`]'s order.
pub const COUNTED: [&str; 4] = ["stress.a", "stress.b", "stress.nested", "stress.typed"];

impl Kind {
    /// Its place in [`COUNTED`].
    pub fn index(self) -> Option<usize> {
        match self {
            Self::A => Some(0),
            Self::B => Some(1),
            Self::Nested => Some(2),
            Self::Typed => Some(3),
            Self::Dynamic(_) => None,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Dynamic(0) => 1 << 4,
            Self::Dynamic(_) => 1 << 5,
            other => other.index().map_or(0, |index| 1 << index),
        }
    }
}

/// What selects, and the kinds that it selects, by their bits.
const SELECTORS: [(&[&str], u8); 8] = [
    (&["stress.a"], 1),
    (&["**"], 0b11_1111),
    (&["stress.*"], 0b1111),
    (&["stress.dyn.*"], 0b11_0000),
    (&["stress.dyn.0", "*.b"], 0b1_0010),
    (&["stress.**"], 0b11_1111),
    (&["stress.nested", "stress.a"], 0b101),
    (&["stress.typed"], 0b1000),
];

/// How a call ends, for some of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Fine,
    Fails,
    Panics,
}

/// How a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Drop,
    Unsubscribe,
    ById,
    Close,
    /// Closing it from a handler, where that must not wait.
    CloseInside,
    Never,
}

/// One subscription.
#[derive(Clone, Debug)]
pub struct Plan {
    pub patterns: &'static [&'static str],
    selected: u8,
    pub order: i32,
    pub call: Call,
    /// Only numbers that three divides.
    pub filters: bool,
    pub limit: Option<u64>,
    pub replays: bool,
    /// Publishes another event inside some.
    pub nests: bool,
    /// Takes the Rust type.
    pub typed: bool,
    pub end: End,
}

/// Those that are there from the beginning to the end.
pub const EARLY: usize = 6;
/// One of them has a limit, and goes by itself.
pub const USED_UP: usize = 2;
/// Those that come and go.
pub const COMING: usize = 58;

/// Events are published at most so deep.
pub const DEPTH_LIMIT: usize = 3;

/// A round's subscriptions, the early ones first.
pub fn plans(seed: u64) -> Vec<Plan> {
    (0..EARLY + COMING).map(|which| Plan::of(which, mix(seed ^ which as u64))).collect()
}

impl Plan {
    fn of(which: usize, random: u64) -> Self {
        let part = |shift: u32, of: u64| (random >> shift) % of;
        // The first hears all: so no event is unheard. The third too, until its limit is reached.
        let (patterns, selected) = SELECTORS[if which == 0 || which == USED_UP { 1 } else { part(0, 8) as usize }];
        let early = which < EARLY;
        let ends = [End::Drop, End::Unsubscribe, End::ById, End::Close, End::Close, End::CloseInside];
        let typed = !early && patterns == ["stress.typed"] && part(50, 2) == 0;
        let replays = !early && !typed && part(8, 4) == 0;
        Self {
            patterns,
            selected,
            order: part(12, 3) as i32 - 1,
            call: [Call::Fine, Call::Fine, Call::Fails, Call::Panics][part(16, 4) as usize],
            filters: which > 0 && which != USED_UP && !typed && part(20, 4) == 0,
            limit: (which == USED_UP || (!early && !replays && part(24, 5) == 0)).then(|| part(28, 300) + 1),
            replays,
            nests: which == 1 || (!early && part(40, 8) == 0),
            typed,
            end: if early { End::Never } else { ends[part(44, 6) as usize] },
        }
    }

    /// Whether its handler is to be called for this event.
    pub fn wants(&self, kind: Kind, stamp: Stamp) -> bool {
        self.selected & kind.bit() != 0 && (!self.filters || self.passes(stamp))
    }

    /// Its filter.
    pub fn passes(&self, stamp: Stamp) -> bool {
        stamp.number % 3 == 0
    }

    /// How the call for this event ends.
    pub fn outcome(&self, stamp: Stamp) -> Call {
        if stamp.number % 16 == 5 { self.call } else { Call::Fine }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_say_what_the_bus_says() {
        let kinds = [Kind::A, Kind::B, Kind::Nested, Kind::Typed, Kind::Dynamic(0), Kind::Dynamic(42)];
        for (patterns, selected) in SELECTORS {
            for kind in kinds {
                let name = kind.index().map_or("stress.dyn.42", |index| COUNTED[index]);
                let name = if kind == Kind::Dynamic(0) { "stress.dyn.0" } else { name };
                let matches = patterns.iter().any(|pattern| ringbus::Pattern::new(*pattern).unwrap().matches(name));
                assert_eq!(selected & kind.bit() != 0, matches, "{patterns:?} {name}");
            }
        }
    }

    #[test]
    fn there_is_one_of_each_sort_and_the_first_hears_all() {
        let all: Vec<Plan> = (0..10).flat_map(plans).collect();
        assert!(all.iter().any(|plan| plan.replays) && all.iter().any(|plan| plan.typed));
        assert!(all.iter().any(|plan| plan.limit.is_some()) && all.iter().any(|plan| plan.filters));
        assert!(
            all.iter().any(|plan| plan.call == Call::Panics) && all.iter().any(|plan| plan.end == End::CloseInside)
        );
        let first = &plans(7)[0];
        assert!(first.wants(Kind::Dynamic(9), Stamp { thread: 0, number: 1, depth: 0 }) && first.end == End::Never);
    }
}
