//! The two buses under one face: the real one, and the reference.

use std::cell::Cell;
use std::sync::Arc;

use ringbus::{
    BoxError, Bus, CloseError, Delivery, Event, IntoSelector, Kind, Outcome, Selector, Stats, Subscription,
    SubscriptionId, publish_event,
};

use crate::bus::{self, Handler, Reference, is_good};
use crate::operations::{End, Options, SITES};

/// A handler's planned panic: the hook of this test binary prints nothing for it.
pub(crate) struct Planned;

/// How a publisher tells the kind.
#[derive(Clone, Debug)]
pub(crate) enum Kinded {
    Site(usize),
    Text(String),
    Interned(&'static str),
}

/// What a publish came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) delivered: u32,
    pub(crate) failed: u32,
    /// The event's number, where one was made.
    pub(crate) number: Option<u64>,
}

/// What a bus tells of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Info {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) patterns: String,
    pub(crate) order: i32,
    pub(crate) ended: [u64; 3],
}

/// What there is to see of a bus from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) recent: Vec<bus::Event>,
    pub(crate) stats: Stats,
    pub(crate) kinds: Vec<String>,
    pub(crate) subscriptions: Vec<Info>,
}

/// A bus, as the driver knows it.
pub(crate) trait Target: Clone + Send + Sync + 'static {
    type Id: Copy + Send;
    type Guard: Send;

    fn new(options: &Options) -> Self;
    /// Inside a handler: the bus that is calling it.
    fn current(&self) -> Self;
    /// Nothing where the patterns are bad.
    fn subscribe(&self, patterns: &[String], order: i32, handler: Handler) -> Option<(Self::Id, Self::Guard)>;
    fn publish(&self, kind: &Kinded, source: Option<&'static str>, number: u64) -> Answer;
    /// Publishes the event that lies so far back again.
    fn republish(&self, back: usize) -> Option<Answer>;
    fn unsubscribe(&self, id: Self::Id) -> bool;
    fn enable(&self, enabled: bool);
    fn reset(&self);
    fn recent(&self, limit: usize) -> Vec<bus::Event>;
    /// Nothing where the patterns are bad.
    fn query(&self, patterns: &[String], source: Option<&str>, limit: usize) -> Option<Vec<bus::Event>>;
    fn count(&self, kind: &str) -> usize;
    fn view(&self) -> View;

    /// `false` where it did not wait, inside a handler.
    fn close(guard: &Self::Guard) -> bool;
    fn detach(guard: Self::Guard);
    fn is_active(guard: &Self::Guard) -> bool;
    /// Drops the bus, then the guards.
    fn end(bus: Self, guards: Vec<Self::Guard>);

    /// Subscribes the object of that number, whatever it was asked for when it was made; with `false` the id that it
    /// has already.
    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, Self::Id);
    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool;
}

/// A handler object.
pub(crate) struct Object {
    pub(crate) number: usize,
    pub(crate) patterns: Vec<String>,
    pub(crate) handler: Handler,
}

impl ringbus::Handler for Object {
    fn handle(&self, event: &Event) -> Result<(), BoxError> {
        call(&self.handler, event)
    }

    fn name(&self) -> &str {
        "object"
    }

    fn selector(&self) -> Selector {
        self.patterns.clone().into_selector().unwrap()
    }
}

// === the real one ===

fn read(event: &Event) -> bus::Event {
    bus::Event {
        number: event.get("n").unwrap().as_u64().unwrap(),
        kind: event.kind().to_string(),
        source: event.source().map(|source| if source == "thirds" { "thirds" } else { "?" }),
    }
}

fn call(handler: &Handler, event: &Event) -> Result<(), BoxError> {
    match handler(&read(event)) {
        End::Fine => Ok(()),
        End::Error => Err("planned".into()),
        End::Panic => std::panic::panic_any(Planned),
    }
}

fn answer(delivery: &Delivery) -> Answer {
    let Delivery { outcome, delivered, failed, .. } = *delivery;
    assert_eq!(outcome.is_accepted(), delivery.event.is_some());
    assert_eq!(outcome == Outcome::InvalidKind, delivery.invalid_kind.is_some());
    Answer { outcome, delivered, failed, number: delivery.event.as_ref().map(|event| read(event).number) }
}

/// Publishes at the call site of that number.
fn publish_at(bus: &Bus, site: usize, source: Option<&str>, number: impl Fn() -> u64) -> Delivery {
    macro_rules! sites {
        ($($at:literal $kind:literal),*) => {
            match site {
                $($at => {
                    assert_eq!(SITES[$at], $kind);
                    publish_event!(bus: bus, $kind, source: source, n = number())
                })*
                _ => unreachable!("there is no such site"),
            }
        };
    }
    sites!(0 "a", 1 "b", 2 "a.b", 3 "b.a", 4 "a.b.c", 5 "c.b.a")
}

impl Target for Bus {
    type Id = SubscriptionId;
    type Guard = Subscription;

    fn new(options: &Options) -> Self {
        let Options { history, shards, depth_limit, enabled, bad_hook } = *options;
        let builder = Self::builder().history(history).shards(shards).depth_limit(depth_limit).enabled(enabled);
        let builder = if bad_hook { builder.on_failure(|_| std::panic::panic_any(Planned)) } else { builder };
        builder.build().unwrap()
    }

    fn current(&self) -> Self {
        let current = ringbus::current().expect("a handler runs on a bus");
        assert!(self.same_bus(&current));
        current
    }

    fn subscribe(&self, patterns: &[String], order: i32, handler: Handler) -> Option<(SubscriptionId, Subscription)> {
        let request = self.on(patterns).ok()?.order(order).named("closure");
        let guard = request.try_subscribe(move |event| call(&handler, event));
        Some((guard.id(), guard))
    }

    fn publish(&self, kind: &Kinded, source: Option<&'static str>, number: u64) -> Answer {
        let evaluated = Cell::new(false);
        let value = || {
            evaluated.set(true);
            number
        };
        let delivery = match kind {
            Kinded::Site(site) => publish_at(self, *site, source, value),
            Kinded::Text(kind) => publish_event!(bus: self, kind: kind, source: source, n = value()),
            Kinded::Interned(kind) => {
                let builder = Event::builder(Kind::from_static(kind).unwrap()).field("n", number);
                let builder = if let Some(source) = source { builder.source(source) } else { builder };
                return answer(&Self::publish(self, builder.build().unwrap()));
            }
        };
        assert_eq!(evaluated.get(), delivery.event.is_some(), "arguments are evaluated for an event alone");
        answer(&delivery)
    }

    fn republish(&self, back: usize) -> Option<Answer> {
        let event = Self::recent(self, back + 1).into_iter().nth(back)?;
        let delivery = Self::publish(self, event.clone());
        assert!(delivery.event.as_ref().is_none_or(|again| Event::same_instance(again, &event)));
        Some(answer(&delivery))
    }

    fn unsubscribe(&self, id: SubscriptionId) -> bool {
        Self::unsubscribe(self, id)
    }

    fn enable(&self, enabled: bool) {
        if enabled { Self::enable(self) } else { self.disable() }
    }

    fn reset(&self) {
        Self::reset(self);
    }

    fn recent(&self, limit: usize) -> Vec<bus::Event> {
        Self::recent(self, limit).iter().map(read).collect()
    }

    fn query(&self, patterns: &[String], source: Option<&str>, limit: usize) -> Option<Vec<bus::Event>> {
        let history = self.history().matching(patterns).ok()?;
        let history = if let Some(source) = source { history.source(source) } else { history };
        Some(history.take(limit).iter().map(read).collect())
    }

    fn count(&self, kind: &str) -> usize {
        self.subscriber_count(kind)
    }

    fn view(&self) -> View {
        let info = |info: ringbus::SubscriptionInfo| Info {
            id: info.id.to_string(),
            name: info.name,
            patterns: info.selector,
            order: info.order,
            ended: [info.delivered, info.failed - info.panicked, info.panicked],
        };
        assert_eq!(self.is_enabled(), self.stats().enabled);
        View {
            recent: Target::recent(self, usize::MAX),
            stats: self.stats(),
            kinds: self.kinds().iter().map(ToString::to_string).collect(),
            subscriptions: self.subscriptions().into_iter().map(info).collect(),
        }
    }

    fn close(guard: &Subscription) -> bool {
        match guard.close() {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error, CloseError::InsideHandler);
                false
            }
        }
    }

    fn detach(guard: Subscription) {
        guard.detach();
    }

    fn is_active(guard: &Subscription) -> bool {
        guard.is_active()
    }

    fn end(bus: Self, guards: Vec<Subscription>) {
        let weak = bus.downgrade();
        drop(bus);
        assert!(weak.upgrade().is_none(), "somebody keeps the bus alive");
        assert!(guards.iter().all(|guard| !guard.is_active() && guard.close().is_ok()));
    }

    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, SubscriptionId) {
        match self.subscribe_handler(object.clone()) {
            Ok(id) => (true, id),
            Err(already) => (false, already.id()),
        }
    }

    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool {
        self.unsubscribe_handler(object)
    }
}

// === the reference ===

/// A guard of the reference; dropping it unsubscribes.
pub(crate) struct Guard(Option<Reference>, u64);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(bus) = &self.0 {
            bus.unsubscribe(self.1);
        }
    }
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

    fn subscribe(&self, patterns: &[String], order: i32, handler: Handler) -> Option<(u64, Guard)> {
        if patterns.is_empty() || !patterns.iter().all(|pattern| is_good(pattern, true)) {
            return None;
        }
        let id = Self::subscribe(self, patterns, order, None, handler).unwrap();
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
        let (recent, stats) = (Self::recent(self, usize::MAX), self.stats());
        let state = self.lock();
        let exact = |one: &bus::Subscription| one.patterns.clone().into_iter().filter(|text| is_good(text, false));
        let mut kinds: Vec<_> = state.subscriptions.iter().flat_map(exact).collect();
        kinds.sort();
        kinds.dedup();
        let info = |one: &bus::Subscription| Info {
            id: format!("#{}", one.id),
            name: Some(if one.object.is_some() { "object" } else { "closure" }.to_owned()),
            patterns: one.patterns.join(", "),
            order: one.order,
            ended: one.ended,
        };
        View { recent, stats, kinds, subscriptions: state.subscriptions.iter().map(info).collect() }
    }

    fn close(guard: &Guard) -> bool {
        guard.0.as_ref().is_some_and(|bus| bus.close(guard.1))
    }

    fn detach(mut guard: Guard) {
        guard.0 = None;
    }

    fn is_active(guard: &Guard) -> bool {
        guard.0.as_ref().is_some_and(|bus| bus.is_subscribed(guard.1))
    }

    fn end(_: Self, _: Vec<Guard>) {}

    fn subscribe_object(&self, object: &Arc<Object>) -> (bool, u64) {
        let made = Self::subscribe(self, &object.patterns, 0, Some(object.number), object.handler.clone());
        (made.is_ok(), made.unwrap_or_else(|id| id))
    }

    fn unsubscribe_object(&self, object: &Arc<Object>) -> bool {
        let found = self.lock().subscriptions.iter().find(|one| one.object == Some(object.number)).map(|one| one.id);
        found.is_some_and(|id| self.unsubscribe(id))
    }
}
