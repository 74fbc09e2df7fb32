//! Compares what the handlers of a round have seen with what their subscriptions, the bus and its reports say, to the last
//! event (P8).

use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{DeadLetter, QueueInfo, ShutdownReport, Stats, SubscriptionInfo};

use super::handler::is_forgotten;
use super::plan::{Call, EARLY, Guard, KINDS, Kind, Plan, Way};
use super::play::Play;
use super::publisher::Done;
use super::round::{LETTERS, Took};
use super::{Ending, Form};
use crate::checksum;

/// What a round has come to.
pub struct Ended {
    pub done: Vec<Done>,
    /// What was taken out, by which actor's thread.
    pub taken: Vec<(usize, Took)>,
    /// By actor.
    pub infos: Vec<Option<SubscriptionInfo>>,
    /// Of a bus that is still there.
    pub stats: Option<Stats>,
    pub letters: Vec<DeadLetter>,
    pub reports: Vec<ShutdownReport>,
}

/// How many checks were made.
pub fn compare(form: &Form, play: &Play, ended: &Ended) -> Result<u64, String> {
    let mut checks = 0;
    for which in 0..play.actors.len() {
        let told = |why: String| {
            let actor = &play.actors[which];
            let seen = [&actor.begun, &actor.fine, &actor.failed, &actor.retried, &actor.panicked].map(read);
            format!(
                "{why}: {which}; begun, fine, failed, retried, panicked: {seen:?}; {:?}; {:?}",
                ended.infos[which], actor.plan
            )
        };
        if let Some(info) = &ended.infos[which] {
            own_counts(form, play, which, info).map_err(told)?;
            checks += 8;
        }
        checks += windows(play, which, ended).map_err(told)?;
    }
    for (which, (info, lagged)) in &ended.taken {
        let dropped = info.queue.unwrap_or_default().dropped;
        if lagged.is_some_and(|lagged| lagged != dropped) {
            return Err(format!("P8: {which} has told of {lagged:?} events lost, of {dropped}"));
        }
    }
    checks += reports(form, play, ended)?;
    if let Some(stats) = &ended.stats {
        checks += totals(form, play, ended, stats)?;
        checks += letters(play, ended, stats)?;
    }
    Ok(checks)
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn same(what: &str, bus: u64, ledger: u64) -> Result<(), String> {
    if bus == ledger { Ok(()) } else { Err(format!("P8: {what}: {bus}, but the ledger has {ledger}")) }
}

/// When a bus is idle: what its queue says of an early handler.
pub fn idle(play: &Play, which: usize) {
    let actor = &play.actors[which];
    let Some(info) = actor.guard.lock().as_ref().map(|guard| guard.info()) else { return };
    let queue = info.queue.unwrap_or_default();
    let fine = read(&actor.fine);
    if queue.waiting + queue.running > 0 || actor.plan.call != Call::Hangs && info.delivered != fine {
        play.fault(format!("P8: {which} is idle, and has handled {fine}; {info:?}; {:?}", actor.plan));
    }
}

/// A subscription's own counts.
fn own_counts(form: &Form, play: &Play, which: usize, info: &SubscriptionInfo) -> Result<(), String> {
    let actor = &play.actors[which];
    let plan = &actor.plan;
    let (begun, fine, failed) = (read(&actor.begun), read(&actor.fine), read(&actor.failed));
    if plan.way != Way::Sync {
        let queue = info.queue.ok_or("P8: it has no queue")?;
        let QueueInfo { waiting, running, offered, delivered, skipped, retried, kept_back, dropped, discarded, .. } =
            queue;
        same("waiting and running", (waiting + running) as u64, 0)?;
        same("skipped", skipped, 0)?;
        same("offered", offered, delivered + skipped + queue.failed + kept_back + dropped + discarded)?;
        let rejected = info.breaker.map_or(0, |breaker| breaker.rejected);
        if plan.call == Call::Hangs {
            // Beyond the deadline those fail too that were slow.
            if delivered > fine {
                same("delivered", delivered, fine)?;
            }
        } else {
            same("delivered", delivered, fine)?;
            same("failed", queue.failed, failed + rejected)?;
            same("retried", retried, read(&actor.retried))?;
            same("panicked", info.panicked, read(&actor.panicked))?;
        }
        same("failed, of the subscription", info.failed, queue.failed)?;
        let calls = delivered + queue.failed + retried - rejected;
        let cut_off = if matches!(plan.way, Way::Tasks(_)) { discarded } else { 0 };
        if !(calls..=calls + cut_off).contains(&begun) {
            return Err(format!("P8: {calls} calls have ended, and {begun} were begun"));
        }
        if kept_back > 0 && plan.guard != Guard::Quarantine || rejected > 0 && plan.guard != Guard::Breaker {
            return Err("P8: kept back without a cause".to_owned());
        }
        let kept =
            if which < EARLY { !matches!(form.ending, Ending::CutOff) } else { actor.drained.load(Ordering::SeqCst) };
        if plan.keeps_all() && kept {
            same("dropped by one that blocks", dropped, 0)?;
        }
        let idle = which < EARLY && form.ending == Ending::Idle;
        if idle || plan.keeps_all() && kept && form.ending != Ending::Dropped {
            same("discarded", discarded, 0)?;
        }
    }
    if which < EARLY {
        let taken = info.queue.map_or(info.delivered + info.failed, |queue| queue.offered);
        let kinds = [Kind::A, Kind::B, Kind::Typed, Kind::Nested, Kind::Awaited, Kind::Expected];
        let wanted = kinds.into_iter().filter(|kind| plan.wants(*kind));
        let due: u64 = wanted.map(|kind| read(&play.answers.offered[kind as usize])).sum();
        let came = taken + info.skipped + info.quarantined;
        // A shutdown removes handlers in the middle of a dispatch.
        let is_shut = !matches!(form.ending, Ending::Idle | Ending::Dropped);
        if came > due || came < due && !is_shut {
            return Err(format!("P5: {came} events came, {due} were due"));
        }
    }
    Ok(())
}

/// P5, P6: what a subscription that came and went has got of each publisher's events.
fn windows(play: &Play, which: usize, ended: &Ended) -> Result<u64, String> {
    let Some(coming) = which.checked_sub(EARLY) else { return Ok(0) };
    let actor = &play.actors[which];
    let (begun, at_end) = (read(&actor.begun), read(&actor.begun_at_end));
    // Each worker may have had an event in its hands.
    if begun > at_end.saturating_add(actor.plan.way.workers()) {
        return Err(format!("P6: {begun} calls were begun, {at_end} of them before its end; what waits is discarded"));
    }
    let is_kept = actor.plan.keeps_all() && actor.drained.load(Ordering::SeqCst);
    let mut checks = 0;
    for (source, done) in ended.done.iter().enumerate() {
        let seen = &done.seen[coming];
        let live = seen.live.numbers();
        for (number, kind) in (0..).zip(&done.kinds) {
            let times = u64::from(play.times(which, source, number));
            let never = number < seen.before || seen.after.is_some_and(|after| number >= after);
            let least = u64::from(is_kept && live.contains(&number) && actor.plan.wants(*kind));
            let most = u64::from(!never && actor.plan.wants(*kind));
            if times < least || times > most {
                return Err(format!("P5, P6: event {number} of {source}, {kind:?}, came {times} times; {seen:?}"));
            }
            checks += 1;
        }
    }
    Ok(checks)
}

/// P8: what shutdowns have reported.
fn reports(form: &Form, play: &Play, ended: &Ended) -> Result<u64, String> {
    let mut checks = 0;
    for report in &ended.reports {
        let wrong = |why: &str| Err(format!("P8: {why}: {report:?}"));
        if report.unfinished {
            return wrong("a shutdown has not waited");
        }
        if format!("{report:?}") != format!("{:?}", ended.reports[0]) {
            return wrong("two shutdowns with two reports");
        }
        for (which, info) in ended.infos.iter().enumerate() {
            let Some(info) = info else { continue };
            let ends: Vec<_> = report.handlers.iter().filter(|end| end.subscription == info.id).collect();
            if ends.len() > 1 || ends.is_empty() && which < EARLY {
                return wrong(&format!("{which} ends {} times", ends.len()));
            }
            let queue = info.queue.unwrap_or_default();
            for end in ends {
                // What came to its turn in quarantine is abandoned too, also where there was time for all.
                let right = end.drained <= queue.delivered + queue.failed
                    && end.abandoned <= queue.discarded + queue.kept_back
                    && (end.running || which >= EARLY || end.abandoned >= queue.discarded)
                    && (form.ending == Ending::CutOff || !end.running && (which >= EARLY || queue.discarded == 0));
                if !right {
                    return wrong(&format!("{which} {:?}, but {info:?}", play.actors[which].plan));
                }
                checks += 4;
            }
        }
    }
    Ok(checks)
}

/// P8: the bus's own counts.
fn totals(form: &Form, play: &Play, ended: &Ended, stats: &Stats) -> Result<u64, String> {
    let (answers, totals) = (&play.answers, &stats.totals);
    let mut ended_well = read(&answers.expected);
    let (mut failed, mut panicked, mut kept_back, mut here) = (0, 0, 0, 0);
    let (mut refused, mut dropped, mut discarded) = (0, 0, 0);
    for (which, actor) in play.actors.iter().enumerate() {
        match &ended.infos[which] {
            Some(info) => {
                let queue = info.queue.unwrap_or_default();
                (ended_well, failed) = (ended_well + info.delivered, failed + info.failed);
                (panicked, kept_back) = (panicked + info.panicked, kept_back + queue.kept_back);
                (dropped, discarded) = (dropped + queue.dropped, discarded + queue.discarded);
                refused += if actor.plan.refuses() { queue.dropped } else { 0 };
                here += if actor.plan.way == Way::Sync { info.delivered } else { 0 };
            }
            None => {
                let counts = [&actor.fine, &actor.failed, &actor.panicked].map(read);
                (ended_well, failed, panicked) = (ended_well + counts[0], failed + counts[1], panicked + counts[2]);
            }
        }
    }
    let told = totals.published.saturating_sub(read(&answers.recorded));
    let lost = totals.discarded + totals.queue_drops.saturating_sub(refused);
    let mut exact = vec![
        ("delivered", totals.delivered, ended_well),
        ("failed", totals.failed, failed),
        ("panicked", totals.panicked, panicked),
        ("dead letters", totals.dead_letters, failed),
        ("too deep", totals.depth_stops, 0),
        ("refused by a shut bus", totals.shut_down, read(&answers.shut_down)),
        // Of each dead letter an event tells, unless the bus is shut.
        ("events that tell of more than dead letters", told.saturating_sub(failed), 0),
        ("enqueued", totals.enqueued, ended_well - here + failed + kept_back + lost),
    ];
    if form.ending == Ending::Idle {
        // What tells of a dead letter has come one further than that, and nobody hears it.
        exact.push(("too many hops, or unheard", totals.hop_stops + totals.unheard, read(&answers.far) + told));
        exact.push(("published", totals.published, read(&answers.recorded) + failed));
        exact.push(("enqueued, as answered", totals.enqueued, read(&answers.enqueued)));
    }
    // Those whose guard was dropped have discarded and dropped some more.
    let forgotten = play.actors.iter().any(|actor| is_forgotten(&actor.plan));
    let less = |what: &str, bus: u64, ledger: u64| {
        if bus < ledger || bus > ledger && !forgotten { same(what, bus, ledger) } else { Ok(()) }
    };
    let all = exact.iter().try_for_each(|(what, bus, ledger)| same(what, *bus, *ledger));
    let all = all.and_then(|()| less("discarded", totals.discarded, discarded));
    let all = all.and_then(|()| less("dropped", totals.queue_drops, dropped));
    all.map_err(|wrong| format!("{wrong}; {:?}; {stats}", answers))?;
    Ok(exact.len() as u64 + 2)
}

/// P8: the letters that are kept.
fn letters(play: &Play, ended: &Ended, stats: &Stats) -> Result<u64, String> {
    same("letters kept", ended.letters.len() as u64, stats.totals.dead_letters.min(LETTERS as u64))?;
    for letter in &ended.letters {
        let stamp = checksum::read(&letter.event)?;
        let name = letter.name.as_deref().and_then(|name| name.strip_prefix("stress-"));
        let plan: Option<&Plan> = name
            .and_then(|which| which.parse().ok())
            .and_then(|which: usize| play.actors.get(which))
            .map(|actor| &actor.plan);
        let right = plan.is_some_and(|plan| {
            let fails = plan.failing(stamp) > plan.retries || plan.guard == Guard::Breaker || plan.call == Call::Hangs;
            fails && letter.attempts == plan.retries + 1 && KINDS.contains(&letter.event.kind().as_str())
        });
        if !right {
            return Err(format!("P8: {letter}, of {stamp:?}; {plan:?}"));
        }
    }
    Ok(ended.letters.len() as u64 + 1)
}
