//! The subscriptions of one bus: the table that publishers load, and beside it, under a lock that only subscribers
//! take, the list that it is made from.
//!
//! Every change makes a new table under the lock and swaps it in; the old one is dropped outside, since with it may go
//! the last holder of a closure. Publishers never wait for the lock: one that meets a kind new to the table tries it,
//! and teaches the table if it is free.
//!
//! # Orderings
//! A subscription is in the table before `add` returns, and out of it before `remove` returns; by the snapshot's swap
//! and load, publishes that happen after see that (P5, P6).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::subscriber::{Draft, Subscriber, SubscriptionId};
use super::table::Table;
use crate::event::Kind;
use crate::sync::snapshot::{Loaded, Snapshot};
use crate::sync::{Mutex, busy, step};

/// All subscriptions of a bus.
pub(crate) struct Registry {
    table: Snapshot<Table>,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    last_id: u64,
    subscribers: BTreeMap<SubscriptionId, Arc<Subscriber>>,
    /// Handlers subscribed as objects, by address; their subscriptions keep them alive, so an address is theirs alone.
    objects: HashMap<usize, SubscriptionId>,
}

// === impl Registry ===

impl Registry {
    pub(crate) fn new() -> Self {
        Self { table: Snapshot::new(Table::new()), list: Mutex::new(List::default()) }
    }

    /// The table, as it is now.
    #[inline]
    pub(crate) fn table(&self) -> Loaded<Table> {
        self.table.load()
    }

    /// Adds a subscriber. `changed` is told the new number of subscribers, under the lock: so such calls keep their
    /// order. It must run no user code.
    pub(crate) fn add(&self, draft: Draft, changed: impl FnOnce(usize)) -> Arc<Subscriber> {
        let (added, old) = busy::during(|| {
            let mut list = self.list.lock();
            let added = list.add(draft);
            let old = self.table.swap(self.table.load().with(&added));
            changed(list.subscribers.len());
            (added, old)
        });
        drop(old);
        added
    }

    /// Adds the handler object at an address, unless it is subscribed already: then its id.
    pub(crate) fn add_object(
        &self,
        object: usize,
        draft: Draft,
        changed: impl FnOnce(usize),
    ) -> Result<SubscriptionId, SubscriptionId> {
        // Moved in only when it is added: a draft that is not holds the handler's closure, dropped outside the lock.
        let mut draft = Some(draft);
        let (id, old) = busy::during(|| {
            let mut list = self.list.lock();
            if let Some(id) = list.objects.get(&object) {
                return (Err(*id), None);
            }
            let Some(draft) = draft.take() else { unreachable!("a draft is added once") };
            let added = list.add(draft);
            list.objects.insert(object, added.id);
            let old = self.table.swap(self.table.load().with(&added));
            changed(list.subscribers.len());
            (Ok(added.id), Some(old))
        });
        drop(old);
        id
    }

    /// The subscription of a handler object.
    pub(crate) fn id_of_object(&self, object: usize) -> Option<SubscriptionId> {
        busy::during(|| self.list.lock().objects.get(&object).copied())
    }

    /// Removes a subscriber: no event published later reaches it, nor one whose dispatch has not come to it yet.
    /// `None` where it is gone already.
    pub(crate) fn remove(&self, id: SubscriptionId, changed: impl FnOnce(usize)) -> Option<Arc<Subscriber>> {
        let (removed, old) = busy::during(|| {
            let mut list = self.list.lock();
            let removed = list.subscribers.remove(&id)?;
            list.objects.retain(|_, object| *object != id);
            removed.handler.remove();
            step("registry.swap");
            let old = self.table.swap(self.table.load().without(&removed));
            changed(list.subscribers.len());
            Some((removed, old))
        })?;
        drop(old);
        Some(removed)
    }

    /// Teaches the table the route of a kind that it has not met, if no subscriber is at work.
    #[cold]
    pub(crate) fn learn(&self, kind: &Kind) {
        step("registry.learn");
        let Some(list) = self.list.try_lock() else { return };
        let old = busy::during(|| self.table.swap(self.table.load().learn(kind)));
        drop(list);
        drop(old);
    }

    /// All subscribers, in the order of subscription.
    pub(crate) fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        busy::during(|| self.list.lock().subscribers.values().cloned().collect())
    }
}

impl List {
    fn add(&mut self, draft: Draft) -> Arc<Subscriber> {
        self.last_id += 1;
        let added = Arc::new(Subscriber::new(SubscriptionId(self.last_id), draft));
        self.subscribers.insert(added.id, Arc::clone(&added));
        added
    }
}
