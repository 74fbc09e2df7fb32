//! The real bus under its face.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ringbus::{
    BoxError, Bus, CloseError, Cursor, Delivery, Event, FailurePolicy, IntoSelector, Kind, Outcome, Reentrancy,
    Selector, Subscription, SubscriptionId, SubscriptionState, publish_event,
};

use super::{Answer, Info, Kinded, Object, Planned, Target, View};
use crate::bus::{self, Handler};
use crate::operations::{End, Options, SITES, Wishes};

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

impl Target for Bus {
    type Id = SubscriptionId;
    type Guard = Subscription;

    fn new(options: &Options) -> Self {
        let Options { history, shards, depth_limit, enabled, bad_hook, deferred } = *options;
        let builder = Self::builder().history(history).shards(shards).depth_limit(depth_limit).enabled(enabled);
        let builder = match deferred {
            Some(limit) => builder.reentrancy(Reentrancy::Deferred).deferred_limit(limit),
            None => builder,
        };
        let builder = if bad_hook { builder.on_failure(|_| std::panic::panic_any(Planned)) } else { builder };
        builder.build().unwrap()
    }

    fn current(&self) -> Self {
        let current = ringbus::current().expect("a handler runs on a bus");
        assert!(self.same_bus(&current));
        current
    }

    fn subscribe(
        &self,
        patterns: &[String],
        wishes: &Wishes,
        handler: Handler,
    ) -> Option<(SubscriptionId, Subscription)> {
        let mut request = self.on(patterns).ok()?.order(wishes.order).named("closure");
        if wishes.filter {
            request = request.filter(|event| event.source() == Some("thirds"));
        }
        if let Some(limit) = wishes.limit {
            request = request.limit(limit);
        }
        if let Some(after) = wishes.quarantine_after.and_then(NonZeroU32::new) {
            request = request.failure_policy(FailurePolicy::Quarantine { after });
        }
        if let Some(newest) = wishes.replay {
            request = request.replay(newest);
        }
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

    fn mute(&self, id: SubscriptionId, muted: bool) -> bool {
        if muted { Self::mute(self, id) } else { self.unmute(id) }
    }

    fn resume(&self, id: SubscriptionId) -> bool {
        Self::resume(self, id)
    }

    fn follow(&self, cursor: &mut Option<Cursor>) -> u64 {
        let batch = cursor.as_mut().map(Cursor::read).expect("nobody follows twice at once");
        batch.events.len() as u64 + batch.missed
    }

    fn follower(&self) -> Option<Cursor> {
        Some(self.cursor())
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
            muted: info.state == SubscriptionState::Muted,
            quarantined: info.state == SubscriptionState::Quarantined,
            counts: bus::Counts {
                ended: [info.delivered, info.failed - info.panicked, info.panicked],
                skipped: info.skipped,
                quarantined: info.quarantined,
                lagged: info.lagged,
            },
        };
        // The model knows no time, and not which kinds are interned.
        let mut stats = self.stats();
        let by_kind = std::mem::take(&mut stats.published_by_kind).values().sum::<u64>();
        assert_eq!(by_kind + std::mem::take(&mut stats.published_of_other_kinds), stats.totals.published);
        stats.uptime = Duration::ZERO;
        assert_eq!(self.is_enabled(), stats.enabled);
        View {
            recent: Target::recent(self, usize::MAX),
            stats,
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
