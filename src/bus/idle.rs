//! Waiting until all queues of a bus are idle, on a thread; futures do the same with a [`Wait`].
//!
//! It promises an answer when the limit has passed, also where there is always something to do. It refuses to wait for
//! handlers that need the waiting thread.

use core::fmt;
use core::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Bus;
use crate::dispatch::backlog::Backlog;
use crate::dispatch::{StillRunning, Subscriber};

/// Handlers with a queue have not come to their end in time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillBusy {
    /// How long it was waited.
    pub after: Duration,
    /// Who has something to do, or was given something while all were looked at.
    pub handlers: Vec<StillRunning>,
    /// It was not waited to the end of the limit: one of them runs on an executor that needs the calling thread.
    pub on_executor: bool,
}

/// A wait that has begun.
pub(crate) struct Wait {
    began: Instant,
    limit: Duration,
    /// A limit beyond what the clock can tell is none.
    pub(crate) deadline: Option<Instant>,
    /// Whether those are waited for that need the calling thread.
    waits_for_tasks: bool,
}

/// What is to be done next.
pub(crate) enum Step {
    /// All are idle.
    Done,
    /// Wait until this one is, and look again.
    Watch(Arc<dyn Backlog>),
    /// Look again.
    Again,
}

/// A queue, as it was looked at.
pub(crate) struct Seen {
    who: StillRunning,
    backlog: Arc<dyn Backlog>,
    busy: bool,
    offered: u64,
}

// === impl Bus ===

impl Bus {
    /// Waits until no event waits in a queue of this bus, and no handler with a queue is at work, those included whose
    /// subscription has ended. What waits for a receiver or a stream somebody else has to take out meanwhile. In async code
    /// there is `wait_idle_async` (feature `async`).
    ///
    /// ```
    /// use std::time::Duration;
    /// let bus = ringbus::Bus::new();
    /// let jobs = bus.on("job.*")?.in_pool(2).subscribe(|job| drop(job.id()))?;
    /// (0..100).for_each(|_| drop(ringbus::publish_event!(bus: &bus, "job.todo")));
    /// bus.wait_idle(Duration::from_secs(10))?;
    /// assert_eq!(jobs.info().delivered, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StillBusy`] names those that have something to do at the end of the limit: inside a handler with a queue also
    /// itself. At once where one of them is an async handler that may need the calling thread: on a thread of its executor
    /// waiting could be waiting for oneself ([`StillBusy::on_executor`]).
    ///
    /// # Ordering
    /// It sees what happened before it was called, and what the handlers did with that. While others publish it may find no
    /// moment in which all are idle.
    ///
    /// # Cost
    /// A look at every queue, and a thread that sleeps while one has something to do. Where they are given more and more, and
    /// are as fast as that, it looks again and again until the limit.
    pub fn wait_idle(&self, limit: Duration) -> Result<(), StillBusy> {
        let wait = Wait::new(limit, false);
        loop {
            match wait.step(|| self.looked_at())? {
                Step::Done => return Ok(()),
                Step::Watch(backlog) => {
                    backlog.watch().wait_until(wait.deadline, || backlog.is_idle());
                }
                Step::Again => std::thread::yield_now(),
            }
        }
    }

    /// All queues, and what is to be known of them.
    pub(crate) fn looked_at(&self) -> Vec<Seen> {
        let (subscribers, leaving) = self.inner.registry.all_living();
        subscribers.iter().chain(&leaving).filter_map(Seen::of).collect()
    }
}

// === impl Wait ===

impl Wait {
    pub(crate) fn new(limit: Duration, waits_for_tasks: bool) -> Self {
        let began = Instant::now();
        Self { began, limit, deadline: began.checked_add(limit), waits_for_tasks }
    }

    /// Looks, and says what is to be done. There is a last look when the limit has passed.
    pub(crate) fn step(&self, look: impl Fn() -> Vec<Seen>) -> Result<Step, StillBusy> {
        let is_over = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let mut seen = look();
        if !seen.iter().any(|one| one.busy) {
            // A handler may have published to another one, which was idle when it was looked at, and become idle itself.
            // If nothing has come to any of them between two looks at all, all were idle between the two.
            let before = mem::replace(&mut seen, look());
            seen.iter_mut().for_each(|one| one.busy |= before.iter().all(|other| !other.is_unchanged(one)));
            if !seen.iter().any(|one| one.busy) {
                return Ok(Step::Done);
            }
        }
        seen.retain(|one| one.busy);
        let on_executor = !self.waits_for_tasks && seen.iter().any(|one| one.backlog.needs_this_thread());
        if is_over || on_executor {
            let after = if is_over { self.limit } else { self.began.elapsed() };
            let on_executor = on_executor && !is_over;
            return Err(StillBusy { after, handlers: seen.into_iter().map(|one| one.who).collect(), on_executor });
        }
        let busy = seen.into_iter().find(|one| !one.backlog.is_idle());
        Ok(busy.map_or(Step::Again, |one| Step::Watch(one.backlog)))
    }
}

// === impl Seen ===

impl Seen {
    fn of(subscriber: &Arc<Subscriber>) -> Option<Self> {
        let backlog = Arc::clone(subscriber.backlog.as_ref()?);
        // In this order: where the next look finds as many offered, it was idle from this look at it until that one.
        let offered = backlog.info().offered;
        let busy = !backlog.is_idle();
        Some(Self { who: StillRunning::of(subscriber), backlog, busy, offered })
    }

    /// Whether `later` shows the same queue, and nothing has come to it in between.
    fn is_unchanged(&self, later: &Self) -> bool {
        self.who.subscription == later.who.subscription && self.offered == later.offered
    }
}

impl fmt::Display for StillBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?} still at work:", self.after)?;
        self.handlers.iter().enumerate().try_for_each(|(at, one)| {
            f.write_str(if at == 0 { " " } else { ", " })?;
            one.fmt(f)
        })?;
        if self.on_executor {
            f.write_str("; on a thread of their executor they are not waited for: await `wait_idle_async`")?;
        }
        Ok(())
    }
}

impl std::error::Error for StillBusy {}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::dispatch::QueueInfo;
    use crate::dispatch::watch::Watch;
    use crate::event::Event;
    use std::cell::RefCell;
    use std::panic::Location;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn who_is_idle_at_each_look_and_is_given_more_in_between_is_waited_for_until_the_limit() {
        let bus = Bus::new();
        let jobs = RefCell::new(bus.on("job").unwrap().receiver().unwrap());
        let given_more = || {
            bus.publish(Event::builder("job").build().unwrap());
            jobs.borrow_mut().try_recv().unwrap();
            bus.looked_at()
        };
        let wait = Wait::new(Duration::from_secs(3600), false);
        assert!(matches!(wait.step(given_more), Ok(Step::Again)));
        assert!(matches!(wait.step(|| bus.looked_at()), Ok(Step::Done)));
        let wait = Wait::new(Duration::ZERO, false);
        let busy = wait.step(given_more).err().unwrap();
        assert_eq!(busy.handlers[0].subscription, jobs.borrow().subscription().id());
        assert!(matches!(wait.step(|| bus.looked_at()), Ok(Step::Done)), "there is a last look");
    }

    #[test]
    fn who_is_busy_is_named_one_after_the_other() {
        let bus = Bus::new();
        let guards = ["a", "b"].map(|name| bus.on("job").unwrap().named(name).receiver().unwrap());
        let handlers = bus.looked_at().into_iter().map(|one| one.who).collect();
        let busy = StillBusy { after: Duration::from_secs(2), handlers, on_executor: false };
        let text = busy.to_string();
        assert!(text.starts_with("after 2s still at work: handler a (subscribed at "), "{text}");
        assert!(text.contains("), handler b (subscribed at "), "{text}");
        drop(guards);
    }

    /// A queue that is given an event just after it was idle.
    #[derive(Default)]
    struct Late {
        offered: AtomicU64,
        watch: Watch,
    }

    impl Backlog for Late {
        fn bind(&self, _: Arc<Subscriber>) {}
        fn offer(&self, _: &Event) -> bool {
            true
        }
        fn finish(&self) {}
        fn stop(&self) {}
        fn is_idle(&self) -> bool {
            let _ = self.offered.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
            true
        }
        fn is_over(&self) -> bool {
            true
        }
        fn watch(&self) -> &Watch {
            &self.watch
        }
        fn has_workers(&self) -> bool {
            true
        }
        fn needs_this_thread(&self) -> bool {
            false
        }
        fn running(&self) -> Vec<String> {
            Vec::new()
        }
        fn is_at_work_here(&self) -> bool {
            false
        }
        fn info(&self) -> QueueInfo {
            QueueInfo { offered: self.offered.load(Ordering::Relaxed), ..QueueInfo::default() }
        }
    }

    #[test]
    fn what_comes_just_after_a_queue_was_idle_is_seen_by_the_second_look() {
        let bus = Bus::new();
        let _guard = bus.on("job").unwrap().add_queue(Arc::new(Late::default()), false, Location::caller());
        let wait = Wait::new(Duration::from_secs(3600), false);
        assert!(matches!(wait.step(|| bus.looked_at()), Ok(Step::Again)));
        assert!(matches!(wait.step(|| bus.looked_at()), Ok(Step::Done)));
    }

    #[cfg(feature = "async")]
    #[test]
    fn between_two_looks_other_tasks_have_their_turn() {
        use std::future::Future;
        use std::task::{Context, Wake, Waker};

        #[derive(Default)]
        struct Woken(AtomicU64);

        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }

        let bus = Bus::new();
        let _guard = bus.on("job").unwrap().add_queue(Arc::new(Late::default()), false, Location::caller());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut waits = core::pin::pin!(bus.wait_idle_async(Duration::from_secs(3600)));
        let mut poll = || waits.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll().is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(poll().is_ready());
    }
}
