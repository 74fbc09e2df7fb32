//! A publishing thread: call sites, kinds told at run time, built events and typed topics; and the checks that follow each
//! publish, on the thread itself, so that they need no memory but the present event's.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use ringbus::{Bus, Delivery, Event, Outcome, Topic, publish_event};

use super::plan::{Call, DEPTH_LIMIT, Kind};
use super::play::{BRIEF, CALLS, Called, Play};
use crate::checksum::{self, Stamp, Typed, mix};
use crate::ledger::{Account, Span, allowed};

/// What one publisher hands back.
pub struct Done {
    pub account: Account,
    /// For each subscription: what it had to get from the top.
    pub spans: Vec<Span>,
    /// For each subscription: how many events it had to get.
    pub musts: Vec<u64>,
    /// The kind of each event from the top, by number: `None` for nested ones.
    pub kinds: Vec<Option<Kind>>,
    pub checks: u64,
}

/// A publisher's own.
struct Publisher {
    play: Arc<Play>,
    me: usize,
    random: u64,
    done: Done,
    /// Published, and perhaps not dispatched yet.
    pending: Vec<Sent>,
    buffers: Vec<Vec<u8>>,
    topic: Option<Topic<Typed>>,
}

struct Sent {
    stamp: Stamp,
    kind: Kind,
    before: Vec<u8>,
    outcome: Outcome,
    delivered: u32,
    failed: u32,
}

thread_local! {
    static PUBLISHER: RefCell<Option<Publisher>> = const { RefCell::new(None) };
}

/// Publishes until `quota` events have come from this thread, nested ones among them.
pub fn run(play: &Arc<Play>, bus: &Bus, me: usize, seed: u64, quota: u64) -> Done {
    let (actors, play) = (play.actors.len(), Arc::clone(play));
    let done = Done {
        account: Account::default(),
        spans: vec![Span::default(); actors],
        musts: vec![0; actors],
        kinds: Vec::new(),
        checks: 0,
    };
    let (pending, buffers, topic) = (Vec::new(), Vec::new(), bus.topic().ok());
    let random = mix(seed ^ mix(me as u64));
    let publisher = Publisher { play: Arc::clone(&play), me, random, done, pending, buffers, topic };
    PUBLISHER.set(Some(publisher));
    while play.drawn[me].load(Ordering::Relaxed) < quota && !play.is_faulty() {
        publish(bus, 0);
    }
    match PUBLISHER.take() {
        Some(publisher) => publisher.done,
        None => unreachable!("it was put there above"),
    }
}

/// Publishes inside a handler, for some events, where the thread is a publisher's.
pub fn nest(stamp: Stamp) {
    let is_mine = PUBLISHER.with_borrow(|one| one.as_ref().is_some_and(|one| one.me as u64 == stamp.thread));
    let wants = if stamp.depth == 0 { stamp.number % 8 == 1 } else { mix(stamp.number) % 3 == 0 };
    if let (true, true, Some(bus)) = (is_mine, wants, ringbus::current()) {
        publish(&bus, stamp.depth + 1);
    }
}

fn with<R>(look: impl FnOnce(&mut Publisher) -> R) -> R {
    PUBLISHER.with_borrow_mut(|one| match one {
        Some(one) => look(one),
        None => unreachable!("only publishers publish"),
    })
}

/// What is published next.
struct Next {
    stamp: Stamp,
    kind: Kind,
    /// The phases before it.
    before: Vec<u8>,
    /// Whether it is built first, and published then.
    built: bool,
    topic: Option<Topic<Typed>>,
    /// Where it is to be looked for in the history afterwards: how many events were drawn before it.
    looks_from: Option<u64>,
}

fn publish(bus: &Bus, depth: u64) {
    let Next { stamp, kind, before, built, topic, looks_from } = with(|one| one.begin(depth));
    let delivery = send(bus, kind, stamp, built, topic.as_ref());
    if let Some(drawn) = looks_from {
        look_back(bus, stamp, drawn);
    }
    // With the fence of whoever changes a phase: a publish that met the change sees the phase before it.
    fence(Ordering::SeqCst);
    let Delivery { outcome, delivered, failed, .. } = delivery;
    drop(topic);
    with(|one| one.end(Sent { stamp, kind, before, outcome, delivered, failed }));
}

/// P2: an event whose publish has returned is in the history, unless as many newer ones are.
fn look_back(bus: &Bus, stamp: Stamp, drawn: u64) {
    /// Events that were drawn, and not recorded, before this one was: a few on each thread.
    const UNDER_WAY: u64 = 256;
    let found = bus.recent(usize::MAX);
    with(|one| {
        let newer = one.play.progress() - drawn + UNDER_WAY;
        if newer < one.play.looks_back && !found.iter().any(|event| checksum::read(event) == Ok(stamp)) {
            one.play.fault(format!("P2: {stamp:?} is not in the history, with {newer} newer ones at most"));
        }
        one.done.checks += 1;
    });
}

fn send(bus: &Bus, kind: Kind, stamp: Stamp, built: bool, topic: Option<&Topic<Typed>>) -> Delivery {
    let Stamp { thread, number, depth } = stamp;
    let text = stamp.text();
    let sum = stamp.sum(&text);
    match kind {
        Kind::A if built => {
            let event = Event::builder("stress.a").field("thread", thread).field("number", number);
            match event.field("depth", depth).field("text", &*text).field("sum", sum).build() {
                Ok(event) => bus.publish(event),
                Err(error) => unreachable!("{error}"),
            }
        }
        Kind::A => publish_event!(bus: bus, "stress.a", source: "stress", thread, number, depth, text = text, sum),
        Kind::B => publish_event!(bus: bus, "stress.b", thread, number, depth, text = &*text, sum),
        Kind::Nested => publish_event!(bus: bus, "stress.nested", thread, number, depth, text = &*text, sum),
        Kind::Dynamic(which) => {
            publish_event!(bus: bus, kind: format!("stress.dyn.{which}"), thread, number, depth, text = &*text, sum)
        }
        Kind::Typed => match topic {
            Some(topic) if topic.bus().same_bus(bus) => topic.publish(Typed::new(stamp)),
            _ => bus.publish(Typed::new(stamp)),
        },
    }
}

// === impl Publisher ===

impl Publisher {
    /// The next event.
    fn begin(&mut self, depth: u64) -> Next {
        self.random = mix(self.random);
        let kind = match (depth, self.random % 16) {
            (1.., _) => Kind::Nested,
            (0, 0..7) => Kind::A,
            (0, 7..11) => Kind::B,
            (0, 11..14) => Kind::Dynamic((self.random >> 8) as u8 % 100),
            _ => Kind::Typed,
        };
        let number = self.play.drawn[self.me].load(Ordering::Relaxed);
        self.play.drawn[self.me].store(number + 1, Ordering::Relaxed);
        self.done.kinds.push((depth == 0).then_some(kind));
        let looks = self.play.looks_back > 0 && depth == 0 && number % 1024 == 3;
        let looks_from = looks.then(|| self.play.progress());
        let mut before = self.buffers.pop().unwrap_or_default();
        self.play.phases(&mut before);
        let topic = if kind == Kind::Typed { self.topic.clone() } else { None };
        let stamp = Stamp { thread: self.me as u64, number, depth };
        Next { stamp, kind, before, built: self.random >> 16 & 3 == 0, topic, looks_from }
    }

    /// The publish has returned.
    fn end(&mut self, sent: Sent) {
        let account = &mut self.done.account;
        account.answered(sent.outcome);
        match sent.kind.index() {
            Some(index) => account.kinds[index] += 1,
            None => account.others += 1,
        }
        let mut after = self.buffers.pop().unwrap_or_default();
        self.play.phases(&mut after);
        let top = sent.stamp.depth == 0;
        if top {
            for ((span, before), after) in self.done.spans.iter_mut().zip(&sent.before).zip(&after) {
                span.note(sent.stamp.number, *before, *after);
            }
        }
        self.pending.push(sent);
        // Nested events that had to wait have been dispatched when the outermost publish returns.
        if top || !self.play.deferred {
            let pending = std::mem::take(&mut self.pending);
            CALLS.with_borrow_mut(|calls| {
                for sent in pending {
                    self.check(&sent, &after, calls);
                    self.buffers.push(sent.before);
                }
                if top {
                    calls.clear();
                }
            });
        }
        self.buffers.push(after);
    }

    /// P5, P6: who was called on this thread for an event, by what was known; P8: what its publish answered.
    fn check(&mut self, sent: &Sent, after: &[u8], calls: &[Called]) {
        let mut counts = [0_u8; 256];
        let (mut fine, mut failed) = (0, 0);
        let mut last = i32::MAX;
        for called in calls.iter().filter(|called| called.stamp == sent.stamp) {
            match called.call {
                Call::Fine => fine += 1,
                Call::Fails | Call::Panics => failed += 1,
            }
            if called.which == BRIEF {
                continue;
            }
            counts[called.which] += 1;
            let order = self.play.actors[called.which].plan.order;
            if order > last {
                let which = called.which;
                self.play
                    .fault(format!("P3: {which} of order {order} was called after one of {last}: {:?}", sent.stamp));
            }
            last = order;
        }
        let dispatched = matches!(sent.outcome, Outcome::Published | Outcome::Queued);
        for (which, actor) in self.play.actors.iter().enumerate() {
            let plan = &actor.plan;
            let (before, after, called) = (sent.before[which], after[which], u64::from(counts[which]));
            let range = allowed(before, after, dispatched && plan.wants(sent.kind, sent.stamp));
            // One that has a limit may have reached it; those numbers are compared in the end.
            let least = if plan.limit.is_some() { 0 } else { *range.start() };
            self.done.musts[which] += range.start();
            if called < least || called > *range.end() {
                self.play.fault(format!(
                    "P5, P6: {:?} {:?}, answered {}: {called} calls of {which}, whose phase was {before} before and {after} \
                     after; {plan:?}",
                    sent.kind, sent.stamp, sent.outcome
                ));
            }
        }
        if sent.outcome == Outcome::Published && (sent.delivered, sent.failed) != (fine, failed) {
            let (delivered, not) = (sent.delivered, sent.failed);
            self.play
                .fault(format!("P8: {:?}: {fine} calls and {failed} failed, but {delivered}, {not} told", sent.stamp));
        }
        let expected = match (sent.stamp.depth, self.play.deferred) {
            (0, _) => sent.outcome == Outcome::Published,
            (depth, _) if depth as usize >= DEPTH_LIMIT => sent.outcome == Outcome::TooDeep,
            (_, true) => matches!(sent.outcome, Outcome::Queued | Outcome::QueueFull),
            (_, false) => sent.outcome == Outcome::Published,
        };
        if !expected {
            self.play.fault(format!("P7: {:?} was answered {}", sent.stamp, sent.outcome));
        }
        self.done.checks += self.play.actors.len() as u64 + 2;
    }
}
