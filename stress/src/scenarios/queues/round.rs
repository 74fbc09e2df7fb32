//! One round: sets all threads going, ends the bus, and has all counts compared (P8).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use ringbus::{Bus, EventStream, Lagged, Receiver, ShutdownReport, SubscriptionInfo};

use super::audit::{self, Ended};
use super::executor::{Executor, block_on};
use super::handler::{self, Taken};
use super::plan::{EARLY, HOP_LIMIT, LONG, plans};
use super::play::Play;
use super::publisher::{self, Done, reached};
use super::{Ending, Form, coming};
use crate::scenarios::Figures;

/// The threads that begin and end subscriptions, and those of the executor.
const SUBSCRIBERS: usize = 2;
const EXECUTORS: usize = 2;
/// A bus that was idle is given a few events again, so often.
const IDLE_TURNS: u64 = 32;
/// Dead letters that are kept.
pub const LETTERS: usize = 32;

/// A round of about `events`.
pub fn run(form: &Form, events: u64) -> Result<Figures, String> {
    let quota = (events / form.publishers as u64).max(1);
    let mut bus = Bus::builder().history(form.history).shards(form.shards).dead_letters(LETTERS);
    if form.timed {
        bus = bus.slow_after(Duration::from_millis(1));
    }
    let bus = bus.hop_limit(HOP_LIMIT as usize).build().map_err(|error| error.to_string())?;
    let play = Arc::new(Play::new(plans(form.seed), form.publishers, quota.max(4096)));
    let executor = Executor::new(EXECUTORS);
    let taken: Vec<Taken> = (0..EARLY).map(|which| handler::begin(&play, &bus, &executor, which)).collect();
    let (ended, checks) = act(form, &play, bus, &executor, taken, quota);
    play.faults.told()?;
    let checks = checks + audit::compare(form, &play, &ended)?;
    let threads = form.publishers + SUBSCRIBERS + EXECUTORS + ended.taken.len() + 1;
    Ok(Figures { events: play.answers.recorded.load(Ordering::Relaxed), threads, checks })
}

/// All threads at once, and the end of the bus.
fn act(form: &Form, play: &Arc<Play>, bus: Bus, executor: &Executor, taken: Vec<Taken>, quota: u64) -> (Ended, u64) {
    let events = quota * form.publishers as u64;
    // Shut down or dropped somewhere in the second half.
    let part = events / 2 + form.seed % events.div_ceil(2);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let next = &next;
        let takers: Vec<_> =
            taken.into_iter().enumerate().filter_map(|(which, taken)| taker(scope, play, which, taken)).collect();
        let own = || (Arc::clone(play), bus.clone());
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| own())
            .map(|(play, bus)| scope.spawn(move || coming::run(&play, &bus, executor, next, events)))
            .collect();
        let publishers: Vec<_> = (0..form.publishers)
            .map(|me| (me, own()))
            .map(|(me, (play, bus))| scope.spawn(move || publisher::run(&play, &bus, me, form.seed, quota)))
            .collect();
        let waiter = {
            let (play, bus) = own();
            let shut = form.ending != Ending::Idle;
            scope.spawn(move || publisher::wait(&play, &bus, shut, events))
        };

        let mut reports = Vec::new();
        match form.ending {
            Ending::Idle => {}
            Ending::Dropped => reached(play, part),
            Ending::Drained | Ending::CutOff | Ending::Twice => {
                reached(play, part);
                reports = shut_down(form, play, &bus);
            }
        }
        if form.ending != Ending::Idle {
            play.quit.store(true, Ordering::Relaxed);
        }
        let done: Vec<Done> = publishers.into_iter().map(joined).collect();
        let mut checks = joined(waiter) + subscribers.into_iter().map(joined).sum::<u64>();
        let mut left = Some(bus);
        let mut stats = None;
        match (form.ending, &left) {
            (Ending::Idle, Some(bus)) => checks += idle(play, bus),
            (Ending::Dropped, _) => left = None,
            _ => {}
        }
        // Their subscriptions have ended.
        let taken: Vec<_> = takers.into_iter().map(|(which, taker)| (which, joined(taker))).collect();
        if form.ending != Ending::Idle {
            close(play);
        }
        vanish(play);
        let mut letters = Vec::new();
        if let Some(bus) = &left {
            stats = Some(bus.stats());
            letters = bus.take_dead_letters();
        }
        let infos = infos(play, &taken);
        if form.ending == Ending::Idle && form.timed {
            left = None;
        }
        close(play);
        drop(left);
        (Ended { done, taken, infos, stats, letters, reports }, checks)
    })
}

type Scope<'scope, 'env> = thread::Scope<'scope, 'env>;

/// What was taken out: its subscription's last word, and the losses that were told.
pub type Took = (SubscriptionInfo, Option<u64>);

/// A thread that takes out what comes, to the end.
fn taker<'scope>(
    scope: &'scope Scope<'scope, '_>,
    play: &Arc<Play>,
    which: usize,
    taken: Taken,
) -> Option<(usize, ScopedJoinHandle<'scope, Took>)> {
    let play = Arc::clone(play);
    let thread = match taken {
        Taken::None => return None,
        Taken::Receiver(receiver) => {
            *play.actors[which].taker.lock() = Some(receiver.subscription().id());
            scope.spawn(move || receive(&play, which, receiver))
        }
        Taken::Stream(stream) => {
            *play.actors[which].taker.lock() = Some(stream.subscription().id());
            scope.spawn(move || read(&play, which, stream))
        }
    };
    Some((which, thread))
}

fn receive(play: &Play, which: usize, mut receiver: Receiver) -> Took {
    receiver.by_ref().for_each(|event| handler::took(play, which, &event));
    (receiver.info(), None)
}

fn read(play: &Play, which: usize, mut stream: EventStream) -> Took {
    let mut lagged = 0;
    while let Some(item) = block_on(stream.next()) {
        match item {
            Ok(event) => handler::took(play, which, &event),
            Err(Lagged(lost)) => lagged += lost,
        }
    }
    (stream.info(), Some(lagged))
}

/// P8: when all is idle, handlers have seen what their queues say, before anything is closed.
fn idle(play: &Play, bus: &Bus) -> u64 {
    for turn in 0..IDLE_TURNS {
        if turn > 0 {
            // In place of the one who waited.
            publisher::few(play, bus, play.publishers);
        }
        play.heed(bus.wait_idle(LONG).map_err(|busy| format!("P8: {busy}")));
        (0..EARLY).for_each(|which| audit::idle(play, which));
    }
    for which in 0..EARLY {
        // Who takes out what comes ends then.
        let taker = *play.actors[which].taker.lock();
        taker.map(|id| bus.unsubscribe(id));
    }
    EARLY as u64 * IDLE_TURNS
}

/// Shuts the bus down, and looks at once at what a complete report promises.
fn shut_down(form: &Form, play: &Arc<Play>, bus: &Bus) -> Vec<ShutdownReport> {
    let brief = [Duration::ZERO, Duration::from_micros(300)][(form.seed >> 8) as usize % 2];
    let shut = |limit| {
        let report = bus.shutdown(limit);
        if report.is_complete() {
            play.over();
        }
        report
    };
    match form.ending {
        Ending::Twice => thread::scope(|scope| {
            let other = scope.spawn(|| shut(LONG));
            let own = shut(LONG);
            vec![own, joined(other)]
        }),
        Ending::CutOff => vec![shut(brief)],
        _ => vec![shut(LONG)],
    }
}

/// P6: what is left comes to its end, and its closure with it.
fn close(play: &Play) {
    for which in 0..play.actors.len() {
        handler::close(play, which, |guard| guard.close_timeout(LONG).map_err(|error| error.to_string()));
    }
}

/// P6: a handler whose guard was dropped is dropped by and by, and all of it is counted then.
fn vanish(play: &Play) {
    let until = Instant::now() + LONG;
    for (which, actor) in play.actors.iter().enumerate().filter(|(_, actor)| handler::is_forgotten(&actor.plan)) {
        while actor.token.lock().strong_count() > 0 {
            if Instant::now() > until || play.is_faulty() {
                play.fault(format!("P6: the closure of {which} is still there; {:?}", actor.plan));
                return;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// What each subscription says of itself, where that is known.
fn infos(play: &Play, taken: &[(usize, Took)]) -> Vec<Option<SubscriptionInfo>> {
    let mut infos: Vec<_> =
        play.actors.iter().map(|actor| actor.guard.lock().as_ref().map(|guard| guard.info())).collect();
    taken.iter().for_each(|(which, (info, _))| infos[*which] = Some(info.clone()));
    infos
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
