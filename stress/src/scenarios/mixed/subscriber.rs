//! Threads that begin and end subscriptions while others publish, in all ways, and check what an end promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use ringbus::{Bus, CloseError, Event, Subscription, publish_event};

use super::plan::{Call, EARLY, End};
use super::play::{BRIEF, CALLS, Called, Play};
use crate::checksum::{self, Typed};
use crate::ledger::{BEGUN, ENDED, ENDING, LIVE};

/// Begins and ends the subscriptions that come and go, spread over a round of `events`; each is done by one thread, that
/// draws it from `next`.
pub fn run(play: &Arc<Play>, bus: &Bus, next: &AtomicUsize, events: u64) -> u64 {
    let coming = play.actors.len() - EARLY;
    let mut checks = 0;
    let reached = |part: u64| {
        while play.progress() < part && !play.is_faulty() {
            std::thread::sleep(Duration::from_micros(200));
        }
    };
    loop {
        let drawn = next.fetch_add(1, Ordering::Relaxed);
        let which = EARLY + drawn;
        if which >= play.actors.len() || play.is_faulty() {
            return checks;
        }
        // The last end some way before the publishers do.
        let at = |part: usize| events * part as u64 / (coming as u64 + 8);
        reached(at(drawn));
        begin(play, bus, which);
        // What it was told of the past.
        CALLS.take();
        // Short lives and long ones.
        reached(at(drawn + drawn % 5));
        end(play, bus, which);
        checks += 4;
    }
}

/// Begins one, and says so before and after.
pub fn begin(play: &Arc<Play>, bus: &Bus, which: usize) {
    let actor = &play.actors[which];
    let plan = &actor.plan;
    let token = Arc::new(());
    *actor.token.lock() = Arc::downgrade(&token);
    let mine = Arc::clone(play);
    actor.phase.store(BEGUN, Ordering::Relaxed);
    // See `publisher::publish`.
    fence(Ordering::SeqCst);
    let guard = if plan.typed {
        bus.on_payload::<Typed>().map_err(|error| error.to_string()).map(|mut request| {
            if let Some(limit) = plan.limit {
                request = request.limit(limit);
            }
            request.order(plan.order).try_subscribe(move |typed: &Typed| {
                let _token = &token;
                mine.call(which, typed.read()).map_err(Into::into)
            })
        })
    } else {
        bus.on(plan.patterns).map_err(|error| error.to_string()).map(|mut request| {
            request = request.order(plan.order);
            if plan.filters {
                let play = Arc::clone(play);
                request = request.filter(move |event| play.filter(which, event));
            }
            if let Some(limit) = plan.limit {
                request = request.limit(limit);
            }
            if plan.replays {
                request = request.replay(usize::MAX);
            }
            request.try_subscribe(move |event: &Event| {
                let _token = &token;
                mine.call(which, checksum::read(event)).map_err(Into::into)
            })
        })
    };
    let guard = play.heed(guard);
    actor.lagged.store(guard.as_ref().map_or(0, |guard| guard.info().lagged), Ordering::Relaxed);
    *actor.guard.lock() = guard;
    actor.phase.store(LIVE, Ordering::Release);
}

/// Ends one as planned; the guard stays in its place, for its counts.
fn end(play: &Play, bus: &Bus, which: usize) {
    let actor = &play.actors[which];
    let Some(guard) = actor.guard.lock().take() else { return };
    actor.phase.store(ENDING, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    let mut kept = Some(guard);
    match actor.plan.end {
        End::Drop => kept = None,
        End::Unsubscribe => kept.take().map(Subscription::unsubscribe).unwrap_or_default(),
        End::ById => {
            let id = kept.as_ref().map(Subscription::id);
            let first = id.is_some_and(|id| bus.unsubscribe(id));
            // One whose limit was reached has ended by itself.
            if !first && actor.plan.limit.is_none() {
                play.fault(format!("P6: {which} had no subscription to end"));
            }
            if id.is_some_and(|id| bus.unsubscribe(id)) {
                play.fault(format!("P6: {which} ended twice"));
            }
        }
        End::Close => {
            let closed = kept.as_ref().map_or(Ok(()), Subscription::close);
            actor.closed.store(true, Ordering::SeqCst);
            if actor.inside.load(Ordering::SeqCst) != 0 {
                play.fault(format!("P6: {which} was closed while a call of it runs"));
            }
            if actor.token.lock().upgrade().is_some() {
                play.fault(format!("P6: {which} was closed, and its closure is still there"));
            }
            play.heed(closed.map_err(|error| format!("P6: {which}: {error}")));
        }
        End::CloseInside => kept = close_inside(play, which, kept),
        End::Never => {}
    }
    *actor.guard.lock() = kept;
    actor.phase.store(ENDED, Ordering::Release);
}

/// Closing from a handler of another bus does not wait, and says so.
fn close_inside(play: &Play, which: usize, guard: Option<Subscription>) -> Option<Subscription> {
    let bus = Bus::builder().history(0).build().ok()?;
    let place = Arc::new(parking_lot::Mutex::new((guard, None)));
    let inside = Arc::clone(&place);
    let closer = bus.subscribe(move |_| {
        let mut place = inside.lock();
        let answer = place.0.as_ref().map(Subscription::close);
        place.1 = answer;
    });
    publish_event!(bus: &bus, "stress.close");
    drop(closer);
    let mut place = place.lock();
    if place.1 != Some(Err(CloseError::InsideHandler)) {
        play.fault(format!("P6: {which} was closed inside a handler: {:?}", place.1));
    }
    place.0.take()
}

/// Subscribes and closes at once, over and over, until `ended`: most calls meet a close, which must wait for them.
pub fn close_often(play: &Arc<Play>, bus: &Bus, ended: &AtomicBool) -> u64 {
    let mut closes = 0;
    while !ended.load(Ordering::Acquire) && !play.is_faulty() {
        let (mine, alive) = (Arc::clone(play), Arc::new(AtomicU64::new(0)));
        let seen = Arc::downgrade(&alive);
        let inside = Arc::new(AtomicU64::new(0));
        let calls = Arc::clone(&inside);
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let guard = bus.subscribe(move |event| {
            calls.fetch_add(1, Ordering::Relaxed);
            mine.brief.fetch_add(1, Ordering::Relaxed);
            if let Some(stamp) = mine.heed(checksum::read(event)) {
                CALLS.with_borrow_mut(|calls| calls.push(Called { which: BRIEF, stamp, call: Call::Fine }));
            }
            alive.fetch_add(1, Ordering::Relaxed);
            if is_closed.load(Ordering::Relaxed) {
                mine.fault("P6: a brief handler was called after its close had returned".to_owned());
            }
            calls.fetch_sub(1, Ordering::Release);
        });
        std::thread::sleep(Duration::from_micros(10));
        play.heed(guard.close().map_err(|error| format!("P6: a brief handler: {error}")));
        closed.store(true, Ordering::SeqCst);
        if inside.load(Ordering::SeqCst) != 0 || seen.upgrade().is_some() {
            play.fault(
                "P6: a brief handler was closed while a call of it runs, or while its closure is there".to_owned(),
            );
        }
        closes += 1;
    }
    closes
}
