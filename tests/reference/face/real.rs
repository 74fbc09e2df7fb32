//! The real bus under its face.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{
    Bus, CloseError, Cursor, Delivery, Event, FailureCause, Outcome, Reentrancy, Stats, StatsMismatch, Subscription,
    SubscriptionId, SubscriptionInfo, Subscriptions, Totals, Warning, WeakBus,
};

use super::handlers::subscribed;
use super::sites::{self, read, time};
use super::{
    Answer, Draft, Explained, Info, New, Object, Planned, Published, Report, Subscribed, Target, View, Warned,
    WarningHook,
};
use crate::bus;
use crate::operations::{BagEnd, Options, SITES};

/// What the failure hook was told, each with the number of those that it says were suppressed.
pub(crate) type Reports = Arc<Mutex<Vec<(Report, u64)>>>;

// === what is told ===

/// What was let go on in the publisher; any other panic goes on here too.
fn unwound(payload: Box<dyn Any + Send>) -> String {
    if let Some(Planned(label)) = payload.downcast_ref() {
        return format!("panic of {}", super::name(*label));
    }
    let Some(report) = payload.downcast_ref::<String>() else { resume_unwind(payload) };
    // `handler NAME failed on KIND: …`
    match report.split(' ').collect::<Vec<_>>()[..] {
        ["handler", name, "failed", "on", ..] => format!("error of {name}"),
        _ => resume_unwind(payload),
    }
}

fn published(publish: impl FnOnce() -> Delivery) -> Published {
    let delivery = catch_unwind(AssertUnwindSafe(publish)).map_err(unwound)?;
    let Delivery { outcome, delivered, failed, .. } = delivery;
    assert_eq!(outcome.is_accepted(), delivery.event.is_some());
    assert_eq!(outcome == Outcome::InvalidKind, delivery.invalid_kind().is_some());
    assert_eq!(outcome == Outcome::KindTaken, delivery.kind_taken().is_some());
    Ok(Answer { outcome, delivered, failed, number: delivery.event.as_ref().map(|event| read(event).number) })
}

fn info(info: SubscriptionInfo) -> Info {
    assert!(info.place.file().contains("reference/face/"), "{info}");
    assert_eq!((info.slow, info.latency.is_some()), (0, info.delivered + info.failed > 0), "{info}");
    Info {
        id: info.id.to_string(),
        name: info.name,
        patterns: info.selector,
        order: info.order,
        state: info.state,
        muted: false,
        counts: bus::Counts {
            ended: [info.delivered, info.failed - info.panicked, info.panicked],
            skipped: info.skipped,
            quarantined: info.quarantined,
            lagged: info.lagged,
        },
    }
}

/// Ids show as `#1`.
fn number(id: SubscriptionId) -> u64 {
    id.to_string()[1..].parse().unwrap()
}

/// The hook; nothing that the model could not know.
fn warned(warning: &Warning<'_>) -> Warned {
    let named = |name: Option<&str>| name.map(str::to_owned);
    match warning {
        Warning::Unheard { event } => Warned::Unheard(read(event)),
        Warning::DroppedAtOnce { subscription } => {
            Warned::DroppedAtOnce(number(subscription.id), named(subscription.name))
        }
        Warning::Lagged { subscription, missed } => {
            Warned::Lagged(number(subscription.id), named(subscription.name), *missed)
        }
        other => unreachable!("{other}"),
    }
}

impl Target for Bus {
    type Id = SubscriptionId;
    type Guard = Subscription;
    type Weak = WeakBus;
    type Cursor = Cursor;
    type Reports = Reports;

    fn new(options: &Options, warn: WarningHook) -> (Self, Reports) {
        sites::prepare();
        let Options { history, shards, strict, depth_limit, hop_limit, enabled, bad_hook, deferred } = *options;
        let builder = Self::builder().history(history).shards(shards).depth_limit(depth_limit).enabled(enabled);
        let builder = builder.hop_limit(hop_limit);
        let builder = match deferred {
            Some(limit) => builder.reentrancy(Reentrancy::Deferred).deferred_limit(limit),
            None => builder,
        };
        let reports = Reports::default();
        let list = Arc::clone(&reports);
        let builder = builder.strict_order(strict).on_failure(move |failure| {
            let report = Report {
                id: number(failure.subscription),
                name: failure.name.map(str::to_owned),
                number: read(failure.event).number,
                panicked: matches!(failure.cause, FailureCause::Panic(_)),
                quarantined: failure.quarantined,
            };
            list.lock().unwrap().push((report, failure.suppressed));
            if bad_hook {
                panic_any(Planned(0));
            }
        });
        let builder = builder.on_warning(move |warning| {
            warn(warned(warning));
            if bad_hook {
                panic_any(Planned(0));
            }
        });
        (builder.build().unwrap(), reports)
    }

    fn downgrade(&self) -> WeakBus {
        Self::downgrade(self)
    }

    fn upgrade(weak: &WeakBus) -> Option<Self> {
        weak.upgrade()
    }

    fn same(&self, other: &Self) -> bool {
        self.same_bus(other)
    }

    fn current() -> Option<Self> {
        ringbus::current()
    }

    fn default_bus() -> Option<Self> {
        let bus = ringbus::default_bus();
        (!bus.same_bus(ringbus::global())).then_some(bus)
    }

    fn with_default(&self, call: impl FnOnce()) {
        ringbus::with_default(self, call);
    }

    fn carried(call: impl FnOnce() + Send) -> impl FnOnce() + Send {
        ringbus::propagate(call)
    }

    fn subscribe(&self, new: New) -> Subscribed<Self> {
        match catch_unwind(AssertUnwindSafe(|| subscribed(self, new))) {
            Ok(Some(guard)) => Subscribed::Made(guard.id(), guard),
            Ok(None) => Subscribed::Refused,
            Err(payload) => Subscribed::Unwound(unwound(payload)),
        }
    }

    fn publish(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published {
        published(|| sites::publish(Some(self), draft, source, number))
    }

    fn publish_default(&self, draft: &Draft, source: Option<&'static str>, number: u64) -> Published {
        published(|| sites::publish(None, draft, source, number))
    }

    fn republish(&self, back: usize, to: &Self) -> Option<Published> {
        let event = Self::recent(self, back + 1).into_iter().nth(back)?;
        Some(published(|| {
            let delivery = Self::publish(to, event.clone());
            assert!(delivery.event.as_ref().is_none_or(|again| Event::same_instance(again, &event)));
            delivery
        }))
    }

    fn unsubscribe(&self, id: SubscriptionId) -> bool {
        Self::unsubscribe(self, id)
    }

    fn unsubscribe_all(&self) -> usize {
        Self::unsubscribe_all(self)
    }

    fn mute(&self, id: SubscriptionId, muted: bool) -> bool {
        if muted { Self::mute(self, id) } else { self.unmute(id) }
    }

    fn resume(&self, id: SubscriptionId) -> bool {
        Self::resume(self, id)
    }

    fn enable(&self, enabled: bool) {
        if enabled { Self::enable(self) } else { self.disable() }
    }

    fn reset(&self) {
        Self::reset(self);
    }

    fn recent(&self, limit: usize) -> Vec<bus::Event> {
        let read = |events: Vec<Event>| events.iter().map(read).collect::<Vec<_>>();
        let recent = read(Self::recent(self, limit));
        assert_eq!(read(self.try_recent(limit).unwrap()), recent);
        recent
    }

    fn query(
        &self,
        patterns: &[String],
        source: Option<&str>,
        [since, until]: [Option<u64>; 2],
        limit: usize,
    ) -> Option<Vec<bus::Event>> {
        let mut history = self.history().matching(patterns).ok()?;
        if let Some(source) = source {
            history = history.source(source);
        }
        if let Some(since) = since {
            history = history.since(time(since));
        }
        if let Some(until) = until {
            history = history.until(time(until));
        }
        Some(history.take(limit).iter().map(read).collect())
    }

    fn cursor(&self) -> Cursor {
        Self::cursor(self)
    }

    fn follow(&self, cursor: &mut Cursor) -> (Vec<bus::Event>, u64) {
        let batch = cursor.read();
        (batch.events.iter().map(read).collect(), batch.missed)
    }

    fn skip(&self, cursor: &mut Cursor) {
        cursor.skip_to_end();
    }

    fn stats(&self) -> Stats {
        let mut stats = Self::stats(self);
        // Which kinds the process has interned the model does not know; those of the sites are.
        let by_kind = std::mem::take(&mut stats.published_by_kind);
        let (sites, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            by_kind.into_iter().partition(|(kind, _)| SITES.contains(&&**kind));
        stats.published_by_kind = sites;
        stats.published_of_other_kinds += others.values().sum::<u64>();
        assert_eq!(self.is_enabled(), stats.enabled);
        stats
    }

    fn since(later: &Stats, earlier: &Stats) -> Result<Totals, (u64, u64)> {
        match later.since(earlier) {
            Ok(delta) => Ok(delta.totals),
            Err(StatsMismatch::Reset { earlier, later }) => Err((earlier, later)),
            Err(other) => unreachable!("{other}"),
        }
    }

    fn count(&self, kind: &str) -> usize {
        self.subscriber_count(kind)
    }

    fn view(&self) -> View {
        // The model knows no time.
        let mut stats = Target::stats(self);
        stats.uptime = Duration::ZERO;
        View {
            recent: Target::recent(self, usize::MAX),
            stats,
            kinds: self.kinds().iter().map(ToString::to_string).collect(),
            subscriptions: self.subscriptions().into_iter().map(info).collect(),
        }
    }

    fn explain(&self, kind: &str) -> Explained {
        let explained = Self::explain(self, kind);
        assert_eq!(explained.kind, kind);
        let gone = |gone: ringbus::Gone| (gone.id.to_string(), gone.name, gone.selector, Some(gone.by));
        Explained {
            good: explained.invalid.is_none(),
            enabled: explained.enabled,
            verdicts: explained
                .subscriptions
                .into_iter()
                .map(|one| (info(one.info), one.verdict.to_string()))
                .collect(),
            gone: explained.gone.into_iter().map(gone).collect(),
        }
    }

    fn close(guard: &Subscription) -> bool {
        closed(guard.close())
    }

    fn leave(guard: Subscription) {
        guard.unsubscribe();
    }

    fn detach(guard: Subscription) {
        guard.detach();
    }

    fn is_active(guard: &Subscription) -> bool {
        guard.is_active()
    }

    fn info(guard: &Subscription) -> Info {
        let told = guard.info();
        assert_eq!((told.id, told.name.as_deref(), told.state), (guard.id(), guard.name(), guard.state()));
        Info { muted: guard.is_muted(), ..info(told) }
    }

    fn mute_by(guard: &Subscription, muted: bool) -> bool {
        if muted { guard.mute() } else { guard.unmute() }
    }

    fn resume_by(guard: &Subscription) -> bool {
        guard.resume()
    }

    fn bag(guards: Vec<Subscription>, end: BagEnd) -> (Option<bool>, Vec<Subscription>) {
        let count = guards.len();
        let mut bag: Subscriptions = guards.into_iter().collect();
        assert_eq!((bag.len(), bag.is_empty(), bag.iter().count()), (count, count == 0, count));
        let answer = match end {
            BagEnd::Drop => {
                drop(bag);
                return (None, Vec::new());
            }
            BagEnd::Clear => {
                bag.clear();
                None
            }
            BagEnd::SaveFirst => return (None, bag.into_iter().next().into_iter().collect()),
            BagEnd::Close => Some(closed(bag.close())),
            BagEnd::CloseTimeout => Some(closed(bag.close_timeout(Duration::MAX))),
        };
        (answer, bag.into_iter().collect())
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

/// Whether it waited.
fn closed(result: Result<(), CloseError>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error, CloseError::InsideHandler);
            false
        }
    }
}
