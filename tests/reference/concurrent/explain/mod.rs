//! What must hold of the records, however the threads met.
//!
//! 1. Here: which handlers were called with which events, by what their publishers knew (P5, P6, P7).
//! 2. [`order`]: in which order events came to handlers, readers and cursors (P2, P3).
//! 3. [`totals`]: what the bus has counted (P8).

mod order;
mod totals;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use ringbus::Outcome;

use super::program::{ALL, NESTED, Plan};
use super::stage::{Call, ENDED, LIVE, PLANNED, Sent, Stage};
use super::switch::Switch;
use crate::bus::selects;
use crate::operations::{End, Takes};

/// Everything that was sent, by thread and number; and what each actor was called with.
pub(super) struct Records {
    sent: BTreeMap<(usize, u64), Sent>,
    calls: Vec<Vec<Call>>,
}

/// How a dispatch and a subscription met.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meeting {
    /// It was not offered.
    Never,
    Maybe,
    /// It was offered, if no limit had ended the subscription.
    Always,
}

impl Records {
    fn new(stage: &Stage<'_>) -> Self {
        let publishers = stage.play.publishers.iter().enumerate();
        let sent = publishers.flat_map(|(thread, one)| {
            let sent = std::mem::take(&mut *one.sent.lock().unwrap());
            sent.into_iter().map(move |one| ((thread, one.number), one))
        });
        let calls = stage.play.actors.iter().map(|actor| actor.calls.lock().unwrap().clone());
        Self { sent: sent.collect(), calls: calls.collect() }
    }

    fn is_nested(&self, event: (usize, u64)) -> bool {
        self.sent[&event].kind == NESTED
    }
}

impl Plan {
    fn selects(&self, sent: &Sent) -> bool {
        let patterns: Vec<String> = self.patterns.iter().map(ToString::to_string).collect();
        selects(&patterns, sent.kind)
    }

    /// Whether its handler takes it, where it is offered.
    fn takes(&self, sent: &Sent) -> bool {
        self.takes != Takes::Payloads || sent.is_payload
    }
}

impl Sent {
    fn meeting(&self, which: usize, plan: &Plan) -> Meeting {
        let dispatched = matches!(self.outcome, Outcome::Published | Outcome::Queued);
        let (before, after) = (self.before.phases[which], self.after.as_ref().unwrap().phases[which]);
        if !dispatched || !plan.selects(self) || before == ENDED || after == PLANNED {
            Meeting::Never
        } else if (before, after) == (LIVE, LIVE) {
            Meeting::Always
        } else {
            Meeting::Maybe
        }
    }

    /// Whether the actor was not muted all the time, or muted; `None` where that changed.
    fn voice(&self, which: usize) -> Option<bool> {
        Switch::steady(self.before.voices[which], self.after.as_ref().unwrap().voices[which])
    }
}

impl Stage<'_> {
    pub(super) fn check(&self) {
        let records = Records::new(self);
        for (event, sent) in &records.sent {
            self.check_outcome(sent);
            self.check_delivery(*event, sent, &records);
        }
        for (which, plan) in self.program.subscriptions.iter().enumerate() {
            self.check_limit(which, plan, &records);
            self.check_past(which, plan, &records);
        }
        assert!(!self.play.actors.iter().any(|actor| actor.late.load(Ordering::SeqCst)), "P6: called after close");
        self.check_order(&records);
        self.check_history(&records);
        self.check_cursors(&records);
        self.check_totals(&records);
        self.check_infos(&records);
    }

    /// P5, P7, P11: whether it was accepted, and dispatched.
    fn check_outcome(&self, sent: &Sent) {
        let after = sent.after.as_ref().unwrap();
        let live = |which: usize| sent.before.phases[which] == LIVE && after.phases[which] == LIVE;
        let unlimited = |which: &usize| self.program.subscriptions[*which].limit.is_none();
        let heard = self.program.history > 0 || (0..after.phases.len()).filter(unlimited).any(live);
        let power = Switch::steady(sent.before.power, after.power);
        let is_off = sent.outcome == Outcome::Disabled;
        assert!(power != Some(false) || is_off, "accepted by a bus that was off");
        assert!(power != Some(true) || !heard || !is_off, "refused by a bus that was on");
        let nested = [Outcome::Published, Outcome::TooDeep, Outcome::Queued, Outcome::QueueFull, Outcome::Disabled];
        let allowed = if sent.kind == NESTED { &nested[..] } else { &[Outcome::Published, Outcome::Disabled] };
        assert!(allowed.contains(&sent.outcome), "P7: {} was {}", sent.kind, sent.outcome);
        let waits = matches!(sent.outcome, Outcome::Queued | Outcome::QueueFull);
        assert!(!waits || self.program.deferred.is_some());
        assert!(sent.kind != NESTED || sent.outcome != Outcome::Published || self.program.deferred.is_none());
    }

    /// P5, P6: who was called, by what the publisher knew; and what it was answered.
    fn check_delivery(&self, event: (usize, u64), sent: &Sent, records: &Records) {
        let (mut delivered, mut failed) = (0, 0);
        for (which, plan) in self.program.subscriptions.iter().enumerate() {
            let all = records.calls[which].iter().filter(|call| call.event == event);
            let called = all.clone().filter(|call| !call.told).count();
            assert!(all.count() <= 1, "P3: {event:?} came twice to {which}");
            let (meeting, voice) = (sent.meeting(which, plan), sent.voice(which));
            let told = format!("{event:?}, a {}, and {which}: {meeting:?}, voice {voice:?}", sent.kind);
            if sent.outcome == Outcome::Published {
                let never = meeting == Meeting::Never || voice == Some(false) || !plan.takes(sent);
                let always = meeting == Meeting::Always && voice == Some(true) && !plan.is_restrained() && !never;
                let allowed = if never { 0..=0 } else { usize::from(always)..=1 };
                assert!(allowed.contains(&called), "P5, P6: {told}: {called} calls");
                if plan.end_of(event.1) == End::Fine { delivered += called } else { failed += called }
            } else if sent.outcome == Outcome::Queued {
                // Called by whoever worked it off.
                let called = records.calls[which].iter().filter(|call| call.event == event).count();
                let free = voice == Some(true) && !plan.is_restrained() && plan.takes(sent);
                assert!(called == 1 || meeting != Meeting::Always || !free, "P5, P7: {told}: it waited for ever");
                let silent = voice == Some(false) || sent.before.phases[which] == ENDED || !plan.takes(sent);
                assert!(called == 0 || !silent, "P6, P7: {told}: called");
            } else {
                assert_eq!(called, 0, "P7: {told}, {}", sent.outcome);
            }
        }
        assert_eq!((sent.delivered as usize, sent.failed as usize), (delivered, failed), "P8: what publish answered");
    }

    /// P6: a limit is kept exactly, and ends the subscription.
    fn check_limit(&self, which: usize, plan: &Plan, records: &Records) {
        let (Some(limit), Some(id)) = (plan.limit, self.play.actors[which].id.get()) else { return };
        let calls = records.calls[which].len() as u64;
        let listed = self.bus.subscriptions().iter().any(|info| info.id == *id);
        assert!(calls <= limit, "P6: {which} was called {calls} times, {limit} were allowed");
        assert!(calls < limit || !listed, "P6: {which} has had its {limit} calls, and is subscribed still");
        let is_live = self.play.actors[which].phase.load(Ordering::Relaxed) == LIVE;
        assert!(calls == limit || !is_live || listed, "P6: {which} ended after {calls} of {limit} calls");
    }

    /// P3: who was told of the past, and was there to the end, has seen everything once.
    fn check_past(&self, which: usize, plan: &Plan, records: &Records) {
        let actor = &self.play.actors[which];
        let told = records.calls[which].iter().filter(|call| call.told).count();
        assert!(plan.past.is_some() || told == 0, "{which} was told of the past unasked");
        let complete = plan.past == Some(ALL) && self.program.history == ALL && !self.program.has_resets();
        if !complete || plan.is_restrained() || actor.phase.load(Ordering::Relaxed) != LIVE || actor.voice.look() > 0 {
            return;
        }
        for (event, sent) in &records.sent {
            let called = records.calls[which].iter().any(|call| call.event == *event);
            // What was not dispatched is in the past of those who came later, and of nobody else.
            let before = sent.after.as_ref().unwrap().phases[which] == PLANNED;
            let due = before || matches!(sent.outcome, Outcome::Published | Outcome::Queued);
            let due = due && sent.outcome.is_accepted() && plan.selects(sent) && plan.takes(sent);
            assert!(called || !due, "P3: {event:?} never came to {which}, which was told of the past");
        }
    }
}
