//! The handlers of random rounds: how they behave, what they count, and who publishes to them.

use std::num::NonZeroU32;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::thread::yield_now;
use std::time::Duration;

use ringbus::{
    BoxError, Bus, CalledByWorkers, Event, FailurePolicy, Outcome, Overflow, Priority, Queued, Retry, Subscribe,
    Subscription,
};

use crate::hands::Rng;

/// So many events more are published before the publishers wait for the end.
const SLACK: u64 = 8;

const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];

#[cfg(feature = "async")]
pub type Runtime = tokio::runtime::Runtime;
#[cfg(not(feature = "async"))]
pub struct Runtime;

/// What all threads of a round write down.
#[derive(Default)]
pub struct Book {
    /// Events that the publishers have begun to publish.
    pub begun: AtomicU64,
    /// What the answers of all publishes said.
    pub accepted: AtomicU64,
    pub enqueued: AtomicU64,
    pub shut_down: AtomicU64,
    /// A complete report has returned.
    pub over: AtomicBool,
    /// Calls that were made after that.
    pub late: AtomicU64,
    /// The bus is to be dropped: publishers end.
    pub quit: AtomicBool,
}

/// How a handler behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Each of so many calls fails; 0: none.
    pub fails: u64,
    pub panics: bool,
    pub yields: u64,
    /// Publishes an event for each that it gets.
    pub echoes: bool,
}

/// What a handler is made from, and what it counts.
pub struct Conduct {
    pub book: Arc<Book>,
    pub manner: Manner,
    pub calls: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Sync,
    Thread,
    Pool,
    Task,
}

impl Place {
    /// How many calls there may be at once of a handler with a queue.
    pub fn workers(self) -> u64 {
        match self {
            Self::Sync | Self::Thread => 1,
            Self::Pool | Self::Task => 2,
        }
    }
}

/// One handler of a round.
pub struct Made {
    pub place: Place,
    pub overflow: Overflow,
    pub guard: Arc<Subscription>,
    pub conduct: Arc<Conduct>,
    /// It may end before the bus: it has a limit, or another thread closes it.
    pub leaves: bool,
    /// It shuts the bus down.
    pub ends: bool,
}

/// Options of a handler with a queue.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    pub capacity: usize,
    pub overflow: Overflow,
    pub by_priority: bool,
    pub retries: bool,
}

// === publishing ===

impl Book {
    pub fn publish(&self, bus: &Bus, kind: &str, priority: Priority) -> Outcome {
        let delivery = bus.publish(Event::builder(kind).priority(priority).build().unwrap());
        self.enqueued.fetch_add(delivery.enqueued.into(), SeqCst);
        self.accepted.fetch_add(delivery.outcome.is_accepted().into(), SeqCst);
        self.shut_down.fetch_add((delivery.outcome == Outcome::ShutDown).into(), SeqCst);
        delivery.outcome
    }

    /// Publishes until it is told to end; tells when `target` is reached.
    pub fn publish_until_the_end(&self, bus: Bus, target: u64, reached: &Sender<()>) {
        loop {
            let n = self.begun.fetch_add(1, SeqCst);
            if n == target {
                let _ = reached.send(());
            }
            while n >= target + SLACK && !bus.is_shut_down() && !self.quit.load(SeqCst) {
                yield_now();
            }
            if self.quit.load(SeqCst) {
                return;
            }
            let shut = bus.is_shut_down();
            match self.publish(&bus, "job", PRIORITIES[n as usize % PRIORITIES.len()]) {
                Outcome::ShutDown => return,
                outcome => assert!(!shut && outcome == Outcome::Published, "{outcome}, shut down before: {shut}"),
            }
            if n % 4 == 0 {
                yield_now();
            }
        }
    }
}

impl Conduct {
    pub fn begin(&self) -> u64 {
        self.book.late.fetch_add(self.book.over.load(SeqCst).into(), SeqCst);
        self.calls.fetch_add(1, SeqCst)
    }

    pub fn end(&self, call: u64, event: &Event) -> Result<(), BoxError> {
        let Manner { fails, panics, yields, echoes } = self.manner;
        self.book.late.fetch_add(self.book.over.load(SeqCst).into(), SeqCst);
        if echoes && event.kind() == "job" {
            self.book.publish(&ringbus::current().unwrap(), "echo", event.priority());
        }
        (0..yields).for_each(|_| yield_now());
        match call.checked_rem(fails) {
            Some(0) if panics => resume_unwind(Box::new("told to")),
            Some(0) => Err("told to".into()),
            _ => Ok(()),
        }
    }

    pub fn call(&self, event: &Event) -> Result<(), BoxError> {
        self.end(self.begin(), event)
    }
}

// === making a bus ===

pub fn queue(rng: &mut Rng) -> Queue {
    let brief = Duration::from_micros(200);
    let policies = [Overflow::DropOldest, Overflow::DropNewest, Overflow::LatestOnly, Overflow::Block { up_to: brief }];
    let capacity = 1 + rng.below(8) as usize;
    Queue { capacity, overflow: *rng.one_of(&policies), by_priority: rng.one_in(4), retries: rng.one_in(4) }
}

pub fn with<M: CalledByWorkers>(queue: Queue, queued: Queued<Event, M>) -> Queued<Event, M> {
    let mut queued = queued.capacity(queue.capacity).when_full(queue.overflow);
    if queue.by_priority {
        queued = queued.by_priority();
    }
    let retry = Retry::times(NonZeroU32::MIN).base(Duration::ZERO);
    if queue.retries { queued.retry(retry) } else { queued }
}

/// And whether it is limited.
pub fn selected(bus: &Bus, rng: &mut Rng) -> (Subscribe, bool) {
    let (subscribe, limited) = (bus.on(["job", "echo"]).unwrap(), rng.one_in(8));
    let subscribe = if limited { subscribe.limit(rng.below(8)) } else { subscribe };
    let quarantine = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    (if rng.one_in(4) { subscribe.failure_policy(quarantine) } else { subscribe }, limited)
}

/// A handler in this place, which is none of a reader.
pub fn make(bus: &Bus, book: &Arc<Book>, place: Place, runtime: &Runtime, rng: &mut Rng) -> Made {
    let fails = if rng.one_in(3) { 1 + rng.below(4) } else { 0 };
    let yields = if rng.one_in(2) { rng.below(4) } else { 0 };
    let manner = Manner { fails, panics: rng.one_in(2), yields, echoes: rng.one_in(3) };
    let conduct = Arc::new(Conduct { book: Arc::clone(book), manner, calls: AtomicU64::new(0) });
    let (queue, (subscribe, leaves)) = (queue(rng), selected(bus, rng));
    let own = Arc::clone(&conduct);
    let guard = match place {
        Place::Sync => subscribe.try_subscribe(move |event| own.call(event)),
        Place::Thread => with(queue, subscribe.in_thread()).try_subscribe(move |event| own.call(event)).unwrap(),
        Place::Pool => with(queue, subscribe.in_pool(2)).try_subscribe(move |event| own.call(event)).unwrap(),
        Place::Task => in_tasks(queue, subscribe, own, runtime, 1 + rng.below(2) as usize),
    };
    Made { place, overflow: queue.overflow, guard: Arc::new(guard), conduct, leaves, ends: false }
}

#[cfg(feature = "async")]
pub fn in_tasks(queue: Queue, of: Subscribe, own: Arc<Conduct>, runtime: &Runtime, at_once: usize) -> Subscription {
    let _inside = runtime.enter();
    let handler = move |event: Event| {
        let own = Arc::clone(&own);
        async move {
            let call = own.begin();
            if call % 2 == 0 {
                tokio::task::yield_now().await;
            }
            own.end(call, &event)
        }
    };
    with(queue, of.in_tokio().unwrap()).concurrency(at_once).try_subscribe(handler).unwrap()
}

#[cfg(not(feature = "async"))]
pub fn in_tasks(_: Queue, _: Subscribe, _: Arc<Conduct>, _: &Runtime, _: usize) -> Subscription {
    unreachable!("without the feature there is none")
}
