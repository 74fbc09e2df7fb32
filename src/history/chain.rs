//! [`Chain`]: an event, and all that it has led to, as a tree.
//!
//! A chain may be as long as the history: nothing here calls itself for each of its links, neither making it nor showing,
//! walking or dropping it.

use core::cmp::Ordering;
use core::{fmt, mem, slice};
use std::collections::HashMap;
use std::time::SystemTime;

use super::History;
use crate::event::{Event, EventId};
use crate::latency::Short;

/// Levels that are indented; deeper ones tell their number.
const INDENTED: usize = 24;

/// An event and its effects: the events that were published (or built) inside its handlers, each with effects of its own.
/// Made by [`History::chain`].
///
/// `Display` shows the tree, a line for each event: kind, a part of the id, and how much later than the root it was made.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// let _bill = bus.on("order.placed")?.subscribe(|_| {
///     let bus = ringbus::current().expect("a handler runs on a bus");
///     publish_event!(bus: &bus, "order.billed");
///     publish_event!(bus: &bus, "order.packed");
/// });
/// let _mail = bus.on("order.billed")?.subscribe(|_| {
///     let bus = ringbus::current().expect("a handler runs on a bus");
///     publish_event!(bus: &bus, "mail.sent");
/// });
/// let placed = publish_event!(bus: &bus, "order.placed").event.unwrap();
///
/// let mail = &bus.history().matching("mail.sent")?.all()[0];
/// let chain = bus.history().chain(mail.id()).unwrap();
/// assert_eq!(chain.event().id(), placed.id());
/// let kinds: Vec<_> = chain.iter().map(|event| event.kind().as_str()).collect();
/// assert_eq!(kinds, ["order.placed", "order.billed", "mail.sent", "order.packed"]);
/// // order.placed 8f00…0000002a
/// //   order.billed 8f00…0000002b +12.5 µs
/// //     mail.sent 8f00…0000002c +20.1 µs
/// //   order.packed 8f00…0000002d +31.0 µs
/// println!("{chain}");
/// # Ok::<(), ringbus::PatternError>(())
/// ```
pub struct Chain {
    event: Event,
    effects: Vec<Chain>,
}

impl History {
    /// The tree of causes and effects that the event with this id belongs to: from it up along the causes as far as they
    /// are there, and from that root down to all effects. `None` where there is no such event.
    ///
    /// Only events of this query are looked at: what was overwritten, or is not selected, ends the way. An event that is
    /// there more than once counts as the oldest of its likes. See [`Chain`] for an example.
    ///
    /// # Cost
    /// That of reading the whole query, and of a map of it.
    #[must_use]
    pub fn chain(self, id: EventId) -> Option<Chain> {
        let mut events = self.all();
        events.reverse();
        Chain::among(events, id)
    }
}

// === impl Chain ===

impl Chain {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What it led to, in the order of the history.
    #[must_use]
    pub fn effects(&self) -> &[Chain] {
        &self.effects
    }

    /// All events of the tree, each before its effects.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        Walk::down(self).map(|(_, event)| event)
    }

    /// The tree that the event belongs to, made of `events`, oldest first.
    fn among(events: Vec<Event>, id: EventId) -> Option<Self> {
        let mut places = HashMap::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            places.entry(event.id()).or_insert(at);
        }
        let cause_of = |at: usize| events.get(at).and_then(Event::cause).and_then(|id| places.get(&id).copied());

        // Causes that were told by hand may go round in a circle: no event is taken twice.
        let mut root = *places.get(&id)?;
        let mut passed = vec![false; events.len()];
        passed[root] = true;
        while let Some(cause) = cause_of(root).filter(|&cause| !passed[cause]) {
            passed[cause] = true;
            root = cause;
        }

        let mut effects = vec![Vec::new(); events.len()];
        for (at, event) in events.iter().enumerate() {
            let is_first = places.get(&event.id()) == Some(&at);
            if let Some(cause) = cause_of(at).filter(|_| is_first && at != root) {
                effects[cause].push(at);
            }
        }

        // Each before its effects; all but the root have one cause, so each is met once.
        let mut order = vec![root];
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            order.extend(&effects[at]);
            next += 1;
        }

        // From the leaves up: the effects of one are made before it is.
        let mut events: Vec<Option<Event>> = events.into_iter().map(Some).collect();
        let mut made: Vec<Option<Self>> = events.iter().map(|_| None).collect();
        for at in order.into_iter().rev() {
            let effects = mem::take(&mut effects[at]).into_iter().filter_map(|effect| made[effect].take()).collect();
            made[at] = events[at].take().map(|event| Self { event, effects });
        }
        made[root].take()
    }
}

/// Drops what it led to link by link.
impl Drop for Chain {
    fn drop(&mut self) {
        let mut left = mem::take(&mut self.effects);
        while let Some(mut link) = left.pop() {
            left.append(&mut link.effects);
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.event.timestamp();
        for (level, event) in Walk::down(self) {
            if level > 0 {
                write!(f, "\n{:width$}", "", width = 2 * level.min(INDENTED))?;
            }
            if level > INDENTED {
                write!(f, "[{level}] ")?;
            }
            let bits = event.id().as_u128();
            write!(f, "{} {:04x}…{:08x}", event.kind(), (bits >> 64) as u16, bits as u32)?;
            if level > 0 {
                write!(f, " {}", Offset(start, event.timestamp()))?;
            }
        }
        Ok(())
    }
}

/// Not its effects: there may be many, one inside the other.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("event", &self.event)
            .field("effects", &self.effects.len())
            .finish_non_exhaustive()
    }
}

/// How much later the second time is; events may have been built before what led to them.
struct Offset(SystemTime, SystemTime);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, span) = match self.1.cmp(&self.0) {
            Ordering::Less => ('-', self.0.duration_since(self.1)),
            _ => ('+', self.1.duration_since(self.0)),
        };
        write!(f, "{sign}{}", Short(span.unwrap_or_default()))
    }
}

// === Walk ===

/// A tree's events with their levels, each before its effects.
struct Walk<'a> {
    root: Option<&'a Chain>,
    /// What is left of the effects, on the way down to where it stands.
    left: Vec<slice::Iter<'a, Chain>>,
}

impl<'a> Walk<'a> {
    fn down(root: &'a Chain) -> Self {
        Self { root: Some(root), left: Vec::new() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (usize, &'a Event);

    fn next(&mut self) -> Option<Self::Item> {
        let mut link = self.root.take();
        while link.is_none() {
            link = self.left.last_mut()?.next();
            if link.is_none() {
                self.left.pop();
            }
        }
        let link = link?;
        let level = self.left.len();
        self.left.push(link.effects.iter());
        Some((level, &link.event))
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn event(id: u128, cause: Option<u128>) -> Event {
        let builder = Event::builder("chain.test").id(EventId::from_u128(id));
        let builder = builder.timestamp(UNIX_EPOCH + Duration::from_secs(100 + id as u64));
        let builder = cause.into_iter().fold(builder, |builder, id| builder.cause(EventId::from_u128(id)));
        builder.build().unwrap()
    }

    fn among(links: &[(u128, Option<u128>)], id: u128) -> Option<Chain> {
        Chain::among(links.iter().map(|&(id, cause)| event(id, cause)).collect(), EventId::from_u128(id))
    }

    fn ids(chain: &Chain) -> Vec<u128> {
        chain.iter().map(|event| event.id().as_u128()).collect()
    }

    #[test]
    fn a_tree_is_whole_from_whichever_event_it_is_asked_for() {
        let links = [(1, None), (2, Some(1)), (9, None), (3, Some(2)), (4, Some(1)), (5, Some(3)), (8, Some(9))];
        for id in 1..=5 {
            assert_eq!(ids(&among(&links, id).unwrap()), [1, 2, 3, 5, 4]);
        }
        assert_eq!(ids(&among(&links, 8).unwrap()), [9, 8]);
        let chain = among(&links, 1).unwrap();
        let effects: Vec<u128> = chain.effects().iter().map(|link| link.event().id().as_u128()).collect();
        assert_eq!(effects, [2, 4], "in the order of the history");
        assert!(among(&links, 7).is_none());
    }

    #[test]
    fn where_the_cause_is_gone_its_effect_is_the_root() {
        let links = [(3, Some(2)), (4, Some(3)), (5, Some(2))];
        assert_eq!(ids(&among(&links, 4).unwrap()), [3, 4]);
        assert_eq!(ids(&among(&links, 5).unwrap()), [5]);
    }

    #[test]
    fn circles_end_and_what_is_there_twice_is_taken_once() {
        assert_eq!(ids(&among(&[(1, Some(1))], 1).unwrap()), [1]);
        // The root is the last that the way up comes to.
        assert_eq!(ids(&among(&[(1, Some(3)), (2, Some(1)), (3, Some(2)), (4, Some(2))], 3).unwrap()), [1, 2, 3, 4]);
        assert_eq!(ids(&among(&[(1, None), (2, Some(1)), (1, None), (2, Some(1))], 2).unwrap()), [1, 2]);
    }

    #[test]
    fn it_is_shown_as_a_tree() {
        let shown =
            among(&[(200, None), (100, Some(200)), (202, Some(100)), (203, Some(200))], 100).unwrap().to_string();
        let lines = [
            "chain.test 0000…000000c8",
            "  chain.test 0000…00000064 -100 s",
            "    chain.test 0000…000000ca +2.0 s",
            "  chain.test 0000…000000cb +3.0 s",
        ];
        assert_eq!(shown, lines.join("\n"));
        let debug = format!("{:?}", among(&[(1, None), (2, Some(1))], 1).unwrap());
        assert!(debug.starts_with("Chain { event: Event { id: ") && debug.ends_with(", effects: 1, .. }"), "{debug}");
    }

    #[test]
    fn no_length_overflows_the_stack() {
        let length = 60_000_u128;
        let links: Vec<_> = (0..length).map(|id| (id, id.checked_sub(1))).collect();
        let chain = among(&links, length - 1).unwrap();
        assert_eq!(chain.iter().count(), length as usize);
        let shown = chain.to_string();
        assert_eq!(shown.lines().count(), length as usize);
        let numbered: Vec<bool> = shown.lines().take(INDENTED + 2).map(|line| line.contains('[')).collect();
        assert_eq!(numbered.iter().position(|numbered| *numbered), Some(INDENTED + 1));
        assert!(shown.ends_with(" [59999] chain.test 0000…0000ea5f +59999 s"), "{}", &shown[shown.len() - 200..]);
        drop(chain);
    }
}
