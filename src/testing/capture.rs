//! [`Capture`]: the events that a test has seen so far.
//!
//! It promises that every event selected is in it, in the order in which its publish came here, before the publish
//! returns; that nothing is dropped while its lock is held; and that it does not keep its bus alive. It is not bounded,
//! and each publish takes its lock: for tests.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::CaptureTimeout;
use crate::bus::{Bus, Subscription};
use crate::event::{Event, IntoSelector, Kind, PatternError};
use crate::sync::{Mutex, Signal, busy};

/// The events that matched a selector since [`Bus::capture`], in order of arrival.
///
/// Dropping it ends the capture. It does not keep the bus alive, and keeps its events when the bus is gone. It grows
/// without bound until it is [taken](Self::take), [cleared](Self::clear) or dropped: it is for tests.
///
/// ```
/// use ringbus::{Bus, publish_event};
///
/// let bus = Bus::new();
/// let errors = bus.capture("**.error")?;
/// publish_event!(bus: &bus, "db.open");
/// publish_event!(bus: &bus, "db.error", code = 7);
/// assert_eq!(errors.kinds(), ["db.error"]);
/// assert_eq!(errors.take()[0].get("code").and_then(|code| code.as_i64()), Some(7));
/// assert!(errors.is_empty());
/// # Ok::<(), ringbus::PatternError>(())
/// ```
#[must_use = "a capture ends when it is dropped"]
pub struct Capture {
    shared: Arc<Shared>,
    guard: Subscription,
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<Event>>,
    arrived: Signal,
}

// Nothing is half changed when user code panics: none runs in here.
impl UnwindSafe for Capture {}
impl RefUnwindSafe for Capture {}

impl Bus {
    /// Keeps every event from now on that the selector selects, for a test to look at.
    ///
    /// It is called before all other handlers, so an event that a handler publishes in answer comes after the one that
    /// it answers.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let all = bus.capture("**")?;
    /// ringbus::publish_event!(bus: &bus, "app.start");
    /// assert_eq!(all.len(), 1);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] names the segment that is wrong, and what is allowed.
    ///
    /// # Cost
    /// A lock and a place in a list for each event. For tests.
    #[track_caller]
    pub fn capture(&self, selector: impl IntoSelector) -> Result<Capture, PatternError> {
        let shared = Arc::new(Shared::default());
        let collector = Arc::clone(&shared);
        let request = self.on(selector)?.named("capture").order(i32::MAX);
        Ok(Capture { shared, guard: request.subscribe(move |event| collector.add(event.clone())) })
    }
}

// === impl Capture ===

impl Capture {
    /// The events so far, the first one first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.shared.with(|events| events.clone())
    }

    /// Takes the events out: the next look begins with the next event.
    #[must_use = "the events are gone from the capture; to forget them, use `clear`"]
    pub fn take(&self) -> Vec<Event> {
        self.shared.with(mem::take)
    }

    /// Forgets the events so far.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let all = bus.capture("**")?;
    /// ringbus::publish_event!(bus: &bus, "app.start");
    /// all.clear();
    /// assert!(all.is_empty());
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn clear(&self) {
        drop(self.take());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.with(|events| events.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their kinds, in the same order.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.events().iter().map(|event| event.kind().clone()).collect()
    }

    /// Waits until there are at least `count` events, and returns all of them; they stay in the capture.
    ///
    /// Sleeps meanwhile, and is woken by the event that completes the number. Not to be called inside a handler, which
    /// might wait for its own publisher.
    ///
    /// ```
    /// use ringbus::{Bus, publish_event};
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// let jobs = bus.capture("job.*")?;
    /// let publisher = bus.clone();
    /// let thread = std::thread::spawn(move || publish_event!(bus: &publisher, "job.done", n = 1));
    /// let events = jobs.wait_for(1, Duration::from_secs(60))?;
    /// assert_eq!(events[0].kind(), "job.done");
    /// # thread.join().unwrap();
    ///
    /// let error = jobs.wait_for(2, Duration::ZERO).unwrap_err();
    /// assert_eq!(error.to_string(), "2 events were expected within 0ns, 1 came: job.done");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CaptureTimeout`] after `timeout` says how many came, and of which kinds.
    pub fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<Event>, CaptureTimeout> {
        // A limit beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        let (events, enough) = self.shared.wait_for(count, deadline);
        if enough {
            return Ok(events);
        }
        Err(CaptureTimeout::new(count, timeout, events.iter().map(|event| event.kind().clone()).collect()))
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("selector", &self.guard.info().selector)
            .field("kinds", &self.kinds())
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn add(&self, event: Event) {
        self.with(|events| events.push(event));
        self.arrived.raise();
    }

    /// Looks at the events under the lock. A publishing allocator must not come back here meanwhile: what it publishes
    /// is refused, and counted by its bus.
    fn with<R>(&self, look: impl FnOnce(&mut Vec<Event>) -> R) -> R {
        busy::during(|| look(&mut self.events.lock()))
    }

    /// The events once there are `count`, or at the deadline; and whether there are as many.
    fn wait_for(&self, count: usize, deadline: Option<Instant>) -> (Vec<Event>, bool) {
        busy::during(|| {
            let mut events = self.events.lock();
            let mut timed_out = false;
            while events.len() < count && !timed_out {
                (events, timed_out) = self.arrived.wait(events, deadline);
            }
            (events.clone(), events.len() >= count)
        })
    }
}
