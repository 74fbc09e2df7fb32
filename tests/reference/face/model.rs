//! The reference bus under its face.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringbus::Stats;

use super::{Answer, Info, Kinded, Object, Target, View};
use crate::bus::{self, Handler, Reference, State, is_good};
use crate::operations::{Options, SITES, Wishes};

/// A guard of the reference; dropping it unsubscribes.
pub(crate) struct Guard(Option<Reference>, u64);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(bus) = &self.0 {
            bus.unsubscribe(self.1);
        }
    }
}

fn stats(state: &State, recent: &[bus::Event], history: usize) -> Stats {
    let mut stats = Stats::default();
    stats.enabled = state.enabled;
    stats.handlers = state.subscriptions.len();
    stats.buffer_len = recent.len();
    stats.buffer_capacity = history;
    for event in recent {
        *stats.by_kind.entry(event.kind.clone()).or_default() += 1;
        if let Some(source) = event.source {
            *stats.by_source.entry(source.to_owned()).or_default() += 1;
        }
    }
    stats.resets = state.resets;
    stats.totals = state.totals.clone();
    stats.totals.published = (state.events.len() - state.base) as u64;
    if history > 0 {
        stats.totals.overwritten = stats.totals.published - recent.len() as u64;
    }
    stats
}

impl Target for Reference {
    type Id = u64;
    type Guard = Guard;

    fn new(options: &Options) -> Self {
        Self::new(options)
    }

    fn current(&self) -> Self {
        self.clone()
    }

    fn subscribe(&self, patterns: &[String], wishes: &Wishes, handler: Handler) -> Option<(u64, Guard)> {
        if patterns.is_empty() || !patterns.iter().all(|pattern| is_good(pattern, true)) {
            return None;
        }
        let id = Self::subscribe(self, patterns, wishes, None, handler).unwrap();
        Some((id, Guard(Some(self.clone()), id)))
    }

    fn publish(&self, kind: &Kinded, source: Option<&'static str>, number: u64) -> Answer {
        let kind = match kind {
            Kinded::Site(site) => SITES[*site].to_owned(),
            Kinded::Text(kind) => kind.clone(),
            Kinded::Interned(kind) => (*kind).to_owned(),
        };
        let (outcome, delivered, failed) = Self::publish(self, &bus::Event { number, kind, source });
        Answer { outcome, delivered, failed, number: outcome.is_accepted().then_some(number) }
    }

    fn republish(&self, back: usize) -> Option<Answer> {
        let event = Self::recent(self, back + 1).into_iter().nth(back)?;
        let (outcome, delivered, failed) = Self::publish(self, &event);
        Some(Answer { outcome, delivered, failed, number: outcome.is_accepted().then_some(event.number) })
    }

    fn unsubscribe(&self, id: u64) -> bool {
        Self::unsubscribe(self, id)
    }

    fn mute(&self, id: u64, muted: bool) -> bool {
        Self::mute(self, id, muted)
    }

    fn resume(&self, id: u64) -> bool {
        Self::resume(self, id)
    }

    fn follow(&self, _: &mut Option<ringbus::Cursor>) -> u64 {
        Self::follow(self)
    }

    fn follower(&self) -> Option<ringbus::Cursor> {
        None
    }

    fn enable(&self, enabled: bool) {
        self.set_enabled(enabled);
    }

    fn reset(&self) {
        Self::reset(self);
    }

    fn recent(&self, limit: usize) -> Vec<bus::Event> {
        Self::recent(self, limit)
    }

    fn query(&self, patterns: &[String], source: Option<&str>, limit: usize) -> Option<Vec<bus::Event>> {
        if patterns.is_empty() || !patterns.iter().all(|pattern| is_good(pattern, true)) {
            return None;
        }
        let mut found = Self::recent(self, usize::MAX);
        found.retain(|event| bus::selects(patterns, &event.kind) && (source.is_none() || event.source == source));
        found.truncate(limit);
        Some(found)
    }

    fn count(&self, kind: &str) -> usize {
        self.lock().subscriptions.iter().filter(|one| bus::selects(&one.patterns, kind)).count()
    }

    fn view(&self) -> View {
        let (recent, state) = (Self::recent(self, usize::MAX), self.lock());
        let names = state.subscriptions.iter().flat_map(|one| one.patterns.iter());
        let names = names.filter(|text| is_good(text, false)).cloned();
        let kinds = BTreeSet::<String>::from_iter(names).into_iter().collect();
        let info = |one: &bus::Subscription| Info {
            id: format!("#{}", one.id),
            name: Some(if one.object.is_some() { "object" } else { "closure" }.to_owned()),
            patterns: one.patterns.join(", "),
            order: one.wishes.order,
            muted: one.muted,
            quarantined: one.quarantined && !one.muted,
            counts: one.counts.clone(),
        };
        let subscriptions = state.subscriptions.iter().map(info).collect();
        View { stats: stats(&state, &recent, self.options.history), recent, kinds, subscriptions }
    }

    fn close(guard: &Guard) -> bool {
        guard.0.as_ref().is_some_and(|bus| bus.close(guard.1))
    }

    fn detach(mut guard: Guard) {
        guard.0 = None;
    }

    fn is_active(guard: &Guard) -> bool {
        guard.0.as_ref().is_some_and(|bus| bus.is_active(guard.1))
    }

    fn end(_: Self, _: Vec<Guard>) {}

    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, u64) {
        let made =
            Self::subscribe(self, &object.patterns, &Wishes::default(), Some(object.number), object.handler.clone());
        (made.is_ok(), made.unwrap_or_else(|id| id))
    }

    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool {
        let found = self.lock().subscriptions.iter().find(|one| one.object == Some(object.number)).map(|one| one.id);
        found.is_some_and(|id| self.unsubscribe(id))
    }
}
