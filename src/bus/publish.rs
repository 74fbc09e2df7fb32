//! Publishing: record, then dispatch. The one place that knows this order.
//!
//! # Orderings
//! None of its own: the history and the table bring theirs. The event is in the history before its first handler runs,
//! and readable when this returns (P2).

use super::{Bus, Delivery, Inner, Outcome};
use crate::callsite::Refused;
use crate::dispatch::deliver::deliver;
use crate::event::{Draft, Event};
use crate::sync::{busy, rows, scoped, step};

impl Bus {
    /// Publishes an event that was built before.
    ///
    /// Call sites use [`publish_event!`](crate::publish_event!), which builds nothing while the bus is off. An event
    /// may be published more than once and on several buses: all share the one instance, and it keeps its id and time.
    ///
    /// ```
    /// use ringbus::{Bus, Event};
    /// let (bus, copy) = (Bus::new(), Bus::new());
    /// let event = Event::builder("db.error").field("code", 7).build()?;
    /// bus.publish(event.clone());
    /// copy.publish(event.clone());
    /// assert!(Event::same_instance(&event, &copy.recent(1)[0]));
    /// # Ok::<(), ringbus::BuildError>(())
    /// ```
    ///
    /// # Ordering
    /// The history orders events by when they were published, not by their timestamps.
    pub fn publish(&self, event: Event) -> Delivery {
        if !self.inner.gate.is_open() {
            return Delivery::none(Outcome::Disabled);
        }
        // Call sites have asked before they made the event.
        if busy::is_busy() {
            return self.inner.refuse();
        }
        self.inner.publish(event)
    }

    /// Whether a publish can reach anybody; what call sites ask first.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.inner.gate.is_open()
    }

    /// The rest of a call site's publish, after [`is_open`](Self::is_open).
    #[doc(hidden)]
    #[inline]
    pub fn publish_draft(&self, draft: Draft) -> Delivery {
        self.inner.publish(draft.finish())
    }

    /// The rest of a call site's publish that made no event.
    #[doc(hidden)]
    #[cold]
    pub fn refuse(&self, refused: Refused) -> Delivery {
        match refused {
            Refused::InsideBus => self.inner.refuse(),
            Refused::InvalidKind(error) => {
                self.inner.counters.invalid_kinds.bump();
                Delivery { invalid_kind: Some(error), ..Delivery::none(Outcome::InvalidKind) }
            }
        }
    }
}

impl Inner {
    fn publish(&self, mut event: Event) -> Delivery {
        let Some(visit) = rows::visit() else {
            return self.refuse();
        };
        let thread = visit.row().number();

        let evicted = self.recorder.record(&mut event, thread);
        step("publish.recorded");
        // May run user code; nothing of ours is half done.
        drop(evicted);

        if std::thread::panicking() {
            self.counters.while_panicking.bump();
            return Delivery::of(event, Outcome::Panicking, 0, 0);
        }
        if rows::depth() >= self.depth_limit {
            self.counters.depth_stops.bump();
            return Delivery::of(event, Outcome::TooDeep, 0, 0);
        }

        let table = self.registry.table();
        let found = table.find(event.kind());
        if found.learn {
            self.registry.learn(event.kind());
        }
        if found.walk.is_empty() {
            return Delivery::of(event, Outcome::Published, 0, 0);
        }
        let tally = scoped::set(self, || deliver(found.walk, &event, &visit, &self.reporter));
        if tally.delivered > 0 {
            self.counters.delivered.add(thread, tally.delivered.into());
        }
        if tally.failed > 0 {
            self.counters.count_failures(tally.failed, tally.panicked);
        }
        drop(table);
        Delivery::of(event, Outcome::Published, tally.delivered, tally.failed)
    }

    /// A publish from inside the bus's own work on this thread.
    #[cold]
    fn refuse(&self) -> Delivery {
        self.counters.refused.bump();
        Delivery::none(Outcome::Refused)
    }
}
