//! The subscriptions of one bus: the table that publishers load, and beside it, under a lock that only subscribers
//! take, the list that it is made from.
//!
//! Every change makes a new table under the lock and swaps it in; the old one is dropped outside, since with it may go
//! the last holder of a closure. Publishers never wait for the lock: one that meets a kind new to the table tries it,
//! and teaches the table if it is free. One that has used up a subscription's calls leaves word of it; whoever has the
//! lock then, or takes it next, takes such subscriptions out.
//!
//! # Orderings
//! - A subscription is in the table before `add` returns, and out of it before `remove` returns; by the swap of the
//!   table and its reading, publishes that happen after see that (P5, P6).
//! - `left` against the lock: who leaves word fences and tries the lock; who unlocks fences and looks for word. One of
//!   the two finds the other (Dekker), so no spent subscription stays, and no table whose last reader has said so.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use super::ended::{Ended, EndedBy, Graveyard};
use super::info::SubscriptionId;
use super::subscriber::{Draft, Subscriber};
use super::table::Table;
use crate::contain;
use crate::event::Kind;
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::rows::Level;
use crate::sync::versioned::{Old, Reading, Versioned, Versions};
use crate::sync::{QuietGuard, QuietMutex, busy, step};

/// All subscriptions of a bus.
pub(crate) struct Registry<C> {
    table: Versioned<Table>,
    list: QuietMutex<List>,
    /// What publishers have left to be done under the lock: [`SPENT`], [`UNREAD`].
    left: AtomicU64,
    /// Told the number of subscriptions after each change, under the lock: so the calls keep their order; and whether it
    /// may wait for other threads, which publishers must not (P1). It must run no user code.
    changed: C,
}

struct List {
    tables: Versions<Table>,
    /// Does not come to its end: 584 000 years at a subscription a microsecond.
    last_id: u64,
    subscribers: BTreeMap<SubscriptionId, Arc<Subscriber>>,
    /// Handlers subscribed as objects, by address; their subscriptions keep them alive, so an address is theirs alone.
    objects: HashMap<usize, SubscriptionId>,
    ended: Graveyard,
    /// Those that have been removed: calls of them may run, events may wait for them, or nothing of them is left.
    leaving: Vec<Weak<Subscriber>>,
    /// When there are so many, those of whom nothing is left go.
    most_leaving: usize,
    /// The bus has been shut down.
    is_shut: bool,
}

/// So many subscriptions of whom nothing is left may be on the list of those that leave.
const LEAVING: usize = 16;

/// Some subscription has no call left, and may still be in the table.
const SPENT: u64 = 1;
/// Somebody was reading a table that has been replaced, and no longer is.
const UNREAD: u64 = 2;

/// What a change leaves to be dropped outside the lock.
type Rubble = (Vec<Arc<Subscriber>>, Vec<Old<Table>>);

// === impl Registry ===

impl<C: Fn(usize, bool)> Registry<C> {
    pub(crate) fn new(changed: C) -> Self {
        let (table, tables) = Versioned::new(Table::new());
        Self { table, list: QuietMutex::new(List::new(tables)), left: AtomicU64::new(0), changed }
    }

    /// Announces that the calling thread is going to read the table, at a depth where it reads none yet.
    #[inline]
    pub(crate) fn announce(&self, level: &'static Level) -> Option<Reading<'_, Table>> {
        self.table.announce(level)
    }

    /// Ends a reading, and has what it was the last to read freed.
    #[inline]
    pub(crate) fn end(&self, reading: Reading<'_, Table>) {
        if reading.end() {
            self.leave_word(UNREAD);
        }
    }

    /// Adds a subscriber; one that comes after [`shut`](Self::shut) has ended at once.
    pub(crate) fn add(&self, draft: Draft) -> Arc<Subscriber> {
        let (added, is_shut) = self.locked(|list| {
            let added = list.add(draft);
            let rubble = self.enter(list, &added);
            ((added, list.is_shut), rubble)
        });
        if is_shut {
            added.end_at_once();
        }
        added
    }

    /// From now on publishers find no subscriber that they do not find already.
    pub(crate) fn shut(&self) {
        self.locked(|list| (list.is_shut = true, Rubble::default()));
    }

    /// Adds the handler object at an address, unless it is subscribed already: then its id.
    pub(crate) fn add_object(&self, object: usize, draft: Draft) -> Result<SubscriptionId, SubscriptionId> {
        // Moved in only when it is added: a draft that is not holds the handler's closure, dropped outside the lock.
        let mut draft = Some(draft);
        let added = self.locked(|list| {
            if let Some(id) = list.objects.get(&object) {
                return (Err(*id), Rubble::default());
            }
            let Some(draft) = draft.take() else { unreachable!("a draft is added once") };
            let added = list.add(draft);
            list.objects.insert(object, added.id);
            let rubble = self.enter(list, &added);
            (Ok((added, list.is_shut)), rubble)
        });
        contain::drop_contained(draft);
        let (added, is_shut) = added?;
        if is_shut {
            added.end_at_once();
        }
        Ok(added.id)
    }

    /// The subscription of a handler object.
    pub(crate) fn id_of_object(&self, object: usize) -> Option<SubscriptionId> {
        self.locked(|list| (list.objects.get(&object).copied(), Rubble::default()))
    }

    /// Removes a subscriber: no event published later reaches it, nor one whose dispatch has not come to it yet.
    /// `None` where it is gone already.
    pub(crate) fn remove(&self, id: SubscriptionId, by: EndedBy) -> Option<Arc<Subscriber>> {
        let removed = self.locked(|list| {
            let removed = list.remove(id, by);
            let rubble = removed.as_ref().map(|removed| {
                removed.handler.remove();
                step("registry.swap");
                let table = list.tables.newest().without(removed);
                self.swap(list, table, true)
            });
            (removed, rubble.unwrap_or_default())
        });
        removed.as_deref().inspect(|removed| removed.let_go());
        removed
    }

    /// Teaches the table the route of a kind that it has not met, if no subscriber is at work.
    #[cold]
    pub(crate) fn learn(&self, kind: &Kind) {
        step("registry.learn");
        if let Some(list) = busy::during(|| self.list.try_lock()) {
            self.change(list, |list| {
                let table = list.tables.newest().learn(kind);
                ((), (Vec::new(), list.tables.replace(&self.table, table)))
            });
        }
    }

    /// A subscriber has no call left and has been removed from its handler: takes it out of the table, or leaves that to
    /// whoever is changing the table right now.
    #[cold]
    pub(crate) fn tidy(&self) {
        self.leave_word(SPENT);
    }

    #[cold]
    fn leave_word(&self, word: u64) {
        // Release: the removal from the handler, or the end of the reading, for whoever takes back the word. An exchange,
        // so that a word left by another thread, and not taken back yet, comes with this one; a store would hide it.
        self.left.fetch_or(word, Ordering::AcqRel);
        // Pairs with the fence in `change`.
        fence(Ordering::SeqCst);
        step("registry.tidy");
        if let Some(list) = busy::during(|| self.list.try_lock()) {
            self.change(list, |_| ((), Rubble::default()));
        }
    }

    /// All subscribers, in the order of subscription.
    pub(crate) fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        self.locked(|list| (list.subscribers.values().cloned().collect(), Rubble::default()))
    }

    /// The same, and those that have been removed and still live: the guard, a call or a queue holds them.
    pub(crate) fn all_living(&self) -> (Vec<Arc<Subscriber>>, Vec<Arc<Subscriber>>) {
        self.locked(|list| {
            let subscribers = list.subscribers.values().cloned().collect();
            ((subscribers, list.leaving.iter().filter_map(Weak::upgrade).collect()), Rubble::default())
        })
    }

    /// The subscriber with this id.
    pub(crate) fn subscriber(&self, id: SubscriptionId) -> Option<Arc<Subscriber>> {
        self.locked(|list| (list.subscribers.get(&id).cloned(), Rubble::default()))
    }

    /// The last subscriptions that have ended, oldest first.
    pub(crate) fn ended(&self) -> Vec<Ended> {
        self.locked(|list| (list.ended.list(), Rubble::default()))
    }

    fn locked<R>(&self, change: impl FnOnce(&mut List) -> (R, Rubble)) -> R {
        let list = busy::during(|| self.list.lock());
        self.change(list, change)
    }

    /// Changes the list, then looks whether there is something to tidy up.
    fn change<R>(&self, mut list: QuietGuard<'_, List>, change: impl FnOnce(&mut List) -> (R, Rubble)) -> R {
        let (result, rubble) = busy::during(|| change(&mut list));
        busy::during(|| drop(list));
        drop(rubble);
        loop {
            // Pairs with the fence in `leave_word`.
            fence(Ordering::SeqCst);
            if self.left.load(Ordering::Relaxed) == 0 {
                return result;
            }
            // Whoever has the lock looks when it is done.
            let Some(mut list) = busy::during(|| self.list.try_lock()) else { return result };
            let (removed, unread) = busy::during(|| {
                // Acquire: what was done before each word that was left.
                let left = self.left.swap(0, Ordering::AcqRel);
                let (removed, mut unread) =
                    if left & SPENT == 0 { Rubble::default() } else { self.take_out_spent(&mut list) };
                unread.extend(list.tables.unread());
                drop(list);
                (removed, unread)
            });
            removed.iter().for_each(|one| one.let_go());
            drop((removed, unread));
        }
    }

    fn take_out_spent(&self, list: &mut List) -> Rubble {
        // One whose last call is still running goes when that has ended.
        let spent: Vec<_> = list.subscribers.values().filter(|one| !one.handler.is_live()).map(|one| one.id).collect();
        let removed: Vec<_> = spent.into_iter().filter_map(|id| list.remove(id, EndedBy::Limit)).collect();
        let Some((first, others)) = removed.split_first() else { return Rubble::default() };
        let table = others.iter().fold(list.tables.newest().without(first), |table, one| table.without(one));
        // It may be a publisher that is here.
        let (_, old) = self.swap(list, table, false);
        (removed, old)
    }

    /// Has publishers find a subscriber that is on the list; but none that comes too late.
    fn enter(&self, list: &mut List, added: &Arc<Subscriber>) -> Rubble {
        if list.is_shut {
            added.handler.remove();
            drop(list.remove(added.id, EndedBy::Shutdown));
            return Rubble::default();
        }
        let table = list.tables.newest().with(added);
        self.swap(list, table, true)
    }

    fn swap(&self, list: &mut List, table: Table, waits: bool) -> Rubble {
        let old = list.tables.replace(&self.table, table);
        (self.changed)(list.subscribers.len(), waits);
        (Vec::new(), old)
    }
}

#[cfg(all(test, not(ringbus_loom)))]
impl<C: Fn(usize, bool)> Registry<C> {
    /// How many of those that have ended it remembers.
    pub(super) fn leaving(&self) -> usize {
        self.locked(|list| (list.leaving.len(), Rubble::default()))
    }
}

impl List {
    fn new(tables: Versions<Table>) -> Self {
        Self {
            tables,
            last_id: 0,
            subscribers: BTreeMap::new(),
            objects: HashMap::new(),
            ended: Graveyard::default(),
            leaving: Vec::new(),
            most_leaving: LEAVING,
            is_shut: false,
        }
    }

    fn add(&mut self, draft: Draft) -> Arc<Subscriber> {
        self.last_id += 1;
        let added = Arc::new(Subscriber::new(SubscriptionId(self.last_id), draft));
        if let Some(backlog) = &added.backlog {
            backlog.bind(Arc::clone(&added));
        }
        self.subscribers.insert(added.id, Arc::clone(&added));
        added
    }

    fn remove(&mut self, id: SubscriptionId, by: EndedBy) -> Option<Arc<Subscriber>> {
        let removed = self.subscribers.remove(&id)?;
        self.objects.retain(|_, object| *object != id);
        self.ended.bury(&removed, by);
        if self.leaving.len() >= self.most_leaving {
            self.leaving.retain(|one| one.strong_count() > 0);
            self.most_leaving = LEAVING.max(self.leaving.len() * 2);
        }
        self.leaving.push(Arc::downgrade(&removed));
        Some(removed)
    }
}
