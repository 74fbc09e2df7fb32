//! What the bus has counted, when every thread is done.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use ringbus::{Outcome, SubscriptionState};

use super::{Meeting, Records};
use crate::concurrent::stage::{LIVE, Sent, Stage};
use crate::operations::{End, Takes};

impl Records {
    fn sent(&self, wanted: impl Fn(&Sent) -> bool) -> u64 {
        self.sent.values().filter(|sent| wanted(sent)).count() as u64
    }

    fn ended(&self, end: End) -> u64 {
        self.calls.iter().flatten().filter(|call| call.end == end).count() as u64
    }
}

impl Stage<'_> {
    /// P8: with every thread joined, all counts are exact; after resets, as exact as they can be.
    pub(super) fn check_totals(&self, records: &Records) {
        let stats = self.bus.stats();
        let totals = &stats.totals;
        let became = |outcome| records.sent(|sent| sent.outcome == outcome);
        let expected = [
            (totals.published, records.sent(|sent| sent.outcome.is_accepted())),
            (totals.delivered, records.ended(End::Fine)),
            (totals.failed, records.ended(End::Error) + records.ended(End::Panic)),
            (totals.panicked, records.ended(End::Panic)),
            (totals.depth_stops, became(Outcome::TooDeep)),
            (totals.hop_stops, became(Outcome::TooManyHops)),
            (totals.deferred, became(Outcome::Queued)),
            (totals.deferred_drops, became(Outcome::QueueFull)),
        ];
        let exact = !self.program.has_resets();
        assert!(expected.iter().all(|(counted, all)| counted == all || !exact && counted < all), "P8: {expected:?}");

        let meetings = |sent: &Sent| {
            let plans = self.program.subscriptions.iter().enumerate();
            plans.map(|(which, plan)| (sent.meeting(which, plan), plan.limit.is_some())).collect::<Vec<_>>()
        };
        let dispatched = |sent: &Sent| matches!(sent.outcome, Outcome::Published | Outcome::Queued);
        let surely = records
            .sent(|sent| dispatched(sent) && meetings(sent).iter().all(|(meeting, _)| *meeting == Meeting::Never));
        let maybe = records.sent(|sent| dispatched(sent) && !meetings(sent).contains(&(Meeting::Always, false)));
        assert!(totals.unheard <= maybe && (!exact || surely <= totals.unheard), "P8: unheard {}", totals.unheard);

        let readable = totals.published.min(self.program.history as u64);
        let overwritten = if self.program.history == 0 { 0 } else { totals.published - readable };
        assert_eq!((stats.buffer_len as u64, totals.overwritten), (readable, overwritten), "P8: {stats}");
        assert_eq!(stats.by_kind.values().sum::<u64>(), readable);

        let by_kind = &stats.published_by_kind;
        let sum = by_kind.values().sum::<u64>() + stats.published_of_other_kinds;
        // A reset meets what is published meanwhile between one count and the next.
        assert!(sum == totals.published || !exact, "P8: {sum} by kind, {} in all", totals.published);
        for (kind, count) in by_kind {
            let all = records.sent(|sent| sent.kind == kind && sent.outcome.is_accepted());
            assert!(*count == all || !exact && *count < all, "P8: {count} of {kind}, {all} were published");
        }
    }

    /// P8: each subscription has counted its calls, and every other event that was offered to it; and who is there, is
    /// listed.
    pub(super) fn check_infos(&self, records: &Records) {
        let mut listed = BTreeMap::new();
        for (which, plan) in self.program.subscriptions.iter().enumerate() {
            let actor = &self.play.actors[which];
            let guard = actor.guard.lock().unwrap();
            // One that was dropped tells no more.
            let Some(info) = guard.as_ref().map(|guard| guard.info()) else { continue };
            let calls = &records.calls[which];
            let ended = |end| calls.iter().filter(|call| call.end == end).count() as u64;
            let (fine, errors, panics) = (ended(End::Fine), ended(End::Error), ended(End::Panic));
            assert_eq!((info.delivered, info.failed, info.panicked), (fine, errors + panics, panics), "P8: {info}");
            let forgets = plan.past.is_some() && self.program.has_resets();
            assert!(info.lagged == 0 || forgets, "P3: no ring was full: {info}");

            let met = |wanted: &dyn Fn(&Sent) -> bool| {
                records.sent(|sent| wanted(sent) && sent.meeting(which, plan) == Meeting::Always)
            };
            let told = calls.iter().filter(|call| call.told).count() as u64;
            let handled = fine + errors + panics + info.skipped + info.quarantined;
            let spent = plan.limit == Some(calls.len() as u64);
            let least = if spent { 0 } else { met(&|_| true) };
            let most = records.sent(|sent| sent.meeting(which, plan) != Meeting::Never);
            assert!(least <= handled, "P8: at least {least} events came: {info}");
            // Of the past it may have been muted or in quarantine too.
            assert!(plan.past.is_some() || (told == 0 && handled <= most), "P8: at most {most} events came: {info}");
            let skips = actor.voice.look() > 0 || plan.takes == Takes::Payloads || plan.limit.is_some();
            assert!(skips || info.skipped == 0, "P8: nothing was to be skipped: {info}");
            self.check_quarantine(which, info.failed, info.quarantined, info.state);

            if actor.phase.load(Ordering::Relaxed) == LIVE && !spent {
                assert!(guard.as_ref().is_some_and(|guard| guard.is_active()), "{info}");
                listed.insert(info.id, info.to_string());
            } else {
                assert_eq!(info.state, SubscriptionState::Ended, "{info}");
            }
        }
        let infos: BTreeMap<_, _> = self.bus.subscriptions().iter().map(|info| (info.id, info.to_string())).collect();
        assert_eq!(infos, listed, "P8: who is subscribed");
        assert_eq!(self.bus.stats().handlers, listed.len());
    }

    /// P4: so many failures in a row lead to quarantine, once; it is reported once, and ends when it is resumed.
    fn check_quarantine(&self, which: usize, failed: u64, kept_back: u64, state: SubscriptionState) {
        let actor = &self.play.actors[which];
        let (resumed, quarantines) = (actor.resumed.load(Ordering::Relaxed), actor.quarantined.load(Ordering::Relaxed));
        let plan = &self.program.subscriptions[which];
        let Some(after) = plan.quarantine_after.map(u64::from) else {
            assert_eq!((resumed, quarantines, kept_back), (0, 0, 0), "P4: {which} was to be isolated");
            return;
        };
        assert!(quarantines * after <= failed, "P4: {quarantines} quarantines of {which} after {failed} failures");
        assert!(quarantines > 0 || kept_back == 0, "P4: {which} was kept from events before it was in quarantine");
        // It may have ended in quarantine, or been muted there; otherwise it tells.
        let is_in = quarantines - resumed;
        match state {
            SubscriptionState::Active => assert_eq!(is_in, 0, "P4: {which} is in no quarantine"),
            SubscriptionState::Quarantined => assert_eq!(is_in, 1, "P4: {which} is in quarantine"),
            _ => assert!(is_in <= 1, "P4: {quarantines} quarantines of {which}, {resumed} were ended"),
        }
        // A row that nothing has broken.
        let broken = plan.flaky || resumed > 0;
        assert!(quarantines > 0 || broken || failed < after, "P4: {failed} failures of {which} in a row");
    }
}
