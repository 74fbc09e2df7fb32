//! The history beside a plain list: publishing on several threads in turn, looking back, reading on, resetting.
//!
//! The list knows all, but not which thread writes which shard: so what a cursor has missed is exact with one shard, and
//! has bounds with several.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringbus::{Bus, ConfigError, Cursor, Event, History, Outcome};

use crate::bytes::Bytes;
use crate::naive::{is_pattern, matches};

const KINDS: [&str; 4] = ["a", "b.a", "a.b.c", "c"];
const SOURCES: [Option<&str>; 3] = [None, Some("x"), Some("y")];
const PATTERNS: [&str; 8] = ["**", "a", "*", "a.**", "**.a", "b.*", "d", "a..b"];

/// Most steps that are made of an input, and most events that they publish.
const STEPS: usize = 60;
const EVENTS: usize = 5000;

/// Panics if the bus breaks its word.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    if bytes.rarely(8) {
        return options(&mut bytes);
    }
    let mut world = World::new(&mut bytes);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        world.step(&mut bytes);
    }
    world.end();
}

/// Options out of range are refused, each with its name; those in range are not tried, for they may be large.
fn options(bytes: &mut Bytes<'_>) {
    let (capacity, shards) = (bytes.u64() as usize >> bytes.below(64), usize::from(bytes.u16()) >> bytes.below(16));
    let error = match (capacity > 1 << 24, (1..=256).contains(&shards), shards.is_power_of_two()) {
        (true, _, _) => ConfigError::OutOfRange { option: "history capacity", value: capacity, allowed: 0..=1 << 24 },
        (_, false, _) => ConfigError::OutOfRange { option: "number of shards", value: shards, allowed: 1..=256 },
        (_, _, false) => ConfigError::NotAPowerOfTwo { shards },
        (false, true, true) => return,
    };
    assert_eq!(Bus::builder().history(capacity).shards(shards).build().map(drop), Err(error));
}

/// An event, as the list has it.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    number: u64,
    kind: &'static str,
    source: Option<&'static str>,
    micros: u64,
}

struct World {
    bus: Bus,
    capacity: usize,
    /// So many events a shard holds at least.
    slots: usize,
    has_one_shard: bool,
    enabled: bool,
    /// All events ever recorded; those before `base` are forgotten.
    all: Vec<Entry>,
    base: usize,
    /// How many more events may be published.
    left: usize,
    resets: u64,
    cursors: Vec<Reader>,
    workers: [Option<Worker>; 2],
}

#[derive(Clone)]
struct Reader {
    cursor: Cursor,
    pattern: &'static str,
    /// It has read up to here, or for one that has not read yet: it begins at one of these.
    next: (usize, usize),
}

/// A thread that does what it is told.
struct Worker {
    jobs: Sender<Box<dyn FnOnce() + Send>>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

// === impl World ===

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let capacity = match bytes.rarely(4) {
            false => bytes.pick(&[500, 0, 1, 2, 3, 5, 100, 1023, 1024, 1025]),
            true => usize::from(bytes.u16()) % 2500,
        };
        let (shards, strict) = (bytes.pick(&[1, 1, 2, 4, 16]), bytes.rarely(4));
        let bus = Bus::builder().history(capacity).shards(shards).strict_order(strict).build().unwrap();
        Self {
            bus,
            capacity,
            slots: capacity.next_power_of_two().max(1024),
            has_one_shard: shards == 1 || strict,
            enabled: true,
            all: Vec::new(),
            base: 0,
            left: EVENTS,
            resets: 0,
            cursors: Vec::new(),
            workers: [None, None],
        }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(16) {
            0..=3 => self.publish(bytes, 1),
            4 => {
                let count = usize::from(bytes.u16()) % 1500;
                self.publish(bytes, count);
            }
            5 => self.republish(bytes.below(4)),
            6 => self.look(limit(bytes)),
            7 | 8 => self.query(bytes),
            9 => self.add_cursor(bytes),
            10 | 11 => self.read(bytes.below(256)),
            12 => self.move_cursor(bytes),
            13 => self.replay(bytes),
            14 => {
                self.enabled = bytes.below(4) > 0;
                if self.enabled { self.bus.enable() } else { self.bus.disable() }
            }
            _ => {
                self.bus.reset();
                self.base = self.all.len();
                self.resets += 1;
            }
        }
        self.statistics();
    }

    /// What the history shows, oldest first.
    fn visible(&self) -> &[Entry] {
        let shown = self.capacity.min(self.all.len() - self.base);
        &self.all[self.all.len() - shown..]
    }

    fn entry(&self, bytes: &mut Bytes<'_>) -> Entry {
        let (kind, source, micros) = (bytes.pick(&KINDS), bytes.pick(&SOURCES), bytes.byte().into());
        Entry { number: self.all.len() as u64, kind, source, micros }
    }

    /// Publishes events that differ in their numbers alone, on one of three threads.
    fn publish(&mut self, bytes: &mut Bytes<'_>, count: usize) {
        let (thread, first) = (bytes.below(8), self.entry(bytes));
        let count = count.min(self.left);
        self.left -= count;
        let is_open = self.is_open();
        let events = (first.number..).take(count).map(move |number| Entry { number, ..first.clone() });
        let bus = self.bus.clone();
        let (list, outcome) = (events.clone(), if is_open { Outcome::Published } else { Outcome::Disabled });
        let job = move || {
            for entry in events {
                assert_eq!(bus.publish(event(&entry)).outcome, outcome);
            }
        };
        match thread.checked_sub(6) {
            Some(number) => self.workers[number].get_or_insert_with(Worker::new).run(job),
            None => job(),
        }
        self.all.extend(list.filter(|_| is_open));
    }

    /// Whether a publish gets in while nobody is subscribed.
    fn is_open(&self) -> bool {
        self.enabled && self.capacity > 0
    }

    fn republish(&mut self, back: usize) {
        let Some(event) = self.bus.recent(back + 1).into_iter().nth(back) else {
            return assert!(self.visible().len() <= back);
        };
        let entry = self.visible()[self.visible().len() - 1 - back].clone();
        assert_eq!(read(&event), entry);
        let delivery = self.bus.publish(event.clone());
        assert_eq!(delivery.event.is_some(), self.is_open());
        if let Some(again) = delivery.event {
            assert!(Event::same_instance(&again, &event));
            self.all.push(entry);
        }
    }

    fn look(&self, limit: usize) {
        let newest = self.visible().iter().rev().take(limit);
        same(&self.bus.recent(limit), newest.clone());
        same(&self.bus.try_recent(limit).unwrap(), newest);
    }

    fn query(&self, bytes: &mut Bytes<'_>) {
        let mut history = self.bus.history();
        let mut found: Vec<&Entry> = self.visible().iter().rev().collect();
        if bytes.rarely(2) {
            let pattern = bytes.pick(&PATTERNS);
            let narrowed = history.matching(pattern);
            assert_eq!(narrowed.is_ok(), is_pattern(pattern));
            let Ok(narrowed) = narrowed else { return };
            history = narrowed;
            found.retain(|entry| matches(pattern, entry.kind));
        }
        if bytes.rarely(3) {
            let source = bytes.pick(&["x", "y", "z"]);
            history = history.source(source);
            found.retain(|entry| entry.source == Some(source));
        }
        if bytes.rarely(3) {
            let (micros, nanos) = (bytes.byte().into(), bytes.below(256) as u64);
            history = history.since(at(micros) + Duration::from_nanos(nanos));
            found.retain(|entry| entry.micros >= micros);
        }
        if bytes.rarely(3) {
            let (micros, nanos) = (bytes.byte().into(), bytes.below(256) as u64);
            history = history.until(at(micros) + Duration::from_nanos(nanos));
            found.retain(|entry| entry.micros < micros + u64::from(nanos > 0));
        }
        let limit = limit(bytes);
        found.truncate(limit);
        let mut take = |history: History| match bytes.below(3) {
            0 => history.try_take(limit).unwrap(),
            1 if limit == usize::MAX => history.into_iter().collect(),
            _ => history.take(limit),
        };
        same(&take(history), found.into_iter());
    }

    fn add_cursor(&mut self, bytes: &mut Bytes<'_>) {
        if self.cursors.len() == 4 {
            self.cursors.remove(0);
        }
        let pattern = bytes.pick(&["**", "**", "a.**", "c"]);
        let cursor = self.bus.cursor().matching(pattern).unwrap();
        // What has been overwritten by then is not missed; without a history that is all.
        let kept = if self.capacity > 0 { self.slots } else { 0 };
        let surely = self.base.max(self.all.len().saturating_sub(kept));
        let perhaps = if self.has_one_shard || kept == 0 { surely } else { self.base };
        self.cursors.push(Reader { cursor, pattern, next: (perhaps, surely) });
    }

    fn read(&mut self, number: usize) {
        let Some(at) = number.checked_rem(self.cursors.len()) else { return };
        let (end, slots) = (self.all.len(), self.slots);
        let Reader { cursor, pattern, next: (perhaps, surely) } = &mut self.cursors[at];
        let batch = cursor.read();
        let numbers: Vec<Entry> = batch.events.iter().map(read).collect();
        // Those that are there in any case, and those that are there at best.
        let wanted = |entry: &&Entry| matches(pattern, entry.kind);
        let kept = self.base.max(*surely).max(end.saturating_sub(slots));
        let sure: Vec<_> =
            self.all[if self.capacity > 0 { kept } else { end }..].iter().filter(wanted).cloned().collect();
        let best: Vec<_> = self.all[self.base.max(*perhaps)..].iter().filter(wanted).cloned().collect();
        assert!(numbers.ends_with(&sure), "{numbers:?} ends with {sure:?}");
        assert!(!self.has_one_shard || numbers.len() == sure.len(), "{numbers:?} is {sure:?}");
        let mut rest = best.iter();
        assert!(numbers.iter().all(|one| rest.any(|other| one == other)), "{numbers:?} lies in {best:?}");
        let known = batch.events.len() as u64 + batch.missed;
        assert!(known <= (end - *perhaps) as u64, "{known} of {} to {end}", *perhaps);
        assert!(*pattern != "**" || known >= (end - *surely) as u64, "{known} of {} to {end}", *surely);
        (*perhaps, *surely) = (end, end);
    }

    fn move_cursor(&mut self, bytes: &mut Bytes<'_>) {
        let Some(at) = bytes.below(256).checked_rem(self.cursors.len()) else { return };
        if bytes.rarely(2) {
            let copy = self.cursors[at].clone();
            self.cursors.push(copy);
            self.cursors.truncate(4);
        } else {
            self.cursors[at].cursor.skip_to_end();
            self.cursors[at].next = (self.all.len(), self.all.len());
        }
    }

    /// A subscription that is told of the past first, then of one more event.
    fn replay(&mut self, bytes: &mut Bytes<'_>) {
        let (pattern, entry) = (bytes.pick(&PATTERNS[..7]), self.entry(bytes));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (mut expected, limit) = (Vec::new(), limit(bytes));
        let request = self.bus.on(pattern).unwrap();
        let request = if bytes.rarely(3) {
            let micros = bytes.byte().into();
            let young = self.visible().iter().filter(|entry| entry.micros >= micros && matches(pattern, entry.kind));
            expected.extend(young.cloned());
            request.replay_since(at(micros))
        } else {
            let past = self.visible().iter().rev().filter(|entry| matches(pattern, entry.kind)).take(limit);
            expected.extend(past.cloned());
            expected.reverse();
            request.replay(limit)
        };
        let list = told.clone();
        let guard = request.subscribe(move |event| list.lock().unwrap().push(read(event)));
        assert_eq!(*told.lock().unwrap(), expected, "{pattern}");
        if self.left > 0 {
            self.left -= 1;
            let delivery = self.bus.publish(event(&entry));
            assert_eq!(delivery.event.is_some(), self.enabled);
            if self.enabled {
                expected.extend(matches(pattern, entry.kind).then(|| entry.clone()));
                self.all.push(entry);
            }
            assert_eq!(*told.lock().unwrap(), expected, "{pattern}");
        }
        drop(guard);
    }

    fn statistics(&self) {
        let (stats, visible) = (self.bus.stats(), self.visible());
        let count = |by: fn(&Entry) -> Option<&'static str>| {
            let mut counts = BTreeMap::<String, u64>::new();
            visible.iter().filter_map(by).for_each(|name| *counts.entry(name.to_owned()).or_default() += 1);
            counts
        };
        let published = (self.all.len() - self.base) as u64;
        let overwritten = if self.capacity > 0 { published - visible.len() as u64 } else { 0 };
        assert_eq!(
            (stats.enabled, stats.buffer_len, stats.buffer_capacity),
            (self.enabled, visible.len(), self.capacity)
        );
        assert_eq!((stats.totals.published, stats.totals.overwritten), (published, overwritten));
        assert_eq!((stats.by_kind, stats.resets), (count(|entry| Some(entry.kind)), self.resets));
        assert_eq!(stats.by_source, count(|entry| entry.source));
    }

    fn end(mut self) {
        self.look(usize::MAX);
        (0..self.cursors.len()).for_each(|number| self.read(number));
        self.workers.into_iter().flatten().for_each(Worker::end);
    }
}

fn limit(bytes: &mut Bytes<'_>) -> usize {
    match bytes.byte() {
        small @ 0..=127 => usize::from(small % 8),
        large @ 128..=254 => usize::from(large) * 10,
        255 => usize::MAX,
    }
}

fn at(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_795_231_964_000_000 + micros)
}

fn event(entry: &Entry) -> Event {
    let builder = Event::builder(entry.kind).timestamp(at(entry.micros)).field("n", entry.number);
    let builder = if let Some(source) = entry.source { builder.source(source) } else { builder };
    builder.build().unwrap()
}

fn read(event: &Event) -> Entry {
    Entry {
        number: event.get("n").and_then(|n| n.as_u64()).unwrap(),
        kind: KINDS.into_iter().find(|kind| event.kind() == kind).unwrap(),
        source: SOURCES.into_iter().find(|source| event.source() == *source).unwrap(),
        micros: event.timestamp().duration_since(at(0)).unwrap().as_micros() as u64,
    }
}

#[track_caller]
fn same<'a>(events: &[Event], entries: impl Iterator<Item = &'a Entry>) {
    let (found, expected): (Vec<_>, Vec<_>) = (events.iter().map(read).collect(), entries.cloned().collect());
    assert_eq!(found, expected);
}

// === impl Worker ===

impl Worker {
    fn new() -> Self {
        let (jobs, told) = channel::<Box<dyn FnOnce() + Send>>();
        let (finished, done) = channel();
        let thread = thread::spawn(move || {
            for job in told {
                job();
                if finished.send(()).is_err() {
                    break;
                }
            }
        });
        Self { jobs, done, thread }
    }

    /// Returns when the thread has done it.
    fn run(&mut self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).unwrap();
        self.done.recv().expect("the job has panicked");
    }

    fn end(self) {
        drop(self.jobs);
        self.thread.join().unwrap();
    }
}
