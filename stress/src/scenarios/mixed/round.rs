//! One round: sets all threads going, and compares what they have done with what the bus says, to the last event (P8).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ringbus::{Bus, Reentrancy, publish_event};

use super::plan::{COUNTED, DEPTH_LIMIT, EARLY, End, plans};
use super::play::Play;
use super::publisher::{self, Done};
use super::reader::{self, Found};
use super::switch::{Switch, Switched};
use super::{Form, subscriber};
use crate::checksum::Stamp;
use crate::ledger::{Account, LIVE};
use crate::scenarios::Figures;

/// Publishers whose threads end after a few events, one after the other.
const SHORT: usize = 40;
const SHORT_EVENTS: u64 = 25;
/// The readers, and the threads that begin and end subscriptions.
const READERS: usize = 2;
const SUBSCRIBERS: usize = 3;
/// Nested events that wait on a thread at most, where they do.
const WAITING: usize = 3;

/// What the threads of a round hand back.
struct Ended {
    publishers: Vec<Done>,
    readers: Vec<Found>,
    switched: Result<Switched, String>,
    checks: u64,
}

/// A round of about `events`.
pub fn run(form: &Form, events: u64) -> Result<Figures, String> {
    let quota = (events / form.publishers as u64).max(1);
    let nesting = if form.deferred { Reentrancy::Deferred } else { Reentrancy::DepthFirst };
    let bus = Bus::builder().history(form.history).shards(form.shards).depth_limit(DEPTH_LIMIT).reentrancy(nesting);
    let bus = bus.deferred_limit(WAITING).build().map_err(|error| error.to_string())?;
    let switched = Bus::builder().history(10).build().map_err(|error| error.to_string())?;
    // The last publish from the top may bring nested ones, each of them more.
    let most = quota.max(SHORT_EVENTS) + (1 << 12);
    let play = Arc::new(Play::new(plans(form.seed), form.publishers + SHORT, most, form));
    (0..EARLY).for_each(|which| subscriber::begin(&play, &bus, which));

    let ended = act(form, &play, &bus, &switched, quota);
    let mut checks = ended.checks + ended.readers.iter().map(|one| one.checks).sum::<u64>();
    checks += ended.publishers.iter().map(|one| one.checks).sum::<u64>();
    play.faults.told()?;

    let mut account = Account::default();
    ended.publishers.iter().for_each(|one| account.add(&one.account));
    for actor in &play.actors {
        account.delivered += actor.fine.load(Ordering::Relaxed);
        account.failed += actor.failed.load(Ordering::Relaxed);
        account.panicked += actor.panicked.load(Ordering::Relaxed);
    }
    account.delivered += play.brief.load(Ordering::Relaxed);
    checks += account.compare(&bus.stats(), &COUNTED, form.resets)?;
    for (which, reader) in ended.readers.iter().enumerate() {
        if reader.read + reader.missed != account.recorded {
            let (read, missed) = (reader.read, reader.missed);
            return Err(format!("P8: cursor {which}: {read} read, {missed} missed, of {} recorded", account.recorded));
        }
    }
    checks += subscriptions(form, &play, &bus, &ended.publishers)?;
    let off = ended.switched?;
    let totals = switched.stats().totals;
    if (totals.published, totals.delivered) != (off.accepted, off.accepted) {
        return Err(format!("P8: the bus that was disabled now and then: {off:?}, but {totals:?}"));
    }
    // What is left goes; handlers hold the play.
    play.actors.iter().for_each(|actor| drop(actor.guard.lock().take()));
    let left = bus.stats().handlers;
    if left > 0 {
        return Err(format!("P6: {left} subscriptions are left"));
    }
    after_reset(&bus)?;
    let threads = form.publishers + SHORT + READERS + SUBSCRIBERS + 5;
    Ok(Figures { events: account.recorded + off.accepted + off.disabled, threads, checks })
}

/// All threads at once, until the publishers are done.
fn act(form: &Form, play: &Arc<Play>, bus: &Bus, switched: &Bus, quota: u64) -> Ended {
    let (ended, next, switch) = (AtomicBool::new(false), AtomicUsize::new(0), Switch::default());
    let heard = switched.subscribe(|_| {});
    let events = quota * form.publishers as u64;
    thread::scope(|scope| {
        let (ended, next, switch) = (&ended, &next, &switch);
        // Their cursors begin before the first event.
        let readers: Vec<_> = (0..READERS as u64)
            .map(|reader| (reader, bus.cursor()))
            .map(|(reader, cursor)| scope.spawn(move || reader::run(play, bus, cursor, form.seed ^ reader, ended)))
            .collect();
        let subscribers: Vec<_> =
            (0..SUBSCRIBERS).map(|_| scope.spawn(|| subscriber::run(play, bus, next, events))).collect();
        let brief = scope.spawn(|| subscriber::close_often(play, bus, ended));
        let turning = scope.spawn(|| switch.turn(switched, ended));
        let off = scope.spawn(|| switch.publish(switched, ended));
        let resetting = form.resets.then(|| scope.spawn(|| reset(bus, ended)));
        let publishers: Vec<_> = (0..form.publishers)
            .map(|me| scope.spawn(move || publisher::run(play, bus, me, form.seed, quota)))
            .collect();
        let short = scope.spawn(move || short_lived(form, play, bus));

        let mut done: Vec<Done> = publishers.into_iter().map(joined).collect();
        done.extend(joined(short));
        let checks: u64 = subscribers.into_iter().map(joined).sum();
        ended.store(true, Ordering::Release);
        let checks = checks + joined(brief);
        resetting.into_iter().for_each(joined);
        joined(turning);
        let readers = readers.into_iter().map(joined).collect();
        let switched = joined(off);
        drop(heard);
        Ended { publishers: done, readers, switched, checks }
    })
}

/// P8: after a reset the bus counts anew, exactly.
fn after_reset(bus: &Bus) -> Result<(), String> {
    const COUNT: u64 = 20;
    let heard = bus.subscribe(|_| {});
    bus.reset();
    (0..COUNT).for_each(|n| drop(publish_event!(bus: bus, "stress.after", n)));
    drop(heard);
    let stats = bus.stats();
    let (totals, capacity) = (&stats.totals, stats.buffer_capacity as u64);
    let overwritten = if capacity == 0 { 0 } else { COUNT - COUNT.min(capacity) };
    let counted = (totals.published, totals.delivered, stats.buffer_len as u64, totals.overwritten);
    if counted != (COUNT, COUNT, COUNT.min(capacity), overwritten) {
        return Err(format!("P8: {COUNT} events were published after a reset\n{stats}"));
    }
    Ok(())
}

/// Threads that come, publish a little and end, one after the other.
fn short_lived(form: &Form, play: &Arc<Play>, bus: &Bus) -> Vec<Done> {
    let one = |short| {
        let (play, bus, seed) = (Arc::clone(play), bus.clone(), form.seed);
        joined_thread(thread::spawn(move || publisher::run(&play, &bus, short, seed, SHORT_EVENTS)))
    };
    (form.publishers..form.publishers + SHORT).map(one).collect()
}

fn reset(bus: &Bus, ended: &AtomicBool) {
    while !ended.load(Ordering::Acquire) {
        bus.reset();
        thread::sleep(Duration::from_millis(2));
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn joined_thread<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// P3, P5, P8: each subscription's own counts, and what those had to get whose calls were on several threads.
fn subscriptions(form: &Form, play: &Play, bus: &Bus, publishers: &[Done]) -> Result<u64, String> {
    let (mut checks, mut used_up) = (0, 0);
    for (which, actor) in play.actors.iter().enumerate() {
        let (plan, guard) = (&actor.plan, actor.guard.lock());
        let fine = actor.fine.load(Ordering::Relaxed);
        let failed = actor.failed.load(Ordering::Relaxed);
        if let Some(guard) = &*guard {
            let info = guard.info();
            let panicked = actor.panicked.load(Ordering::Relaxed);
            let mut same = (info.delivered, info.failed, info.panicked) == (fine, failed, panicked);
            // A limit skips too.
            same &= plan.limit.is_some() || info.skipped == actor.filtered.load(Ordering::Relaxed);
            same &= (actor.phase.load(Ordering::Relaxed) == LIVE) == (plan.end == End::Never);
            let is_used_up = plan.limit.is_some_and(|limit| limit == fine + failed);
            used_up += usize::from(is_used_up && plan.end == End::Never);
            same &= guard.is_active() == (plan.end == End::Never && !is_used_up);
            if !same {
                let counted = (fine, failed, panicked, actor.filtered.load(Ordering::Relaxed));
                return Err(format!("P8: {which}: {info}, but the ledger has {counted:?}; {plan:?}"));
            }
        }
        let musts: u64 = publishers.iter().map(|one| one.musts[which]).sum();
        if let Some(limit) = plan.limit {
            let right =
                if musts >= limit { fine + failed == limit } else { (musts..=limit).contains(&(fine + failed)) };
            if !right {
                return Err(format!(
                    "P5: {which}: {} calls of at most {limit}, {musts} were due; {plan:?}",
                    fine + failed
                ));
            }
        }
        if plan.replays {
            checks += told(form, play, which, publishers)?;
        }
        checks += 6;
    }
    let live = bus.subscriptions().len();
    if live + used_up != EARLY {
        return Err(format!("P6: {live} subscriptions are there, of {EARLY} that never end but by {used_up} limits"));
    }
    Ok(checks)
}

/// P3, P5: what a subscription got that was told of the past: all that was published while it was live; and before that,
/// unless it lagged, all of each thread from the first that it was told of.
fn told(form: &Form, play: &Play, which: usize, publishers: &[Done]) -> Result<u64, String> {
    let actor = &play.actors[which];
    let plan = &actor.plan;
    let lagged = actor.lagged.load(Ordering::Relaxed);
    // A larger history than this has few slots to spare: its oldest events may be overwritten while they are read.
    let whole = lagged == 0 && !form.resets && form.history <= 500;
    let mut checks = 0;
    for (thread, publisher) in publishers.iter().enumerate() {
        let kinds = &publisher.kinds;
        let live = publisher.spans[which].numbers();
        let times = |number: u64| actor.times(thread, number).map_or(0, u64::from);
        let from_top = |number: &u64| kinds[*number as usize].is_some();
        let first = (0..*live.start()).filter(from_top).find(|number| whole && times(*number) > 0);
        for number in first.unwrap_or(*live.start())..=*live.end() {
            let Some(kind) = kinds[number as usize] else { continue };
            let stamp = Stamp { thread: thread as u64, number, depth: 0 };
            let (got, due) = (times(number), u64::from(plan.wants(kind, stamp)));
            if got != due {
                return Err(format!(
                    "P3, P5: {which}, live from {live:?}, first told of {first:?}, lagged {lagged}: {kind:?} {stamp:?} came \
                     {got} times; {plan:?}"
                ));
            }
            checks += 1;
        }
    }
    Ok(checks)
}
