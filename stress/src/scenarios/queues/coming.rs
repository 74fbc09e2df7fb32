//! Threads that begin and end subscriptions with queues while others publish, in all ways, and check what an end promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::time::Duration;

use ringbus::{Bus, CloseError, Subscription};

use super::executor::{Executor, block_on};
use super::handler::{self, Taken};
use super::plan::{EARLY, End, LONG};
use super::play::Play;
use super::publisher::reached;
use crate::ledger::{ENDED, ENDING};

/// Begins and ends the subscriptions that come and go, spread over a round of `events`; each is done by one thread, that
/// draws it from `next`.
pub fn run(play: &Arc<Play>, bus: &Bus, executor: &Executor, next: &AtomicUsize, events: u64) -> u64 {
    let coming = play.actors.len() - EARLY;
    let mut checks = 0;
    loop {
        let drawn = next.fetch_add(1, Ordering::Relaxed);
        let which = EARLY + drawn;
        if which >= play.actors.len() || play.is_over() {
            return checks;
        }
        // The last end some way before the publishers do.
        let at = |part: usize| events * part as u64 / (coming as u64 + 8);
        reached(play, at(drawn));
        let taken = handler::begin(play, bus, executor, which);
        // Short lives and long ones.
        let until = at(drawn + drawn % 5);
        if let Taken::Receiver(mut receiver) = taken {
            while play.progress() < until && !play.is_over() {
                let taken = receiver.recv_timeout(Duration::from_micros(200));
                taken.iter().for_each(|event| handler::took(play, which, event));
            }
            ending(play, which, || drop(receiver));
        } else {
            reached(play, until);
            ending(play, which, || end(play, bus, which));
        }
        checks += 4;
    }
}

fn ending(play: &Play, which: usize, end: impl FnOnce()) {
    let actor = &play.actors[which];
    actor.phase.store(ENDING, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    end();
    if matches!(actor.plan.end, End::Drop | End::Unsubscribe | End::ById) {
        actor.begun_at_end.store(actor.begun.load(Ordering::SeqCst), Ordering::Relaxed);
    }
    actor.phase.store(ENDED, Ordering::Release);
}

/// Ends one as planned; a guard that is kept stays in its place, for its counts.
fn end(play: &Play, bus: &Bus, which: usize) {
    let actor = &play.actors[which];
    match actor.plan.end {
        End::Drop => drop(actor.guard.lock().take()),
        End::Unsubscribe => actor.guard.lock().take().map(Subscription::unsubscribe).unwrap_or_default(),
        End::ById => {
            let id = actor.guard.lock().as_ref().map(Subscription::id);
            let first = id.is_some_and(|id| bus.unsubscribe(id));
            if !first && !bus.is_shut_down() {
                play.fault(format!("P6: {which} had no subscription to end"));
            }
            if id.is_some_and(|id| bus.unsubscribe(id)) {
                play.fault(format!("P6: {which} ended twice"));
            }
        }
        End::Close => handler::close(play, which, |guard| guard.close().map_err(|error| error.to_string())),
        End::CloseDrained => drained(play, bus, which, |guard| guard.close_drained(LONG)),
        End::CloseAsync => drained(play, bus, which, |guard| block_on(guard.close_async())),
        End::Never => {}
    }
}

/// Closes one that is to handle first what waits: nothing of that may be lost, but by a shutdown.
fn drained(play: &Play, bus: &Bus, which: usize, how: impl FnOnce(&Subscription) -> Result<(), CloseError>) {
    handler::close(play, which, |guard| {
        let closed = how(guard);
        let queue = guard.info().queue.unwrap_or_default();
        match closed {
            Err(CloseError::NotDrained { running: false, .. }) if bus.is_shut_down() => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(()) if bus.is_shut_down() => Ok(()),
            Ok(()) if queue.discarded + queue.waiting as u64 + queue.running as u64 > 0 => {
                Err(format!("P8: it was drained: {queue:?}"))
            }
            Ok(()) => {
                play.actors[which].drained.store(true, Ordering::SeqCst);
                Ok(())
            }
        }
    });
}
