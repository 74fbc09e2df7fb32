//! The reference bus under its face.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringbus::{Stats, Totals};

use super::{Draft, Explained, Info, New, Object, Published, Subscribed, Target, View, WarningHook};
use crate::bus::{self, Event, Form, Guard, Reference, WeakReference, is_good, selects};
use crate::operations::{BagEnd, Options, Own, PAYLOAD, SITES, Takes, Wishes};

fn event(draft: &Draft, source: Option<&'static str>, number: u64) -> Event {
    let kind = match draft {
        Draft::Site(site) | Draft::Built(site, _) => SITES[*site],
        Draft::Text(text) => text,
        Draft::Interned(text) => text,
        Draft::Payload(_) | Draft::Impostor | Draft::Odd => PAYLOAD,
    };
    let form = match draft {
        Draft::Payload(_) => Form::Payload,
        Draft::Odd => Form::Odd,
        _ => Form::Fields,
    };
    let own = if let Draft::Built(_, own) = draft { Some(*own) } else { None };
    let source = source.filter(|_| form != Form::Payload);
    let handled = bus::handled();
    let correlated = own.is_some_and(|own| own.correlated) || handled.as_ref().is_some_and(|event| event.correlated);
    let hops = handled.map_or(0, |event| event.hops + 1);
    let own = own.map(|own| Own { correlated: false, ..own });
    Event { number, kind: kind.to_owned(), source, form, own, correlated, hops }
}

impl Target for Reference {
    type Id = u64;
    type Guard = Guard;
    type Weak = WeakReference;
    type Cursor = ();
    type Reports = ();

    fn new(options: &Options, warn: WarningHook) -> (Self, ()) {
        (Self::new(options, warn), ())
    }

    fn downgrade(&self) -> WeakReference {
        Self::downgrade(self)
    }

    fn upgrade(weak: &WeakReference) -> Option<Self> {
        weak.upgrade()
    }

    fn same(&self, other: &Self) -> bool {
        Self::same(self, other)
    }

    fn current() -> Option<Self> {
        bus::current()
    }

    fn default_bus() -> Option<Self> {
        bus::default()
    }

    fn with_default(&self, call: impl FnOnce()) {
        bus::with_default(self, call);
    }

    fn carried(call: impl FnOnce() + Send) -> impl FnOnce() + Send {
        bus::carried(call)
    }

    fn subscribe(&self, mut new: New) -> Subscribed<Self> {
        match new.wishes.takes {
            Takes::Events => {}
            Takes::Payloads | Takes::Decoded => new.patterns = vec![PAYLOAD.to_owned()],
            Takes::Impostors => return Subscribed::Refused,
        }
        if new.patterns.is_empty() || !new.patterns.iter().all(|pattern| is_good(pattern, true)) {
            return Subscribed::Refused;
        }
        match Self::subscribe(self, new) {
            Ok(guard) => Subscribed::Made(guard.id, guard),
            Err(unwound) => Subscribed::Unwound(unwound),
        }
    }

    fn publish(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published {
        match draft {
            Draft::Impostor => Ok(self.publish_impostor()),
            _ => Self::publish(self, &event(draft, source, number)),
        }
    }

    fn publish_default(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published {
        Target::publish(self, draft, source, number)
    }

    fn republish(&self, back: usize, to: &Self) -> Option<Published> {
        let event = Self::recent(self, back + 1).into_iter().nth(back)?;
        Some(to.publish(&event))
    }

    fn unsubscribe(&self, id: u64) -> bool {
        Self::unsubscribe(self, id)
    }

    fn unsubscribe_all(&self) -> usize {
        Self::unsubscribe_all(self)
    }

    fn mute(&self, id: u64, muted: bool) -> bool {
        Self::mute(self, id, muted)
    }

    fn resume(&self, id: u64) -> bool {
        Self::resume(self, id)
    }

    fn enable(&self, enabled: bool) {
        self.set_enabled(enabled);
    }

    fn reset(&self) {
        Self::reset(self);
    }

    fn recent(&self, limit: usize) -> Vec<Event> {
        Self::recent(self, limit)
    }

    fn query(
        &self,
        patterns: &[String],
        source: Option<&str>,
        [since, until]: [Option<u64>; 2],
        limit: usize,
    ) -> Option<Vec<Event>> {
        let good = !patterns.is_empty() && patterns.iter().all(|pattern| is_good(pattern, true));
        good.then(|| Self::query(self, patterns, source, since, until, limit))
    }

    fn cursor(&self) {}

    fn follow(&self, (): &mut ()) -> (Vec<Event>, u64) {
        Self::follow(self)
    }

    fn skip(&self, (): &mut ()) {
        Self::follow(self);
    }

    fn stats(&self) -> Stats {
        Self::stats(self)
    }

    fn since(later: &Stats, earlier: &Stats) -> Result<Totals, (u64, u64)> {
        let same = later.resets == earlier.resets;
        if same { Ok(bus::minus(&later.totals, &earlier.totals)) } else { Err((earlier.resets, later.resets)) }
    }

    fn count(&self, kind: &str) -> usize {
        self.lock().listed().filter(|one| selects(&one.patterns, kind)).count()
    }

    fn view(&self) -> View {
        let (recent, stats, state) = (Self::recent(self, usize::MAX), Self::stats(self), self.lock());
        let names = state.listed().flat_map(|one| one.patterns.iter()).filter(|text| is_good(text, false)).cloned();
        let kinds = BTreeSet::<String>::from_iter(names).into_iter().collect();
        View { recent, stats, kinds, subscriptions: state.listed().map(|one| one.info()).collect() }
    }

    fn explain(&self, kind: &str) -> Explained {
        Self::explain(self, kind)
    }

    fn close(guard: &Guard) -> bool {
        guard.close()
    }

    fn leave(guard: Guard) {
        guard.unsubscribe();
    }

    fn detach(guard: Guard) {
        guard.detach();
    }

    fn is_active(guard: &Guard) -> bool {
        guard.is_active()
    }

    fn info(guard: &Guard) -> Info {
        guard.info()
    }

    fn mute_by(guard: &Guard, muted: bool) -> bool {
        guard.mute(muted)
    }

    fn resume_by(guard: &Guard) -> bool {
        guard.resume()
    }

    fn bag(mut guards: Vec<Guard>, end: BagEnd) -> (Option<bool>, Vec<Guard>) {
        match end {
            BagEnd::Drop | BagEnd::Clear => {
                guards.into_iter().for_each(drop);
                (None, Vec::new())
            }
            BagEnd::SaveFirst => {
                guards.drain(1.min(guards.len())..).for_each(drop);
                (None, guards)
            }
            BagEnd::Close | BagEnd::CloseTimeout => {
                guards.iter().for_each(Guard::unsubscribe);
                let waited = guards.iter().filter(|guard| !guard.close()).count() == 0;
                (Some(waited), guards)
            }
        }
    }

    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, u64) {
        let new = New {
            label: object.label,
            name: Some(super::name(object.label)),
            patterns: object.patterns.clone(),
            wishes: Wishes::default(),
            fallible: true,
            handler: object.handler.clone(),
            ask: object.ask.clone(),
        };
        let made = Self::subscribe_object(self, object.label, new);
        (made.is_ok(), made.unwrap_or_else(|id| id))
    }

    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool {
        self.object(object.label).is_some_and(|id| self.unsubscribe(id))
    }
}
