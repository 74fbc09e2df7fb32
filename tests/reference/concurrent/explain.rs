//! What must hold of the records, however the threads met.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use ringbus::Outcome;

use super::{ENDED, LIVE, Look, NESTED, PLANNED, Publisher, Sent, Stage, Step};
use crate::bus::selects;
use crate::operations::End;

impl Stage<'_> {
    pub(super) fn check(&self) {
        for (me, publisher) in self.play.publishers.iter().enumerate() {
            let (sent, calls) = (publisher.sent.lock().unwrap(), publisher.calls.lock().unwrap());
            self.check_order(&sent, &calls);
            for one in &*sent {
                self.check_delivery(me, one, &calls);
            }
        }
        assert!(!self.play.actors.iter().any(|actor| actor.late.load(Ordering::SeqCst)), "P6: called after close");
        self.check_history();
        self.check_totals();
        // The guards hold what handlers hold.
        self.play.actors.iter().for_each(|actor| drop(actor.guard.lock().unwrap().take()));
    }

    /// P3: events reach each handler in the order of publishing (nested ones inside, so among themselves), and each
    /// event its handlers in theirs.
    fn check_order(&self, sent: &[Sent], calls: &[(usize, u64)]) {
        let is_nested = |number| sent.iter().any(|one| one.number == number && one.kind == NESTED);
        let mut last = BTreeMap::new();
        let mut walks = BTreeMap::<u64, Vec<usize>>::new();
        for (which, number) in calls {
            let before = last.insert((*which, is_nested(*number)), *number);
            assert!(before < Some(*number), "P3: actor {which} had {before:?}, then {number}");
            walks.entry(*number).or_default().push(*which);
        }
        let rank =
            |which: &usize| (Reverse(self.program.subscriptions[*which].order), self.play.actors[*which].id.get());
        for (number, walk) in walks {
            assert!(walk.is_sorted_by_key(rank), "P3: event {number} was given to {walk:?}");
        }
    }

    /// P5, P6: who was called, by what the publisher knew.
    fn check_delivery(&self, me: usize, sent: &Sent, calls: &[(usize, u64)]) {
        let (mut delivered, mut failed) = (0, 0);
        for (which, plan) in self.program.subscriptions.iter().enumerate() {
            let called = calls.iter().filter(|call| **call == (which, sent.number)).count();
            let (before, after) = (sent.before[which], sent.after[which]);
            let patterns: Vec<String> = plan.patterns.iter().map(ToString::to_string).collect();
            let never = sent.outcome != Outcome::Published
                || !selects(&patterns, sent.kind)
                || before == ENDED
                || after == PLANNED;
            let always = !never && before == LIVE && after == LIVE;
            let allowed = if never { 0..=0 } else { usize::from(always)..=1 };
            let number = sent.number;
            assert!(
                allowed.contains(&called),
                "P5, P6: event {number} of thread {me}, phases {before} to {after} of {which}: {called} calls"
            );
            if plan.end == End::Fine { delivered += called } else { failed += called }
        }
        assert_eq!((sent.delivered as usize, sent.failed as usize), (delivered, failed), "P8: what publish answered");
    }

    /// P2, P3, P8: what readers found meanwhile and what is there now.
    fn check_history(&self) {
        let capacity = self.program.history;
        let last = Look {
            done: self.play.publishers.iter().map(|one| one.drawn.load(Ordering::Relaxed)).collect(),
            found: self.recent(),
        };
        let looks = self.play.publishers.iter().map(|one| std::mem::take(&mut *one.looks.lock().unwrap()));
        for look in looks.flatten().chain([last]) {
            assert!(look.found.len() <= capacity);
            let mut older = BTreeMap::new();
            for (thread, number) in &look.found {
                let newer = older.insert(thread, number);
                assert!(newer.is_none_or(|newer| newer > number), "P3: history of thread {thread}: {:?}", look.found);
            }
            if capacity == 1024 && !self.has_resets() {
                let found: BTreeSet<_> = look.found.into_iter().collect();
                for (thread, done) in look.done.iter().enumerate() {
                    assert!((0..*done).all(|number| found.contains(&(thread, number))), "P2: not readable");
                }
            }
        }
    }

    /// P8: with every thread joined, all counts are exact; after resets, as exact as they can be.
    fn check_totals(&self) {
        let stats = self.bus.stats();
        let totals = &stats.totals;
        let sum = |what: &dyn Fn(&Sent) -> u64| -> u64 {
            self.play.publishers.iter().map(|one| one.sent.lock().unwrap().iter().map(what).sum::<u64>()).sum()
        };
        let calls = |end: End| -> u64 {
            let ends = |(which, _): &&(usize, u64)| self.program.subscriptions[*which].end == end;
            self.play.publishers.iter().map(|one| one.calls.lock().unwrap().iter().filter(ends).count() as u64).sum()
        };
        let expected = [
            (totals.published, sum(&|sent| sent.outcome.is_accepted().into())),
            (totals.delivered, calls(End::Fine)),
            (totals.failed, calls(End::Error) + calls(End::Panic)),
            (totals.panicked, calls(End::Panic)),
            (totals.depth_stops, sum(&|sent| (sent.outcome == Outcome::TooDeep).into())),
        ];
        if self.has_resets() {
            assert!(expected.iter().all(|(counted, all)| counted <= all), "P8: {expected:?}");
        } else {
            assert!(expected.iter().all(|(counted, all)| counted == all), "P8: {expected:?}");
        }
        let readable = totals.published.min(self.program.history as u64);
        let overwritten = if self.program.history == 0 { 0 } else { totals.published - readable };
        assert_eq!((stats.buffer_len as u64, totals.overwritten), (readable, overwritten), "P8: {stats}");
        assert_eq!(stats.by_kind.values().sum::<u64>(), readable);

        let live = self.play.actors.iter().enumerate().filter(|(_, one)| one.phase.load(Ordering::Relaxed) == LIVE);
        let mut live: Vec<_> = live.map(|(which, actor)| (actor.id.get().copied(), which)).collect();
        live.sort();
        let infos = self.bus.subscriptions();
        assert_eq!(
            infos.iter().map(|info| Some(info.id)).collect::<Vec<_>>(),
            live.iter().map(|(id, _)| *id).collect::<Vec<_>>()
        );
        for (info, (_, which)) in infos.iter().zip(&live) {
            let mine = |call: &&(usize, u64)| call.0 == *which;
            let calls = |one: &Publisher| one.calls.lock().unwrap().iter().filter(mine).count() as u64;
            let calls: u64 = self.play.publishers.iter().map(calls).sum();
            assert_eq!(info.delivered + info.failed, calls, "P8: {info}");
        }
    }

    fn has_resets(&self) -> bool {
        self.program.threads.iter().flatten().any(|step| matches!(step, Step::Reset))
    }
}
