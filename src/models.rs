//! The protocols with a public face, for the models in `tests/loom`. Exists under `--cfg ringbus_loom` only.
//!
//! A model runs the product's own code: these are handles to it, not copies.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "no public interface")]

#[path = "models/driven.rs"]
mod driven;
#[path = "models/queues.rs"]
mod queues;

use core::any::{TypeId, type_name};
use std::sync::Arc;

use crate::bus::gate;
use crate::event::interner;
use crate::history;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::clock::baseline;
use crate::sync::inbox;
use crate::sync::revocable::{Calls, Revocable};
use crate::sync::versioned;
use crate::sync::waiters;
use crate::sync::{self, rows};

pub use crate::callsite::Callsite;
pub use driven::{Completion, Driver, Ticket, driven, suspended};
pub use queues::{Queue, Waiting, Wakers, Watch, thread_waker};

/// A ring of the history, over records that a model can look into.
pub struct Ring<T> {
    ring: history::Ring<Record<T>>,
    reading: sync::Mutex<()>,
}

/// A record: aligned as events are.
#[repr(align(16))]
#[derive(Debug)]
pub struct Record<T>(pub T);

/// The counted pointer that slots hold.
pub type Counted<T> = sync::Arc<Record<T>>;

impl<T> Ring<T> {
    /// A ring with as many slots as a power of two.
    pub fn new(slots: usize) -> Self {
        Self { ring: history::Ring::new(slots), reading: sync::Mutex::new(()) }
    }

    /// The same, with tickets from `first` on.
    pub fn starting_at(slots: usize, first: u64) -> Self {
        Self { ring: history::Ring::starting_at(slots, first), reading: sync::Mutex::new(()) }
    }

    /// Tickets drawn so far.
    pub fn head(&self) -> u64 {
        self.ring.head()
    }

    pub fn draw(&self) -> u64 {
        self.ring.draw()
    }

    /// Puts a record in; out comes what it evicted, or itself if it was late.
    pub fn put(&self, ticket: u64, record: T) -> Option<Counted<T>> {
        self.ring.put(ticket, sync::Arc::new(Record(record)))
    }

    /// A clone of the record in a ticket's slot, if wanted, and the record itself if a writer evicted it meanwhile.
    pub fn read(&self, ticket: u64, wanted: impl Fn(&T) -> bool) -> (Option<Counted<T>>, Option<Counted<T>>) {
        let _reading = self.reading.lock();
        self.ring.read(ticket, |record| wanted(&record.0))
    }

    pub fn clear(&self, unwanted: impl Fn(&T) -> bool) -> Vec<Counted<T>> {
        let _reading = self.reading.lock();
        self.ring.clear(|record| unwanted(&record.0))
    }
}

/// The recorder of a bus that keeps nothing: tickets, and from where they count.
pub struct Tickets(history::Recorder);

impl Tickets {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(history::Recorder::new(0, 1))
    }

    pub fn record(&self) {
        let mut event = crate::event::Event::builder("tickets.event").build().expect("a good kind");
        self.0.record(&mut event, 0);
    }

    pub fn reset(&self) {
        assert!(self.0.reset().is_empty(), "nothing was kept");
    }

    /// Tickets drawn since the last reset.
    pub fn counted(&self) -> u64 {
        self.0.counted()
    }
}

/// A value that is used by calls and can be taken away.
pub struct Handler<T>(Revocable<T>);

impl<T> Handler<T> {
    pub fn new(value: T) -> Arc<Self> {
        Arc::new(Self(Revocable::new(value)))
    }

    /// Calls it on this thread; `None` if it has been removed.
    pub fn call<R>(&self, call: impl FnOnce(&T) -> R) -> Option<R> {
        let visit = rows::visit()?;
        Calls::new(visit.level(0)).call(&self.0, call)
    }

    pub fn remove(&self) -> bool {
        self.0.remove()
    }

    /// Drops the value if no call runs.
    pub fn close_idle(&self, dispose: impl FnOnce(T)) {
        self.0.close_idle(dispose);
    }

    /// Waits until no call runs and the value has been dropped.
    pub fn close(&self, dispose: impl FnOnce(T)) {
        self.0.close(None, dispose).expect("a close without a deadline ends");
    }
}

/// The interner of kinds.
pub struct Interner(interner::Interner);

impl Interner {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(interner::Interner::new())
    }

    /// The id of a name, made if need be.
    pub fn intern(&self, name: &'static str) -> Option<usize> {
        self.0.intern(name).map(|entry| entry.id().index())
    }

    /// Whose a name is, once `Owner` has claimed it.
    pub fn claim<Owner: 'static>(&self, name: &'static str) -> Option<&'static str> {
        let (owner, own) = (TypeId::of::<Owner>(), type_name::<Owner>());
        self.0.link(name).map(|link| link.claim(interner::Claim { owner, name: own }).name)
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.find(name).map(|entry| entry.id().index())
    }
}

/// A call site of `kind`, as the macro makes one.
pub fn callsite(kind: &'static str) -> Callsite {
    Callsite::new(kind, crate::event::CallSite::new(file!(), line!(), module_path!(), &[]))
}

/// A queue with one taker, who opens it in the end.
pub struct Inbox<T, L>(inbox::Inbox<T, L>);

/// What became of a push.
#[derive(Debug)]
pub enum Pushed<T> {
    /// The way is open: the value is the pusher's to deal with.
    Open(T),
    Waits,
    Refused(T),
}

impl<T, L> Inbox<T, L> {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(inbox::Inbox::new())
    }

    pub fn push(&self, value: T) -> Pushed<T> {
        match self.0.push(value) {
            inbox::Push::Open(value) => Pushed::Open(value),
            inbox::Push::Waits => Pushed::Waits,
            inbox::Push::Refused(value) => Pushed::Refused(value),
        }
    }

    pub fn left(&self) -> Option<&L> {
        self.0.left()
    }

    /// What waits, oldest first, and how many were refused since the last taking.
    pub fn take(&self) -> (Vec<T>, usize) {
        let taken = self.0.take();
        (taken.values, taken.refused)
    }

    pub fn try_open(&self, left: L) -> bool {
        self.0.try_open(left)
    }

    /// Opens whatever waits; that comes out as from `take`.
    pub fn open(&self, left: L) -> (Vec<T>, usize) {
        let taken = self.0.open(left);
        (taken.values, taken.refused)
    }
}

/// A value that is read without waiting, and replaced whole.
pub struct Versioned<T> {
    cell: versioned::Versioned<T>,
    versions: sync::Mutex<versioned::Versions<T>>,
    /// What the readers exchange between announcing and confirming, as a publisher does its event.
    exchanged: AtomicU64,
}

impl<T> Versioned<T> {
    pub fn new(value: T) -> Self {
        let (cell, versions) = versioned::Versioned::new(value);
        Self { cell, versions: sync::Mutex::new(versions), exchanged: AtomicU64::new(0) }
    }

    /// Reads the newest value, at a depth of the thread; whether that was replaced before the end.
    pub fn read<R>(&self, depth: usize, read: impl FnOnce(&T) -> R) -> (R, bool) {
        let visit = rows::visit().expect("a model has no publishing allocator");
        let mut reading = self.cell.announce(visit.level(depth)).expect("one reading at a depth");
        self.exchanged.fetch_add(1, Ordering::AcqRel);
        reading.confirm_after_rmw();
        let result = read(reading.get());
        (result, reading.end())
    }

    /// Replaces the value; `free` gets each that nobody reads any more, and nobody drops it.
    pub fn replace(&self, value: T, free: impl Fn(&T)) {
        let mut versions = self.versions.lock();
        for old in versions.replace(&self.cell, value) {
            free(old.get());
            std::mem::forget(old);
        }
    }

    /// The same for what was replaced before and was being read then.
    pub fn free(&self, free: impl Fn(&T)) {
        let unread = self.versions.lock().unread();
        for old in unread {
            free(old.get());
            std::mem::forget(old);
        }
    }
}

/// Threads that are parked until something has happened.
pub struct Waiters(waiters::Waiters);

impl Waiters {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(waiters::Waiters::new())
    }

    /// Parks until `done`, as a closer does.
    pub fn wait(&self, done: impl Fn() -> bool) {
        let parker = sync::Parker::new();
        loop {
            self.0.push(parker.unparker().clone());
            if done() {
                return;
            }
            parker.park();
        }
    }

    pub fn wake_all(&self) {
        self.0.wake_all();
    }
}

/// A value under a lock, and who waits for it to change.
pub struct Signalled<T> {
    value: sync::Mutex<T>,
    changed: sync::Signal,
}

impl<T> Signalled<T> {
    pub fn new(value: T) -> Self {
        Self { value: sync::Mutex::new(value), changed: sync::Signal::default() }
    }

    pub fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock());
        self.changed.raise();
    }

    /// Sleeps until `done`.
    pub fn wait(&self, done: impl Fn(&T) -> bool) {
        let mut value = self.value.lock();
        while !done(&value) {
            value = self.changed.wait(value, None).0;
        }
    }
}

/// Values that anybody leaves and somebody takes, all at once.
pub struct Pile<T>(sync::Pile<T>);

impl<T> Pile<T> {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(sync::Pile::new())
    }

    pub fn put(&self, value: T) {
        self.0.put(value);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last one put first.
    pub fn take_all(&self) -> Vec<T> {
        self.0.take_all()
    }
}

/// Two clocks' readings, taken together and replaced together.
pub struct Baseline(baseline::Baseline);

impl Baseline {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(baseline::Baseline::new())
    }

    /// How far both clocks are beyond the baseline, which is set now if it never was; zeros if it is not known.
    pub fn elapsed(&self, raw: u64, mono_ns: u64) -> (u64, u64) {
        self.0.elapsed(raw, mono_ns)
    }

    /// Replaces it, unless it is younger than `since`.
    pub fn renew(&self, raw: u64, mono_ns: u64, since: u64) {
        self.0.renew(raw, mono_ns, since);
    }
}

/// Whether a publish can reach anybody.
pub struct Gate(gate::Gate);

impl Gate {
    /// Of a bus without a history.
    pub fn new(enabled: bool) -> Self {
        Self(gate::Gate::new(enabled, false))
    }

    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    pub fn is_enabled(&self) -> bool {
        self.0.is_enabled()
    }

    pub fn set_enabled(&self, enabled: bool) {
        self.0.set_enabled(enabled);
    }

    /// `waits` unless a publisher tells it. One caller at a time.
    pub fn set_subscribers(&self, subscribers: usize, waits: bool) {
        self.0.set_subscribers(subscribers, waits);
    }
}

/// The number of the calling thread's row, and its next count there.
pub fn row() -> Option<(usize, u64)> {
    let visit = rows::visit()?;
    Some((visit.row().number(), visit.row().count()))
}

/// Whether a subscription may be called: the row of its failures.
pub struct Row(crate::dispatch::Control);

impl Row {
    /// One that is quarantined after so many failures.
    pub fn new(after: std::num::NonZeroU32) -> Self {
        Self(crate::dispatch::Control::new(None, Some(after), false))
    }

    pub fn may_be_called(&self) -> bool {
        self.0.admission() == crate::dispatch::Admission::Careful
    }

    /// A call has failed; `true` for the one that brings the quarantine about.
    pub fn failed(&self) -> bool {
        self.0.failed()
    }
}

/// A circuit breaker.
pub struct Circuit(crate::dispatch::Circuit);

/// A call that it has let through.
pub struct Permit(crate::dispatch::Permit);

impl Circuit {
    /// Opens after so many failures, is due at once, and lets so many probes through.
    pub fn new(after: std::num::NonZeroU32, probes: std::num::NonZeroU32) -> Self {
        let breaker = crate::dispatch::Breaker::after(after).open_for(std::time::Duration::ZERO).probes(probes);
        Self(crate::dispatch::Circuit::new(breaker))
    }

    pub fn admit(&self) -> Option<Permit> {
        self.0.admit().map(Permit)
    }

    pub fn settle(&self, permit: Permit, succeeded: bool) -> Option<crate::dispatch::BreakerState> {
        self.0.settle(permit.0, succeeded)
    }

    pub fn cancel(&self, permit: Permit) {
        self.0.cancel(permit.0);
    }

    pub fn info(&self) -> crate::dispatch::BreakerInfo {
        self.0.info()
    }
}

/// A rate of calls, by a clock that stands still.
pub struct Throttled(crate::dispatch::Throttled);

impl Throttled {
    /// So many at once.
    pub fn new(calls: std::num::NonZeroU32) -> Self {
        Self(crate::dispatch::Throttled::new(calls, std::time::Duration::from_secs(1)))
    }

    pub fn admit(&self) -> bool {
        self.0.admit()
    }
}
