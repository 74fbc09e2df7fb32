//! Threads that publish, and the one that waits for what it has published.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use ringbus::{Bus, Delivery, Event, ExpectError, HandlerErrorCause, Outcome, Priority, publish_event};

use super::plan::{KINDS, Kind, LONG, PRIORITIES, QUARANTINED};
use super::play::Play;
use crate::checksum::{self, Stamp, Typed, mix};
use crate::ledger::{ENDED, PLANNED, Span};

/// What a publisher knows of a subscription that comes and goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Events below this were published before it was begun.
    pub before: u64,
    /// Events that were published while it was live.
    pub live: Span,
    /// The first event that was published after its end.
    pub after: Option<u64>,
}

/// What one publisher hands back.
pub struct Done {
    pub seen: Vec<Seen>,
    /// The kind of each event, by number.
    pub kinds: Vec<Kind>,
}

/// Publishes `quota` events, or until it is told to end.
pub fn run(play: &Play, bus: &Bus, me: usize, seed: u64, quota: u64) -> Done {
    let mut random = mix(seed ^ mix(me as u64));
    let (mut before, mut after) = (Vec::new(), Vec::new());
    play.phases(&mut before);
    let mut done = Done { seen: vec![Seen::default(); before.len()], kinds: Vec::new() };
    while play.drawn[me].load(Ordering::Relaxed) < quota && !play.is_over() {
        random = mix(random);
        let kind = [Kind::A, Kind::A, Kind::B, Kind::Typed][(random % 4) as usize];
        let priority = PRIORITIES[(random >> 8) as usize % 4];
        let Some(number) = play.draw(me) else { break };
        done.kinds.push(kind);
        play.phases(&mut before);
        let shut = bus.is_shut_down();
        let answer = send(bus, kind, Stamp { thread: me as u64, number, depth: 0 }, priority);
        // With the fence of whoever changes a phase: a publish that met the change sees the phase before it.
        fence(Ordering::SeqCst);
        play.phases(&mut after);
        play.answered(kind, &answer);
        match answer.outcome {
            Outcome::Published if !shut => {}
            Outcome::ShutDown if bus.is_shut_down() => return done,
            other => play.fault(format!("P8: event {number} of {me} was answered {other}; shut down before: {shut}")),
        }
        for ((seen, before), after) in done.seen.iter_mut().zip(&before).zip(&after) {
            seen.note(number, *before, *after);
        }
    }
    done
}

/// Publishes a few events.
pub fn few(play: &Play, bus: &Bus, me: usize) {
    for kind in [Kind::A, Kind::B, Kind::A, Kind::Typed] {
        let Some(number) = play.draw(me) else { return };
        let answer = send(bus, kind, Stamp { thread: me as u64, number, depth: 0 }, Priority::Normal);
        play.answered(kind, &answer);
    }
}

pub fn send(bus: &Bus, kind: Kind, stamp: Stamp, priority: Priority) -> Delivery {
    let Stamp { thread, number, depth } = stamp;
    let text = stamp.text();
    let sum = stamp.sum(&text);
    match kind {
        Kind::A => {
            publish_event!(bus: bus, "stress.queue.a", priority: priority, thread, number, depth, text = text, sum)
        }
        Kind::Typed => bus.publish(Typed::new(stamp)),
        _ => bus.publish(built(kind, stamp, priority)),
    }
}

fn built(kind: Kind, stamp: Stamp, priority: Priority) -> Event {
    let Stamp { thread, number, depth } = stamp;
    let text = stamp.text();
    let event = Event::builder(KINDS[kind as usize]).priority(priority).field("thread", thread).field("number", number);
    match event.field("depth", depth).field("text", &*text).field("sum", stamp.sum(&text)).build() {
        Ok(event) => event,
        Err(error) => unreachable!("{error}"),
    }
}

/// Publishes and waits, and expects, until the publishers have done their part. What it has done.
pub fn wait(play: &Arc<Play>, bus: &Bus, ends_by_shutdown: bool, goal: u64) -> u64 {
    let (me, mut turns) = (play.publishers, 0);
    while play.progress() < goal && !play.is_over() && !bus.is_shut_down() {
        let Some(number) = play.draw(me) else { break };
        let stamp = Stamp { thread: me as u64, number, depth: 0 };
        if turns % 4 == 3 {
            expect(play, bus, stamp, if ends_by_shutdown { 1 } else { 3 });
        } else {
            publish_and_wait(play, bus, stamp);
        }
        if let Some(guard) = &*play.actors[QUARANTINED].guard.lock() {
            guard.resume();
        }
        turns += 1;
    }
    turns * 4
}

/// P8: an event that is waited for is settled by each handler that it was offered to.
fn publish_and_wait(play: &Play, bus: &Bus, stamp: Stamp) {
    let answers = &play.answers;
    let counts = || (answers.awaited_fine.load(Ordering::Relaxed), answers.awaited_failed.load(Ordering::Relaxed));
    let before = counts();
    let event = built(Kind::Awaited, stamp, PRIORITIES[(stamp.number % 4) as usize]);
    let waited = match bus.publish_and_wait(event, LONG) {
        Ok(waited) => waited,
        Err(error) => return play.fault(format!("P8: {stamp:?} was not waited for: {error}")),
    };
    let after = counts();
    play.outcome(Kind::Awaited, waited.outcome);
    let failed = waited.errors.iter().filter(|error| error.cause != HandlerErrorCause::NotHandled).count();
    let called = (after.0 - before.0, after.1 - before.1);
    if !waited.running.is_empty() || called != (waited.delivered.into(), failed as u64) {
        play.fault(format!("P8: {stamp:?} was waited for; {called:?} calls were fine and failed, but {waited:?}"));
    }
    // Whoever is on this thread is not enqueued; the others refuse none.
    let here = u64::from(waited.outcome == Outcome::Published);
    let enqueued = (u64::from(waited.delivered) + waited.errors.len() as u64).saturating_sub(here);
    answers.enqueued.fetch_add(enqueued, Ordering::Relaxed);
}

/// P5: what is expected is the first event of those that are published from then on.
fn expect(play: &Play, bus: &Bus, stamp: Stamp, count: u64) {
    let expecting = match bus.expecting(KINDS[Kind::Expected as usize]) {
        Ok(expecting) => expecting,
        Err(error) => return play.fault(format!("P5: {stamp:?} was not expected: {error}")),
    };
    let mut number = Some(stamp.number);
    for _ in 0..count {
        let Some(drawn) = number else { break };
        let answer = send(bus, Kind::Expected, Stamp { number: drawn, ..stamp }, Priority::Normal);
        play.answered(Kind::Expected, &answer);
        number = play.draw(play.publishers);
    }
    match expecting.within(LONG) {
        Ok(event) => {
            play.answers.expected.fetch_add(1, Ordering::Relaxed);
            if checksum::read(&event) != Ok(stamp) {
                play.fault(format!("P5: {stamp:?} was expected, and {event} came"));
            }
        }
        Err(ExpectError::Ended) if bus.is_shut_down() => {}
        Err(error) => play.fault(format!("P5: {stamp:?} was expected: {error}")),
    }
}

/// Waits until the publishers have done a part.
pub fn reached(play: &Play, part: u64) {
    while play.progress() < part && !play.is_over() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

// === impl Seen ===

impl Seen {
    /// Event `number` was published between these phases.
    fn note(&mut self, number: u64, before: u8, after: u8) {
        self.live.note(number, before, after);
        if after == PLANNED {
            self.before = number + 1;
        }
        if before == ENDED {
            self.after.get_or_insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{BEGUN, ENDING, LIVE};

    #[test]
    fn what_is_seen_of_a_subscription_says_what_it_gets() {
        let mut seen = Seen::default();
        let phases =
            [(PLANNED, PLANNED), (PLANNED, BEGUN), (LIVE, LIVE), (LIVE, ENDING), (ENDED, ENDED), (ENDED, ENDED)];
        phases.into_iter().zip(10..).for_each(|((before, after), number)| seen.note(number, before, after));
        assert_eq!((seen.before, seen.live.numbers(), seen.after), (11, 12..=12, Some(14)));
    }
}
