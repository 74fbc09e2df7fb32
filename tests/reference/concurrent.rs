//! Several threads run small programs on the real bus, and what each of them saw is checked afterwards, for what must
//! hold however they met.
//!
//! A subscription goes through phases, each announced where its thread can prove it: before it is begun, after
//! subscribing has returned, before it is ended, after that has returned. A publisher looks at the phases before and
//! after each publish; what it finds says which handlers must have seen the event, which may, and which must not (P5,
//! P6). The fences make "after" a proof: a publish that met a change sees the phase announced before that change.

mod explain;
mod shake;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ringbus::{Bus, Event, Outcome, Subscription, SubscriptionId, publish_event};

use crate::face::Planned;
use crate::operations::End;

proptest! {
    #![proptest_config(crate::config(2))]

    #[test]
    fn what_threads_saw_can_be_explained(program in program()) {
        for _ in 0..6 {
            run(&program);
        }
    }
}

// === programs ===

#[derive(Clone, Debug)]
struct Program {
    history: usize,
    shards: usize,
    depth_limit: usize,
    subscriptions: Vec<Plan>,
    threads: Vec<Vec<Step>>,
}

/// A subscription that some thread may begin.
#[derive(Clone, Debug)]
struct Plan {
    patterns: Vec<&'static str>,
    order: i32,
    end: End,
    /// Whether it publishes another event inside each one from the top.
    nests: bool,
    /// Whether it is there before the threads are.
    early: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(&'static str),
    Begin(usize),
    End(usize, How),
    Look,
    Reset,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Drop,
    Unsubscribe,
    Close,
}

/// The kind of nested events; those of the others are `top.…`.
const NESTED: &str = "nested.one";

fn program() -> impl Strategy<Value = Program> {
    let pattern = select(&["top.a", "top.b", "top.*", "**", "*.one", "nested.**", NESTED][..]);
    let end = prop_oneof![4 => Just(End::Fine), 1 => Just(End::Error), 1 => Just(End::Panic)];
    let plan = (vec(pattern, 1..3), -1..=1, end, prop::bool::weighted(0.3), any::<bool>())
        .prop_map(|(patterns, order, end, nests, early)| Plan { patterns, order, end, nests, early });
    let how = select(&[How::Drop, How::Unsubscribe, How::Close][..]);
    let step = prop_oneof![
        12 => select(&["top.a", "top.b", "top.c"][..]).prop_map(Step::Publish),
        5 => any::<usize>().prop_map(Step::Begin),
        4 => (any::<usize>(), how).prop_map(|(which, how)| Step::End(which, how)),
        2 => Just(Step::Look),
    ];
    let options = (select(&[0, 1, 5, 1024][..]), select(&[1, 2, 4][..]), 1..=3_usize);
    // One program in four has resets, which weaken what can be said of the totals.
    let resets = prop_oneof![3 => Just(0), 1 => 1..4_usize];
    (options, vec(plan, 1..6), vec(vec(step, 1..25), 2..5), resets).prop_map(
        |((history, shards, depth_limit), subscriptions, mut threads, resets)| {
            for steps in threads.iter_mut().take(resets) {
                steps.insert(steps.len() / 2, Step::Reset);
            }
            Program { history, shards, depth_limit, subscriptions, threads }
        },
    )
}

// === running one ===

const PLANNED: u8 = 0;
const BEGUN: u8 = 1;
const LIVE: u8 = 2;
const ENDING: u8 = 3;
const ENDED: u8 = 4;

/// A planned subscription, and what became of it.
#[derive(Default)]
struct Actor {
    phase: AtomicU8,
    guard: Mutex<Option<Subscription>>,
    id: OnceLock<SubscriptionId>,
    /// Dies with the closure.
    token: Mutex<Weak<()>>,
    inside: AtomicUsize,
    closed: AtomicBool,
    /// It was called after a close had returned.
    late: AtomicBool,
}

/// A publishing thread's record; only that thread writes.
#[derive(Default)]
struct Publisher {
    drawn: AtomicU64,
    /// All publishes below this number have returned.
    done: AtomicU64,
    sent: Mutex<Vec<Sent>>,
    /// Calls in order: which actor, and the number of the event.
    calls: Mutex<Vec<(usize, u64)>>,
    looks: Mutex<Vec<Look>>,
}

struct Sent {
    number: u64,
    kind: &'static str,
    before: Vec<u8>,
    after: Vec<u8>,
    outcome: Outcome,
    delivered: u32,
    failed: u32,
}

/// A reading of the history: what was done before it, and what it found, newest first, by thread and number.
struct Look {
    done: Vec<u64>,
    found: Vec<(usize, u64)>,
}

struct Stage<'a> {
    program: &'a Program,
    bus: Bus,
    play: Arc<Play>,
}

/// What handlers write to; they hold it weakly.
struct Play {
    actors: Vec<Actor>,
    publishers: Vec<Publisher>,
}

fn run(program: &Program) {
    let Program { history, shards, depth_limit, .. } = *program;
    let play = Play {
        actors: program.subscriptions.iter().map(|_| Actor::default()).collect(),
        publishers: program.threads.iter().map(|_| Publisher::default()).collect(),
    };
    let bus = Bus::builder().history(history).shards(shards).depth_limit(depth_limit).build().unwrap();
    let stage = Stage { program, bus, play: Arc::new(play) };
    for (which, plan) in program.subscriptions.iter().enumerate() {
        if plan.early {
            stage.begin(which);
        }
    }
    let start = Barrier::new(program.threads.len());
    thread::scope(|scope| {
        for (me, steps) in program.threads.iter().enumerate() {
            let (stage, start) = (&stage, &start);
            scope.spawn(move || {
                start.wait();
                shake::on(me);
                for step in steps {
                    stage.step(me, *step);
                }
            });
        }
    });
    stage.check();
}

// === impl Stage ===

impl Stage<'_> {
    fn step(&self, me: usize, step: Step) {
        let actors = self.play.actors.len();
        match step {
            Step::Publish(kind) => {
                self.play.publish(&self.bus, me, kind);
                let publisher = &self.play.publishers[me];
                publisher.done.store(publisher.drawn.load(Ordering::Relaxed), Ordering::Release);
            }
            Step::Begin(which) => self.begin(which % actors),
            Step::End(which, how) => self.end(which % actors, how),
            Step::Look => {
                let done = self.play.publishers.iter().map(|one| one.done.load(Ordering::Acquire)).collect();
                let found = self.recent();
                self.play.publishers[me].looks.lock().unwrap().push(Look { done, found });
            }
            Step::Reset => self.bus.reset(),
        }
    }

    fn begin(&self, which: usize) {
        let actor = &self.play.actors[which];
        if actor.phase.compare_exchange(PLANNED, BEGUN, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (plan, play, token) = (self.program.subscriptions[which].clone(), Arc::downgrade(&self.play), Arc::new(()));
        *actor.token.lock().unwrap() = Arc::downgrade(&token);
        let request = self.bus.on(&plan.patterns).unwrap().order(plan.order);
        fence(Ordering::SeqCst);
        let guard = request.try_subscribe(move |event| {
            let _token = &token;
            play.upgrade().unwrap().call(which, &plan, event);
            match plan.end {
                End::Fine => Ok(()),
                End::Error => Err("planned".into()),
                End::Panic => std::panic::panic_any(Planned),
            }
        });
        actor.id.set(guard.id()).unwrap();
        *actor.guard.lock().unwrap() = Some(guard);
        actor.phase.store(LIVE, Ordering::Release);
    }

    fn end(&self, which: usize, how: How) {
        let actor = &self.play.actors[which];
        // Not before `begin` has said LIVE.
        if actor.phase.load(Ordering::Acquire) != LIVE {
            return;
        }
        let Some(guard) = actor.guard.lock().unwrap().take() else { return };
        actor.phase.store(ENDING, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        match how {
            How::Drop => drop(guard),
            How::Unsubscribe => {
                assert!(self.bus.unsubscribe(guard.id()));
                assert!(!self.bus.unsubscribe(guard.id()));
            }
            How::Close => {
                guard.close().unwrap();
                actor.closed.store(true, Ordering::SeqCst);
                assert_eq!(actor.inside.load(Ordering::SeqCst), 0, "P6: closed while a call runs");
                assert!(actor.token.lock().unwrap().upgrade().is_none(), "P6: closed, and the closure is still there");
            }
        }
        actor.phase.store(ENDED, Ordering::Release);
    }

    fn recent(&self) -> Vec<(usize, u64)> {
        self.bus.recent(usize::MAX).iter().map(place).collect()
    }
}

/// Thread and number.
fn place(event: &Event) -> (usize, u64) {
    let field = |name| event.get(name).unwrap().as_u64().unwrap();
    (field("thread") as usize, field("number"))
}

// === impl Play ===

impl Play {
    fn phases(&self) -> Vec<u8> {
        self.actors.iter().map(|actor| actor.phase.load(Ordering::Acquire)).collect()
    }

    fn publish(&self, bus: &Bus, me: usize, kind: &'static str) {
        let publisher = &self.publishers[me];
        let number = publisher.drawn.fetch_add(1, Ordering::Relaxed);
        let before = self.phases();
        let delivery = match kind {
            NESTED => publish_event!(bus: bus, NESTED, thread = me, number = number),
            "top.a" => publish_event!(bus: bus, "top.a", thread = me, number = number),
            kind => publish_event!(bus: bus, kind: kind, thread = me, number = number),
        };
        fence(Ordering::SeqCst);
        let after = self.phases();
        let (outcome, delivered, failed) = (delivery.outcome, delivery.delivered, delivery.failed);
        publisher.sent.lock().unwrap().push(Sent { number, kind, before, after, outcome, delivered, failed });
    }

    /// What a handler does: it may meet its own end while it is at it.
    fn call(&self, which: usize, plan: &Plan, event: &Event) {
        let actor = &self.actors[which];
        actor.inside.fetch_add(1, Ordering::SeqCst);
        let (me, number) = place(event);
        self.publishers[me].calls.lock().unwrap().push((which, number));
        thread::yield_now();
        if plan.nests && event.kind() != NESTED {
            self.publish(&ringbus::current().unwrap(), me, NESTED);
        }
        if actor.closed.load(Ordering::SeqCst) {
            actor.late.store(true, Ordering::SeqCst);
        }
        actor.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
