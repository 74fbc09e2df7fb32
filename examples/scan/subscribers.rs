//! What listens to the scan. Handlers run on the workers' threads: each does little, and shares little.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use ringbus::{Event, Subscribe, Subscription, Value};

use crate::json::{Lines, Written};
use crate::timing::timed_handler;

/// So many of the largest files are kept.
const LARGEST: usize = 10;

/// The bar moves once in so many events.
const PROGRESS_STEP: u64 = 128;

/// The chaos handler panics on each so many-th event, with this text.
const CHAOS_STEP: u64 = 100;
const CHAOS: &str = "chaos, as ordered";

/// Files and bytes of one extension.
#[derive(Clone, Copy, Default)]
pub(crate) struct Total {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// What a scan publishes, and what people call it.
const KINDS: [(&str, &str); 5] = [
    ("scan.file", "files"),
    ("scan.directory", "directories"),
    ("scan.symlink", "symbolic links"),
    ("scan.other", "other"),
    ("scan.error", "errors"),
];

/// What the subscribers saw.
pub(crate) struct Seen {
    /// How many events of each kind, by what people call it.
    pub(crate) counts: Vec<(&'static str, u64)>,
    /// By extension, empty for none.
    pub(crate) by_extension: HashMap<String, Total>,
    /// Bytes and path, largest first.
    pub(crate) largest: Vec<(u64, String)>,
    /// How writing the JSON lines went, if it was asked for.
    pub(crate) json: Option<Written>,
}

/// All subscribers of a scan.
pub(crate) struct Subscribers {
    guards: Vec<Subscription>,
    progress: ProgressBar,
    counts: Vec<(&'static str, Arc<AtomicU64>)>,
    totals: Arc<Totals>,
    largest: Arc<Largest>,
    lines: Option<Arc<Lines>>,
}

impl Subscribers {
    /// Subscribes them to the global bus.
    pub(crate) fn attach(progress: ProgressBar, json: Option<Lines>, chaos: bool) -> Self {
        let totals = Arc::new(Totals::default());
        let largest = Arc::new(Largest::default());
        let lines = json.map(Arc::new);
        let mut guards = Vec::new();

        let (bar, events) = (progress.clone(), AtomicU64::new(0));
        guards.push(on("scan.**", "progress", move |_| {
            let events = events.fetch_add(1, Ordering::Relaxed) + 1;
            if events % PROGRESS_STEP == 0 {
                bar.inc(PROGRESS_STEP);
            }
        }));
        let counts: Vec<_> = KINDS.iter().map(|(_, name)| (*name, Arc::new(AtomicU64::new(0)))).collect();
        for ((kind, name), (_, count)) in KINDS.iter().zip(&counts) {
            let count = Arc::clone(count);
            guards.push(on(kind, name, move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            }));
        }
        let files = Arc::clone(&totals);
        guards.push(on("scan.file", "totals", move |event| files.add(event)));
        let files = Arc::clone(&largest);
        guards.push(on("scan.file", "largest", move |event| files.offer(event)));
        if let Some(lines) = &lines {
            let lines = Arc::clone(lines);
            let write = move |event: &Event| timed_handler(|| lines.write(event));
            guards.push(select("scan.**", "json").try_subscribe(write));
        }
        if chaos {
            silence_chaos();
            let events = AtomicU64::new(0);
            guards.push(on("scan.**", "chaos", move |_| {
                let events = events.fetch_add(1, Ordering::Relaxed) + 1;
                assert!(events % CHAOS_STEP != 0, "{CHAOS}");
            }));
        }
        Self { guards, progress, counts, totals, largest, lines }
    }

    /// Unsubscribes them all and collects what they saw.
    pub(crate) fn finish(self) -> Seen {
        drop(self.guards);
        self.progress.finish_and_clear();
        let json = self.lines.map(|lines| lines.finish());
        let counts = self.counts.iter().map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect();
        Seen { counts, by_extension: self.totals.merged(), largest: self.largest.sorted(), json }
    }
}

/// Subscribes `handler`, whose time is told apart from the bus's.
#[track_caller]
fn on(pattern: &str, name: &str, handler: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
    select(pattern, name).subscribe(move |event| timed_handler(|| handler(event)))
}

fn select(pattern: &str, name: &str) -> Subscribe {
    ringbus::on(pattern).unwrap_or_else(|error| unreachable!("a pattern of ours: {error}")).named(name)
}

/// A bar on standard error; it draws nothing where that is no terminal.
pub(crate) fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} events, {rate} a second, {elapsed}") {
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
        }));
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

/// Keeps the default panic report for panics that were not ordered; those are reported by the bus.
fn silence_chaos() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref().map(String::as_str));
        if text != Some(CHAOS) {
            report(info);
        }
    }));
}

/// A handler that panicked while it held a lock left the data as they were: each is one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bytes(event: &Event) -> u64 {
    event.get("bytes").and_then(Value::as_u64).unwrap_or(0)
}

/// Totals by extension, in shards, so that workers seldom meet.
#[derive(Default)]
struct Totals {
    shards: [Mutex<HashMap<String, Total>>; 8],
    hasher: RandomState,
}

impl Totals {
    fn add(&self, event: &Event) {
        let extension = event.get("extension").and_then(Value::as_str).unwrap_or_default();
        let shard = self.hasher.hash_one(extension) as usize % self.shards.len();
        let mut totals = lock(&self.shards[shard]);
        let total = match totals.get_mut(extension) {
            Some(total) => total,
            None => totals.entry(extension.to_owned()).or_default(),
        };
        total.files += 1;
        total.bytes += bytes(event);
    }

    fn merged(&self) -> HashMap<String, Total> {
        self.shards.iter().flat_map(|shard| lock(shard).drain().collect::<Vec<_>>()).collect()
    }
}

/// The largest files. The smallest of them can be seen without the lock.
#[derive(Default)]
struct Largest {
    at_least: AtomicU64,
    files: Mutex<BinaryHeap<Reverse<(u64, String)>>>,
}

impl Largest {
    fn offer(&self, event: &Event) {
        let bytes = bytes(event);
        if bytes <= self.at_least.load(Ordering::Relaxed) {
            return;
        }
        let path = event.get("path").and_then(Value::as_str).unwrap_or_default();
        let mut files = lock(&self.files);
        files.push(Reverse((bytes, path.to_owned())));
        if files.len() > LARGEST {
            files.pop();
        }
        if let (LARGEST, Some(Reverse((least, _)))) = (files.len(), files.peek()) {
            self.at_least.store(*least, Ordering::Relaxed);
        }
    }

    fn sorted(&self) -> Vec<(u64, String)> {
        let mut files: Vec<_> = lock(&self.files).drain().map(|Reverse(file)| file).collect();
        files.sort_by(|one, other| other.cmp(one));
        files
    }
}
