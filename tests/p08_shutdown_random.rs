//! Ten thousand random ends of a bus under load: nothing that a queue has taken is lost uncounted, and nothing is called
//! after a complete report (P8).
//!
//! Each round makes a bus with some handlers, on the publisher's thread, on threads of their own, taken out by a reader, or
//! (feature `async`) in tasks. One or two publishers publish until they are told that the bus is shut down; after a random
//! number of events it is: with a random limit, by two threads at once, from inside a handler, or it is dropped instead.
//! Some rounds close a subscription meanwhile. `RINGBUS_SEED` begins with another round; a round that fails tells its seed.
#![cfg(not(ringbus_loom))]

use std::env;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use ringbus::{
    Bus, CloseError, Event, HandlerEnd, Overflow, Priority, QueueInfo, ShutdownReport, SubscriptionId, SubscriptionInfo,
};

#[path = "support/conduct.rs"]
mod conduct;
#[path = "support/hands.rs"]
mod hands;
use conduct::{Book, Conduct, Made, Manner, Place, Queue, Runtime, make, queue};
use hands::{Hands, Rng};

const ROUNDS: u64 = 10_000;
/// So many rounds go on at once.
const LANES: u64 = 2;
/// Longer than any round: who waits so long waits for ever.
const LONG: Duration = Duration::from_secs(60);
/// Who does what among the threads of a lane.
const PUBLISHERS: [usize; 2] = [0, 1];
const SECOND: usize = 2;
const READER: usize = 3;
const CLOSER: usize = 4;
const HANDS: usize = 5;

/// What a reader hands back when all is over.
type Read = (ringbus::Receiver, u64);

#[derive(Clone, Copy, Debug)]
enum Ending {
    Once(Duration),
    Twice(Duration, Duration),
    /// From inside a handler, on a thread of its own or not.
    Inside {
        in_thread: bool,
    },
    Dropped,
}

/// A reader, as one more handler of a round.
fn make_reader(bus: &Bus, hands: &Hands, rng: &mut Rng) -> (SubscriptionId, Overflow, Receiver<Read>) {
    let Queue { capacity, overflow, by_priority, .. } = queue(rng);
    let queued = bus.on(["job", "echo"]).unwrap().queued().capacity(capacity).when_full(overflow);
    let mut events = if by_priority { queued.by_priority() } else { queued }.receiver().unwrap();
    let id = events.subscription().id();
    let read = hands.run(READER, move || {
        let taken = events.by_ref().count() as u64;
        (events, taken)
    });
    (id, overflow, read)
}

// === a round ===

/// A bus and all that belongs to it.
struct Round {
    book: Arc<Book>,
    made: Vec<Made>,
    reader: Option<(SubscriptionId, Overflow, Receiver<Read>)>,
    /// Of a handler with a queue, when a report has returned: how often it had been called, and how many calls more there may be.
    told: Vec<(usize, u64, u64)>,
}

impl Round {
    fn new(bus: &Bus, hands: &Hands, runtime: &Runtime, rng: &mut Rng) -> Self {
        let book = Arc::new(Book::default());
        let places: &[Place] = if cfg!(feature = "async") {
            &[Place::Sync, Place::Thread, Place::Pool, Place::Task]
        } else {
            &[Place::Sync, Place::Thread, Place::Pool]
        };
        let made = (0..1 + rng.below(3)).map(|_| make(bus, &book, *rng.one_of(places), runtime, rng)).collect();
        let reader = rng.one_in(4).then(|| make_reader(bus, hands, rng));
        Self { book, made, reader, told: Vec::new() }
    }

    /// Ends one of the handlers on another thread; `alone` where nobody else discards anything meanwhile.
    fn close_one(&mut self, bus: &Bus, hands: &Hands, rng: &mut Rng, alone: bool) -> Receiver<Result<(), CloseError>> {
        let how = rng.below(4);
        // Not the one that is to end the bus, which would not.
        let mut others: Vec<_> = self.made.iter_mut().filter(|made| !made.ends).collect();
        let one = rng.below(others.len() as u64) as usize;
        others[one].leaves = true;
        let (guard, bus) = (Arc::clone(&others[one].guard), bus.downgrade());
        hands.run(CLOSER, move || match how {
            0 => guard.close(),
            1 => guard.close_drained(Duration::ZERO),
            2 => {
                let result = guard.close_drained(LONG);
                let queue = guard.info().queue.unwrap_or_default();
                // Quarantine may come in between.
                let fine = match &result {
                    Ok(()) => true,
                    Err(CloseError::NotDrained { abandoned, .. }) => (1..=queue.kept_back).contains(abandoned),
                    Err(_) => false,
                };
                assert!(!alone || fine && queue.discarded == 0, "{result:?}: {queue}");
                result
            }
            _ => {
                bus.upgrade().map(|bus| bus.unsubscribe(guard.id()));
                Ok(())
            }
        })
    }

    /// A handler that shuts its bus down.
    fn make_ending(&mut self, bus: &Bus, in_thread: bool) -> Receiver<ShutdownReport> {
        let manner = Manner { fails: 0, panics: false, yields: 0, echoes: false };
        let conduct = Arc::new(Conduct { book: Arc::clone(&self.book), manner, calls: AtomicU64::new(0) });
        let (send, report) = channel();
        let own = Arc::clone(&conduct);
        let end = move |event: &Event| {
            own.call(event).unwrap();
            send.send(ringbus::current().unwrap().shutdown(LONG)).unwrap();
        };
        let stop = bus.on("stop").unwrap();
        let (place, guard) = if in_thread {
            (Place::Thread, stop.in_thread().subscribe(end).unwrap())
        } else {
            (Place::Sync, stop.subscribe(end))
        };
        self.made.push(Made {
            place,
            overflow: Overflow::DropNewest,
            guard: Arc::new(guard),
            conduct,
            leaves: false,
            ends: true,
        });
        report
    }

    fn infos(&self) -> Vec<SubscriptionInfo> {
        self.made.iter().map(|made| made.guard.info()).collect()
    }

    /// A report, as soon as it has returned.
    fn reported(&mut self, report: &ShutdownReport) {
        if report.is_complete() {
            self.book.over.store(true, SeqCst);
            let busy: Vec<_> = self.infos().into_iter().filter(|info| !is_idle(info)).collect();
            assert!(busy.is_empty(), "complete: {report}; and busy: {busy:?}");
        }
        for (at, made) in self.made.iter().enumerate().filter(|(_, made)| !made.leaves) {
            let ends: Vec<_> = report.handlers.iter().filter(|end| end.subscription == made.guard.id()).collect();
            match *ends {
                [end] if !report.unfinished && made.place != Place::Sync => {
                    // What a worker has begun ends, and nothing else comes.
                    let more = if end.running { made.place.workers() } else { 0 };
                    self.told.push((at, made.conduct.calls.load(SeqCst), more));
                }
                [_] => {}
                _ => assert!(
                    ends.is_empty() && report.handlers.is_empty() && report.unfinished,
                    "{ends:?} in {report:?}"
                ),
            }
        }
    }

    /// When all is over: the numbers of a report, and those of the handlers.
    fn check_report(&self, report: &ShutdownReport) {
        for made in &self.made {
            let Some(end) = report.handlers.iter().find(|end| end.subscription == made.guard.id()) else { continue };
            let info = made.guard.info();
            let queue = info.queue.unwrap_or_default();
            assert!(end.drained <= queue.delivered + queue.failed + queue.skipped, "{end}: {info}");
            if report.unfinished || end.running {
                assert!(end.abandoned <= queue.discarded + queue.kept_back, "{end}: {info}");
            } else if !made.leaves {
                // Some may have been kept back before.
                let abandoned = queue.discarded..=queue.discarded + queue.kept_back;
                assert!(abandoned.contains(&end.abandoned), "{end}: {info}");
            }
        }
    }

    /// When all is over: whether a shutdown with time enough, beside which nobody else discarded anything, has had the queues
    /// drained. One inside a handler may have told a reader of the end before it could wait.
    fn check_drained(&self, report: &ShutdownReport, inside: bool) {
        assert!(!report.unfinished, "{report}");
        let reader = self.reader.as_ref().map(|(id, ..)| *id);
        let not_read = |end: &HandlerEnd| inside && Some(end.subscription) == reader;
        let running: Vec<_> = report.handlers.iter().filter(|end| end.running && !not_read(end)).collect();
        assert!(running.is_empty(), "{running:?}");
        let stay = self.made.iter().filter(|made| !made.leaves);
        let queues: Vec<_> = stay.filter_map(|made| made.guard.info().queue).collect();
        assert!(queues.iter().all(|queue| queue.discarded == 0), "{report}: {queues:?}");
        let others = self.made.iter().any(|made| made.leaves) || inside && reader.is_some();
        let kept_back = queues.iter().any(|queue| queue.kept_back > 0);
        assert!(report.is_complete() || others || kept_back, "{report}: {queues:?}");
    }

    /// When all is over: each event is counted once.
    fn check(&mut self, bus: Option<&Bus>) {
        let mut infos: Vec<_> = self.infos().into_iter().zip(self.made.iter().map(|made| made.overflow)).collect();
        for (made, (info, _)) in self.made.iter().zip(&infos) {
            let queue = info.queue.unwrap_or_default();
            let (calls, ended) = (made.conduct.calls.load(SeqCst), info.delivered + info.failed + queue.retried);
            let cut_off = if made.place == Place::Task { queue.discarded } else { 0 };
            assert!((ended..=ended + cut_off).contains(&calls), "{calls} calls: {info}");
        }
        for (at, before, more) in &self.told {
            let after = self.made[*at].conduct.calls.load(SeqCst) - before;
            assert!(after <= *more, "{after} calls after a report: {}", infos[*at].0);
        }
        if let Some((id, overflow, read)) = self.reader.take() {
            let (mut events, mut taken) = read.recv_timeout(LONG).unwrap();
            // What a publisher has left that was under way when a handler ended the bus.
            taken += events.try_iter().count() as u64;
            let info = events.info();
            assert_eq!((info.id, info.delivered), (id, taken));
            infos.push((info, overflow));
        }
        for (info, _) in &infos {
            let QueueInfo { offered, delivered, failed, kept_back, dropped, discarded, .. } =
                info.queue.unwrap_or_default();
            assert!(is_idle(info), "{info}");
            assert_eq!(offered, delivered + failed + kept_back + dropped + discarded, "{info:?}");
        }
        assert_eq!(self.book.late.load(SeqCst), 0, "calls after a complete report");
        let Some(bus) = bus else { return };
        let totals = bus.stats().totals;
        let sum = |of: fn(&QueueInfo) -> u64| -> u64 {
            infos.iter().map(|(info, _)| info.queue.as_ref().map_or(0, of)).sum()
        };
        let refuses = |overflow| matches!(overflow, Overflow::DropNewest | Overflow::Block { .. });
        let refusing = infos.iter().filter(|(_, overflow)| refuses(*overflow));
        let refused: u64 = refusing.map(|(info, _)| info.queue.map_or(0, |queue| queue.dropped)).sum();
        assert_eq!(totals.enqueued, self.book.enqueued.load(SeqCst));
        assert_eq!(totals.enqueued, sum(|queue| queue.offered) - refused);
        assert_eq!(totals.queue_drops, sum(|queue| queue.dropped));
        assert_eq!(totals.discarded, sum(|queue| queue.discarded));
        assert_eq!(totals.dead_letters, sum(|queue| queue.failed));
        assert_eq!(totals.delivered, infos.iter().map(|(info, _)| info.delivered).sum::<u64>());
        assert_eq!(totals.failed, infos.iter().map(|(info, _)| info.failed).sum::<u64>());
        // What tells of a dead letter is nobody's publish: it is not counted where it is refused.
        assert!(totals.published - self.book.accepted.load(SeqCst) <= totals.dead_letters);
        assert_eq!(totals.shut_down, self.book.shut_down.load(SeqCst));
    }
}

fn is_idle(info: &SubscriptionInfo) -> bool {
    info.queue.is_none_or(|queue| queue.waiting + queue.running == 0)
}

fn limit(rng: &mut Rng) -> Duration {
    *rng.one_of(&[Duration::ZERO, Duration::from_micros(300), LONG, LONG])
}

fn round(hands: &Hands, runtime: &Runtime, rng: &mut Rng) {
    let bus = Bus::builder().history(8).shards(1 << rng.below(2)).build().unwrap();
    let mut round = Round::new(&bus, hands, runtime, rng);
    let ending = match rng.below(8) {
        0..4 => Ending::Once(limit(rng)),
        4 | 5 => Ending::Twice(limit(rng), limit(rng)),
        6 => Ending::Inside { in_thread: rng.one_in(2) },
        _ => Ending::Dropped,
    };
    let inside = match ending {
        Ending::Inside { in_thread } => Some(round.make_ending(&bus, in_thread)),
        _ => None,
    };
    let (send, reached) = channel();
    let (target, publishers) = (rng.below(24), 1 + rng.below(2) as usize);
    let publishers: Vec<_> = PUBLISHERS[..publishers]
        .iter()
        .map(|hand| {
            let (bus, book, send) = (bus.clone(), Arc::clone(&round.book), send.clone());
            hands.run(*hand, move || book.publish_until_the_end(bus, target, &send))
        })
        .collect();
    reached.recv_timeout(LONG).unwrap();
    let alone = match ending {
        Ending::Once(limit) => limit == LONG,
        Ending::Twice(first, second) => first.min(second) == LONG,
        _ => false,
    };
    let closing = rng.one_in(3).then(|| round.close_one(&bus, hands, rng, alone));

    let mut bus = Some(bus);
    let report = match (ending, &bus) {
        (Ending::Once(limit), Some(bus)) => {
            let report = bus.shutdown(limit);
            round.reported(&report);
            Some(report)
        }
        (Ending::Twice(first, second), Some(bus)) => {
            let theirs = bus.clone();
            let other = hands.run(SECOND, move || theirs.shutdown(second));
            let report = bus.shutdown(first);
            round.reported(&report);
            let other = other.recv_timeout(LONG).unwrap();
            round.reported(&other);
            if !report.unfinished && !other.unfinished {
                assert_eq!(format!("{report:?}"), format!("{other:?}"), "one report for both");
            }
            Some(if report.handlers.is_empty() { other } else { report })
        }
        (Ending::Inside { .. }, Some(bus)) => {
            round.book.publish(bus, "stop", Priority::Normal);
            let report = inside.unwrap().recv_timeout(LONG).unwrap();
            round.reported(&report);
            let whole = bus.shutdown(LONG);
            round.reported(&whole);
            assert!(report.unfinished && !whole.unfinished, "{whole}");
            Some(whole)
        }
        _ => {
            round.book.quit.store(true, SeqCst);
            bus = None;
            None
        }
    };
    publishers.into_iter().for_each(|publisher| publisher.recv_timeout(LONG).unwrap());
    if let Some(closing) = closing {
        let result = closing.recv_timeout(LONG).unwrap_or_else(|error| panic!("{ending:?}: {error}"));
        let fine = matches!(result, Ok(()) | Err(CloseError::NotDrained { .. } | CloseError::TimedOut { .. }));
        assert!(fine, "{result:?}");
    }
    // What an incomplete report has left.
    let inside = matches!(ending, Ending::Inside { .. });
    for made in &round.made {
        let closed = if inside { made.guard.close_drained(LONG) } else { made.guard.close_timeout(LONG) };
        assert!(closed.is_ok(), "{closed:?}");
    }
    report.iter().for_each(|report| round.check_report(report));
    report.iter().filter(|_| alone || inside).for_each(|report| round.check_drained(report, inside));
    round.check(bus.as_ref());
}

/// Tells which round has failed.
struct Tells(u64);

impl Drop for Tells {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the round of RINGBUS_SEED={} has failed", self.0);
        }
    }
}

#[cfg(feature = "async")]
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[cfg(not(feature = "async"))]
fn runtime() -> Runtime {
    Runtime
}

/// How many threads this process has, where the system tells.
fn threads() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

/// All rounds; how many threads there were at most.
fn rounds(seed: u64) -> usize {
    let (runtime, most) = (runtime(), Mutex::new(0));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (runtime, most) = (&runtime, &most);
            scope.spawn(move || {
                let hands = Hands::new(HANDS);
                for n in (lane..ROUNDS).step_by(LANES as usize) {
                    let seed = seed.wrapping_add(n);
                    let _tells = Tells(seed);
                    round(&hands, runtime, &mut Rng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)));
                    if n % 64 < LANES {
                        let mut most = most.lock().unwrap();
                        *most = threads().unwrap_or(0).max(*most);
                    }
                }
            });
        }
    });
    most.into_inner().unwrap()
}

#[test]
fn nothing_is_lost_at_any_end_and_nothing_comes_after() {
    let seed = env::var("RINGBUS_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let before = threads();
    let most = rounds(seed);
    assert!(most <= 100, "{most} threads at once: they pile up");
    // Those of the last rounds may be on their way out.
    let waits_until = Instant::now() + LONG;
    while threads() > before && Instant::now() < waits_until {
        yield_now();
    }
    let now = threads();
    assert!(now <= before, "{before:?} threads before, {now:?} now");
}
