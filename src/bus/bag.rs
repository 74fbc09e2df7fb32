//! A bag of guards: many handlers that come and go together.
//!
//! It promises that closing it unsubscribes all of them before it waits for any, and tries every one whatever the
//! others answer. It refuses nothing: guards of several buses may be in one bag.

use core::fmt;
use core::slice;
use std::time::{Duration, Instant};
use std::vec;

use super::{CloseError, Subscription};
use crate::dispatch::EndedBy;

/// The guards of many handlers, which are unsubscribed together.
///
/// Dropping it drops every guard in it, and that unsubscribes them in the order in which they came.
///
/// ```
/// use ringbus::{Bus, Subscriptions};
///
/// let bus = Bus::new();
/// let mut guards = Subscriptions::new();
/// guards += bus.on("db.**")?.subscribe(|event| println!("{event}"));
/// guards.extend(["net.**", "disk.**"].map(|pattern| bus.on(pattern).unwrap().subscribe(|_| {})));
/// assert_eq!((guards.len(), bus.subscriptions().len()), (3, 3));
///
/// guards.close()?; // no call of any of them runs, or will ever run
/// assert!(bus.subscriptions().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use = "dropping the bag unsubscribes all handlers in it at once; keep it"]
pub struct Subscriptions {
    guards: Vec<Subscription>,
}

// === impl Subscriptions ===

impl Subscriptions {
    /// An empty bag.
    ///
    /// ```
    /// assert!(ringbus::Subscriptions::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { guards: Vec::new() }
    }

    /// Puts a guard in; `+=` does the same.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let mut guards = ringbus::Subscriptions::new();
    /// guards.push(bus.subscribe(|_| {}));
    /// guards += bus.subscribe(|_| {});
    /// assert_eq!(guards.len(), 2);
    /// ```
    pub fn push(&mut self, guard: Subscription) {
        self.guards.push(guard);
    }

    /// How many guards are in it, those of closed handlers included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
    }

    /// The guards, in the order in which they came.
    pub fn iter(&self) -> slice::Iter<'_, Subscription> {
        self.guards.iter()
    }

    /// Drops all guards, and so unsubscribes their handlers; calls that run on other threads go on.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let mut guards: ringbus::Subscriptions = (0..3).map(|_| bus.subscribe(|_| {})).collect();
    /// guards.clear();
    /// assert!(guards.is_empty() && bus.subscriptions().is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.guards.clear();
    }

    /// Unsubscribes all handlers, then waits until no call of any of them runs and their closures have been dropped.
    ///
    /// The guards stay in the bag; closing it again waits for what an error has left over.
    ///
    /// # Errors
    /// All are tried; the first error is returned. [`CloseError::InsideHandler`] at once when called inside any
    /// handler: all are unsubscribed then, none is waited for. [`CloseError::OnExecutor`] for an async handler, as for
    /// [`Subscription::close`].
    ///
    /// # Cost
    /// [`Subscription::close`] for each.
    pub fn close(&self) -> Result<(), CloseError> {
        self.close_until(None)
    }

    /// Like [`close`](Self::close), for at most this long in all.
    ///
    /// ```
    /// use std::time::Duration;
    /// let bus = ringbus::Bus::new();
    /// let guards: ringbus::Subscriptions = (0..3).map(|_| bus.subscribe(|_| {})).collect();
    /// guards.close_timeout(Duration::from_secs(1))?;
    /// assert!(guards.iter().all(|guard| !guard.is_active()));
    /// # Ok::<(), ringbus::CloseError>(())
    /// ```
    ///
    /// # Errors
    /// [`CloseError::TimedOut`] names the threads that still run the first handler that was not left in time, and this
    /// limit. Handlers behind it are tried too: those that nobody runs are closed. Otherwise as for `close`.
    pub fn close_timeout(&self, limit: Duration) -> Result<(), CloseError> {
        self.close_until(Some(limit))
    }

    fn close_until(&self, limit: Option<Duration>) -> Result<(), CloseError> {
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        // All first: while we wait for one, no event must reach another.
        self.guards.iter().for_each(|guard| guard.end(EndedBy::Unsubscribing));
        let close = |guard: &Subscription| match deadline {
            Some(deadline) => guard.close_timeout(deadline.saturating_duration_since(Instant::now())),
            None => guard.close(),
        };
        let answers = self.guards.iter().map(close);
        // A fold, which comes to every guard; collecting into a result would stop at the first error.
        let first = answers.fold(Ok(()), Result::and);
        first.map_err(|error| match (error, limit) {
            // The guard knows only what was left of the limit.
            (CloseError::TimedOut { threads, .. }, Some(after)) => CloseError::TimedOut { after, threads },
            (error, _) => error,
        })
    }
}

impl core::ops::AddAssign<Subscription> for Subscriptions {
    fn add_assign(&mut self, guard: Subscription) {
        self.push(guard);
    }
}

impl Extend<Subscription> for Subscriptions {
    fn extend<I: IntoIterator<Item = Subscription>>(&mut self, guards: I) {
        self.guards.extend(guards);
    }
}

impl FromIterator<Subscription> for Subscriptions {
    fn from_iter<I: IntoIterator<Item = Subscription>>(guards: I) -> Self {
        Self { guards: guards.into_iter().collect() }
    }
}

/// The guards leave the bag one by one; those that are not taken are dropped with the iterator.
impl IntoIterator for Subscriptions {
    type Item = Subscription;
    type IntoIter = vec::IntoIter<Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.guards.into_iter()
    }
}

impl<'a> IntoIterator for &'a Subscriptions {
    type Item = &'a Subscription;
    type IntoIter = slice::Iter<'a, Subscription>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.guards).finish()
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::bus::Bus;
    use crate::event::Event;
    use std::sync::mpsc;
    use std::sync::{Arc, Barrier};

    fn publish(bus: &Bus) -> u32 {
        bus.publish(Event::builder("bag.test").build().unwrap()).delivered
    }

    #[test]
    fn dropping_the_bag_unsubscribes_all_and_taking_a_guard_out_saves_it() {
        let bus = Bus::new();
        let mut bag = Subscriptions::default();
        bag += bus.subscribe(|_| {});
        bag.push(bus.subscribe(|_| {}));
        bag.extend([bus.subscribe(|_| {}), bus.subscribe(|_| {})]);
        assert_eq!(publish(&bus), 4);
        assert!((&bag).into_iter().map(Subscription::id).is_sorted());
        let saved = bag.into_iter().nth(1);
        assert_eq!(publish(&bus), 1);
        let bag: Subscriptions = saved.into_iter().collect();
        assert!(format!("{bag:?}").starts_with("[Subscription { id:"), "{bag:?}");
        drop(bag);
        assert_eq!(publish(&bus), 0);
    }

    #[test]
    fn closing_inside_a_handler_unsubscribes_all_and_says_so() {
        let bus = Bus::new();
        let bag: Subscriptions = (0..3).map(|_| bus.subscribe(|_| {})).collect();
        let (sender, answers) = mpsc::channel();
        let _closer = bus.on("bag.test").unwrap().order(1).subscribe(move |_| sender.send(bag.close()).unwrap());
        assert_eq!(publish(&bus), 1);
        assert_eq!(answers.recv().unwrap(), Err(CloseError::InsideHandler));
        assert_eq!(bus.subscriptions().len(), 1);
    }

    #[test]
    fn a_handler_that_does_not_return_keeps_the_others_from_nothing() {
        let bus = Bus::new();
        let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (inside, go) = (Arc::clone(&entered), Arc::clone(&leave));
        let stuck = bus.on("bag.stuck").unwrap().subscribe(move |_| {
            inside.wait();
            go.wait();
        });
        // A closure that has been dropped lets go of its sender.
        let (sender, dropped) = mpsc::channel::<()>();
        let other = bus.on("bag.test").unwrap().subscribe(move |_| sender.send(()).unwrap());
        let bag: Subscriptions = [stuck, other].into_iter().collect();
        std::thread::scope(|scope| {
            let publisher = std::thread::Builder::new().name("publisher".into());
            let publishing = || bus.publish(Event::builder("bag.stuck").build().unwrap());
            publisher.spawn_scoped(scope, publishing).unwrap();
            entered.wait();
            let limit = Duration::from_millis(1);
            let error = bag.close_timeout(limit).unwrap_err();
            assert_eq!(error, CloseError::TimedOut { after: limit, threads: vec!["publisher".into()] });
            assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected), "the second was closed");
            assert_eq!(publish(&bus), 0);
            leave.wait();
            bag.close_timeout(Duration::MAX).unwrap();
        });
        assert_eq!(bag.close(), Ok(()), "again, with nothing left to do");
    }
}
