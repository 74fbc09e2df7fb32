//! Running a program: threads, their steps, and what they and the handlers write down.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Instant;

use ringbus::{
    Bus, Cursor, Delivery, Event, FailurePolicy, FieldReader, FieldWriter, Outcome, Payload, Reentrancy, Subscribe,
    Subscription, SubscriptionId, publish_event,
};

use super::program::{How, NESTED, Plan, Program, Step, TYPED};
use super::shake;
use super::switch::Switch;
use crate::face::Planned;
use crate::operations::{End, Takes};

pub(super) const PLANNED: u8 = 0;
const BEGUN: u8 = 1;
pub(super) const LIVE: u8 = 2;
const ENDING: u8 = 3;
pub(super) const ENDED: u8 = 4;

thread_local! {
    /// Which publisher this thread is.
    static ME: Cell<usize> = const { Cell::new(0) };
    /// Which handler this thread is telling of the past, maybe.
    static TELLING: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A planned subscription, and what became of it.
#[derive(Default)]
pub(super) struct Actor {
    pub(super) phase: AtomicU8,
    /// Until it is dropped; it may have ended.
    pub(super) guard: Mutex<Option<Subscription>>,
    pub(super) id: OnceLock<SubscriptionId>,
    /// On while it is not muted.
    pub(super) voice: Switch,
    /// Quarantines ended by resuming, and those that were reported.
    pub(super) resumed: AtomicU64,
    pub(super) quarantined: AtomicU64,
    /// In the order in which they began.
    pub(super) calls: Mutex<Vec<Call>>,
    /// Dies with the closure.
    token: Mutex<Weak<()>>,
    inside: AtomicUsize,
    closed: AtomicBool,
    /// It was called after a close had returned.
    pub(super) late: AtomicBool,
}

#[derive(Clone, Copy)]
pub(super) struct Call {
    /// Thread and number of the event.
    pub(super) event: (usize, u64),
    pub(super) end: End,
    /// When it began, by the clock that all threads share.
    pub(super) at: u64,
    /// It was told of the past, not called by the publisher (or called with what waited until it had been told).
    pub(super) told: bool,
}

/// A publishing thread's record.
#[derive(Default)]
pub(super) struct Publisher {
    pub(super) drawn: AtomicU64,
    /// All publishes below this number have returned.
    done: AtomicU64,
    pub(super) sent: Mutex<Vec<Sent>>,
    pub(super) looks: Mutex<Vec<Look>>,
}

pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) kind: &'static str,
    pub(super) is_payload: bool,
    /// When it began and had returned, by a clock that all threads share.
    pub(super) times: (u64, u64),
    pub(super) before: Marks,
    /// What was to be seen when it had been dispatched.
    pub(super) after: Option<Marks>,
    pub(super) outcome: Outcome,
    pub(super) delivered: u32,
    pub(super) failed: u32,
}

/// How everything stood, as far as that was announced.
pub(super) struct Marks {
    pub(super) phases: Vec<u8>,
    pub(super) voices: Vec<u64>,
    pub(super) power: u64,
}

/// A reading of the history: what was done before it, and what it found, newest first, by thread and number.
pub(super) struct Look {
    pub(super) done: Vec<u64>,
    pub(super) found: Vec<(usize, u64)>,
}

/// A cursor, and what it has found, oldest first.
pub(super) struct Follower {
    pub(super) cursor: Cursor,
    pub(super) found: Vec<(usize, u64)>,
    pub(super) missed: u64,
}

pub(super) struct Stage<'a> {
    pub(super) program: &'a Program,
    pub(super) bus: Bus,
    pub(super) play: Arc<Play>,
    pub(super) made: Instant,
    /// One for each thread.
    pub(super) followers: Vec<Mutex<Follower>>,
}

/// What handlers write to; they hold it weakly.
pub(super) struct Play {
    pub(super) actors: Vec<Actor>,
    pub(super) publishers: Vec<Publisher>,
    /// On while the bus is enabled.
    power: Switch,
    clock: AtomicU64,
}

/// A payload of the kind [`TYPED`].
struct Top {
    thread: u64,
    number: u64,
}

impl Payload for Top {
    const KIND: &'static str = TYPED;

    fn field_names() -> &'static [&'static str] {
        &["thread", "number"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.thread);
        fields.write(&self.number);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        let (thread, number) = (fields.read(), fields.read());
        Some(Self { thread: thread?, number: number? })
    }
}

pub(super) fn run(program: &Program) {
    let stage = Stage::new(program);
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
                ME.set(me);
                shake::on(me);
                let mut shorts = program.shorts(me);
                for step in steps {
                    stage.step(me, *step, &mut shorts);
                    stage.play.settle(me);
                }
            });
        }
    });
    stage.check();
    stage.end();
}

// === impl Stage ===

impl<'a> Stage<'a> {
    fn new(program: &'a Program) -> Self {
        let Program { history, shards, strict, depth_limit, deferred, .. } = *program;
        let play = Arc::new(Play {
            actors: program.subscriptions.iter().map(|_| Actor::default()).collect(),
            publishers: (0..program.publishers()).map(|_| Publisher::default()).collect(),
            power: Switch::default(),
            clock: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&play);
        let builder = Bus::builder().history(history).shards(shards).strict_order(strict).depth_limit(depth_limit);
        let builder = builder.on_failure(move |failure| {
            if let (true, Some(which)) = (failure.quarantined, failure.name.and_then(|name| name.parse::<usize>().ok()))
            {
                weak.upgrade().unwrap().actors[which].quarantined.fetch_add(1, Ordering::Relaxed);
            }
        });
        let bus = match deferred {
            Some(limit) => builder.reentrancy(Reentrancy::Deferred).deferred_limit(limit),
            None => builder,
        };
        let bus = bus.build().unwrap();
        let follower = |_| Mutex::new(Follower { cursor: bus.cursor(), found: Vec::new(), missed: 0 });
        Self { program, followers: program.threads.iter().map(follower).collect(), bus, play, made: Instant::now() }
    }

    fn step(&self, me: usize, step: Step, shorts: &mut impl Iterator<Item = usize>) {
        let actor = |which: usize| &self.play.actors[which % self.play.actors.len()];
        match step {
            Step::Publish(kind) => self.play.publish(&self.bus, kind, false),
            Step::PublishPayload => self.play.publish(&self.bus, TYPED, true),
            Step::PublishShortly(kind, count) => {
                let short = shorts.next().unwrap();
                let publish = || {
                    ME.set(short);
                    shake::on(short);
                    (0..count).for_each(|_| self.play.publish(&self.bus, kind, false));
                    self.play.settle(short);
                };
                thread::scope(|scope| scope.spawn(publish).join().unwrap());
            }
            Step::Begin(which) => self.begin(which % self.play.actors.len()),
            Step::End(which, how) => self.end_one(actor(which), how),
            Step::Mute(which, muted) => {
                let actor = actor(which);
                if let Some(id) = actor.id.get() {
                    actor.voice.turn(!muted, || {
                        let _ = if muted { self.bus.mute(*id) } else { self.bus.unmute(*id) };
                    });
                }
            }
            Step::Resume(which) => {
                let actor = actor(which);
                let resumed = actor.id.get().is_some_and(|id| self.bus.resume(*id));
                actor.resumed.fetch_add(resumed.into(), Ordering::Relaxed);
            }
            Step::Enable(on) => self.play.power.turn(on, || if on { self.bus.enable() } else { self.bus.disable() }),
            Step::Look => {
                let done = self.play.publishers.iter().map(|one| one.done.load(Ordering::Acquire)).collect();
                let found = self.recent();
                self.play.publishers[me].looks.lock().unwrap().push(Look { done, found });
            }
            Step::Follow => self.followers[me].lock().unwrap().follow(),
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
        let handle = move |event: (usize, u64), is_nested: bool| {
            let _token = &token;
            match play.upgrade().unwrap().call(which, &plan, event, is_nested) {
                End::Fine => Ok(()),
                End::Error => Err("planned".into()),
                End::Panic => std::panic::panic_any(Planned(which)),
            }
        };
        let plan = &self.program.subscriptions[which];
        fence(Ordering::SeqCst);
        TELLING.set(Some(which));
        let guard = match plan.takes {
            Takes::Events => wished(self.bus.on(&plan.patterns).unwrap(), which, plan)
                .try_subscribe(move |event| handle(place(event), event.kind() == NESTED)),
            takes => {
                let request = wished(self.bus.on_payload::<Top>().unwrap(), which, plan);
                let request = if takes == Takes::Decoded { request.decode() } else { request };
                request.try_subscribe(move |top| handle((top.thread as usize, top.number), false))
            }
        };
        TELLING.set(None);
        actor.id.set(guard.id()).unwrap();
        *actor.guard.lock().unwrap() = Some(guard);
        actor.phase.store(LIVE, Ordering::Release);
    }

    fn end_one(&self, actor: &Actor, how: How) {
        // Not before `begin` has said LIVE; and one of those who end it.
        if actor.phase.compare_exchange(LIVE, ENDING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        let guard = actor.guard.lock().unwrap().take().unwrap();
        fence(Ordering::SeqCst);
        match how {
            How::Drop => drop(guard),
            How::Unsubscribe => {
                // One that has a limit may have ended.
                self.bus.unsubscribe(guard.id());
                assert!(!self.bus.unsubscribe(guard.id()) && !guard.is_active());
                *actor.guard.lock().unwrap() = Some(guard);
            }
            How::Close => {
                guard.close().unwrap();
                actor.closed.store(true, Ordering::SeqCst);
                assert_eq!(actor.inside.load(Ordering::SeqCst), 0, "P6: closed while a call runs");
                assert!(actor.is_dropped(), "P6: closed, and the closure is still there");
                *actor.guard.lock().unwrap() = Some(guard);
            }
        }
        actor.phase.store(ENDED, Ordering::Release);
    }

    pub(super) fn recent(&self) -> Vec<(usize, u64)> {
        self.bus.recent(usize::MAX).iter().map(place).collect()
    }

    /// Nothing stays of it.
    fn end(self) {
        let Self { bus, play, followers, .. } = self;
        play.actors.iter().for_each(|actor| drop(actor.guard.lock().unwrap().take()));
        drop(followers);
        let weak = bus.downgrade();
        drop(bus);
        assert!(weak.upgrade().is_none(), "P10: somebody keeps the bus alive");
        assert!(play.actors.iter().all(Actor::is_dropped), "P9: a closure has outlived its bus");
    }
}

/// A subscription as it was planned; its name is its number.
fn wished<P>(request: Subscribe<P>, which: usize, plan: &Plan) -> Subscribe<P> {
    let mut request = request.order(plan.order).named(which.to_string());
    if let Some(limit) = plan.limit {
        request = request.limit(limit);
    }
    if let Some(after) = plan.quarantine_after.and_then(NonZeroU32::new) {
        request = request.failure_policy(FailurePolicy::Quarantine { after });
    }
    if let Some(newest) = plan.past {
        request = request.replay(newest);
    }
    request
}

/// Thread and number.
fn place(event: &Event) -> (usize, u64) {
    let field = |name| event.get(name).unwrap().as_u64().unwrap();
    (field("thread") as usize, field("number"))
}

// === impl Actor, Follower ===

impl Actor {
    fn is_dropped(&self) -> bool {
        self.token.lock().unwrap().upgrade().is_none()
    }
}

impl Follower {
    pub(super) fn follow(&mut self) {
        let batch = self.cursor.read();
        self.found.extend(batch.events.iter().map(place));
        self.missed += batch.missed;
    }
}

// === impl Play ===

impl Play {
    fn marks(&self) -> Marks {
        Marks {
            phases: self.actors.iter().map(|actor| actor.phase.load(Ordering::Acquire)).collect(),
            voices: self.actors.iter().map(|actor| actor.voice.look()).collect(),
            power: self.power.look(),
        }
    }

    /// Publishes as whoever this thread is.
    fn publish(&self, bus: &Bus, kind: &'static str, is_payload: bool) {
        let me = ME.get();
        let publisher = &self.publishers[me];
        let number = publisher.drawn.fetch_add(1, Ordering::Relaxed);
        let telling = TELLING.replace(None);
        let before = self.marks();
        let begun = self.clock.fetch_add(1, Ordering::SeqCst);
        let delivery = send(bus, kind, is_payload, me, number);
        let times = (begun, self.clock.fetch_add(1, Ordering::SeqCst));
        TELLING.set(telling);
        let Delivery { outcome, delivered, failed, .. } = delivery;
        fence(Ordering::SeqCst);
        // What waits has not been dispatched yet.
        let after = (outcome != Outcome::Queued).then(|| self.marks());
        let sent = Sent { number, kind, is_payload, times, before, after, outcome, delivered, failed };
        publisher.sent.lock().unwrap().push(sent);
    }

    /// After a step of a thread: all that it has published is dispatched.
    fn settle(&self, me: usize) {
        let publisher = &self.publishers[me];
        fence(Ordering::SeqCst);
        for sent in publisher.sent.lock().unwrap().iter_mut().filter(|sent| sent.after.is_none()) {
            sent.after = Some(self.marks());
        }
        publisher.done.store(publisher.drawn.load(Ordering::Relaxed), Ordering::Release);
    }

    /// What a handler does: it may meet its own end while it is at it.
    fn call(&self, which: usize, plan: &Plan, event: (usize, u64), is_nested: bool) -> End {
        let actor = &self.actors[which];
        actor.inside.fetch_add(1, Ordering::SeqCst);
        let (end, at) = (plan.end_of(event.1), self.clock.fetch_add(1, Ordering::SeqCst));
        actor.calls.lock().unwrap().push(Call { event, end, at, told: TELLING.get() == Some(which) });
        thread::yield_now();
        if plan.nests && !is_nested {
            self.publish(&ringbus::current().unwrap(), NESTED, false);
        }
        if actor.closed.load(Ordering::SeqCst) {
            actor.late.store(true, Ordering::SeqCst);
        }
        actor.inside.fetch_sub(1, Ordering::SeqCst);
        end
    }
}

fn send(bus: &Bus, kind: &'static str, is_payload: bool, me: usize, number: u64) -> Delivery {
    match kind {
        TYPED if is_payload && number % 2 == 0 => bus.topic().unwrap().publish(Top { thread: me as u64, number }),
        TYPED if is_payload => bus.publish(Top { thread: me as u64, number }),
        NESTED => publish_event!(bus: bus, NESTED, thread = me, number = number),
        TYPED => publish_event!(bus: bus, TYPED, thread = me, number = number),
        "top.b" => publish_event!(bus: bus, "top.b", thread = me, number = number),
        kind => publish_event!(bus: bus, kind: kind, thread = me, number = number),
    }
}
