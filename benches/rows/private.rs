//! [`Private`]: the work of a publish without a bus, each thread for itself. Nothing is shared, so this scales as far as
//! the machine does: the control for what a bus loses by sharing.
//!
//! It also holds the single parts of that work, which the [`parts`](super::parts) measure one by one.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

use ringbus::Value;

use crate::common::payload::{COLUMN, FATAL, KIND, SOURCE};
use crate::common::row::Side;
use crate::common::seen::Seen;
use crate::common::threads::on_threads_with;

/// How many records a shard of a history of 500 goes round in. A power of two.
pub const SLOTS: usize = 1024;

/// The processor's time-stamp counter.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn clock() -> u64 {
    // SAFETY: every processor of this architecture that runs our compiler's code has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Nanoseconds of the monotonic clock, where there is no such counter to be read by anybody.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn clock() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// What an event says, in as much memory as the bus's own: four cache lines.
#[repr(align(256))]
pub struct Record {
    kind: &'static str,
    id: (u64, u64),
    raw: u64,
    wall: u64,
    source: Option<&'static str>,
    values: [Value; 3],
    len: usize,
}

/// The records of one thread, used in turn: written over where the oldest lies, as an evicted event's memory is.
pub struct Records {
    records: Box<[Record]>,
    next: usize,
}

/// A ring of pointers, and the number of the next one.
pub struct Slots {
    tickets: AtomicU64,
    slots: Box<[AtomicPtr<Record>]>,
}

/// A table that is replaced whole, and the place where a thread announces which one it reads.
pub struct Announced {
    newest: AtomicPtr<[u64; 8]>,
    place: Place,
}

#[repr(align(128))]
#[derive(Default)]
struct Place(AtomicUsize);

/// Which subscription a thread is calling.
#[repr(align(128))]
#[derive(Default)]
pub struct Mark {
    calling: AtomicUsize,
    removed: AtomicUsize,
}

/// The counters that a publish to one handler adds to, each on a cache line of its own.
#[derive(Default)]
pub struct Counters([Counter; COUNTERS]);

/// One for the kind, one for the bus's deliveries, one for the subscription's.
const COUNTERS: usize = 3;

#[repr(align(128))]
#[derive(Default)]
struct Counter(AtomicU64);

/// A handler as a bus knows it.
pub type Handler = Box<dyn Fn(&Record) + Send + Sync>;

/// All of it for one thread.
pub struct Private {
    records: Records,
    slots: Slots,
    mark: Mark,
    counters: Counters,
    handler: Handler,
}

// === the parts ===

impl Records {
    pub fn new(records: usize) -> Self {
        let blank = || Record {
            kind: "",
            id: (0, 0),
            raw: 0,
            wall: 0,
            source: None,
            values: [Value::Null, Value::Null, Value::Null],
            len: 0,
        };
        Self { records: (0..records).map(|_| blank()).collect(), next: 0 }
    }

    pub fn first(&self) -> &Record {
        &self.records[0]
    }

    /// Writes an event over the oldest one.
    #[inline]
    pub fn write(&mut self, raw: u64, line: u64) -> &mut Record {
        let number = self.next;
        self.next += 1;
        let last = self.records.len() - 1;
        let record = &mut self.records[number & last];
        record.kind = black_box(KIND);
        record.id = (black_box(7), number as u64);
        record.raw = raw;
        record.wall = raw;
        record.source = Some(black_box(SOURCE));
        record.values[0] = Value::from(black_box(line));
        record.values[1] = Value::from(black_box(COLUMN));
        record.values[2] = Value::from(black_box(FATAL));
        record.len = 3;
        black_box(record)
    }
}

impl Slots {
    pub fn new(slots: usize) -> Self {
        let slots = (0..slots).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { tickets: AtomicU64::new(0), slots }
    }

    /// Takes the next number and puts the record in its place.
    #[inline]
    pub fn exchange(&self, record: *mut Record) -> *mut Record {
        let ticket = self.tickets.fetch_add(1, Ordering::Release);
        self.slots[ticket as usize & (self.slots.len() - 1)].swap(record, Ordering::AcqRel)
    }
}

impl Announced {
    pub fn new() -> Self {
        Self { newest: AtomicPtr::new(Box::into_raw(Box::new([0; 8]))), place: Place::default() }
    }

    /// Announces the table, does `meanwhile`, whose exchange is the fence, looks whether it is the newest still, and reads
    /// it.
    #[inline]
    pub fn read_after<R>(&self, meanwhile: impl FnOnce() -> R, at: usize) -> u64 {
        let seen = self.newest.load(Ordering::Relaxed);
        self.place.0.store(seen.addr(), Ordering::Release);
        black_box(meanwhile());
        let newest = self.newest.load(Ordering::Acquire);
        assert!(ptr::eq(newest, seen), "nobody replaces it");
        // SAFETY: it was made of a box, and is never freed.
        let read = unsafe { (&*newest)[at & 7] };
        self.place.0.store(0, Ordering::Release);
        read
    }
}

impl Mark {
    /// Marks the call, looks whether it may be, and takes the mark back.
    #[inline]
    pub fn around<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        // One instruction on x86-64: an exchange is a full fence there.
        self.calling.swap(black_box(64), Ordering::AcqRel);
        if cfg!(not(target_arch = "x86_64")) {
            fence(Ordering::SeqCst);
        }
        let result = (self.removed.load(Ordering::Acquire) == 0).then(call);
        black_box(self.calling.swap(0, Ordering::AcqRel));
        result
    }
}

impl Counters {
    #[inline]
    pub fn count(&self) {
        for counter in &self.0 {
            counter.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A handler that counts, as those of the rows do.
pub fn counting() -> Handler {
    let seen = Seen::default();
    black_box(Box::new(move |_: &Record| seen.count()))
}

// === impl Private ===

impl Private {
    fn new(slots: usize) -> Self {
        Self {
            records: Records::new(slots),
            slots: Slots::new(slots),
            mark: Mark::default(),
            counters: Counters::default(),
            handler: counting(),
        }
    }

    #[inline]
    pub fn publish(&mut self, line: u64) {
        let record = self.records.write(clock(), line);
        black_box(self.slots.exchange(record));
        let handler = &self.handler;
        let called = self.mark.around(|| catch_unwind(AssertUnwindSafe(|| handler(record))));
        black_box(called.is_some_and(|call| call.is_ok()));
        self.counters.count();
    }

    /// A side in which so many threads do this, each for itself. All their records together take the memory that a bus
    /// on two processors takes.
    pub fn side(threads: usize) -> Side {
        let slots = 2 * SLOTS / threads.next_power_of_two().max(2);
        Side::new("control", move |rounds| on_threads_with(threads, rounds, || Self::new(slots), Self::publish))
    }
}
