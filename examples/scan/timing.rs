//! How long a publish takes, and how much of that is its handlers' work.
//!
//! One publish in [`STEP`] is timed by the wall clock, from the first argument to the return, and within it each call of
//! a handler. Reading the clock costs about as much as what is measured, so its own cost is measured too, and
//! subtracted. Where the system takes the processor away in the middle of a sample, that sample would stand for many
//! milliseconds of publishing: those beyond [`LIMIT`] are counted, and left out.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ringbus::Delivery;

use crate::subscribers::lock;

/// One publish in so many is timed. A prime, so as not to keep step with handlers that do something every so often.
pub(crate) const STEP: u32 = 61;

/// Longer samples are left out.
pub(crate) const LIMIT: Duration = Duration::from_millis(1);

/// Readings that the clock's own cost is the median of.
const READINGS: usize = 1001;

/// What the samples say.
pub(crate) struct Timing {
    /// How many publishes were timed, those left out included.
    pub(crate) timed: usize,
    /// How many of them took longer than [`LIMIT`].
    pub(crate) left_out: usize,
    /// A reading of the clock.
    pub(crate) reading: Duration,
    /// A publish without its handlers.
    pub(crate) bus: Cost,
    /// The handlers of an event.
    pub(crate) handlers: Cost,
}

/// What a publish, or a part of it, costs.
pub(crate) struct Cost {
    pub(crate) median: Duration,
    pub(crate) mean: Duration,
}

struct Sample {
    publish: Duration,
    handlers: Handlers,
}

/// The calls of handlers within a publish.
#[derive(Clone, Copy, Default)]
struct Handlers {
    time: Duration,
    calls: u32,
}

static SAMPLES: Mutex<Vec<Sample>> = Mutex::new(Vec::new());

thread_local! {
    static UNTIMED: Cell<u32> = const { Cell::new(0) };
    /// The handlers of the publish that is being timed.
    static TIMED: Cell<Option<Handlers>> = const { Cell::new(None) };
}

/// Publishes, and times one in [`STEP`].
pub(crate) fn timed_publish(publish: impl FnOnce() -> Delivery) {
    let untimed = UNTIMED.get() + 1;
    UNTIMED.set(untimed % STEP);
    if untimed < STEP {
        publish();
        return;
    }
    TIMED.set(Some(Handlers::default()));
    let begun = Instant::now();
    publish();
    let publish = begun.elapsed();
    let handlers = TIMED.take().unwrap_or_default();
    lock(&SAMPLES).push(Sample { publish, handlers });
}

/// Runs a handler's work, timed if the publish around it is; also if it panics.
pub(crate) fn timed_handler<R>(work: impl FnOnce() -> R) -> R {
    struct Stop(Instant);
    impl Drop for Stop {
        fn drop(&mut self) {
            let time = self.0.elapsed();
            TIMED.set(TIMED.get().map(|so_far| Handlers { time: so_far.time + time, calls: so_far.calls + 1 }));
        }
    }
    let _stop = TIMED.get().map(|_| Stop(Instant::now()));
    work()
}

/// What the samples of all threads say; `None` if there are none to go by.
pub(crate) fn measured() -> Option<Timing> {
    let samples = std::mem::take(&mut *lock(&SAMPLES));
    let timed = samples.len();
    let reading = reading();
    let (mut bus, mut handlers) = (Vec::new(), Vec::new());
    for Sample { publish, handlers: Handlers { time, calls } } in samples {
        if publish > LIMIT {
            continue;
        }
        // An interval holds one reading beside what it is about, and takes two.
        let own = time.saturating_sub(reading * calls);
        handlers.push(own);
        bus.push(publish.saturating_sub(own + reading * (2 * calls + 1)));
    }
    let left_out = timed - bus.len();
    Some(Timing { timed, left_out, reading, bus: Cost::of(bus)?, handlers: Cost::of(handlers)? })
}

/// What it takes to read the clock.
fn reading() -> Duration {
    median(&mut [(); READINGS].map(|()| Instant::now().elapsed()))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

// === impl Cost ===

impl Cost {
    /// `None` of nothing.
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        let mean = times.iter().sum::<Duration>().checked_div(u32::try_from(times.len()).ok()?)?;
        Some(Self { median: median(&mut times), mean })
    }
}
