//! In which order events came to handlers, to readers of the history, and to cursors.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ringbus::Cursor;

use super::Records;
use crate::concurrent::program::ALL;
use crate::concurrent::stage::{Look, Stage};

impl Stage<'_> {
    /// P3: each thread's events reach each handler in the order of publishing (nested ones come inside, so they are in
    /// order among themselves; where they wait, all are), and each event its handlers in theirs.
    pub(super) fn check_order(&self, records: &Records) {
        let mut walks = BTreeMap::<_, Vec<(u64, usize)>>::new();
        for (which, calls) in records.calls.iter().enumerate() {
            let mut last = BTreeMap::new();
            for call in calls {
                let (thread, number) = call.event;
                let apart = self.program.deferred.is_none() && records.is_nested(call.event);
                let before = last.insert((thread, apart), number);
                assert!(before < Some(number), "P3: {which} had {before:?} of thread {thread}, then {number}");
                if !call.told {
                    walks.entry(call.event).or_default().push((call.at, which));
                }
            }
        }
        let rank = |(_, which): &(u64, usize)| {
            (Reverse(self.program.subscriptions[*which].order), self.play.actors[*which].id.get())
        };
        for (event, mut walk) in walks {
            walk.sort();
            assert!(walk.is_sorted_by_key(rank), "P3: event {event:?} was given to {walk:?}");
        }
    }

    /// P2, P3: what readers found meanwhile and what is there now.
    pub(super) fn check_history(&self, records: &Records) {
        let capacity = self.program.history;
        let last = Look {
            done: self.play.publishers.iter().map(|one| one.drawn.load(Ordering::Relaxed)).collect(),
            found: self.recent(),
        };
        let looks = self.play.publishers.iter().map(|one| std::mem::take(&mut *one.looks.lock().unwrap()));
        for Look { done, mut found } in looks.flatten().chain([last]) {
            assert!(found.len() <= capacity);
            found.reverse();
            self.check_found(&found, records, "the history");
            if capacity < ALL || self.program.has_resets() {
                continue;
            }
            let found: BTreeSet<_> = found.into_iter().collect();
            for (thread, done) in done.iter().enumerate() {
                for event in (0..*done).map(|number| (thread, number)) {
                    let accepted = records.sent[&event].outcome.is_accepted();
                    assert!(found.contains(&event) || !accepted, "P2: {event:?} is not readable");
                }
            }
        }
    }

    /// P3, P8: each cursor has found each event once, or counted it as missed.
    pub(super) fn check_cursors(&self, records: &Records) {
        let accepted = records.sent.values().filter(|sent| sent.outcome.is_accepted()).count() as u64;
        for follower in &self.followers {
            let follower = &mut *follower.lock().unwrap();
            follower.follow();
            self.check_found(&follower.found, records, "a cursor");
            let seen = follower.found.len() as u64 + follower.missed;
            assert_eq!(seen, accepted, "P8: found {} and missed {}", follower.found.len(), follower.missed);
            // A writer that is held up for so long counts as missed, else no ring is full.
            let given_up = self.made.elapsed() >= Cursor::PATIENCE;
            let lossless = self.program.history > 0 && !self.program.has_resets() && !given_up;
            assert!(!lossless || follower.missed == 0, "P3: {} missed", follower.missed);
        }
    }

    /// P3: oldest first; each once, each thread's in order, and where that is promised all in the order of time.
    fn check_found(&self, found: &[(usize, u64)], records: &Records, by: &str) {
        let mut newest = BTreeMap::new();
        let mut begun = 0;
        for event in found {
            let (thread, number) = event;
            let sent = records.sent.get(event).unwrap_or_else(|| panic!("nobody has sent {event:?}, found by {by}"));
            assert!(sent.outcome.is_accepted(), "{event:?} was {}, and found by {by}", sent.outcome);
            let older = newest.insert(thread, number);
            assert!(older.is_none_or(|older| older < number), "P3: thread {thread} in {by}: {found:?}");
            if self.program.strict || self.program.shards == 1 {
                let (begin, end) = sent.times;
                assert!(end > begun, "P3: {event:?} had returned when an older one in {by} began: {found:?}");
                begun = begin.max(begun);
            }
        }
    }
}
