//! The table: one immutable picture of who gets what, replaced whole when a subscription comes or goes.
//!
//! Most publishes come from call sites, whose kinds have small ids: for them the route is one index away. A kind that a
//! table has not met (dynamic, or published for the first time) is looked up by name; one that nobody named exactly is
//! matched against the subscriptions with wildcards, without changing the table, so a million distinct kinds leave no
//! trace (P9). Subscriptions that take every kind are in a list of their own: adding one touches no route.
//!
//! # Cost
//! Publishing: an index, or a hash lookup, or one pattern match for each wildcard subscription. Subscribing copies the
//! list of ids (32 bytes and a count raised for each kind published so far), one route, and a path of the name map (rpds' hash array mapped
//! trie, Bagwell 2001); with wildcards, also the routes that they match.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use super::route::{self, Order, Route, Walk};
use super::subscriber::Subscriber;
use crate::event::{Kind, KindId};

/// Who gets what, at one moment.
pub(crate) struct Table {
    /// By kind id, for kinds that have been published or subscribed to.
    by_id: Vec<Option<Route>>,
    /// By name, for kinds that a subscription names exactly.
    by_name: HashTrieMapSync<Kind, Route>,
    /// Subscriptions with a wildcard that does not take all.
    wild: Order,
    /// Subscriptions that take every kind.
    all: Order,
}

/// Where a table leads an event.
pub(crate) struct Found<'a> {
    pub(crate) walk: Walk<'a>,
    /// The kind has an id, and the table should learn its route.
    pub(crate) learn: bool,
}

// === impl Table: publishing ===

impl Table {
    /// The subscribers of a kind that the table has met, where they are one list.
    #[inline]
    pub(crate) fn straight(&self, kind: &Kind) -> Option<&[Arc<Subscriber>]> {
        let route = self.met(kind)?;
        match (&*route.subscribers, &*self.all) {
            (route, []) => Some(route),
            ([], all) => Some(all),
            _ => None,
        }
    }

    #[inline]
    fn met(&self, kind: &Kind) -> Option<&Route> {
        if cfg!(ringbus_loom) {
            // In models no kind has an id: those that somebody names go the usual way.
            return self.by_name.get(kind);
        }
        self.by_id.get(kind.id()?.index())?.as_ref()
    }

    /// The subscribers of a kind.
    pub(crate) fn find<'a>(&'a self, kind: &'a Kind) -> Found<'a> {
        if let Some(Some(route)) = kind.id().and_then(|id| self.by_id.get(id.index())) {
            let walk = Walk { route: &route.subscribers, only: None, all: &self.all };
            return Found { walk, learn: false };
        }
        self.find_by_name(kind)
    }

    fn find_by_name<'a>(&'a self, kind: &'a Kind) -> Found<'a> {
        let (route, only) = match self.by_name.get(kind) {
            Some(route) => (&route.subscribers, None),
            None => (&self.wild, Some(kind.as_str())),
        };
        Found { walk: Walk { route, only, all: &self.all }, learn: kind.id().is_some() }
    }
}

// === impl Table: change ===

#[cfg(all(test, not(ringbus_loom)))]
impl Table {
    /// How many kinds it knows by name.
    pub(super) fn names(&self) -> usize {
        self.by_name.size()
    }
}

impl Table {
    pub(super) fn new() -> Self {
        let none: Order = Arc::new([]);
        Self { by_id: Vec::new(), by_name: HashTrieMapSync::new_sync(), wild: Arc::clone(&none), all: none }
    }

    /// This table with the route of `kind` at its id.
    pub(super) fn learn(&self, kind: &Kind) -> Self {
        let mut next = self.copy();
        next.set_by_id(self.route_of(kind));
        next
    }

    /// This table with one subscriber more.
    pub(super) fn with(&self, new: &Arc<Subscriber>) -> Self {
        let mut next = self.copy();
        if new.selector.is_all() {
            next.all = route::with(&self.all, new);
            return next;
        }
        // Routes are made from `wild`, so it comes first.
        if new.selector.has_wildcard() {
            next.wild = route::with(&self.wild, new);
            next.change_matching(new, route::with);
        }
        for kind in new.exact_kinds() {
            let mut route = next.route_of(&kind);
            route.subscribers = route::with(&route.subscribers, new);
            next.set_by_id(route.clone());
            next.by_name.insert_mut(kind, route);
        }
        next
    }

    /// This table without a subscriber.
    pub(super) fn without(&self, old: &Arc<Subscriber>) -> Self {
        let remove = |order: &Order, old: &Arc<Subscriber>| route::without(order, old);
        let mut next = self.copy();
        if old.selector.is_all() {
            next.all = remove(&self.all, old);
            return next;
        }
        if old.selector.has_wildcard() {
            next.wild = remove(&self.wild, old);
            next.change_matching(old, remove);
        }
        for kind in old.exact_kinds() {
            let mut route = next.route_of(&kind);
            route.subscribers = remove(&route.subscribers, old);
            next.set_by_id(route.clone());
            // A name stays as long as somebody names it; the rest is found through `wild`.
            if route.subscribers.iter().any(|one| one.selector.exact().any(|exact| exact == kind.as_str())) {
                next.by_name.insert_mut(kind, route);
            } else {
                next.by_name.remove_mut(&kind);
            }
        }
        next
    }

    fn copy(&self) -> Self {
        Self {
            by_id: self.by_id.clone(),
            by_name: self.by_name.clone(),
            wild: Arc::clone(&self.wild),
            all: Arc::clone(&self.all),
        }
    }

    /// The route of a kind as it is now, known or not.
    fn route_of(&self, kind: &Kind) -> Route {
        let known = kind.id().and_then(|id| self.by_id.get(id.index())?.as_ref()).or_else(|| self.by_name.get(kind));
        let subscribers = match known {
            Some(route) => Arc::clone(&route.subscribers),
            None => self.wild.iter().filter(|one| one.selector.matches(kind.as_str())).cloned().collect(),
        };
        // The kind as given: it may have got an id since the name was first subscribed to.
        Route { kind: kind.clone(), subscribers }
    }

    /// Puts a route at its kind's id, if it has one.
    fn set_by_id(&mut self, route: Route) {
        let Some(index) = route.kind.id().map(KindId::index) else { return };
        if index >= self.by_id.len() {
            self.by_id.resize(index + 1, None);
        }
        self.by_id[index] = Some(route);
    }

    /// Applies `change` to every route whose kind the subscriber's selector matches.
    fn change_matching(&mut self, one: &Arc<Subscriber>, change: impl Fn(&Order, &Arc<Subscriber>) -> Order) {
        for route in self.by_id.iter_mut().flatten() {
            if one.selector.matches(route.kind.as_str()) {
                route.subscribers = change(&route.subscribers, one);
            }
        }
        let matching: Vec<Route> =
            self.by_name.values().filter(|route| one.selector.matches(route.kind.as_str())).cloned().collect();
        for mut route in matching {
            route.subscribers = change(&route.subscribers, one);
            self.by_name.insert_mut(route.kind.clone(), route);
        }
    }
}
