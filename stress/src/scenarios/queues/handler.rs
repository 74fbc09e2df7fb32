//! Subscriptions as planned, and what their handlers do: they note what came, publish, suspend, fail and panic.

use std::num::NonZeroU32;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use ringbus::{
    BoxError, Breaker, Bus, CalledByWorkers, Event, EventStream, FailurePolicy, Queued, Receiver, Retry, Subscribe,
    Subscription,
};

use super::executor::{Executor, suspend};
use super::plan::{Call, End, Guard, HOP_LIMIT, Kind, PRIORITIES, Plan, Way};
use super::play::{Attempt, Play};
use super::publisher;
use crate::checksum::{Stamp, Typed, mix};
use crate::ledger::{BEGUN, LIVE};
use crate::scenarios::Planned;

/// How long a call may take that never comes to its end.
const ALLOWED: Duration = Duration::from_millis(1);

/// What is taken out of by a thread of the scenario.
pub enum Taken {
    /// Nothing: there is a handler.
    None,
    Receiver(Receiver),
    Stream(EventStream),
}

/// A call under way.
struct Inside(Arc<Play>, usize);

impl Inside {
    fn new(play: &Arc<Play>, which: usize) -> Self {
        play.actors[which].inside.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(play), which)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.actors[self.1].inside.fetch_sub(1, Ordering::Release);
    }
}

/// Begins one, and says so before and after.
pub fn begin(play: &Arc<Play>, bus: &Bus, executor: &Executor, which: usize) -> Taken {
    let actor = &play.actors[which];
    actor.phase.store(BEGUN, Ordering::Relaxed);
    // See `publisher::publish`.
    fence(Ordering::SeqCst);
    let made = if actor.plan.is_typed() { typed(play, bus, executor, which) } else { make(play, bus, executor, which) };
    let taken = play.heed(made.map_err(|error| format!("P12: {which}: {error}; {:?}", actor.plan)));
    actor.phase.store(LIVE, Ordering::Release);
    taken.unwrap_or(Taken::None)
}

fn make(play: &Arc<Play>, bus: &Bus, executor: &Executor, which: usize) -> Result<Taken, BoxError> {
    let actor = &play.actors[which];
    let plan = &actor.plan;
    let (token, mine) = (Arc::new(()), Arc::clone(play));
    let seen = Arc::downgrade(&token);
    let called = move |event: &Event| {
        let _token = &token;
        call(&mine, which, event)
    };
    let on = guarded(bus.on(plan.kinds())?.named(format!("stress-{which}")), plan);
    let guard = match plan.way {
        Way::Sync => on.try_subscribe(called),
        Way::Thread => worked(queued(on.in_thread(), plan), plan).try_subscribe(called)?,
        Way::Pool(threads) => worked(queued(on.in_pool(threads), plan), plan).try_subscribe(called)?,
        Way::Receiver => return Ok(Taken::Receiver(queued(on.queued(), plan).receiver()?)),
        Way::Stream => return Ok(Taken::Stream(queued(on.queued(), plan).stream()?)),
        Way::Tasks(tasks) => {
            let (token, play) = (Arc::new(()), Arc::clone(play));
            *actor.token.lock() = Arc::downgrade(&token);
            let on = on.on_executor(executor.spawner()).concurrency(tasks);
            let handler = move |event: Event| {
                let (token, play) = (Arc::clone(&token), Arc::clone(&play));
                async move {
                    let _token = token;
                    call_async(&play, which, &event).await
                }
            };
            *actor.guard.lock() = Some(worked(queued(on, plan), plan).try_subscribe(handler)?);
            return Ok(Taken::None);
        }
    };
    *actor.token.lock() = seen;
    *actor.guard.lock() = Some(guard);
    Ok(Taken::None)
}

/// One that takes the Rust type.
fn typed(play: &Arc<Play>, bus: &Bus, executor: &Executor, which: usize) -> Result<Taken, BoxError> {
    let actor = &play.actors[which];
    let (token, play) = (Arc::new(()), Arc::clone(play));
    *actor.token.lock() = Arc::downgrade(&token);
    let on = bus.on_payload::<Typed>()?.named(format!("stress-{which}")).on_executor(executor.spawner()).concurrency(2);
    let handler = move |typed: ringbus::EventOf<Typed>| {
        let (token, play) = (Arc::clone(&token), Arc::clone(&play));
        async move {
            let _token = token;
            play.heed(typed.read());
            call_async(&play, which, typed.event()).await
        }
    };
    *actor.guard.lock() = Some(worked(queued(on, &actor.plan), &actor.plan).try_subscribe(handler)?);
    Ok(Taken::None)
}

fn guarded(on: Subscribe, plan: &Plan) -> Subscribe {
    match plan.guard {
        Guard::None => on,
        Guard::Breaker => on.breaker(Breaker::after(NonZeroU32::MIN).open_for(Duration::from_millis(1))),
        Guard::Throttle => on.throttle(NonZeroU32::MIN.saturating_add(99), Duration::from_millis(5)),
        Guard::Quarantine => on.failure_policy(FailurePolicy::Quarantine { after: NonZeroU32::MIN }),
    }
}

fn queued<P, M>(queued: Queued<P, M>, plan: &Plan) -> Queued<P, M> {
    let queued = queued.capacity(plan.capacity).when_full(plan.policy);
    if plan.by_priority { queued.by_priority() } else { queued }
}

fn worked<P, M: CalledByWorkers>(mut queued: Queued<P, M>, plan: &Plan) -> Queued<P, M> {
    if plan.call == Call::Hangs {
        queued = queued.deadline(ALLOWED);
    }
    let Some(further) = NonZeroU32::new(plan.retries) else { return queued };
    queued.retry(Retry::times(further).base(Duration::from_micros(20)).cap(Duration::from_micros(50)))
}

// === calls ===

fn call(play: &Arc<Play>, which: usize, event: &Event) -> Result<(), BoxError> {
    let inside = Inside::new(play, which);
    let Some(attempt) = play.begin(which, event) else { return Ok(()) };
    ended(play, which, event, &attempt, inside)
}

async fn call_async(play: &Arc<Play>, which: usize, event: &Event) -> Result<(), BoxError> {
    let inside = Inside::new(play, which);
    let Some(attempt) = play.begin(which, event) else { return Ok(()) };
    suspend(attempt.stamp.number % 3).await;
    let plan = &play.actors[which].plan;
    if plan.call == Call::Hangs && plan.failing(attempt.stamp) > 0 {
        std::future::pending::<()>().await;
    }
    ended(play, which, event, &attempt, inside)
}

/// The rest of a call: how it ends is counted before it does.
fn ended(play: &Play, which: usize, event: &Event, attempt: &Attempt, inside: Inside) -> Result<(), BoxError> {
    let actor = &play.actors[which];
    let (plan, stamp) = (&actor.plan, attempt.stamp);
    let awaited = u64::from(attempt.kind == Some(Kind::Awaited));
    let failing = plan.failing(stamp);
    let fails = attempt.number <= failing;
    let is_last = !fails || attempt.number > plan.retries;
    if failing > 0 && is_last {
        actor.tries.lock().remove(&(stamp.thread, stamp.number));
    }
    if !fails {
        if plan.nests {
            nest(play, which, event, stamp);
        }
        actor.fine.fetch_add(1, Ordering::Relaxed);
        play.answers.awaited_fine.fetch_add(awaited, Ordering::Relaxed);
        return Ok(());
    }
    if is_last {
        actor.failed.fetch_add(1, Ordering::Relaxed);
        actor.panicked.fetch_add((plan.call == Call::Panics).into(), Ordering::Relaxed);
        play.answers.awaited_failed.fetch_add(awaited, Ordering::Relaxed);
    } else {
        actor.retried.fetch_add(1, Ordering::Relaxed);
    }
    drop(inside);
    if plan.call == Call::Panics { panic_any(Planned) } else { Err("planned".into()) }
}

/// Publishes inside a handler, for some events.
fn nest(play: &Play, which: usize, event: &Event, stamp: Stamp) {
    if mix(stamp.number ^ stamp.thread << 32 ^ which as u64) % 8 != 0 {
        return;
    }
    let (source, Some(bus)) = (play.source(which), ringbus::current()) else {
        play.fault(format!("P7: {which} finds no bus inside a call"));
        return;
    };
    let Some(number) = play.draw(source) else { return };
    let stamp = Stamp { thread: source as u64, number, depth: stamp.depth + 1 };
    let priority = PRIORITIES[(number % 4) as usize];
    let answer = publisher::send(&bus, Kind::Nested, stamp, priority);
    play.answered(Kind::Nested, &answer);
    let cause = answer.event.as_ref().map(Event::cause);
    let far = answer.outcome == ringbus::Outcome::TooManyHops;
    let shut = answer.outcome == ringbus::Outcome::ShutDown;
    if !shut && (cause != Some(Some(event.id())) || far != (stamp.depth > HOP_LIMIT)) {
        play.fault(format!("P7: {stamp:?} was answered {}, with cause {cause:?} of {event}", answer.outcome));
    }
}

/// An event was taken out.
pub fn took(play: &Play, which: usize, event: &Event) {
    play.begin(which, event);
    play.actors[which].fine.fetch_add(1, Ordering::Relaxed);
}

/// Whether all that is known of a subscription goes with its guard.
pub fn is_forgotten(plan: &Plan) -> bool {
    matches!(plan.end, End::Drop | End::Unsubscribe)
}

/// The subscription, if its guard is kept.
pub fn close(play: &Play, which: usize, how: impl FnOnce(&Subscription) -> Result<(), String>) {
    let actor = &play.actors[which];
    let guard = actor.guard.lock();
    let Some(guard) = &*guard else { return };
    let closed = how(guard);
    actor.closed.store(true, Ordering::SeqCst);
    if actor.inside.load(Ordering::SeqCst) != 0 {
        play.fault(format!("P6: {which} has ended while a call of it runs; {:?}", actor.plan));
    }
    if actor.token.lock().upgrade().is_some() {
        play.fault(format!("P6: {which} has ended, and its closure is still there; {:?}", actor.plan));
    }
    play.heed(closed.map_err(|error| format!("P6: {which}: {error}; {:?}", actor.plan)));
}
