//! A row for each live thread: what it is calling right now, seen by whoever must wait for a call to end.
//!
//! A row holds one mark for each nesting depth; a mark names the subscription being called. Rows hang in one chain for
//! the whole process, are never freed, and pass from an ended thread to a new one: the chain is as long as the largest
//! number of threads that were publishing at one time (P9). Claiming a row is a walk and one exchange; it never waits
//! (P1).
//!
//! A thread keeps its row until its thread-local destructors run, or, where the row was claimed after them, by a
//! destructor of the system's own (a pthread key's), until the next round of those (see `thread_end`); one that ends the
//! process from inside a handler keeps it for good, with its marks. A publish after that claims a row for its own length.
//! One case escapes: a thread whose very first publish comes in the last of those rounds (glibc: the fourth) keeps its row
//! for good.
//! A publish from an allocator that is called *by* a claim gets none, and is refused by the callers of [`visit`].
//! After a fork the child's copies of other threads' rows stay claimed and are ignored: they carry the parent's number.
//!
//! # Orderings
//! A mark is set and taken back with exchanges that release, and from one call to the next with a single one: whoever
//! reads a mark that no longer names its subscription has synchronised with the end of that call, also where it finds the
//! thread's next call. Marks against `removed` and against those who wait: see `revocable`.
//! Claiming acquires what releasing released: the row's counter and cleared marks.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ops::Deref;

use super::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use super::counter::Tally;
use super::{OnceBox, asymmetric, busy, fence_after_rmw, ids, plain, process, step, thread_local};

/// How deep publishes may nest on one thread, over all buses.
#[cfg(not(ringbus_loom))]
pub(crate) const MAX_DEPTH: usize = 64;
#[cfg(ringbus_loom)]
pub(crate) const MAX_DEPTH: usize = 2;

/// The subscription called at one depth: its address, 0 for none.
#[derive(Debug)]
pub(crate) struct Mark(AtomicUsize);

impl Mark {
    /// Ends the call that it names and begins that of `target` (0: none), and fences: what the caller looks at next is
    /// newer than the mark, or whoever looks at the mark sees this one.
    #[inline]
    pub(crate) fn pass(&self, target: usize) {
        if asymmetric::is_on() {
            // Release: the call that ends.
            self.0.store(target, Ordering::Release);
            core::sync::atomic::compiler_fence(Ordering::SeqCst);
            return;
        }
        // Release: as above. Acquire: nobody needs it; on x86-64 there is no weaker exchange.
        self.0.swap(target, Ordering::AcqRel);
        fence_after_rmw();
    }

    fn names(&self, target: usize) -> bool {
        // Acquire: a call that has ended happens before what its closer does.
        self.0.load(Ordering::Acquire) == target
    }
}

/// What a thread does at one depth.
pub(crate) struct Level {
    /// The call that is under way.
    pub(crate) call: Mark,
    /// The address of what is being read, see `versioned`; 0 for nothing. Between announcing and calling a publisher may
    /// free memory, and an allocator that publishes then reads at the same depth: that has the second place.
    #[cfg_attr(
        any(feature = "arc-swap-table", feature = "reference-table"),
        allow(dead_code, reason = "only what is announced is read so")
    )]
    pub(crate) reads: [AtomicUsize; 2],
}

/// One thread's marks and counter.
#[repr(align(128))]
pub(crate) struct Row {
    number: usize,
    claimed: AtomicBool,
    /// The process that the owner lives in.
    process: AtomicU64,
    /// What the owner's event ids begin with: see `ids`.
    prefix: AtomicU64,
    /// Events numbered so far; only the owner writes.
    count: AtomicU64,
    /// How many dispatches are under way; only the owner looks.
    depth: plain::AtomicU64,
    /// No deeper level has ever been used: those who look through the rows need not look there. Written before a level is
    /// used, and so before the fence that follows a mark or an announcement; looked at after the fence of who looks.
    deepest: AtomicUsize,
    levels: [Level; MAX_DEPTH],
    #[cfg(not(ringbus_loom))]
    owner: super::snapshot::Snapshot<Option<std::thread::Thread>>,
    next: OnceBox<Row>,
}

// === impl Row ===

impl Row {
    fn claimed(number: usize) -> Self {
        Self {
            number,
            claimed: AtomicBool::new(true),
            process: AtomicU64::new(process::instance()),
            prefix: AtomicU64::new(ids::prefix(process::instance(), number)),
            count: AtomicU64::new(0),
            depth: plain::AtomicU64::new(0),
            deepest: AtomicUsize::new(0),
            levels: core::array::from_fn(|_| Level {
                call: Mark(AtomicUsize::new(0)),
                reads: [0, 0].map(AtomicUsize::new),
            }),
            #[cfg(not(ringbus_loom))]
            owner: super::snapshot::Snapshot::new(std::sync::Arc::new(None)),
            next: OnceBox::new(),
        }
    }

    /// The row's place in the chain; small numbers first, so threads spread evenly over shards.
    #[inline]
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The owner's next number.
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        let count = self.count.load(Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Relaxed);
        count
    }

    /// What the owner's event ids begin with.
    #[inline]
    pub(crate) fn prefix(&self) -> u64 {
        self.prefix.load(Ordering::Relaxed)
    }

    #[inline]
    fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed) as usize
    }

    #[inline]
    fn set_depth(&self, depth: usize) {
        self.depth.store(depth as u64, Ordering::Relaxed);
    }

    fn calls(&self, target: usize) -> bool {
        self.used().any(|level| level.call.names(target))
    }

    /// The levels that may be in use.
    fn used(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().take(self.deepest.load(Ordering::Relaxed) + 1)
    }

    fn try_claim(&self) -> bool {
        let free = !self.claimed.load(Ordering::Relaxed)
            && self.claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if free {
            self.settle();
        }
        free
    }

    /// Writes down which process the owner lives in.
    fn settle(&self) {
        let process = process::instance();
        self.process.store(process, Ordering::Relaxed);
        self.prefix.store(ids::prefix(process, self.number), Ordering::Relaxed);
    }

    fn release(&self) {
        // An allocator that publishes must find the row still claimed, and not come here again.
        #[cfg(not(ringbus_loom))]
        busy::during(|| drop(self.owner.swap(std::sync::Arc::new(None))));
        self.claimed.store(false, Ordering::Release);
    }

    /// Whether a thread of this process owns the row, or did: then its marks count.
    fn is_of(&self, process: u64) -> bool {
        self.process.load(Ordering::Relaxed) == process
    }
}

/// The chain of rows.
pub(crate) struct Rows {
    first: OnceBox<Row>,
}

#[cfg(not(ringbus_loom))]
static ROWS: Rows = Rows { first: OnceBox::new() };
#[cfg(ringbus_loom)]
loom::lazy_static! { static ref ROWS: Rows = Rows { first: OnceBox::new() }; }

// === impl Rows ===

impl Rows {
    fn claim(&'static self) -> &'static Row {
        let mut link = &self.first;
        let mut number = 0;
        let mut unused: Option<Box<Row>> = None;
        loop {
            if let Some(row) = link.get() {
                if row.try_claim() {
                    return row;
                }
                link = &row.next;
                number += 1;
                continue;
            }
            step("rows.append");
            let mut new = unused.take().unwrap_or_else(|| Box::new(Row::claimed(number)));
            new.number = number;
            new.settle();
            if let Err(lost) = link.set(new) {
                unused = Some(lost);
            } else if let Some(row) = link.get() {
                return row;
            }
        }
    }

    fn iter(&'static self) -> impl Iterator<Item = &'static Row> {
        core::iter::successors(self.first.get(), |row| row.next.get())
    }
}

/// Whether any thread is calling `target`.
pub(crate) fn any_calls(target: usize) -> bool {
    let process = process::instance();
    ROWS.iter().any(|row| row.is_of(process) && row.calls(target))
}

/// Whether the calling thread is calling `target`.
pub(crate) fn calls_here(target: usize) -> bool {
    seated().is_some_and(|visit| visit.row().calls(target))
}

/// Whether any thread has announced that it reads `target`.
#[cfg_attr(any(feature = "arc-swap-table", feature = "reference-table"), allow(dead_code, reason = "as above"))]
pub(crate) fn any_reads(target: usize) -> bool {
    let process = process::instance();
    // Acquire: a reading that has ended happens before what was read is freed.
    let reads = |place: &AtomicUsize| place.load(Ordering::Acquire) == target;
    ROWS.iter().any(|row| row.is_of(process) && row.used().flat_map(|level| &level.reads).any(reads))
}

/// The names of the threads that are calling `target`.
#[cfg(not(ringbus_loom))]
pub(crate) fn callers(target: usize) -> Vec<String> {
    let process = process::instance();
    let calling = |row: &&Row| row.is_of(process) && row.calls(target);
    let name = |row: &Row| match row.owner.load().as_ref() {
        Some(thread) => thread.name().map_or_else(|| format!("unnamed, {:?}", thread.id()), str::to_owned),
        None => "a thread whose name is not known".to_owned(),
    };
    ROWS.iter().filter(calling).map(name).collect()
}

/// The calling thread's name, or that it has none; `None` where its row does not know.
#[cfg(all(feature = "serde", not(ringbus_loom)))]
pub(super) fn own_name() -> Option<Option<String>> {
    seated()?.row.owner.load().as_ref().as_ref().map(|owner| owner.name().map(str::to_owned))
}

#[cfg(ringbus_loom)]
pub(crate) fn callers(_: usize) -> Vec<String> {
    Vec::new()
}

// === The calling thread's place ===

struct Seat {
    row: Cell<Option<&'static Row>>,
    claiming: Cell<bool>,
    /// The thread's last destructors are running: nobody will come to give a row back.
    ended: Cell<bool>,
    /// How much deeper it is than its row says: what ran deeper before the thread had a row.
    deeper: Cell<usize>,
}

/// Gives the row back when the thread ends.
struct Leave(Cell<Option<&'static Row>>);

impl Drop for Leave {
    fn drop(&mut self) {
        // The locals of a model that has failed are dropped when there is no execution left to ask.
        #[cfg(ringbus_loom)]
        if std::thread::panicking() {
            return;
        }
        #[cfg(not(ringbus_loom))]
        super::lose_thread();
        if let Some(row) = self.0.take() {
            // The seat has no destructor and outlives this one (under loom it may be gone: then nobody asks it again).
            let depth = SEAT.try_with(|seat| {
                seat.row.set(None);
                // Of what is under way the thread stays aware, on whatever row it comes to next.
                seat.deeper.set(seat.depth_of(Some(row)));
                row.depth()
            });
            // Inside a call, which has ended the process and will not return: its marks stand until that is over.
            if depth.unwrap_or(0) == 0 {
                row.release();
            }
        }
    }
}

thread_local! {
    static SEAT: Seat = const {
        Seat { row: Cell::new(None), claiming: Cell::new(false), ended: Cell::new(false), deeper: Cell::new(0) }
    };
    static LEAVE: Leave = const { Leave(Cell::new(None)) };
}

/// That the calling thread is on its row, in a call that does not leave it.
pub(crate) struct Visit {
    row: &'static Row,
    not_send: PhantomData<*const ()>,
}

impl Visit {
    #[inline]
    fn on(row: &'static Row) -> Self {
        Self { row, not_send: PhantomData }
    }

    #[inline]
    pub(crate) fn row(&self) -> &'static Row {
        self.row
    }

    /// How many dispatches are under way on this thread, over all buses.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.row.depth()
    }

    /// What the thread does at a depth.
    #[inline]
    pub(crate) fn level(&self, depth: usize) -> &'static Level {
        if depth > self.row.deepest.load(Ordering::Relaxed) {
            self.row.deepest.store(depth, Ordering::Relaxed);
        }
        &self.row.levels[depth]
    }

    /// Runs `call` one level deeper.
    #[inline]
    pub(crate) fn deeper<R>(&self, call: impl FnOnce() -> R) -> R {
        self.at_depth(self.depth() + 1, call)
    }

    /// Runs `call` at a depth of its own.
    #[inline]
    pub(crate) fn at_depth<R>(&self, depth: usize, call: impl FnOnce() -> R) -> R {
        struct Back(&'static Row, usize);
        impl Drop for Back {
            #[inline]
            fn drop(&mut self) {
                self.0.set_depth(self.1);
            }
        }
        let _back = Back(self.row, self.depth());
        self.row.set_depth(depth);
        call()
    }
}

/// A visit to a row that may have been claimed for it alone, in a thread whose destructors have run.
pub(crate) struct Stay {
    visit: Visit,
    temporary: bool,
}

impl Deref for Stay {
    type Target = Visit;

    #[inline]
    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if self.temporary {
            SEAT.with(|seat| seat.row.set(None));
            self.visit.row.release();
        }
    }
}

/// The calling thread's row, if it has one.
#[inline]
pub(crate) fn seated() -> Option<Visit> {
    SEAT.with(|seat| seat.row.get()).map(Visit::on)
}

/// The calling thread's row, claimed now if it has none. `None` inside its own claim.
pub(crate) fn visit() -> Option<Stay> {
    match seated() {
        Some(visit) => Some(Stay { visit, temporary: false }),
        None => SEAT.with(Seat::claim),
    }
}

/// At the very end of the thread, when no publish is under way on it: gives back a row that was claimed after Rust's
/// thread-locals had ended.
#[cfg(all(unix, not(ringbus_loom)))]
pub(super) fn leave() {
    SEAT.with(|seat| {
        seat.ended.set(true);
        // Where the system runs these destructors before Rust's, those find nothing to give back.
        let _ = LEAVE.try_with(|leave| leave.0.take());
        if let Some(row) = seat.row.take() {
            row.release();
        }
    });
}

/// In a forked child, on the thread that forked: its row is of this process now, and so are the marks in it.
#[cfg(not(ringbus_loom))]
pub(super) fn follow_fork() {
    SEAT.with(|seat| {
        if let Some(row) = seat.row.get() {
            row.settle();
        }
    });
}

impl Seat {
    #[inline]
    fn depth_of(&self, row: Option<&Row>) -> usize {
        self.deeper.get() + row.map_or(0, Row::depth)
    }

    #[cold]
    fn claim(&self) -> Option<Stay> {
        if self.claiming.replace(true) {
            return None;
        }
        #[cfg(not(ringbus_loom))]
        let thread = super::this_thread();
        let (row, kept) = busy::during(|| {
            let row = ROWS.claim();
            let kept = !self.ended.get() && LEAVE.try_with(|leave| leave.0.set(Some(row))).is_ok();
            // Also for what else a publish leaves on a thread that has ended, see `leave`.
            #[cfg(all(unix, not(ringbus_loom)))]
            if kept || self.ended.get() {
                super::thread_end::watch(kept);
            }
            #[cfg(not(ringbus_loom))]
            asymmetric::settle();
            // The first use of a snapshot on a thread allocates too: better here than in its first publish.
            #[cfg(not(ringbus_loom))]
            drop(row.owner.swap(std::sync::Arc::new(thread.filter(|_| kept))));
            (row, kept)
        });
        self.row.set(Some(row));
        self.claiming.set(false);
        Some(Stay { visit: Visit::on(row), temporary: !kept })
    }
}

/// How many dispatches are under way on this thread, over all buses.
#[inline]
pub(crate) fn depth() -> usize {
    SEAT.with(|seat| seat.depth_of(seat.row.get()))
}

/// Runs `call` one level deeper.
pub(crate) fn deeper<R>(call: impl FnOnce() -> R) -> R {
    struct Rise;
    impl Drop for Rise {
        fn drop(&mut self) {
            SEAT.with(|seat| seat.deeper.set(seat.deeper.get() - 1));
        }
    }
    if let Some(visit) = seated() {
        return visit.deeper(call);
    }
    SEAT.with(|seat| seat.deeper.set(seat.deeper.get() + 1));
    let _rise = Rise;
    call()
}

/// Numbers for events made while the thread claims its row.
pub(crate) fn count_without_row() -> u64 {
    static COUNT: Tally = Tally::new();
    COUNT.bump()
}
